using System.CommandLine;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Health;

/// <summary><c>pmem scrub</c>: the search for media errors.</summary>
internal static class ScrubCommand
{
    public static Command Create() =>
        new("scrub", """
            Search all media for errors. A search goes on after the command that started it.

            Examples:
              pmem scrub start --platform vm1
              pmem scrub wait --platform vm1
              pmem scrub status --platform vm1 --json
            """)
        {
            Verb("start", "Start a search.\n\nExample: pmem scrub start --platform vm1", platform => platform.StartScrub().Demand()),
            Verb("status", "Show whether a search is under way, and how many came to their end.\n\nExample: pmem scrub status --platform vm1", platform => platform.GetScrub()),
            Verb("stop", "End a search before it is done. Linux cannot do that; virtual platforms can.\n\nExample: pmem scrub stop --platform vm1", platform => platform.StopScrub().Demand()),
            WaitVerb(),
        };

    private static Command Verb(string name, string what, Func<IPlatform, ScrubStatus> act)
    {
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(name, what) { platform, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            return Show(source.Platform.Provider, act(source.Platform), parsed.GetValue(json));
        });
        return command;
    }

    private static Command WaitVerb()
    {
        Option<string?> platform = PlatformSource.Option();
        var poll = new Option<double>("--poll") { Description = "Seconds between two looks.", DefaultValueFactory = _ => 0.2 };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("wait", "Wait until no search is under way. Ctrl-C ends waiting, not the search.\n\nExample: pmem scrub wait --platform vm1") { platform, poll, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                TimeSpan pause = Polling.Parse(parsed.GetValue(poll));
                using var progress = new ProgressLine();
                while (true)
                {
                    // Not for longer than a look is the platform kept from others.
                    (string provider, ScrubStatus status) = Look(parsed.GetValue(platform));
                    if (status.State != ScrubState.Active)
                    {
                        progress.Dispose();
                        return Show(provider, status, parsed.GetValue(json));
                    }

                    progress.Report(new Pmem.Pools.Checking.PoolProgress("scrub", (long)((status.Progress ?? 0) * 100), 100));
                    cancellation.WaitHandle.WaitOne(pause);
                    cancellation.ThrowIfCancellationRequested();
                }
            },
            cancellation));
        return command;
    }

    private static (string Provider, ScrubStatus Status) Look(string? path)
    {
        using PlatformSource source = PlatformSource.Open(path);
        source.DemandAlive("waited for", "'pmem scrub status'");
        return (source.Platform.Provider, source.Platform.GetScrub());
    }

    private static int Show(string provider, ScrubStatus status, bool json)
    {
        if (status.State == ScrubState.NotSupported)
            throw new PmemException($"{provider} cannot search for media errors: {status.Reason}");
        string state = status.State == ScrubState.Active ? "active" : "idle";
        if (!json)
        {
            Console.WriteLine($"{state}{(status.Progress is { } part ? $", {part:P0} done" : string.Empty)}, {status.Finished} finished");
            return Program.Success;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("provider", provider);
            writer.WriteString("scrub_state", state);
            writer.WriteNumber("finished", status.Finished);
            if (status.Progress is { } progress)
                writer.WriteNumber("progress", progress);
            writer.WriteEndObject();
        });
        return Program.Success;
    }
}
