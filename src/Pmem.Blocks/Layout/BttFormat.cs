using System.Buffers.Binary;

namespace Pmem.Blocks.Layout;

/// <summary>Which program's rules a block translation table follows; the structures are the same, a few numbers differ.</summary>
public enum BttVariant
{
    /// <summary>PMDK (libpmemblk): version 1.1 at offset 0, internal blocks in multiples of 256 bytes, blocks never written read as zeros.</summary>
    Pmdk,

    /// <summary>Linux with version 1.1 labels or none: version 1.1 behind an initial offset of 4096 bytes.</summary>
    Linux11,

    /// <summary>UEFI 2.7 and Linux with version 1.2 labels: version 2.0 at offset 0.</summary>
    Uefi20,
}

/// <summary>The numbers in which the variants of the layout differ.</summary>
/// <param name="Variant">Which variant.</param>
/// <param name="Major">Major version in the info block.</param>
/// <param name="Minor">Minor version in the info block.</param>
/// <param name="InitialOffset">Bytes of the namespace before the first arena.</param>
/// <param name="InternalAlignment">Internal blocks are a multiple of so many bytes.</param>
/// <param name="MinimumInternalSize">Internal blocks have at least so many bytes.</param>
/// <param name="FlogHasFlags">Whether flog entries carry map flags with their block numbers (PMDK) or plain numbers.</param>
/// <param name="InitialReadsMedia">Whether a block that was never written reads what its place holds (UEFI, Linux) or zeros (PMDK).</param>
public sealed record BttFormat(
    BttVariant Variant, ushort Major, ushort Minor, int InitialOffset, int InternalAlignment, int MinimumInternalSize, bool FlogHasFlags, bool InitialReadsMedia)
{
    /// <summary>The layout of PMDK 1.12 (<c>btt_layout.h</c>).</summary>
    public static BttFormat Pmdk { get; } = new(BttVariant.Pmdk, 1, 1, 0, 256, 512, FlogHasFlags: true, InitialReadsMedia: false);

    /// <summary>The layout of Linux for namespaces without a BTT2 abstraction GUID.</summary>
    public static BttFormat Linux11 { get; } = new(BttVariant.Linux11, 1, 1, 4096, 64, 512, FlogHasFlags: false, InitialReadsMedia: true);

    /// <summary>The layout of UEFI 2.7 chapter 6, as Linux writes it.</summary>
    public static BttFormat Uefi20 { get; } = new(BttVariant.Uefi20, 2, 0, 0, 64, 512, FlogHasFlags: false, InitialReadsMedia: true);

    /// <summary>The format of a variant.</summary>
    public static BttFormat Of(BttVariant variant) => variant switch
    {
        BttVariant.Pmdk => Pmdk,
        BttVariant.Linux11 => Linux11,
        _ => Uefi20,
    };

    /// <summary>Bytes of an internal block that holds an external one of <paramref name="blockSize"/> bytes.</summary>
    public long InternalBlockSize(int blockSize) => BttLayout.RoundUp(Math.Max(blockSize, MinimumInternalSize), InternalAlignment);

    /// <summary>The text of a uuid: PMDK stores them as Windows GUIDs are stored, Linux in the order in which they are printed.</summary>
    public Guid ReadUuid(ReadOnlySpan<byte> bytes) => new(bytes, bigEndian: Variant != BttVariant.Pmdk);

    /// <summary>The bytes of a uuid on media.</summary>
    public UInt128 UuidBytes(Guid uuid)
    {
        Span<byte> bytes = stackalloc byte[16];
        uuid.TryWriteBytes(bytes, bigEndian: Variant != BttVariant.Pmdk, out _);
        return BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }
}
