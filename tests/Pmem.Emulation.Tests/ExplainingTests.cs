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

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_namespace_whose_info_block_is_bad_is_listed_as_it_is_predicted(int ways)
    {
        using VirtualPlatform platform = Make(ways, ways);
        NamespaceView pages = platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand();
        platform.InjectPoison(pages.Start + 4096 + 512, 1);
        NamespaceView listed = platform.Platform.GetRegions()[0].Namespaces.Single();
        NamespaceView predicted = Predict(platform).Regions[0].View.Namespaces.Single();
        Assert.Equal((NamespaceMode.Raw, "pmem0"), (listed.Mode, listed.Device));
        Assert.Equal((predicted.Mode, predicted.Size), (listed.Mode, listed.Size));
        Assert.NotEmpty(listed.Reasons);

        platform.ClearPoison(pages.Start + 4096 + 512, 1);
        Assert.Equal(NamespaceMode.Fsdax, platform.Platform.GetRegions()[0].Namespaces.Single().Mode);
    }

    [Fact]
    public void A_sector_namespace_whose_table_is_ruined_is_refused_with_the_reason_wherever_it_is_used()
    {
        using VirtualPlatform platform = Make(1, 1);
        NamespaceView space = platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 * MiB }).Demand();
        Assert.True(space.IsEnabled);
        long flog = (long)(space.Start - platform.Sets[0].Start + (32 * MiB) - 4096 - 16384);
        Write(platform, 0, [2, .. new byte[15], 2], flog + 12);
        NamespaceView listed = platform.Platform.GetRegions()[0].Namespaces.Single();
        Assert.Equal((NamespaceMode.Sector, false, false), (listed.Mode, listed.CanBeEnabled, listed.IsEnabled));
        Assert.Contains("flog entry 0", listed.Reasons[^1], StringComparison.Ordinal);
        PlatformResult<NamespaceView> enabled = platform.Platform.EnableNamespace(space.Name);
        Assert.Equal((PlatformError.CannotEnable, listed.Remedy), (enabled.Error, enabled.Remedy));
        Assert.Contains("pmem btt repair", enabled.Remedy, StringComparison.Ordinal);
        Assert.Equal((PlatformError.CannotEnable, listed.Remedy), (platform.Platform.OpenBlockDevice(space.Name).Error, platform.Platform.OpenBlockDevice(space.Name).Remedy));
        Assert.Contains(Predict(platform).Explanations, explanation => explanation.Rule == "namespace-table" && explanation.Reason == listed.Reasons[^1]);
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
        Assert.Contains(prediction.Explanations, explanation => explanation.Rule == "label-cookie" && explanation.Reason.Contains("cookie", StringComparison.Ordinal) && explanation.Remedy.Contains("put the DIMMs back", StringComparison.Ordinal));
        Assert.DoesNotContain(prediction.Explanations, explanation => explanation.Rule is "label-orphan" || explanation.Remedy.Contains("labels repair", StringComparison.Ordinal));

        // Nobody is told to clear what is in a namespace that is only hidden.
        Explanation hidden = Assert.Single(prediction.Explanations, explanation => explanation.Rule == "dimm-poison");
        Assert.Contains("clear nothing", hidden.Remedy, StringComparison.Ordinal);
        Assert.Contains(data.RawUuid.ToString(), hidden.Reason, StringComparison.Ordinal);

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

    [Theory]
    [InlineData(NamespaceMode.Fsdax, 4096 + 100, NamespaceMode.Raw, true, "PFN info block", "pmem namespace write-infoblock namespace0.0 --mode fsdax --map dev --align 2097152 --uuid")]
    [InlineData(NamespaceMode.Devdax, 4096, NamespaceMode.Raw, true, "DAX info block", "pmem namespace write-infoblock namespace0.0 --mode devdax")]
    [InlineData(NamespaceMode.Sector, 100, NamespaceMode.Raw, true, "BTT info block", "pmem btt repair")]
    [InlineData(NamespaceMode.Fsdax, 100, NamespaceMode.Fsdax, true, "left for partition tables", "nothing is lost")]
    [InlineData(NamespaceMode.Fsdax, 12288, NamespaceMode.Fsdax, true, "page structures", "disabled and enabled again")]
    [InlineData(NamespaceMode.Fsdax, 8 << 20, NamespaceMode.Fsdax, true, "of pmem0 (bad block", "pmem namespace clear-errors namespace0.0")]
    [InlineData(NamespaceMode.Sector, (32 << 20) - 4096 - 16384, NamespaceMode.Sector, false, "BTT flog entry 0", "--accept-loss")]
    [InlineData(NamespaceMode.Sector, (32 << 20) - 4096 - 16384 - 8192, NamespaceMode.Sector, true, "BTT map entry", "save what can still be read")]
    [InlineData(NamespaceMode.Sector, (32 << 20) - 4096, NamespaceMode.Sector, true, "copy of the BTT info block", "pmem btt repair")]
    [InlineData(NamespaceMode.Sector, 1 << 20, NamespaceMode.Sector, true, "block ", "restore the block from a copy")]
    [InlineData(NamespaceMode.Raw, 1 << 20, NamespaceMode.Raw, true, "data of namespace0.0", "restore what was there")]
    public void The_remedy_for_poison_is_that_of_the_place(NamespaceMode mode, int offset, NamespaceMode predicted, bool enabled, string where, string remedy)
    {
        using VirtualPlatform platform = Make(1, 1);
        NamespaceView space = platform.Platform.CreateNamespace(new NamespaceRequest { Mode = mode, Size = 32 * MiB }).Demand();
        platform.InjectPoison(space.Start + (ulong)offset, 256);
        KernelPrediction prediction = Predict(platform);
        NamespaceView made = Assert.Single(prediction.Regions[0].View.Namespaces);
        Assert.Equal((predicted, enabled), (made.Mode, made.IsEnabled));
        Assert.Equal(predicted != mode, prediction.Explanations.Any(explanation => explanation is { Rule: "namespace-became-raw", Severity: LintSeverity.Error }));
        Assert.Equal(!enabled, prediction.Explanations.Any(explanation => explanation.Rule == "namespace-table"));
        Explanation poison = Assert.Single(prediction.Explanations, explanation => explanation.Rule == "dimm-poison");
        Assert.Contains("(dimm-0.img)", poison.What, StringComparison.Ordinal);
        Assert.Contains(where, poison.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, poison.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Poison_outside_of_namespaces_loses_nothing()
    {
        using VirtualPlatform platform = Make(1, 1);
        platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 * MiB }).Demand();
        platform.InjectPoison(0, 64 << 20, 256);
        Explanation poison = Assert.Single(Predict(platform).Explanations, explanation => explanation.Rule == "dimm-poison");
        Assert.Equal(LintSeverity.Warning, poison.Severity);
        Assert.Contains("nothing is lost", poison.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    public void Poison_over_much_tells_each_thing_that_is_under_it(int dimms, int ways)
    {
        using VirtualPlatform platform = Make(dimms, ways);
        NamespaceView[] spaces = [.. new[] { NamespaceMode.Fsdax, NamespaceMode.Sector, NamespaceMode.Raw }.Select(mode => platform.Platform.CreateNamespace(new NamespaceRequest { Mode = mode, Size = 64 * MiB }).Demand())];
        platform.InjectPoison(spaces[0].Start, 192 << 20);
        Explanation[] poison = [.. Predict(platform).Explanations.Where(explanation => explanation.Rule == "dimm-poison")];
        foreach (string what in (string[])["PFN info block", "page structures", "data of namespace0.0", "BTT info block of", "copy of the BTT info block", "BTT map entry", "BTT flog entry", "block ", "data of namespace0.2"])
            Assert.True(Array.Exists(poison, explanation => explanation.Reason.Contains(what, StringComparison.Ordinal)), what);
    }

    [Fact]
    public void What_a_DIMM_says_of_itself_comes_with_reason_and_remedy()
    {
        using VirtualPlatform platform = Make(1, 1);
        Assert.True(Predict(platform).IsClean);
        platform.Inject(0, dimm => dimm with { MediaTemperature = 90, ControllerTemperature = 120, Spares = 5, DirtyShutdowns = 2, LastShutdownWasDirty = true });
        Explanation[] told = [.. Predict(platform).Explanations.Where(explanation => explanation.Subject == "nmem0" && explanation.Severity != LintSeverity.Info)];
        Assert.Equal(2, told.Count(explanation => explanation.Rule == "dimm-temperature"));
        Assert.Contains(told, explanation => explanation.Reason.Contains("90 °C", StringComparison.Ordinal));
        Assert.Contains(told, explanation => explanation.Rule == "dimm-spares");
        Assert.Contains(told, explanation => explanation.Rule == "dimm-dirty-shutdown");
        Assert.All(told, explanation => Assert.True(explanation.Reason.Length > 0 && explanation.Remedy.Length > 0));
    }

    [Fact]
    public void A_flog_that_no_write_leaves_keeps_a_sector_namespace_from_being_enabled()
    {
        using VirtualPlatform platform = Make(1, 1);
        platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 * MiB }).Demand();
        Write(platform, 0, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], (32 << 20) - 4096 - 16384 + 12);
        KernelPrediction prediction = Predict(platform);
        Assert.False(prediction.Regions[0].View.Namespaces[0].IsEnabled);
        Assert.Contains("log corruption", Assert.Single(prediction.Explanations, explanation => explanation.Rule == "namespace-table").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_without_room_for_data_is_size_0_until_6_6_and_refused_after()
    {
        using VirtualPlatform platform = Make(1, 1);
        platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand();
        byte[] block = new byte[PfnInfoBlock.Size];
        using (PersistentMap raw = platform.Platform.OpenRaw("namespace0.0", force: true))
            (PfnInfoBlock.TryParse(raw.GetSpan(PfnInfoBlock.Position, PfnInfoBlock.Size), out _)! with { EndTruncate = 30 << 20 }).Write(block);
        Write(platform, 0, block, PfnInfoBlock.Position);
        foreach (KernelVersion kernel in KernelVersions.All)
        {
            KernelPrediction prediction = Predict(platform, kernel);
            Assert.Equal(kernel != KernelVersion.Linux612, prediction.Regions[0].View.Namespaces[0].IsEnabled);
            Assert.Contains(prediction.Explanations, explanation => explanation.Rule == (kernel == KernelVersion.Linux612 ? "namespace-refused" : "pfn-zero-size"));
        }
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
