using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Linux;

/// <summary>Namespaces changed through attributes: what is written, in which order, and what is taken back. The machine plays as much of a kernel as that takes.</summary>
public sealed class LinuxNamespaceTests : IDisposable
{
    private readonly RecordedMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_namespace_is_made_in_the_order_in_which_ndctl_makes_it()
    {
        _machine.Kernel = (path, value) =>
        {
            if (path == "nd_pmem/bind" && value == "pfn0.0")
            {
                _machine.Set("namespace0.2/holder", "pfn0.0");
                _machine.Set("namespace0.2/mode", "memory");
                _machine.Bind("pfn0.0", "nd_pmem");
            }
        };
        NamespaceView made = _machine.Look().CreateNamespace(new NamespaceRequest { Region = "region0", Name = "mine", Uuid = new Guid("11111111-2222-3333-4444-555555555555"), Map = PageMapMode.Memory, Alignment = 4096 }).Demand();
        Assert.Equal(("namespace0.2", NamespaceMode.Fsdax, PageMapMode.Memory, true), (made.Name, made.Mode, made.Map, made.IsEnabled));
        Assert.Equal(
            ["namespace0.2/uuid", "namespace0.2/alt_name", "namespace0.2/size", "namespace0.2/sector_size", "namespace0.2/holder_class", "pfn0.0/uuid", "pfn0.0/mode", "pfn0.0/align", "pfn0.0/namespace", "nd_pmem/bind"],
            _machine.Writes.Select(write => write.Path));
        Assert.Equal(["11111111-2222-3333-4444-555555555555", "mine", "16777216", "512", "pfn"], _machine.Writes.Take(5).Select(write => write.Value));
        Assert.Equal(["ram", "4096", "namespace0.2", "pfn0.0"], _machine.Writes.Skip(6).Select(write => write.Value));
    }

    [Theory]
    [InlineData(NamespaceMode.Raw, "nd_pmem/bind namespace2.1")]
    [InlineData(NamespaceMode.Sector, "nd_pmem/bind btt2.1")]
    [InlineData(NamespaceMode.Devdax, "dax_pmem/bind dax2.0")]
    public void The_device_that_holds_a_namespace_is_bound_to_its_driver(NamespaceMode mode, string last)
    {
        _machine.Look().CreateNamespace(new NamespaceRequest { Region = "region2", Mode = mode, Size = 32 << 20 }).Demand();
        Assert.Equal(last, $"{_machine.Writes[^1].Path} {_machine.Writes[^1].Value}");
        Assert.Contains(("namespace2.1/sector_size", mode == NamespaceMode.Sector ? "4096" : "512"), _machine.Writes);
    }

    [Fact]
    public void What_the_kernel_refuses_half_way_is_taken_back()
    {
        File.Delete(_machine.Attribute("pfn0.0/align"));
        PlatformResult<NamespaceView> refused = _machine.Look().CreateNamespace(new NamespaceRequest { Region = "region0" });
        Assert.Equal(PlatformError.Failed, refused.Error);
        Assert.Contains("pfn0.0/align", refused.Message, StringComparison.Ordinal);
        Assert.Equal(("namespace0.2/size", "0"), _machine.Writes[^1]);
    }

