using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

/// <summary>Label storage areas in memory, and a region they could belong to.</summary>
internal static class AreaBuilder
{
    public const int Size = 128 << 10;
    public const ulong DimmSize = 256 << 20;
    public const ulong SystemBase = 0x1_0000_0000;

    public static Guid Uuid(int number) => new(number, 0x4444, 0x5555, 0x88, 1, 2, 3, 4, 5, 6, 7);

    /// <summary>A region of QEMU-like or rig-like DIMMs: one way like QEMU's first slot, more like the two-way set of the recipes.</summary>
    public static RegionDescription Region(int ways) => new()
    {
        SystemBase = SystemBase,
        Mappings = [.. Enumerable.Range(0, ways).Select(i => new RegionMapping(0, DimmSize, ways == 1 ? new(0, 0x00123456, 0x8086, 0, 0) : new((ulong)i * 4096, 0x1122_0000u + (uint)i, 0x8980, 0x1621, 0x0a)))],
    };

    public static LabelArea Empty(LabelFormat format = LabelFormat.Efi12, int size = Size) => Apply([LabelArea.Parse(new byte[size])], LabelUpdate.Initialize(LabelArea.Parse(new byte[size]), format))[0];

    public static LabelArea[] Empty(int ways) => [.. Enumerable.Range(0, ways).Select(_ => Empty())];

    /// <summary>Labels of a namespace, one for each mapping.</summary>
    public static NamespaceLabel[] Labels(RegionDescription region, Guid uuid, ulong dpa, ulong rawSize, string name = "", Guid abstraction = default, LabelFormat format = LabelFormat.Efi12) =>
    [
        .. Enumerable.Range(0, region.Mappings.Count).Select(i => new NamespaceLabel
        {
            Uuid = uuid,
            Name = name,
            LabelCount = (ushort)region.Mappings.Count,
            Position = (ushort)region.PositionOf(i),
            SetCookie = region.Cookie.For(format),
            LbaSize = 512,
            Dpa = dpa,
            RawSize = rawSize,
            Type = format == LabelFormat.Efi11 ? default : region.Type,
            Abstraction = abstraction,
        }),
    ];

    /// <summary>Areas with a namespace more.</summary>
    public static LabelArea[] With(LabelArea[] areas, NamespaceLabel[] labels) => Apply(areas, LabelUpdate.Put(areas, labels));

    /// <summary>Areas as the first writes of an update leave them.</summary>
    public static LabelArea[] Apply(IReadOnlyList<LabelArea> areas, LabelUpdate update, int count = int.MaxValue) => Apply(areas, update.Writes.Take(count));

    public static LabelArea[] Apply(IReadOnlyList<LabelArea> areas, IEnumerable<LabelWrite> writes)
    {
        byte[][] bytes = [.. areas.Select(area => area.Bytes.ToArray())];
        foreach (LabelWrite write in writes)
            write.Bytes.Span.CopyTo(bytes[write.Dimm].AsSpan(write.Offset));
        return [.. bytes.Select(area => LabelArea.Parse(area))];
    }

    /// <summary>An area with one label put into it as it is, as a tool with no rules would.</summary>
    public static LabelArea Patch(LabelArea area, int slot, Func<NamespaceLabel, NamespaceLabel> change)
    {
        byte[] bytes = area.Bytes.ToArray();
        LabelSlot found = area.Slots.Single(candidate => candidate.Slot == slot);
        change(found.Label).Write(bytes.AsSpan(found.Offset), area.Format!.Value);
        return LabelArea.Parse(bytes);
    }

    /// <summary>What a reader sees: the labels in use without their slots.</summary>
    public static string Describe(LabelArea area) =>
        area.Current is null ? "unlabelled" : $"{area.Format} {string.Join(" | ", area.ActiveLabels.Select(label => label with { Slot = 0 }).OrderBy(label => label.Dpa))}";
}
