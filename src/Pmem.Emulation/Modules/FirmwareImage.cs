using System.Buffers.Binary;
using System.Globalization;
using Pmem.Pools;

namespace Pmem.Emulation.Modules;

/// <summary>
/// Images of firmware that virtual modules take: a signature, a version, a checksum over everything, and any bytes. A version is four numbers of 16 bits, written with
/// dots and without zeros in front: <c>1.0</c> is 0x10000.
/// </summary>
public static class FirmwareImage
{
    /// <summary>Bytes of an image at most.</summary>
    public const int MaximumSize = 1 << 20;

    private const int MinimumSize = 24;
    private const int VersionPosition = 8;
    private const int ChecksumPosition = 16;

    private static ReadOnlySpan<byte> Signature => "PMEMVFW1"u8;

    /// <summary>Makes an image.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="size">Its bytes, a multiple of 4.</param>
    public static byte[] Create(ulong version, int size = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinimumSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(size % 4, 0, nameof(size));
        byte[] image = new byte[size];
        Signature.CopyTo(image);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(VersionPosition), version);
        for (int i = MinimumSize; i < size; i++)
            image[i] = (byte)i;
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(ChecksumPosition), Fletcher64.ComputeWithHole(image, ChecksumPosition));
        return image;
    }

    /// <summary>Version of an image, or null if it is none.</summary>
    public static ulong? ReadVersion(ReadOnlySpan<byte> image) =>
        image.Length is >= MinimumSize and <= MaximumSize && image.Length % 4 == 0 && image.StartsWith(Signature)
            && Fletcher64.ComputeWithHole(image, ChecksumPosition) == BinaryPrimitives.ReadUInt64LittleEndian(image[ChecksumPosition..])
            ? BinaryPrimitives.ReadUInt64LittleEndian(image[VersionPosition..])
            : null;

    /// <summary>A version as text.</summary>
    public static string ToText(ulong version)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{(ushort)(version >> 48)}.{(ushort)(version >> 32)}.{(ushort)(version >> 16)}.{(ushort)version}");
        while (text.StartsWith("0.", StringComparison.Ordinal) && text.AsSpan().Count('.') > 1)
            text = text[2..];
        return text;
    }

    /// <summary>A version as a number; what is no version is 0.</summary>
    public static ulong ToNumber(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split('.');
        ulong version = 0;
        foreach (string part in parts)
        {
            if (parts.Length > 4 || !ushort.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
                return 0;
            version = (version << 16) | number;
        }

        return version;
    }
}
