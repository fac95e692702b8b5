using System.Text;
using Pmem.Platform.Acpi;

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

    internal static NvdimmDevice Module(int i, NvdimmMethods methods) => new()
    {
        Handle = SampleNfit.Module(i).Handle,
        Methods = methods,
        LabelAddress = 0x6010_0000 + ((ulong)i * 0x4_0000),
        LabelSize = 128 << 10,
        HealthAddress = 0x6001_0000 + ((ulong)i * 0x1000),
    };
}
