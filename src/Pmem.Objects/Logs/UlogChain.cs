using Pmem.Objects.Layout;

namespace Pmem.Objects.Logs;

/// <summary>One log behind a lane's own.</summary>
/// <param name="ObjectOffset">The link as stored: the user data of the object that holds the log.</param>
/// <param name="LogOffset">The log's header, on the next cache line.</param>
/// <param name="Capacity">Data bytes.</param>
/// <param name="UserOwned">Whether the program owns the object.</param>
internal readonly record struct UlogLink(long ObjectOffset, long LogOffset, long Capacity, bool UserOwned);

/// <summary>
/// Reads the chain behind a log, from media that may hold anything: <c>foreach (UlogLink link in new UlogChain(…))</c>. Throws
/// <see cref="PmemFormatException"/> on a link outside the heap, an impossible capacity, or a circle.
/// </summary>
internal struct UlogChain(PersistentMap map, long firstLog, PoolBounds bounds)
{
    private long _field = firstLog + UlogHeader.NextPosition;

    // Logs cannot overlap, so a chain whose capacities add up to more than the heap is a circle.
    private long _budget = bounds.HeapSize;

    /// <summary>The log just read.</summary>
    public UlogLink Current { get; private set; }

    /// <summary>For foreach.</summary>
    public readonly UlogChain GetEnumerator() => this;

    /// <summary>Reads the next link.</summary>
    public bool MoveNext()
    {
        ulong next = map.ReadUInt64(_field);
        if (next == 0)
            return false;
        if (next > long.MaxValue / 2 || !bounds.IsInHeap((long)next, 3 * UlogHeader.Size))
            throw new PmemFormatException("log link", _field, $"0 or an offset in the heap (0x{bounds.HeapOffset:x} to 0x{bounds.HeapEnd:x})", $"0x{next:x}");

        long log = ((long)next + UlogHeader.Size - 1) & -UlogHeader.Size;
        ulong capacity = map.ReadUInt64(log + UlogHeader.CapacityPosition);
        if (capacity < UlogHeader.Size || capacity % UlogHeader.Size != 0 || capacity > (ulong)(bounds.HeapEnd - log - UlogHeader.Size))
            throw new PmemFormatException("log capacity", log + UlogHeader.CapacityPosition, "a multiple of 64 that fits the heap", $"{capacity}");

        _budget -= UlogHeader.Size + (long)capacity;
        if (_budget < 0)
            throw new PmemFormatException("log chain", _field, "an end", "a circle");

        bool userOwned = (map.ReadUInt64(log + UlogHeader.FlagsPosition) & UlogHeader.UserOwned) != 0;
        Current = new UlogLink((long)next, log, (long)capacity, userOwned);
        _field = log + UlogHeader.NextPosition;
        return true;
    }
}
