using Pmem.Blocks;
using Pmem.CrashTesting;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Model;

public sealed class LabelledPlatformTests
{
    private const ulong MiB = 1 << 20;

    /// <summary>The numbers that ndctl listed for the same set with the same namespaces in a guest.</summary>
    [Fact]
    public void Sizes_are_those_that_ndctl_lists()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        NamespaceView sector = Create(platform, NamespaceMode.Sector, 64, "sec");
        NamespaceView fsdax = Create(platform, NamespaceMode.Fsdax, 256, "fsd");
        NamespaceView devdax = Create(platform, NamespaceMode.Devdax, 32, "dd");
        NamespaceView raw = Create(platform, NamespaceMode.Raw, 16, "rr");
        Assert.Equal((65966080UL, 4096, "pmem0s"), (sector.Size, sector.SectorSize, sector.Device));
        Assert.Equal((262144000UL, 2 * MiB, "pmem0.1"), (fsdax.Size, fsdax.Alignment, fsdax.Device));
        Assert.Equal((31457280UL, 2 * MiB, "dax0.2"), (devdax.Size, devdax.Alignment, devdax.Device));
        Assert.Equal((16 * MiB, "pmem0.3"), (raw.Size, raw.Device));

        RegionView region = Assert.Single(test.Boot().GetRegions());
        Assert.Equal((512 * MiB, 16 * MiB, 144 * MiB, 144 * MiB, 0xbc2ede224e872315UL), (region.Size, region.Alignment, region.AvailableSize, region.MaximumExtent, region.SetCookie));
        Assert.Equal(["sec", "fsd", "dd", "rr"], region.Namespaces.Select(space => space.FriendlyName));
        Assert.Equal([NamespaceMode.Sector, NamespaceMode.Fsdax, NamespaceMode.Devdax, NamespaceMode.Raw], region.Namespaces.Select(space => space.Mode));
        Assert.All(region.Namespaces, space => Assert.True(space.IsEnabled));
        Assert.Equal([0, 1], region.Mappings.Select(mapping => mapping.Position));
        Assert.All(test.Boot().GetDimms(), dimm => Assert.Equal(510 - 4 - 1, dimm.AvailableSlots));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_reconfigure_whose_memory_cannot_be_mapped_leaves_the_namespace(int ways)
    {
        using var test = new TestPlatform(ways);
        NamespaceView old = Create(test.Boot(), NamespaceMode.Fsdax, 64, "old");
        test.RefusesMaps = true;
        Assert.Throws<PmemException>(() => test.Boot().ReconfigureNamespace(old.Name, new NamespaceRequest { Mode = NamespaceMode.Sector }, force: true));
        test.RefusesMaps = false;
        NamespaceView left = Assert.Single(Assert.Single(test.Boot().GetRegions()).Namespaces);
        Assert.Equal((old.RawUuid, NamespaceMode.Fsdax), (left.RawUuid, left.Mode));
    }

