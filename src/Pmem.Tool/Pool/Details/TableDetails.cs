using Pmem.Blocks.Layout;

namespace Pmem.Tool.Pool.Details;

/// <summary>The details of a block pool: descriptor, info blocks, map, flog, and its blocks by state.</summary>
internal sealed class TableDetails(DetailSink sink, PersistentMap map, DetailOptions options)
{
    private const long Descriptor = 4096;
    private const long Table = 8192;

    private readonly Dictionary<string, ulong> _states = new() { ["initial"] = 0, ["normal"] = 0, ["zero"] = 0, ["bad"] = 0 };

    public bool Write()
    {
        if (map.Length < Table + BttInfo.Size)
            return false;
        bool whole = true;
        if (options.Headers)
        {
            whole &= sink.Section("descriptor", () =>
            {
                sink.Field("blockSize", map.Read<uint>(Descriptor));
                sink.Field("isZeroed", map.Read<uint>(Descriptor + sizeof(uint)) != 0);
            });
        }

        if (options.Table || options.Map || options.Flog || options.Statistics)
            whole &= sink.Section("table", () => sink.List("arena", Arenas(), WriteArena));
        if (options.Statistics)
        {
            whole &= sink.Section("statistics", () =>
            {
                foreach ((string state, ulong count) in _states)
                    sink.Field(state, count);
            });
        }

        return whole;
    }

    private IEnumerable<(int Index, long Offset, BttInfo Info)> Arenas()
    {
        long offset = Table;
        for (int index = 0; offset <= map.Length - BttInfo.Size; index++)
        {
            BttInfo info = Read(offset);
            if (info.IsZero)
                yield break;
            yield return (index, offset, info);

            // Only what passes all rules is followed: it leads forward, and stays in the pool.
            if (BttInfoValidation.FindProblem(in info, offset, map.Length - offset, parentUuid: null, blockSize: 0) is { } problem)
                throw problem;
            if (info.NextOffset == 0)
                yield break;
            offset += (long)info.NextOffset;
        }
    }

    private void WriteArena((int Index, long Offset, BttInfo Info) arena)
    {
        BttInfo info = arena.Info;
        sink.Field("index", arena.Index);
        sink.Offset("offset", (ulong)arena.Offset);
        WriteInfo(in info);
        bool isValid = BttInfoValidation.FindProblem(in info, arena.Offset, map.Length - arena.Offset, parentUuid: null, blockSize: 0) is null;
        sink.Field("valid", isValid);
        if (options.Hex)
            sink.Bytes("bytes", (ulong)arena.Offset, Bytes(arena.Offset));
        if (!isValid)
            return;
        if (options.Table)
        {
            BttInfo copy = Read(arena.Offset + (long)info.InfoOffset);
            sink.Field("copyValid", copy.IsIntact);
            sink.Field("copyEqual", Bytes(arena.Offset).AsSpan().SequenceEqual(Bytes(arena.Offset + (long)info.InfoOffset)));
        }

        if (options.Statistics)
            Count(arena.Offset, in info);
        if (options.Map)
            sink.List("map", Entries(arena.Offset, info, options.Range), WriteEntry);
        if (options.Flog)
            sink.List("flog", Enumerable.Range(0, (int)info.FreeBlocks), i => WriteFlog(arena.Offset + (long)info.FlogOffset + ((long)i * BttLayout.FlogEntrySize), i));
    }

    private void WriteInfo(in BttInfo info)
    {
        sink.Field("uuid", $"{new Guid(BttInfo.UuidOf(in info))}");
        sink.Field("parentUuid", $"{new Guid(BttInfo.ParentUuidOf(in info))}");
        sink.Field("flags", info.Flags);
        sink.Field("version", $"{info.Major}.{info.Minor}");
        sink.Field("externalBlockSize", info.ExternalBlockSize);
        sink.Field("externalBlocks", info.ExternalBlocks);
        sink.Field("internalBlockSize", info.InternalBlockSize);
        sink.Field("internalBlocks", info.InternalBlocks);
        sink.Field("freeBlocks", info.FreeBlocks);
        sink.Offset("dataOffset", info.DataOffset);
        sink.Offset("mapOffset", info.MapOffset);
        sink.Offset("flogOffset", info.FlogOffset);
        sink.Offset("copyOffset", info.InfoOffset);
        sink.Offset("nextOffset", info.NextOffset);
        PoolDetails.Checksum(sink, info.Checksum, info.ComputeChecksum());
    }

    private void Count(long arena, in BttInfo info)
    {
        foreach ((uint _, uint entry) in Entries(arena, info, ByteRanges.All))
            _states[State(entry)]++;
    }

    private IEnumerable<(uint Block, uint Entry)> Entries(long arena, BttInfo info, ByteRanges ranges)
    {
        foreach ((long first, long last) in ranges.Within(info.ExternalBlocks))
        {
            for (long block = first; block <= last; block++)
                yield return ((uint)block, map.Read<uint>(arena + (long)info.MapOffset + (block * BttLayout.MapEntrySize)));
        }
    }

    private void WriteEntry((uint Block, uint Entry) entry)
    {
        sink.Field("block", entry.Block);
        sink.Field("internal", MapEntry.BlockOf(entry.Entry, entry.Block));
        sink.Field("state", State(entry.Entry));
    }

    private void WriteFlog(long at, int index)
    {
        FlogHalf first = map.Read<FlogHalf>(at);
        FlogHalf second = map.Read<FlogHalf>(at + BttLayout.FlogHalfSize);
        sink.Field("index", index);
        sink.Field("current", FlogHalf.Current(first.Sequence, second.Sequence));
        int half = 0;
        sink.List("halves", (FlogHalf[])[first, second], each =>
        {
            sink.Field("half", half++);
            sink.Field("block", each.Block);
            sink.Field("oldBlock", each.OldMap & MapEntry.BlockMask);
            sink.Field("oldState", State(each.OldMap));
            sink.Field("newBlock", each.NewMap & MapEntry.BlockMask);
            sink.Field("newState", State(each.NewMap));
            sink.Field("sequence", each.Sequence);
        });
    }

    private static string State(uint entry) => MapEntry.IsInitial(entry) ? "initial" : MapEntry.IsError(entry) ? "bad" : MapEntry.IsZero(entry) ? "zero" : "normal";

    private BttInfo Read(long offset) => BttInfo.Read(Bytes(offset));

    private byte[] Bytes(long offset)
    {
        byte[] bytes = new byte[BttInfo.Size];
        map.CheckedRead(offset, bytes);
        return bytes;
    }
}
