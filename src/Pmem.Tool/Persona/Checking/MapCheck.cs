using System.Collections;
using Pmem.Blocks.Layout;

namespace Pmem.Tool.Persona.Checking;

/// <summary>Map and flog of an arena: each internal block belongs to one entry of the one or the other.</summary>
internal sealed class MapCheck(Conversation talk, TableArena arena)
{
    private readonly BitArray _used = new((int)arena.Info.InternalBlocks);
    private readonly BitArray _free = new((int)arena.Info.InternalBlocks);
    private readonly HashSet<uint> _twice = [];
    private readonly Stack<uint> _badEntries = new();
    private readonly Stack<uint> _badFlogs = new();
    private readonly Stack<uint> _unmapped = new();

    /// <summary>Examines and asks; false when that is the end.</summary>
    public bool Run()
    {
        for (uint i = 0; i < arena.Info.ExternalBlocks; i++)
            CheckEntry(i);
        for (uint i = 0; i < arena.Info.FreeBlocks; i++)
            CheckFlog(i);
        for (uint i = 0; i < arena.Info.InternalBlocks; i++)
        {
            if (_used[(int)i])
                continue;
            talk.Say($"arena {arena.Id}: unmapped block {i}");
            _unmapped.Push(i);
        }

        SayCount("unmapped blocks", _unmapped.Count);
        SayCount("invalid BTT Map entries", _badEntries.Count);
        SayCount("invalid BTT Flog entries", _badFlogs.Count);
        if (!talk.Request.Repair && _unmapped.Count > 0)
        {
            talk.End(CheckState.NotConsistent);
            return false;
        }

        if (_unmapped.Count != _badEntries.Count + _badFlogs.Count)
        {
            talk.Fail(CheckState.CannotRepair, $"arena {arena.Id}: cannot repair BTT Map and Flog");
            return false;
        }

        if (!talk.Request.Advanced && _badEntries.Count + _badFlogs.Count > 0)
        {
            talk.Say(Conversation.RequiresAdvanced);
            talk.End(CheckState.CannotRepair, "BTT Map and / or BTT Flog contain invalid entries");
            return false;
        }

        if (_badEntries.Count > 0)
            talk.Ask("Do you want to repair invalid BTT Map entries?", MendMap);
        if (_badFlogs.Count > 0)
            talk.Ask("Do you want to repair invalid BTT Flog entries?", MendFlog);
        return true;
    }

    private void SayCount(string what, int count)
    {
        if (count > 0)
            talk.Say($"arena {arena.Id}: number of {what}: {count}");
    }

    private void CheckEntry(uint index)
    {
        uint block = arena.BlockOf(index);
        if (block >= arena.Info.InternalBlocks)
        {
            talk.Say($"arena {arena.Id}: invalid BTT Map entry at {index}");
            _badEntries.Push(index);
        }
        else if (_used[(int)block])
        {
            talk.Say($"arena {arena.Id}: BTT Map entry {block} duplicated at {index}");
            _twice.Add(block);
            _badEntries.Push(index);
        }
        else
        {
            _used[(int)block] = true;
        }
    }

    private void CheckFlog(uint index)
    {
        FlogHalf first = arena.Half(index, 0);
        FlogHalf second = arena.Half(index, 1);
        if (first.Sequence == second.Sequence)
        {
            Refuse("invalid", index);
            return;
        }

        bool isSecond = first.Sequence == 0 || (second.Sequence != 0 && Following(first.Sequence) == second.Sequence);
        FlogHalf current = isSecond ? second : first;
        uint old = current.OldMap & MapEntry.BlockMask;
        uint next = current.NewMap & MapEntry.BlockMask;
        uint blocks = arena.Info.InternalBlocks;
        if (current.Block >= arena.Info.ExternalBlocks || old >= blocks || next >= blocks)
        {
            Refuse("invalid", index);
        }
        else if (_free[(int)old])
        {
            // The line break at the end of the message is pmempool's.
            Refuse("duplicated", index, "\n");
        }
        else if (_used[(int)old])
        {
            CheckUnfinished(index, old, next);
        }
        else
        {
            bool isInitial = !isSecond && current.Sequence == 1 && second is { Block: 0, OldMap: 0, NewMap: 0, Sequence: 0 };
            if (old == next && !isInitial)
            {
                Refuse("invalid", index);
                return;
            }

            _used[(int)old] = true;
            _free[(int)old] = true;
        }
    }

    /// <summary>A write that the next open finishes, unless both its blocks are in the map.</summary>
    private void CheckUnfinished(uint index, uint old, uint next)
    {
        if (_used[(int)next])
        {
            _twice.Add(next);
            Refuse("duplicated", index);
            return;
        }

        _used[(int)next] = true;
        _free[(int)old] = true;
    }

    private void Refuse(string how, uint index, string end = "")
    {
        talk.Say($"arena {arena.Id}: {how} BTT Flog entry at {index}{end}");
        _badFlogs.Push(index);
    }

    // 1, 2, 3, 1: what lies outside that follows by the low bits, as in libpmemblk.
    private static uint Following(uint sequence) => 0b01_11_10_00u >> (int)((sequence & 3) * 2) & 3;

    private bool MendMap()
    {
        for (uint i = 0; i < arena.Info.ExternalBlocks; i++)
        {
            uint block = arena.BlockOf(i);
            if (block < arena.Info.InternalBlocks && _twice.Remove(block))
                StoreEntry(i, MapEntry.Error | block);
        }

        while (_badEntries.TryPop(out uint entry))
        {
            if (!_unmapped.TryPop(out uint block))
                return false;
            StoreEntry(entry, block | MapEntry.Error);
        }

        return true;
    }

    private void StoreEntry(uint index, uint value)
    {
        arena.Map[index] = value;
        talk.Say($"arena {arena.Id}: storing 0x{value:x} at {index} BTT Map entry");
    }

    private bool MendFlog()
    {
        while (_badFlogs.TryPop(out uint index))
        {
            if (!_unmapped.TryPop(out uint block))
                return false;
            uint entry = block | MapEntry.Error;
            arena.SetHalf(index, 0, new FlogHalf { Block = index, OldMap = entry, NewMap = entry, Sequence = 1 });
            arena.SetHalf(index, 1, default);
            talk.Say($"arena {arena.Id}: repairing BTT Flog at {index} with free block entry 0x{entry:x}");
        }

        return true;
    }
}
