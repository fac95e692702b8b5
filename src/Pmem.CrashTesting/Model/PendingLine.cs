namespace Pmem.CrashTesting.Model;

/// <summary>Up to eight bytes of a line that are stored at once.</summary>
/// <param name="Position">First byte in the line.</param>
/// <param name="Bytes">What is stored.</param>
internal readonly record struct Fragment(int Position, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// A cache line of which more than the guaranteed content may survive.
///
/// It keeps its stores in the order in which they became visible. Of ordinary stores a prefix survives; the last survivor may be torn between
/// its 8-byte fragments. Non-temporal fragments that are not fenced survive each for itself. Whatever survives is applied in issue order, so
/// that a non-temporal store never undoes a later ordinary one.
/// </summary>
public sealed class PendingLine
{
    // More raw combinations than this are numbered without looking for equal contents among them.
    private const int MaximumEnumerated = 1 << 14;
    private const int MaximumTorn = 8;

    private readonly List<Entry> _entries = [];

    // What is durable, up to the first store that is not; and what is durable altogether.
    private readonly byte[] _settled = new byte[PersistencyModel.LineSize];
    private readonly byte[] _guaranteed = new byte[PersistencyModel.LineSize];
    private List<byte[]>? _contents;
    private int _everything;

    internal PendingLine(long offset, ReadOnlySpan<byte> guaranteed)
    {
        Offset = offset;
        Length = guaranteed.Length;
        guaranteed.CopyTo(_settled);
        guaranteed.CopyTo(_guaranteed);
    }

    /// <summary>First byte of the line, from the start of the map.</summary>
    public long Offset { get; }

    /// <summary>64, or less for the last line of a map.</summary>
    public int Length { get; }

    /// <summary>Number of different contents that a crash can leave. Choice 0 is the guaranteed one.</summary>
    public long Choices => Contents is { } contents ? contents.Count : RawChoices;

    /// <summary>The choice in which everything issued so far survived.</summary>
    public long Everything
    {
        get
        {
            _ = Contents;
            return _contents is null ? RawChoices - 1 : _everything;
        }
    }

    /// <summary>Trace indexes of the events whose stores are not guaranteed, in order.</summary>
    public IEnumerable<int> PendingEvents => _entries.Where(e => !e.IsGuaranteed).Select(e => e.EventIndex).Distinct();

    internal long LastSequence => _entries.Count == 0 ? 0 : _entries[^1].Sequence;

    internal bool IsEmpty => _entries.Count == 0;

    internal ReadOnlySpan<byte> Guaranteed => _guaranteed.AsSpan(0, Length);

    private List<byte[]>? Contents
    {
        get
        {
            if (_contents is null && RawChoices <= MaximumEnumerated)
                Enumerate();
            return _contents;
        }
    }

    private long RawChoices
    {
        get
        {
            long ordinary = 1;
            int loose = 0;
            foreach (Entry entry in _entries)
            {
                if (entry.IsGuaranteed)
                    continue;
                if (entry.IsLoose)
                    loose++;
                else
                    ordinary += TornChoices(entry) + 1;
            }

            return ordinary << Math.Min(loose, 40);
        }
    }

    /// <summary>One of the contents; 64 bytes, or less for the last line of a map.</summary>
    /// <param name="choice">0 to <see cref="Choices"/> - 1.</param>
    public ReadOnlySpan<byte> GetContent(long choice)
    {
        if (Contents is { } contents)
            return contents[(int)choice].AsSpan(0, Length);
        byte[] line = [.. _settled];
        ComposeRaw(choice, line);
        return line.AsSpan(0, Length);
    }

    /// <summary>Which of the events with pending stores survive, at least in part, in a content: true, false, or null for torn ones.</summary>
    internal Dictionary<int, bool?> Survivors(long choice)
    {
        long raw = choice;
        if (Contents is not null)
        {
            // The least raw combination that gives the content names it.
            ReadOnlySpan<byte> wanted = GetContent(choice);
            byte[] line = new byte[PersistencyModel.LineSize];
            for (raw = 0; raw < RawChoices; raw++)
            {
                _settled.CopyTo(line, 0);
                ComposeRaw(raw, line);
                if (wanted.SequenceEqual(line.AsSpan(0, Length)))
                    break;
            }
        }

        return SurvivorsRaw(raw);
    }

    internal void Add(int eventIndex, int thread, long sequence, List<Fragment> fragments, bool nonTemporal)
    {
        _contents = null;
        if (!nonTemporal)
        {
            _entries.Add(new Entry(eventIndex, thread, sequence, [.. fragments], isLoose: false));
            return;
        }

        foreach (Fragment fragment in fragments)
            _entries.Add(new Entry(eventIndex, thread, sequence, [fragment], isLoose: true));
    }

    /// <summary>Whether a guarantee up to that point would change anything.</summary>
    internal bool HasUnguaranteed(long upTo) => _entries.Exists(e => !e.IsLoose && !e.IsGuaranteed && e.Sequence <= upTo);

    internal bool HasLoose(int thread) => _entries.Exists(e => e.IsLoose && !e.IsGuaranteed && e.Thread == thread);

    /// <summary>Ordinary stores up to a point are durable.</summary>
    internal void Guarantee(long upTo)
    {
        foreach (Entry entry in _entries)
        {
            if (!entry.IsLoose && entry.Sequence <= upTo)
                entry.IsGuaranteed = true;
        }

        Settle();
    }

    /// <summary>A thread's non-temporal stores are durable.</summary>
    internal void GuaranteeLoose(int thread)
    {
        foreach (Entry entry in _entries)
        {
            if (entry.IsLoose && entry.Thread == thread)
                entry.IsGuaranteed = true;
        }

        Settle();
    }

    /// <summary>Everything is durable.</summary>
    internal void GuaranteeAll()
    {
        foreach (Entry entry in _entries)
            entry.IsGuaranteed = true;
        Settle();
    }

    // Entries at the head that are durable become part of the guaranteed content. Behind one that is not they wait, to be applied after it.
    private void Settle()
    {
        _contents = null;
        int settled = 0;
        while (settled < _entries.Count && _entries[settled].IsGuaranteed)
            Put(_entries[settled++], -1, _settled);
        _entries.RemoveRange(0, settled);
        _settled.CopyTo(_guaranteed, 0);
        foreach (Entry entry in _entries)
        {
            if (entry.IsGuaranteed)
                Put(entry, -1, _guaranteed);
        }
    }

    private void Enumerate()
    {
        long raw = RawChoices;
        var contents = new List<byte[]>();
        var known = new HashSet<LineContent>();
        for (long i = 0; i < raw; i++)
        {
            byte[] line = [.. _settled];
            ComposeRaw(i, line);
            if (known.Add(new LineContent(line)))
                contents.Add(line);
            if (i == raw - 1)
                _everything = contents.FindIndex(c => c.AsSpan().SequenceEqual(line));
        }

        _contents = contents;
    }

    private void ComposeRaw(long choice, Span<byte> line)
    {
        (long ordinary, long mask) = SplitRaw(choice);
        int loose = 0;
        foreach (Entry entry in _entries)
        {
            if (entry.IsGuaranteed)
            {
                Put(entry, -1, line);
            }
            else if (entry.IsLoose)
            {
                if ((mask & (1L << Math.Min(loose++, 39))) != 0)
                    Put(entry, -1, line);
            }
            else if (ordinary > 0)
            {
                long torn = TornChoices(entry);
                Put(entry, ordinary <= torn ? ordinary : -1, line);
                ordinary = Math.Max(0, ordinary - torn - 1);
            }
        }
    }

    private Dictionary<int, bool?> SurvivorsRaw(long choice)
    {
        var survivors = new Dictionary<int, bool?>();
        (long ordinary, long mask) = SplitRaw(choice);
        int loose = 0;
        foreach (Entry entry in _entries)
        {
            if (entry.IsGuaranteed)
                continue;
            bool? survives;
            if (entry.IsLoose)
            {
                survives = (mask & (1L << Math.Min(loose++, 39))) != 0;
            }
            else
            {
                long torn = TornChoices(entry);
                survives = ordinary == 0 ? false : ordinary <= torn ? null : true;
                ordinary = Math.Max(0, ordinary - torn - 1);
            }

            survivors[entry.EventIndex] = survivors.TryGetValue(entry.EventIndex, out bool? other) && other != survives ? null : survives;
        }

        return survivors;
    }

    private (long Ordinary, long Mask) SplitRaw(long choice)
    {
        long ordinary = 1;
        foreach (Entry entry in _entries)
        {
            if (!entry.IsGuaranteed && !entry.IsLoose)
                ordinary += TornChoices(entry) + 1;
        }

        return (choice % ordinary, choice / ordinary);
    }

    // Proper, non-empty subsets of the fragments.
    private static long TornChoices(Entry entry) => entry.Fragments.Length < 2 ? 0 : (1L << Math.Min(entry.Fragments.Length, MaximumTorn)) - 2;

    private static void Put(Entry entry, long mask, Span<byte> line)
    {
        for (int i = 0; i < entry.Fragments.Length; i++)
        {
            if ((mask & (1L << i)) != 0)
                entry.Fragments[i].Bytes.Span.CopyTo(line[entry.Fragments[i].Position..]);
        }
    }

    private sealed class Entry(int eventIndex, int thread, long sequence, Fragment[] fragments, bool isLoose)
    {
        public int EventIndex => eventIndex;

        public int Thread => thread;

        public long Sequence => sequence;

        public Fragment[] Fragments => fragments;

        public bool IsLoose => isLoose;

        public bool IsGuaranteed { get; set; }
    }

    private readonly struct LineContent(byte[] bytes) : IEquatable<LineContent>
    {
        private readonly byte[] _bytes = bytes;

        public bool Equals(LineContent other) => _bytes.AsSpan().SequenceEqual(other._bytes);

        public override bool Equals(object? obj) => obj is LineContent other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            hash.AddBytes(_bytes);
            return hash.ToHashCode();
        }
    }
}
