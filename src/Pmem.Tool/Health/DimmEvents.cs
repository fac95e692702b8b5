using Pmem.Platform.Model;

namespace Pmem.Tool.Health;

/// <summary>What <c>ndctl monitor</c> watches of a DIMM.</summary>
[Flags]
internal enum DimmEvents
{
    None = 0,
    SparesRemaining = 1,
    MediaTemperature = 2,
    ControllerTemperature = 4,
    HealthState = 8,
    UncleanShutdown = 16,
    All = 31,
}

/// <summary>Names of events, and finding them in what a DIMM says.</summary>
internal static class DimmEventNames
{
    /// <summary>ndctl's names, in its order.</summary>
    public static IReadOnlyList<(DimmEvents Event, string Name)> Names { get; } =
    [
        (DimmEvents.SparesRemaining, "dimm-spares-remaining"), (DimmEvents.MediaTemperature, "dimm-media-temperature"), (DimmEvents.ControllerTemperature, "dimm-controller-temperature"),
        (DimmEvents.HealthState, "dimm-health-state"), (DimmEvents.UncleanShutdown, "dimm-unclean-shutdown"),
    ];

    /// <summary>Reads names that are apart from each other by spaces.</summary>
    /// <exception cref="PmemException">One is not a name.</exception>
    public static DimmEvents Parse(IReadOnlyList<string> words)
    {
        DimmEvents events = DimmEvents.None;
        foreach (string word in words.SelectMany(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            (DimmEvents Event, string Name) known = Names.FirstOrDefault(pair => pair.Name == word);
            events |= word == "all" ? DimmEvents.All : known.Name is null ? throw new PmemException($"'{word}' is no event: write all, {string.Join(", ", Names.Select(pair => pair.Name))}") : known.Event;
        }

        return events == DimmEvents.None ? DimmEvents.All : events;
    }

    /// <summary>What is out of order with a DIMM.</summary>
    /// <param name="now">What it says.</param>
    /// <param name="before">What it said before; null for the first time.</param>
    public static DimmEvents Of(DimmHealth now, DimmHealth? before) =>
        (now.SparesAlarm == true ? DimmEvents.SparesRemaining : 0) | (now.MediaTemperatureAlarm == true ? DimmEvents.MediaTemperature : 0)
            | (now.ControllerTemperatureAlarm == true ? DimmEvents.ControllerTemperature : 0) | (now.LastShutdownWasDirty == true ? DimmEvents.UncleanShutdown : 0)
            | (before is not null && before.State != now.State ? DimmEvents.HealthState : 0);
}
