using System.Text;
using Pmem.Objects.Inspection;
using Pmem.Objects.Layout;

namespace Pmem.Tool.Pool.Details;

/// <summary>The details of an object pool.</summary>
internal sealed class ObjectDetails(DetailSink sink, PersistentMap map, DetailOptions options)
{
    private readonly ObjectPoolView _pool = new(map);
    private long _entries;

    public bool Write()
    {
        bool whole = true;
        if (options.Headers)
        {
            whole &= sink.Section("descriptor", WriteDescriptor);
            whole &= sink.Section("heapHeader", WriteHeapHeader);
        }

        if (options.Lanes)
            whole &= sink.Section("lanes", WriteLanes);
        if (options.Heap)
            whole &= sink.Section("heapMap", WriteHeap);
        if (options.Statistics)
            whole &= sink.Section("statistics", WriteStatistics);
        return whole;
    }

    private void WriteDescriptor()
    {
        sink.Field("layout", Encoding.UTF8.GetString(_pool.LayoutName));
        sink.Offset("lanesOffset", _pool.LanesOffset);
        sink.Field("lanes", _pool.LaneCount);
        sink.Offset("heapOffset", _pool.HeapOffset);
        sink.Field("heapSize", _pool.HeapSize);
        sink.Offset("rootOffset", _pool.RootOffset);
        sink.Field("rootSize", _pool.RootSize);
        sink.Field("runId", _pool.RunId);
        PoolDetails.Checksum(sink, _pool.Checksum, _pool.ComputedChecksum);
        if (options.Hex)
            Dump(ObjectPoolView.DescriptorOffset, ObjectPoolView.DescriptorSize);
    }

    private void WriteHeapHeader()
    {
        HeapView heap = _pool.Heap;
        sink.Field("signature", Encoding.Latin1.GetString(heap.Signature));
        sink.Field("major", heap.Major);
        sink.Field("minor", heap.Minor);
        sink.Field("chunkSize", heap.ChunkSize);
        sink.Field("chunksPerZone", heap.ChunksPerZone);
        PoolDetails.Checksum(sink, heap.Checksum, heap.ComputedChecksum);
        if (options.Hex)
            Dump(heap.Offset, HeapView.HeaderSize);
    }

    private void WriteLanes()
    {
        ulong count = _pool.LaneCount;
        sink.Field("count", count);
        IEnumerable<LaneView> lanes = options.Range.Within((long)Math.Min(count, long.MaxValue)).SelectMany(Each).Select(i => _pool.Lane((ulong)i));
        sink.List("lane", options.Pending ? lanes.Where(lane => lane.NeedsRecovery) : lanes, lane =>
        {
            sink.Field("index", lane.Index);
            sink.Offset("offset", (ulong)lane.Offset);
            sink.Field("pending", lane.NeedsRecovery);
            WriteLog("undo", lane.Undo);
            WriteLog("internalRedo", lane.Internal);
            WriteLog("externalRedo", lane.External);
        });
    }

    private void WriteLog(string name, UlogView log) => sink.List(name, log.Entries(), entry =>
    {
        if (++_entries > _pool.MaximumLogEntries)
            throw new PmemFormatException("log entries", entry.Position, $"at most {_pool.MaximumLogEntries} in all logs together", "more: chains share their logs");
        sink.Field("operation", entry.Operation switch
        {
            UlogOperation.Set => "set",
            UlogOperation.And => "and",
            UlogOperation.Or => "or",
            UlogOperation.BufferSet => "fill",
            _ => "copy",
        });
        sink.Offset("offset", entry.Destination);
        if (entry.IsBuffer)
            sink.Field("length", entry.Length);
        else
            sink.Offset("value", entry.Value);
    });

