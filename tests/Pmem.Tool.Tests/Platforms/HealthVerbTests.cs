using System.Diagnostics;
using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>smart, inject-smart, inject-error, scrub, monitor.</summary>
public sealed class HealthVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public HealthVerbTests()
    {
        _folder = _files.File("vm");
        ToolRunner.Json(0, "platform", "create", _folder, "--dimms", "2", "--ways", "2", "--size", "64M");
    }

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("--dimm", "nmem9")]
    [InlineData("--region", "region7")]
    [InlineData("--namespace", "namespace3.3")]
    [InlineData("--bus", "other")]
    public void What_is_not_there_is_not_watched(string option, string name) =>
        Assert.Contains($"{name} to be watched; 'pmem list", ToolRunner.Fail("monitor", "--platform", _folder, option, name, "--looks", "1"), StringComparison.Ordinal);

    [Fact]
    public void What_is_pretended_is_shown_and_taken_back()
    {
        JsonElement well = ToolRunner.Json(0, "smart", "--platform", _folder);
        Assert.Equal(2, well.GetArrayLength());
        JsonPage.Compare("## `pmem smart", well[0]);
        Assert.Equal("ok", well[0].GetProperty("health").GetProperty("health_state").GetString());
        JsonElement warm = ToolRunner.Json(0, "inject-smart", "nmem1", "--media-temperature", "91.5", "--spares", "40", "--spares-threshold", "30", "--platform", _folder);
        JsonElement health = Assert.Single(warm.EnumerateArray()).GetProperty("health");
        Assert.Equal(("non-critical", 91.5, true, false), (health.GetProperty("health_state").GetString(), health.GetProperty("temperature_celsius").GetDouble(), health.GetProperty("alarm_temperature").GetBoolean(), health.GetProperty("alarm_spares").GetBoolean()));
        ToolResult text = ToolRunner.Run("smart", "--platform", _folder);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("91.5 °C, alarm above 85 °C  ALARM", text.Output, StringComparison.Ordinal);
        ToolRunner.Json(0, "inject-smart", "all", "-N", "--platform", _folder);
        ToolRunner.Json(0, "smart", "0", "nmem1", "--platform", _folder);
        Assert.Contains("pretended and taken back", ToolRunner.Fail("inject-smart", "nmem0", "-f", "-F", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("--help", ToolRunner.Fail("inject-smart", "nmem0", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("neither on nor off", ToolRunner.Fail("inject-smart", "nmem0", "--spares-alarm", "maybe", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("no DIMM nmem7", ToolRunner.Fail("smart", "nmem7", "--platform", _folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_that_nobody_was_told_of_are_found_by_a_scrub()
    {
        ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--size", "32M");
        Assert.Equal(0, ToolRunner.Json(0, "inject-error", "namespace0.0", "-B", "8", "-n", "2", "--no-notify", "--platform", _folder).GetProperty("badblock_count").GetInt32());
        Assert.Equal(2, ToolRunner.Json(0, "inject-error", "namespace0.0", "--status", "--platform", _folder).GetProperty("badblock_count").GetInt32());
        JsonElement started = ToolRunner.Json(0, "scrub", "start", "--platform", _folder);
        JsonPage.Compare("## `pmem scrub", started);
        JsonElement done = ToolRunner.Json(0, "scrub", "wait", "--poll", "0.01", "--platform", _folder);
        Assert.Equal(("idle", 1), (done.GetProperty("scrub_state").GetString(), done.GetProperty("finished").GetInt32()));
        ToolResult taken = ToolRunner.Run("inject-error", "namespace0.0", "-B", "8", "-n", "2", "--uninject", "--platform", _folder, "--json");
        Assert.Contains("clear-errors", taken.Error, StringComparison.Ordinal);
        using var known = JsonDocument.Parse(taken.Output);
        JsonPage.Compare("## `pmem inject-error", known.RootElement);
        JsonElement block = Assert.Single(known.RootElement.GetProperty("badblocks").EnumerateArray());
        Assert.Equal((8, 2), (block.GetProperty("offset").GetInt32(), block.GetProperty("length").GetInt32()));
        Assert.Contains("--block", ToolRunner.Fail("inject-error", "namespace0.0", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("take blocks below", ToolRunner.Fail("inject-error", "namespace0.0", "-B", "99999999", "-n", "1", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("seconds", ToolRunner.Fail("scrub", "wait", "--poll", "0", "--platform", _folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_monitor_tells_events_as_they_happen_while_others_use_the_platform()
    {
        using Process monitor = ToolRunner.Start("monitor", "--platform", _folder, "--poll", "0.05", "--count", "3", "--media-errors");
        try
        {
            Task<string?> first = monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
            Assert.NotSame(first, await Task.WhenAny(first, Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken)));
            ToolRunner.Json(0, "inject-smart", "nmem1", "--spares", "10", "--platform", _folder);
            JsonElement spares = await Parse(first);
            Assert.Equal((true, true, false), Flags(spares, "dimm-spares-remaining", "dimm-health-state", "dimm-media-temperature"));
            Assert.Equal(("nmem1", 10), (spares.GetProperty("dimm").GetProperty("dev").GetString(), spares.GetProperty("dimm").GetProperty("health").GetProperty("spares_percentage").GetInt32()));
            Assert.Matches(@"^ *\d+\.\d{9}$", spares.GetProperty("timestamp").GetString());
            Assert.Equal(monitor.Id, spares.GetProperty("pid").GetInt32());
            Task<string?> second = monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
            ToolRunner.Json(0, "platform", "inject", _folder, "--poison", "0x1000");
            JsonElement error = await Parse(second);
            JsonPage.Compare("## `pmem monitor", error);
            Assert.True(error.GetProperty("event").GetProperty("media-errors").GetBoolean());
            Assert.Equal("nmem0", error.GetProperty("errors")[0].GetProperty("dimms")[0].GetProperty("dimm").GetString());
            Task<string?> third = monitor.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
            ToolRunner.Json(0, "inject-smart", "nmem1", "-N", "--platform", _folder);
            Assert.Equal((false, true, false), Flags(await Parse(third), "dimm-spares-remaining", "dimm-health-state", "dimm-unclean-shutdown"));
            await monitor.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, monitor.ExitCode);
        }
        finally
        {
            if (!monitor.HasExited)
                monitor.Kill();
        }
    }

    [Fact]
    public void The_monitor_filters_and_ends_after_its_looks()
    {
        ToolRunner.Json(0, "inject-smart", "nmem1", "--fatal", "--unsafe-shutdown", "--platform", _folder);
        string log = _files.File("events");
        Assert.Equal(0, ToolRunner.Run("monitor", "--platform", _folder, "--looks", "2", "--poll", "0.01", "--log", log, "--dimm-event", "dimm-unclean-shutdown").ExitCode);
        using var line = JsonDocument.Parse(Assert.Single(File.ReadAllLines(log)));
        Assert.Equal(["dimm-unclean-shutdown"], line.RootElement.GetProperty("event").EnumerateObject().Select(pair => pair.Name));
        Assert.Equal("nmem1", line.RootElement.GetProperty("dimm").GetProperty("dev").GetString());
        Assert.Empty(ToolRunner.Run("monitor", "--platform", _folder, "--looks", "1", "--dimm", "nmem0").Output);
        Assert.Empty(ToolRunner.Run("monitor", "--platform", _folder, "--looks", "1", "--region", "region1").Output);
        Assert.Contains("nmem1  dimm-unclean-shutdown: fatal", ToolRunner.Run("monitor", "--platform", _folder, "--looks", "1", "--bus", "ACPI.NFIT", "--human").Output, StringComparison.Ordinal);
        Assert.Contains("no event", ToolRunner.Fail("monitor", "--platform", _folder, "--dimm-event", "dimm-lost"), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> Parse(Task<string?> line)
    {
        string? text = await line.WaitAsync(TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);
        using var document = JsonDocument.Parse(text!);
        return document.RootElement.Clone();
    }

    private static (bool First, bool Second, bool Third) Flags(JsonElement line, string first, string second, string third)
    {
        JsonElement events = line.GetProperty("event");
        return (events.GetProperty(first).GetBoolean(), events.GetProperty(second).GetBoolean(), events.GetProperty(third).GetBoolean());
    }
}
