using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;
using static Pmem.Platform.Acpi.Aml.AmlCode;

namespace Pmem.Platform.Tests.Acpi.Aml;

/// <summary>Devices of a table.</summary>
public class AmlReaderTests
{
    private static readonly AcpiTableHeader s_header = new() { Signature = "SSDT", Revision = 2 };

    [Fact]
    public void The_devices_of_our_table_are_found_with_address_and_methods()
    {
        IReadOnlyList<AmlDevice> devices = AmlReader.Devices(NvdimmSsdt.Build(
            [NvdimmSsdtTests.Module(0, NvdimmMethods.Microsoft), NvdimmSsdtTests.Module(1, NvdimmMethods.Intel)], SampleNfit.Set().ToFit()));
        Assert.Equal(["\\_SB.NVDR", "\\_SB.NVDR.D000", "\\_SB.NVDR.D001"], devices.Select(device => device.Path));
        Assert.Equal(AmlDevice.NvdimmRoot, devices[0].HardwareId);
        Assert.Contains("_FIT", devices[0].Methods);
        Assert.Equal(["_DSM", "_LSI", "_LSR", "_LSW"], devices[1].Methods);
        Assert.Equal([0x1ul, 0x11ul], devices.Skip(1).Select(device => device.Address!.Value));
        Assert.Equal([new NfitDeviceHandle(0x1), new NfitDeviceHandle(0x11)], AmlDevice.NvdimmHandles(devices));
    }

    [Fact]
    public void Names_are_resolved_and_devices_of_others_are_no_NVDIMMs()
    {
        byte[] table = Table(s_header,
            Scope("\\_SB.PCI0", Device("^X", Name("_ADR", 7)), Device("\\ROOT", Name("_HID", Text("ACPI0012")), Device("A", Name("_ADR", 5), Device("B", Name("_ADR", 6)))), Device("PNP", Name("_HID", EisaId("PNP0A03")))),
            External("\\_SB.GONE", 6),
            MemoryRegion("REG0", 0x40000000, 4096),
            Field("REG0", AmlFieldAccess.Byte, ("DATA", 8)),
            Name("PKG", Package(1, 2)));
        IReadOnlyList<AmlDevice> devices = AmlReader.Devices(table);
        Assert.Equal(["\\_SB.X", "\\ROOT", "\\ROOT.A", "\\ROOT.A.B", "\\_SB.PCI0.PNP"], devices.Select(device => device.Path));
        Assert.Equal([new NfitDeviceHandle(5)], AmlDevice.NvdimmHandles(devices));
    }

    [Fact]
    public void What_is_not_known_ends_its_scope_alone()
    {
        byte[] table = Table(s_header, Scope("\\_SB", Device("AAA", Name("_ADR", 1), Store(1, Local(0)), Name("_HID", Text("LOST"))), Device("BBB", Name("_ADR", 2))));
        Assert.Equal([("\\_SB.AAA", 1ul, null), ("\\_SB.BBB", 2ul, null)], AmlReader.Devices(table).Select(device => (device.Path, device.Address!.Value, device.HardwareId)));
    }

    [Fact]
    public void Other_tables_and_wrong_lengths_are_refused()
    {
        Assert.Throws<PmemFormatException>(() => AmlReader.Devices(SampleNfit.Set().ToBytes()));
        Assert.Throws<PmemFormatException>(() => AmlReader.Devices([]));
        byte[] table = Table(s_header, Device("AAA", Name("_ADR", 1)));
        table[AcpiTableHeader.Size + 2] = 0x3f;
        AcpiTableHeader.Seal(table);
        Assert.Throws<PmemFormatException>(() => AmlReader.Devices(table));
        Assert.Throws<PmemFormatException>(() => AmlReader.Devices(Nested(100)));
    }

    [Fact]
    public void Every_mutated_table_is_read_or_refused()
    {
        const int Seed = 54;
        const int Mutants = 100_000;
        var random = new Random(Seed);
        byte[][] seeds =
        [
            NvdimmSsdt.Build([NvdimmSsdtTests.Module(0, NvdimmMethods.Microsoft), NvdimmSsdtTests.Module(1, NvdimmMethods.Intel)]),
            Table(s_header, Scope("\\_SB", Device("AAA", Name("_ADR", 1), Name("_HID", Text("ACPI0012")), Device("BBB", Name("_ADR", 0x1234567890)))), Name("PKG", Package(1, 2)), External("\\A.B", 6)),
            Nested(20),
        ];
        int read = 0;
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[] mutant = Mutations.Of(seeds[random.Next(seeds.Length)], random);
            if (mutant.Length >= AcpiTableHeader.Size)
            {
                "SSDT"u8.CopyTo(mutant);
                AcpiTableHeader.Seal(mutant);
            }

            try
            {
                Assert.NotNull(AmlDevice.NvdimmHandles(AmlReader.Devices(mutant)));
                read++;
            }
            catch (PmemFormatException)
            {
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i}: {e}");
            }
        }

        Assert.InRange(read, Mutants / 50, Mutants);
        Assert.InRange(refused, Mutants / 50, Mutants);
    }

    private static byte[] Nested(int depth)
    {
        AmlTerm term = Name("_ADR", 1);
        for (int i = 0; i < depth; i++)
            term = Device("DEV", term);
        return Table(s_header, term);
    }
}
