using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Logs;

/// <summary>One entry of a redo log on media.</summary>
/// <param name="EntryOffset">Where the entry is.</param>
/// <param name="Offset">The word it changes.</param>
/// <param name="Operation">How.</param>
/// <param name="Value">With what.</param>
internal readonly record struct RedoEntry(long EntryOffset, long Offset, UlogOperation Operation, ulong Value);

/// <summary>Finishes a redo operation that a crash interrupted after its commit point.</summary>
internal static class RedoRecovery
{
    /// <summary>Whether a committed operation waits in the log: at least one entry, and the checksum over header and entries holds.</summary>
    public static bool IsPending(PersistentMap map, long log, int baseCapacity)
    {
        if (map.ReadUInt64(log + UlogHeader.Size) == 0)
            return false;
        int bytes = BaseBytes(map, log, baseCapacity);
        if (bytes == 0)
            return false;

        Span<byte> image = stackalloc byte[UlogHeader.Size + LaneLayout.ExternalCapacity];
        image = image[..(UlogHeader.Size + bytes)];
        map.GetSpan(log, image.Length).CopyTo(image);
        image[..sizeof(ulong)].Clear();
        return Fletcher64.Compute(image) == map.ReadUInt64(log + UlogHeader.ChecksumPosition);
    }

    /// <summary>The entries of a pending log, in order, through its chain. Throws <see cref="PmemFormatException"/> on an impossible chain or entry.</summary>
    public static IEnumerable<RedoEntry> Entries(PersistentMap map, long log, int baseCapacity, PoolBounds bounds) =>
        RawEntries(map, log, baseCapacity, bounds).Select(entry => Demand(entry, bounds));

    /// <summary>The entries of a pending log as they are, whatever they say; the chain must be whole.</summary>
    public static IEnumerable<RedoEntry> RawEntries(PersistentMap map, long log, int baseCapacity, PoolBounds bounds)
    {
        int bytes = BaseBytes(map, log, baseCapacity);
        long data = log + UlogHeader.Size;
        for (int position = 0; position < bytes; position += UlogEntry.ValueSize)
            yield return ReadEntry(map, data + position);

        // Only a base log filled to the brim goes on in its chain.
        if (bytes < (int)Math.Min(map.ReadUInt64(log + UlogHeader.CapacityPosition), (ulong)baseCapacity))
            yield break;
        foreach (UlogLink link in new UlogChain(map, log, bounds))
        {
            data = link.LogOffset + UlogHeader.Size;
            for (long position = 0; position + UlogEntry.ValueSize <= link.Capacity; position += UlogEntry.ValueSize)
            {
                if (map.ReadUInt64(data + position) == 0)
                    yield break;
                yield return ReadEntry(map, data + position);
            }
        }
    }

    /// <summary>Applies a pending log and retires it; does nothing when none is pending. Idempotent; durable at return.</summary>
    public static bool Recover(PersistentMap map, long log, int baseCapacity, PoolBounds bounds)
    {
        if (!IsPending(map, log, baseCapacity))
            return false;

        // Everything is validated before anything is changed: a corrupt log leaves the pool as it was.
        Apply(map, log, [.. Entries(map, log, baseCapacity, bounds)]);
        return true;
    }

    /// <summary>Applies entries of a pending log and retires it. Idempotent; durable at return.</summary>
    public static void Apply(PersistentMap map, long log, IEnumerable<RedoEntry> entries)
    {
        foreach (RedoEntry entry in entries)
        {
            map.StoreUInt64(entry.Offset, UlogEntry.Apply(entry.Operation, map.ReadUInt64(entry.Offset), entry.Value));
            map.Flush(entry.Offset, sizeof(ulong));
        }

        map.Drain();
        Span<byte> empty = stackalloc byte[UlogHeader.Size];
        empty.Clear();
        map.GetSpan(log + UlogHeader.NextPosition, sizeof(ulong)).CopyTo(empty[UlogHeader.NextPosition..]);
        map.Copy(log, empty);
    }

    /// <summary>Whether recovery can carry an entry out.</summary>
    public static bool IsValid(in RedoEntry entry, PoolBounds bounds) =>
        entry.Operation is UlogOperation.Set or UlogOperation.And or UlogOperation.Or && bounds.IsRedoDestination(entry.Offset);

    private static int BaseBytes(PersistentMap map, long log, int baseCapacity)
    {
        ulong stored = Math.Min(map.ReadUInt64(log + UlogHeader.CapacityPosition), (ulong)baseCapacity);
        int bytes = 0;
        while (bytes + UlogEntry.ValueSize <= (int)stored && map.ReadUInt64(log + UlogHeader.Size + bytes) != 0)
            bytes += UlogEntry.ValueSize;
        return bytes;
    }

    private static RedoEntry ReadEntry(PersistentMap map, long at)
    {
        ulong word = map.ReadUInt64(at);
        return new RedoEntry(at, UlogEntry.Offset(word), UlogEntry.Operation(word), map.ReadUInt64(at + sizeof(ulong)));
    }

    private static RedoEntry Demand(RedoEntry entry, PoolBounds bounds)
    {
        if (entry.Operation is not (UlogOperation.Set or UlogOperation.And or UlogOperation.Or))
            throw new PmemFormatException("redo entry operation", entry.EntryOffset, "SET, AND or OR", $"{(int)entry.Operation}");
        if (!bounds.IsRedoDestination(entry.Offset))
            throw new PmemFormatException("redo entry destination", entry.EntryOffset, "an aligned word of the heap, the lanes or the root fields", $"0x{entry.Offset:x}");
        return entry;
    }
}
