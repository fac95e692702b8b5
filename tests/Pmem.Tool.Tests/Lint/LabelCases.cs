using Pmem.Platform;
using Pmem.Platform.Labels;

namespace Pmem.Tool.Tests.Lint;

/// <summary>Label areas made to have one fault each: what kernels make of labels, and what no update leaves.</summary>
internal static class LabelCases
{
    private static readonly Guid s_other = new(0x1234, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);

    /// <summary>One area, found by <c>pmem labels check</c>. Exit code 0 where a kernel accepts it without doubt.</summary>
    public static readonly (string Name, string Rule, string Severity, int ExitCode, Action<SpoiledArea> Spoil)[] Alone =
    [
        ("UPDATING left over", "label-updating", "warning", 1, area => area.Change(0, label => label with { Flags = NamespaceLabelFlags.Updating })),
        ("ROLABEL", "label-read-only", "warning", 1, area => area.Change(0, label => label with { Flags = NamespaceLabelFlags.ReadOnly })),
        ("LOCAL", "label-local", "info", 0, area => area.Change(0, label => label with { Flags = NamespaceLabelFlags.Local })),
        ("slot is not the position", "label-slot-number", "error", 1, area => area.RenumberSlot(0)),
        ("checksum", "label-checksum", "error", 1, area => area.Patch(0, 16, "x"u8, seal: false)),
        ("address outside", "label-dpa-outside", "error", 1, area => area.Change(2, label => label with { Dpa = 1UL << 32 })),
        ("wrong cookie", "label-cookie", "error", 1, area => area.Change(0, label => label with { SetCookie = 1 })),
        ("wrong type", "label-type", "error", 1, area => area.Change(0, label => label with { Type = NvdimmGuids.Pfn })),
        ("zero type", "label-type", "error", 1, area => area.Change(0, label => label with { Type = Guid.Empty })),
        ("number of labels is not the ways", "label-count", "error", 1, area => area.Change(0, label => label with { LabelCount = 2 })),
        ("position missing", "label-set-incomplete", "error", 1, area => area.Change(0, label => label with { Position = 1 })),
        ("size 0", "label-size-zero", "error", 1, area => area.Change(0, label => label with { RawSize = 0 })),
        ("past the end", "label-past-end", "error", 1, area => area.Change(2, label => label with { RawSize = 1UL << 32 })),
        ("same uuid twice", "label-duplicate", "error", 1, area => area.Change(1, label => label with { Uuid = SpoiledArea.Label(0).Uuid })),
        ("overlap on one DIMM", "label-overlap", "error", 1, area => area.Change(1, label => label with { Dpa = label.Dpa - 4096 })),
        ("same place twice", "label-overlap", "error", 1, area => area.Change(1, label => label with { Dpa = 0 })),
        ("unknown abstraction", "label-abstraction", "warning", 0, area => area.Change(0, label => label with { Abstraction = s_other })),
        ("address of 512 bytes", "label-granularity", "warning", 0, area => area.Change(2, label => label with { Dpa = label.Dpa + 512 })),
        ("odd size", "label-granularity", "warning", 0, area => area.Change(2, label => label with { RawSize = label.RawSize - 512 })),
        ("block-window label", "label-block-window", "error", 1, area => area.Change(0, label => label with { Type = NvdimmGuids.ControlRegion, Flags = NamespaceLabelFlags.Local })),
        ("sequence equal", "index-sequence-equal", "warning", 0, area => area.EqualSequences()),
        ("sequence 0", "index-sequence-zero", "warning", 0, area => area.ZeroSequence()),
        ("no index block", "index-invalid", "error", 1, area => area.BreakIndexes()),
        ("index blocks differ", "index-differ", "warning", 0, area => area.FewerSlots()),
        ("free bits behind the last slot", "index-free-bits", "warning", 0, area => area.StrayBits()),
        ("CXL 2.0", "index-cxl", "warning", 0, area => area.CxlVersion()),
        ("used slot without label", "label-empty", "warning", 1, area => area.Take([77])),
        ("newest copy in a free slot", "label-stale-newer", "info", 0, area => area.Interrupt(0)),
        ("destroyed, and still there", "label-stale", "info", 0, area => area.Free(2)),
        ("one free slot", "index-full", "warning", 1, area => area.Take(Enumerable.Range(0, area.Parsed.Current!.SlotCount).Where(area.Parsed.Current.IsFree).Skip(1))),
        ("no free slot", "index-full", "warning", 1, area => area.Take(Enumerable.Range(0, area.Parsed.Current!.SlotCount).Where(area.Parsed.Current.IsFree))),
        ("name without end", "label-name-end", "warning", 1, area => area.Patch(0, 16, [.. Enumerable.Repeat((byte)'x', 64)])),
        ("name not UTF-8", "label-name-encoding", "warning", 0, area => area.Patch(0, 16, [0xff, 0xfe])),
        ("block size", "label-lbasize", "warning", 1, area => area.Change(0, label => label with { LbaSize = 520 })),
    ];

