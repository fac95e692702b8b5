using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

public sealed class SwitchingTests
{
    private const ulong MiB = 1 << 20;

    [Fact]
    public void A_disabled_region_has_no_namespaces_until_it_is_enabled_with_all_of_them()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        platform.CreateNamespace(new NamespaceRequest { Size = 64 * MiB }).Demand();
        platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 64 * MiB }).Demand();
        platform.DisableNamespace("namespace0.1").Demand();
        RegionView off = platform.DisableRegion("region0").Demand();
        Assert.Equal((RegionState.Disabled, 0), (off.State, off.Namespaces.Count));
        Assert.Equal(PlatformError.NotFound, platform.EnableNamespace("namespace0.0").Error);
        Assert.Equal(PlatformError.RegionUnusable, platform.CreateNamespace(new NamespaceRequest()).Error);
        RegionView on = platform.EnableRegion("region0").Demand();
        Assert.Equal([true, true], on.Namespaces.Select(space => space.IsEnabled));
        Assert.Equal(PlatformError.NotFound, platform.DisableRegion("region1").Error);
        Assert.Equal(PlatformError.NotFound, platform.EnableRegion("region").Error);
    }

    [Fact]
    public void A_DIMM_in_use_is_not_disabled_and_a_region_without_it_is_not_enabled()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        Assert.Equal(PlatformError.InUse, platform.DisableDimm("nmem1").Error);
        Assert.Equal(PlatformError.InUse, platform.OpenLabels("nmem1", readOnly: false).Error);
        Assert.True(platform.OpenLabels("nmem1").Succeeded);
        platform.DisableRegion("region0").Demand();
        Assert.False(platform.DisableDimm("nmem1").Demand().IsEnabled);
        RegionView region = platform.GetRegions()[0];
        Assert.Equal(0UL, region.AvailableSize);
        PlatformResult<RegionView> refusal = platform.EnableRegion("region0");
        Assert.Equal(PlatformError.CannotEnable, refusal.Error);
        Assert.Contains("nmem1", refusal.Remedy, StringComparison.Ordinal);
        ILabelStorage labels = platform.OpenLabels("nmem1", readOnly: false).Demand();
        LabelUpdate.Zero(LabelArea.Read(labels)).Apply([labels]);
        Assert.True(platform.EnableDimm("nmem1").Demand().IsEnabled);
        Assert.Null(platform.GetDimms()[1].LabelFormat);
        Assert.Equal(PlatformError.NotFound, platform.EnableDimm("nmem2").Error);
        Assert.Equal(PlatformError.NotFound, platform.OpenLabels("region0").Error);
    }

    [Fact]
    public void What_is_disabled_can_be_kept_over_a_restart()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform before = test.Boot();
        before.DisableRegion("region0").Demand();
        before.DisableDimm("nmem0").Demand();
        LabelledPlatform after = test.Boot();
        foreach (string key in before.DisabledNamespaces)
            after.MarkDisabled(key);
        Assert.Equal(RegionState.Disabled, after.GetRegions()[0].State);
        Assert.False(after.GetDimms()[0].IsEnabled);
    }

    [Fact]
    public void A_namespace_is_opened_raw_when_nobody_uses_it()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        NamespaceView space = platform.CreateNamespace(new NamespaceRequest { Size = 64 * MiB }).Demand();
        Assert.Contains("disable it first", Assert.Throws<PmemException>(() => platform.OpenRaw(space.Name)).Message, StringComparison.Ordinal);
        platform.OpenRaw(space.Name, force: true).Dispose();
        platform.DisableNamespace(space.Name).Demand();
        using PersistentMap map = platform.OpenRaw(space.Name);
        Assert.Equal((long)space.RawSize, map.Length);
        Assert.Equal(space.Uuid, PfnInfoBlock.TryParse(map.GetSpan(PfnInfoBlock.Position, PfnInfoBlock.Size), out _)!.Uuid);
    }
}
