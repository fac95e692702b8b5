using System.Diagnostics;

namespace Pmem.Objects.Transactions;

/// <summary>
/// The ranges that a transaction has taken, disjoint and sorted, touching ones merged. Two levels of arrays: blocks of up to 256 ranges, and
/// the list of blocks. Short transactions live in one block; long ones never move more than a block's worth of memory to insert.
/// Nothing is allocated once warm.
/// </summary>
internal sealed class RangeSet
{
    private const int BlockSize = 256;

    private struct Range
    {
        public long Start;
        public long End;
        public bool NoFlush;
    }

    private sealed class Block
    {
        public readonly Range[] Items = new Range[BlockSize];
        public int Count;
    }

    private Block[] _blocks = [new Block()];
    private int _blockCount = 1;
    private PoolRange[] _gaps = new PoolRange[16];

    /// <summary>Number of gaps that <see cref="Add"/> found.</summary>
    public int GapCount { get; private set; }

    /// <summary>The parts of the ranges added since <see cref="ClearGaps"/> that were not covered before.</summary>
    public ReadOnlySpan<PoolRange> Gaps => _gaps.AsSpan(0, GapCount);

    /// <summary>Forgets the gaps.</summary>
    public void ClearGaps() => GapCount = 0;

    /// <summary>Adds a range; its parts that were not covered yet are appended to <see cref="Gaps"/>.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte behind.</param>
    /// <param name="noFlush">Not to be flushed at commit; survives a merge only if both sides have it.</param>
    public void Add(long start, long end, bool noFlush)
    {
        Debug.Assert(start < end, "ranges are not empty");
        long cursor = start;
        long mergedStart = start;
        long mergedEnd = end;
        bool first = true;
        while (TryFindTouching(mergedStart, mergedEnd, out int block, out int index))
        {
            ref Range range = ref _blocks[block].Items[index];
            if (first && range.Start <= start && range.End >= end)
            {
                range.NoFlush &= noFlush;
                return;
            }

            if (range.Start > cursor)
                AddGap(cursor, Math.Min(range.Start, end));
            cursor = Math.Max(cursor, range.End);
            noFlush &= range.NoFlush;

            if (first && range.Start <= start && !TouchesNext(block, index, end))
            {
                // The usual merge: the range before grows at its end.
                if (cursor < end)
                    AddGap(cursor, end);
                range.End = end;
                range.NoFlush = noFlush;
                return;
            }

            mergedStart = Math.Min(mergedStart, range.Start);
            mergedEnd = Math.Max(mergedEnd, range.End);
            RemoveAt(block, index);
            first = false;
        }

        if (cursor < end)
            AddGap(cursor, end);
        Insert(mergedStart, mergedEnd, noFlush);
    }

    /// <summary>Takes a range out, as when an object allocated in the transaction is freed again.</summary>
    public void Remove(long start, long end)
    {
        while (TryFindTouching(start, end, out int block, out int index))
        {
            Range range = _blocks[block].Items[index];
            if (range.End == start || range.Start == end)
            {
                // Touching, not overlapping: look behind it, and come back only if there is overlap.
                if (range.Start == end || !TryFindTouching(start + 1, end - 1, out block, out index))
                    return;
                range = _blocks[block].Items[index];
            }

            RemoveAt(block, index);
            if (range.Start < start)
                Insert(range.Start, start, range.NoFlush);
            if (range.End > end)
                Insert(end, range.End, range.NoFlush);
            if (range.Start <= start && range.End >= end)
                return;
        }
    }

    /// <summary>Flushes every range that wants it.</summary>
    public void Flush(PersistentMap map)
    {
        for (int b = 0; b < _blockCount; b++)
        {
            Block block = _blocks[b];
            for (int i = 0; i < block.Count; i++)
            {
                ref Range range = ref block.Items[i];
                if (!range.NoFlush)
                    map.Flush(range.Start, range.End - range.Start);
            }
        }
    }

    /// <summary>Empties the set.</summary>
    public void Clear()
    {
        for (int b = 0; b < _blockCount; b++)
            _blocks[b].Count = 0;
        _blockCount = 1;
        GapCount = 0;
    }

    private bool TouchesNext(int block, int index, long end)
    {
        if (index + 1 < _blocks[block].Count)
            return _blocks[block].Items[index + 1].Start <= end;
        return block + 1 < _blockCount && _blocks[block + 1].Items[0].Start <= end;
    }

    /// <summary>Finds the first range that overlaps or touches [start, end].</summary>
    private bool TryFindTouching(long start, long end, out int block, out int index)
    {
        block = FindBlock(start);
        Block items = _blocks[block];
        index = FindIndex(items, start);
        if (index >= 0 && items.Items[index].End >= start)
            return true;

        index++;
        if (index == items.Count)
        {
            block++;
            index = 0;
            if (block == _blockCount)
                return false;
        }

        return _blocks[block].Items[index].Start <= end;
    }

    /// <summary>The last block whose first range starts at or before an offset, or the first block.</summary>
    private int FindBlock(long start)
    {
        int low = 0;
        int high = _blockCount - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_blocks[middle].Items[0].Start <= start)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <summary>The last range of a block that starts at or before an offset, or -1.</summary>
    private static int FindIndex(Block block, long start)
    {
        int high = block.Count - 1;
        if (high < 0 || block.Items[high].Start <= start)
            return high;
        int low = -1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (block.Items[middle].Start <= start)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    private void Insert(long start, long end, bool noFlush)
    {
        int b = FindBlock(start);
        Block block = _blocks[b];
        int at = FindIndex(block, start) + 1;
        if (block.Count == BlockSize)
        {
            Split(b);
            if (at > BlockSize / 2)
            {
                b++;
                at -= BlockSize / 2;
            }

            block = _blocks[b];
        }

        Array.Copy(block.Items, at, block.Items, at + 1, block.Count - at);
        block.Items[at] = new Range { Start = start, End = end, NoFlush = noFlush };
        block.Count++;
    }

    private void Split(int b)
    {
        if (_blockCount == _blocks.Length)
            Array.Resize(ref _blocks, _blocks.Length * 2);
        Block spare = _blocks[_blockCount] ?? new Block();
        Array.Copy(_blocks, b + 1, _blocks, b + 2, _blockCount - b - 1);
        _blocks[b + 1] = spare;
        _blockCount++;
        Block full = _blocks[b];
        Array.Copy(full.Items, BlockSize / 2, spare.Items, 0, BlockSize / 2);
        spare.Count = full.Count = BlockSize / 2;
    }

    private void RemoveAt(int b, int index)
    {
        Block block = _blocks[b];
        block.Count--;
        Array.Copy(block.Items, index + 1, block.Items, index, block.Count - index);
        if (block.Count > 0 || _blockCount == 1)
            return;
        Array.Copy(_blocks, b + 1, _blocks, b, _blockCount - b - 1);
        _blockCount--;
        _blocks[_blockCount] = block;
    }

    private void AddGap(long start, long end)
    {
        if (start >= end)
            return;
        if (GapCount == _gaps.Length)
            Array.Resize(ref _gaps, GapCount * 2);
        _gaps[GapCount++] = new PoolRange(start, end - start);
    }
}
