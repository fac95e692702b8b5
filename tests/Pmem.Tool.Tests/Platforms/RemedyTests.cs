using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pmem.Emulation;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>What is said to help can be typed as it is printed, and helps.</summary>
public sealed partial class RemedyTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _folder;

    public RemedyTests()
    {
        _folder = _files.File("vm1");
        using var made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 64 << 20 });
        foreach (Pmem.Platform.InfoBlocks.NamespaceMode mode in (Pmem.Platform.InfoBlocks.NamespaceMode[])[Pmem.Platform.InfoBlocks.NamespaceMode.Fsdax, Pmem.Platform.InfoBlocks.NamespaceMode.Sector])
            made.Platform.CreateNamespace(new Pmem.Platform.Model.NamespaceRequest { Size = 32 << 20, Mode = mode }).Demand();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_ruined_table_of_an_interleaved_namespace_is_mended_by_what_explain_says()
    {
        Spoil("namespace0.1", "logoff", 32);
        JsonElement told = Explained(1).Single(explanation => explanation.GetProperty("rule").GetString() == "namespace-table");
        string[] commands = Typed(told);
        Assert.Equal([$"pmem namespace check namespace0.1 --platform {_folder}", $"pmem namespace check namespace0.1 --repair --accept-loss --platform {_folder}"], commands);
        Assert.Contains("not mended", ToolRunner.Run("namespace", "check", "namespace0.1", "--repair", "--platform", Disabled("namespace0.1")).Output, StringComparison.Ordinal);
        Assert.Contains("--repair", ToolRunner.Fail("namespace", "check", "namespace0.1", "--accept-loss", "--platform", _folder), StringComparison.Ordinal);
        ToolResult mended = Run(commands[1]);
        Assert.True(mended.ExitCode == 0, mended.Output + mended.Error);
        Assert.Equal(0, ToolRunner.Run("explain", "--platform", _folder).ExitCode);
    }

    [Theory]
    [InlineData("--dimm", "1", "--lost", "true")]
    [InlineData("--dimm", "1", "--armed", "false")]
    [InlineData("--dimm", "0", "--poison", "0x1000")]
    [InlineData("--dimm", "0", "--poison", "0x1000000")]
    public void What_a_fault_wants_can_be_typed_and_ends_it(params string[] fault)
    {
        ToolRunner.Json(0, ["platform", "inject", _folder, .. fault]);
        string[] commands = [.. Explained(1).SelectMany(Typed)];
        Assert.NotEmpty(commands);
        RootCommand root = Program.CreateCommand();
        Assert.All(commands, command => Assert.True(root.Parse(command.Replace("NUMBER", "1", StringComparison.Ordinal)["pmem ".Length..]).Errors.Count == 0, command));
        string ending = commands.First(command => command.StartsWith("pmem platform inject", StringComparison.Ordinal)).Replace("NUMBER", "1", StringComparison.Ordinal);
        Assert.Equal(0, Run(ending).ExitCode);
        Assert.Equal(0, ToolRunner.Run("explain", "--platform", _folder).ExitCode);
    }

    [Fact]
    public void A_torn_index_block_is_mended_by_what_explain_says()
    {
        ToolRunner.Json(0, "platform", "inject", _folder, "--tear-labels", "1:30");
        Assert.Contains("power failed", ToolRunner.Fail("namespace", "create", "--platform", _folder, "--size", "32M"), StringComparison.Ordinal);
        string line = Typed(Explained(1).First(explanation => explanation.GetProperty("rule").GetString() == "index-invalid")).Single();
        Assert.Equal($"pmem labels repair --platform {_folder}", line);
        Assert.Equal(0, Run(line).ExitCode);
        Assert.DoesNotContain(Explained(0), explanation => explanation.GetProperty("severity").GetString() != "info");
    }

    [Fact]
    public void A_region_that_lacks_a_DIMM_says_which_is_to_be_put_back()
    {
        ToolRunner.Json(0, "platform", "inject", _folder, "--dimm", "1", "--lost", "true");
        foreach (string[] refused in (string[][])[["region", "enable", "region0"], ["namespace", "create"]])
            Assert.Contains("'pmem platform inject --dimm 1 --lost false'", ToolRunner.Fail([.. refused, "--platform", _folder]), StringComparison.Ordinal);
        Assert.Contains("a DIMM is not there", ToolRunner.Fail("labels", "repair", "--platform", _folder), StringComparison.Ordinal);
    }

    [Fact]
    public void The_environment_names_the_platform_of_every_verb()
    {
        string[] prefix = ["env", $"PMEM_PLATFORM={_folder}"];
        foreach (string[] verb in (string[][])[["platform", "show"], ["platform", "inject", "--spares", "90"], ["platform", "power-cut"], ["labels", "repair"], ["explain"]])
            Assert.Equal((verb[0], 0, string.Empty), (verb[0], ToolRunner.RunAs(prefix, verb).ExitCode, ToolRunner.RunAs(prefix, verb).Error));
        Assert.Contains("PMEM_PLATFORM", ToolRunner.Fail("platform", "power-cut"), StringComparison.Ordinal);
    }

    private string Disabled(string name)
    {
        Assert.Equal(0, ToolRunner.Run("namespace", "disable", name, "--platform", _folder).ExitCode);
        return _folder;
    }

    private JsonElement[] Explained(int exitCode) => [.. ToolRunner.Json(exitCode, "explain", "--platform", _folder)[0].GetProperty("explanations").EnumerateArray()];

    private static string[] Typed(JsonElement explanation) => [.. Quoted().Matches(explanation.GetProperty("remedy").GetString()!).Select(found => found.Groups["line"].Value)];

    private static ToolResult Run(string line) => ToolRunner.Run(line.Split(' ')[1..]);

    private void Spoil(string name, string member, int bytes)
    {
        JsonElement block = ToolRunner.Json(0, "namespace", "read-infoblock", name, "--platform", _folder)[0];
        JsonElement place = ToolRunner.Json(0, "translate", "--platform", _folder, "--namespace", name, "--offset", block.GetProperty(member).GetInt64().ToString(CultureInfo.InvariantCulture)).GetProperty("module");
        using FileStream image = File.OpenWrite(place.GetProperty("file").GetString()!);
        image.Position = place.GetProperty("fileOffset").GetInt64();
        image.Write([.. Enumerable.Repeat((byte)0x5A, bytes)]);
    }

    [GeneratedRegex("'(?<line>pmem [^']+)'", RegexOptions.None, 1000)]
    private static partial Regex Quoted();
}
