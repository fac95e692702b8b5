using System.Diagnostics;
using System.Text.Json;
using Trace = Pmem.CrashTesting.Trace;

namespace Pmem.Tool.Tests.Crash;

/// <summary><c>pmem crash</c>, as it is typed.</summary>
public sealed class CrashVerbTests : IDisposable
{
    private static readonly string s_tool = Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll");

    private readonly CrashFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Explore_finds_the_missing_fence_and_tells_how_to_mend_it()
    {
        string trace = _files.Flag(isRight: false);
        string page = _files.File("page.html");
        ToolResult result = ToolRunner.Run("crash", "explore", trace, "--check", CrashFixture.Check, "--html", page);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("valid, but empty", result.Output, StringComparison.Ordinal);
        Assert.Contains("These had to be ordered", result.Output, StringComparison.Ordinal);
        Assert.Contains($"pmem crash replay {trace} p4,400=1", result.Output, StringComparison.Ordinal);
        Assert.Contains("These had to be ordered", File.ReadAllText(page), StringComparison.Ordinal);
    }

    [Fact]
    public void Explore_passes_the_right_program()
    {
        JsonElement result = ToolRunner.Json(0, "crash", "explore", _files.Flag(isRight: true), "--check", CrashFixture.Check);
        Assert.True(result.GetProperty("good").GetBoolean());
        Assert.True(result.GetProperty("exhaustive").GetBoolean());
        Assert.False(result.TryGetProperty("failure", out _));
    }

    [Fact]
    public void Without_kills_fewer_images_are_tried()
    {
        string trace = _files.Flag(isRight: true);
        int with = ToolRunner.Json(0, "crash", "explore", trace, "--check", "true {image}", "--adr-fails").GetProperty("images").GetInt32();
        int from = ToolRunner.Json(0, "crash", "explore", trace, "--check", "true {image}", "--no-kills", "--from", "3").GetProperty("images").GetInt32();
        Assert.True(from < with);
    }

