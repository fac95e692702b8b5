using System.Text.Json;
using Pmem;
using Pmem.Platform;
using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;

namespace Interop.Guest;

/// <summary>Tables of others: those that QEMU makes for its own modules, as a guest sees them.</summary>
public sealed class GuestForeignTests
{
    private const string Script = """
        dmesg -n 1
        echo @@list
        ndctl list -DRi
        for t in /sys/firmware/acpi/tables/*; do [ -f $t ] && { echo "@@$(basename $t)"; base64 $t; }; done
        """;

    [Fact]
    public void The_tables_of_QEMU_are_read_written_again_and_in_order()
    {
        IReadOnlyDictionary<string, string> guest = GuestMachine.RunWithModules([(64, 128), (64, 0), (128, 256)], Script);
        byte[] table = Convert.FromBase64String(guest["NFIT"]);
        var nfit = Nfit.Parse(table);
        Assert.Equal(table, nfit.ToBytes());
        Assert.Equal(3, nfit.Of<NfitSpaRange>().Count());
        Assert.Equal(NfitCapabilities.MemoryControllerFlush, nfit.Of<NfitPlatformCapabilities>().Single().Effective);

        // Its devices are in an SSDT, with the handles of the table; the lint compares them.
        var handles = guest.Where(section => section.Key.StartsWith("SSDT", StringComparison.Ordinal))
            .SelectMany(section => AmlDevice.NvdimmHandles(AmlReader.Devices(Convert.FromBase64String(section.Value)))).ToArray();
        Assert.NotEmpty(handles);
        IReadOnlyList<LintFinding> findings = NfitLint.Examine(table, new NfitLintOptions { Devices = handles });
        Assert.DoesNotContain(findings, finding => finding.Severity == LintSeverity.Error);

        // ndctl names the modules as we do.
        using var list = JsonDocument.Parse(guest["list"]);
        Dictionary<uint, string> ids = list.RootElement.GetProperty("dimms").EnumerateArray().ToDictionary(dimm => dimm.GetProperty("handle").GetUInt32(), dimm => dimm.GetProperty("id").GetString()!);
        Assert.Equal(3, ids.Count);
        foreach (NfitRegionMapping mapping in nfit.Of<NfitRegionMapping>())
            Assert.Equal(ids[mapping.Handle.Value], nfit.Of<NfitControlRegion>().Single(control => control.Index == mapping.ControlRegionIndex).Id);

        // Other tables of the machine are recognised as such.
        Assert.Throws<PmemFormatException>(() => Nfit.Parse(Convert.FromBase64String(guest["APIC"])));
        Assert.NotEmpty(Srat.Parse(Convert.FromBase64String(guest["SRAT"])).ProximityDomains);
    }
}
