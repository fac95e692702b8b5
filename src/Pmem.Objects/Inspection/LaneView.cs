using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools;

namespace Pmem.Objects.Inspection;

/// <summary>A lane as it lies on media: three logs.</summary>
/// <param name="Map">The pool.</param>
/// <param name="Index">Which lane.</param>
/// <param name="Offset">Where it is in the pool.</param>
public sealed record LaneView(PersistentMap Map, ulong Index, long Offset)
{
    /// <summary>The redo log of the allocator.</summary>
    public UlogView Internal => new(Map, Offset + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, IsRedo: true);

    /// <summary>The redo log of operations that the program groups itself.</summary>
    public UlogView External => new(Map, Offset + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, IsRedo: true);

    /// <summary>The undo log of transactions.</summary>
    public UlogView Undo => new(Map, Offset + LaneLayout.UndoPosition, LaneLayout.UndoCapacity, IsRedo: false);

    /// <summary>Whether recovery has work in any of the logs.</summary>
    public bool NeedsRecovery => External.NeedsRecovery || Internal.NeedsRecovery || Undo.NeedsRecovery;
}

/// <summary>An entry of a log as it lies on media.</summary>
/// <param name="Position">Where the entry is in the pool.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Destination">Pool offset of what it changes.</param>
/// <param name="Value">The operand of an operation on a word; 0 for ranges.</param>
/// <param name="Length">Bytes of the range that it restores or fills; 8 for words.</param>
public readonly record struct UlogEntryView(long Position, UlogOperation Operation, ulong Destination, ulong Value, ulong Length)
{
    /// <summary>Whether it concerns a range rather than a word.</summary>
    public bool IsBuffer => Operation is UlogOperation.BufferSet or UlogOperation.BufferCopy;
}

/// <summary>A log of a lane, with the logs chained to it, as it lies on media (PMDK <c>struct ulog</c>).</summary>
/// <param name="Map">The pool.</param>
/// <param name="Offset">Where its header is in the pool.</param>
/// <param name="BaseCapacity">Data bytes of the log that is part of the lane.</param>
/// <param name="IsRedo">Whether it is a redo log, of which the whole has a checksum, or an undo log, of which each entry has one.</param>
public sealed record UlogView(PersistentMap Map, long Offset, int BaseCapacity, bool IsRedo)
{
    /// <summary>The checksum as stored.</summary>
    public ulong Checksum => Map.ReadWord(Offset + UlogHeader.ChecksumPosition);

    /// <summary>The link to the next log, or 0.</summary>
    public ulong Next => Map.ReadWord(Offset + UlogHeader.NextPosition);

    /// <summary>Data bytes as the header says: of a redo log those in use.</summary>
    public ulong Capacity => Map.ReadWord(Offset + UlogHeader.CapacityPosition);

    /// <summary>Entries of another generation do not count.</summary>
    public ulong Generation => Map.ReadWord(Offset + UlogHeader.GenerationPosition);

    /// <summary>Flags of the header.</summary>
    public ulong Flags => Map.ReadWord(Offset + UlogHeader.FlagsPosition);

    /// <summary>Whether recovery has something to do (PMDK <c>ulog_recovery_needed</c>).</summary>
    public bool NeedsRecovery
    {
        get
        {
            ulong capacity = Math.Min(Capacity, (ulong)BaseCapacity);
            ulong used = 0;
            foreach (UlogEntryView entry in Entries(Offset, capacity))
                used = (ulong)(entry.Position - Offset - UlogHeader.Size) + SizeOf(entry);
            used = Math.Min(used, capacity);
            if (used == 0)
                return false;
            if (!IsRedo)
                return true;
            if (used > (ulong)Map.Length)
                return false;
            byte[] image = Map.ReadBytes(Offset, UlogHeader.Size + (int)Math.Min(used, int.MaxValue / 2) & -sizeof(uint));
            return Fletcher64.ComputeWithHole(image, UlogHeader.ChecksumPosition) == Checksum;
        }
    }

    /// <summary>
    /// The entries in order, through the chain, up to the first that does not count; of a retired redo log that may be what an earlier operation
    /// left.
    /// </summary>
    /// <exception cref="PmemFormatException">While they are walked: a link outside the pool, a circle, an operation that does not exist.</exception>
    public IEnumerable<UlogEntryView> Entries()
    {
        // Logs do not overlap: chained capacities that exceed the pool are a circle.
        ulong budget = (ulong)Map.Length;
        for (long log = Offset; log != 0;)
        {
            // The first log ends where its place in the lane does, whatever its header says.
            ulong capacity = Map.ReadWord(log + UlogHeader.CapacityPosition);
            if (log == Offset)
                capacity = Math.Min(capacity, (ulong)BaseCapacity);
            ulong end = 0;
            foreach (UlogEntryView entry in Entries(log, capacity))
            {
                yield return entry;
                end = (ulong)(entry.Position - log - UlogHeader.Size) + SizeOf(entry);
            }

            if (end < capacity)
                yield break;
            if (capacity + UlogHeader.Size > budget)
                throw new PmemFormatException("log chain", log + UlogHeader.NextPosition, "an end", "a circle");
            budget -= capacity + UlogHeader.Size;
            ulong next = Map.ReadWord(log + UlogHeader.NextPosition);
            if (next > (ulong)Map.Length)
                throw new PmemFormatException("log link", log + UlogHeader.NextPosition, "0 or an offset in the pool", $"0x{next:x}");
            log = ((long)next + UlogHeader.Size - 1) & -UlogHeader.Size;
        }
    }

    private static ulong SizeOf(in UlogEntryView entry) =>
        entry.IsBuffer ? (UlogEntry.BufferHeaderSize + entry.Length + UlogHeader.Size - 1) & ~(ulong)(UlogHeader.Size - 1) : UlogEntry.ValueSize;

    /// <summary>The entries of one log of the chain, as far as they count.</summary>
    private IEnumerable<UlogEntryView> Entries(long log, ulong capacity)
    {
        for (ulong at = 0; at < capacity;)
        {
            long position = log + UlogHeader.Size + (long)at;
            ulong word = Map.ReadWord(position);
            if (word == 0)
                yield break;
            UlogOperation operation = UlogEntry.Operation(word);
            bool isBuffer = operation is UlogOperation.BufferSet or UlogOperation.BufferCopy;
            if (!isBuffer && operation is not (UlogOperation.Set or UlogOperation.And or UlogOperation.Or))
                throw new PmemFormatException("log entry operation", position, "0, 1, 2, 5 or 6", $"{(int)operation}");
            ulong operand = Map.ReadWord(position + (isBuffer ? UlogEntry.BufferSizePosition : sizeof(ulong)));
            var entry = new UlogEntryView(position, operation, (ulong)UlogEntry.Offset(word), isBuffer ? 0 : operand, isBuffer ? operand : sizeof(ulong));
            if (isBuffer && !Counts(in entry))
                yield break;
            yield return entry;
            at += SizeOf(in entry);
        }
    }

    private bool Counts(in UlogEntryView entry)
    {
        ulong size = SizeOf(in entry);
        if (entry.Length > int.MaxValue / 2 || (ulong)entry.Position > (ulong)Map.Length - Math.Min(size, (ulong)Map.Length))
            return false;
        byte[] bytes = Map.ReadBytes(entry.Position, (int)size);
        ulong sum = UndoEntry.Seal(Fletcher64.ComputeWithHole(bytes, UlogEntry.BufferChecksumPosition), Generation);
        return sum == Map.ReadWord(entry.Position + UlogEntry.BufferChecksumPosition);
    }
}
