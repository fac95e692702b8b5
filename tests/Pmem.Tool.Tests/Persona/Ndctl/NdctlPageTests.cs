using System.Text.RegularExpressions;
using Pmem.Emulation;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Tests.Platforms;

namespace Pmem.Tool.Tests.Persona.Ndctl;

/// <summary>The page for users of ndctl: both columns of its table are typed, and do the same.</summary>
public sealed partial class NdctlPageTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Each_line_of_ndctl_and_the_one_that_replaces_it_do_the_same()
    {
        (string Theirs, string Ours)[] lines = [.. RowPattern.Matches(Page().Split("## What runs")[0]).Select(row => (row.Groups["ndctl"].Value, row.Groups["pmem"].Value))];
        Assert.True(lines.Length > 40, $"{lines.Length} lines");
        string theirs = Directory.CreateDirectory(_files.File("ndctl")).FullName;
        string ours = Directory.CreateDirectory(_files.File("pmem")).FullName;
        string script = Guide.Script("ndctl.md", "## Line by line");
        Assert.Equal(0, Guide.Run(script, theirs).ExitCode);
        Assert.Equal(0, Guide.Run(script, ours).ExitCode);
        foreach ((string command, string replacement) in lines)
        {
            Type(theirs, $"pmem {command}");
            Type(ours, replacement);
            Assert.True(List(theirs) == List(ours), $"after '{command}' there is\n{List(theirs)}\nand after '{replacement}'\n{List(ours)}");
        }
    }

    [Fact]
    public void The_page_has_each_command_of_ndctl()
    {
        string page = Page();
        string[] commands = ToolRunner.Run("ndctl", "--list-cmds").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(commands.Except(["version", "help", "load-keys"], StringComparer.Ordinal), command => Assert.Matches($"[ `]{command}[ `]", page));
    }

    private static void Type(string folder, string line)
    {
        ToolResult result = Guide.Run($"export PMEM_PLATFORM=vm1\n{line}", folder);
        Assert.True(result.ExitCode == 0, $"{line}: {result.ExitCode} {result.Error}{result.Output}");
    }

    // Uuids are made anew, and serial numbers with each platform.
    private static string List(string folder)
    {
        using var platform = VirtualPlatform.Open(Path.Combine(folder, "vm1"));
        string text = new PlatformListing(platform.Platform, new ListOptions { Dimms = true, Regions = true, Namespaces = true, Health = true, MediaErrors = true, Idle = true }).Print();
        return OwnPattern.Replace(text, string.Empty);
    }

    private static string Page()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        return File.ReadAllText(Path.Combine(root!, "docs", "guides", "ndctl.md"));
    }

    [GeneratedRegex(@"^\| `(?<ndctl>ndctl [^`]+)` \| `(?<pmem>pmem [^`]+)` \|$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex RowPattern { get; }

    [GeneratedRegex("\"(uuid|id|iset_id|shutdown_count)\":[^,\n]*", RegexOptions.ExplicitCapture)]
    private static partial Regex OwnPattern { get; }
}
