using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>
/// The first layout. Maps and flogs of all arenas are durable before the first info block, and info blocks go from the last arena to the first,
/// copy before original (UEFI 2.7 section 6.2.3), so the original of arena 0 is the commit: a crash before it leaves a namespace without a table
/// (or, from its copy on, a complete one), never a part of one.
/// </content>
public sealed unsafe partial class BlockTranslationTable
{
    /// <summary>Makes a table in a window of a map, and opens it. What the window held is lost. Durable at return.</summary>
    /// <param name="map">The memory; it stays the caller's.</param>
    /// <param name="offset">First byte of the namespace.</param>
    /// <param name="length">Bytes of the namespace.</param>
    /// <param name="format">Which program's rules.</param>
    /// <param name="blockSize">Bytes of a block. Linux accepts 512, 520, 528, 4096, 4104, 4160 and 4224.</param>
    /// <param name="uuid">Of the table; null makes one.</param>
    /// <param name="parentUuid">Of the namespace or pool set around it.</param>
    /// <param name="options">How to open.</param>
    /// <exception cref="ArgumentOutOfRangeException">The window is too small, or the blocks are too large for it.</exception>
    public static BlockTranslationTable Create(
        PersistentMap map, long offset, long length, BttFormat format, int blockSize, Guid? uuid = null, Guid parentUuid = default, BlockDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        DemandWindow(map, offset, length);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, BttLayout.MinimumArena + format.InitialOffset);
        UInt128 parent = format.UuidBytes(parentUuid);
        var table = new BlockTranslationTable(map, offset, length, format, blockSize, parent, knownZero: false, options ?? BlockDeviceOptions.Default);
        table.WriteLayout(format.UuidBytes(uuid ?? Guid.NewGuid()));
        table.TryOpenLayout(mayBeEmpty: false);
        return table;
    }

    /// <summary>The arenas, with the laid-out table written now if it was not.</summary>
    private Arena[] LaidOut() => _arenas ?? LayOut();

    private Arena[] LayOut()
    {
        lock (_layoutLock)
        {
            if (_arenas is null)
            {
                WriteLayout(Format.UuidBytes(Guid.NewGuid()));
                TryOpenLayout(mayBeEmpty: false);
            }

            return _arenas!;
        }
    }

    /// <summary>The arenas that a new layout has.</summary>
    private List<PlannedArena> PlanArenas()
    {
        var plan = new List<PlannedArena>();
        for (long start = 0; _length - start >= BttLayout.MinimumArena;)
        {
            var geometry = ArenaGeometry.Compute(Format, _length - start, BlockSize);
            plan.Add(new PlannedArena(start, geometry, _length - start - geometry.Length));
            start += geometry.Length;
        }

        return plan;
    }

    private void WriteLayout(UInt128 uuid)
    {
        List<PlannedArena> plan = PlanArenas();

        // No old info block may stay valid while the rest changes.
        if (!_knownZero)
            ForgetInfo(plan);
        foreach ((long start, ArenaGeometry geometry, _) in plan)
        {
            if (!_knownZero)
                _map.Fill(_offset + start + geometry.MapOffset, 0, geometry.FlogOffset - geometry.MapOffset, CopyHints.NoDrain);
            WriteFlog(_offset + start + geometry.FlogOffset, in geometry);
        }

        _map.Drain();
        plan.Reverse();
        foreach ((long start, ArenaGeometry geometry, long rest) in plan)
        {
            BttInfo info = geometry.ToInfo(Format, uuid, _parentUuid ?? default, rest);
            StoreInfo(_offset + start + geometry.InfoOffset, in info);
            StoreInfo(_offset + start, in info);
        }
    }

    private void ForgetInfo(List<PlannedArena> plan)
    {
        foreach ((long start, ArenaGeometry geometry, _) in plan)
        {
            _map.Fill(_offset + start, 0, BttInfo.Size);
            _map.Fill(_offset + start + geometry.InfoOffset, 0, BttInfo.Size);
        }
    }

    private void WriteFlog(long at, in ArenaGeometry geometry)
    {
        uint flag = Format.FlogHasFlags ? MapEntry.Zero : 0;
        Span<byte> entry = stackalloc byte[BttLayout.FlogEntrySize];
        entry.Clear();
        for (uint i = 0; i < geometry.FreeBlocks; i++)
        {
            uint free = (geometry.ExternalBlocks + i) | flag;
            MemoryMarshal.Write(entry, new FlogHalf { Block = i, OldMap = free, NewMap = free, Sequence = 1 });
            _map.Copy(at + ((long)i * BttLayout.FlogEntrySize), entry, CopyHints.NoDrain);
        }
    }

    private readonly record struct PlannedArena(long Start, ArenaGeometry Geometry, long Behind);
}
