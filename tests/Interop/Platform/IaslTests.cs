using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Pmem.Platform.Acpi;

namespace Interop.Platform;

/// <summary>ACPI's own compiler and disassembler read our tables, and write the same bytes again.</summary>
public sealed partial class IaslTests : IDisposable
{
    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(4, true)]
    [InlineData(16, true)]
    public void Our_NFIT_is_disassembled_and_compiled_to_the_same_bytes(int ways, bool hints)
    {
        byte[] table = Compiled(Set(ways, hints));
        string source = Disassemble("nfit.aml", table);
        // iasl 20200925 prints the line offsets from 4 bytes too far on, so they are set right before they are compiled.
        Assert.Equal(table, CompileTable(ways == 1 ? source : LineOffset().Replace(source, Lines(ways))));
    }

    [Fact]
    public void Every_structure_that_iasl_knows_is_disassembled_and_compiled_to_the_same_bytes()
    {
        Nfit nfit = Set(1, hints: true);
        nfit.Structures.Add(new NfitSpaRange { Index = 2, RangeType = NfitRangeType.ControlRegion, Base = 0x4000_0000, Length = 4096, Flags = NfitSpaFlags.ProximityValid, ProximityDomain = 1 });
        nfit.Structures.Add(new NfitSmbios { Data = [17, 4, 1, 2] });
        nfit.Structures.Add(new NfitControlRegion { Index = 9, SerialNumber = 6, WindowCount = 2, HasWindowFields = true, WindowSize = 4096, CommandOffset = 8, CommandSize = 8, StatusOffset = 16, StatusSize = 4, Flags = 1 });
        nfit.Structures.Add(new NfitBlockDataWindow { ControlRegionIndex = 9, WindowCount = 2, StartOffset = 0x1000, WindowSize = 8192, Capacity = 1 << 30, FirstDpa = 0x10000 });
        byte[] table = Compiled(nfit);
        Assert.Equal(table, CompileTable(Disassemble("nfit.aml", table)));
    }

    [Fact]
    public void What_iasl_shows_is_what_we_show()
    {
        byte[] table = Compiled(Set(2, hints: true));
        string theirs = Disassemble("nfit.aml", table);
        string ours = NfitText.Print(NfitScan.Read(table));
        int compared = 0;
        // [0A8h 0168   8]                  Region Size : 0000000010000000: same place, same length, same digits.
        var lines = OurLine().Matches(ours).ToDictionary(line => line.Groups["place"].Value, line => line.Groups["value"].Value, StringComparer.Ordinal);
        foreach (Match line in TheirNumber().Matches(theirs))
        {
            string place = $"[{line.Groups["place"].Value}";
            if (line.Groups["name"].Value is "Line Offset" or "Reserved" or "Vendor Id" or "Device Id" or "Manufacturing Date" or "Serial Number" or "Subsystem Vendor Id" or "Subsystem Device Id")
                continue;
            Assert.True(lines.TryGetValue(place, out string? value), $"{place} {line.Value}");
            Assert.Equal(line.Groups["value"].Value, value);
            compared++;
        }

        Assert.InRange(compared, 60, 200);
    }

    [Fact]
    public void SRAT_and_HMAT_are_disassembled_and_compiled_to_the_same_bytes()
    {
        var srat = new Srat { Header = Ids("SRAT", 3) };
        srat.Structures.Add(new SratMemoryAffinity { ProximityDomain = 1, Base = 0x1_0000_0000, Length = 512 << 20, Flags = SratMemoryFlags.Enabled | SratMemoryFlags.NonVolatile });
        Assert.Equal(srat.ToBytes(), CompileTable(Disassemble("srat.aml", srat.ToBytes())));
        var hmat = new Hmat { Header = Ids("HMAT", 2) };
        hmat.Structures.Add(new HmatProximity { Flags = 1, InitiatorDomain = 0, MemoryDomain = 1 });
        hmat.Structures.Add(new HmatLatencyBandwidth { DataType = HmatDataType.ReadLatency, BaseUnit = 100, Initiators = [0, 2], Targets = [0, 1], Matrix = [10, 30, 20, 0] });
        hmat.Structures.Add(new HmatMemorySideCache { MemoryDomain = 1, CacheSize = 16UL << 30, Attributes = 0x0040_1111, SmbiosHandles = [0x20, 0x21] });
        Assert.Equal(hmat.ToBytes(), CompileTable(Disassemble("hmat.aml", hmat.ToBytes())));
    }

    [Theory]
    [InlineData(NvdimmMethods.None, false)]
    [InlineData(NvdimmMethods.Intel, true)]
    [InlineData(NvdimmMethods.Microsoft, false)]
    public void Our_SSDT_is_disassembled_without_a_complaint_and_compiled_to_the_same_bytes(NvdimmMethods methods, bool fit)
    {
        NvdimmDevice[] devices = [.. Enumerable.Range(0, 3).Select(i => new NvdimmDevice
        {
            Handle = NfitDeviceHandle.Create(0, 0, 0, i, 1),
            Methods = methods,
            LabelAddress = 0x6010_0000 + ((ulong)i * 0x4_0000),
            LabelSize = 128 << 10,
            HealthAddress = 0x6001_0000 + ((ulong)i * 0x1000),
        })];
        NvdimmRoot? root = methods == NvdimmMethods.None ? null : new NvdimmRoot(0x6000_0000, [new NvdimmSet(0x1_0000_0000, 4096, 1 << 30, [.. devices.Select(device => (device.Handle, 0UL))]), new NvdimmSet(0x5_0000_0000, 4096, 1 << 30, [(devices[0].Handle, 1 << 30)])]);
        byte[] table = NvdimmSsdt.Build(devices, fit ? Set(2, hints: true).ToFit() : default, Ids("SSDT", 2), root);
        string source = Disassemble("ssdt.aml", table);
        File.WriteAllText(Path.Combine(_folder, "again.dsl"), source);
        string log = Peers.Succeed(Peers.Tool("iasl"), ["-p", Path.Combine(_folder, "again"), Path.Combine(_folder, "again.dsl")]);
        Assert.Contains("0 Errors, 0 Warnings", log, StringComparison.Ordinal);
        Assert.Equal(table, File.ReadAllBytes(Path.Combine(_folder, "again.aml")));
    }

    private static Nfit Set(int ways, bool hints)
    {
        NfitModule[] modules = [.. Enumerable.Range(0, ways).Select(i => new NfitModule
        {
            Handle = NfitDeviceHandle.Create(0, 0, 0, i, 1),
            PhysicalId = (ushort)(0x20 + i),
            SerialNumber = 0x11220000 + (uint)i,
            ManufacturingLocation = 0x0a,
            ManufacturingDate = 0x1621,
            FlushHints = hints ? [0x1_2000_0000 + ((ulong)i * 4096), 0x1_2000_0040 + ((ulong)i * 4096)] : [],
        })];
        Nfit nfit = new NfitBuilder { Capabilities = NfitCapabilities.MemoryControllerFlush }.AddSet(0x1_0000_0000, modules, (512UL << 20) / (ulong)ways).Build();
        // Two lines: a table without padding, which iasl does not write.
        foreach (NfitInterleave interleave in nfit.Of<NfitInterleave>())
        {
            interleave.LineOffsets = [0, (uint)ways];
            interleave.Padding = [];
        }

        return nfit;
    }

    private static MatchEvaluator Lines(int ways)
    {
        int line = 0;
        return match => $"{match.Groups["before"].Value}{(line++ % 2 == 0 ? 0 : ways).ToString("X8", CultureInfo.InvariantCulture)}";
    }

    // The compiler puts its own name into every header.
    private static AcpiTableHeader Ids(string signature, byte revision) => new() { Signature = signature, Revision = revision, CreatorId = "INTL", CreatorRevision = 0x20200925 };

    private static byte[] Compiled(Nfit nfit)
    {
        nfit.Header = Ids("NFIT", 1);
        return nfit.ToBytes();
    }

    private string Disassemble(string name, byte[] table)
    {
        string iasl = Peers.Tool("iasl");
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, table);
        PeerResult result = Peers.Run(iasl, ["-d", path]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        Assert.DoesNotMatch("(?i)error|warning|invalid|checksum", result.Output + result.Error);
        return File.ReadAllText(Path.ChangeExtension(path, ".dsl"));
    }

    private byte[] CompileTable(string source)
    {
        string path = Path.Combine(_folder, "again.dsl");
        File.WriteAllText(path, source, Encoding.Latin1);
        string log = Peers.Succeed(Peers.Tool("iasl"), ["-p", Path.Combine(_folder, "again"), path]);
        Assert.Contains("0 Errors, 0 Warnings", log, StringComparison.Ordinal);
        return File.ReadAllBytes(Path.Combine(_folder, "again.aml"));
    }

    [GeneratedRegex("(?<before> Line Offset : )[0-9A-F]{8}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LineOffset();

    [GeneratedRegex(@"^\[(?<place>[0-9A-F]{3}h \d{4} +\d+)\] +(?<name>[A-Za-z ]+) : (?<value>[0-9A-F]{2,16})(?![-\w])", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex TheirNumber();

    [GeneratedRegex(@"^(?<place>\[[0-9A-F]{3}h \d{4} +\d+)\] +[A-Za-z ]* : (?<value>\S+)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex OurLine();
}
