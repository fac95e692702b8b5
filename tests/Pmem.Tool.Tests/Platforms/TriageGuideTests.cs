using System.Runtime.Versioning;
using System.Text;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>docs/guides/triage.md, typed from top to bottom in an empty folder.</summary>
[SupportedOSPlatform("linux")]
public sealed class TriageGuideTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-triage-guide-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_command_of_the_guide_to_triage_works_as_typed()
    {
        string[] headings = ["## What is looked at", "## Where is it?", "## What will Linux make of it, and why?", "## What size shall it have?", "## Looking at it elsewhere"];
        // A machine with NVDIMMs is not to be had here.
        string[] commands = [.. headings.SelectMany(heading => Guide.Script("triage.md", heading).Split('\n')).Where(line => line.StartsWith("pmem ", StringComparison.Ordinal) && !line.Contains("machine.capture", StringComparison.Ordinal))];
        Assert.InRange(commands.Length, 20, 60);
        var script = new StringBuilder();
        // 1 is an answer: a size that is not legal, something that is not as it should be.
        foreach (string command in commands)
            script.Append($"{command} >said 2>&1 || [ $? -eq 1 ] || {{ echo '{command}'; cat said; }}\n");
        ToolResult result = Guide.Run(script.ToString(), _folder);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Output));
    }
}
