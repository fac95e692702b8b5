using System.Text.Json;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

public sealed class DimmVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public DimmVerbTests()
    {
        _folder = _files.File("vm");
        using var platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 128 << 20 });
        platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 64 << 20, Name = "log" }).Demand();
        platform.Platform.CreateNamespace(new NamespaceRequest { Size = 64 << 20, Name = "data" }).Demand();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void DIMMs_are_shown_with_the_columns_of_ipmctl()
    {
        string[] table = Run("dimm", "show").Split('\n');
        Assert.Matches("^ DimmID \\| Capacity +\\| LockState +\\| HealthState \\| FWVersion$", table[0]);
        Assert.Equal(new string('=', table[1].Length), table[1]);
        Assert.Matches("^ 0x0001 \\| 0.125 GiB +\\| Disabled +\\| Healthy ", table[2]);
        string[] blocks = Run("dimm", "show", "nmem1", "--display", "HealthState,Capacity", "--units", "B").Split('\n');
        Assert.Equal(["---DimmID=0x0002---", "   Capacity=134217728 B", "   HealthState=Healthy"], blocks[..3]);
        Assert.Contains("   SerialNumber=0x00123457", Run("dimm", "show", "nmem1", "--all").Split('\n'));
        JsonElement json = ToolRunner.Json(0, "dimm", "show", "--platform", _folder);
        Assert.Equal("Healthy", json[0].GetProperty("HealthState").GetString());

        // What the first column says can be typed; several with commas between, as with ipmctl.
        Assert.Equal("---DimmID=0x0002---", Run("dimm", "show", "0x0002", "--display", "Capacity").Split('\n')[0]);
        Assert.Equal(2, Run("dimm", "show", "0x0001,0x0002", "--display", "Capacity").Split('\n').Count(line => line.StartsWith("---", StringComparison.Ordinal)));
        Assert.Contains("no DIMM 0x0000", ToolRunner.Fail("dimm", "show", "0x0000", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("exclude each other", ToolRunner.Fail("dimm", "show", "-a", "-d", "Capacity", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("no DIMM nmem7", ToolRunner.Fail("dimm", "show", "nmem7", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("no unit", ToolRunner.Fail("dimm", "show", "-u", "KB", "--platform", _folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Regions_DIMMs_and_labels_are_changed_in_the_right_order_only()
    {
        Assert.Contains("pmem region disable region0", ToolRunner.Fail("dimm", "disable", "nmem0", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("pmem region disable region0", ToolRunner.Fail("dimm", "labels", "zero", "nmem0", "--platform", _folder), StringComparison.Ordinal);
        string saved = _files.File("area");
        Run("dimm", "labels", "read", "nmem0", "--output", saved);
        Assert.Contains("data", Run("dimm", "labels", "read", "nmem0"), StringComparison.Ordinal);
        Assert.Equal("nmem0", ToolRunner.Json(0, "dimm", "labels", "read", "nmem0", "--platform", _folder)[0].GetProperty("dev").GetString());
        Assert.Contains("region0: disabled", Run("region", "disable", "region0"), StringComparison.Ordinal);
        Assert.Contains("disabled", Run("region", "list"), StringComparison.Ordinal);
        Assert.Equal("disabled", ToolRunner.Json(0, "region", "list", "--platform", _folder)[0].GetProperty("state").GetString());
        Run("dimm", "disable", "nmem0");
        Run("dimm", "labels", "zero", "nmem0");
        Assert.Equal(1, ToolRunner.Run("dimm", "labels", "check", "nmem0", "--platform", _folder).ExitCode);
        JsonPage.Compare("## `pmem dimm labels check", ToolRunner.Json(1, "dimm", "labels", "check", "nmem0", "--platform", _folder));
        Run("dimm", "labels", "init", "nmem0");
        JsonElement valid = ToolRunner.Json(0, "dimm", "labels", "check", "nmem0", "--platform", _folder);
        JsonPage.Compare("## `pmem dimm labels check", valid);
        Assert.Equal((true, "1.2", valid.GetProperty("nslot").GetInt32()), (valid.GetProperty("valid").GetBoolean(), valid.GetProperty("version").GetString(), valid.GetProperty("free").GetInt32()));
        Assert.Contains("--force", ToolRunner.Fail("dimm", "labels", "init", "nmem0", "--platform", _folder), StringComparison.Ordinal);
        Run("dimm", "labels", "write", "nmem0", "--input", saved);
        Assert.Contains("nmem0", ToolRunner.Fail("region", "enable", "region0", "--platform", _folder), StringComparison.Ordinal);
        Run("dimm", "enable", "nmem0");
        Assert.Contains("2 namespace(s)", Run("region", "enable", "region0"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_in_a_namespace_is_checked_read_written_and_cleared()
    {
        Assert.True(ToolRunner.Json(0, "namespace", "check", "namespace0.0", "--platform", _folder).GetProperty("consistent").GetBoolean());
        Assert.Equal("namespace0.1", ToolRunner.Json(0, "namespace", "read-infoblock", "namespace0.1", "--platform", _folder)[0].GetProperty("dev").GetString());
        Assert.Contains("disable it first", ToolRunner.Fail("namespace", "write-infoblock", "namespace0.1", "--platform", _folder), StringComparison.Ordinal);
        Run("namespace", "disable", "namespace0.1");
        Assert.Equal("mem", ToolRunner.Json(0, "namespace", "write-infoblock", "namespace0.1", "--map", "mem", "--platform", _folder).GetProperty("map").GetString());
        Run("namespace", "enable", "namespace0.1");
        using (var platform = VirtualPlatform.Open(_folder))
        {
            NamespaceView space = platform.Platform.GetRegions()[0].Namespaces[1];
            platform.InjectPoison(space.Start + space.DataOffset + 4096, 512);
        }

        JsonElement cleared = ToolRunner.Json(0, "namespace", "clear-errors", "namespace0.1", "--platform", _folder).GetProperty("cleared")[0];
        Assert.Equal((8, 1), (cleared.GetProperty("offset").GetInt32(), cleared.GetProperty("length").GetInt32()));
        Assert.Contains("sector mode", ToolRunner.Fail("namespace", "clear-errors", "namespace0.0", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("no namespace", ToolRunner.Fail("namespace", "check", "namespace9.9", "--platform", _folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_tables_are_checked_and_ruined_ones_are_not_taken_for_raw()
    {
        ToolRunner.Json(0, "namespace", "create", "--platform", _folder, "--mode", "raw", "--size", "32M");
        Assert.Contains("no metadata to check", ToolRunner.Fail("namespace", "check", "namespace0.2", "--platform", _folder), StringComparison.Ordinal);
        Assert.Contains("fsdax mode", ToolRunner.Fail("namespace", "check", "namespace0.1", "--platform", _folder), StringComparison.Ordinal);
        Run("namespace", "disable", "namespace0.2");
        Assert.Contains("no metadata to check", ToolRunner.Fail("namespace", "check", "namespace0.2", "--repair", "--platform", _folder), StringComparison.Ordinal);

        using (var platform = VirtualPlatform.Open(_folder))
        using (PersistentMap map = platform.Platform.OpenRaw("namespace0.0", readOnly: false, force: true))
            map.Fill(0, 0, 8192);
        Assert.Equal("raw", ToolRunner.Json(0, "namespace", "list", "--platform", _folder)[0].GetProperty("mode").GetString());
        Assert.False(ToolRunner.Json(1, "namespace", "check", "namespace0.0", "--platform", _folder).GetProperty("consistent").GetBoolean());
        using (var platform = VirtualPlatform.Open(_folder))
        using (PersistentMap map = platform.Platform.OpenRaw("namespace0.0", readOnly: false, force: true))
            map.Fill(0, 0, map.Length);
        Assert.False(ToolRunner.Json(1, "namespace", "check", "namespace0.0", "--platform", _folder).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void A_reconfiguration_that_was_cut_off_is_told_with_the_remedy_that_works()
    {
        using (var platform = VirtualPlatform.Open(_folder))
        using (PersistentMap map = platform.Platform.OpenRaw("namespace0.0", readOnly: false, force: true))
        {
            // Its label says BTT, and neither the info block nor its copy is there yet.
            map.Fill(0, 0, 8192);
            map.Fill(map.Length - 4096, 0, 4096);
        }

        const string Remedy = "pmem namespace reconfigure --mode sector";
        Assert.Contains($"pmem namespace reconfigure namespace0.0 --mode sector --platform {_folder}", ToolRunner.Run("explain", "--platform", _folder).Output, StringComparison.Ordinal);
        Assert.Contains("no copy of it", string.Join(" ", ToolRunner.Json(0, "namespace", "list", "--platform", _folder)[0].GetProperty("reasons").EnumerateArray()), StringComparison.Ordinal);
        ToolResult check = ToolRunner.Run("namespace", "check", "log", "--platform", _folder);
        Assert.Equal(1, check.ExitCode);
        Assert.Contains(Remedy, check.Output, StringComparison.Ordinal);
        Assert.Contains(Remedy, ToolRunner.Json(1, "namespace", "check", "namespace0.0", "--platform", _folder).GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Run("namespace", "disable", "namespace0.0");
        string refused = ToolRunner.Fail("namespace", "check", "namespace0.0", "--repair", "--platform", _folder);
        Assert.Contains(Remedy, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("version", refused, StringComparison.Ordinal);
        Run("namespace", "reconfigure", "namespace0.0", "--mode", "sector");
        Assert.True(ToolRunner.Json(0, "namespace", "check", "log", "--platform", _folder).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void Locked_and_lost_DIMMs_are_shown_as_such()
    {
        string secret = _files.File("secret");
        File.WriteAllText(secret, "open sesame");
        Run("dimm", "security", "setup", "nmem0", "--new-passphrase-file", secret);
        using (var platform = VirtualPlatform.Open(_folder))
        {
            platform.Inject(1, dimm => dimm with { IsLost = true });
            platform.PowerCut(1);
        }

        string[] lines = ToolRunner.Run("platform", "show", _folder).Output.Split('\n');
        Assert.Contains(lines, line => line.StartsWith("nmem0", StringComparison.Ordinal) && line.Contains("labels not reachable", StringComparison.Ordinal) && line.Contains(", locked", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("nmem1", StringComparison.Ordinal) && line.Contains("labels not reachable", StringComparison.Ordinal) && line.Contains(", lost", StringComparison.Ordinal));
        Assert.Contains("security unlock nmem0", ToolRunner.Fail("dimm", "labels", "read", "nmem0", "--platform", _folder), StringComparison.Ordinal);
    }

    private string Run(params string[] arguments)
    {
        ToolResult result = ToolRunner.Run([.. arguments, "--platform", _folder]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
        return result.Output;
    }
}