    [Fact]
    public void A_lost_DIMM_is_the_reason_why_nothing_can_be_created()
    {
        using var test = new TestPlatform(2) { Closed = "nmem1 is lost" };
        test.Areas[1] = null;
        PlatformResult<NamespaceView> refused = test.Boot().CreateNamespace(new NamespaceRequest { Region = "region0" });
        Assert.Equal((PlatformError.RegionUnusable, "put the DIMM back"), (refused.Error, refused.Remedy));
        Assert.Contains("nmem1 is lost", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_takes_the_largest_extent_as_fsdax()
    {
        using var test = new TestPlatform(1);
        NamespaceView made = test.Boot().CreateNamespace(new NamespaceRequest()).Demand();
        Assert.Equal((256 * MiB, 0x600000UL, "namespace0.0", "pmem0"), (made.RawSize, made.DataOffset, made.Name, made.Device));
        Assert.Equal(PlatformError.NoSpace, test.Boot().CreateNamespace(new NamespaceRequest()).Error);
    }

    [Fact]
    public void Refusals_are_typed_and_say_what_would_do()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        PlatformResult<NamespaceView> Try(NamespaceRequest request) => platform.CreateNamespace(request);

        Assert.Equal(PlatformError.NotFound, Try(new() { Region = "region7" }).Error);
        PlatformResult<NamespaceView> odd = Try(new() { Size = 33 * MiB });
        Assert.Equal((PlatformError.BadSize, 48 * MiB), (odd.Error, odd.SuggestedSize!.Value));
        Assert.Equal(48 * MiB, Try(new() { Size = odd.SuggestedSize }).Demand().RawSize);
        PlatformResult<NamespaceView> large = Try(new() { Size = 512 * MiB });
        Assert.Equal((PlatformError.NoSpace, 464 * MiB), (large.Error, large.SuggestedSize!.Value));
        Assert.Equal(PlatformError.BadSize, Try(new() { Size = 0 }).Error);
        Assert.Equal(PlatformError.BadAlignment, Try(new() { Alignment = 65536 }).Error);
        Assert.Equal(PlatformError.BadAlignment, Try(new() { Mode = NamespaceMode.Sector, Alignment = 4096 }).Error);
        Assert.Equal(PlatformError.BadSectorSize, Try(new() { Mode = NamespaceMode.Sector, SectorSize = 1024 }).Error);
        Assert.Equal(PlatformError.BadSectorSize, Try(new() { Mode = NamespaceMode.Devdax, SectorSize = 512 }).Error);
        Assert.Equal(PlatformError.NotFound, platform.DestroyNamespace("namespace3.0").Error);
        Assert.Equal(PlatformError.InUse, platform.DestroyNamespace("namespace0.0").Error);
        Assert.All((PlatformResult<NamespaceView>[])[odd, large], refusal => Assert.NotEmpty(refusal.Remedy));
        Assert.Contains("take", Assert.Throws<PmemException>(() => odd.Demand()).Message, StringComparison.Ordinal);

        using var readOnly = new TestPlatform(1) { IsReadOnly = true };
        Assert.Equal(PlatformError.RegionUnusable, readOnly.Boot().CreateNamespace(new NamespaceRequest()).Error);
        using var small = new TestPlatform(1, areaSize: 1024);
        small.Boot().CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand();
        Assert.Equal(PlatformError.NoSlots, small.Boot().CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Error);
    }

    [Fact]
    public void A_region_without_labels_is_one_raw_namespace_until_one_is_created()
    {
        using var test = new TestPlatform(2, format: null);
        RegionView before = Assert.Single(test.Boot().GetRegions());
        Assert.Equal((RegionState.LabelLess, 0UL), (before.State, before.AvailableSize));
        Assert.Equal((NamespaceMode.Raw, 512 * MiB, Guid.Empty), (before.Namespaces[0].Mode, before.Namespaces[0].Size, before.Namespaces[0].RawUuid));
        Assert.Equal(PlatformError.NoLabels, test.Boot().DestroyNamespace("namespace0.0", force: true).Error);
        Assert.Equal(PlatformError.NoLabels, test.Boot().CreateNamespace(new NamespaceRequest { AutoLabel = false }).Error);
        Create(test.Boot(), NamespaceMode.Fsdax, 64);
        RegionView after = Assert.Single(test.Boot().GetRegions());
        Assert.Equal((RegionState.Enabled, 448 * MiB), (after.State, after.AvailableSize));
        Assert.Equal(LabelFormat.Efi12, test.Boot().GetDimms()[1].LabelFormat);

        using var bare = new TestPlatform(1, labels: false);
        Assert.Equal(PlatformError.NoLabels, bare.Boot().CreateNamespace(new NamespaceRequest()).Error);
    }

    [Fact]
    public void Old_labels_get_the_old_translation_table()
    {
        using var test = new TestPlatform(1, format: LabelFormat.Efi11);
        PlatformResult<NamespaceView> small = test.Boot().CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 16 * MiB });
        Assert.Equal((PlatformError.BadSize, 32 * MiB), (small.Error, small.SuggestedSize!.Value));
        NamespaceView made = test.Boot().CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 64 * MiB, SectorSize = 512 }).Demand();
        Assert.Equal((NamespaceMode.Sector, 4096UL, 129736UL * 512), (made.Mode, made.DataOffset, made.Size));
    }

    [Fact]
    public void Destroyed_space_is_used_again_at_the_first_place_that_fits()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        NamespaceView[] made = [.. Enumerable.Range(0, 4).Select(i => Create(platform, NamespaceMode.Fsdax, 64, $"{i}"))];
        platform.DestroyNamespace(Named(platform, "1"), force: true).Demand();
        platform.DestroyNamespace(Named(platform, "2"), force: true).Demand();
        Assert.Equal((384 * MiB, 256 * MiB), (platform.GetRegions()[0].AvailableSize, platform.GetRegions()[0].MaximumExtent));
        Assert.Equal(made[1].Start, Create(platform, NamespaceMode.Raw, 128, "a").Start);
        Assert.Equal(made[3].Start + (64 * MiB), Create(platform, NamespaceMode.Raw, 16, "b").Start);
    }

    [Fact]
    public void A_namespace_is_reconfigured_in_place_and_its_data_mapped()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        NamespaceView first = Create(platform, NamespaceMode.Fsdax, 64, "data");
        Assert.Equal(PlatformError.InUse, platform.ReconfigureNamespace(first.Name, new NamespaceRequest { Mode = NamespaceMode.Sector }).Error);
        NamespaceView sector = platform.ReconfigureNamespace(first.Name, new NamespaceRequest { Mode = NamespaceMode.Sector }, force: true).Demand();
        Assert.Equal((first.Start, first.RawSize, "data", NamespaceMode.Sector), (sector.Start, sector.RawSize, sector.FriendlyName, sector.Mode));
        Assert.Equal(first.RawUuid, sector.RawUuid);
        Assert.NotEqual(first.Uuid, sector.Uuid);
        using (PersistentMap map = platform.OpenNamespace(sector.Name))
        using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            table.Write(5, Enumerable.Repeat((byte)7, 4096).ToArray());
        NamespaceView devdax = platform.ReconfigureNamespace(sector.Name, new NamespaceRequest { Mode = NamespaceMode.Devdax, Map = PageMapMode.Memory }, force: true).Demand();
        using (PersistentMap map = platform.OpenNamespace(devdax.Name))
            Assert.Equal(62L << 20, map.Length);
        Assert.Equal(PlatformError.BadSize, platform.ReconfigureNamespace(devdax.Name, new NamespaceRequest { Alignment = 1 << 30, Size = 64 * MiB }, force: true).Error);
        Assert.Single(platform.GetRegions()[0].Namespaces);
    }

    [Fact]
    public void Disabled_namespaces_stay_and_cannot_be_opened()
    {
        using var test = new TestPlatform(1);
        LabelledPlatform platform = test.Boot();
        NamespaceView made = Create(platform, NamespaceMode.Fsdax, 64);
        Assert.False(platform.DisableNamespace(made.Name).Demand().IsEnabled);
        Assert.Equal(made.RawUuid.ToString(), Assert.Single(platform.DisabledNamespaces));
        Assert.Throws<PmemException>(() => platform.OpenNamespace(made.Name));
        Assert.True(platform.EnableNamespace(made.Name).Demand().IsEnabled);
        platform.DestroyNamespace(made.Name, force: true).Demand();
        Assert.Equal(PlatformError.NotFound, platform.EnableNamespace(made.Name).Error);
    }

    [Fact]
    public void Power_loss_at_any_label_write_leaves_the_old_namespaces_or_the_new_ones()
    {
        foreach ((string name, Action<LabelledPlatform> change) in (ReadOnlySpan<(string, Action<LabelledPlatform>)>)
        [
            ("create", platform => Create(platform, NamespaceMode.Sector, 64, "new")),
            ("destroy", platform => platform.DestroyNamespace("namespace0.0", force: true).Demand()),
        ])
        {
            using var test = new TestPlatform(2, dimmSize: 64 << 20);
            Create(test.Boot(), NamespaceMode.Fsdax, 32, "old");
            byte[][] start = [.. test.Areas.Select(area => area!.Bytes.ToArray())];
            string before = Describe(test);
            change(test.Boot());
            string after = Describe(test);
            for (int writes = 0; ; writes++)
            {
                for (int i = 0; i < start.Length; i++)
                    test.Areas[i]!.Bytes = [.. start[i]];
                MemoryLabels.WritesLeft = writes;
                bool done = true;
                try
                {
                    change(test.Boot());
                }
                catch (PmemException)
                {
                    done = false;
                }

                MemoryLabels.WritesLeft = int.MaxValue;
                Assert.Contains(Describe(test), (string[])[before, after]);
                if (done)
                {
                    Assert.True(writes >= (name == "create" ? 8 : 2));
                    break;
                }
            }
        }
    }

    /// <summary>What has changed is said: a crash before the new content leaves a namespace whose label names what it lacks, or a region that is not enabled.</summary>
    [Theory]
    [InlineData(1, 32, NamespaceMode.Sector)]
    [InlineData(2, 32, NamespaceMode.Sector)]
    [InlineData(2, 32, NamespaceMode.Raw)]
    [InlineData(1, 64, NamespaceMode.Devdax)]
    [InlineData(2, 64, NamespaceMode.Devdax)]
    [InlineData(2, 16, NamespaceMode.Sector)]
    public void Power_loss_while_a_namespace_is_reconfigured_leaves_the_old_one_or_the_new_one(int ways, int sizeMiB, NamespaceMode mode)
    {
        byte[] data = [.. Enumerable.Repeat((byte)0xda, 4096)];
        using var test = new TestPlatform(ways, dimmSize: 128 << 20);
        LabelledPlatform start = test.Boot();
        NamespaceView old = Create(start, NamespaceMode.Fsdax, 32, "it");
        Create(start, NamespaceMode.Devdax, 32, "other");
        using (PersistentMap map = start.OpenNamespace(old.Name))
            map.Copy(0, data);
        byte[][] areas = [.. test.Areas.Select(area => area!.Bytes.ToArray())];
        byte[] media = new byte[4 << 20];
        using (FileStream file = File.OpenRead(test.Path))
            file.ReadExactly(media);
        string before = Describe(test);
        void Reconfigure() => test.Boot().ReconfigureNamespace(Named(test.Boot(), "it"), new NamespaceRequest { Mode = mode, Size = (ulong)sizeMiB * MiB }, force: true).Demand();
        Reconfigure();
        string after = Describe(test);
        Assert.NotEqual(before, after);
        for (int writes = 0; ; writes++)
        {
            for (int i = 0; i < areas.Length; i++)
                test.Areas[i]!.Bytes = [.. areas[i]];
            using (FileStream file = File.OpenWrite(test.Path))
                file.Write(media);
            MemoryLabels.WritesLeft = writes;
            bool done = true;
            try
            {
                Reconfigure();
            }
            catch (PmemException)
            {
                done = false;
            }

            MemoryLabels.WritesLeft = int.MaxValue;
            if (done)
            {
                Assert.Equal(after, Describe(test));
                Assert.True(writes >= 4 * ways);
                break;
            }

            // A label that only one DIMM has keeps its place until it is taken away.
            RegionView region = test.Boot().GetRegions()[0];
            LabelRepair repair = LabelRepair.Mend(test.Region, [.. test.Areas.Select(area => LabelArea.Parse(area!.Bytes))]);
            Assert.Empty(repair.Unresolved);
            string seen = Describe(test);
            repair.Update.Apply(test.Areas!);
            Assert.True(region.State == RegionState.Enabled || (ways > 1 && sizeMiB == 16), region.Reason);
            Assert.Equal(region.State == RegionState.Disabled ? before : seen, Describe(test));

            LabelledPlatform platform = test.Boot();
            NamespaceView space = platform.GetRegions()[0].Namespaces.Single(candidate => candidate.FriendlyName == "it");
            if (Describe(test) == before)
            {
                using PersistentMap map = platform.OpenNamespace(space.Name, readOnly: true);
                Assert.Equal(data, map.GetSpan(0, data.Length).ToArray());
            }
            else if (Describe(test) != after)
            {
                Assert.Equal(NamespaceMode.Raw, space.Mode);
                Assert.NotEmpty(space.Remedy);
            }

            Reconfigure();
            Assert.Equal(after, Describe(test));
        }
    }

    /// <summary>The content of a place that stays: an info block over another one, with its label written already.</summary>
    [Theory]
    [InlineData(NamespaceMode.Fsdax, NamespaceMode.Devdax)]
    [InlineData(NamespaceMode.Devdax, NamespaceMode.Fsdax)]
    [InlineData(NamespaceMode.Fsdax, NamespaceMode.Fsdax)]
    [InlineData(NamespaceMode.Fsdax, NamespaceMode.Raw)]
    public void Power_loss_while_an_info_block_is_replaced_leaves_one_of_them_or_says_that_it_is_torn(NamespaceMode from, NamespaceMode to)
    {
        using var test = new TestPlatform(1, dimmSize: 64 << 20);
        NamespaceView old = Create(test.Boot(), from, 32);
        test.Recorders = [];
        NamespaceView made = test.Boot().ReconfigureNamespace(old.Name, new NamespaceRequest { Mode = to, Map = PageMapMode.Memory }, force: true).Demand();
        NamespaceClass @class = NamespaceClasses.Of(LabelArea.Parse(test.Areas[0]!.Bytes).ActiveLabels.Single().Abstraction);
        var seen = new HashSet<string>();
        ExplorationResult result = CrashExplorer.Explore(
            Assert.Single(test.Recorders).Stop(),
            (image, _) =>
            {
                NamespacePersonality personality = NamespacePersonality.Probe(image[..NamespacePersonality.HeadSize], @class, made.RawUuid, made.Start, made.RawSize);
                bool isOld = personality.Pfn?.Uuid == old.Uuid;
                bool isNew = personality.Mode == to && (personality.Pfn is null || personality.Pfn.Uuid == made.Uuid);
                Assert.True(isOld || isNew || (personality.Mode == NamespaceMode.Raw && personality.Remedy.Length > 0), string.Join("; ", personality.Reasons));
                lock (seen)
                    seen.Add(isOld ? "old" : isNew ? "new" : "torn");
            },
            new ExplorationOptions { ImagesPerPoint = 96, Seed = 7 },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.Contains("new", seen);
    }

    [Fact]
    public void A_uuid_that_is_taken_is_refused()
    {
        using var test = new TestPlatform(2);
        LabelledPlatform platform = test.Boot();
        NamespaceView first = Create(platform, NamespaceMode.Raw, 32, "first");
        NamespaceView second = Create(platform, NamespaceMode.Raw, 32, "second");
        Assert.Equal(PlatformError.BadValue, platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB, Uuid = first.RawUuid }).Error);
        Assert.Equal(PlatformError.BadValue, platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB, Uuid = Guid.Empty }).Error);
        Assert.Equal(PlatformError.BadValue, platform.ReconfigureNamespace(second.Name, new NamespaceRequest { Uuid = first.RawUuid }, force: true).Error);
        Assert.Equal(PlatformError.BadValue, platform.ReconfigureNamespace(second.Name, new NamespaceRequest { Size = 64 * MiB, Uuid = second.RawUuid }, force: true).Error);
        Assert.Equal(second.RawUuid, platform.ReconfigureNamespace(second.Name, new NamespaceRequest { Uuid = second.RawUuid }, force: true).Demand().RawUuid);
        Assert.Equal([first.RawUuid, second.RawUuid], test.Boot().GetRegions()[0].Namespaces.Select(space => space.RawUuid));
    }

    [Fact]
    public void Advice_names_the_next_legal_sizes_and_what_users_get()
    {
        var fsdax = new NamespaceRequest();
        CapacityAdvice good = CapacityAdvice.For(2, 16 * MiB, 0x1_0000_0000, fsdax, 256 * MiB);
        Assert.Equal((true, 262144000UL, 16 * MiB), (good.IsLegal, good.UsableSize, good.Unit));
        CapacityAdvice odd = CapacityAdvice.For(6, 96 * MiB, 0x1_0000_0000, fsdax, 100 * MiB);
        Assert.Equal((false, 96 * MiB, 192 * MiB), (odd.IsLegal, odd.SmallerSize, odd.LargerSize));
        Assert.Equal(65966080UL, CapacityAdvice.For(1, 16 * MiB, 0, new NamespaceRequest { Mode = NamespaceMode.Sector }, 64 * MiB).UsableSize);
        Assert.Equal((16 * MiB, 0UL), (CapacityAdvice.For(1, 4096, 0, fsdax, 4096).LargerSize, CapacityAdvice.For(1, 4096, 0, fsdax, 4096).SmallerSize));
        Assert.Equal(1UL << 30, CapacityAdvice.For(1, 16 * MiB, 0, new NamespaceRequest { Alignment = 1 << 30 }, 5).Unit);
        Assert.Equal(48 * MiB, CapacityAdvice.For(3, 48 * MiB, 0, fsdax, 5).Unit);
    }

    private static NamespaceView Create(LabelledPlatform platform, NamespaceMode mode, ulong sizeMiB, string name = "") =>
        platform.CreateNamespace(new NamespaceRequest { Mode = mode, Size = sizeMiB * MiB, Name = name }).Demand();

    private static string Named(LabelledPlatform platform, string name) => platform.GetRegions()[0].Namespaces.Single(space => space.FriendlyName == name).Name;

    private static string Describe(TestPlatform test)
    {
        RegionView region = test.Boot().GetRegions()[0];
        return $"{region.State} {string.Join(' ', region.Namespaces.Select(space => $"{space.FriendlyName}:{space.Mode}:{space.Start:x}+{space.RawSize:x}"))}";
    }
}
