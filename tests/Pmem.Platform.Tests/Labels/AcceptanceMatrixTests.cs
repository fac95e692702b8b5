using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

/// <summary>
/// The matrix of docs/formats/labels.md: what kernel 6.1 made of each of these areas when it was asked, and what we say it makes. Every row of the page has a
/// case here and the other way round.
/// </summary>
public sealed class AcceptanceMatrixTests
{
    private const ulong MiB = 1 << 20;
    private static readonly Guid s_a = AreaBuilder.Uuid(1);
    private static readonly Guid s_b = AreaBuilder.Uuid(2);
    private static readonly RegionDescription s_one = AreaBuilder.Region(1);
    private static readonly RegionDescription s_two = AreaBuilder.Region(2);

    private sealed record Case(RegionDescription Region, LabelArea[] Areas, RegionState State, int Namespaces, params (int Dimm, LabelVerdictKind Kind)[] Verdicts);

    private static readonly Dictionary<string, Func<Case>> s_cases = new(StringComparer.Ordinal)
    {
        ["UPDATING"] = () => Flag(NamespaceLabelFlags.Updating, LabelVerdictKind.Doubtful),
        ["ROLABEL"] = () => Flag(NamespaceLabelFlags.ReadOnly, LabelVerdictKind.Doubtful),
        ["LOCAL"] = () => Flag(NamespaceLabelFlags.Local, LabelVerdictKind.Accepted),
        ["slot number"] = () => One(label => label with { Slot = 9 }, RegionState.Enabled, LabelVerdictKind.Ignored),
        ["checksum"] = BadChecksum,
        ["dpa outside"] = () => One(label => label with { Dpa = AreaBuilder.DimmSize }, RegionState.Enabled, LabelVerdictKind.Ignored),
        ["cookie"] = () => One(label => label with { SetCookie = 5 }, RegionState.Enabled, LabelVerdictKind.Hidden),
        ["alternate cookie"] = () => One(label => label with { SetCookie = s_one.Cookie.Alternate }, RegionState.Enabled, LabelVerdictKind.Accepted, 1),
        ["cookie 0"] = CookieZero,
        ["type"] = () => One(label => label with { Type = Guid.Empty }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["nlabel"] = () => One(label => label with { LabelCount = 2 }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["position"] = () => One(label => label with { Position = 1 }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["rawsize 0"] = () => One(label => label with { RawSize = 0 }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["past the end"] = () => One(label => label with { RawSize = AreaBuilder.DimmSize }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["same uuid"] = () => Second(label => label with { Uuid = s_a, Dpa = 128 * MiB }, RegionState.Disabled, (0, LabelVerdictKind.DisablesRegion), (0, LabelVerdictKind.DisablesRegion)),
        ["overlap"] = () => Second(label => label with { Dpa = 32 * MiB }, RegionState.LabelLess, (0, LabelVerdictKind.Ignored), (0, LabelVerdictKind.DisablesDimm)),
        ["duplicate"] = () => Second(label => label with { Uuid = s_a, Dpa = 16 * MiB }, RegionState.LabelLess, (0, LabelVerdictKind.Ignored), (0, LabelVerdictKind.DisablesDimm)),
        ["abstraction"] = () => One(label => label with { Abstraction = Guid.Parse("deadbeef-0000-0000-0000-000000000001") }, RegionState.Enabled, LabelVerdictKind.Accepted, 1),
        ["granularity"] = () => One(label => label with { Dpa = (16 * MiB) + 512, RawSize = (32 * MiB) - 1024 }, RegionState.Enabled, LabelVerdictKind.Accepted, 1),
        ["no index"] = () => new Case(s_one, [LabelArea.Parse(new byte[AreaBuilder.Size])], RegionState.LabelLess, 0),
        ["only mapping 0"] = () => Set([true, false], RegionState.Disabled, 0, (0, LabelVerdictKind.DisablesRegion)),
        ["only another"] = () => Set([false, true], RegionState.Enabled, 0, (1, LabelVerdictKind.Hidden)),
        ["positions swapped"] = () => Pair((label, dimm) => label with { Position = (ushort)(1 - dimm) }, (0, LabelVerdictKind.Doubtful), (1, LabelVerdictKind.Doubtful)),
        ["dpa differs"] = () => Pair((label, dimm) => dimm == 1 ? label with { Dpa = label.Dpa + (16 * MiB) } : label, (0, LabelVerdictKind.Accepted), (1, LabelVerdictKind.Doubtful)),
        ["rawsize differs"] = () => Pair((label, dimm) => dimm == 1 ? label with { RawSize = 48 * MiB } : label, (0, LabelVerdictKind.Accepted), (1, LabelVerdictKind.Doubtful)),
        ["name differs"] = () => Pair((label, dimm) => dimm == 1 ? label with { Name = "other" } : label, (0, LabelVerdictKind.Accepted), (1, LabelVerdictKind.Doubtful)),
        ["crash of Linux on mapping 0"] = () => Crash(mapping: 0, RegionState.Disabled, (0, LabelVerdictKind.DisablesRegion)),
        ["crash on a later DIMM"] = () => Crash(mapping: 1, RegionState.Enabled, (1, LabelVerdictKind.Hidden)),
        ["rename interrupted"] = RenameInterrupted,
        ["block window"] = () => One(label => label with { Type = NvdimmGuids.ControlRegion, Flags = NamespaceLabelFlags.Local }, RegionState.Disabled, LabelVerdictKind.DisablesRegion),
        ["versions mixed"] = VersionsMixed,
    };

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Verdict_is_that_of_the_kernel(string name)
    {
        Case test = s_cases[name]();
        RegionLabelVerdict verdict = RegionLabelVerdict.Judge(test.Region, test.Areas);
        Assert.Equal(test.State, verdict.State);
        Assert.Equal(test.Namespaces, verdict.Namespaces.Count);
        Assert.Equal(test.Verdicts, verdict.Labels.Select(label => (label.Dimm, label.Kind)));
        Assert.All(verdict.Labels, label => Assert.Equal(label.Kind == LabelVerdictKind.Accepted, label.Reason.Length == 0));
        Assert.All(verdict.Labels, label => Assert.Equal(label.Reason.Length == 0, label.Remedy.Length == 0));
        Assert.Equal(test.State == RegionState.Enabled, verdict.Reason.Length == 0);
    }

    [Fact]
    public void The_page_lists_these_cases_and_no_others()
    {
        string[] rows = [.. FormatPage.Rows("labels.md", "## What Linux accepts").Select(cells => cells[0].Trim('`'))];
        Assert.Equal(s_cases.Keys.Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Name_and_size_of_a_set_come_from_position_0_and_from_all()
    {
        Case test = Pair((label, dimm) => dimm == 1 ? label with { Name = "other", RawSize = 48 * MiB } : label);
        DiscoveredNamespace found = Assert.Single(RegionLabelVerdict.Judge(test.Region, test.Areas).Namespaces);
        Assert.Equal("a", found.Name);
        Assert.Equal((32 + 48) * MiB, found.Size);
        Assert.Equal(AreaBuilder.SystemBase + (2 * 16 * MiB), found.Start);
    }

    [Fact]
    public void Namespaces_are_numbered_by_the_bytes_of_their_address()
    {
        LabelArea[] areas = AreaBuilder.Empty(1);
        foreach ((int number, ulong dpa) in (ReadOnlySpan<(int, ulong)>)[(1, 0), (2, 0x0100_0000), (3, 0x0f00_0000), (4, 0x0080_0000)])
            areas = AreaBuilder.With(areas, AreaBuilder.Labels(s_one, AreaBuilder.Uuid(number), dpa, 4 * MiB, $"{number}"));
        // The addresses end in 00 00 00 00 | 00 00 00 01 | 00 00 00 0f | 00 00 80 00 in memory order.
        Assert.Equal(["1", "2", "3", "4"], RegionLabelVerdict.Judge(s_one, areas).Namespaces.Select(space => space.Name));
    }

    private static LabelArea[] Areas(RegionDescription region) => AreaBuilder.With(AreaBuilder.Empty(region.Mappings.Count), AreaBuilder.Labels(region, s_a, 16 * MiB, 32 * MiB, "a"));

    private static Case One(Func<NamespaceLabel, NamespaceLabel> change, RegionState state, LabelVerdictKind kind, int namespaces = 0) =>
        new(s_one, [AreaBuilder.Patch(Areas(s_one)[0], 1, change)], state, namespaces, (0, kind));

    private static Case Flag(NamespaceLabelFlags flag, LabelVerdictKind kind) => One(label => label with { Flags = flag }, RegionState.Enabled, kind, 1);

    private static Case BadChecksum()
    {
        byte[] bytes = Areas(s_one)[0].Bytes.ToArray();
        bytes[Areas(s_one)[0].Slots[1].Offset + 20] ^= 1;
        return new Case(s_one, [LabelArea.Parse(bytes)], RegionState.Enabled, 0, (0, LabelVerdictKind.Ignored));
    }

    private static Case CookieZero()
    {
        var region = new RegionDescription { Mappings = [new RegionMapping(0, AreaBuilder.DimmSize, default)] };
        return new Case(region, Areas(region), RegionState.Disabled, 0, (0, LabelVerdictKind.DisablesRegion));
    }

    private static Case Second(Func<NamespaceLabel, NamespaceLabel> change, RegionState state, params (int, LabelVerdictKind)[] verdicts)
    {
        LabelArea[] two = AreaBuilder.With(Areas(s_one), AreaBuilder.Labels(s_one, s_b, 128 * MiB, 32 * MiB, "b"));
        return new Case(s_one, [AreaBuilder.Patch(two[0], two[0].Slots.Single(slot => slot.State == LabelSlotState.Active && slot.Label.Uuid == s_b).Slot, change)], state, 0, verdicts);
    }

    private static Case Set(bool[] has, RegionState state, int namespaces, params (int, LabelVerdictKind)[] verdicts)
    {
        LabelArea[] full = Areas(s_two);
        LabelArea[] empty = AreaBuilder.Empty(2);
        return new Case(s_two, [.. has.Select((labelled, i) => labelled ? full[i] : empty[i])], state, namespaces, verdicts);
    }

    private static Case Pair(Func<NamespaceLabel, int, NamespaceLabel> change, params (int, LabelVerdictKind)[] verdicts) =>
        new(s_two, [.. Areas(s_two).Select((area, dimm) => AreaBuilder.Patch(area, 1, label => change(label, dimm)))], RegionState.Enabled, 1, verdicts);

    /// <summary>Linux writes in mapping order, so that a crash can leave the new label on the first DIMM alone.</summary>
    private static Case Crash(int mapping, RegionState state, params (int, LabelVerdictKind)[] verdicts)
    {
        LabelArea[] empty = AreaBuilder.Empty(2);
        IEnumerable<LabelWrite> writes = LabelUpdate.Put(empty, AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB)).Writes.Where(write => write.Dimm == mapping).Take(2);
        return new Case(s_two, AreaBuilder.Apply(empty, writes), state, 0, verdicts);
    }

    private static Case RenameInterrupted()
    {
        LabelArea[] areas = Areas(s_two);
        IEnumerable<LabelWrite> writes = LabelUpdate.Put(areas, AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB, "new")).Writes.Where(write => write.Dimm == 0).Take(2);
        return new Case(s_two, AreaBuilder.Apply(areas, writes), RegionState.Enabled, 1, (0, LabelVerdictKind.Doubtful), (1, LabelVerdictKind.Doubtful));
    }

    private static Case VersionsMixed()
    {
        LabelArea[] areas = [AreaBuilder.Empty(LabelFormat.Efi12), AreaBuilder.Empty(LabelFormat.Efi11)];
        NamespaceLabel[] labels = AreaBuilder.Labels(s_two, s_a, 16 * MiB, 32 * MiB);
        labels[1] = labels[1] with { SetCookie = s_two.Cookie.Version11, Type = default };
        return new Case(s_two, AreaBuilder.With(areas, labels), RegionState.Enabled, 1, (0, LabelVerdictKind.Accepted), (1, LabelVerdictKind.Accepted));
    }
}
