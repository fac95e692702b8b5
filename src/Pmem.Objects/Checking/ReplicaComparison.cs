using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Checking;

/// <summary>
/// Compares a replica with the master where they have to be equal: descriptor, lanes, zones, and the chunks that are not free. What may differ
/// is left out: pool headers, the run-time area, footers, free memory (docs/formats/poolsets.md).
/// </summary>
internal sealed class ReplicaComparison(PersistentMap master, PersistentMap replica, PoolBounds bounds)
{
    private const int Slice = 1 << 20;

    /// <summary>The ranges that differ, in order, joined where less than a line lies between them.</summary>
    public IEnumerable<(long Offset, long Length)> Differences()
    {
        foreach ((long offset, long length) in Ranges())
        {
            for (long done = 0; done < length; done += Slice)
            {
                foreach ((long, long) difference in Compare(offset + done, (int)Math.Min(Slice, length - done)))
                    yield return difference;
            }
        }
    }

    /// <summary>
    /// Whether a difference looks like a lock at rest on both sides: a run that was, and behind it zeros up to 64 bytes. C's locks and ours are so, and
    /// neither makes them durable.
    /// </summary>
    public bool MayBeLock(long offset, long length)
    {
        const int LockSize = 64;
        long at = offset & -sizeof(ulong);
        if (offset + length > at + sizeof(ulong) || at < bounds.HeapOffset || at + LockSize > Math.Min(master.Length, replica.Length))
            return false;
        ulong run = master.ReadUInt64(PoolDescriptor.RunIdField);
        return IsAtRest(master) && IsAtRest(replica);

        bool IsAtRest(PersistentMap map) =>
            map.ReadUInt64(at) <= run && !map.GetSpan(at + sizeof(ulong), LockSize - sizeof(ulong)).ContainsAnyExcept((byte)0);
    }

    /// <summary>What has to be equal, as the master's heap describes it.</summary>
    private IEnumerable<(long Offset, long Length)> Ranges()
    {
        yield return (PoolDescriptor.Offset, PoolDescriptor.RunTimeArea - PoolDescriptor.Offset);
        yield return (bounds.LanesOffset, bounds.LanesEnd - bounds.LanesOffset);

        // Behind its signature the heap header has a field that C never writes, and never flushes what is around it; both sides check theirs.
        for (int zone = 0; zone < HeapLayout.ZoneCount(bounds.HeapSize); zone++)
        {
            long offset = bounds.HeapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
            yield return (offset, sizeof(ulong));
            ulong word = master.ReadUInt64(offset);
            if ((uint)word != HeapLayout.ZoneMagic)
                continue;
            long chunks = (long)Math.Min(word >> 32, HeapLayout.ChunksPerZone);
            for (long chunk = 0; chunk < chunks;)
            {
                long at = offset + HeapLayout.ZoneHeaderSize + (chunk * ChunkHeader.Size);
                var header = new ChunkHeader(master.ReadUInt64(at));
                long size = Math.Clamp(header.SizeIndex, 1, chunks - chunk);
                yield return (at, header.Type == ChunkType.Run ? size * ChunkHeader.Size : ChunkHeader.Size);
                if (header.Type != ChunkType.Free)
                    yield return (offset + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize), size * HeapLayout.ChunkSize);
                chunk += size;
            }
        }
    }

    private List<(long Offset, long Length)> Compare(long offset, int length)
    {
        const int Gap = 64;
        var found = new List<(long Offset, long Length)>();
        ReadOnlySpan<byte> left = master.GetSpan(offset, length);
        ReadOnlySpan<byte> right = replica.GetSpan(offset, length);
        for (int at = 0; at < length;)
        {
            at += left[at..].CommonPrefixLength(right[at..]);
            if (at == length)
                break;
            int end = at + 1;
            while (end < length && left[end] != right[end])
                end++;
            if (found.Count > 0 && offset + at - (found[^1].Offset + found[^1].Length) < Gap)
                found[^1] = (found[^1].Offset, offset + end - found[^1].Offset);
            else
                found.Add((offset + at, end - at));
            at = end;
        }

        return found;
    }
}
