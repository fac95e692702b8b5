using System.Runtime.InteropServices;
using Pmem.Pools;

namespace Pmem.Logs.Layout;

/// <summary>
/// The three words behind the header that make a pool a log (docs/formats/logs.md). Only <see cref="WriteOffset"/> ever changes, by one
/// 8-byte store, which is why every crash leaves a whole log.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct LogDescriptor
{
    /// <summary>Bytes on media.</summary>
    public const int Size = 24;

    /// <summary>Where it is in the pool.</summary>
    public const long Offset = 4096;

    /// <summary>Where the write offset is in the pool.</summary>
    public const long WriteOffsetField = Offset + 16;

    /// <summary>Where the log's bytes begin: the rest of the descriptor's page belongs to the run time of libpmemlog.</summary>
    public const long DataOffset = 8192;

    /// <summary>First byte of the log: <see cref="DataOffset"/>.</summary>
    [FieldOffset(0)]
    public ulong StartOffset;

    /// <summary>First byte behind the log: the pool's size.</summary>
    [FieldOffset(8)]
    public ulong EndOffset;

    /// <summary>Where the next byte goes: the bytes from <see cref="StartOffset"/> to here are the log.</summary>
    [FieldOffset(16)]
    public ulong WriteOffset;

    /// <summary>The descriptor of an empty log.</summary>
    public static LogDescriptor Empty(long poolSize) => new() { StartOffset = DataOffset, EndOffset = (ulong)poolSize, WriteOffset = DataOffset };

    /// <summary>Every rule that the descriptor breaks, in libpmemlog's order.</summary>
    public readonly List<PmemFormatException> FindProblems(long poolSize)
    {
        var problems = new List<PmemFormatException>();
        if (StartOffset != DataOffset)
            problems.Add(new PmemFormatException("log start offset", Offset, $"{DataOffset}", $"{StartOffset}"));
        if (EndOffset != (ulong)poolSize)
            problems.Add(new PmemFormatException("log end offset", Offset + 8, $"{poolSize} (the pool's size)", $"{EndOffset}"));
        if (WriteOffset is < DataOffset || WriteOffset > (ulong)poolSize)
            problems.Add(new PmemFormatException("log write offset", WriteOffsetField, $"{DataOffset} to {poolSize}", $"{WriteOffset}"));
        return problems;
    }
}
