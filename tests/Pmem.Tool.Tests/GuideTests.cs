using System.CommandLine;
using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Tests;

/// <summary>The commands of docs/guides/pools.md, typed in a shell one after the other as the page has them, in a folder of their own.</summary>
[SupportedOSPlatform("linux")]
public sealed partial class GuideTests : IDisposable
{
    private readonly PoolFixture _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_command_of_the_guide_to_pools_works_as_typed()
    {
        string[] commands = [.. Commands()];
        Assert.InRange(commands.Length, 30, 200);

        // What the guide takes for granted: set files, with paths as set files must have them.
        string a = _folder.File("a");
        File.WriteAllText(_folder.File("accounts.set"), $"PMEMPOOLSET\n10M {a}0\n10M {a}1\nREPLICA\n24M {a}2\n");
        File.WriteAllText(_folder.File("replicated.set"), $"PMEMPOOLSET\n10M {a}0\n10M {a}1\nREPLICA\n24M {a}2\nREPLICA\n24M {a}3\n");
        File.WriteAllText(_folder.File("bank.json"), """{ "layout": "bank", "types": { "1": { "links": [ { "offset": 0, "target": 1 } ] } } }""");
        var script = new StringBuilder();
        script.Append("set -o pipefail\n");
        script.Append($"pmem() {{ dotnet '{Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll")}' \"$@\"; }}\n");

        // What PMDK 1.6 left is in the tests of conversions; a pool of today converts to itself.
        foreach (string command in commands.Prepend("pmem pool create obj old.pool"))
            script.Append($"{{ {command}; }} >said 2>&1 || {{ echo '{command}' ended with $?; cat said; }}\n");
        File.WriteAllText(_folder.File("script"), script.ToString());
        var start = new ProcessStartInfo("bash", ["script"]) { WorkingDirectory = Path.GetDirectoryName(_folder.File("script")), RedirectStandardOutput = true, UseShellExecute = false };
        using Process shell = Process.Start(start)!;
        string failures = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal(string.Empty, failures);
    }

    [Fact]
    public void The_guide_to_pools_has_an_example_of_every_verb()
    {
        string[] commands = [.. Commands()];
        RootCommand root = Program.CreateCommand();
        foreach (Command group in root.Subcommands.Where(group => group.Name is "pool" or "io"))
        {
            foreach (Command verb in group.Subcommands)
                Assert.Contains(commands, command => $"{command} ".Contains($"pmem {group.Name} {verb.Name} ", StringComparison.Ordinal));
        }
    }

    /// <summary>The lines of blocks of commands.</summary>
    private static IEnumerable<string> Commands() =>
        Block().Matches(Page()).SelectMany(block => block.Groups["text"].Value.Split('\n')).Where(line => line.StartsWith("pmem ", StringComparison.Ordinal));

    private static string Page()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return File.ReadAllText(Path.Combine(folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "docs", "guides", "pools.md"));
    }

    [GeneratedRegex("```\n(?<text>pmem .*?)```", RegexOptions.Singleline, 1000)]
    private static partial Regex Block();
}
