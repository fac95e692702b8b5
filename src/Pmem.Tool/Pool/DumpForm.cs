namespace Pmem.Tool.Pool;

/// <summary>What is dumped, and how.</summary>
internal sealed record DumpForm
{
    /// <summary>Bytes as they are.</summary>
    public bool Raw { get; init; }

    public bool Json { get; init; }

    /// <summary>The content of objects too.</summary>
    public bool Data { get; init; }

    public bool SkipZero { get; init; }

    public bool SkipError { get; init; }

    public ByteRanges Ranges { get; init; } = ByteRanges.All;

    public ByteRanges Types { get; init; } = ByteRanges.All;

    /// <summary>Bytes of a log in a line of JSON.</summary>
    public int ChunkSize { get; init; } = 4096;

    /// <summary>Whether a type number is wanted; those above the largest signed number only when all are.</summary>
    public bool HasType(ulong number) => Types == ByteRanges.All || (number <= long.MaxValue && Types.Contains((long)number));
}
