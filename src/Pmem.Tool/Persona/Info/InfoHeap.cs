using Pmem.Objects.Inspection;
using Pmem.Objects.Layout;

namespace Pmem.Tool.Persona.Info;

/// <summary>Shows an object.</summary>
/// <param name="level">From which level on its headers and data are shown.</param>
/// <param name="idLevel">From which level on its number and offset are shown.</param>
/// <param name="item">The object.</param>
/// <param name="id">Its number.</param>
internal delegate void ObjectWriter(int level, int idLevel, ObjectView item, ulong id);

/// <summary>Zones, chunks, bitmaps and objects of a heap; counts on the way.</summary>
internal sealed class InfoHeap(LeveledOutput output, InfoOptions options, ObjectPoolView pool, ObjectWriter writeObject)
{
    private const int BitsPerWord = 64;
    private const int BitsPerGroup = 8;

    private readonly int _chunkLevel = options.LevelOf('C');
    private ulong _nextObject;

    /// <summary>All zones of the heap; those that no range names are empty.</summary>
    public List<ZoneCensus> Zones { get; } = [];

    public int UsedZones { get; private set; }

    public HeapCensus Objects { get; } = new();

    public void Write()
    {
        if (!options.Has('H') && !options.Has('s') && !options.Has('O'))
            return;
        HeapView heap = pool.Heap;
        for (int i = 0; i < heap.ZoneCount; i++)
        {
            var census = new ZoneCensus();
            Zones.Add(census);
            if (options.ZoneRanges.Contains((ulong)i))
                WriteZone(heap.Zone(i), census);
        }
    }

    private void WriteZone(ZoneView zone, ZoneCensus census)
    {
        int level = options.Has('H') && (options.Has('Z') || options.Has('C')) ? 1 : 0;
        output.Title(level, $"Zone {zone.Index}");
        uint magic = zone.Magic;
        if (magic == ZoneView.ExpectedMagic)
            UsedZones++;
        int headerLevel = options.Has('H') && options.Has('Z') ? 1 : 0;
        Dump(headerLevel, zone.Offset, ZoneView.HeaderSize);
        string verdict = magic switch { 0 => "uninitialized", ZoneView.ExpectedMagic => "OK", _ => "wrong! should be 0xC3F0A2D2" };
        output.Field(headerLevel, "Magic", $"0x{magic:x8} [{verdict}]");
        output.Field(headerLevel, "Size idx", $"{zone.SizeIndex}");
        output.Indent(level, 1);
        foreach (ChunkView chunk in zone.Chunks())
        {
            if (!options.ChunkRanges.Contains(chunk.Index))
                continue;
            if (IsWanted(chunk.Type))
                WriteChunk(chunk, census);
            if (chunk.SizeIndex > 1 && chunk.Type != ChunkType.Run && IsWanted(ChunkType.Footer))
                WriteChunk(zone.Chunk(chunk.Index + chunk.SizeIndex - 1), census: null);
        }

        output.Indent(level, -1);
    }

    private bool IsWanted(ChunkType type) => (uint)type < 32 && (options.ChunkTypes >> (int)type & 1) != 0;

    private void WriteChunk(ChunkView chunk, ZoneCensus? census)
    {
        output.Write(_chunkLevel, "\n");
        output.Field(_chunkLevel, "Chunk", $"{chunk.Index}");
        Dump(_chunkLevel, chunk.HeaderOffset, ChunkView.HeaderSize);
        output.Field(_chunkLevel, "Type", chunk.Type switch { ChunkType.Footer => "footer", ChunkType.Free => "free", ChunkType.Used => "used", ChunkType.Run => "run", _ => "unknown" });
        string flags = chunk.Flags.HasFlag(ChunkFlags.CompactHeader) ? "compact header" : chunk.Flags.HasFlag(ChunkFlags.NoHeader) ? "header none" : string.Empty;
        output.Field(_chunkLevel, "Flags", $"0x{(ushort)chunk.Flags:x} {flags}");
        output.Field(_chunkLevel, "Size idx", $"{chunk.SizeIndex}");
        RunView? run = chunk.Type == ChunkType.Run ? chunk.ReadRun() : null;
        census?.Add(chunk, run);
        if (chunk.Type == ChunkType.Used)
            WriteObject(chunk.AsObject());
        if (run is not null)
            WriteRun(run);
    }

    private void WriteRun(RunView run)
    {
        Dump(_chunkLevel, run.Chunk.DataOffset, RunView.RunHeaderSize);
        output.Field(_chunkLevel, "Block size", InfoText.Size((ulong)run.UnitSize, options.Human));
        output.Field(_chunkLevel, "Bitmap", $"{(uint)run.UsedUnits} / {run.Units}");
        int bitmapLevel = _chunkLevel != 0 && options.Has('b') ? 1 : 0;
        for (int i = 0; output.Shows(bitmapLevel) && i * BitsPerWord < run.Units; i++)
            output.Write(bitmapLevel, $"{Bits(run.Word(i), Math.Min(BitsPerWord, run.Units - (i * BitsPerWord)))}\n");
        foreach (ObjectView item in run.Objects())
            WriteObject(item);
    }

    private void WriteObject(ObjectView item)
    {
        if (pool.IsRoot(in item))
            return;
        ulong id = _nextObject++;
        if (!options.Ranges.Contains(id) || !options.TypeRanges.Contains(item.TypeNumber))
            return;
        Objects.Add(in item);
        int level = options.LevelOf('O');
        output.Indent(level, 1);
        writeObject(level, level, item, id);
        output.Indent(level, -1);
    }

    private void Dump(int level, long offset, int length)
    {
        if (level == 0 || !options.Has('x'))
            return;
        byte[] bytes = new byte[length];
        pool.Map.CheckedRead(offset, bytes);
        output.HexDump(level, bytes, (ulong)offset, separate: true);
    }

    private static string Bits(ulong word, int count)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < count; i++)
        {
            text.Append((word >> i & 1) != 0 ? 'x' : '.');
            if ((i + 1) % BitsPerGroup == 0)
                text.Append(' ');
        }

        return text.ToString();
    }
}
