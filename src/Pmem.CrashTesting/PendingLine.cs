namespace Pmem.CrashTesting;

/// <summary>
/// A cache line of which more than the guaranteed content may survive. Its possible contents are numbered: choice 0 is the guaranteed content,
/// the last choice is everything issued so far.
/// </summary>
public sealed class PendingLine
{
    private const int MaximumTorn = 8;

    private readonly List<List<Fragment>> _groups = [];
    private readonly List<(int Thread, Fragment Fragment, int GroupsBefore)> _loose = [];

    internal PendingLine(long offset) => Offset = offset;

    /// <summary>First byte of the line, from the start of the map.</summary>
    public long Offset { get; }

    /// <summary>Number of contents that a crash can leave.</summary>
    public long Choices => GroupChoices << Math.Min(_loose.Count, 40);

    internal int GroupCount => _groups.Count;

    internal bool IsEmpty => _groups.Count == 0 && _loose.Count == 0;

    private long GroupChoices
    {
        get
        {
            // Nothing; then for each group: torn in every way, whole.
            long choices = 1;
            foreach (List<Fragment> group in _groups)
                choices += TornChoices(group) + 1;
            return choices;
        }
    }

    /// <summary>Builds one of the contents.</summary>
    /// <param name="choice">0 to <see cref="Choices"/> - 1.</param>
    /// <param name="line">The guaranteed content on entry, the chosen one on return; 64 bytes.</param>
    public void Compose(long choice, Span<byte> line)
    {
        long groupChoice = choice % GroupChoices;
        long mask = choice / GroupChoices;
        foreach (List<Fragment> group in _groups)
        {
            if (groupChoice == 0)
                break;
            long torn = TornChoices(group);
            if (groupChoice <= torn)
            {
                Put(group, groupChoice, line);
                break;
            }

            Put(group, -1, line);
            groupChoice -= torn + 1;
        }

        for (int i = 0; i < _loose.Count; i++)
        {
            if ((mask & (1L << i)) != 0)
                _loose[i].Fragment.Bytes.CopyTo(line[_loose[i].Fragment.Position..]);
        }
    }

    internal void Add(int thread, List<Fragment> fragments, bool nonTemporal)
    {
        if (!nonTemporal)
        {
            _groups.Add(fragments);
            return;
        }

        foreach (Fragment fragment in fragments)
            _loose.Add((thread, fragment, _groups.Count));
    }

    internal bool HasLoose(int thread) => _loose.Exists(l => l.Thread == thread);

    internal int GroupsBeforeLoose(int thread) => _loose.Where(l => l.Thread == thread).Max(l => l.GroupsBefore);

    internal void Fold(int count, byte[] image)
    {
        Span<byte> line = image.AsSpan((int)Offset, (int)Math.Min(PersistencyModel.LineSize, image.Length - Offset));
        for (int i = 0; i < count && i < _groups.Count; i++)
            Put(_groups[i], -1, line);
        _groups.RemoveRange(0, Math.Min(count, _groups.Count));
        for (int i = 0; i < _loose.Count; i++)
            _loose[i] = _loose[i] with { GroupsBefore = Math.Max(0, _loose[i].GroupsBefore - count) };
    }

    internal void FoldLoose(int thread, byte[] image)
    {
        foreach ((int owner, Fragment fragment, _) in _loose)
        {
            if (owner == thread)
                fragment.Bytes.CopyTo(image, Offset + fragment.Position);
        }

        _loose.RemoveAll(l => l.Thread == thread);
    }

    internal void FoldAll(byte[] image)
    {
        foreach ((_, Fragment fragment, _) in _loose)
            fragment.Bytes.CopyTo(image, Offset + fragment.Position);
        _loose.Clear();
    }

    // Proper, non-empty subsets of the fragments.
    private static long TornChoices(List<Fragment> group) => group.Count < 2 ? 0 : (1L << Math.Min(group.Count, MaximumTorn)) - 2;

    private static void Put(List<Fragment> group, long mask, Span<byte> line)
    {
        for (int i = 0; i < group.Count; i++)
        {
            if ((mask & (1L << i)) != 0)
                group[i].Bytes.CopyTo(line[group[i].Position..]);
        }
    }
}
