using System.CommandLine;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Tests;

public class CommandLineTests
{
    [Fact]
    public void Version_is_printed()
    {
        ToolResult result = ToolRunner.Run("--version");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^\d+\.\d+\.\d+", result.Output);
    }

    [Theory]
    [InlineData("")]
    [InlineData("pool")]
    [InlineData("pool create")]
    [InlineData("pool info")]
    [InlineData("pool check")]
    [InlineData("pool objects")]
    [InlineData("pool recover")]
    [InlineData("labels")]
    [InlineData("labels show")]
    [InlineData("labels repair")]
    [InlineData("pool repair")]
    [InlineData("pool dump")]
    [InlineData("pool feature")]
    [InlineData("pool resize")]
    [InlineData("pool rm")]
    [InlineData("pool convert")]
    [InlineData("pool copy")]
    [InlineData("io")]
    [InlineData("io copy")]
    public void Every_command_has_help_with_an_example(string command)
    {
        ToolResult result = ToolRunner.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Usage:", result.Output, StringComparison.Ordinal);
        Assert.Contains(command.Length == 0 ? "Exit codes" : $"pmem {command} ", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_verb_has_an_example_that_parses()
    {
        RootCommand root = Program.CreateCommand();
        int examples = 0;
        foreach ((Command group, Command verb) in root.Subcommands.SelectMany(group => group.Subcommands.Select(verb => (group, verb))))
        {
            Match example = Regex.Match(verb.Description ?? string.Empty, $@"pmem (?<arguments>{group.Name} {verb.Name} [^\n|]+)", RegexOptions.None, TimeSpan.FromSeconds(1));
            Assert.True(example.Success, $"{verb.Name} has no example");
            Assert.Empty(root.Parse(example.Groups["arguments"].Value).Errors);
            // A group in a group has verbs of its own.
            Assert.True(verb.Subcommands.Count > 0 || verb.Options.Any(option => option.Name is "--json" or "--format"), $"{group.Name} {verb.Name}");
            examples++;
        }

        Assert.True(examples >= 10);
    }

    [Theory]
    [InlineData("pool")]
    [InlineData("pool info")]
    [InlineData("pool info a b")]
    [InlineData("pool info --unknown a")]
    [InlineData("pool create obj")]
    [InlineData("unknown")]
    [InlineData("smart nmem0 --plaform vm1")]
    [InlineData("dimm security erase nmem0 --forse")]
    public void Wrong_usage_ends_with_2_and_points_to_the_help(string command)
    {
        ToolResult result = ToolRunner.Run(command.Split(' '));
        Assert.Equal(2, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.StartsWith("pmem: ", result.Error, StringComparison.Ordinal);
        Assert.Contains("--help", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void No_command_at_all_is_wrong_usage() => Assert.Equal(2, ToolRunner.Run().ExitCode);
}
