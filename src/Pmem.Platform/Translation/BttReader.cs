using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;
using Pmem.Platform.Evidence;
using Pmem.Platform.Model;

namespace Pmem.Platform.Translation;

/// <summary>
/// Reads the block translation table of a namespace from evidence, to find what a place of it is and where a block is. It believes info blocks that are
/// valid, and maps and flogs as they are: what an interrupted write left for the next opening to settle is shown as it was left.
/// </summary>
internal sealed class BttReader
{
    private const uint MostSequences = 5;

    private readonly RangeReader _read;
    private readonly NamespaceView _space;
    private readonly List<Arena> _arenas = [];

    public BttReader(RegionEvidence region, NamespaceView space)
        : this((offset, destination) => region.TryRead(space.Start - region.Range.Base + offset, destination), space)
    {
    }

    /// <summary>Finds the arenas.</summary>
    /// <param name="read">Reads bytes of the namespace.</param>
    /// <param name="space">The namespace.</param>
    public BttReader(RangeReader read, NamespaceView space)
    {
        _read = read;
        _space = space;
        ulong first = 0;
        ulong at = space.DataOffset;
        for (int i = 0; i < BttLayout.ArenaCount((long)(space.RawSize - space.DataOffset)); i++)
        {
            byte[] bytes = new byte[BttInfo.Size];
            if (!TryRead(at, bytes))
                break;
            BttInfo info = BttInfo.Read(bytes);
            if (BttInfoValidation.FindProblem(in info, (long)at, (long)(space.RawSize - at), null, 0) is not null)
                break;
            _arenas.Add(new Arena(i, at, first, info));
            if (info.NextOffset == 0)
                break;
            first += info.ExternalBlocks;
            at += info.NextOffset;
        }
    }

    /// <summary>Reads bytes at an offset; false when they cannot be read, or nothing is known of them.</summary>
    public delegate bool RangeReader(ulong offset, Span<byte> destination);

    /// <summary>Bytes that Linux shows of a block: the rest is metadata of the sector.</summary>
    public static uint ExposedSize(uint blockSize) => blockSize >= 4096 ? 4096u : 512u;

    /// <summary>Where a block is, from the start of the namespace.</summary>
    public ulong PlaceOfBlock(ulong block, ulong offset)
    {
        foreach (Arena arena in _arenas)
        {
            if (block < arena.First || block - arena.First >= arena.Info.ExternalBlocks)
                continue;
            uint own = (uint)(block - arena.First);
            uint entry = ReadEntry(arena, own) ?? throw new PmemException($"the map of {_space.Name} cannot be read");
            uint found = MapEntry.BlockOf(entry, own);
            if (found >= arena.Info.InternalBlocks)
                throw new PmemException($"the map of {_space.Name} says that block {block} is in internal block {found}, and the arena has {arena.Info.InternalBlocks}: 'pmem btt check' says more");
            return PlaceOfInternalBlock(arena.Number, found, offset);
        }

        throw new PmemException($"{_space.Name} has {_arenas.Sum(arena => (long)arena.Info.ExternalBlocks)} blocks, and no block {block}");
    }

    /// <summary>Where a block of an arena is, from the start of the namespace.</summary>
    public ulong PlaceOfInternalBlock(int number, ulong block, ulong offset)
    {
        Arena arena = _arenas.Find(known => known.Number == number) ?? throw new PmemException($"{_space.Name} has {_arenas.Count} readable arena(s), and no arena {number}");
        if (block >= arena.Info.InternalBlocks)
            throw new PmemException($"arena {number} of {_space.Name} has {arena.Info.InternalBlocks} blocks, and no block {block}");
        if (offset >= arena.Info.InternalBlockSize)
            throw new PmemException($"a block of {_space.Name} has {arena.Info.InternalBlockSize} bytes, and none at {offset}");
        return arena.Start + arena.Info.DataOffset + (block * arena.Info.InternalBlockSize) + offset;
    }

