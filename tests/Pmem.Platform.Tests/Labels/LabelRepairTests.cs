using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

public sealed class LabelRepairTests
{
    private const ulong MiB = 1 << 20;
    private static readonly Guid s_a = AreaBuilder.Uuid(1);
    private static readonly Guid s_b = AreaBuilder.Uuid(2);
    private static readonly RegionDescription s_one = AreaBuilder.Region(1);
    private static readonly RegionDescription s_two = AreaBuilder.Region(2);

    [Fact]
    public void Clean_areas_need_nothing()
    {
        LabelRepair repair = LabelRepair.Mend(s_two, Set());
        Assert.Empty(repair.Update.Writes);
        Assert.Empty(repair.Actions);
        Assert.Empty(repair.Unresolved);
    }

    [Fact]
    public void A_destroyed_namespace_comes_back()
    {
        LabelArea[] start = Set();
        LabelArea[] destroyed = AreaBuilder.Apply(start, LabelUpdate.Remove(start, s_a));
        Assert.Equal([s_b], Names(s_two, destroyed));
        LabelRepair repair = LabelRepair.Restore(s_two, destroyed, s_a);
        Assert.Empty(repair.Unresolved);
        LabelArea[] back = AreaBuilder.Apply(destroyed, repair.Update);
        Assert.True(RegionLabelVerdict.Judge(s_two, back).IsClean);
        Assert.Equal([s_a, s_b], Names(s_two, back));
    }

