using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The block translation table of a block pool: info blocks, then map and flog of each arena, then writing what was mended.</summary>
internal sealed class TableSteps(Conversation talk, CheckedPool pool)
{
    private const ulong TableOffset = 8192;

    private readonly List<TableArena> _arenas = [];
    private (ulong Offset, BttInfo Info)? _valid;
    private bool _hasNoLayout;

    public IEnumerable<Pause> RunInfos()
    {
        talk.Say("checking BTT Info headers");
        _valid = pool.FindInfo(TableOffset);
        ulong next;
        ulong offset = TableOffset;
        do
        {
            if (!pool.TryReadInfo(offset, out BttInfo read))
            {
                talk.Fail(CheckState.Error, "arena 0: cannot read BTT Info header");
                yield break;
            }

            var arena = new TableArena(_arenas.Count, offset, read);
            foreach (Pause pause in CheckInfo(arena))
                yield return pause;
            if (talk.IsOver || talk.IsStopped)
                yield break;
            _arenas.Add(arena);
            next = arena.Info.NextOffset;
            if (next != 0 && offset + next <= offset)
            {
                talk.Fail(CheckState.Error, "arena 0: cannot read BTT Info header");
                yield break;
            }

            offset += next;
        }
        while (next > 0);
    }

    public IEnumerable<Pause> RunMaps()
    {
        if (_hasNoLayout)
            yield break;
        talk.Say("checking BTT Map and Flog");
        foreach (TableArena arena in _arenas)
        {
            talk.Say($"arena {arena.Id}: checking BTT Map and Flog");
            if (arena.Read(pool) is { } problem)
            {
                talk.Fail(CheckState.Error, problem);
                yield break;
            }

            var maps = new MapCheck(talk, arena);
            if (!maps.Run())
                yield break;
            if (talk.State == CheckState.AskQuestions)
                yield return default;
            if (!talk.Carry())
                yield break;
        }
    }

    public IEnumerable<Pause> RunWrite()
    {
        if (talk.Request.ChangesNothing)
            yield break;
        foreach (TableArena arena in _arenas)
        {
            BttInfo info = arena.Info;
            if (pool.HasNewUuid)
            {
                info.ParentUuid = Unsafe.BitCast<Guid, UInt128>(pool.ReadHeader(0, 0).PoolSetUuid);
                info.Checksum = info.ComputeChecksum();
            }

            byte[] bytes = new byte[BttInfo.Size];
            MemoryMarshal.Write(bytes, in info);
            string? failed = !pool.TryWrite(arena.Offset, bytes) ? "BTT Info"
                : !pool.TryWrite(arena.Offset + info.InfoOffset, bytes) ? "BTT Info backup"
                : !pool.TryWrite(arena.Offset + info.FlogOffset, arena.Flog) ? "BTT FLOG"
                : !pool.TryWrite(arena.Offset + info.MapOffset, MemoryMarshal.AsBytes(arena.Map.AsSpan())) ? "BTT map" : null;
            if (failed is null)
                continue;
            talk.Say(talk.Request.Path);
            talk.Fail(CheckState.CannotRepair, $"arena {arena.Id}: writing {failed} failed");
            yield break;
        }
    }

    private IEnumerable<Pause> CheckInfo(TableArena arena)
    {
        string prefix = $"arena {arena.Id}: BTT Info";
        if (arena.Info.IsZero)
        {
            talk.Say("BTT Layout not written");
            _hasNoLayout = true;
            talk.End();
            yield break;
        }

        bool isValid = arena.Info.IsIntact;
        if (isValid)
        {
            talk.Say($"{prefix} header checksum correct");
        }
        else if (!talk.Request.Repair)
        {
            talk.End(CheckState.NotConsistent, $"{prefix} header checksum incorrect");
            yield break;
        }

        if (!pool.TryReadInfo(pool.NextArena(arena.Offset) - BttInfo.Size, out BttInfo copy))
        {
            talk.Fail(CheckState.Error, $"arena {arena.Id}: cannot read BTT Info backup");
            yield break;
        }

        bool isCopyValid = copy.IsIntact;
        if (isCopyValid && !isValid)
        {
            talk.Ask($"{prefix} header checksum incorrect.|Restore BTT Info from backup?", () => Take(arena, $"arena {arena.Id}: restoring BTT Info header from backup", copy));
            if (talk.State == CheckState.AskQuestions)
                yield return default;
            if (!talk.Carry())
                yield break;
            isValid = true;
        }

        if (!isValid)
        {
            foreach (Pause pause in Regenerate(arena, prefix))
                yield return pause;
            if (talk.IsOver || talk.IsStopped)
                yield break;
        }

        if (isCopyValid)
            yield break;
        if (!talk.Ask($"{prefix} backup checksum incorrect.|Do you want to restore it from BTT Info header?", () => Take(arena, $"arena {arena.Id}: restoring BTT Info backup from header", arena.Info)))
        {
            talk.End(CheckState.NotConsistent, $"{prefix} backup checksum incorrect");
            yield break;
        }

        if (talk.State == CheckState.AskQuestions)
            yield return default;
        talk.Carry();
    }

    private IEnumerable<Pause> Regenerate(TableArena arena, string prefix)
    {
        if (_valid is not { } valid)
        {
            talk.End(CheckState.NotConsistent, "can not find any valid BTT Info");
            yield break;
        }

        talk.Ask($"{prefix} header checksum incorrect.|Do you want to regenerate BTT Info?", () => Generate(arena, valid.Info));
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        if (!talk.Carry())
            yield break;
        if (arena.Info.IsIntact)
        {
            talk.Say($"{prefix} header checksum correct");
            yield break;
        }

        if (!talk.Request.Advanced)
        {
            talk.Say(Conversation.RequiresAdvanced);
            talk.End(CheckState.CannotRepair, $"{prefix} header checksum incorrect");
            yield break;
        }

        talk.Ask($"{prefix} header checksum incorrect.|Do you want to regenerate BTT Info checksum?", () =>
        {
            BttInfo info = arena.Info;
            info.Checksum = info.ComputeChecksum();
            arena.Info = info;
            return true;
        });
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        talk.Carry();
    }

    private bool Take(TableArena arena, string doing, BttInfo info)
    {
        talk.Say(doing);
        arena.Info = info;
        return true;
    }

    /// <summary>All valid info blocks agree in everything but sizes and offsets, and those follow from the arena's place.</summary>
    private bool Generate(TableArena arena, BttInfo valid)
    {
        talk.Say($"arena {arena.Id}: regenerating BTT Info header");
        long available = pool.Size - (long)arena.Offset;
        if (available < BttLayout.MinimumArena || valid.ExternalBlockSize is 0 or > int.MaxValue || ArenaGeometry.FindProblem(BttFormat.Pmdk, available, (int)valid.ExternalBlockSize, valid.FreeBlocks) is not null)
        {
            talk.Fail("can not restore BTT Info");
            return false;
        }

        ArenaGeometry geometry = ArenaGeometry.Compute(BttFormat.Pmdk, available, (int)valid.ExternalBlockSize, valid.FreeBlocks);
        BttInfo info = geometry.ToInfo(BttFormat.Pmdk, valid.Uuid, valid.ParentUuid, available - geometry.Length);
        info.Flags = valid.Flags;
        info.Major = valid.Major;
        info.Minor = valid.Minor;
        info.Checksum = arena.Info.Checksum;
        arena.Info = info;
        return true;
    }
}
