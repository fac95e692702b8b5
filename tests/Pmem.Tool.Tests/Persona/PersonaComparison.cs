using System.Diagnostics;
using System.Text;
using Pmem.Tool.Persona;

namespace Pmem.Tool.Tests.Persona;

/// <summary>Runs commands through pmempool and through the persona, the latter inside this process: a table of hundreds of them takes seconds.</summary>
internal static class PersonaComparison
{
    private const string Program = "pmempool";

    /// <summary>Runs commands, words with spaces between them; all that differ are named, with the first line that does.</summary>
    /// <param name="folder">What <c>@</c> in a command stands for.</param>
    /// <param name="commands">The commands.</param>
    public static void Same(string folder, params string[] commands)
    {
        var differences = new StringBuilder();
        foreach (string command in commands)
        {
            string[] arguments = [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Replace("@", folder, StringComparison.Ordinal))];
            RawResult theirs = Real(arguments);
            RawResult ours = Ours(arguments);
            if (theirs.ExitCode != ours.ExitCode)
                differences.AppendLine($"{command}: pmempool ends with {theirs.ExitCode}, we with {ours.ExitCode}");
            Describe(differences, $"{command}, output", theirs.Output, ours.Output);
            Describe(differences, $"{command}, errors", theirs.Error, ours.Error);
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    public static RawResult Ours(string[] arguments, string input = "")
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        int code;
        using (var terminal = new Terminal(output, error, new StringReader(input), asksPerson: false))
            code = Pmempool.Start(terminal, arguments);
        return new RawResult(code, Encoding.Latin1.GetString(output.ToArray()), Encoding.Latin1.GetString(error.ToArray()));
    }

    public static RawResult Real(string[] arguments, string input = "")
    {
        if (!File.Exists($"/usr/bin/{Program}"))
        {
            const string Message = "pmempool is not installed; ./test.sh --with-peers installs it";
            Assert.False(Environment.GetEnvironmentVariable("PMEM_PEERS") == "required", Message);
            Assert.Skip(Message);
        }

        using var process = Process.Start(new ProcessStartInfo(Program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.Latin1,
        })!;
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        Task<string> output = Task.Run(process.StandardOutput.ReadToEnd);
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended before it read everything.
        }

        process.WaitForExit();
        return new RawResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    private static void Describe(StringBuilder differences, string what, string theirs, string ours)
    {
        if (string.Equals(theirs, ours, StringComparison.Ordinal))
            return;
        string[] wanted = theirs.Split('\n');
        string[] found = ours.Split('\n');
        int line = 0;
        while (line < Math.Min(wanted.Length, found.Length) && wanted[line] == found[line])
            line++;
        differences.AppendLine($"{what}, line {line + 1}: pmempool '{wanted.ElementAtOrDefault(line)}', we '{found.ElementAtOrDefault(line)}'");
    }
}

/// <summary>How a program ended; each character of its texts is a byte.</summary>
internal sealed record RawResult(int ExitCode, string Output, string Error);
