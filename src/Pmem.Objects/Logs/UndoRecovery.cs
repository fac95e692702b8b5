using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Logs;

/// <summary>One valid entry of an undo log on media.</summary>
/// <param name="EntryOffset">Where the entry is.</param>
/// <param name="Operation">Copy back, or fill.</param>
/// <param name="Offset">First byte to restore.</param>
/// <param name="Length">Bytes to restore.</param>
internal readonly record struct UndoEntryView(long EntryOffset, UlogOperation Operation, long Offset, long Length)
{
    /// <summary>Where the saved bytes are.</summary>
    public long DataOffset => EntryOffset + UlogEntry.BufferHeaderSize;
}

/// <summary>
/// Reads the valid entries of an undo log in order, through its chain: <c>foreach (UndoEntryView entry in new UndoReader(…))</c>. Ends at the
/// first entry that does not count. Throws <see cref="PmemFormatException"/> on an impossible chain, an operation that no undo log holds, or a
/// valid entry that points outside the heap.
/// </summary>
internal unsafe struct UndoReader
{
    private readonly PersistentMap _map;
    private readonly PoolBounds _bounds;
    private readonly ulong? _generation;
    private UlogChain _chain;
    private long _data;
    private long _capacity;
    private long _position;

    /// <param name="map">The pool.</param>
    /// <param name="log">The lane's undo log.</param>
    /// <param name="bounds">Where things are.</param>
    /// <param name="hasGenerations">False for layout 5, whose entries are sealed with none.</param>
    public UndoReader(PersistentMap map, long log, PoolBounds bounds, bool hasGenerations = true)
    {
        // pmdk-convert leaves lanes of zeros.
        ulong stored = map.ReadUInt64(log + UlogHeader.CapacityPosition);
        if (stored is not (0 or LaneLayout.UndoCapacity))
            throw new PmemFormatException("undo log capacity", log + UlogHeader.CapacityPosition, $"{LaneLayout.UndoCapacity}", $"{stored}");
        _map = map;
        _bounds = bounds;
        _generation = hasGenerations ? map.ReadUInt64(log + UlogHeader.GenerationPosition) : null;
        _chain = new UlogChain(map, log, bounds);
        _data = log + UlogHeader.Size;
        _capacity = LaneLayout.UndoCapacity;
    }

    /// <summary>The entry just read.</summary>
    public UndoEntryView Current { get; private set; }

    /// <summary>For foreach.</summary>
    public readonly UndoReader GetEnumerator() => this;

    /// <summary>Reads the next valid entry.</summary>
    public bool MoveNext()
    {
        while (_position == _capacity)
        {
            if (!_chain.MoveNext())
                return false;
            _data = _chain.Current.LogOffset + UlogHeader.Size;
            _capacity = _chain.Current.Capacity;
            _position = 0;
        }

        if (!TryRead(_map, _data + _position, _capacity - _position, _generation, _bounds, out UndoEntryView entry))
            return false;
        Current = entry;
        _position += Padded(entry.Operation == UlogOperation.BufferSet ? sizeof(ulong) : entry.Length);
        return true;
    }

    private static long Padded(long length) => (length + UlogEntry.BufferHeaderSize + UlogHeader.Size - 1) & -UlogHeader.Size;

    private static bool TryRead(PersistentMap map, long at, long room, ulong? generation, PoolBounds bounds, out UndoEntryView entry)
    {
        entry = default;
        ulong word = map.ReadUInt64(at);
        if (word == 0)
            return false;
        UlogOperation operation = UlogEntry.Operation(word);
        if (operation is not (UlogOperation.BufferCopy or UlogOperation.BufferSet))
            throw new PmemFormatException("undo entry operation", at, "a saved range", $"{(int)operation}");

        ulong length = map.ReadUInt64(at + UlogEntry.BufferSizePosition);
        ulong dataLength = operation == UlogOperation.BufferSet ? sizeof(ulong) : length;
        if (dataLength > (ulong)room || Padded((long)dataLength) > room)
            return false;
        if (Checksum(map, at, Padded((long)dataLength), generation) != map.ReadUInt64(at + UlogEntry.BufferChecksumPosition))
            return false;

        long offset = UlogEntry.Offset(word);
        if (length > long.MaxValue || !bounds.IsInHeap(offset, (long)length))
            throw new PmemFormatException("undo entry destination", at, "a range of the heap", $"0x{offset:x}+{length}");
        entry = new UndoEntryView(at, operation, offset, (long)length);
        return true;
    }

    private static ulong Checksum(PersistentMap map, long at, long padded, ulong? generation)
    {
        Span<byte> first = stackalloc byte[UlogHeader.Size];
        map.GetSpan(at, UlogHeader.Size).CopyTo(first);
        first.Slice(UlogEntry.BufferChecksumPosition, sizeof(ulong)).Clear();
        ulong checksum = Fletcher64.Compute(first);
        const int Slice = 1 << 30;
        for (long done = UlogHeader.Size; done < padded; done += Slice)
            checksum = Fletcher64.Compute(map.GetSpan(at + done, (int)Math.Min(Slice, padded - done)), checksum);
        return generation is { } sealedWith ? UndoEntry.Seal(checksum, sealedWith) : checksum;
    }
}

/// <summary>Rolls back a transaction that a crash interrupted.</summary>
internal static class UndoRecovery
{
    /// <summary>Copies the saved bytes back. Durable after a drain.</summary>
    public static void Restore(PersistentMap map, in UndoEntryView entry)
    {
        if (entry.Operation == UlogOperation.BufferSet)
            map.Fill(entry.Offset, map.Read<byte>(entry.DataOffset), entry.Length, CopyHints.NoDrain);
        else
            map.Move(entry.Offset, entry.DataOffset, entry.Length, CopyHints.NoDrain);
    }

    /// <summary>Whether a log has a valid entry, or a chain that a transaction left behind. Validates every entry.</summary>
    /// <param name="map">The pool.</param>
    /// <param name="log">The log.</param>
    /// <param name="bounds">What the pool holds where.</param>
    /// <param name="interrupted">Whether there is an entry, that is, a transaction to roll back; a chain alone is only kept space.</param>
    public static bool NeedsRecovery(PersistentMap map, long log, PoolBounds bounds, out bool interrupted)
    {
        interrupted = false;
        bool hasChain = map.ReadUInt64(log + UlogHeader.NextPosition) != 0;
        if (!hasChain && map.ReadUInt64(log + UlogHeader.Size) == 0)
            return false;

        // Every entry is validated before anything is restored: a corrupt log leaves the pool as it was.
        foreach (UndoEntryView _ in new UndoReader(map, log, bounds))
            interrupted = true;
        return hasChain || interrupted;
    }

    /// <summary>
    /// Rolls back what a lane's undo log holds, retires it and frees its chain. Idempotent: a crash before the generation is raised restores the
    /// same bytes again. Durable at return.
    /// </summary>
    public static void Recover(PersistentMap map, Lane lane, PoolBounds bounds)
    {
        UndoLog undo = lane.Undo;
        foreach (UndoEntryView entry in new UndoReader(map, undo.LogOffset, bounds))
            Restore(map, entry);
        RedoLog.CommitWord(map, undo.GenerationField, undo.NextGeneration);
        undo.Retired(keepFirstExtension: false);
    }
}
