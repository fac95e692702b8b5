using Pmem.Objects.Layout;

namespace Pmem.Objects.Inspection;

/// <summary>What of a kind of chunk a zone has.</summary>
/// <param name="Count">How many times.</param>
/// <param name="Chunks">Chunks of all of them together.</param>
public readonly record struct ChunkCount(ulong Count, ulong Chunks);

/// <summary>Objects with one type number.</summary>
/// <param name="TypeNumber">The type number.</param>
/// <param name="Objects">How many.</param>
/// <param name="Bytes">Bytes that they take, their headers included.</param>
public readonly record struct TypeCount(ulong TypeNumber, ulong Objects, ulong Bytes);

/// <summary>Units of one allocation class; whole chunks are the class with units of a chunk and no units of a run.</summary>
/// <param name="UnitSize">Bytes of a unit.</param>
/// <param name="Alignment">Alignment of user data, or 0.</param>
/// <param name="UnitsPerRun">Units of a run; 0 for whole chunks.</param>
/// <param name="Flags">Flags of the runs.</param>
public readonly record struct ClassKey(ulong UnitSize, ulong Alignment, uint UnitsPerRun, ChunkFlags Flags);

/// <summary>Units of a class in numbers.</summary>
/// <param name="Key">The class.</param>
/// <param name="Units">Units in all.</param>
/// <param name="UsedUnits">Units in use.</param>
public readonly record struct ClassCount(ClassKey Key, ulong Units, ulong UsedUnits)
{
    /// <summary>Bytes of all units.</summary>
    public ulong Bytes => Key.UnitSize * Units;

    /// <summary>Bytes of the units in use.</summary>
    public ulong UsedBytes => Key.UnitSize * UsedUnits;
}

/// <summary>A zone in numbers, or several.</summary>
public sealed class ZoneCensus
{
    private static readonly ClassKey s_wholeChunks = new((ulong)HeapLayout.ChunkSize, 0, 0, ChunkFlags.None);

    private readonly ChunkCount[] _chunks = new ChunkCount[(int)ChunkType.RunData + 1];
    private readonly List<ClassCount> _classes = [];
    private readonly Dictionary<ClassKey, int> _places = [];

    /// <summary>What was counted of a kind of chunk.</summary>
    public ChunkCount this[ChunkType type] => (uint)type < (uint)_chunks.Length ? _chunks[(int)type] : default;

    /// <summary>All kinds of chunk together.</summary>
    public ChunkCount Chunks => new(_chunks.Aggregate(0UL, (sum, each) => sum + each.Count), _chunks.Aggregate(0UL, (sum, each) => sum + each.Chunks));

    /// <summary>The allocation classes in the order in which they were met, whole chunks first.</summary>
    public IReadOnlyList<ClassCount> Classes => _classes;

    /// <summary>Counts a chunk; <paramref name="run"/> is the run that starts there, if one does.</summary>
    public void Add(ChunkView chunk, RunView? run)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (_classes.Count == 0)
            Add(new ClassCount(s_wholeChunks, 0, 0));
        if ((uint)chunk.Type < (uint)_chunks.Length)
            _chunks[(int)chunk.Type] = new ChunkCount(_chunks[(int)chunk.Type].Count + 1, _chunks[(int)chunk.Type].Chunks + chunk.SizeIndex);
        if (chunk.Type is ChunkType.Free or ChunkType.Used)
            Add(new ClassCount(s_wholeChunks, chunk.SizeIndex, chunk.Type == ChunkType.Used ? chunk.SizeIndex : 0));
        else if (run is not null)
            Add(new ClassCount(new ClassKey((ulong)run.UnitSize, run.Alignment, (uint)run.Units, chunk.Flags), (ulong)run.Units, (ulong)Math.Max(0, run.UsedUnits)));
    }

    /// <summary>Adds what was counted elsewhere.</summary>
    public void Add(ZoneCensus other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (int i = 0; i < _chunks.Length; i++)
            _chunks[i] = new ChunkCount(_chunks[i].Count + other._chunks[i].Count, _chunks[i].Chunks + other._chunks[i].Chunks);
        foreach (ClassCount each in other._classes)
            Add(each);
    }

    private void Add(ClassCount more)
    {
        if (!_places.TryGetValue(more.Key, out int place))
        {
            _places[more.Key] = _classes.Count;
            _classes.Add(more);
            return;
        }

        ClassCount have = _classes[place];
        _classes[place] = have with { Units = have.Units + more.Units, UsedUnits = have.UsedUnits + more.UsedUnits };
    }
}

/// <summary>Counts what a heap holds: by zone, kind of chunk, allocation class and type number. Not thread-safe.</summary>
public sealed class HeapCensus
{
    private readonly SortedDictionary<ulong, TypeCount> _types = [];

    /// <summary>Objects counted.</summary>
    public ulong Objects { get; private set; }

    /// <summary>Bytes that they take, their headers included.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>The objects by type number, in its order.</summary>
    public IReadOnlyCollection<TypeCount> Types => _types.Values;

    /// <summary>Counts an object.</summary>
    public void Add(in ObjectView item)
    {
        Objects++;
        Bytes += (ulong)item.RealSize;
        TypeCount have = _types.GetValueOrDefault(item.TypeNumber);
        _types[item.TypeNumber] = new TypeCount(item.TypeNumber, have.Objects + 1, have.Bytes + (ulong)item.RealSize);
    }
}
