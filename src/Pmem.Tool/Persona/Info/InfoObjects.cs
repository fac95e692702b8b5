using Pmem.Objects.Inspection;

namespace Pmem.Tool.Persona.Info;

/// <summary>An object pool: descriptor, lanes, root object, and the heap.</summary>
internal sealed class InfoObjects(LeveledOutput output, InfoOptions options, PersistentMap map)
{
    private readonly ObjectPoolView _pool = new(map);
    private long _entries;

    public int Write()
    {
        WriteDescriptor();
        WriteLanes();
        WriteRoot();
        WriteHeapHeader();
        var heap = new InfoHeap(output, options, _pool, WriteObject);
        heap.Write();
        if (options.Has('s'))
            InfoStatistics.Write(output, options, heap);
        return 0;
    }

    private void WriteDescriptor()
    {
        output.Write(1, "\nPMEM OBJ Header:\n");
        byte[] bytes = new byte[ObjectPoolView.DescriptorSize];
        if (options.Has('x'))
        {
            map.CheckedRead(ObjectPoolView.DescriptorOffset, bytes);
            output.HexDump(1, bytes, (ulong)ObjectPoolView.DescriptorOffset, separate: true);
        }

        output.Field(1, "Layout", _pool.HasNoLayout ? "(null)" : Terminal.Text(_pool.LayoutName));
        output.Field(1, "Lanes offset", $"0x{_pool.LanesOffset:x}");
        output.Field(1, "Number of lanes", $"{_pool.LaneCount}");
        output.Field(1, "Heap offset", $"0x{_pool.HeapOffset:x}");
        output.Field(1, "Heap size", $"{_pool.HeapSize}");
        output.Field(1, "Checksum", InfoText.Checksum(_pool.Checksum, _pool.ComputedChecksum));
        output.Field(1, "Root offset", $"0x{_pool.RootOffset:x}");
        output.Field(2, "Run id", $"{_pool.RunId}");
    }

    private void WriteLanes()
    {
        if (!options.Has('l'))
            return;
        foreach ((ulong first, ulong last) in options.LaneRanges.InOrder)
        {
            for (ulong i = first; i <= last && i < _pool.LaneCount; i++)
            {
                LaneView lane = _pool.Lane(i);
                if (options.Has('R') && !lane.NeedsRecovery)
                    continue;
                output.Title(1, $"Lane {i}");
                output.Indent(1, 1);
                WriteLog("Undo Log", lane.Undo);
                output.NewLine(1);
                WriteLog("Internal Undo Log", lane.Internal);
                WriteLog("External Undo Log", lane.External);
                output.Indent(1, -1);
            }
        }
    }

    private void WriteLog(string title, UlogView log)
    {
        output.Title(1, title);
        output.Indent(1, 1);
        output.Title(1, "Log entries");
        int index = 0;
        foreach (UlogEntryView entry in log.Entries())
        {
            if (++_entries > _pool.MaximumLogEntries)
                throw new PmemFormatException("log entries", entry.Position, $"at most {_pool.MaximumLogEntries} in all logs together", "more: chains share their logs");
            string operand = entry.IsBuffer ? $"Size: {InfoText.Size(entry.Length, options.Human)}" : $"Value: 0x{entry.Value:x16}";
            output.Write(1, $"{index++:d10}: Offset: 0x{entry.Destination:x16} {operand} ");
        }

        output.Indent(1, -1);
    }

    private void WriteRoot()
    {
        int level = options.LevelOf('o');
        ulong root = _pool.RootOffset;
        if (root == 0)
        {
            output.Write(level, "\nNo root object...\n");
            return;
        }

        output.Title(level, "Root object");
        output.Field(level, "Offset", $"0x{root:x16}");
        output.Field(level, "Size", InfoText.Size(_pool.RootSize, options.Human));
        if (level != 0)
            WriteObject(level, 0, _pool.Heap.ObjectAt((long)Math.Min(root, long.MaxValue)), 0);
    }

    private void WriteHeapHeader()
    {
        int level = options.LevelOf('H');
        if (level == 0)
            return;
        HeapView heap = _pool.Heap;
        output.Write(level, "\nPMEMOBJ Heap Header:\n");
        byte[] bytes = new byte[HeapView.HeaderSize];
        long offset = heap.Offset;
        map.CheckedRead(offset, bytes);
        output.HexDump(options.LevelOf('x'), bytes, (ulong)offset, separate: true);
        output.Field(level, "Signature", Terminal.Text(heap.Signature));
        output.Field(level, "Major", $"{(long)heap.Major}");
        output.Field(level, "Minor", $"{(long)heap.Minor}");
        output.Field(level, "Chunk size", InfoText.Size(heap.ChunkSize, options.Human));
        output.Field(level, "Chunks per zone", $"{(long)heap.ChunksPerZone}");
        output.Field(level, "Checksum", InfoText.Checksum(heap.Checksum, heap.ComputedChecksum));
    }

    /// <summary>An object; <paramref name="idLevel"/> shows its number and offset.</summary>
    private void WriteObject(int level, int idLevel, ObjectView item, ulong id)
    {
        output.NewLine(idLevel);
        output.Field(idLevel, "Object", $"{id}");
        output.Field(idLevel, "Offset", $"0x{item.Offset:x16}");
        int headers = level != 0 && options.Has('A') ? 1 : 0;
        int indented = level != 0 && (options.Has('A') || options.Has('a')) ? 1 : 0;
        output.Indent(indented, 1);
        if (headers != 0)
        {
            output.Title(headers, "Allocation Header");
            output.Field(headers, "Size", InfoText.Size((ulong)item.UsableSize, options.Human));
            output.Field(headers, "Extra", $"{item.TypeNumber}");
            output.Field(headers, "Flags", $"0x{item.Flags:x}");
        }

        if (level != 0 && options.Has('d') && item.RealSize > 0)
            WriteData(item);
        output.Indent(indented, -1);
    }

    private void WriteData(ObjectView item)
    {
        // As many bytes as the object takes with its header, from behind the header.
        if (item.RealSize > int.MaxValue || item.Offset > map.Length - item.RealSize)
            throw new PmemFormatException("object", item.Offset, $"{item.RealSize} bytes inside the pool", $"0x{item.Offset:x}");
        byte[] bytes = new byte[item.RealSize];
        map.CheckedRead(item.Offset, bytes);
        output.HexDump(1, bytes, (ulong)item.Offset, separate: true);
    }
}
