using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Health;

/// <summary><c>pmem monitor</c>: events of a platform as they happen, with the filters and the form of <c>ndctl monitor</c>.</summary>
internal static class MonitorCommand
{
    private const string Standard = "standard";

    public static Command Create()
    {
        Option<string?> platform = PlatformSource.Option();
        var events = new Option<string[]>("--dimm-event", "-D") { Description = $"Only these events: all, {string.Join(", ", DimmEventNames.Names.Select(pair => pair.Name))}." };
        var errors = new Option<bool>("--media-errors", "-M") { Description = "Also ranges that cannot be read any more, and those that can again." };
        var changes = new Option<bool>("--dimm-changes") { Description = "Also when security or firmware of a DIMM changes." };
        Option<string?> bus = Filter("--bus", "-b", "Only DIMMs of this bus: its name or its provider.");
        Option<string?> region = Filter("--region", "-r", "Only DIMMs of this region.");
        Option<string?> dimm = Filter("--dimm", "-d", "Only this DIMM: a name, a number or an id.");
        Option<string?> space = Filter("--namespace", "-n", "Only DIMMs on which this namespace is.");
        var log = new Option<string>("--log", "-l") { Description = "Append to this file, or write to standard output.", DefaultValueFactory = _ => Standard };
        var poll = new Option<double>("--poll") { Description = "Seconds between two looks.", DefaultValueFactory = _ => 1 };
        var count = new Option<int?>("--count") { Description = "End after so many events; without it by Ctrl-C." };
        var looks = new Option<int?>("--looks") { Description = "End after so many looks." };
        var human = new Option<bool>("--human", "-u") { Description = "A sentence an event." };
        var json = new Option<bool>("--json") { Description = "JSON, an object a line, which is what is printed without --human." };
        var command = new Command("monitor", """
            Watch the health of DIMMs, and print an event when an alarm is raised, a health state changes, or a shutdown was dirty. What is out of order
            at the start is printed at once. The platform is held for a moment a look only: others can use it meanwhile.

            Examples:
              pmem monitor --platform vm1
              pmem monitor --platform vm1 --dimm nmem0 --dimm-event dimm-media-temperature --poll 5
              pmem monitor --platform vm1 --media-errors --count 1
            """) { platform, events, errors, changes, bus, region, dimm, space, log, poll, count, looks, human, json };
        command.SetAction((parsed, cancellation) =>
        {
            var watch = new PlatformWatch(new WatchOptions
            {
                Events = DimmEventNames.Parse(parsed.GetValue(events) ?? []),
                MediaErrors = parsed.GetValue(errors),
                Changes = parsed.GetValue(changes),
                Bus = parsed.GetValue(bus),
                Region = parsed.GetValue(region),
                Dimm = parsed.GetValue(dimm),
                Namespace = parsed.GetValue(space),
            });
            var run = new MonitorRun(
                parsed.GetValue(platform), watch, Polling.Parse(parsed.GetValue(poll)), Positive(parsed.GetValue(count), "--count"), Positive(parsed.GetValue(looks), "--looks"), parsed.GetValue(human));
            return Task.Run(() => WithTarget(parsed.GetValue(log)!, target => run.Watch(target, cancellation)), CancellationToken.None);
        });
        return command;
    }

    private static int WithTarget(string log, Func<TextWriter, int> act)
    {
        if (log == Standard)
            return act(Console.Out);
        if (log == "syslog")
            throw new PmemException("there is no writing to syslog here: pipe into 'logger'");
        using var file = new StreamWriter(log, append: true);
        return act(file);
    }

    private static int Positive(int? number, string option) => number is <= 0 ? throw new PmemException($"{option} takes a number from 1") : number ?? int.MaxValue;

    private static Option<string?> Filter(string name, string letter, string what) => new(name, letter) { Description = what };

    /// <summary>One run of the command.</summary>
    private sealed record MonitorRun(string? Path, PlatformWatch Seen, TimeSpan Pause, int Events, int Looks, bool Human)
    {
        public int Watch(TextWriter target, CancellationToken cancellation)
        {
            int told = 0;
            for (int look = 1; ; look++)
            {
                foreach (JsonObject found in Look(isFirst: look == 1))
                {
                    target.WriteLine(Human ? Sentence(found) : NdctlJson.PrintLine(found));
                    target.Flush();
                    if (++told == Events)
                        return Program.Success;
                }

                if (look == Looks || cancellation.WaitHandle.WaitOne(Pause))
                    return Program.Success;
            }
        }

        private IReadOnlyList<JsonObject> Look(bool isFirst)
        {
            try
            {
                using PlatformSource source = PlatformSource.Open(Path);
                source.DemandAlive("watched", "'pmem smart'");
                if (isFirst)
                    Seen.DemandNames(source.Platform);
                return Seen.Look(source.Platform, DateTimeOffset.UtcNow);
            }
            catch (PmemException inUse) when (inUse.IsBusy && !isFirst)
            {
                // Whoever has it open will give it back; nothing is lost, the next look compares with the last one.
                return [];
            }
        }

        private static string StateOf(JsonNode dimm) => $"security {(string?)dimm["security"] ?? "unknown"}{(dimm["security_frozen"] is null ? string.Empty : ", frozen")}, firmware {dimm["firmware"]?["current_version"]?.ToString() ?? "unknown"}{(dimm["firmware"]?["next_version"] is { } next ? $", next {next}" : string.Empty)}";

        private static string Sentence(JsonObject found)
        {
            string time = DateTimeOffset.UnixEpoch.AddSeconds(double.Parse((string)found["timestamp"]!, CultureInfo.InvariantCulture)).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            string what = string.Join(", ", found["event"]!.AsObject().Where(pair => (bool)pair.Value!).Select(pair => pair.Key));
            if (found["dimm"] is not { } dimm)
                return $"{time}  {(what.Length > 0 ? what : "media errors cleared")}: {found["errors"]!.AsArray().Count} new range(s), {found["cleared"]!.AsArray().Count} readable again";
            return $"{time}  {dimm["dev"]}  {what}: {(string?)dimm["health"]?["health_state"] ?? (string?)dimm["problem"] ?? StateOf(dimm)}";
        }
    }
}
