using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Tests.Acpi;
using Pmem.Platform.Tests.Labels;

namespace Pmem.Platform.Tests.Explaining;

public sealed class PlatformExplainerTests
{
    private const ulong DimmSize = 256 << 20;

    public static TheoryData<KernelVersion> Kernels => [.. KernelVersions.All];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Every_fault_of_a_table_is_told_with_reason_and_remedy(KernelVersion kernel)
    {
        foreach ((string name, string rule, LintSeverity severity, _, Func<byte[]> table) in NfitLintCases.All)
        {
            using PlatformEvidence evidence = ImageSet.OfTable(table(), []);
            KernelPrediction prediction = PlatformExplainer.Predict(evidence, kernel);
            Assert.All(prediction.Explanations, explanation =>
            {
                Assert.NotEmpty(explanation.Subject);
                Assert.NotEmpty(explanation.What);
                Assert.NotEmpty(explanation.Reason);
                Assert.NotEmpty(explanation.Remedy);
            });
            if (severity == LintSeverity.Error && NfitLint.Examine(table()).Any(finding => finding.Rule == rule))
                Assert.True(prediction.Explanations.Any(explanation => explanation.Rule == rule) && !prediction.IsClean, name);
        }
    }

    [Fact]
    public void A_table_without_form_has_no_bus()
    {
        byte[] table = SampleNfit.Set().ToBytes();
        // The mapping loses 4 bytes of its length.
        table[40 + 56 + 2] = 44;
        AcpiTableHeader.Seal(table);
        using PlatformEvidence evidence = ImageSet.OfTable(table, []);
        KernelPrediction prediction = PlatformExplainer.Predict(evidence, KernelVersion.Linux61);
        Assert.False(prediction.HasBus);
        Assert.Empty(prediction.Regions);
        Assert.Contains(prediction.Explanations, explanation => explanation is { Subject: "bus", Severity: LintSeverity.Error });
    }

    [Fact]
    public void Block_namespaces_are_left_alone_until_5_18_and_disable_the_region_after()
    {
        Nfit nfit = new NfitBuilder().AddSet(SampleNfit.SpaBase, [SampleNfit.Module(0)], DimmSize).Build();
        NfitControlRegion control = nfit.Of<NfitControlRegion>().Single();
        control.WindowCount = 1;
        control.WindowSize = 4096;
        nfit.Structures.Add(new NfitBlockDataWindow { ControlRegionIndex = control.Index, WindowCount = 1, WindowSize = 8192, Capacity = DimmSize });
        RegionDescription region;
        using (PlatformEvidence empty = ImageSet.OfTable(nfit.ToBytes(), []))
            region = empty.Regions[0].Description;
        LabelArea area = Apply(LabelArea.Parse(new byte[AreaBuilder.Size]), before => LabelUpdate.Initialize(before, LabelFormat.Efi12));
        var label = new NamespaceLabel { Uuid = Guid.NewGuid(), Name = "pm", LabelCount = 1, SetCookie = region.Cookie.Version12, RawSize = 64 << 20, Type = NvdimmGuids.PersistentMemory };
        area = Apply(area, before => LabelUpdate.Put([before], [label]));
        NamespaceLabel block = label with { Uuid = Guid.NewGuid(), Name = "blk", Flags = NamespaceLabelFlags.Local, Type = NvdimmGuids.ControlRegion, Dpa = 128 << 20 };
        area = Apply(area, before => LabelUpdate.Put([before], [block]));
        using var evidence = new PlatformEvidence("test", nfit.ToBytes(), [new ModuleEvidence(SampleNfit.Module(0).Handle, DimmSize) { Labels = area }]);

        KernelPrediction old = PlatformExplainer.Predict(evidence, KernelVersion.Linux510);
        Assert.Equal(["pm"], old.Regions.Single().View.Namespaces.Select(space => space.FriendlyName));
        Assert.Contains(old.Explanations, explanation => explanation.Rule == "block-windows");
        foreach (KernelVersion kernel in (KernelVersion[])[KernelVersion.Linux61, KernelVersion.Linux612])
        {
            KernelPrediction prediction = PlatformExplainer.Predict(evidence, kernel);
            Assert.Equal(RegionState.Disabled, prediction.Regions.Single().View.State);
            Explanation why = Assert.Single(prediction.Explanations, explanation => explanation.Rule == "region-disabled");
            Assert.Contains("block-window", why.Reason, StringComparison.Ordinal);
            Assert.NotEmpty(why.Remedy);
        }
    }

