using System.Globalization;

namespace Pmem.CrashTesting.Mutations;

/// <summary>Names the places of a program that made events: by method, and by their order in its machine code.</summary>
internal sealed class MutationSites(Func<SourceFrame, bool> isMutated)
{
    private readonly Dictionary<string, SortedSet<int>> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<SourceStack, string> _names = [];

    public static MutationSites Empty { get; } = new(_ => false);

    /// <summary>Takes the places of a trace in; before any of them is named.</summary>
    public void Add(Trace trace)
    {
        foreach (TraceEvent item in trace.Events)
        {
            if (item.IsRaw || item.Kind == TraceEventKind.Note || item.Source is not { Site: { } site } source || !isMutated(site))
                continue;
            if (!_places.TryGetValue(site.Method, out SortedSet<int>? places))
                _places[site.Method] = places = [];
            places.Add(source.Place);
        }
    }

    /// <summary>The name of the place that made an event, or null when it is not known, or only somewhere before it.</summary>
    public string? Of(TraceEvent item)
    {
        if (item.IsRaw || item.Source is not { Site: { } site } source || !_places.TryGetValue(site.Method, out SortedSet<int>? places))
            return null;
        if (!_names.TryGetValue(source, out string? name))
        {
            int number = 1 + places.TakeWhile(p => p < source.Place).Count();
            _names[source] = name = string.Create(CultureInfo.InvariantCulture, $"{site.Method}#{number}");
        }

        return name;
    }
}
