using System.CommandLine;
using Pmem.Platform;
using Pmem.Platform.Acpi;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Nfit;

/// <summary><c>pmem nfit build</c>.</summary>
internal static class BuildVerb
{
    private const int HintsPerModule = 4;
    private const ulong HintStride = 64;
    private const ulong HintPage = 4096;

    public static Command Create()
    {
        Argument<string> file = new("FILE") { Description = "The table to write." };
        Option<bool> json = new("--json") { Description = "Print what was built as JSON." };
        Option<string?> from = new("--from") { Description = "JSON to build from, as 'pmem nfit show --json' prints it; - is standard input. Without it, --size describes a set." };
        Option<string?> size = new("--size") { Description = "Bytes of the set, over all modules." };
        Option<string> start = new("--base") { Description = "First system physical address.", DefaultValueFactory = _ => "4GiB" };
        Option<int> ways = new("--ways") { Description = "Modules in the set, 1 to 32.", DefaultValueFactory = _ => 1 };
        Option<string> line = new("--line-size") { Description = "Bytes of consecutive addresses on one module.", DefaultValueFactory = _ => "4KiB" };
        Option<string?> hints = new("--flush-hints") { Description = "Address of the flush hint registers: a page for each module, four hints in it." };
        Option<string?> domain = new("--domain") { Description = "What survives a power loss: cpu_cache (eADR), memory_controller (ADR)." };
        domain.AcceptOnlyFromAmong("cpu_cache", "memory_controller");
        Option<bool> fit = new("--fit") { Description = "Write the bare structures, as _FIT returns them." };
        Option<bool> force = new("--force") { Description = "Replace FILE if it exists." };
        var command = new Command("build", """
            Build a table: from JSON, or for one interleave set described by options. What it builds is examined, and findings are printed.

            Exit codes: 0 built, 1 built with findings of severity error, 2 not built.

            Examples:
              pmem nfit build nfit.aml --ways 2 --size 512MiB --base 4GiB --flush-hints 0x120000000 --domain memory_controller
              pmem nfit build again.aml --from nfit.json
            """) { file, json, from, size, start, ways, line, hints, domain, fit, force };
        command.SetAction(parsed =>
        {
            if ((parsed.GetValue(from) is null) == (parsed.GetValue(size) is null))
                throw new PmemException("say what to build: --from JSON, or --size SIZE with --ways and --base");
            Platform.Acpi.Nfit nfit = parsed.GetValue(from) is { } path
                ? FromJson(path)
                : Set(Number(parsed.GetValue(size)!), Number(parsed.GetValue(start)!), parsed.GetValue(ways), Number(parsed.GetValue(line)!), parsed.GetValue(hints) is { } h ? Number(h) : null, parsed.GetValue(domain));
            byte[] bytes = parsed.GetValue(fit) ? nfit.ToFit() : nfit.ToBytes();
            return Write(parsed.GetValue(file)!, bytes, parsed.GetValue(force), parsed.GetValue(json));
        });
        return command;
    }

    private static int Write(string path, byte[] bytes, bool force, bool json)
    {
        OutputFile.Write(path, bytes, force);
        var scan = NfitScan.Read(bytes);
        IReadOnlyList<LintFinding> findings = NfitLint.Examine(scan);
        foreach (LintFinding finding in findings)
            Console.Error.WriteLine($"pmem: {path}: 0x{finding.Offset:x}: {finding.Message} [{finding.Rule}]");
        if (json)
            JsonOutput.Write(writer => NfitJson.Write(writer, scan));
        else
            Console.WriteLine($"{path}: {bytes.Length} bytes, {scan.Entries.Count} structures");
        return findings.Any(finding => finding.Severity == LintSeverity.Error) ? Program.NotConsistent : Program.Success;
    }

    private static Platform.Acpi.Nfit FromJson(string path)
    {
        try
        {
            return NfitJson.Parse(path == "-" ? Console.In.ReadToEnd() : File.ReadAllText(path));
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}", problem);
        }
    }

    private static Platform.Acpi.Nfit Set(ulong size, ulong start, int ways, ulong line, ulong? hints, string? domain)
    {
        if (ways is < 1 or > 32 || size % (ulong)ways != 0)
            throw new PmemException($"{size} bytes cannot be spread over {ways} modules: there are 1 to 32, and each gets the same");
        if (line > uint.MaxValue)
            throw new PmemException($"a line of {line} bytes is too long: the field has 32 bits");
        NfitModule[] modules = [.. Enumerable.Range(0, ways).Select(i => new NfitModule
        {
            // Two DIMMs a channel, 16 channels a controller.
            Handle = NfitDeviceHandle.Create(0, 0, i / 16, i % 16, 1),
            PhysicalId = (ushort)(0x20 + i),
            SerialNumber = (uint)(i + 1) << 24,
            FlushHints = hints is { } registers ? [.. Enumerable.Range(0, HintsPerModule).Select(n => registers + ((ulong)i * HintPage) + ((ulong)n * HintStride))] : [],
        })];
        var builder = new NfitBuilder
        {
            Capabilities = domain switch
            {
                "cpu_cache" => NfitCapabilities.CacheFlush | NfitCapabilities.MemoryControllerFlush,
                "memory_controller" => NfitCapabilities.MemoryControllerFlush,
                _ => null,
            },
        };
        return builder.AddSet(start, modules, size / (ulong)ways, (uint)line).Build();
    }

    private static ulong Number(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out ulong address) ? address : throw Wrong(text)
            : ByteSize.TryParse(text, out long bytes) ? (ulong)bytes : throw Wrong(text);

    private static PmemException Wrong(string text) => new($"'{text}' is no size or address: write 4GiB, 512M, 0x100000000 or a number");
}
