using Pmem.Platform;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Platforms that are in order, and platforms that something happened to: what a kernel would make of them, and why.</summary>
public sealed class ExplainingTests : IDisposable
{
    private const ulong MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-explaining-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_is_in_order_is_predicted_as_it_is_listed()
    {
        using VirtualPlatform platform = Make(4, 2);
        foreach (NamespaceMode mode in Enum.GetValues<NamespaceMode>())
            platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region1", Mode = mode, Size = 32 * MiB, Name = $"{mode}" }).Demand();
        foreach (KernelVersion kernel in KernelVersions.All)
        {
            KernelPrediction prediction = Predict(platform, kernel);
            Assert.True(prediction.IsClean, string.Join('\n', prediction.Explanations));
            Assert.Equal(platform.Platform.GetRegions().Select(Text), prediction.Regions.Select(region => Text(region.View)));
            Assert.All(prediction.Regions, region => Assert.Equal(("pmem", "memory_controller"), (region.Type, region.PersistenceDomain)));
            Assert.Equal(["nmem0", "nmem1", "nmem2", "nmem3"], prediction.Dimms.Where(dimm => dimm.IsEnabled).Select(dimm => dimm.Name));
        }
    }

    [Fact]
    public void A_namespace_that_lost_its_info_block_became_raw()
    {
        using VirtualPlatform platform = Make(1, 1);
        platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 * MiB }).Demand();
        NamespaceView pages = platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand();
        Write(platform, 0, new byte[4096]);
        Write(platform, 0, [1, 2, 3], (long)(pages.Start - platform.Sets[0].Start) + 4096 + 100);
        KernelPrediction prediction = Predict(platform);
        Assert.Equal([NamespaceMode.Raw, NamespaceMode.Raw], prediction.Regions[0].View.Namespaces.Select(space => space.Mode));
        Explanation[] raw = [.. prediction.Explanations.Where(explanation => explanation.Rule == "namespace-became-raw")];
        Assert.Equal(["namespace0.0", "namespace0.1"], raw.Select(explanation => explanation.Subject));
        Assert.Contains("pmem btt repair", raw[0].Remedy, StringComparison.Ordinal);
        Assert.Contains("checksum", raw[1].Reason, StringComparison.Ordinal);
        Assert.Contains("pmem infoblock write", raw[1].Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_region_whose_index_blocks_are_lost_lies_open()
    {
        using VirtualPlatform platform = Make(1, 1);
        platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB, Name = "data" }).Demand();
        Assert.DoesNotContain(Predict(platform).Explanations, explanation => explanation.Rule == "region-exposed");
        Write(platform, 0, new byte[512], 256 << 20);
        KernelPrediction prediction = Predict(platform);
        Assert.Equal((RegionState.LabelLess, NamespaceMode.Raw, "pmem0"), (prediction.Regions[0].View.State, prediction.Regions[0].View.Namespaces[0].Mode, prediction.Regions[0].View.Namespaces[0].Device));
        Explanation exposed = Assert.Single(prediction.Explanations, explanation => explanation.Rule == "region-exposed");
        Assert.Equal(LintSeverity.Error, exposed.Severity);
        Assert.Contains("write nothing", exposed.Remedy, StringComparison.Ordinal);
        Assert.Contains(prediction.Explanations, explanation => explanation is { Rule: "dimm-labels-lost", Subject: "nmem0" });
    }

    [Fact]
    public void Swapped_lost_unarmed_and_poisoned_DIMMs_are_told()
    {
        using VirtualPlatform platform = Make(4, 2);
        NamespaceView data = platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Size = 32 * MiB, Name = "data" }).Demand();
        platform.InjectPoison(0, 0x400000, 512);
        Explanation poison = Assert.Single(Predict(platform).Explanations, explanation => explanation.Rule == "dimm-poison");
        Assert.Contains("region0 bad block", poison.Reason, StringComparison.Ordinal);
        Assert.Contains(data.Name, poison.Reason, StringComparison.Ordinal);

        platform.Inject(1, dimm => dimm with { IsNotArmed = true });
        KernelPrediction prediction = Predict(platform);
        Assert.Equal([true, false], prediction.Regions.Select(region => region.IsReadOnly));
        Assert.Contains("not_armed", prediction.Dimms[1].Flags, StringComparison.Ordinal);

        platform.Swap(0, 1);
        prediction = Predict(platform);
        Assert.Empty(prediction.Regions[0].View.Namespaces);
        Assert.Contains(prediction.Explanations, explanation => explanation.Rule == "label-hidden" && explanation.Reason.Contains("cookie", StringComparison.Ordinal) && explanation.Remedy.Contains("put the DIMMs back", StringComparison.Ordinal));

        platform.Inject(3, dimm => dimm with { IsLost = true });
        prediction = Predict(platform);
        Assert.Single(prediction.Regions); // firmware maps no set that is not whole
        Assert.False(prediction.Dimms[3].IsEnabled);
        Assert.Contains(prediction.Explanations, explanation => explanation is { Rule: "dimm-absent", Subject: "nmem3" });
    }

    [Fact]
    public void An_image_at_another_address_may_be_refused()
    {
        using (VirtualPlatform platform = Make(1, 1))
            platform.Platform.CreateNamespace(new NamespaceRequest { Size = 64 * MiB, Name = "data" }).Demand();
        string image = Path.Combine(_folder, "dimm-0.img");
        using (PlatformEvidence here = ImageSet.OfQemu([image]))
            Assert.Equal(NamespaceMode.Fsdax, PlatformExplainer.Predict(here, KernelVersion.Linux61).Regions[0].View.Namespaces[0].Mode);
        using PlatformEvidence there = ImageSet.OfQemu([image], start: ImageSet.QemuAddress + (1 << 20));
        KernelPrediction prediction = PlatformExplainer.Predict(there, KernelVersion.Linux61);
        Assert.False(prediction.Regions[0].View.Namespaces[0].IsEnabled);
        Explanation refused = Assert.Single(prediction.Explanations, explanation => explanation.Rule == "namespace-refused");
        Assert.Contains("EOPNOTSUPP", refused.What, StringComparison.Ordinal);
        Assert.Contains("address it was made for", refused.Remedy, StringComparison.Ordinal);
    }

    private VirtualPlatform Make(int dimms, int ways) => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = dimms, Ways = ways, Capacity = 256 << 20 });

    private static KernelPrediction Predict(VirtualPlatform platform, KernelVersion kernel = KernelVersion.Linux61)
    {
        using PlatformEvidence evidence = platform.GetEvidence();
        return PlatformExplainer.Predict(evidence, kernel);
    }

    private void Write(VirtualPlatform platform, int dimm, byte[] bytes, long offset = 0)
    {
        using FileStream file = File.Open(Path.Combine(_folder, platform.Dimms[dimm].File), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = offset;
        file.Write(bytes);
    }

    private static string Text(RegionView region) => $"{region.Name} {region.Start} {region.Size} {region.SetCookie} {region.State} {region.MaximumExtent}: "
        + string.Join(", ", region.Namespaces.Select(space => $"{space.Name} {space.Mode} {space.Size} {space.Device} {space.Uuid} {space.FriendlyName} {space.IsEnabled}"));
}
