using System.CommandLine;
using Pmem.Emulation;
using Pmem.Platform.Acpi;
using Pmem.Platform.Linux;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Nfit;

/// <summary><c>pmem nfit from-running</c>.</summary>
internal static class FromRunningVerb
{
    public static Command Create()
    {
        Option<string?> platform = PlatformSource.Option();
        var output = new Option<string?>("--output", "-o") { Description = "Write the table into this file, instead of printing it." };
        Option<bool> force = OutputFile.ForceOption();
        Option<bool> json = NfitCommand.JsonOption();
        var command = new Command("from-running", """
            Read the table of the running machine (as root), or the one that a virtual platform gives to a guest, or the one in a capture.

            Examples:
              pmem nfit from-running --output nfit.aml
              pmem nfit from-running --platform vm1 --json
            """) { platform, output, force, json };
        command.SetAction(parsed => Run(parsed.GetValue(platform), parsed.GetValue(output), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string? platform, string? output, bool force, bool json)
    {
        byte[] table;
        using (PlatformSource source = PlatformSource.Open(platform))
        {
            table = source.Platform is LinuxPlatform machine ? machine.ReadTable()
                : source.Capture is { } capture ? capture.Evidence.NfitBytes.ToArray()
                : source.Virtual is { } made ? made.BuildNfit().ToBytes()
                : throw new PmemException($"{source.Name} has no table");
        }

        NfitScan scan = NfitScan.Read(table);
        if (output is not null)
            OutputFile.Write(output, table, force, PlatformSource.PathOf(platform));
        if (json)
            JsonOutput.Write(writer => NfitJson.Write(writer, scan));
        else if (output is null)
            Console.Write(NfitText.Print(scan));
        else
            Console.WriteLine($"{output}: {table.Length} bytes, {scan.Entries.Count} structures");
        return Program.Success;
    }
}