    private void WriteHeap() => sink.List("zone", _pool.Heap.Zones(), zone =>
    {
        sink.Field("index", zone.Index);
        sink.Offset("offset", (ulong)zone.Offset);
        sink.Offset("magic", zone.Magic);
        sink.Field("chunks", zone.SizeIndex);
        if (options.Hex)
            Dump(zone.Offset, ZoneView.HeaderSize);
        sink.List("chunk", zone.Chunks().Where(chunk => options.Range.Contains(chunk.Index)), WriteChunk);
    });

    private void WriteChunk(ChunkView chunk)
    {
        sink.Field("index", chunk.Index);
        sink.Field("type", Name(chunk.Type));
        sink.Field("size", chunk.SizeIndex);
        sink.Field("flags", (long)chunk.Flags);
        sink.Offset("offset", (ulong)chunk.DataOffset);
        if (chunk.Type != ChunkType.Run)
            return;
        RunView run = chunk.ReadRun();
        sink.Field("unitSize", run.UnitSize);
        sink.Field("alignment", run.Alignment);
        sink.Field("units", run.Units);
        sink.Field("usedUnits", run.UsedUnits);
        if (options.Bitmaps)
            sink.Field("bitmap", string.Join(' ', Enumerable.Range(0, run.Words).Select(i => $"{run.Word(i):x16}")));
    }

    private void WriteStatistics()
    {
        var objects = new HeapCensus();
        var zones = new List<ZoneCensus>();
        foreach (ZoneView zone in _pool.Heap.Zones())
        {
            var census = new ZoneCensus();
            zones.Add(census);
            foreach (ChunkView chunk in zone.Chunks())
                Count(chunk, census, objects);
        }

        sink.Field("objects", objects.Objects);
        sink.Field("bytes", objects.Bytes);
        sink.List("types", objects.Types, type =>
        {
            sink.Field("typeNumber", type.TypeNumber);
            sink.Field("objects", type.Objects);
            sink.Field("bytes", type.Bytes);
        });
        int index = 0;
        sink.List("zones", zones, zone =>
        {
            sink.Field("index", index++);
            sink.List("chunks", Enum.GetValues<ChunkType>().Where(type => zone[type].Count > 0), type =>
            {
                sink.Field("type", Name(type));
                sink.Field("count", zone[type].Count);
                sink.Field("chunks", zone[type].Chunks);
            });
            sink.List("classes", zone.Classes.Where(each => each.Units > 0), each =>
            {
                sink.Field("unitSize", each.Key.UnitSize);
                sink.Field("unitsPerRun", each.Key.UnitsPerRun);
                sink.Field("alignment", each.Key.Alignment);
                sink.Field("units", each.Units);
                sink.Field("usedUnits", each.UsedUnits);
                sink.Field("bytes", each.Bytes);
                sink.Field("usedBytes", each.UsedBytes);
            });
        });
    }

    private void Count(ChunkView chunk, ZoneCensus zone, HeapCensus objects)
    {
        RunView? run = chunk.Type == ChunkType.Run ? chunk.ReadRun() : null;
        zone.Add(chunk, run);
        IEnumerable<ObjectView> items = run?.Objects() ?? (chunk.Type == ChunkType.Used ? [chunk.AsObject()] : []);
        foreach (ObjectView item in items)
        {
            if (options.Types == ByteRanges.All || (item.TypeNumber <= long.MaxValue && options.Types.Contains((long)item.TypeNumber)))
                objects.Add(in item);
        }
    }

    private void Dump(long offset, int length)
    {
        byte[] bytes = new byte[length];
        map.CheckedRead(offset, bytes);
        sink.Bytes("bytes", (ulong)offset, bytes);
    }

    private static string Name(ChunkType type) => type switch
    {
        ChunkType.Footer => "footer",
        ChunkType.Free => "free",
        ChunkType.Used => "used",
        ChunkType.Run => "run",
        ChunkType.RunData => "run data",
        _ => "unknown",
    };

    private static IEnumerable<long> Each((long First, long Last) range)
    {
        for (long i = range.First; i <= range.Last; i++)
            yield return i;
    }
}
