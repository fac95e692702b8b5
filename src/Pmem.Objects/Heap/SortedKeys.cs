namespace Pmem.Objects.Heap;

/// <summary>
/// A sorted set of 64-bit keys in blocks of up to 512, for the volatile side of the allocator. Insertions and removals move at most a block;
/// nothing is allocated once the blocks are there. Not thread-safe.
/// </summary>
internal sealed class SortedKeys
{
    private const int BlockSize = 512;

    private sealed class Block
    {
        public readonly ulong[] Keys = new ulong[BlockSize];
        public int Count;
    }

    private Block[] _blocks = [new Block()];
    private int _blockCount = 1;

    /// <summary>Number of keys.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a key; false when it is there already.</summary>
    public bool Add(ulong key)
    {
        int b = FindBlock(key);
        Block block = _blocks[b];
        int at = Array.BinarySearch(block.Keys, 0, block.Count, key);
        if (at >= 0)
            return false;
        at = ~at;
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

        Array.Copy(block.Keys, at, block.Keys, at + 1, block.Count - at);
        block.Keys[at] = key;
        block.Count++;
        Count++;
        return true;
    }

    /// <summary>Removes a key; false when it is not there.</summary>
    public bool Remove(ulong key)
    {
        int b = FindBlock(key);
        Block block = _blocks[b];
        int at = Array.BinarySearch(block.Keys, 0, block.Count, key);
        if (at < 0)
            return false;
        block.Count--;
        Count--;
        Array.Copy(block.Keys, at + 1, block.Keys, at, block.Count - at);
        if (block.Count == 0 && _blockCount > 1)
        {
            Array.Copy(_blocks, b + 1, _blocks, b, _blockCount - b - 1);
            _blocks[--_blockCount] = block;
        }

        return true;
    }

    /// <summary>Finds the smallest key that is at least <paramref name="key"/>.</summary>
    public bool TryFindAtLeast(ulong key, out ulong found)
    {
        int b = FindBlock(key);
        Block block = _blocks[b];
        int at = Array.BinarySearch(block.Keys, 0, block.Count, key);
        if (at < 0)
            at = ~at;
        if (at == block.Count && ++b < _blockCount)
        {
            block = _blocks[b];
            at = 0;
        }

        found = at < block.Count ? block.Keys[at] : 0;
        return at < block.Count;
    }

    private int FindBlock(ulong key)
    {
        int low = 0;
        int high = _blockCount - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_blocks[middle].Keys[0] <= key)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
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
        Array.Copy(full.Keys, BlockSize / 2, spare.Keys, 0, BlockSize / 2);
        spare.Count = full.Count = BlockSize / 2;
    }
}
