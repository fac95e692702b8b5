using System.Text.Json;
using Pmem.Platform.Acpi;

namespace Pmem.Tool.Tests.Nfit;

/// <summary><c>pmem nfit</c>: build, show and lint tables in files.</summary>
public sealed class NfitVerbsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-nfit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_set_is_built_in_order_and_comes_back_from_its_own_JSON()
    {
        string table = Build();
        Assert.Empty(ToolRunner.Json(0, "nfit", "lint", table).EnumerateArray());
        ToolResult shown = ToolRunner.Run("nfit", "show", table, "--json");
        File.WriteAllText(File_("t.json"), shown.Output);
        JsonElement built = ToolRunner.Json(0, "nfit", "build", File_("again.aml"), "--from", File_("t.json"));
        Assert.Equal(File.ReadAllBytes(table), File.ReadAllBytes(File_("again.aml")));
        Assert.Equal("table", built.GetProperty("form").GetString());
        Assert.Equal(9, built.GetProperty("structures").GetArrayLength());
    }

    [Fact]
    public void Show_prints_the_table_as_a_disassembler_does()
    {
        ToolResult shown = ToolRunner.Run("nfit", "show", Build());
        Assert.Equal(0, shown.ExitCode);
        Assert.Contains("[Persistent Memory]", shown.Output, StringComparison.Ordinal);
        Assert.Contains("0000000120001040", shown.Output, StringComparison.Ordinal);
        Assert.Empty(shown.Error);
    }

    [Fact]
    public void Lint_ends_with_1_when_a_finding_is_an_error_and_lists_it()
    {
        string table = Build();
        byte[] bytes = File.ReadAllBytes(table);
        bytes[40 + 43]--;
        File.WriteAllBytes(table, bytes);
        JsonElement[] findings = [.. ToolRunner.Json(1, "nfit", "lint", table).EnumerateArray()];
        Assert.Equal(["nfit-checksum", "nfit-size-sum"], findings.Select(f => f.GetProperty("rule").GetString()));
        Assert.All(findings, f => Assert.Equal("error", f.GetProperty("severity").GetString()));
        Assert.Equal(9, findings[0].GetProperty("offset").GetInt64());
        Assert.NotEqual(0, findings[1].GetProperty("message").GetString()!.Length);
        ToolResult text = ToolRunner.Run("nfit", "lint", table);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("[nfit-size-sum]", text.Output, StringComparison.Ordinal);
        Assert.Equal(1, ToolRunner.Run("nfit", "show", table).ExitCode);
    }

    [Fact]
    public void Lint_ends_with_0_when_findings_are_warnings_alone()
    {
        string table = File_("odd.aml");
        Assert.Equal(0, ToolRunner.Run("nfit", "build", table, "--size", "64MiB", "--base", "0x100001000").ExitCode);
        Assert.Equal("nfit-spa-alignment", Assert.Single(ToolRunner.Json(0, "nfit", "lint", table).EnumerateArray()).GetProperty("rule").GetString());
    }

    [Fact]
    public void Lint_compares_with_devices_and_memory_when_told_of_them()
    {
        string table = Build();
        Assert.Equal(0, ToolRunner.Run("nfit", "lint", table, "--device", "0x1", "0x11", "--memmap", "2G@0").ExitCode);
        JsonElement[] findings = [.. ToolRunner.Json(1, "nfit", "lint", table, "--device", "0x1", "--memmap", "8G@0").EnumerateArray()];
        Assert.Equal(["nfit-spa-ram", "nfit-missing-adr"], findings.Select(f => f.GetProperty("rule").GetString()));
    }

    [Fact]
    public void Lint_finds_the_devices_of_an_SSDT()
    {
        string table = Build();
        NvdimmDevice[] devices = [.. ((uint[])[0x1, 0x11]).Select(handle => new NvdimmDevice { Handle = new(handle) })];
        File.WriteAllBytes(File_("both.aml"), NvdimmSsdt.Build(devices));
        File.WriteAllBytes(File_("one.aml"), NvdimmSsdt.Build(devices[..1]));
        Assert.Empty(ToolRunner.Json(0, "nfit", "lint", table, "--ssdt", File_("both.aml")).EnumerateArray());
        Assert.Equal("nfit-missing-adr", Assert.Single(ToolRunner.Json(1, "nfit", "lint", table, "--ssdt", File_("one.aml")).EnumerateArray()).GetProperty("rule").GetString());
        Assert.Contains("SSDT", ToolRunner.Fail("nfit", "lint", table, "--ssdt", table), StringComparison.Ordinal);
    }

    [Fact]
    public void Build_writes_the_form_of_FIT_too()
    {
        string table = File_("fit.bin");
        Assert.Equal(0, ToolRunner.Run("nfit", "build", table, "--size", "64MiB", "--fit").ExitCode);
        Assert.Equal("_FIT", ToolRunner.Json(0, "nfit", "show", table).GetProperty("form").GetString());
    }

    [Fact]
    public void Failures_say_what_to_do()
    {
        string table = Build();
        Assert.Contains("--force", ToolRunner.Fail("nfit", "build", table, "--size", "64MiB"), StringComparison.Ordinal);
        Assert.Contains("--from", ToolRunner.Fail("nfit", "build", File_("x")), StringComparison.Ordinal);
        Assert.Contains("modules", ToolRunner.Fail("nfit", "build", File_("x"), "--size", "64MiB", "--ways", "33"), StringComparison.Ordinal);
        Assert.Contains("no size", ToolRunner.Fail("nfit", "build", File_("x"), "--size", "much"), StringComparison.Ordinal);
        Assert.Contains("handle", ToolRunner.Fail("nfit", "lint", table, "--device", "one"), StringComparison.Ordinal);
        ToolRunner.Fail("nfit", "show", File_("missing"));
        File.WriteAllText(File_("text"), "DSDT and so on");
        Assert.Contains("NFIT", ToolRunner.Fail("nfit", "lint", File_("text")), StringComparison.Ordinal);
        File.WriteAllText(File_("bad.json"), """{"structures":[{"type":"spaRange","indx":1}]}""");
        Assert.Contains("indx", ToolRunner.Fail("nfit", "build", File_("x"), "--from", File_("bad.json")), StringComparison.Ordinal);
    }

    private string Build()
    {
        string table = File_("nfit.aml");
        ToolResult result = ToolRunner.Run("nfit", "build", table, "--ways", "2", "--size", "512MiB", "--base", "4GiB", "--flush-hints", "0x120000000", "--domain", "memory_controller");
        Assert.True(result.ExitCode == 0, result.Error);
        return table;
    }

    private string File_(string name) => Path.Combine(_folder, name);
}
