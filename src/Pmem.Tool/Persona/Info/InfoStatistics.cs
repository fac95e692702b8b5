using Pmem.Objects.Inspection;
using Pmem.Objects.Layout;

namespace Pmem.Tool.Persona.Info;

/// <summary>The statistics of an object pool.</summary>
internal static class InfoStatistics
{
    private static readonly (ChunkType Type, string Name)[] s_types =
        [(ChunkType.Unknown, "unknown"), (ChunkType.Footer, "footer"), (ChunkType.Free, "free"), (ChunkType.Used, "used"), (ChunkType.Run, "run"), (ChunkType.RunData, "unknown")];

    public static void Write(LeveledOutput output, InfoOptions options, InfoHeap heap)
    {
        output.Title(1, "Statistics");
        output.Title(1, "Objects");
        WriteObjects(output, options, heap.Objects);
        output.Title(1, "Heap");
        output.Field(1, "Number of zones", $"{heap.Zones.Count}");
        output.Field(1, "Number of used zones", $"{heap.UsedZones} [{Share((ulong)heap.UsedZones, (ulong)heap.Zones.Count)}]");
        output.Indent(1, 1);
        var total = new ZoneCensus();
        for (int i = 0; i < heap.UsedZones; i++)
        {
            output.Title(1, $"Zone {i}");
            WriteChunks(output, options, heap.Zones[i]);
            output.Title(1, "Zone's allocation classes");
            WriteClasses(output, options, heap.Zones[i]);
            total.Add(heap.Zones[i]);
        }

        output.Indent(1, -1);
        if (heap.UsedZones <= 1)
            return;
        output.Title(1, "Total zone's statistics");
        output.Title(1, "Chunks statistics");
        WriteChunks(output, options, total);
        output.Title(1, "Allocation classes");
        WriteClasses(output, options, total);
    }

    private static void WriteObjects(LeveledOutput output, InfoOptions options, HeapCensus census)
    {
        output.Field(1, "Number of objects", $"{census.Objects}");
        output.Field(1, "Number of bytes", InfoText.Size(census.Bytes, options.Human));
        output.Title(1, "Objects by type");
        output.Indent(1, 1);
        foreach (TypeCount type in census.Types)
        {
            output.NewLine(1);
            output.Field(1, "Type number", $"{type.TypeNumber}");
            output.Field(1, "Number of objects", $"{type.Objects} [{Share(type.Objects, census.Objects)}]");
            output.Field(1, "Number of bytes", $"{InfoText.Size(type.Bytes, options.Human)} [{Share(type.Bytes, census.Bytes)}]");
        }

        output.Indent(1, -1);
    }

    private static void WriteChunks(LeveledOutput output, InfoOptions options, ZoneCensus zone)
    {
        ChunkCount all = zone.Chunks;
        output.Field(1, "Number of chunks", $"{all.Count}");
        output.Indent(1, 1);
        foreach ((ChunkType type, string name) in s_types.Where(each => zone[each.Type].Count > 0))
            output.Field(1, name, $"{zone[type].Count} [{Share(zone[type].Count, all.Count)}]");
        output.Indent(1, -1);
        output.NewLine(1);
        output.Field(1, "Total chunks size", InfoText.Size(all.Chunks, options.Human));
        output.Indent(1, 1);
        foreach ((ChunkType type, string name) in s_types.Where(each => zone[each.Type].Chunks > 0))
            output.Field(1, name, $"{zone[type].Chunks} [{Share(zone[type].Chunks, all.Chunks)}]");
        output.Indent(1, -1);
    }

    private static void WriteClasses(LeveledOutput output, InfoOptions options, ZoneCensus zone)
    {
        ulong bytes = 0;
        ulong used = 0;
        output.Indent(1, 1);
        foreach (ClassCount each in zone.Classes.Where(each => each.Units > 0))
        {
            output.NewLine(1);
            output.Field(1, "Unit size", InfoText.Size(each.Key.UnitSize, options.Human));
            output.Field(1, "Units", $"{each.Units}");
            output.Field(1, "Used units", $"{each.UsedUnits} [{Share(each.UsedUnits, each.Units)}]");
            output.Field(1, "Bytes", InfoText.Size(each.Bytes, options.Human));
            output.Field(1, "Used bytes", $"{InfoText.Size(each.UsedBytes, options.Human)} [{Share(each.UsedBytes, each.Bytes)}]");
            bytes += each.Bytes;
            used += each.UsedBytes;
        }

        output.Indent(1, -1);
        output.NewLine(1);
        output.Field(1, "Total bytes", InfoText.Size(bytes, options.Human));
        output.Field(1, "Total used bytes", $"{InfoText.Size(used, options.Human)} [{InfoText.Percent(bytes == 0 ? 0.0 : 100.0 * used / bytes)}]");
    }

    private static string Share(ulong part, ulong whole) => InfoText.Percent(100.0 * part / whole);
}
