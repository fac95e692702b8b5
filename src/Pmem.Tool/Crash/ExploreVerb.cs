using System.CommandLine;
using Pmem.CrashTesting;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash explore</c>.</summary>
internal static class ExploreVerb
{
    public static Command Create()
    {
        Argument<string> file = CrashCommand.TraceArgument();
        Option<string?> check = CrashCommand.CheckOption();
        Option<bool> checkPool = CrashCommand.CheckPoolOption();
        Option<double> timeout = CrashCommand.TimeoutOption();
        var images = new Option<int>("--images") { Description = "Images at a crash point; points with more are sampled.", DefaultValueFactory = _ => 512 };
        var seed = new Option<int>("--seed") { Description = "Seed of the samples.", DefaultValueFactory = _ => 1 };
        var noKills = new Option<bool>("--no-kills") { Description = "Leave out what the death of the process leaves." };
        var kills = new Option<bool>("--kills") { Description = "Try what the death of the process leaves, too. The default." };
        var adrFails = new Option<bool>("--adr-fails") { Description = "Power fails, and ADR too: only deep flushes are guaranteed." };
        var from = new Option<int?>("--from") { Description = "First event at which a crash is tried. With --check-pool, by default, where the pool has been created." };
        var jobs = new Option<int>("--jobs", "-j") { Description = "Checks at once; 0 for as many as there are processors.", DefaultValueFactory = _ => 0 };
        var budget = new Option<double?>("--time") { Description = "Seconds after which to stop." };
        var html = new Option<string?>("--html") { Description = "Write the report as a page." };
        Option<bool> json = CrashCommand.JsonOption();
        var command = new Command("explore", """
            Try the images that a crash can leave of a recorded program: at every moment that matters, every combination of what may have reached the
            memory, or a seeded sample. Stops at the first image that is not good, makes it as small as possible, and tells what was lost.

            Exit codes: 0 every image tried is good, 1 one is not, 2 the trace cannot be read or the check cannot be run.

            Examples:
              pmem crash explore bank.pmtrace --check-pool
              pmem crash explore bank.pmtrace --check 'dotnet Bank.dll verify {image}' --html bank.html
              pmem crash explore bank.pmtrace --check './verify {image}' --images 64 --seed 7 --no-kills --json
            """) { file, check, checkPool, images, seed, kills, noKills, adrFails, from, jobs, timeout, budget, html, json };
        command.SetAction((parsed, cancellation) =>
        {
            string path = parsed.GetValue(file)!;
            if (parsed.GetValue(kills) && parsed.GetValue(noKills))
                throw new PmemException("--kills and --no-kills exclude each other");
            if (parsed.GetValue(images) < 1 || parsed.GetValue(jobs) < 0)
                throw new PmemException("--images takes a number from 1 on, --jobs one from 0 on");
            using ImageCheck judge = CrashCommand.CheckOf(parsed.GetValue(check), parsed.GetValue(checkPool), parsed.GetValue(timeout), cancellation)
                ?? throw new PmemException("say how to tell a good image: --check 'COMMAND {image}', or --check-pool");
            var options = new ExplorationOptions
            {
                ImagesPerPoint = parsed.GetValue(images),
                Seed = parsed.GetValue(seed),
                ProcessKills = !parsed.GetValue(noKills),
                AdrFails = parsed.GetValue(adrFails),
                Parallelism = parsed.GetValue(jobs),
                TimePerImage = TimeSpan.FromSeconds(parsed.GetValue(timeout) + 10), // the check itself is to end first
                TimeBudget = parsed.GetValue(budget) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            };
            int code = Run(path, judge, parsed.GetValue(from), options, parsed.GetValue(html), parsed.GetValue(json), cancellation);
            return Task.FromResult(code);
        });
        return command;
    }

    private static int Run(string path, ImageCheck judge, int? from, ExplorationOptions options, string? html, bool json, CancellationToken cancellation)
    {
        if (html is not null)
            OutputFile.DemandForeign(html, path);
        Trace trace = CrashCommand.Load(path);
        int first = from ?? 0;
        if (from is null && judge is PoolImageCheck)
        {
            first = CrashExplorer.FindFirstRecoverable(trace, judge.Judge, cancellation);
            if (first < 0)
                throw new PmemException($"{path}: at no moment does the trace hold a pool that can be opened; judge its images with --check");
        }

        ExplorationResult result;
        using (var progress = new CrashProgress())
            result = CrashExplorer.Explore(trace, judge.Judge, options with { Progress = progress, FirstPoint = first }, cancellation);
        CrashReport report = CrashReport.Create(Path.GetFileName(path), trace, result, judge.Judge);
        if (html is not null)
            OutputFile.Replace(html, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(report.ToHtml())));
        if (json)
            CrashOutput.WriteJson(path, report, first);
        else
            CrashOutput.WriteText(path, report, first, html);
        return report.FailingImage is null ? Program.Success : Program.NotConsistent;
    }
}
