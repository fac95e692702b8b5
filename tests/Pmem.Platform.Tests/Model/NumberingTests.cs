using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

/// <summary>Names of namespaces from one change to the next.</summary>
public class NumberingTests
{
    private const ulong MiB = 1 << 20;

    [Fact]
    public void A_name_never_comes_to_mean_another_namespace()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        Make(platform, "A", "B", "C");
        platform.DestroyNamespace("namespace0.1", force: true).Demand();
        Assert.Equal(["namespace0.0 A pmem0", "namespace0.2 C pmem0.2"], Names(platform));
        Assert.Equal(PlatformError.NotFound, platform.DestroyNamespace("namespace0.1", force: true).Error);
        platform.DestroyNamespace("namespace0.0", force: true).Demand();
        Assert.Equal(PlatformError.NotFound, platform.DestroyNamespace("namespace0.0", force: true).Error);
        Assert.Equal(["namespace0.2 C pmem0.2"], Names(platform));
    }

    [Fact]
    public void A_new_namespace_in_a_gap_takes_no_number_that_another_had_but_zero()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform platform = test.Boot();
        Make(platform, "A", "B", "C");
        ulong gap = platform.GetRegions()[0].Namespaces[1].Start;
        platform.DestroyNamespace("namespace0.1", force: true).Demand();
        Make(platform, "D");
        Assert.Equal(["namespace0.0 A pmem0", "namespace0.2 C pmem0.2", "namespace0.3 D pmem0.3"], Names(platform));
        Assert.Equal(gap, platform.GetRegions()[0].Namespaces[2].Start);
        platform.DestroyNamespace("namespace0.0", force: true).Demand();
        Make(platform, "E");
        Assert.Equal(["namespace0.0 E pmem0", "namespace0.2 C pmem0.2", "namespace0.3 D pmem0.3"], Names(platform));
    }

    [Fact]
    public void A_namespace_made_another_keeps_its_number_and_so_do_the_others()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        Make(platform, "A", "B", "C");
        Assert.Equal("namespace0.0", platform.ReconfigureNamespace("namespace0.0", new NamespaceRequest { Mode = NamespaceMode.Sector }, force: true).Demand().Name);
        Assert.Equal("namespace0.1", platform.ReconfigureNamespace("namespace0.1", new NamespaceRequest { Mode = NamespaceMode.Sector }, force: true).Demand().Name);
        Assert.Equal(["namespace0.0 A pmem0s", "namespace0.1 B pmem0.1s", "namespace0.2 C pmem0.2"], Names(platform));
    }

    [Fact]
    public void A_region_that_is_enabled_again_counts_anew()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform platform = test.Boot();
        Make(platform, "A", "B");
        platform.DestroyNamespace("namespace0.0", force: true).Demand();
        Assert.Equal(["namespace0.1 B pmem0.1"], Names(platform));
        platform.DisableRegion("region0").Demand();
        platform.EnableRegion("region0").Demand();
        Assert.Equal(["namespace0.0 B pmem0"], Names(platform));
        Assert.Empty(platform.NamespaceNumbers);
    }

    [Fact]
    public void Numbers_are_kept_as_lines_and_nonsense_is_not_taken()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform platform = test.Boot();
        Make(platform, "A", "B", "C");
        platform.DestroyNamespace("namespace0.1", force: true).Demand();
        LabelledPlatform again = test.Boot();
        string line = Assert.Single(platform.NamespaceNumbers);
        again.KeepNumbers(line);
        Assert.Equal(Names(platform), Names(again));
        Assert.Equal([line], again.NamespaceNumbers);
        string uuid = $"{Guid.NewGuid():N}";
        LabelledPlatform fresh = test.Boot();
        foreach (string bad in (string[])[string.Empty, "0", "x 1", "-1 2", "0 99999999999", $"0 3 {uuid}", $"0 3 {uuid}=", $"0 3 {uuid}=-1", $"0 3 {uuid}=1 {uuid}=2", $"0 3 {uuid}=1 {Guid.NewGuid():N}=1", "0 3 =1"])
            fresh.KeepNumbers(bad);
        Assert.Empty(fresh.NamespaceNumbers);

        // Namespaces that it does not know of take the numbers of new ones: 0, which is free, and those behind.
        fresh.KeepNumbers($"0 1 {uuid}=4");
        Assert.Equal(["namespace0.0 A pmem0", "namespace0.5 C pmem0.5"], Names(fresh));
        fresh.ForgetNumbers();
        Assert.Equal(["namespace0.0 A pmem0", "namespace0.1 C pmem0.1"], Names(fresh));
    }

    private static void Make(LabelledPlatform platform, params string[] names)
    {
        foreach (string name in names)
            platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 * MiB, Name = name }).Demand();
    }

    private static string[] Names(LabelledPlatform platform) => [.. platform.GetRegions()[0].Namespaces.Select(space => $"{space.Name} {space.FriendlyName} {space.Device}")];
}
