using System.Runtime.InteropServices;

namespace Pmem.Objects.Layout;

/// <summary>The header of a unified log, 64 bytes, always on a cache line of its own.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct UlogHeader
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 64;

    public const int ChecksumPosition = 0;
    public const int NextPosition = 8;
    public const int CapacityPosition = 16;
    public const int GenerationPosition = 24;
    public const int FlagsPosition = 32;

    /// <summary>The log lies in a buffer that the program allocated: unlinked, never freed.</summary>
    public const ulong UserOwned = 1;

    /// <summary>Redo logs only: covers header and entries. Zero after the operation.</summary>
    [FieldOffset(ChecksumPosition)]
    public ulong Checksum;

    /// <summary>Pool offset of the object that holds the next log (rounded up to a cache line it is the log), or 0.</summary>
    [FieldOffset(NextPosition)]
    public ulong Next;

    /// <summary>Data bytes that follow; in a first redo log the bytes stored, and zero after the operation.</summary>
    [FieldOffset(CapacityPosition)]
    public ulong Capacity;

    /// <summary>Undo logs: entries of another generation do not exist.</summary>
    [FieldOffset(GenerationPosition)]
    public ulong Generation;

    /// <summary>Bit 0: <see cref="UserOwned"/>.</summary>
    [FieldOffset(FlagsPosition)]
    public ulong Flags;
}

/// <summary>What a log entry does; the top three bits of its first word.</summary>
public enum UlogOperation
{
    /// <summary>Stores a word.</summary>
    Set = 0,

    /// <summary>Clears the bits of a word that the value has not.</summary>
    And = 1,

    /// <summary>Sets the bits of a word that the value has.</summary>
    Or = 2,

    /// <summary>Fills a range.</summary>
    BufferSet = 5,

    /// <summary>Stores a range: undo logs hold what was there before.</summary>
    BufferCopy = 6,
}

/// <summary>Encoding of log entries.</summary>
internal static class UlogEntry
{
    /// <summary>Bytes of a value entry: destination and operation, value.</summary>
    public const int ValueSize = 16;

    /// <summary>Bytes before the data of a buffer entry: destination and operation, checksum, size.</summary>
    public const int BufferHeaderSize = 24;

    public const int BufferChecksumPosition = 8;
    public const int BufferSizePosition = 16;

    private const int OperationShift = 61;
    private const ulong OffsetMask = (1UL << OperationShift) - 1;

    public static ulong Encode(long offset, UlogOperation operation) => (ulong)offset | ((ulong)operation << OperationShift);

    public static long Offset(ulong word) => (long)(word & OffsetMask);

    public static UlogOperation Operation(ulong word) => (UlogOperation)(word >> OperationShift);

    public static ulong Apply(UlogOperation operation, ulong old, ulong value) => operation switch
    {
        UlogOperation.And => old & value,
        UlogOperation.Or => old | value,
        _ => value,
    };
}
