using System.Text;

namespace Pmem.Platform.Model;

/// <summary>
/// A passphrase of a DIMM: 32 bytes, shorter ones with zeros behind. It never shows itself as text. Immutable and thread-safe.
/// </summary>
public sealed class Passphrase
{
    /// <summary>Bytes of a passphrase, as modules take it.</summary>
    public const int Size = 32;

    private readonly byte[] _bytes;

    private Passphrase(byte[] bytes) => _bytes = bytes;

    /// <summary>A passphrase from bytes, 1 to 32.</summary>
    /// <exception cref="PmemException">There are none or too many, or all are zero, which modules take for no passphrase.</exception>
    public static Passphrase FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Size)
            throw new PmemException($"a passphrase has at most {Size} bytes, not {bytes.Length}");
        if (!bytes.ContainsAnyExcept((byte)0))
            throw new PmemException($"a passphrase has 1 to {Size} bytes that are not all zero: zeros are no passphrase");
        byte[] padded = new byte[Size];
        bytes.CopyTo(padded);
        return new Passphrase(padded);
    }

    /// <summary>A passphrase from text, as UTF-8.</summary>
    /// <exception cref="PmemException">As <see cref="FromBytes"/>.</exception>
    public static Passphrase FromText(string text) => FromBytes(Encoding.UTF8.GetBytes(text));

    /// <summary>The bytes, all 32: what functions of modules take.</summary>
    public byte[] ToBytes() => [.. _bytes];

    /// <summary>Says nothing of the passphrase, so that logs do not.</summary>
    public override string ToString() => "passphrase";
}
