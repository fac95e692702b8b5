using System.CommandLine;
using Pmem.Platform.Acpi;
using Pmem.Platform.Captures;

namespace Pmem.Tool.Nfit;

/// <summary><c>pmem nfit</c>: NVDIMM firmware tables in files.</summary>
internal static class NfitCommand
{
    /// <summary>More than any firmware has, and little enough to read at once.</summary>
    private const long MaximumSize = 16 << 20;

    public static Command Create() =>
        new("nfit", """
            Show, examine and build NVDIMM Firmware Interface Tables (NFIT) in files.

            A file is a table with its header, as in /sys/firmware/acpi/tables/NFIT, the bare structures that the method _FIT returns, or a capture.

            Examples:
              pmem nfit build nfit.aml --ways 2 --size 512MiB --base 4GiB
              pmem nfit show nfit.aml
              pmem nfit from-running --output nfit.aml
              pmem nfit lint nfit.aml --ssdt ssdt.aml --json
              pmem nfit show nfit.aml --json > nfit.json
              pmem nfit build again.aml --from nfit.json
            """)
        {
            ShowVerb.Create(),
            LintVerb.Create(),
            BuildVerb.Create(),
            FromRunningVerb.Create(),
        };

    public static Argument<string> FileArgument() => new("FILE") { Description = "The table." };

    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON (docs/formats/json.md) instead of text." };

    public static NfitScan Read(string path)
    {
        try
        {
            return NfitScan.Read(ReadAll(path));
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}", problem);
        }
    }

    public static byte[] ReadAll(string path)
    {
        if (File.Exists(path) && Capture.LooksLike(path))
        {
            using var capture = Capture.Open(path);
            return capture.Evidence.NfitBytes.ToArray();
        }

        // Files of sysfs say that they have 4096 bytes, or none: the bytes are counted while they are read.
        using FileStream file = File.OpenRead(path);
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int read = file.Read(buffer); read > 0; read = file.Read(buffer))
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > MaximumSize)
                throw new PmemException($"{path} has more than {MaximumSize >> 20} MiB: it is no firmware table");
        }

        return bytes.ToArray();
    }
}
