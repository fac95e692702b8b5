using System.CommandLine;
using Pmem.Platform;
using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Nfit;

/// <summary><c>pmem nfit lint</c>.</summary>
internal static class LintVerb
{
    public static Command Create()
    {
        Argument<string> file = NfitCommand.FileArgument();
        Option<bool> json = NfitCommand.JsonOption();
        Option<string[]> devices = new("--device") { Description = "Handle (_ADR) of an NVDIMM device in the ACPI namespace, such as 0x11; give it once for each. Mappings of other handles are then findings.", AllowMultipleArgumentsPerToken = true };
        Option<string?> ssdt = new("--ssdt") { Description = "The SSDT of the same platform: the handles of its NVDIMM devices are then compared." };
        Option<string?> srat = new("--srat") { Description = "The SRAT of the same platform: proximity domains are then compared." };
        Option<string[]> memmap = new("--memmap") { Description = "Memory map of the platform as Linux's memmap= forms, such as 2G@0 for RAM: ranges in RAM are then findings.", AllowMultipleArgumentsPerToken = true };
        var command = new Command("lint", """
            Examine a table for all that an operating system refuses, ignores or mistakes. docs/formats/nfit.md has the rules.

            Exit codes: 0 no finding of severity error, 1 at least one, 2 the file is no NFIT or cannot be read.

            Examples:
              pmem nfit lint nfit.aml
              pmem nfit lint nfit.aml --ssdt ssdt.aml --srat srat.aml --memmap 2G@0
              pmem nfit lint nfit.aml --device 0x1 0x11
            """) { file, json, devices, ssdt, srat, memmap };
        command.SetAction(parsed =>
        {
            NfitScan scan = NfitCommand.Read(parsed.GetValue(file)!);
            var options = new NfitLintOptions
            {
                Devices = DevicesOf(parsed.GetValue(devices), parsed.GetValue(ssdt)),
                ProximityDomains = parsed.GetValue(srat) is { } path ? ProximityDomainsOf(path) : null,
                MemoryMap = parsed.GetValue(memmap) is { Length: > 0 } forms ? MemmapParameter.Parse(string.Join(',', forms)).Ranges : null,
            };
            return Print(parsed.GetValue(file)!, NfitLint.Examine(scan, options), parsed.GetValue(json));
        });
        return command;
    }

    private static int Print(string path, IReadOnlyList<LintFinding> findings, bool json)
    {
        if (json)
            JsonOutput.Write(writer => LintOutput.WriteArray(writer, findings));
        else
            WriteText(path, findings);
        return findings.Any(finding => finding.Severity == LintSeverity.Error) ? Program.NotConsistent : Program.Success;
    }

    private static void WriteText(string path, IReadOnlyList<LintFinding> findings)
    {
        foreach (LintFinding finding in findings)
        {
            Console.WriteLine($"{(finding.Offset < 0 ? "table" : $"0x{finding.Offset:x3}")}: {LintOutput.Name(finding.Severity)}: {finding.Message} [{finding.Rule}]");
            if (finding.Effect != "none")
                Console.WriteLine($"       {finding.Effect}");
        }

        int errors = findings.Count(finding => finding.Severity == LintSeverity.Error);
        Console.WriteLine(findings.Count == 0 ? $"{path}: no findings" : $"{path}: {findings.Count} finding(s), {errors} of severity error");
    }

    private static List<NfitDeviceHandle>? DevicesOf(string[]? handles, string? ssdt)
    {
        List<NfitDeviceHandle>? devices = handles is { Length: > 0 } ? [.. handles.Select(ParseHandle)] : null;
        if (ssdt is null)
            return devices;
        try
        {
            return [.. devices ?? [], .. AmlDevice.NvdimmHandles(AmlReader.Devices(NfitCommand.ReadAll(ssdt)))];
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{ssdt}: {problem.Message}", problem);
        }
    }

    private static NfitDeviceHandle ParseHandle(string text) =>
        NfitDeviceHandle.TryParse(text, out NfitDeviceHandle handle) ? handle : throw new PmemException($"'{text}' is no device handle: write 0x11 or 17");

    private static IReadOnlyCollection<uint> ProximityDomainsOf(string path)
    {
        try
        {
            return [.. Srat.Parse(NfitCommand.ReadAll(path)).ProximityDomains];
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}", problem);
        }
    }
}
