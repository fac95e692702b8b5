using System.CommandLine;
using Pmem.Platform;
using Pmem.Platform.Acpi;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Nfit;

/// <summary><c>pmem nfit show</c>.</summary>
internal static class ShowVerb
{
    public static Command Create()
    {
        Argument<string> file = NfitCommand.FileArgument();
        Option<bool> json = NfitCommand.JsonOption();
        var command = new Command("show", """
            Print a table field by field: offset, length, value, meaning.

            Tables that are not in order are printed as far as an operating system would read them. The JSON is what 'pmem nfit build --from' reads.

            Exit codes: 0 the table is in order as far as its form goes, 1 header, checksum, a length or a count is wrong, 2 it cannot be read.

            Example: pmem nfit show /sys/firmware/acpi/tables/NFIT
            """) { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        NfitScan scan = NfitCommand.Read(path);
        LintFinding[] faults = [.. NfitLint.FormFaults(scan)];
        if (json)
            JsonOutput.Write(writer => NfitJson.Write(writer, scan));
        else
            Console.Write(NfitText.Print(scan));
        foreach (LintFinding fault in faults)
            Console.Error.WriteLine($"pmem: {path}: 0x{fault.Offset:x}: {fault.Message}");
        return Array.Exists(faults, fault => fault.Severity == LintSeverity.Error) ? Program.NotConsistent : Program.Success;
    }
}
