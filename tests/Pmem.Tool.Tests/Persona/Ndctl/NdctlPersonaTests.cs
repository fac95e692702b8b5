using Pmem.Platform.Linux;

namespace Pmem.Tool.Tests.Persona.Ndctl;

/// <summary>What scripts see of ndctl 76: texts and exit codes, as captured from it.</summary>
public sealed class NdctlPersonaTests
{
    private static readonly string[] s_thisMachine = ["env", "-u", "PMEM_PLATFORM"];

    [Theory]
    [InlineData(129, "  Error: unknown switch `Z'\n\n usage: ndctl list [<options>]\n", "list", "-Z")]
    [InlineData(129, "  Error: unknown switch `Z'\n\n usage: ndctl list [<options>]\n", "list", "-DZ")]
    [InlineData(129, "  Error: unknown option `foo'\n\n usage: ndctl list [<options>]\n", "list", "--foo")]
    [InlineData(129, "  Error: unknown parameter \"foo\"\n\n\n usage: ndctl list [<options>]\n", "list", "foo")]
    [InlineData(129, "\n usage: ndctl list [<options>]\n\n    -b, --bus <bus-id> ", "list", "-h")]
    [InlineData(129, "  Error: switch `r' requires a value\n\n usage: ndctl list [<options>]\n\n    -r, --region <region-id>\n", "list", "-r")]
    [InlineData(129, "  Error: option `region' requires a value\n\n usage: ndctl list [<options>]\n\n    -r, --region <region-id>\n", "list", "--region")]
    [InlineData(129, "  Error: option `dimms' takes no value\n\n usage: ndctl list [<options>]\n\n    -D, --dimms ", "list", "--dimms=1")]
    [InlineData(129, "  Error: Ambiguous option: no (could be --no-human or --no-verbose)\n\n usage: ndctl list [<options>]\n", "list", "--no")]
    [InlineData(129, "  Error: Ambiguous option: b (could be --bus or --buses)\n\n usage: ndctl list [<options>]\n", "list", "--b")]
    [InlineData(234, "  Error: invalid mode: 'bad'\n\n", "list", "-m", "bad")]
    [InlineData(234, "  Error: unknown type \"x\" must be \"pmem\" or \"blk\"\n\n", "list", "-t", "x")]
    [InlineData(234, "  Error: invalid numa_node: 'x'\n\n", "list", "-U", "x")]
    [InlineData(1, "Unknown command: 'nosuch'\n", "nosuch")]
    public void Mistakes_are_answered_as_ndctl_does(int code, string error, params string[] arguments)
    {
        ToolResult result = ToolRunner.Run(["ndctl", .. arguments]);
        Assert.Equal((code, string.Empty), (result.ExitCode, result.Output));
        Assert.StartsWith(error, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "", "list")]
    [InlineData(0, "", "list", "-BDRNi")]
    [InlineData(0, "", "list", "-u")]
    [InlineData(237, "failed to create namespace: No such device or address\n", "create-namespace")]
    [InlineData(0, "destroyed 0 namespaces\n", "destroy-namespace", "all")]
    [InlineData(250, "error disabling namespaces: No such device or address\ndisabled 0 namespaces\n", "disable-namespace", "namespace0.0")]
    [InlineData(0, "checked 0 namespaces\n", "check-namespace", "all")]
    [InlineData(0, "enabled 0 regions\n", "enable-region", "all")]
    [InlineData(0, "read 0 nmem\n", "read-labels", "all")]
    [InlineData(250, "error starting scrub: No such device or address\n", "start-scrub")]
    [InlineData(250, "error waiting for scrub completion: No such device or address\n", "wait-scrub")]
    public void A_machine_without_NVDIMMs_is_an_empty_one(int code, string error, params string[] arguments)
    {
        Assert.SkipWhen(new LinuxPlatform().IsPresent, "this machine has NVDIMMs");
        Assert.Equal(new ToolResult(code, string.Empty, error), ToolRunner.RunAs(s_thisMachine, ["ndctl", .. arguments]));
    }

    [Fact]
    public void A_machine_without_NVDIMMs_is_not_monitored()
    {
        Assert.SkipWhen(new LinuxPlatform().IsPresent, "this machine has NVDIMMs");
        Assert.Equal(new ToolResult(250, "no dimms to monitor, exiting\n", string.Empty), ToolRunner.RunAs(s_thisMachine, "ndctl", "monitor"));
    }

    [Fact]
    public void Of_a_machine_without_NVDIMMs_nothing_is_listed()
    {
        Assert.SkipWhen(new LinuxPlatform().IsPresent, "this machine has NVDIMMs");
        Assert.Equal(new ToolResult(0, string.Empty, string.Empty), ToolRunner.RunAs(s_thisMachine, "list", "-BDRN"));
        Assert.Equal(new ToolResult(0, string.Empty, string.Empty), ToolRunner.RunAs(s_thisMachine, "list", "--table"));
        Assert.Contains("this machine has no NVDIMMs", ToolRunner.Failed(ToolRunner.RunAs(s_thisMachine, "namespace", "list")), StringComparison.Ordinal);
    }

    [Fact]
    public void It_says_what_it_is_and_can_do()
    {
        Assert.Equal(new ToolResult(0, "76.1\n", string.Empty), ToolRunner.Run("ndctl", "--version"));
        Assert.Equal(1, ToolRunner.Run("ndctl").ExitCode);
        Assert.StartsWith("\n usage: ndctl [--version] [--help] COMMAND [ARGS]\n", ToolRunner.Run("ndctl", "-h").Output, StringComparison.Ordinal);
        string[] commands = ToolRunner.Run("ndctl", "--list-cmds").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(("version", "help"), (commands[0], commands[^1]));
        Assert.Contains("list", commands);
    }
}