    /// <summary>Offsets of the namespace at which info blocks, data, maps and flogs begin.</summary>
    public IEnumerable<ulong> Boundaries() => _arenas.SelectMany(arena => (ulong[])
        [arena.Start, arena.Start + arena.Info.DataOffset, arena.Start + arena.Info.MapOffset, arena.Start + arena.Info.FlogOffset, arena.Start + arena.Info.InfoOffset]).Prepend(0UL);

    /// <summary>Why Linux does not enable the table although its info block is in order, and what does not fit; null when it does (<c>discover_arenas</c>, <c>btt_freelist_init</c>).</summary>
    /// <param name="hasErrors">Whether something of it may be unreadable: without, map entries are not tried.</param>
    public TableObstacle? FindObstacle(bool hasErrors = true)
    {
        foreach (Arena arena in _arenas)
        {
            byte[] flog = new byte[Math.Min(arena.Info.FreeBlocks, BttLayout.DefaultFreeBlocks) * BttLayout.FlogEntrySize];
            if (!TryRead(arena.Start + arena.Info.FlogOffset, flog))
                return new TableObstacle($"the flog of arena {arena.Number} cannot be read", IsUnread: true);
            if (FindObstacle(arena, flog, hasErrors) is { } obstacle)
                return obstacle;
        }

        return _arenas is [.., { Info.NextOffset: not 0 } last] ? new TableObstacle($"the info block of arena {last.Number + 1} cannot be read or is not valid", IsUnread: true) : null;
    }

    private TableObstacle? FindObstacle(Arena arena, ReadOnlySpan<byte> flog, bool hasErrors)
    {
        bool modern = false;
        bool legacy = false;
        for (int at = 0; at < flog.Length; at += BttLayout.FlogEntrySize)
        {
            modern |= flog.Slice(at + BttLayout.FlogHalfSize, BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0);
            legacy |= flog.Slice(at + (2 * BttLayout.FlogHalfSize), BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0);
        }

        if (modern && legacy)
            return new TableObstacle($"the flog of arena {arena.Number} has second halves at 16 and at 32 (\"Unable to deduce log/padding indices\")", IsUnread: false);
        for (int at = 0; at < flog.Length; at += BttLayout.FlogEntrySize)
        {
            int lane = at / BttLayout.FlogEntrySize;
            FlogHalf first = MemoryMarshal.Read<FlogHalf>(flog[at..]);
            FlogHalf second = MemoryMarshal.Read<FlogHalf>(flog[(at + (legacy ? 2 * BttLayout.FlogHalfSize : BttLayout.FlogHalfSize))..]);
            if (first.Sequence != 0 && (first.Sequence == second.Sequence || (ulong)first.Sequence + second.Sequence > MostSequences))
                return new TableObstacle($"flog entry {lane} of arena {arena.Number} has the sequence numbers {first.Sequence} and {second.Sequence}, which no write leaves (\"log corruption\")", IsUnread: false);
            FlogHalf current = FlogHalf.Current(first.Sequence, second.Sequence) == 0 ? first : second;
            if (hasErrors && (current.OldMap & MapEntry.BlockMask) != (current.NewMap & MapEntry.BlockMask) && current.Block < arena.Info.ExternalBlocks && ReadEntry(arena, current.Block) is null)
                return new TableObstacle($"the map entry of block {arena.First + current.Block}, which flog entry {lane} of arena {arena.Number} names, cannot be read", IsUnread: true);
        }

        return null;
    }

