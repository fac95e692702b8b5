using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

public sealed class PlatformVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_platform_is_made_divided_cut_and_shown()
    {
        string folder = _files.File("vm1");
        JsonElement made = ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "128MiB");
        JsonPage.Compare("## `pmem platform create", made);
        Assert.Equal(2, made.GetProperty("dimms").GetArrayLength());
        JsonElement fsdax = ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--size", "64M", "--name", "data");
        JsonPage.Compare("## `pmem namespace list", fsdax);
        Assert.Equal(("namespace0.0", "fsdax", "pmem0"), (fsdax.GetProperty("dev").GetString(), fsdax.GetProperty("mode").GetString(), fsdax.GetProperty("device").GetString()));
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--mode", "sector", "--size", "32M");
        ToolRunner.Json(0, "namespace", "disable", "namespace0.1", "--platform", folder);
        JsonElement cut = ToolRunner.Json(0, "platform", "power-cut", folder, "--adr-failure");
        JsonPage.Compare("## `pmem platform create", cut);
        Assert.Equal(1, cut.GetProperty("dimms")[0].GetProperty("dirtyShutdowns").GetInt32());
        JsonElement[] spaces = [.. ToolRunner.Json(0, "namespace", "list", "--platform", folder).EnumerateArray()];
        Assert.Equal([true, true], spaces.Select(space => space.GetProperty("enabled").GetBoolean()));
        Assert.Equal("devdax", ToolRunner.Json(0, "namespace", "reconfigure", "namespace0.1", "--platform", folder, "--mode", "devdax", "--force").GetProperty("mode").GetString());
        Assert.Contains("pmem0", ToolRunner.Run("platform", "show", folder).Output, StringComparison.Ordinal);
        ToolRunner.Json(0, "labels", "check", Path.Combine(folder, "dimm-0.img"), "--label-size", "128K");
    }

    [Theory]
    [InlineData("adr", "adr", 0)]
    [InlineData("eadr", "eadr", 0)]
    [InlineData("pcommit", "pcommit", 2)]
    [InlineData("none", "pcommit", 32)]
    public void The_persistence_domain_and_flush_hints_are_chosen_and_shown(string domain, string shown, int hints)
    {
        string folder = _files.File("vm0");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M", "--domain", domain, "--hints", $"{hints}");
        JsonElement platform = ToolRunner.Json(0, "platform", "show", folder);
        Assert.Equal((shown, hints), (platform.GetProperty("domain").GetString(), platform.GetProperty("flushHints").GetInt32()));
        Assert.Contains(hints > 0 ? $"persistence domain {shown}, {hints} flush hint(s)" : $"persistence domain {shown}\n", ToolRunner.Run("platform", "show", folder).Output, StringComparison.Ordinal);
        Assert.Contains("0 to 32", ToolRunner.Fail("platform", "create", _files.File("vm00"), "--hints", "33"), StringComparison.Ordinal);
        Assert.Contains("adr, eadr or pcommit", ToolRunner.Fail("platform", "create", _files.File("vm00"), "--domain", "cxl"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--spares 0", "spares_percentage\":0", "critical")]
    [InlineData("--media-temperature 95", "temperature_celsius\":95", "non-critical")]
    [InlineData("--controller-temperature 99", "controller_temperature_celsius\":99", "non-critical")]
    [InlineData("--fatal true", "", "fatal")]
    [InlineData("--life-used 90", "life_used_percentage\":90", "ok")]
    [InlineData("--save-failed true", "flag_failed_save\":true", "ok")]
    [InlineData("--restore-failed true", "flag_failed_restore\":true", "ok")]
    [InlineData("--armed false", "flag_failed_arm\":true", "ok")]
    public void A_fault_shows_in_the_list_as_that_of_a_real_DIMM_would(string fault, string listed, string health)
    {
        string folder = _files.File("vm7");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        JsonElement broken = ToolRunner.Json(0, ["platform", "inject", folder, .. fault.Split(' ')]);
        JsonPage.Compare("## `pmem platform create", broken);
        Assert.Equal(health, broken.GetProperty("dimms")[0].GetProperty("health").GetString());
        string list = ToolRunner.Run("list", "-DHi", "--platform", folder).Output;
        Assert.Contains(listed, list.Replace(" ", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains($"health_state\":\"{health}", list.Replace(" ", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_label_write_fails_the_command_that_makes_it_and_leaves_the_old_namespaces()
    {
        string folder = _files.File("vm8");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        ToolRunner.Json(0, "platform", "inject", folder, "--tear-labels", "1:20");
        Assert.Contains("label write 2 from now", ToolRunner.Run("platform", "show", folder).Output, StringComparison.Ordinal);
        Assert.Contains("power failed", ToolRunner.Fail("namespace", "create", "--platform", folder), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Json(0, "namespace", "list", "--platform", folder).GetArrayLength());
        ToolRunner.Json(0, "namespace", "create", "--platform", folder);
        Assert.Contains("WRITES:BYTES", ToolRunner.Fail("platform", "inject", folder, "--tear-labels", "soon"), StringComparison.Ordinal);
        Assert.Contains("at least once", ToolRunner.Fail("platform", "inject", folder, "--endurance", "0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Media_is_read_and_written_through_block_windows()
    {
        string folder = _files.File("vm9");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        byte[] bytes = new byte[20_480];
        new Random(5).NextBytes(bytes);
        File.WriteAllBytes(_files.File("in"), bytes);
        JsonElement written = ToolRunner.Json(0, "dimm", "window", "write", "nmem0", "--dpa", "0x1000", "--input", _files.File("in"), "--platform", folder);
        JsonPage.Compare("## `pmem dimm window", written);
        Assert.Equal(0, ToolRunner.Run("dimm", "window", "read", "nmem0", "--dpa", "0x1000", "--length", "20480", "--output", _files.File("out"), "--platform", folder).ExitCode);
        Assert.Equal(bytes, File.ReadAllBytes(_files.File("out")));
        Assert.Contains("00001000", ToolRunner.Run("dimm", "window", "read", "nmem0", "--dpa", "0x1000", "--platform", folder).Output, StringComparison.Ordinal);
        Assert.Equal(3, ToolRunner.Json(0, "platform", "inject", folder, "--poison", "0x2000").GetProperty("dimms")[0].GetProperty("mostWrites").GetInt32());
        Assert.Equal(2, ToolRunner.Json(1, "dimm", "window", "read", "nmem0", "--dpa", "0x2000", "--platform", folder).GetProperty("status").GetInt32());
        Assert.Contains("cannot be read", ToolRunner.Run("dimm", "window", "read", "nmem0", "--dpa", "0x2000", "--platform", folder).Error, StringComparison.Ordinal);
        ToolRunner.Json(0, "dimm", "window", "write", "nmem0", "--dpa", "0x1000", "--input", _files.File("in"), "--platform", folder);
        ToolRunner.Json(0, "dimm", "window", "read", "nmem0", "--dpa", "0x2000", "--platform", folder);
        Assert.Contains("multiples", ToolRunner.Fail("dimm", "window", "read", "nmem0", "--dpa", "1", "--platform", folder), StringComparison.Ordinal);
        Assert.Contains("not on the DIMM", ToolRunner.Fail("dimm", "window", "read", "nmem0", "--dpa", "64M", "--platform", folder), StringComparison.Ordinal);
        Assert.Contains("no nmem7", ToolRunner.Fail("dimm", "window", "read", "nmem7", "--dpa", "0", "--platform", folder), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_that_was_open_when_ADR_failed_is_refused_until_it_is_repaired()
    {
        string folder = _files.File("vm10");
        ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "64M");
        ToolRunner.Json(0, "namespace", "create", "--platform", folder);
        string pool = $"{folder}:namespace0.0";
        ToolRunner.Json(0, "pool", "create", "obj", pool);
        ToolRunner.Json(0, "platform", "power-cut", folder, "--adr-failure");
        ToolRunner.Json(0, "pool", "check", pool);
        JsonElement cut = ToolRunner.Json(0, "platform", "power-cut", folder, "--during", "namespace0.0");
        Assert.True(cut.GetProperty("dimms")[0].GetProperty("mostWrites").GetInt32() > 0);
        ToolRunner.Json(0, "pool", "recover", pool);
        ToolRunner.Json(0, "platform", "power-cut", folder, "--during", "namespace0.0", "--adr-failure", "--seed", "3");
        Assert.Contains("ADR failure", ToolRunner.Fail("pool", "recover", pool), StringComparison.Ordinal);
        Assert.Contains("ADR failure", ToolRunner.Run("pool", "check", pool).Output, StringComparison.Ordinal);
        Assert.Contains("ADR failure", ToolRunner.Run("pool", "repair", pool).Output, StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "recover", pool);
    }

    [Fact]
    public void Refusals_are_one_sentence_with_a_remedy()
    {
        string folder = _files.File("vm2");
        Assert.Contains("pmem platform create", ToolRunner.Fail("platform", "show", folder), StringComparison.Ordinal);
        Assert.Contains("PMEM_PLATFORM", ToolRunner.Fail("namespace", "list"), StringComparison.Ordinal);
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        Assert.Contains("already", ToolRunner.Fail("platform", "create", folder), StringComparison.Ordinal);
        Assert.Contains("take 33554432", ToolRunner.Fail("namespace", "create", "--platform", folder, "--size", "17M"), StringComparison.Ordinal);
        Assert.Contains("not a mode", ToolRunner.Fail("namespace", "create", "--platform", folder, "--mode", "blk"), StringComparison.Ordinal);
        ToolRunner.Json(0, "namespace", "create", "--platform", folder);
        Assert.Contains("force", ToolRunner.Fail("namespace", "destroy", "namespace0.0", "--platform", folder), StringComparison.Ordinal);
        Assert.Contains("no nmem3", ToolRunner.Fail("platform", "inject", folder, "--dimm", "3", "--fatal", "true"), StringComparison.Ordinal);
        JsonElement broken = ToolRunner.Json(0, "platform", "inject", folder, "--poison", "0x1000", "--length", "300", "--spares", "5", "--armed", "false");
        Assert.Equal(512, broken.GetProperty("dimms")[0].GetProperty("poison")[0].GetProperty("length").GetInt64());
        Assert.True(broken.GetProperty("regions")[0].GetProperty("readOnly").GetBoolean());
        Assert.Contains("read-only", ToolRunner.Fail("namespace", "destroy", "namespace0.0", "--platform", folder, "--force"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_of_a_platform_is_written_and_read_again()
    {
        string folder = _files.File("vm3");
        ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "64M");
        string file = _files.File("nfit.aml");
        JsonElement table = ToolRunner.Json(0, "nfit", "from-running", "--platform", folder, "--output", file);
        Assert.Equal(table.ToString(), ToolRunner.Json(0, "nfit", "show", file).ToString());
        ToolRunner.Json(0, "nfit", "lint", file);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(67108864)]
    public void A_DIMM_without_its_whole_file_is_lost_and_every_verb_says_so(long length)
    {
        string folder = _files.File("vm4");
        ToolRunner.Json(0, "platform", "create", folder, "--dimms", "4", "--ways", "2", "--size", "64M");
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--region", "region0");
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--region", "region1");
        string file = Path.Combine(folder, "dimm-1.img");
        File.Move(file, file + ".kept");
        if (length >= 0)
        {
            using FileStream cut = File.Create(file);
            cut.SetLength(length);
        }

        JsonElement shown = ToolRunner.Json(0, "platform", "show", folder);
        Assert.True(shown.GetProperty("dimms")[1].GetProperty("lost").GetBoolean());
        Assert.Contains("dimm-1.img", shown.GetProperty("regions")[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, ToolRunner.Json(0, "namespace", "list", "--platform", folder).GetArrayLength());
        Assert.Contains("nmem1", ToolRunner.Run("explain", "--platform", folder).Output, StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("dimm", "show", "--platform", folder).ExitCode);
        Assert.Equal(0, ToolRunner.Run("capture", "--platform", folder, "-o", _files.File("lost.capture")).ExitCode);
        Assert.Contains("dimm-1.img", ToolRunner.Fail("platform", "inject", folder, "--dimm", "1", "--lost", "false"), StringComparison.Ordinal);
        ToolRunner.Json(0, "platform", "inject", folder, "--dimm", "1", "--lost", "true");
        File.Move(file + ".kept", file, overwrite: true);
        ToolRunner.Json(0, "platform", "inject", folder, "--dimm", "1", "--lost", "false");
        Assert.Equal(2, ToolRunner.Json(0, "namespace", "list", "--platform", folder).GetArrayLength());
    }

    [Fact]
    public void A_temperature_that_no_DIMM_can_say_is_not_injected()
    {
        string folder = _files.File("vm5");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        foreach (string degrees in (string[])["99999", "-2048", "-273.16", "NaN"])
        {
            Assert.Contains("cannot be said", ToolRunner.Fail("platform", "inject", folder, $"--media-temperature={degrees}"), StringComparison.Ordinal);
            Assert.Contains("of -273.15 to 2047 degrees", ToolRunner.Fail("inject-smart", "nmem0", "--platform", folder, $"--ctrl-temperature={degrees}"), StringComparison.Ordinal);
            Assert.Contains("cannot be said", ToolRunner.Fail("inject-smart", "nmem0", "--platform", folder, $"--media-temperature-threshold={degrees}"), StringComparison.Ordinal);
        }

        Assert.Equal(-273.15, ToolRunner.Json(0, "platform", "inject", folder, "--controller-temperature=-273.15").GetProperty("dimms")[0].GetProperty("controllerTemperature").GetDouble());
        Assert.Equal(2047, ToolRunner.Json(0, "platform", "inject", folder, "--media-temperature", "2047").GetProperty("dimms")[0].GetProperty("mediaTemperature").GetDouble());
    }

    [Fact]
    public void A_fault_that_cannot_be_injected_as_asked_is_refused()
    {
        string folder = _files.File("vm6");
        ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "64M");
        foreach ((string reason, string[] asked) in ((string, string[])[])
        [
            ("leaves its set", ["--address", "0x107fff000", "--length", "8192"]),
            ("leaves its set", ["--address", "0x107fff000", "--length", "8192", "--clear"]),
            ("say what", []),
            ("say what", ["--dimm", "1"]),
            ("itself", ["--dimm", "0", "--swap", "0"]),
            ("one of them", ["--dimm", "0", "--poison", "0", "--address", "0x100000000"]),
            ("say which", ["--clear", "--fatal", "true"]),
            ("say which", ["--length", "512", "--fatal", "true"]),
        ])
            Assert.Contains(reason, ToolRunner.Fail(["platform", "inject", folder, .. asked]), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Json(0, "platform", "show", folder).GetProperty("dimms")[1].GetProperty("poison").GetArrayLength());
        ToolRunner.Json(0, "platform", "inject", folder, "--address", "0x107fff000", "--length", "4096");
    }
}