    [Fact]
    public void A_namespace_whose_place_was_given_away_stays_away_as_a_whole()
    {
        LabelArea[] start = Set();
        LabelArea[] destroyed = AreaBuilder.Apply(start, LabelUpdate.Remove(start, s_a));
        // The first pass alone, which leaves the old labels in their slots.
        LabelArea[] reused = AreaBuilder.Apply(destroyed, LabelUpdate.Put(destroyed, AreaBuilder.Labels(s_two, AreaBuilder.Uuid(3), 16 * MiB, 32 * MiB, "new")), 4);
        LabelRepair repair = LabelRepair.Restore(s_two, reused, s_a);
        Assert.NotEmpty(repair.Unresolved);
        Assert.Empty(repair.Update.Writes);
        Assert.Contains(AreaBuilder.Uuid(3).ToString(), repair.Unresolved[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_uuids_are_said_to_be_unknown() => Assert.Contains("no label", LabelRepair.Restore(s_two, Set(), AreaBuilder.Uuid(9)).Unresolved.Single(), StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_label_lost_on_one_DIMM_is_made_from_the_other(int lost)
    {
        LabelArea[] start = Set();
        LabelArea[] areas = [.. start];
        areas[lost] = AreaBuilder.Empty();
        LabelRepair repair = LabelRepair.Mend(s_two, areas);
        Assert.Empty(repair.Unresolved);
        LabelArea[] mended = AreaBuilder.Apply(areas, repair.Update);
        Assert.True(RegionLabelVerdict.Judge(s_two, mended).IsClean);
        Assert.Equal(AreaBuilder.Describe(start[lost]), AreaBuilder.Describe(mended[lost]));
    }

    [Fact]
    public void Lost_index_blocks_are_rebuilt_from_the_labels()
    {
        LabelArea[] start = Set();
        byte[] bytes = start[0].Bytes.ToArray();
        bytes.AsSpan(0, 512).Clear();
        LabelArea[] areas = [LabelArea.Parse(bytes), start[1]];
        Assert.Equal(RegionState.Enabled, RegionLabelVerdict.Judge(s_two, areas).State);
        LabelRepair repair = LabelRepair.Mend(s_two, areas);
        Assert.Empty(repair.Unresolved);
        LabelArea[] mended = AreaBuilder.Apply(areas, repair.Update);
        Assert.True(RegionLabelVerdict.Judge(s_two, mended).IsClean);
        Assert.Equal([s_a, s_b], Names(s_two, mended));
        Assert.All(mended[0].Indexes, index => Assert.NotNull(index.Block));
    }

    [Fact]
    public void Of_overlapping_labels_with_lost_index_blocks_none_is_chosen()
    {
        LabelArea[] start = [AreaBuilder.Empty()];
        start = AreaBuilder.With(start, AreaBuilder.Labels(s_one, s_a, 0, 32 * MiB));
        start = AreaBuilder.Apply(start, LabelUpdate.Remove(start, s_a));
        // The stale label of the first must not be used again by the second.
        start = AreaBuilder.Apply(start, LabelUpdate.Mark(start[0], [1], []));
        LabelArea[] two = AreaBuilder.With(start, AreaBuilder.Labels(s_one, s_b, 16 * MiB, 32 * MiB));
        byte[] bytes = two[0].Bytes.ToArray();
        bytes.AsSpan(0, 512).Clear();
        LabelRepair repair = LabelRepair.Mend(s_one, [LabelArea.Parse(bytes)]);
        Assert.Equal(2, repair.Unresolved.Count);
        Assert.Empty(AreaBuilder.Apply([LabelArea.Parse(bytes)], repair.Update)[0].ActiveLabels);
    }

    [Fact]
    public void An_unreadable_label_gives_its_slot_back()
    {
        byte[] bytes = Set()[0].Bytes.ToArray();
        bytes[512 + 256 + 90] ^= 1;
        LabelArea[] areas = [LabelArea.Parse(bytes)];
        LabelRepair repair = LabelRepair.Mend(region: null, areas);
        Assert.Contains(repair.Actions, action => action.Contains("freed", StringComparison.Ordinal));
        Assert.DoesNotContain(AreaBuilder.Apply(areas, repair.Update)[0].Slots, slot => slot.State == LabelSlotState.Invalid);
    }

    [Fact]
    public void An_interrupted_creation_is_taken_back_and_an_interrupted_rename_settled()
    {
        LabelArea[] empty = AreaBuilder.Empty(2);
        LabelArea[] created = AreaBuilder.Apply(empty, LabelUpdate.Put(empty, AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB)), 2);
        LabelRepair back = LabelRepair.Mend(s_two, created);
        Assert.All(AreaBuilder.Apply(created, back.Update), area => Assert.Empty(area.ActiveLabels));

        LabelArea[] start = Set();
        LabelArea[] renamed = AreaBuilder.Apply(start, LabelUpdate.Put(start, AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB, "new")), 2);
        LabelArea[] settled = AreaBuilder.Apply(renamed, LabelRepair.Mend(s_two, renamed).Update);
        Assert.True(RegionLabelVerdict.Judge(s_two, settled).IsClean);
        Assert.Equal("a", RegionLabelVerdict.Judge(s_two, settled).Namespaces.Single(space => space.Uuid == s_a).Name);
    }

    [Fact]
    public void Labels_move_with_their_DIMMs_but_not_out_of_order()
    {
        RegionDescription other = s_two with { Mappings = [.. s_two.Mappings.Select(mapping => mapping with { Member = mapping.Member with { RegionOffset = mapping.Member.RegionOffset * 2 } })] };
        LabelArea[] areas = Set();
        Assert.All(RegionLabelVerdict.Judge(other, areas).Labels, label => Assert.Equal(LabelVerdictKind.Hidden, label.Kind));
        LabelRepair repair = LabelRepair.Move(other, areas);
        Assert.Empty(repair.Unresolved);
        LabelArea[] moved = AreaBuilder.Apply(areas, repair.Update);
        Assert.True(RegionLabelVerdict.Judge(other, moved).IsClean);
        Assert.Equal([s_a, s_b], Names(other, moved));

        LabelArea[] swapped = [areas[1], areas[0]];
        LabelRepair refused = LabelRepair.Move(other, swapped);
        Assert.Equal(2, refused.Unresolved.Count);
        Assert.Empty(refused.Update.Writes);
        Assert.Contains("order", refused.Unresolved[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_index_block_is_written_anew_and_nothing_else()
    {
        LabelArea[] areas = Set();
        byte[] bytes = areas[1].Bytes.ToArray();
        bytes[areas[1].Geometry!.Value.IndexOffset(1 - areas[1].Current!.Position) + 80] ^= 0x10;
        LabelArea[] torn = [areas[0], LabelArea.Parse(bytes)];
        Assert.Contains(torn[1].Indexes, index => index.Block is null);
        LabelRepair repair = LabelRepair.Mend(s_two, torn);
        Assert.Single(repair.Update.Writes);
        LabelArea[] mended = AreaBuilder.Apply(torn, repair.Update);
        Assert.All(mended[1].Indexes, index => Assert.NotNull(index.Block));
        Assert.Equal(Names(s_two, areas), Names(s_two, mended));
        Assert.Empty(LabelRepair.Mend(s_two, mended).Update.Writes);
    }

    private static LabelArea[] Set()
    {
        LabelArea[] areas = AreaBuilder.With(AreaBuilder.Empty(2), AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB, "a"));
        return AreaBuilder.With(areas, AreaBuilder.Labels(s_two, s_b, 64 * MiB, 32 * MiB, "b"));
    }

    private static Guid[] Names(RegionDescription region, LabelArea[] areas) => [.. RegionLabelVerdict.Judge(region, areas).Namespaces.Select(space => space.Uuid).Order()];
}
