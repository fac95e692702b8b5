using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Tests.Platforms.Listing;

public sealed class ListOptionsTests
{
    [Fact]
    public void Without_a_category_it_is_namespaces_or_what_a_filter_says()
    {
        Assert.Equal("N", Categories(new ListOptions()));
        Assert.Equal("B", Categories(new ListOptions { Bus = "all" }));
        Assert.Equal("DR", Categories(new ListOptions { Region = "0", Dimm = "nmem0" }));
        Assert.Equal("N", Categories(new ListOptions { Namespace = "0.0" }));
        Assert.Equal("N", Categories(new ListOptions { Idle = true, Health = true, Human = true }));
        Assert.Equal("D", Categories(new ListOptions { Dimms = true, Region = "0" }));
    }

    [Fact]
    public void Dax_alone_means_devdax_namespaces()
    {
        Assert.Equal("dax", new ListOptions { DeviceDax = true }.Resolve(lint: false).Mode);
        Assert.Equal("raw", new ListOptions { DeviceDax = true, Mode = "raw" }.Resolve(lint: false).Mode);
        Assert.Null(new ListOptions { DeviceDax = true, Namespaces = true }.Resolve(lint: false).Mode);
    }

    [Fact]
    public void Each_v_shows_more()
    {
        Assert.Equal("N", Categories(new ListOptions { Verbose = 1 }));
        Assert.Equal("BDRN", Categories(new ListOptions { Verbose = 2 }));
        ListOptions all = new ListOptions { Verbose = 3 }.Resolve(lint: false);
        Assert.True(all is { Idle: true, Firmware: true, Health: true, Capabilities: true, MediaErrors: true, DeviceDax: true });
        Assert.Equal("DN", Categories(new ListOptions { Dimms = true, Verbose = 1 }));
        Assert.Equal("D", Categories(new ListOptions { Dimms = true, Verbose = 1 }, lint: true));
        Assert.Equal("R", Categories(new ListOptions { Regions = true, Verbose = 2 }, lint: true));
        Assert.Equal("BDRN", Categories(new ListOptions { Verbose = 2 }, lint: true));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("all", true)]
    [InlineData("region1", true)]
    [InlineData("region0 region1", true)]
    [InlineData("1", true)]
    [InlineData("0x1", true)]
    [InlineData("0 1", false)]
    [InlineData("region10", false)]
    [InlineData("", false)]
    [InlineData("1 region0", true)]
    [InlineData("0 region1", false)]
    [InlineData("0 all", true)]
    [InlineData("region0 1", false)]
    [InlineData("region0,region1", false)]
    public void Names_are_chosen_as_ndctl_does(string? wanted, bool expected) => Assert.Equal(expected, NameFilter.Matches(wanted, "region1"));

    private static string Categories(ListOptions options, bool lint = false)
    {
        ListOptions resolved = options.Resolve(lint);
        return string.Concat(resolved.Buses ? "B" : "", resolved.Dimms ? "D" : "", resolved.Regions ? "R" : "", resolved.Namespaces ? "N" : "");
    }
}
