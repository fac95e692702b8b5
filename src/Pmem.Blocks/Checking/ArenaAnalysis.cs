using System.Numerics;
using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Checking;

/// <summary>
/// Compares the map and the flog of an arena: every internal block must be named once. What is examined is the state that recovery would leave,
/// so interrupted writes are no faults.
/// </summary>
internal sealed class ArenaAnalysis
{
    private const int Slice = 1 << 20;

    private readonly PersistentMap _map;
    private readonly Arena _arena;
    private readonly ulong[] _used;
    private readonly Dictionary<uint, uint> _completed = [];

    private ArenaAnalysis(PersistentMap map, Arena arena)
    {
        _map = map;
        _arena = arena;
        _used = new ulong[((long)arena.InternalBlocks + 63) / 64];
    }

    /// <summary>Interrupted writes: the block, and the internal block that it gets.</summary>
    public IReadOnlyDictionary<uint, uint> Pending => _completed;

    /// <summary>Blocks whose map entries lead outside, or to an internal block that is taken.</summary>
    public List<(uint Block, uint Entry, bool IsDuplicate)> BadEntries { get; } = [];

    /// <summary>Internal blocks that several map entries name.</summary>
    public HashSet<uint> Shared { get; } = [];

    /// <summary>Flog entries without a usable free block, and why.</summary>
    public List<(uint Entry, string Reason)> BadFlog { get; } = [];

    /// <summary>Flog entries with bytes where the halves of none should be.</summary>
    public List<uint> MixedFlog { get; } = [];

    /// <summary>Flog entries that are sound but whose other half PMDK would refuse.</summary>
    public List<(uint Entry, uint Block)> BadOtherHalves { get; } = [];

    /// <summary>First byte of a part of the map or flog that cannot be read, or -1.</summary>
    public long Unreadable { get; private set; } = -1;

    /// <summary>Map entries of each kind: initial, marked as bad, zero, normal.</summary>
    public long[] Kinds { get; } = new long[4];

    public static ArenaAnalysis Run(PersistentMap map, Arena arena, in ArenaWalk walk)
    {
        var analysis = new ArenaAnalysis(map, arena);
        if (!analysis.CanRead(arena.FlogOffset, (long)arena.FreeBlocks * BttLayout.FlogEntrySize))
            return analysis;
        FlogReader.DetectHalves(map, arena);
        List<(uint Entry, uint FreeBlock)> free = analysis.ReadFlog();
        analysis.ReadMap(in walk);
        foreach ((uint entry, uint freeBlock) in free)
        {
            if (!analysis.Take(freeBlock))
                analysis.BadFlog.Add((entry, $"its free block {freeBlock} is also named by the map or another entry"));
        }

        return analysis;
    }

    /// <summary>Internal blocks that nothing names.</summary>
    public IEnumerable<uint> LostBlocks()
    {
        for (int i = 0; i < _used.Length; i++)
        {
            for (ulong free = ~_used[i]; free != 0; free &= free - 1)
            {
                uint block = ((uint)i * 64) + (uint)BitOperations.TrailingZeroCount(free);
                if (block < _arena.InternalBlocks)
                    yield return block;
            }
        }
    }

    private List<(uint Entry, uint FreeBlock)> ReadFlog()
    {
        var free = new List<(uint Entry, uint FreeBlock)>();
        Span<byte> probe = stackalloc byte[BttLayout.MapEntrySize];
        for (uint i = 0; i < _arena.FreeBlocks; i++)
        {
            if (HasOtherBytes(i))
                MixedFlog.Add(i);
            int half = FlogReader.Read(_map, _arena, i, out FlogHalf current, out string? problem);
            if (problem is not null)
            {
                BadFlog.Add((i, problem));
                continue;
            }

            FlogHalf other = _map.Read<FlogHalf>(_arena.FlogOffset + ((long)i * BttLayout.FlogEntrySize) + (half == 0 ? _arena.SecondHalf : 0));
            if (other.Block >= _arena.ExternalBlocks)
                BadOtherHalves.Add((i, other.Block));
            uint old = current.OldMap & MapEntry.BlockMask;
            uint replaced = current.NewMap & MapEntry.BlockMask;
            if (old != replaced && _map.TryRead(_arena.EntryOffset(current.Block), probe)
                && MapEntry.BlockOf(_map.Read<uint>(_arena.EntryOffset(current.Block)), current.Block) == old
                && !_completed.TryAdd(current.Block, replaced))
            {
                BadFlog.Add((i, $"two entries hold an unfinished write of block {current.Block}"));
                continue;
            }

            free.Add((i, old));
        }

        return free;
    }

    private bool HasOtherBytes(uint entry)
    {
        long at = _arena.FlogOffset + ((long)entry * BttLayout.FlogEntrySize);
        int padding = _arena.SecondHalf == BttLayout.FlogHalfSize ? 2 * BttLayout.FlogHalfSize : BttLayout.FlogHalfSize;
        return _map.GetSpan(at + padding, BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0)
            || _map.GetSpan(at + (3 * BttLayout.FlogHalfSize), BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0);
    }

    private void ReadMap(in ArenaWalk walk)
    {
        long length = (long)_arena.ExternalBlocks * BttLayout.MapEntrySize;
        byte[] bytes = new byte[(int)Math.Min(Slice, length)];
        for (long at = 0; at < length; at += bytes.Length)
        {
            walk.Step(at, length);
            Span<byte> part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - at));
            if (!_map.TryRead(_arena.MapOffset + at, part))
            {
                Unreadable = _arena.MapOffset + at;
                return;
            }

            ReadEntries(MemoryMarshal.Cast<byte, uint>(part), (uint)(at / BttLayout.MapEntrySize));
        }
    }

    private void ReadEntries(ReadOnlySpan<uint> entries, uint first)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            uint block = first + (uint)i;
            uint entry = entries[i];
            Kinds[entry >> 30]++;
            if (!_completed.TryGetValue(block, out uint holder))
                holder = MapEntry.BlockOf(entry, block);
            if (holder >= _arena.InternalBlocks)
                BadEntries.Add((block, entry, false));
            else if (!Take(holder))
            {
                BadEntries.Add((block, entry, true));
                Shared.Add(holder);
            }
        }
    }

    private bool Take(uint block)
    {
        ref ulong word = ref _used[block / 64];
        ulong bit = 1UL << (int)(block % 64);
        bool isFree = (word & bit) == 0;
        word |= bit;
        return isFree;
    }

    private bool CanRead(long at, long length)
    {
        byte[] bytes = new byte[(int)Math.Min(Slice, length)];
        for (long done = 0; done < length; done += bytes.Length)
        {
            if (_map.TryRead(at + done, bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - done))))
                continue;
            Unreadable = at + done;
            return false;
        }

        return true;
    }
}
