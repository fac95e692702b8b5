using System.Buffers.Binary;

namespace Pmem.Platform.Acpi;

/// <summary>A range of system physical addresses that cannot be read, in the registers of the root device.</summary>
/// <param name="Start">First address; a multiple of <see cref="NvdimmErrorRegisters.Unit"/>.</param>
/// <param name="Length">Bytes; a multiple of it.</param>
public readonly record struct NvdimmErrorRange(ulong Start, ulong Length);

/// <summary>
/// The registers behind the root device's <c>_DSM</c>: which ranges are in error, and what was asked for. Firmware fills them before the system starts, the methods change
/// them, and they can be read afterwards. The layout is this library's own: a header of 256 bytes, then 8 bytes for each range.
/// </summary>
public sealed record NvdimmErrorRegisters
{
    /// <summary>Bytes that are in error, or cleared, together.</summary>
    public const ulong Unit = 256;

    /// <summary>Bytes of the registers.</summary>
    public const int Size = RangesPosition + (Capacity * RangeSize);

    /// <summary>Ranges that the registers hold.</summary>
    public const int Capacity = 512;

    /// <summary>Ranges with which the methods refuse to inject more: clearing the middle of a range makes two of it.</summary>
    public const int InjectionLimit = 256;

    internal const int RangesPosition = 0x100;
    internal const int RangeSize = 8;
    internal const int ScrubsPosition = 4;
    internal const int ClearsPosition = 28;
    internal const int InjectionsPosition = 32;

    /// <summary>The ranges, in no order.</summary>
    public IReadOnlyList<NvdimmErrorRange> Ranges { get; init; } = [];

    /// <summary>Scrubs that were started.</summary>
    public uint Scrubs { get; init; }

    /// <summary>Calls that cleared errors.</summary>
    public uint Clears { get; init; }

    /// <summary>Calls that injected errors.</summary>
    public uint Injections { get; init; }

    /// <summary>Reads the registers.</summary>
    /// <param name="bytes">At least <see cref="Size"/> bytes.</param>
    /// <exception cref="PmemFormatException">There are fewer bytes, more ranges than fit, or a range without bytes or beyond the last address.</exception>
    public static NvdimmErrorRegisters Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size)
            throw new PmemFormatException("error registers", 0, $"{Size} bytes", $"{bytes.Length}");
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (count > Capacity)
            throw new PmemFormatException("error registers: number of ranges", 0, $"at most {Capacity}", $"{count}");
        var ranges = new NvdimmErrorRange[count];
        for (int i = 0; i < ranges.Length; i++)
        {
            int at = RangesPosition + (i * RangeSize);
            ulong start = BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]) * Unit;
            ulong length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 4)..]) * Unit;
            if (length == 0 || start + length > NvdimmRoot.MaximumAddress)
                throw new PmemFormatException($"error registers: range {i}", at, $"bytes below 0x{NvdimmRoot.MaximumAddress:x}", $"0x{start:x}+{length}");
            ranges[i] = new NvdimmErrorRange(start, length);
        }

        return new NvdimmErrorRegisters
        {
            Ranges = ranges,
            Scrubs = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ScrubsPosition..]),
            Clears = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ClearsPosition..]),
            Injections = BinaryPrimitives.ReadUInt32LittleEndian(bytes[InjectionsPosition..]),
        };
    }

    /// <summary>The registers as bytes.</summary>
    /// <exception cref="InvalidOperationException">There are more ranges than <see cref="Capacity"/>, or one is not whole units below <see cref="NvdimmRoot.MaximumAddress"/>.</exception>
    public byte[] ToBytes()
    {
        if (Ranges.Count > Capacity)
            throw new InvalidOperationException($"{Ranges.Count} ranges are more than the {Capacity} of the registers");
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)Ranges.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ScrubsPosition), Scrubs);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ClearsPosition), Clears);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(InjectionsPosition), Injections);
        for (int i = 0; i < Ranges.Count; i++)
        {
            (ulong start, ulong length) = Ranges[i];
            if (length == 0 || start % Unit != 0 || length % Unit != 0 || start > NvdimmRoot.MaximumAddress || length > NvdimmRoot.MaximumAddress - start)
                throw new InvalidOperationException($"0x{start:x}+{length} is not whole units of {Unit} bytes below 0x{NvdimmRoot.MaximumAddress:x}");
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(RangesPosition + (i * RangeSize)), (uint)(start / Unit));
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(RangesPosition + (i * RangeSize) + 4), (uint)(length / Unit));
        }

        return bytes;
    }
}
