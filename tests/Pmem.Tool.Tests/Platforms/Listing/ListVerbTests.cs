using System.Text.Json;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Tests.Platforms.Listing;

public sealed class ListVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public ListVerbTests()
    {
        _folder = _files.File("vm");
        using var platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = 128 << 20 });
        platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Size = 64 << 20, Name = "data" }).Demand();
        platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = NamespaceMode.Sector, Size = 64 << 20 }).Demand();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_verb_and_ndctl_print_the_same_whatever_the_spelling()
    {
        string expected = List(new ListOptions { Dimms = true, Regions = true, Namespaces = true, Idle = true, Human = true });
        foreach (string[] spelling in (string[][])[["-DRNiu"], ["-D", "-R", "-N", "-i", "-u"], ["--dimms", "--regions", "--namespaces", "--idle", "--human"]])
        {
            ToolResult ours = ToolRunner.Run(["list", "--platform", _folder, .. spelling]);
            Assert.Equal((0, expected + "\n", string.Empty), (ours.ExitCode, ours.Output, ours.Error));
            Assert.Equal(ours, ToolRunner.Run(["ndctl", "--platform", _folder, "list", .. spelling]));
        }

        string all = List(new ListOptions { Verbose = 3 });
        Assert.Equal(all + "\n", ToolRunner.Run("list", "-p", _folder, "-vvv").Output);
        Assert.Equal(all + "\n", ToolRunner.Run("ndctl", "--platform", _folder, "list", "-v", "-vv").Output);
        Assert.Contains("\"scrub_state\":\"idle\"", all, StringComparison.Ordinal);
        Assert.Contains("\"temperature_celsius\":28.0", all, StringComparison.Ordinal);
    }

    [Fact]
    public void The_envelope_depends_on_what_there_is()
    {
        Assert.Equal(JsonValueKind.Array, Parse(new ListOptions()).ValueKind);
        Assert.Equal(JsonValueKind.Array, Parse(new ListOptions { Human = true }).ValueKind);
        Assert.Equal(JsonValueKind.Object, Parse(new ListOptions { Human = true, Namespace = "0.0" }).ValueKind);
        Assert.Equal(["dimms", "namespaces"], Members(Parse(new ListOptions { Dimms = true, Namespaces = true })));
        Assert.Equal(["dimms", "regions"], Members(Parse(new ListOptions { Dimms = true, Regions = true, Namespaces = true })));
        Assert.Equal(["provider", "dev", "scrub_state", "dimms", "namespaces"], Members(Parse(new ListOptions { Buses = true, Dimms = true, Namespaces = true })[0]));

        // The last region has no namespace, with which the object turns into an array.
        Assert.Equal(JsonValueKind.Array, Parse(new ListOptions { Regions = true, Namespaces = true }).ValueKind);
        Assert.Equal(JsonValueKind.Object, Parse(new ListOptions { Regions = true, Namespaces = true, Region = "region0" }).ValueKind);
        Assert.Empty(List(new ListOptions { Namespace = "9.9" }));
        Assert.Empty(List(new ListOptions { Region = "region1", Namespaces = true }));
    }

    [Fact]
    public void Each_bus_is_listed_with_what_is_on_it()
    {
        string root = _files.File("machine");
        void Write(string path, string value)
        {
            string file = Path.Combine(root, "sys/devices/platform", path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, $"{value}\n");
        }

        Directory.CreateDirectory(Path.Combine(root, "sys/bus/nd/devices"));
        Directory.CreateDirectory(Path.Combine(root, "sys/bus/nd/drivers/nd_pmem"));
        foreach ((string bus, string provider, int number) in (ReadOnlySpan<(string, string, int)>)[("ndbus0", "ACPI.NFIT", 0), ("ndbus1", "e820", 1)])
        {
            Write($"{bus}/provider", provider);
            if (number == 0)
                Write($"{bus}/nfit/scrub", "3");
            string region = $"{bus}/region{number}";
            string space = $"{region}/namespace{number}.0";
            foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)[("nstype", "4"), ("size", "67108864"), ("mappings", "0"), ("available_size", "0"), ("persistence_domain", "unknown")])
                Write($"{region}/{name}", value);
            foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)[("nstype", "4"), ("size", "67108864"), ("mode", "raw"), ("sector_size", "[512] 4096")])
                Write($"{space}/{name}", value);
            Write($"{space}/block/pmem{number}/size", "131072");
            foreach (string device in (string[])[bus, region, space])
            {
                Directory.CreateSymbolicLink(Path.Combine(root, "sys/bus/nd/devices", Path.GetFileName(device)), Path.Combine(root, "sys/devices/platform", device));
                Directory.CreateSymbolicLink(Path.Combine(root, "sys/devices/platform", device, "driver"), Path.Combine(root, "sys/bus/nd/drivers/nd_pmem"));
            }
        }

        JsonElement all = ToolRunner.Json(0, "list", "--platform", root, "-BRN");
        Assert.Equal([("ndbus0", "ACPI.NFIT"), ("ndbus1", "e820")], all.EnumerateArray().Select(bus => (bus.GetProperty("dev").GetString()!, bus.GetProperty("provider").GetString()!)));
        Assert.Equal("idle", all[0].GetProperty("scrub_state").GetString());
        Assert.False(all[1].TryGetProperty("scrub_state", out _));
        for (int i = 0; i < 2; i++)
        {
            JsonElement region = Assert.Single(all[i].GetProperty("regions").EnumerateArray());
            Assert.Equal($"region{i}", region.GetProperty("dev").GetString());
            Assert.Equal($"pmem{i}", Assert.Single(region.GetProperty("namespaces").EnumerateArray()).GetProperty("blockdev").GetString());
        }

        Assert.Equal(["region0", "region1"], ToolRunner.Json(0, "list", "--platform", root, "-R").EnumerateArray().Select(region => region.GetProperty("dev").GetString()));
        foreach (string bus in (string[])["e820", "ndbus1", "1"])
            Assert.Equal(["region1"], ToolRunner.Json(0, "list", "--platform", root, "-R", "-b", bus).EnumerateArray().Select(region => region.GetProperty("dev").GetString()));
        Assert.Equal("ndbus1", Assert.Single(ToolRunner.Json(0, "list", "--platform", root, "-BR", "-r", "region1").EnumerateArray()).GetProperty("dev").GetString());
        Assert.Contains("\"ndbus0\"", ToolRunner.Run("list", "--platform", root, "-B", "--json").Output, StringComparison.Ordinal);
        Assert.Contains("e820", ToolRunner.Run("list", "--platform", root, "-B", "--table").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_sectors_are_those_of_the_region_and_of_the_data()
    {
        using (var platform = VirtualPlatform.Open(_folder))
        {
            NamespaceView data = platform.Platform.GetRegions()[0].Namespaces[0];
            platform.InjectPoison(data.Start + data.DataOffset + 8192, 4096);
            platform.InjectPoison(data.Start + (1 << 20), 1 << 20);
        }

        JsonElement region = Parse(new ListOptions { Regions = true, Namespaces = true, MediaErrors = true, Region = "0" }).GetProperty("regions")[0];
        Assert.Equal(2048 + 8, region.GetProperty("badblock_count").GetInt32());

        // A run of Linux has at most 512 sectors.
        Assert.Equal([512, 512, 512, 512, 8], region.GetProperty("badblocks").EnumerateArray().Select(block => block.GetProperty("length").GetInt32()));
        Assert.Equal(2048, region.GetProperty("badblocks")[0].GetProperty("offset").GetInt64());
        JsonElement found = region.GetProperty("namespaces")[0];
        Assert.Equal(8, found.GetProperty("badblock_count").GetInt32());
        Assert.Equal("""{"offset":16,"length":8,"dimms":["nmem0"]}""", JsonSerializer.Serialize(found.GetProperty("badblocks")[0]));
        Assert.False(region.GetProperty("namespaces")[1].TryGetProperty("badblock_count", out _));
    }

    [Fact]
    public void What_is_disabled_is_shown_when_asked_for()
    {
        using (var platform = VirtualPlatform.Open(_folder))
            platform.Platform.DisableNamespace("namespace0.0").Demand();
        Assert.Equal(["namespace0.1"], Names(Parse(new ListOptions())));
        Assert.Equal(["namespace0.0", "namespace0.1"], Names(Parse(new ListOptions { Configured = true })));
        Assert.Equal(["namespace0.0", "namespace0.1", "namespace0.2", "namespace1.0"], Names(Parse(new ListOptions { Idle = true })));
        JsonElement disabled = Parse(new ListOptions { Configured = true })[0];
        Assert.Equal(["dev", "mode", "size", "uuid", "sector_size", "state", "name"], Members(disabled));
        Assert.Equal(("raw", 64 << 20, "disabled"), (disabled.GetProperty("mode").GetString(), disabled.GetProperty("size").GetInt32(), disabled.GetProperty("state").GetString()));
    }

    [Fact]
    public void Tables_are_for_people_and_without_colours_where_nobody_sees_them()
    {
        ToolResult table = ToolRunner.Run("list", "--platform", _folder, "--table", "-DRNH");
        Assert.Equal(0, table.ExitCode);
        Assert.DoesNotContain('\u001b', table.Output);
        string[] lines = table.Output.Split('\n');
        Assert.StartsWith("DIMM ", lines[0], StringComparison.Ordinal);
        Assert.Contains("HEALTH", lines[0], StringComparison.Ordinal);
        Assert.Matches("^nmem0 .* ok .* 28", lines[1]);
        Assert.Contains(lines, line => line.StartsWith("region0  256.00 MiB  128.00 MiB", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("namespace0.1  sector", StringComparison.Ordinal) && line.Contains("pmem0.1s", StringComparison.Ordinal));

        var coloured = new StringWriter();
        TextTable.Write(coloured, ["NAME", "HEALTH", "EMPTY"], [["nmem0", "ok", ""], ["nmem10", "fatal", ""]], colors: true);
        Assert.Equal("\u001b[1mNAME\u001b[0m    \u001b[1mHEALTH\u001b[0m\nnmem0   \u001b[32mok\u001b[0m\nnmem10  \u001b[31mfatal\u001b[0m\n", coloured.ToString());
    }

    [Fact]
    public void Filters_that_are_none_are_refused()
    {
        Assert.Contains("invalid mode: 'blk'", ToolRunner.Fail("list", "--platform", _folder, "-m", "blk"), StringComparison.Ordinal);
        Assert.Contains("pmem", ToolRunner.Fail("list", "--platform", _folder, "-t", "volatile"), StringComparison.Ordinal);
        Assert.Contains("numa_node", ToolRunner.Fail("list", "--platform", _folder, "-U", "x"), StringComparison.Ordinal);
    }

    private string List(ListOptions options)
    {
        using var platform = VirtualPlatform.Open(_folder);
        return new PlatformListing(platform.Platform, options).Print();
    }

    private JsonElement Parse(ListOptions options)
    {
        using var document = JsonDocument.Parse(List(options));
        return document.RootElement.Clone();
    }

    private static string[] Members(JsonElement json) => [.. json.EnumerateObject().Select(member => member.Name)];

    private static string[] Names(JsonElement json) => [.. json.EnumerateArray().Select(item => item.GetProperty("dev").GetString()!)];
}
