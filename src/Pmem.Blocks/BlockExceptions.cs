namespace Pmem.Blocks;

/// <summary>A block is marked as bad, or its media cannot be read.</summary>
public sealed class BlockErrorException : PmemException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="block">The block.</param>
    public BlockErrorException(long block)
        : base($"block {block} is marked as bad: it was set so, or its media could not be read; write it, or set it to zero, to use it again")
    {
        Block = block;
    }

    /// <summary>The block.</summary>
    public long Block { get; }
}

/// <summary>An arena is in the error state: its blocks can be read, not written.</summary>
public sealed class ArenaErrorException : PmemException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="arena">Number of the arena.</param>
    /// <param name="reason">Why it is in that state.</param>
    public ArenaErrorException(int arena, string reason)
        : base($"arena {arena} is in the error state and can only be read: {reason}; copy its blocks, or repair it")
    {
        Arena = arena;
        Reason = reason;
    }

    /// <summary>Number of the arena.</summary>
    public int Arena { get; }

    /// <summary>Why it is in that state.</summary>
    public string Reason { get; }
}