    /// <summary>What an offset of the namespace is.</summary>
    public Place Describe(Place place, ulong offset)
    {
        if (offset < _space.DataOffset)
            return place with { Kind = PlaceKind.Reserved, What = $"the page before the BTT of {_space.Name}, left for partition tables" };
        Arena? arena = _arenas.FindLast(known => known.Start <= offset);
        if (arena is null)
            return place with { Kind = PlaceKind.InfoBlock, What = $"{_space.Name}, whose BTT info block cannot be read or is not valid: nothing can be said of the place" };
        ulong within = offset - arena.Start;
        BttInfo info = arena.Info;
        string name = $"arena {arena.Number} of {_space.Name}";
        Place Metadata(PlaceKind kind, string what, ulong? entry = null) => place with { Kind = kind, What = what, Btt = new BttPlace(arena.Number, null, null, null, entry, string.Empty) };
        if (within < BttInfo.Size)
            return Metadata(PlaceKind.InfoBlock, $"BTT info block of {name}, byte {within}");
        if (within >= info.DataOffset && within - info.DataOffset < (ulong)info.InternalBlocks * info.InternalBlockSize)
            return DescribeBlock(place, arena, (uint)((within - info.DataOffset) / info.InternalBlockSize), (within - info.DataOffset) % info.InternalBlockSize);
        if (within >= info.MapOffset && within - info.MapOffset < (ulong)info.ExternalBlocks * BttLayout.MapEntrySize)
            return DescribeEntry(place, arena, (uint)((within - info.MapOffset) / BttLayout.MapEntrySize));
        if (within >= info.FlogOffset && within - info.FlogOffset < (ulong)info.FreeBlocks * BttLayout.FlogEntrySize)
            return Metadata(PlaceKind.BttFlog, DescribeFlog(arena, (uint)((within - info.FlogOffset) / BttLayout.FlogEntrySize), name), (within - info.FlogOffset) / BttLayout.FlogEntrySize);
        return within >= info.InfoOffset && within - info.InfoOffset < BttInfo.Size
            ? Metadata(PlaceKind.InfoBlockCopy, $"copy of the BTT info block of {name}, byte {within - info.InfoOffset}")
            : Metadata(PlaceKind.Padding, $"bytes of {name} that its structures leave unused");
    }

    private Place DescribeEntry(Place place, Arena arena, uint own)
    {
        uint? entry = ReadEntry(arena, own);
        string says = entry is { } found ? $"{StateOf(found)}, internal block {MapEntry.BlockOf(found, own)}" : "cannot be read";
        return place with
        {
            Kind = PlaceKind.BttMap,
            What = $"BTT map entry of block {arena.First + own} of {_space.Name} ({says})",
            Btt = new BttPlace(arena.Number, arena.First + own, entry is { } value ? MapEntry.BlockOf(value, own) : null, null, own, entry is { } state ? StateOf(state) : string.Empty),
        };
    }

    private Place DescribeBlock(Place place, Arena arena, uint block, ulong offset)
    {
        place = place with { Btt = new BttPlace(arena.Number, null, block, offset, null, string.Empty) };
        if (FindOwner(arena, block) is (uint own, uint entry))
        {
            ulong number = arena.First + own;
            place = place with { Btt = place.Btt! with { Block = number, State = StateOf(entry) } };
            uint exposed = ExposedSize(arena.Info.ExternalBlockSize);
            if (offset < exposed)
                return NamespacePlaces.Data(place, _space, (number * exposed) + offset) with { What = $"block {number} of {_space.Name} ({_space.Device}), byte {offset} ({StateOf(entry)})" };
            return place with
            {
                Kind = offset < arena.Info.ExternalBlockSize ? PlaceKind.Data : PlaceKind.Padding,
                What = offset < arena.Info.ExternalBlockSize ? $"metadata of block {number} of {_space.Name}, byte {offset - exposed}" : $"bytes behind block {number} of {_space.Name}, which rounding leaves unused",
            };
        }

        int lane = FindLane(arena, block);
        return place with
        {
            Kind = lane >= 0 ? PlaceKind.BttFreeBlock : PlaceKind.BttLostBlock,
            What = lane >= 0
                ? $"free internal block {block} of arena {arena.Number} of {_space.Name}: flog entry {lane} has it for the next write"
                : $"internal block {block} of arena {arena.Number} of {_space.Name}, which neither map nor flog names: 'pmem btt check' says more",
        };
    }

