using System.Diagnostics;

namespace Pmem.Tests;

/// <summary>
/// Runs one class of explicit tests in a process of its own. What is read once when a process starts (tracing, environment variables, whether
/// code may be executed) can only be tested so.
/// </summary>
internal static class ChildRun
{
    public static void Run(Type tests, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["exec", typeof(ChildRun).Assembly.Location, "-explicit", "only", "-class", tests.FullName!, "-noColor", "-noLogo"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) != "dotnet")
        {
            start.ArgumentList.RemoveAt(0);
            start.ArgumentList.RemoveAt(0);
        }

        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process child = Process.Start(start)!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, output);
        Assert.DoesNotContain("Total: 0,", output, StringComparison.Ordinal);
    }
}
