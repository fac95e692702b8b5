using System.Diagnostics;
using System.Text.Json;
using Pmem.Emulation;

namespace Pmem.Tool.Tests.Persona.Ndctl;

/// <summary><c>ndctl monitor</c> on a platform in a folder.</summary>
public sealed class NdctlMonitorTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public NdctlMonitorTests()
    {
        _folder = _files.File("vm");
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 1, Capacity = 64 << 20 }).Dispose();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void It_switches_alarms_on_and_reports_what_is_raised_at_each_poll()
    {
        Run("inject-smart", "nmem1", "-m", "95", "-M", "80", "--media-temperature-alarm=off", "--spares-alarm=off");
        string config = _files.File("monitor.conf");
        string log = _files.File("log");
        File.WriteAllText(config, $"# which\n[monitor]\ndimm-event = dimm-health-state\nlog = {log}\ndimm = nmem1\nnothing\n");
        using Process monitor = ToolRunner.Start("ndctl", "--platform", _folder, "monitor", "-c", config, "-D", "dimm-media-temperature", "-p", "1");
        try
        {
            // At the start, and with each poll as long as it lasts.
            WaitFor(log, lines => lines.Length >= 2);
            Run("inject-smart", "nmem0", "-f");
            Run("inject-smart", "nmem1", "-f");
            WaitFor(log, lines => Array.Exists(lines, line => line.Contains("\"dimm-health-state\":true", StringComparison.Ordinal)));
        }
        finally
        {
            monitor.Kill();
            monitor.WaitForExit();
        }

        string[] lines = File.ReadAllLines(log);
        foreach (string line in lines)
        {
            using var told = JsonDocument.Parse(line);
            JsonElement root = told.RootElement;
            Assert.Equal(["timestamp", "pid", "event", "dimm"], root.EnumerateObject().Select(member => member.Name));
            Assert.Equal(["dimm-media-temperature", "dimm-health-state"], root.GetProperty("event").EnumerateObject().Select(member => member.Name));
            Assert.Equal("nmem1", root.GetProperty("dimm").GetProperty("dev").GetString());
            Assert.True(root.GetProperty("event").GetProperty("dimm-media-temperature").GetBoolean());
        }

        // As json-c prints it: nothing between, and temperatures with a point.
        Assert.Contains("\"temperature_celsius\":95.0,", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"dimm-health-state\":false", lines[0], StringComparison.Ordinal);
        string listed = Run("list", "-DH", "-d", "nmem1").Output;
        Assert.Contains("\"alarm_enabled_media_temperature\":true", listed, StringComparison.Ordinal);
        Assert.Contains("\"alarm_enabled_spares\":false", listed, StringComparison.Ordinal);
    }

    private static void WaitFor(string log, Func<string[], bool> isThere)
    {
        for (int i = 0; i < 600; i++)
        {
            if (File.Exists(log) && isThere(File.ReadAllLines(log)))
                return;
            Thread.Sleep(50);
        }

        Assert.Fail("nothing was reported in 30 seconds");
    }

    private ToolResult Run(params string[] arguments)
    {
        ToolResult result = ToolRunner.Run(["ndctl", "--platform", _folder, .. arguments]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
        return result;
    }
}