    /// <summary>The areas of a set of two, found by <c>pmem explain</c>. The second namespace alone is spoiled.</summary>
    public static readonly (string Name, string Rule, string Severity, Action<SpoiledArea, SpoiledArea> Spoil)[] Sets =
    [
        ("labels only on mapping 0", "label-set-incomplete", "error", (_, second) => second.Free(1)),
        ("labels only on another DIMM", "label-orphan", "error", (first, _) => first.Free(1)),
        ("crash after the new label on mapping 0", "label-set-incomplete", "error", (first, _) => first.Add(Part(first, 1) with { Uuid = s_other, Dpa = 64 << 20, RawSize = 4 << 20 })),
        ("crash after the new label on a later DIMM", "label-orphan", "error", (_, second) => second.Add(Part(second, 1) with { Uuid = s_other, Dpa = 64 << 20, RawSize = 4 << 20 })),
        ("crash in a rename", "label-updating", "warning", (first, _) => first.Change(1, label => label with { Name = "new", Flags = NamespaceLabelFlags.Updating })),
        ("positions swapped", "label-position", "warning", Swap),
        ("address differs", "label-set-extent", "warning", (_, second) => second.Change(1, label => label with { Dpa = label.Dpa + (4 << 20) })),
        ("size differs", "label-set-extent", "warning", (_, second) => second.Change(1, label => label with { RawSize = label.RawSize - (4 << 20) })),
        ("name differs", "label-set-fields", "warning", (_, second) => second.Change(1, label => label with { Name = "other" })),
        ("block size differs", "label-set-fields", "warning", (_, second) => second.Change(1, label => label with { LbaSize = 4096 })),
        ("abstraction differs", "label-set-fields", "warning", (_, second) => second.Change(1, label => label with { Abstraction = NvdimmGuids.Btt2 })),
        ("cookie of another set", "label-cookie", "error", Recookie),
        ("versions differ", "index-version-mix", "warning", (_, second) => SpoiledArea.Empty(LabelFormat.Efi11).CopyTo(second.Bytes.AsSpan())),
        ("unknown abstraction", "label-abstraction", "warning", (first, second) =>
        {
            first.Change(1, label => label with { Abstraction = s_other });
            second.Change(1, label => label with { Abstraction = s_other });
        }),
        ("index blocks differ", "index-differ", "warning", (_, second) => second.FewerSlots()),
    ];

    private static NamespaceLabel Part(SpoiledArea area, int number) => area.Parsed.ActiveLabels.ElementAt(number);

    private static void Swap(SpoiledArea first, SpoiledArea second)
    {
        first.Change(1, label => label with { Position = (ushort)(1 - label.Position) });
        second.Change(1, label => label with { Position = (ushort)(1 - label.Position) });
    }

    private static void Recookie(SpoiledArea first, SpoiledArea second)
    {
        first.Change(1, label => label with { SetCookie = 1 });
        second.Change(1, label => label with { SetCookie = 1 });
    }
}
