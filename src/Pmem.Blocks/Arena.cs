using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <summary>An arena at run time. Offsets are in the map, so that they can be used as they are.</summary>
internal sealed class Arena(int index, long start, in BttInfo info, int lanes)
{
    private const int GateCount = 256;

    private readonly Gate[] _gates = new Gate[GateCount];

    public int Index { get; } = index;

    public long Start { get; } = start;

    public uint ExternalBlocks { get; } = info.ExternalBlocks;

    public uint InternalBlocks { get; } = info.InternalBlocks;

    public uint InternalBlockSize { get; } = info.InternalBlockSize;

    public uint FreeBlocks { get; } = info.FreeBlocks;

    public long DataOffset { get; } = start + (long)info.DataOffset;

    public long MapOffset { get; } = start + (long)info.MapOffset;

    public long FlogOffset { get; } = start + (long)info.FlogOffset;

    public long InfoOffset { get; } = start + (long)info.InfoOffset;

    /// <summary>Where the second half of a flog entry is in it: 16, or 32 in tables made by Linux before 4.15.</summary>
    public int SecondHalf { get; set; } = BttLayout.FlogHalfSize;

    /// <summary>Why the arena may only be read, or null.</summary>
    public string? Error { get; set; }

    /// <summary>Lanes whose free block lies on bad media; they stay taken.</summary>
    public int RetiredLanes;

    public LaneState[] Lanes { get; } = new LaneState[Math.Min(lanes, (int)Math.Min(info.FreeBlocks, int.MaxValue))];

    /// <summary>Where the map entry of a block is.</summary>
    public long EntryOffset(uint block) => MapOffset + ((long)block * BttLayout.MapEntrySize);

    /// <summary>The lock of the cache line that holds the map entry of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Gate GateOf(uint block) => ref _gates[(block / (64 / BttLayout.MapEntrySize)) % GateCount];

    /// <summary>Where an internal block is.</summary>
    public long BlockOffset(uint block) => DataOffset + ((long)block * InternalBlockSize);

    /// <summary>Where a half of a flog entry is.</summary>
    public long HalfOffset(int lane, int half) => FlogOffset + ((long)lane * BttLayout.FlogEntrySize) + (half == 0 ? 0 : SecondHalf);
}

/// <summary>A flog entry at run time; alone in its cache line.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct LaneState
{
    [FieldOffset(0)]
    public int Taken;

    /// <summary>The internal block that the next write through this lane uses.</summary>
    [FieldOffset(4)]
    public uint FreeBlock;

    /// <summary>Sequence number of the current half.</summary>
    [FieldOffset(8)]
    public uint Sequence;

    /// <summary>The half that the next write uses.</summary>
    [FieldOffset(12)]
    public int NextHalf;

    /// <summary>Map entry of the last write, which may not be durable yet; 0 when none is.</summary>
    [FieldOffset(16)]
    public long PendingEntry;
}
