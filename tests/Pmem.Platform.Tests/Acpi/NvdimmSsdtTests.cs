using System.Text;
using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>The table that goes with an NFIT; what ACPI's own tools and Linux make of it is tested with them.</summary>
public class NvdimmSsdtTests
{
    [Theory]
    [InlineData(NvdimmMethods.None, 0, 0)]
    [InlineData(NvdimmMethods.Intel, 2, 0)]
    [InlineData(NvdimmMethods.Microsoft, 2, 2)]
    public void Each_module_has_its_address_and_methods(NvdimmMethods methods, int dsm, int lsi)
    {
        byte[] table = NvdimmSsdt.Build([Module(0, methods), Module(1, methods)]);
        Assert.Equal(0, AcpiTableHeader.Sum(table));
        string text = Encoding.Latin1.GetString(table);
        Assert.Contains("ACPI0012", text, StringComparison.Ordinal);
        Assert.Equal(2, text.Split("_ADR").Length - 1);
        Assert.Equal(dsm, text.Split("_DSM").Length - 1);
        Assert.Equal(lsi, text.Split("_LSI").Length - 1);
        Assert.Equal(lsi, text.Split("_LSW").Length - 1);
        Assert.DoesNotContain("_FIT", text, StringComparison.Ordinal);
    }

    [Fact]
    public void FIT_is_there_when_it_is_wanted()
    {
        byte[] fit = SampleNfit.Set().ToFit();
        byte[] table = NvdimmSsdt.Build([Module(0, NvdimmMethods.None)], fit);
        Assert.NotEqual(-1, table.AsSpan().IndexOf("_FIT"u8));
        Assert.NotEqual(-1, table.AsSpan().IndexOf(fit));
    }

    [Fact]
    public void A_label_area_too_small_for_the_methods_is_refused() =>
        Assert.Throws<ArgumentException>(() => NvdimmSsdt.Build([Module(0, NvdimmMethods.Intel) with { LabelSize = 1024 }]));

    [Fact]
    public void The_root_device_has_methods_of_its_own_when_it_has_registers()
    {
        NvdimmDevice[] devices = [Module(0, NvdimmMethods.Intel)];
        var root = new NvdimmRoot(0x6000_0000, [new NvdimmSet(0x1_0000_0000, 4096, 1 << 30, [(devices[0].Handle, 0)])]);
        byte[] table = NvdimmSsdt.Build(devices, root: root);
        Assert.Contains("_DSM", AmlReader.Devices(table)[0].Methods);
        Assert.DoesNotContain("_DSM", AmlReader.Devices(NvdimmSsdt.Build(devices))[0].Methods);
        Assert.Throws<ArgumentException>(() => NvdimmSsdt.Build(devices, root: root with { Sets = [root.Sets[0] with { Start = NvdimmRoot.MaximumAddress }] }));
        Assert.Throws<ArgumentException>(() => NvdimmSsdt.Build(devices, root: root with { Sets = [root.Sets[0] with { Modules = [] }] }));
    }

    [Fact]
    public void The_modules_of_a_full_machine_fit_into_a_table_that_QEMU_takes() =>
        Assert.InRange(NvdimmSsdt.Build([.. Enumerable.Range(0, 256).Select(i => Module(0, NvdimmMethods.Intel) with { Handle = new NfitDeviceHandle((uint)i + 1) })]).Length, 0, ushort.MaxValue);

    internal static NvdimmDevice Module(int i, NvdimmMethods methods) => new()
    {
        Handle = SampleNfit.Module(i).Handle,
        Methods = methods,
        LabelAddress = 0x6010_0000 + ((ulong)i * 0x4_0000),
        LabelSize = 128 << 10,
        HealthAddress = 0x6001_0000 + ((ulong)i * 0x1000),
    };
}