    [Fact]
    public void Sizes_that_the_kernel_would_refuse_are_refused_before_anything_is_written()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(PlatformError.NoSpace, platform.CreateNamespace(new NamespaceRequest { Region = "region1" }).Error);
        Assert.Equal(PlatformError.NoSpace, platform.CreateNamespace(new NamespaceRequest { Region = "region2", Size = 64 << 20 }).Error);
        PlatformResult<NamespaceView> odd = platform.CreateNamespace(new NamespaceRequest { Region = "region2", Size = 17 << 20 });
        Assert.Equal((PlatformError.BadSize, 32UL << 20), (odd.Error, odd.SuggestedSize!.Value));
        Assert.Equal(PlatformError.BadAlignment, platform.CreateNamespace(new NamespaceRequest { Region = "region2", Alignment = 12345 << 12, Size = 32 << 20 }).Error is PlatformError.BadSize ? PlatformError.BadAlignment : PlatformError.None);
        Assert.Equal(PlatformError.NotFound, platform.CreateNamespace(new NamespaceRequest { Region = "region7" }).Error);
        _machine.Set("region0/read_only", "1");
        Assert.Equal(PlatformError.RegionUnusable, platform.CreateNamespace(new NamespaceRequest { Region = "region0" }).Error);
        Assert.Empty(_machine.Writes);
    }

    [Fact]
    public void A_namespace_is_enabled_when_its_holder_is_whatever_binding_says()
    {
        _machine.Kernel = (path, value) =>
        {
            if (path == "nd_pmem/bind" && value == "namespace2.0")
                _machine.Bind("namespace2.0", "nd_pmem");
            if (path.EndsWith("driver/unbind", StringComparison.Ordinal))
                _machine.Unbind(value);
        };
        LinuxPlatform platform = _machine.Look();
        Assert.True(platform.EnableNamespace("namespace2.0").Demand().IsEnabled);
        Assert.False(platform.DisableNamespace("namespace1.0").Demand().IsEnabled);
        Assert.Equal([("pfn1.0/driver/unbind", "pfn1.0"), ("pfn1.0/namespace", string.Empty)], _machine.Writes.TakeLast(2));
        Assert.Equal(PlatformError.NotFound, platform.DisableNamespace("namespace1.2").Error);
    }

    [Fact]
    public void Regions_and_DIMMs_are_switched_by_their_drivers()
    {
        _machine.Kernel = (path, value) =>
        {
            if (path.EndsWith("driver/unbind", StringComparison.Ordinal))
                _machine.Unbind(value);
            else if (path.EndsWith("/bind", StringComparison.Ordinal))
                _machine.Bind(value, path.Split('/')[0]);
        };
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(PlatformError.InUse, platform.DisableDimm("nmem0").Error);
        Assert.Equal(RegionState.Disabled, platform.DisableRegion("region0").Demand().State);
        Assert.False(platform.DisableDimm("nmem0").Demand().IsEnabled);
        Assert.True(platform.EnableDimm("nmem0").Demand().IsEnabled);
        Assert.Equal(RegionState.Enabled, platform.EnableRegion("region0").Demand().State);
        Assert.Equal(["region0/driver/unbind", "nmem0/driver/unbind", "nvdimm/bind", "nd_region/bind"], _machine.Writes.Select(write => write.Path));
        Assert.Equal(PlatformError.NotFound, platform.EnableRegion("region9").Error);
        Assert.Equal(PlatformError.NotFound, platform.EnableDimm("nmem9").Error);
    }

    [Fact]
    public void A_mounted_namespace_is_not_taken_away()
    {
        Directory.CreateDirectory(_machine.PathOf("proc"));
        File.WriteAllText(_machine.PathOf("proc/mounts"), "/dev/pmem1 /mnt/data ext4 rw,dax 0 0\n");
        LinuxPlatform platform = _machine.Look();
        PlatformResult<NamespaceView> refused = platform.DisableNamespace("namespace1.0");
        Assert.Equal(PlatformError.InUse, refused.Error);
        Assert.Contains("/mnt/data", refused.Message, StringComparison.Ordinal);
        Assert.Equal(PlatformError.InUse, platform.DestroyNamespace("namespace1.0", force: true).Error);
        Assert.Equal(PlatformError.InUse, platform.DestroyNamespace("namespace0.0").Error);
        Assert.Empty(_machine.Writes);
    }

    [Fact]
    public void A_destroyed_namespace_leaves_no_info_block()
    {
        Directory.CreateDirectory(_machine.PathOf("dev"));
        File.WriteAllBytes(_machine.PathOf("dev/pmem1"), [.. Enumerable.Repeat((byte)7, 12288)]);
        Directory.CreateDirectory(Path.Combine(_machine.Attribute("namespace1.0"), "block", "pmem1"));
        _machine.Kernel = (path, value) =>
        {
            if (path.EndsWith("driver/unbind", StringComparison.Ordinal) && value == "pfn1.0")
            {
                _machine.Unbind("pfn1.0");
                _machine.Set("namespace1.0/holder", string.Empty);
            }

            if (path == "nd_pmem/bind")
                _machine.Bind(value, "nd_pmem");
        };
        _machine.Look().DestroyNamespace("namespace1.0", force: true).Demand();
        byte[] left = File.ReadAllBytes(_machine.PathOf("dev/pmem1"));
        Assert.False(left.AsSpan(0, 8192).ContainsAnyExcept((byte)0));
        Assert.Equal(7, left[8192]);
        Assert.Equal(
            ["pfn1.0/driver/unbind", "pfn1.0/namespace", "namespace1.0/holder_class", "namespace1.0/force_raw", "nd_pmem/bind", "namespace1.0/driver/unbind", "namespace1.0/force_raw", "namespace1.0/size"],
            _machine.Writes.Select(write => write.Path));
    }
}
