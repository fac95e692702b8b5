using System.Diagnostics;
using System.Text;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>The commands of a guide, run as a reader would type them.</summary>
internal static class Guide
{
    /// <summary>The code blocks of a section, one behind the other, up to one that contains a text.</summary>
    public static string Script(string page, string heading, string until = "\0")
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        var script = new StringBuilder();
        bool inSection = false;
        bool inBlock = false;
        foreach (string line in File.ReadLines(Path.Combine(root!, "docs", "guides", page)))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                inSection = line == heading;
            if (line.Contains(until, StringComparison.Ordinal) && inBlock)
                break;
            if (!inSection)
                continue;
            if (line.StartsWith("```", StringComparison.Ordinal))
                inBlock = !inBlock;
            else if (inBlock)
                script.AppendLine(line);
        }

        Assert.NotEqual(0, script.Length);
        return script.ToString();
    }

    /// <summary>Runs a script in a folder; <c>pmem</c> in it is the tool beside the tests.</summary>
    public static ToolResult Run(string script, string folder)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll");
        var start = new ProcessStartInfo("bash", ["-e", "-c", $"pmem() {{ dotnet '{tool}' \"$@\"; }}\n{script}"])
        {
            UseShellExecute = false,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ToolResult(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
