namespace Pmem.CrashTesting.Linting;

/// <summary>A store, or its part in one line, that is not durable yet.</summary>
internal sealed class PendingStore(int index, TraceEvent item, long start, long end, bool isNonTemporal, ThreadState thread)
{
    public int Index => index;

    public TraceEvent Item => item;

    public long Start => start;

    public long End => end;

    public bool IsNonTemporal => isNonTemporal;

    public ThreadState Thread => thread;

    /// <summary>What the thread accepted when it stored.</summary>
    public string[] Accepted { get; } = thread.Accepted.Count == 0 ? [] : thread.Accepted.ToArray();

    public bool IsFlushed { get; private set; }

    public int FlushIndex { get; private set; } = -1;

    public bool IsGone { get; set; }

    public bool IsReported { get; set; }

    public void Flush(int flushIndex, int flushThread)
    {
        if (!IsFlushed)
            FlushIndex = flushIndex;
        IsFlushed = true;
        FlushThread = flushThread;
    }

    public int FlushThread { get; private set; }
}

/// <summary>What one thread is at.</summary>
internal sealed class ThreadState(int id)
{
    public int Id => id;

    /// <summary>The event with which its operation began.</summary>
    public int OperationStart { get; private set; }

    /// <summary>Whether it marks operations of its own; what a thread that does not stores belongs to the operation that runs meanwhile.</summary>
    public bool HasOperations { get; private set; }

    /// <summary>What its operation stored; some of it may be gone.</summary>
    public List<PendingStore> Stores { get; } = [];

    public bool IsInTransaction { get; private set; }

    /// <summary>Ranges of the open transaction.</summary>
    public List<(long Start, long End)> Ranges { get; } = [];

    /// <summary>Rules, with reasons, that the thread accepts now.</summary>
    public Stack<string> Accepted { get; } = new();

    /// <summary>Adds a store; forgets those that are gone whenever the list would have to grow, so that it stays as long as what is pending.</summary>
    public void Add(PendingStore store)
    {
        if (Stores.Count == Stores.Capacity && Stores.Count > 0)
        {
            Stores.RemoveAll(s => s.IsGone);
            if (Stores.Count > Stores.Capacity / 2)
                Stores.EnsureCapacity(Stores.Capacity * 2);
        }

        Stores.Add(store);
    }

    public void BeginOperation(int index)
    {
        OperationStart = index;
        HasOperations = true;
        Stores.Clear();
    }

    public void BeginTransaction()
    {
        IsInTransaction = true;
        Ranges.Clear();
    }

    public void EndTransaction()
    {
        IsInTransaction = false;
        Ranges.Clear();
    }

    /// <summary>Whether every byte of a range is in the open transaction.</summary>
    public bool Covers(long start, long end)
    {
        while (start < end)
        {
            long reached = start;
            foreach ((long from, long to) in Ranges)
            {
                if (from <= start && to > reached)
                    reached = to;
            }

            if (reached == start)
                return false;
            start = reached;
        }

        return true;
    }
}

/// <summary>Findings, counted by rule and place.</summary>
internal sealed class LintFindings
{
    private readonly List<LintFinding> _findings = [];
    private readonly Dictionary<(string Rule, object Place, bool Accepted), int> _places = [];

    public void Add(LintRule rule, int index, TraceEvent item, string detail, string[] accepted)
    {
        string? reason = null;
        foreach (string text in accepted)
        {
            if (text.StartsWith(rule.Id, StringComparison.OrdinalIgnoreCase))
                reason = text[rule.Id.Length..].Trim();
        }

        // Equal lines, not equal stacks: the same call has several places in machine code once it is compiled again.
        object place = item.Source is { } source ? (source.Site, source.User) : index;
        (string, object, bool) key = (rule.Title, place, reason is not null);
        if (_places.TryGetValue(key, out int known))
        {
            _findings[known] = _findings[known] with { Count = _findings[known].Count + 1 };
            return;
        }

        _places.Add(key, _findings.Count);
        _findings.Add(new LintFinding(rule, index, item.Offset, item.Length, detail, item.Source, reason));
    }

    public IReadOnlyList<LintFinding> ToList() => [.. _findings.OrderByDescending(f => f.Rule.Severity).ThenBy(f => f.EventIndex)];
}
