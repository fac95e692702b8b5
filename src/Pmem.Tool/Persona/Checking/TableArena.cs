using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Tool.Persona.Checking;

/// <summary>An arena while it is checked: its info block, map and flog as they are or will be.</summary>
internal sealed class TableArena(int id, ulong offset, BttInfo info)
{
    public int Id { get; } = id;

    public ulong Offset { get; } = offset;

    public BttInfo Info { get; set; } = info;

    public uint[] Map { get; private set; } = [];

    public byte[] Flog { get; private set; } = [];

    public string? Read(CheckedPool pool)
    {
        if (!pool.TryRead(Offset + Info.FlogOffset, (ulong)BttLayout.FlogSize(Info.FreeBlocks), out byte[] flog))
            return $"arena {Id}: cannot read BTT Flog";
        Flog = flog;
        if (!pool.TryRead(Offset + Info.MapOffset, (ulong)BttLayout.MapSize(Info.ExternalBlocks), out byte[] map))
            return $"arena {Id}: cannot read BTT Map";
        Map = MemoryMarshal.Cast<byte, uint>(map).ToArray();

        // More blocks than the pool has bytes are none that could be counted.
        return Info.InternalBlocks > (ulong)pool.Size ? $"arena {Id}: cannot allocate memory for blocks bitmap" : null;
    }

    public FlogHalf Half(uint entry, int half) => MemoryMarshal.Read<FlogHalf>(Flog.AsSpan(At(entry, half)));

    public void SetHalf(uint entry, int half, FlogHalf value) => MemoryMarshal.Write(Flog.AsSpan(At(entry, half)), value);

    public uint BlockOf(uint index) => MapEntry.BlockOf(Map[index], index);

    private static int At(uint entry, int half) => (int)(entry * BttLayout.FlogEntrySize) + (half * BttLayout.FlogHalfSize);
}
