using Pmem.CrashTesting;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

/// <summary>A crash at any write of an update, and in the middle of one, leaves areas that read as before or as after.</summary>
public sealed class UpdateCrashTests
{
    private static readonly RegionDescription s_region = AreaBuilder.Region(1);

    public static TheoryData<string> Updates => [.. Cases().Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Updates))]
    public void Power_loss_leaves_the_old_or_the_new_area(string name)
    {
        (_, LabelArea area, LabelUpdate update, string[] between) = Cases().Single(c => c.Name == name);
        string after = AreaBuilder.Describe(AreaBuilder.Apply([area], update)[0]);
        string[] legal = [AreaBuilder.Describe(area), after, .. between];
        using PersistentMap map = PersistentMap.CreateAnonymous(area.Size);
        map.Copy(0, area.Bytes);
        using var recorder = new TraceRecorder(map);
        update.Apply([new MappedLabelStorage(map, 0, area.Size)]);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(trace, (image, _) => Assert.Contains(AreaBuilder.Describe(LabelArea.Parse(image)), legal), new ExplorationOptions { ImagesPerPoint = 96, Seed = 7 }, TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > update.Writes.Count);
        Assert.Equal(after, AreaBuilder.Describe(LabelArea.Parse(map.GetSpan(0, area.Size))));
    }

    /// <summary>Firmware may stop in the middle of a transfer, at any byte.</summary>
    [Theory]
    [MemberData(nameof(Updates))]
    public void A_torn_transfer_leaves_the_old_or_the_new_area(string name)
    {
        (_, LabelArea area, LabelUpdate update, string[] between) = Cases().Single(c => c.Name == name);
        string[] legal = [AreaBuilder.Describe(area), AreaBuilder.Describe(AreaBuilder.Apply([area], update)[0]), .. between];
        for (int count = 0; count < update.Writes.Count; count++)
        {
            LabelWrite torn = update.Writes[count];
            int step = torn.Bytes.Length > 4096 ? 997 : 1;
            for (int cut = 0; cut <= torn.Bytes.Length; cut += step)
            {
                LabelArea left = AreaBuilder.Apply([area], [.. update.Writes.Take(count), torn with { Bytes = torn.Bytes[..cut] }])[0];
                Assert.Contains(AreaBuilder.Describe(left), legal);
            }
        }
    }

    [Fact]
    public void A_set_reads_as_before_or_after_to_the_kernel_at_every_write()
    {
        foreach (int ways in (int[])[2, 3, 4])
        {
            RegionDescription region = AreaBuilder.Region(ways);
            LabelArea[] start = AreaBuilder.With(AreaBuilder.Empty(ways), AreaBuilder.Labels(region, AreaBuilder.Uuid(1), 0, 32 << 20, "first"));
            (string Name, LabelUpdate Update)[] updates =
            [
                ("create", LabelUpdate.Put(start, AreaBuilder.Labels(region, AreaBuilder.Uuid(2), 64 << 20, 32 << 20, "second"))),
                ("rename", LabelUpdate.Put(start, AreaBuilder.Labels(region, AreaBuilder.Uuid(1), 0, 32 << 20, "renamed"))),
                ("destroy", LabelUpdate.Remove(start, AreaBuilder.Uuid(1))),
            ];
            foreach ((string name, LabelUpdate update) in updates)
            {
                string before = Seen(region, start);
                string after = Seen(region, AreaBuilder.Apply(start, update));
                Assert.NotEqual(before, after);
                bool isNew = false;
                for (int count = 0; count <= update.Writes.Count; count++)
                {
                    LabelArea[] left = AreaBuilder.Apply(start, update, count);
                    string seen = Seen(region, left);
                    Assert.True(seen == before || seen == after, $"{name} of {ways}: after {count} writes the kernel sees {seen}");
                    Assert.False(isNew && seen == before && before != after, $"{name} of {ways}: back to the old state after {count} writes");
                    isNew |= seen == after;

                    // Repair makes it whole, and changes nothing of what is seen.
                    LabelRepair repair = LabelRepair.Mend(region, left);
                    Assert.Empty(repair.Unresolved);
                    LabelArea[] mended = AreaBuilder.Apply(left, repair.Update);
                    Assert.True(RegionLabelVerdict.Judge(region, mended).IsClean, $"{name} of {ways}: not clean after {count} writes and repair");
                    if (name != "destroy" && name != "rename")
                        Assert.Equal(seen, Seen(region, mended));
                }
            }
        }
    }

    /// <summary>
    /// A namespace in the place of another one, with the same uuid or another, and in a place beside it. A kernel sees the old one or the new one; with another uuid in the same place,
    /// of which a set cannot have two labels, it may see a region that it does not enable, which repair makes the old one again.
    /// </summary>
    [Theory]
    [InlineData(1, 0, 32, 1, false)]
    [InlineData(2, 0, 32, 1, false)]
    [InlineData(4, 0, 32, 1, false)]
    [InlineData(1, 0, 32, 3, false)]
    [InlineData(1, 16, 32, 3, false)]
    [InlineData(2, 0, 32, 3, true)]
    [InlineData(2, 16, 32, 3, true)]
    [InlineData(3, 0, 16, 3, true)]
    [InlineData(1, 64, 32, 3, false)]
    [InlineData(2, 64, 32, 3, false)]
    [InlineData(3, 64, 16, 3, false)]
    [InlineData(4, 64, 32, 3, false)]
    public void A_namespace_replaces_another_as_a_whole_at_every_write(int ways, int start, int size, int uuid, bool stops)
    {
        RegionDescription region = AreaBuilder.Region(ways);
        LabelArea[] old = AreaBuilder.With(AreaBuilder.Empty(ways), AreaBuilder.Labels(region, AreaBuilder.Uuid(1), 0, 32 << 20, "first", NvdimmGuids.Pfn));
        old = AreaBuilder.With(old, AreaBuilder.Labels(region, AreaBuilder.Uuid(2), 128 << 20, 32 << 20, "other"));
        NamespaceLabel[] labels = AreaBuilder.Labels(region, AreaBuilder.Uuid(uuid), (ulong)start << 20, (ulong)size << 20, "first", NvdimmGuids.Btt2);
        LabelUpdate update = LabelUpdate.Replace(old, labels, AreaBuilder.Uuid(1));
        string Seen(LabelArea[] areas) => string.Join('|', RegionLabelVerdict.Judge(region, areas) is { State: RegionState.Enabled } verdict ? verdict.Namespaces.Select(space => (space.Uuid, space.Start, space.Size, space.Abstraction)) : []);
        string before = Seen(old);
        string after = Seen(AreaBuilder.Apply(old, update));
        Assert.NotEqual(before, after);
        bool hasStopped = false;
        bool isNew = false;
        for (int count = 0; count <= update.Writes.Count; count++)
        {
            LabelArea[] left = AreaBuilder.Apply(old, update, count);
            RegionLabelVerdict verdict = RegionLabelVerdict.Judge(region, left);
            string seen = Seen(left);
            LabelRepair repair = LabelRepair.Mend(region, left);
            Assert.Empty(repair.Unresolved);
            LabelArea[] mended = AreaBuilder.Apply(left, repair.Update);
            Assert.True(RegionLabelVerdict.Judge(region, mended).IsClean, $"not clean after {count} writes and repair: {string.Join("; ", repair.Actions)}");
            if (verdict.State == RegionState.Disabled)
            {
                Assert.Contains("labels repair", verdict.Remedy, StringComparison.Ordinal);
                Assert.Equal(before, Seen(mended));
                hasStopped = true;
                continue;
            }

            Assert.All(verdict.DimmEnabled, Assert.True);
            Assert.True(seen == before || seen == after, $"after {count} writes the kernel sees {seen}");
            Assert.False(isNew && seen == before, $"back to the old one after {count} writes");
            isNew |= seen == after;
            Assert.Equal(seen, Seen(mended));
        }

        Assert.True(isNew);
        Assert.Equal(stops, hasStopped);
        Assert.All(AreaBuilder.Apply(old, update), area => Assert.Equal(2, area.ActiveLabels.Count()));
    }

    private static string Seen(RegionDescription region, LabelArea[] areas)
    {
        RegionLabelVerdict verdict = RegionLabelVerdict.Judge(region, areas);
        return $"{verdict.State}: {string.Join(", ", verdict.Namespaces.Select(space => $"{space.Name} 0x{space.Start:x}+0x{space.Size:x}"))}";
    }

    private static IEnumerable<(string Name, LabelArea Area, LabelUpdate Update, string[] Between)> Cases()
    {
        LabelArea empty = AreaBuilder.Empty();
        LabelArea one = AreaBuilder.With([empty], AreaBuilder.Labels(s_region, AreaBuilder.Uuid(1), 0, 32 << 20, "one"))[0];
        LabelArea two = AreaBuilder.With([one], AreaBuilder.Labels(s_region, AreaBuilder.Uuid(2), 64 << 20, 32 << 20, "two"))[0];
        LabelArea blank = LabelArea.Parse(new byte[AreaBuilder.Size]);
        NamespaceLabel three = AreaBuilder.Labels(s_region, AreaBuilder.Uuid(3), 128 << 20, 16 << 20, "three")[0];

        // UPDATING is the one thing between old and new of a single label.
        string Updating(LabelArea area, NamespaceLabel label) =>
            AreaBuilder.Describe(AreaBuilder.Apply([area], LabelUpdate.Put([area], [label]), LabelUpdate.Put([area], [label]).Writes.Count - 2)[0]);

        yield return ("create", two, LabelUpdate.Put([two], [three]), [Updating(two, three)]);
        NamespaceLabel renamed = one.ActiveLabels.Single() with { Name = "renamed" };
        yield return ("rename", one, LabelUpdate.Put([one], [renamed]), [Updating(one, renamed)]);
        NamespaceLabel other = three with { Dpa = 16 << 20, Abstraction = NvdimmGuids.Dax };
        LabelUpdate replace = LabelUpdate.Replace([two], [other], AreaBuilder.Uuid(1));
        yield return ("replace", two, replace, [AreaBuilder.Describe(AreaBuilder.Apply([two], replace, replace.Writes.Count - 2)[0])]);
        yield return ("destroy", two, LabelUpdate.Remove([two], AreaBuilder.Uuid(1)), []);
        yield return ("first", blank, LabelUpdate.Put([blank], [three]), ["Efi12 ", Updating(blank, three)]);
        yield return ("initialise again", two, LabelUpdate.Initialize(two, LabelFormat.Efi12), []);
        yield return ("zero", two, LabelUpdate.Zero(two), []);
        foreach (int size in (int[])[AreaBuilder.Size, 256 << 10])
        {
            foreach (LabelFormat from in Enum.GetValues<LabelFormat>())
            {
                foreach (LabelFormat to in Enum.GetValues<LabelFormat>().Where(to => to != from))
                {
                    LabelArea area = AreaBuilder.Empty(from, size);
                    if (from != LabelFormat.Cxl21)
                        area = AreaBuilder.With([area], AreaBuilder.Labels(s_region, AreaBuilder.Uuid(1), 0, 32 << 20, "old", format: from))[0];
                    yield return ($"{from} to {to} in {size}", area, LabelUpdate.Initialize(area, to), [$"{from} "]);
                    LabelArea odd = AreaBuilder.Apply([area], LabelUpdate.Mark(area, [], []))[0];
                    yield return ($"{from} to {to} in {size}, other block", odd, LabelUpdate.Initialize(odd, to), [$"{from} "]);
                }
            }
        }
    }
}
