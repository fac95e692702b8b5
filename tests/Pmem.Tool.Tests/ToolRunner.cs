using System.Diagnostics;
using System.Text.Json;

namespace Pmem.Tool.Tests;

/// <summary>Runs the tool as users do: as a process of its own.</summary>
internal static class ToolRunner
{
    private static readonly string s_tool = Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll");

    public static ToolResult Run(params string[] arguments) => RunAs(prefix: [], arguments);

    /// <summary>Starts the tool; the caller ends it.</summary>
    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [s_tool, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Runs the tool through other commands, such as <c>setpriv</c>.</summary>
    public static ToolResult RunAs(IReadOnlyList<string> prefix, params string[] arguments)
    {
        string[] command = [.. prefix, Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", s_tool, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // A process that is killed would leave its sockets for debuggers in /tmp.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        process.WaitForExit();
        return new ToolResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    /// <summary>Runs a verb that must end with a code, and parses what it wrote.</summary>
    public static JsonElement Json(int exitCode, params string[] arguments)
    {
        ToolResult result = Run([.. arguments, "--json"]);
        Assert.True(result.ExitCode == exitCode, $"ended with {result.ExitCode}: {result.Error}{result.Output}");
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    /// <summary>Runs a verb that must fail: exit code 2, nothing on standard output, one sentence on standard error.</summary>
    public static string Fail(params string[] arguments) => Failed(Run(arguments));

    public static string Failed(ToolResult result)
    {
        Assert.True(result.ExitCode == 2, $"ended with {result.ExitCode}: {result.Error}{result.Output}");
        Assert.Empty(result.Output);
        Assert.StartsWith("pmem: ", result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(c => c == '\n'));
        Assert.DoesNotContain("Exception", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", result.Error, StringComparison.Ordinal);
        return result.Error;
    }
}

/// <summary>How the tool ended.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Error);