    [Fact]
    public void Labels_of_block_namespaces_are_passed_over_until_5_18_without_windows_too_and_their_places_are_not_free()
    {
        byte[] table = new NfitBuilder().AddSet(SampleNfit.SpaBase, [SampleNfit.Module(0)], DimmSize).Build().ToBytes();
        RegionDescription region;
        using (PlatformEvidence empty = ImageSet.OfTable(table, []))
            region = empty.Regions[0].Description;
        LabelArea area = Apply(LabelArea.Parse(new byte[AreaBuilder.Size]), before => LabelUpdate.Initialize(before, LabelFormat.Efi12));
        var label = new NamespaceLabel { Uuid = Guid.NewGuid(), Name = "pm", LabelCount = 1, SetCookie = region.Cookie.Version12, RawSize = 64 << 20, Type = NvdimmGuids.PersistentMemory };
        area = Apply(area, before => LabelUpdate.Put([before], [label]));
        // Of the region's own type, so that newer kernels take it for a namespace.
        area = Apply(area, before => LabelUpdate.Put([before], [label with { Uuid = Guid.NewGuid(), Name = "local", Flags = NamespaceLabelFlags.Local, Dpa = 128 << 20 }]));
        using var evidence = new PlatformEvidence("test", table, [new ModuleEvidence(SampleNfit.Module(0).Handle, DimmSize) { Labels = area }]);

        RegionView old = PlatformExplainer.Predict(evidence, KernelVersion.Linux510).Regions.Single().View;
        Assert.Equal(["pm"], old.Namespaces.Select(space => space.FriendlyName));
        Assert.Equal((64UL << 20, 64UL << 20), (old.AvailableSize, old.MaximumExtent));
        RegionView now = PlatformExplainer.Predict(evidence, KernelVersion.Linux61).Regions.Single().View;
        Assert.Equal(["pm", "local"], now.Namespaces.Select(space => space.FriendlyName));
        Assert.Equal(128UL << 20, now.AvailableSize);
    }

    [Fact]
    public void A_location_cookie_stops_the_bus_before_5_13()
    {
        Nfit nfit = SampleNfit.Set();
        nfit.Of<NfitSpaRange>().First().Flags |= NfitSpaFlags.LocationCookieValid;
        using PlatformEvidence evidence = ImageSet.OfTable(nfit.ToBytes(), []);
        Assert.Equal([false, true, true], KernelVersions.All.Select(kernel => PlatformExplainer.Predict(evidence, kernel).HasBus));
        Assert.Contains(PlatformExplainer.Predict(evidence, KernelVersion.Linux510).Explanations, explanation => explanation is { Rule: "range-location-cookie", Severity: LintSeverity.Error, Subject: "bus" });
    }

    [Fact]
    public void Remedies_for_read_only_regions_and_locked_modules_are_those_of_the_kernel()
    {
        Nfit nfit = new NfitBuilder().AddSet(SampleNfit.SpaBase, [SampleNfit.Module(0)], DimmSize).Build();
        nfit.Of<NfitRegionMapping>().Single().StateFlags |= NfitStateFlags.NotArmed;
        using var evidence = new PlatformEvidence("test", nfit.ToBytes(), [new ModuleEvidence(SampleNfit.Module(0).Handle, DimmSize) { IsLocked = true }]);
        string[] Remedies(string rule) => [.. KernelVersions.All.Select(kernel => PlatformExplainer.Predict(evidence, kernel).Explanations.Single(explanation => explanation.Rule == rule).Remedy)];
        Assert.Equal([true, false, false], Remedies("region-read-only").Select(remedy => remedy.Contains("disabled and enabled", StringComparison.Ordinal)));
        Assert.Equal([false, false, true], Remedies("dimm-locked").Select(remedy => remedy.Contains("-ENXIO", StringComparison.Ordinal)));
    }

    public static TheoryData<string> Exposures => ["both index blocks", "labels that overlap", "the same label twice", "labels without media"];