    /// <summary>The external block of the arena that is in an internal one: the map is searched from where it most likely is.</summary>
    private (uint Own, uint Entry)? FindOwner(Arena arena, uint block)
    {
        if (block < arena.Info.ExternalBlocks && ReadEntry(arena, block) is { } likely && MapEntry.BlockOf(likely, block) == block)
            return (block, likely);
        byte[] chunk = new byte[64 << 10];
        for (uint first = 0; first < arena.Info.ExternalBlocks;)
        {
            int count = (int)Math.Min((uint)chunk.Length / BttLayout.MapEntrySize, arena.Info.ExternalBlocks - first);
            Span<byte> bytes = chunk.AsSpan(0, count * BttLayout.MapEntrySize);
            if (TryRead(arena.Start + arena.Info.MapOffset + ((ulong)first * BttLayout.MapEntrySize), bytes))
            {
                for (int i = 0; i < count; i++)
                {
                    uint entry = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * BttLayout.MapEntrySize)..]);
                    if (!MapEntry.IsInitial(entry) && (entry & MapEntry.BlockMask) == block)
                        return (first + (uint)i, entry);
                }
            }

            first += (uint)count;
        }

        return null;
    }

    private int FindLane(Arena arena, uint block)
    {
        for (uint lane = 0; lane < arena.Info.FreeBlocks && lane < int.MaxValue; lane++)
        {
            if (ReadFlog(arena, lane) is { } half && (half.OldMap & MapEntry.BlockMask) == block)
                return (int)lane;
        }

        return -1;
    }

    private string DescribeFlog(Arena arena, uint lane, string name) => ReadFlog(arena, lane) is { } half
        ? $"BTT flog entry {lane} of {name} (block {arena.First + half.Block}: internal block {half.OldMap & MapEntry.BlockMask} before, {half.NewMap & MapEntry.BlockMask} after, sequence {half.Sequence})"
        : $"BTT flog entry {lane} of {name} (not valid)";

    private FlogHalf? ReadFlog(Arena arena, uint lane)
    {
        byte[] bytes = new byte[BttLayout.FlogEntrySize];
        if (!TryRead(arena.Start + arena.Info.FlogOffset + ((ulong)lane * BttLayout.FlogEntrySize), bytes))
            return null;
        // Linux before 4.15 put the second half at 32; then the place at 16 is zero.
        int second = bytes.AsSpan(BttLayout.FlogHalfSize, BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0) ? BttLayout.FlogHalfSize : 2 * BttLayout.FlogHalfSize;
        FlogHalf a = MemoryMarshal.Read<FlogHalf>(bytes);
        FlogHalf b = MemoryMarshal.Read<FlogHalf>(bytes.AsSpan(second));
        return FlogHalf.Current(a.Sequence, b.Sequence) switch
        {
            0 => a,
            1 => b,
            _ => null,
        };
    }

    private uint? ReadEntry(Arena arena, uint own)
    {
        Span<byte> bytes = stackalloc byte[BttLayout.MapEntrySize];
        return TryRead(arena.Start + arena.Info.MapOffset + ((ulong)own * BttLayout.MapEntrySize), bytes) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : null;
    }

    private bool TryRead(ulong offset, Span<byte> destination) => _read(offset, destination);

    private static string StateOf(uint entry) => MapEntry.IsInitial(entry) ? "initial" : MapEntry.IsError(entry) ? "error" : MapEntry.IsZero(entry) ? "zero" : "normal";

    /// <summary>An arena.</summary>
    /// <param name="Number">From 0.</param>
    /// <param name="Start">From the start of the namespace.</param>
    /// <param name="First">Number of its first block.</param>
    /// <param name="Info">Its info block.</param>
    private sealed record Arena(int Number, ulong Start, ulong First, BttInfo Info);
}