    [Fact]
    public void A_check_that_hangs_is_ended()
    {
        long start = Stopwatch.GetTimestamp();
        ToolResult result = ToolRunner.Run("crash", "explore", _files.NeverFlushed(), "--check", "sleep 60 # {image}", "--timeout", "0.3");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("did not end within 0.3 seconds", result.Output, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void An_interrupted_exploration_ends_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        using Process process = ToolRunner.Start("crash", "explore", _files.NeverFlushed(), "--check", $"touch {_files.File("started")}; sleep 60 # {{image}}", "--timeout", "100");
        while (!File.Exists(_files.File("started")))
            Thread.Sleep(20);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
            kill.WaitForExit();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(20)));
        Assert.NotEqual(0, process.ExitCode);
    }

    [Fact]
    public void Replay_writes_the_image_and_judges_it()
    {
        string trace = _files.Flag(isRight: false);
        string image = _files.File("failing.img");
        ToolResult result = ToolRunner.Run("crash", "replay", trace, "p4,400=1", "--out", image, "--check", CrashFixture.Check);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("power loss before event 4: 0x400=1", result.Output, StringComparison.Ordinal);
        Assert.Contains("not good", result.Output, StringComparison.Ordinal);
        byte[] bytes = File.ReadAllBytes(image);
        Assert.Equal(0, bytes[0]);
        Assert.Equal(1, bytes[1024]);
        string full = $"{Trace.Load(trace).Fingerprint:x16}:p4,0=1,400=1";
        Assert.True(ToolRunner.Json(0, "crash", "replay", trace, full, "--check", CrashFixture.Check).GetProperty("good").GetBoolean());
    }

    [Fact]
    public void Lint_fails_on_errors_only()
    {
        Assert.Equal(0, ToolRunner.Run("crash", "lint", _files.Flag(isRight: true)).ExitCode);
        ToolResult result = ToolRunner.Run("crash", "lint", _files.NeverFlushed());
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("PMC001", result.Output, StringComparison.Ordinal);
        Assert.Contains("1 finding(s), 1 of severity error", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_and_import_keep_the_program()
    {
        string trace = _files.Flag(isRight: false);
        string log = _files.File("store.log");
        string initial = _files.File("initial.img");
        Assert.Equal(0, ToolRunner.Run("crash", "export", trace, "-o", log, "--initial", initial).ExitCode);
        Assert.Equal(new byte[4096], File.ReadAllBytes(initial));
        Assert.StartsWith($"START|REGISTER_FILE;{initial};", File.ReadAllText(log), StringComparison.Ordinal);
        string back = _files.File("back.pmtrace");
        JsonElement imported = ToolRunner.Json(0, "crash", "import", log, "-o", back, "--initial", initial);
        Assert.Equal(5, imported.GetProperty("events").GetInt32());
        Assert.Equal("p4,400=1", ToolRunner.Json(1, "crash", "explore", back, "--check", CrashFixture.Check).GetProperty("failure").GetProperty("image").GetString());
        ToolResult json = ToolRunner.Run("crash", "export", trace, "--format", "json");
        Assert.Equal(6, json.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Record_writes_what_a_program_does_and_the_pool_survives_every_crash_of_it()
    {
        string trace = _files.File("create.pmtrace");
        JsonElement recorded = ToolRunner.Run("crash", "record", "-o", trace, "--json", "--", s_tool, "pool", "create", "log", _files.File("new.pool"), "--size", "2MiB") is { ExitCode: 0 } result
            ? JsonDocument.Parse(result.Output).RootElement
            : default;
        JsonElement only = Assert.Single(recorded.GetProperty("traces").EnumerateArray());
        Assert.True(only.GetProperty("complete").GetBoolean());
        Assert.Equal(2 << 20, only.GetProperty("size").GetInt64());
        Trace read = Trace.Load(trace);
        Assert.Equal(File.ReadAllBytes(_files.File("new.pool")), read.ImageAfter(read.Events.Count));
        Assert.Contains(read.Events, e => e.Source?.Frames.Any(f => f.Method.Contains("CreateVerb", StringComparison.Ordinal)) == true);
        JsonElement explored = ToolRunner.Json(0, "crash", "explore", trace, "--check-pool");
        Assert.True(explored.GetProperty("from").GetInt32() > 0);
        Assert.Contains("exists", ToolRunner.Fail("crash", "record", "-o", trace, "--", s_tool, "--help"), StringComparison.Ordinal);
    }

    [Fact]
    public void Record_passes_on_that_the_program_failed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs a shell");
        string script = $"dotnet '{s_tool}' pool create log '{_files.File("new.pool")}' --size 2MiB; exit 7";
        ToolResult result = ToolRunner.Run("crash", "record", "-o", _files.File("t.pmtrace"), "--", "sh", "-c", script);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("exit code 7", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_are_told_in_one_sentence()
    {
        string trace = _files.Flag(isRight: true);
        Assert.Contains("--check-pool", ToolRunner.Fail("crash", "explore", trace), StringComparison.Ordinal);
        Assert.Contains("exclude", ToolRunner.Fail("crash", "explore", trace, "--check", "x {image}", "--check-pool"), StringComparison.Ordinal);
        Assert.Contains("{image}", ToolRunner.Fail("crash", "explore", trace, "--check", "verify"), StringComparison.Ordinal);
        Assert.Contains("at no moment", ToolRunner.Fail("crash", "explore", trace, "--check-pool"), StringComparison.Ordinal);
        Assert.Contains("names no image", ToolRunner.Fail("crash", "replay", trace, "z9", "--out", _files.File("x")), StringComparison.Ordinal);
        Assert.Contains("has no image", ToolRunner.Fail("crash", "replay", trace, "p1,fc0=9", "--out", _files.File("x")), StringComparison.Ordinal);
        Assert.Contains("is of trace", ToolRunner.Fail("crash", "replay", trace, "1234:k1", "--out", _files.File("x")), StringComparison.Ordinal);
        Assert.Contains("--out", ToolRunner.Fail("crash", "replay", trace, "k1"), StringComparison.Ordinal);
        Assert.Contains("PMTRACE1", ToolRunner.Fail("crash", "lint", s_tool), StringComparison.Ordinal);
        Assert.Contains("START", ToolRunner.Fail("crash", "import", trace, "-o", _files.File("x")), StringComparison.Ordinal);
        Assert.Contains("cannot be started", ToolRunner.Fail("crash", "record", "-o", _files.File("y"), "--", "no-such-program"), StringComparison.Ordinal);
        Assert.Contains("nothing was recorded", ToolRunner.Fail("crash", "record", "-o", _files.File("y"), "--", "true"), StringComparison.Ordinal);
    }
}