    [Theory]
    [MemberData(nameof(Exposures))]
    public void Whatever_leaves_a_region_as_one_raw_device_is_told_first(string what)
    {
        Nfit nfit = new NfitBuilder().AddSet(SampleNfit.SpaBase, [SampleNfit.Module(0)], DimmSize).Build();
        RegionDescription region;
        using (PlatformEvidence empty = ImageSet.OfTable(nfit.ToBytes(), []))
            region = empty.Regions[0].Description;
        LabelArea area = Apply(LabelArea.Parse(new byte[AreaBuilder.Size]), before => LabelUpdate.Initialize(before, LabelFormat.Efi12));
        var label = new NamespaceLabel { Uuid = Guid.NewGuid(), Name = "a", LabelCount = 1, SetCookie = region.Cookie.Version12, RawSize = 64 << 20, Type = NvdimmGuids.PersistentMemory };
        area = Apply(area, before => LabelUpdate.Put([before], [label]));
        area = Apply(area, before => LabelUpdate.Put([before], [label with { Uuid = Guid.NewGuid(), Name = "b", Dpa = 64 << 20 }]));
        int second = area.Slots.Single(slot => slot.State == LabelSlotState.Active && slot.Label.Name == "b").Slot;
        byte[] bytes = area.Bytes.ToArray();
        if (what.StartsWith("both", StringComparison.Ordinal))
            bytes.AsSpan(0, area.Geometry!.Value.LabelOffset).Clear();
        area = LabelArea.Parse(bytes);
        if (what.StartsWith("labels that", StringComparison.Ordinal))
            area = AreaBuilder.Patch(area, second, before => before with { Dpa = 32 << 20 });
        else if (what.StartsWith("the same", StringComparison.Ordinal))
            area = AreaBuilder.Patch(area, second, before => before with { Uuid = label.Uuid, Dpa = 0 });
        using var evidence = new PlatformEvidence("test", nfit.ToBytes(), [new ModuleEvidence(SampleNfit.Module(0).Handle, DimmSize) { Labels = area }]);
        bool exposed = !what.EndsWith("media", StringComparison.Ordinal);
        foreach (KernelVersion kernel in KernelVersions.All)
        {
            KernelPrediction prediction = PlatformExplainer.Predict(evidence, kernel);
            Assert.Equal(exposed ? RegionState.LabelLess : RegionState.Enabled, prediction.Regions[0].View.State);
            Assert.Equal(exposed, prediction.Explanations.Any(explanation => explanation is { Rule: "region-exposed", Severity: LintSeverity.Error, Subject: "region0" } && explanation.Remedy.Contains("write nothing", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Mutated_tables_and_areas_are_explained_all_the_same()
    {
        const int Seed = 77;
        var random = new Random(Seed);
        byte[] area = Apply(LabelArea.Parse(new byte[4096]), before => LabelUpdate.Initialize(before, LabelFormat.Efi12)).Bytes.ToArray();
        byte[][] tables = [SampleNfit.Everything().ToBytes(), SampleNfit.Set(4).ToBytes()];
        for (int i = 0; i < 3000; i++)
        {
            byte[] table = Mutations.Of(tables[random.Next(tables.Length)], random);
            byte[] labels = Mutations.Of(area, random);
            try
            {
                using PlatformEvidence known = ImageSet.OfTable(table, []);
                using var evidence = new PlatformEvidence("mutant", table, known.Modules.Select(module => module with { Labels = LabelArea.Parse(labels), Media = new RandomMedia(random.Next()) }));
                Assert.All(PlatformExplainer.Predict(evidence, KernelVersions.All[i % 3]).Explanations, explanation => Assert.NotEmpty(explanation.Remedy));
            }
            catch (PmemFormatException)
            {
                // No table at all.
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i}: {e}");
            }
        }
    }

    [Fact]
    public void Kernels_differ_as_the_table_says()
    {
        Assert.Equal([false, true, true], KernelVersions.All.Select(KernelDifferences.BlockWindows.AppliesTo));
        Assert.All(KernelDifferences.All, difference => Assert.StartsWith($"Linux {difference.Since}:", difference.Source, StringComparison.Ordinal));
        Assert.Equal(KernelDifferences.All.Select(difference => difference.Since).Order(), KernelDifferences.All.Select(difference => difference.Since));
        Assert.Equal(KernelDifferences.All.Count, KernelDifferences.All.Select(difference => difference.Id).Distinct().Count());
        Assert.All(KernelVersions.All, kernel => Assert.True(KernelVersions.TryParse(kernel.Text(), out KernelVersion again) && again == kernel));
    }

    private static LabelArea Apply(LabelArea area, Func<LabelArea, LabelUpdate> make)
    {
        byte[] bytes = area.Bytes.ToArray();
        foreach (LabelWrite write in make(area).Writes)
            write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
        return LabelArea.Parse(bytes);
    }

    private sealed class RandomMedia(int seed) : IModuleMedia
    {
        public bool TryRead(ulong address, Span<byte> destination)
        {
            new Random(seed).NextBytes(destination);
            return address < DimmSize;
        }
    }
}
