using System.Text.Json;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Tool.Tests.Persona.Ndctl;

/// <summary>ndctl's commands on a platform in a folder: what they do, what they say, how they end.</summary>
public sealed class NdctlVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public NdctlVerbTests()
    {
        _folder = _files.File("vm");
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 128 << 20 }).Dispose();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_namespace_lives_and_dies()
    {
        JsonElement made = Json("create-namespace", "-m", "fsdax", "-s", "64M", "-n", "data", "-u", "11111111-2222-3333-4444-555555555555");
        Assert.Equal(("namespace0.0", "fsdax", "data", "pmem0"), (made.GetProperty("dev").GetString(), made.GetProperty("mode").GetString(), made.GetProperty("name").GetString(), made.GetProperty("blockdev").GetString()));
        JsonElement dax = Json("create-namespace", "--mode=devdax", "--size=64M");
        Assert.True(dax.TryGetProperty("daxregion", out _));
        // One a region, also where there is room for more.
        Expect(0, "created 1 namespace\n", "create-namespace", "-m", "sector", "-s", "64M", "-c", "-r", "region0");
        Expect(0, "disabled 1 namespace\n", "disable-namespace", "namespace0.0");
        Expect(0, "enabled 1 namespace\n", "enable-namespace", "namespace0.0");
        Expect(240, "  Error: destroy namespace: namespace0.0 is active, specify --force for destruction\ndestroyed 0 namespaces\n", "destroy-namespace", "namespace0.0");
        Expect(250, "error destroying namespaces: No such device or address\ndestroyed 0 namespaces\n", "destroy-namespace", "namespace7.0");
        Expect(129, "  Error: specify a namespace to destroy, or \"all\"\n\n\n usage: ndctl destroy-namespace <namespace> [<options>]\n", "destroy-namespace");
        Expect(0, "destroyed 3 namespaces\n", "destroy-namespace", "all", "--force");
        Expect(0, "destroyed 0 namespaces\n", "destroy-namespace", "all");
        Assert.Empty(Run("list").Output);
    }

    [Fact]
    public void A_namespace_is_made_another_one()
    {
        Json("create-namespace", "-s", "64M", "-n", "data", "-a", "4k");
        Expect(240, "  Error: namespace0.0 is active, specify --force for re-configuration\n\nfailed to reconfigure namespace: Device or resource busy\n", "create-namespace", "-e", "namespace0.0", "-m", "sector");
        JsonElement sector = Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "sector", "-l", "512");
        Assert.Equal(("sector", 512, "data"), (sector.GetProperty("mode").GetString(), sector.GetProperty("sector_size").GetInt32(), sector.GetProperty("name").GetString()));
        Assert.Equal("sector", Json("create-namespace", "-f", "-e", "namespace0.0").GetProperty("mode").GetString());
        Expect(250, "failed to reconfigure namespace: No such device or address\n", "create-namespace", "-e", "namespace0.7");

        // Large sectors stay, whatever it becomes, and what is mapped has none.
        Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "sector");
        Assert.Equal(4096, Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "raw").GetProperty("sector_size").GetInt32());
        Assert.Equal("devdax", Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "devdax", "-M", "mem").GetProperty("mode").GetString());
        Assert.Equal("dev", Json("create-namespace", "-f", "-e", "namespace0.0").GetProperty("map").GetString());
        Assert.Equal("devdax", Json("create-namespace", "-s", "32M", "-m", "devdax", "-l", "4096").GetProperty("mode").GetString());
    }

    [Theory]
    [InlineData("invalid mode 'blk'", "-m", "blk")]
    [InlineData("invalid type 'x', must be either 'pmem' or 'blk'", "-t", "x")]
    [InlineData("invalid map location 'x'", "-M", "x")]
    [InlineData("--map only valid for an devdax mode pmem namespace", "-m", "sector", "-M", "dev")]
    [InlineData("failed to parse namespace size 'x'\n\n  Error: failed to parse namespace size 'x'", "-s", "x")]
    [InlineData("align must be a power-of-2 greater than 4096", "-a", "5000")]
    [InlineData("failed to parse uuid: 'x'", "-u", "x")]
    [InlineData("unknown extra parameter \"x\"", "x")]
    public void Requests_that_are_none_are_refused_with_the_usage(string message, params string[] arguments)
    {
        ToolResult result = Run(["create-namespace", .. arguments]);
        Assert.Equal(129, result.ExitCode);
        Assert.StartsWith($"  Error: {message}\n\n\n usage: ndctl create-namespace [<options>]\n", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_a_reason()
    {
        ToolResult result = Run("create-namespace", "-s", "17M");
        Assert.Equal(234, result.ExitCode);
        Assert.Contains("take ", result.Error, StringComparison.Ordinal);
        Assert.EndsWith("  Error: create namespace: region0: align setting is 0x1000000 size 0x1100000 is misaligned\n", result.Error, StringComparison.Ordinal);
        Json("create-namespace");
        ToolResult full = Run("create-namespace");
        Assert.Equal(237, full.ExitCode);
        Assert.EndsWith("failed to create namespace: No space left on device\n", full.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_created_takes_nothing_from_a_namespace_without_labels()
    {
        Run("disable-region", "all");
        Run("zero-labels", "all");
        Run("enable-region", "all");
        using (var platform = VirtualPlatform.Open(_folder))
        {
            using PersistentMap map = platform.Platform.OpenNamespace("namespace0.0");
            map.Fill(0, 0x5a, 1 << 20);
        }

        foreach (string[] line in (string[][])[["create-namespace"], ["create-namespace", "-s", "64M"], ["create-namespace", "-c", "-f"]])
        {
            ToolResult refused = Run(line);
            Assert.Equal(237, refused.ExitCode);
            Assert.Contains("-f -e namespace0.0", refused.Error, StringComparison.Ordinal);
            Assert.EndsWith("failed to create namespace: No space left on device\n", refused.Error, StringComparison.Ordinal);
        }

        using (var platform = VirtualPlatform.Open(_folder))
        {
            using PersistentMap map = platform.Platform.OpenNamespace("namespace0.0");
            Assert.Equal(-1, map.GetSpan(0, 1 << 20).IndexOfAnyExcept((byte)0x5a));
        }

        Expect(234, "  Error: Legacy / label-less namespaces do not support sub-dividing a region\n\n  Error: Retry without -s/--size=\n", "create-namespace", "-f", "-e", "namespace0.0", "-s", "64M");
        Assert.Equal("devdax", Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "devdax", "--no-autolabel").GetProperty("mode").GetString());
        Assert.Equal(1, Run("check-labels", "all").ExitCode);
        JsonElement labelled = Json("create-namespace", "-f", "-e", "namespace0.0", "-m", "fsdax", "-n", "data");
        Assert.Equal(("fsdax", "data"), (labelled.GetProperty("mode").GetString(), labelled.GetProperty("name").GetString()));
        Expect(0, "successfully verified 2 nmem labels\n", "check-labels", "all");
    }

    [Fact]
    public void Regions_and_DIMMs_are_switched()
    {
        Json("create-namespace", "-s", "64M");
        Expect(1, "nmem0 is active, skipping...\ndisabled 0 nmem\n", "disable-dimm", "nmem0");
        Expect(0, "disabled 0 regions\n", "disable-region", "region9");
        Expect(0, "disabled 1 region\n", "disable-region", "region0");
        Assert.Empty(Run("list", "-R").Output);
        Assert.Contains("\"state\":\"disabled\"", Run("list", "-Ri").Output, StringComparison.Ordinal);
        Expect(0, "disabled 2 nmems\n", "disable-dimm", "all");
        ToolResult refused = Run("enable-region", "all");
        Assert.Equal(0, refused.ExitCode);
        Assert.EndsWith("enabled 0 regions\n", refused.Error, StringComparison.Ordinal);
        Expect(0, "enabled 2 nmems\n", "enable-dimm", "nmem0", "nmem1");
        Expect(0, "enabled 1 region\n", "enable-region", "0");
        Assert.Contains("namespace0.0", Run("list").Output, StringComparison.Ordinal);
        Assert.StartsWith("'x' is not a valid dimm name\n\n usage: ndctl enable-dimm <nmem0> [<nmem1>..<nmemN>] [<options>]\n", Run("enable-dimm", "x").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_are_read_checked_and_written()
    {
        Json("create-namespace", "-s", "64M", "-n", "data", "-u", "11111111-2222-3333-4444-555555555555");
        ToolResult read = Run("read-labels", "nmem1", "-j");
        Assert.Equal((0, "read 1 nmem\n"), (read.ExitCode, read.Error));
        using var document = JsonDocument.Parse(read.Output);
        JsonElement dimm = document.RootElement[0];
        Assert.Equal(["dev", "index", "label"], dimm.EnumerateObject().Select(member => member.Name));
        Assert.Equal(["signature", "major", "minor", "labelsize", "seq", "nslot"], dimm.GetProperty("index")[0].EnumerateObject().Select(member => member.Name));

        // Slots that are free again are shown too.
        JsonElement label = dimm.GetProperty("label").EnumerateArray().First(item => item.GetProperty("name").GetString() == "data");
        Assert.Equal(["uuid", "name", "slot", "position", "nlabel", "flags", "isetcookie", "lbasize", "dpa", "rawsize", "type_guid", "abstraction_guid"], label.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("11111111-2222-3333-4444-555555555555", 1, 2, 32 << 20), (label.GetProperty("uuid").GetString(), label.GetProperty("position").GetInt32(), label.GetProperty("nlabel").GetInt32(), label.GetProperty("rawsize").GetInt32()));
        Assert.Contains("\"dpa\":\"0\"", Run("read-labels", "nmem1", "-u").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("label\":", Run("read-labels", "nmem1", "-j", "-I").Output, StringComparison.Ordinal);

        string saved = _files.File("labels");
        Expect(0, "read 1 nmem\n", "read-labels", "nmem0", "-o", saved);
        Assert.Equal(128 << 10, new FileInfo(saved).Length);
        Expect(0, "successfully verified 2 nmem labels\n", "check-labels", "all");
        Expect(1, "nmem0: regions active, abort label write\nzeroed 0 nmem\n", "zero-labels", "nmem0");
        Run("disable-region", "all");
        Expect(1, "nmem0: error: labels already initialized\ninitialized 0 nmem\n", "init-labels", "nmem0");
        Expect(0, "zeroed 1 nmem\n", "zero-labels", "nmem0");
        Assert.Equal(1, Run("check-labels", "nmem0").ExitCode);
        Expect(0, "wrote 1 nmem\n", "write-labels", "nmem0", "-i", saved);
        Expect(0, "successfully verified 1 nmem label\n", "check-labels", "nmem0");
        Run("enable-region", "all");
        Assert.Contains("\"name\":\"data\"", Run("list").Output, StringComparison.Ordinal);
        Run("disable-region", "all");
        Expect(0, "initialized 2 nmems\n", "init-labels", "-f", "-V", "1.2", "all");
        Expect(0, "read 0 nmem\n", "read-labels", "nmem9");
    }

    [Fact]
    public void Info_blocks_are_read_and_written_without_a_platform_too()
    {
        string file = _files.File("block");
        Expect(0, "wrote 1 infoblock\n", "write-infoblock", "-o", file, "-s", "256M", "-m", "devdax", "-a", "4k", "-p", "11111111-2222-3333-4444-555555555555");
        Assert.Equal(8192, new FileInfo(file).Length);
        ToolResult read = Run("read-infoblock", "-i", file, "-j");
        Assert.Equal((0, "read 1 infoblock\n"), (read.ExitCode, read.Error));
        using var document = JsonDocument.Parse(read.Output);
        Assert.Equal(["file", "signature", "uuid", "parent_uuid", "flags", "version", "dataoff", "npfns", "mode", "start_pad", "end_trunc", "align", "page_size", "page_struct_size"], document.RootElement[0].EnumerateObject().Select(member => member.Name));
        Assert.Equal("11111111-2222-3333-4444-555555555555", document.RootElement[0].GetProperty("parent_uuid").GetString());

        Json("create-namespace", "-s", "64M");
        Expect(240, "read-infoblock: namespace0.0 enabled, must be disabled\nerror reading infoblock data: Device or resource busy\nread 0 infoblocks\n", "read-infoblock", "namespace0.0", "-j");
        Run("disable-namespace", "all");
        Assert.Contains("\"dev\":\"namespace0.0\"", Run("read-infoblock", "namespace0.0", "-u").Output, StringComparison.Ordinal);
        Expect(0, "wrote 1 infoblock\n", "write-infoblock", "namespace0.0", "-M", "mem");
        Run("enable-namespace", "all");
        Assert.Contains("\"map\":\"mem\"", Run("list").Output, StringComparison.Ordinal);
        Assert.Equal(129, Run("write-infoblock").ExitCode);
        Assert.Equal(129, Run("write-infoblock", "-c").ExitCode);
    }

    [Fact]
    public void Errors_are_injected_seen_and_cleared()
    {
        Json("create-namespace", "-s", "64M");
        JsonElement bad = Json("inject-error", "namespace0.0", "-B", "8", "-n", "2", "-S");
        Assert.Equal((2, 8), (bad.GetProperty("badblock_count").GetInt32(), bad.GetProperty("badblocks")[0].GetProperty("offset").GetInt32()));
        Assert.Equal("{\n  \"badblocks\":[\n    {\n      \"block\":\"0x8\",\n      \"count\":\"0x2\"\n    }\n  ]\n}\n", Run("inject-error", "namespace0.0", "-t", "-u").Output);
        JsonElement cleared = Json("clear-errors", "namespace0.0");
        Assert.False(cleared.TryGetProperty("badblock_count", out _));
        Expect(0, string.Empty, "inject-error", "namespace0.0", "-t");
        Assert.StartsWith("Warning: Un-injecting", Run("inject-error", "namespace0.0", "-d", "-B", "8", "-n", "1").Output, StringComparison.Ordinal);
        Expect(234, "  Error: block and count required for inject/uninject\n\n", "inject-error", "namespace0.0", "-B", "8");
        Expect(250, "  Error: namespace9.0: no such namespace\n\n", "inject-error", "namespace9.0", "-t");
    }

    [Fact]
    public void Health_is_pretended_and_scrubs_are_run()
    {
        JsonElement dimm = Json("inject-smart", "nmem0", "-m", "95.5", "--media-temperature-threshold=80", "--media-temperature-alarm=on", "-U", "-u");
        JsonElement health = dimm.GetProperty("health");
        Assert.Equal((95.5, true, 80.0, "dirty"), (health.GetProperty("temperature_celsius").GetDouble(), health.GetProperty("alarm_temperature").GetBoolean(), health.GetProperty("temperature_threshold").GetDouble(), health.GetProperty("shutdown_state").GetString()));
        Json("inject-smart", "nmem0", "-N");
        Assert.Contains("\"shutdown_state\":\"clean\"", Run("list", "-DH").Output, StringComparison.Ordinal);
        Expect(234, "  Error: No valid operation specified\n\n", "inject-smart", "nmem0");
        Assert.Contains("\"scrub_state\":", Run("start-scrub").Output, StringComparison.Ordinal);
        ToolResult done = Run("wait-scrub", "ACPI.NFIT");
        Assert.Equal(0, done.ExitCode);
        Assert.Contains("\"scrub_state\":\"idle\"", done.Output, StringComparison.Ordinal);
        Expect(250, "error starting scrub: No such device or address\n", "start-scrub", "e820");
    }

    [Fact]
    public void A_table_is_checked()
    {
        Json("create-namespace", "-m", "sector", "-s", "64M");
        Expect(240, "namespace0.0: namespace_check: namespace0.0: check aborted, namespace online\nerror checking namespaces: Device or resource busy\nchecked 0 namespaces\n", "check-namespace", "namespace0.0");
        Expect(0, "checked 1 namespace\n", "check-namespace", "-f", "namespace0.0");
        using (var platform = VirtualPlatform.Open(_folder))
        {
            using PersistentMap map = platform.Platform.OpenNamespace("namespace0.0");
            map.Fill(0, 0xff, 4096);
        }

        Run("disable-namespace", "all");
        Expect(0, "checked 1 namespace\n", "check-namespace", "--repair", "--rewrite-log", "namespace0.0");
    }

    [Fact]
    public void Every_command_of_ndctl_is_there_and_has_help()
    {
        Assert.Equal(129, Run("update-firmware", "nmem0").ExitCode);
        string[] commands = Run("--list-cmds").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(34, commands.Length);
        Assert.All(commands.Skip(1).SkipLast(1), command => Assert.Equal(129, Run(command, "-h").ExitCode));
    }

    private ToolResult Run(params string[] arguments) => ToolRunner.Run(["ndctl", "--platform", _folder, .. arguments]);

    private void Expect(int code, string error, params string[] arguments)
    {
        ToolResult result = Run(arguments);
        Assert.True(code == result.ExitCode && result.Error.StartsWith(error, StringComparison.Ordinal), $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
    }

    private JsonElement Json(params string[] arguments)
    {
        ToolResult result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Error}");
        using var document = JsonDocument.Parse(result.Output);
        JsonElement root = document.RootElement.Clone();
        return root.ValueKind == JsonValueKind.Array ? root[0] : root;
    }
}
