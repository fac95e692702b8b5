using System.Buffers.Binary;
using Pmem.Platform;
using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;

namespace Interop.Guest;

/// <summary>What the lint says Linux does about a fault is what Linux does: one boot for each of a sample of the rules.</summary>
public sealed class GuestFaultTests
{
    private const ulong Start = 0x4000_0000;

    private const string Script = """
        dmesg -n 1
        echo @@regions
        for r in /sys/bus/nd/devices/region*; do [ -e $r/size ] && echo "$(cat $r/size) $(cat $r/read_only) $(cat $r/persistence_domain 2>/dev/null)"; done
        echo @@kernel
        dmesg | grep -iE "nfit|nd_|nvdimm"
        """;

    [Fact]
    public void A_module_without_device_takes_the_bus_down()
    {
        byte[] table = Table(_ => { });
        IReadOnlyDictionary<string, string> guest = Boot(table, devices: 1);
        Finds("nfit-missing-adr", table, devices: 1);
        Assert.Empty(guest["regions"].Trim());
        Assert.Contains("_ADR", guest["kernel"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_off_its_pages_takes_the_bus_down()
    {
        byte[] table = Table(nfit => nfit.Of<NfitRegionMapping>().First().DpaBase = 512);
        IReadOnlyDictionary<string, string> guest = Boot(table);
        Finds("nfit-mapping-alignment", table);
        Assert.Empty(guest["regions"].Trim());
        Assert.Contains("not 4096 aligned", guest["kernel"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_of_a_missing_control_region_takes_the_bus_down()
    {
        byte[] table = Table(nfit => nfit.Of<NfitRegionMapping>().First().ControlRegionIndex = 9);
        IReadOnlyDictionary<string, string> guest = Boot(table);
        Finds("nfit-dangling-dcr", table);
        Assert.Empty(guest["regions"].Trim());
        Assert.Contains("missing DCR", guest["kernel"], StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_structure_of_length_0_hides_what_follows()
    {
        byte[] table = Table(_ => { });
        // The capabilities are last.
        BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(table.Length - 14), 0);
        AcpiTableHeader.Seal(table);
        IReadOnlyDictionary<string, string> guest = Boot(table);
        Finds("nfit-zero-length", table);
        Assert.Equal("67108864 0", guest["regions"].Trim());
    }

    [Fact]
    public void A_module_that_is_not_armed_makes_its_region_read_only()
    {
        byte[] table = Table(nfit => nfit.Of<NfitRegionMapping>().Last().StateFlags = NfitStateFlags.NotArmed);
        IReadOnlyDictionary<string, string> guest = Boot(table);
        Finds("nfit-not-armed", table);
        Assert.Equal("67108864 1 memory_controller", guest["regions"].Trim());
    }

    private static NfitModule Module(int i) => new() { Handle = NfitDeviceHandle.Create(0, 0, 0, i, 1), SerialNumber = (uint)i + 1 };

    private static byte[] Table(Action<Nfit> change)
    {
        Nfit nfit = new NfitBuilder { Capabilities = NfitCapabilities.MemoryControllerFlush }.AddSet(Start, [Module(0), Module(1)], 32 << 20).Build();
        change(nfit);
        return nfit.ToBytes();
    }

    private static IReadOnlyDictionary<string, string> Boot(byte[] table, int devices = 2)
    {
        using var machine = new GuestMachine();
        machine.Write(Start, [0]);
        byte[] ssdt = NvdimmSsdt.Build([.. Enumerable.Range(0, devices).Select(i => new NvdimmDevice { Handle = Module(i).Handle })]);
        IReadOnlyDictionary<string, string> guest = machine.Run([table, ssdt], new E820Range(Start, 64 << 20, E820Type.Reserved), Script);
        Assert.Equal(Predict(table, ssdt), guest["regions"].Trim());
        return guest;
    }

    /// <summary>What 'pmem explain' says of the same tables.</summary>
    private static string Predict(byte[] table, byte[] ssdt)
    {
        using PlatformEvidence evidence = ImageSet.OfTable(table, [], null, ssdt);
        KernelPrediction prediction = PlatformExplainer.Predict(evidence, KernelVersion.Linux61);
        return string.Join('\n', prediction.Regions.Select(region => $"{region.View.Size} {(region.IsReadOnly ? 1 : 0)} {(region.PersistenceDomain == "unknown" ? string.Empty : region.PersistenceDomain)}")).Trim();
    }

    private static void Finds(string rule, byte[] table, int devices = 2)
    {
        IReadOnlyList<LintFinding> findings = NfitLint.Examine(table, new NfitLintOptions { Devices = [.. Enumerable.Range(0, devices).Select(i => Module(i).Handle)] });
        Assert.Contains(findings, finding => finding.Rule == rule);
    }
}
