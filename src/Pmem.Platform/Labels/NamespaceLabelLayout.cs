namespace Pmem.Platform.Labels;

/// <summary>Fields of a namespace label (UEFI 2.10, 13.19.5; docs/formats/labels.md). A label of version 1.1 ends after <see cref="Slot"/>.</summary>
internal static class NamespaceLabelLayout
{
    public static readonly LayoutField Uuid = new(0, 16);
    public static readonly LayoutField Name = new(16, 64);
    public static readonly LayoutField Flags = new(80, 4);
    public static readonly LayoutField LabelCount = new(84, 2);
    public static readonly LayoutField Position = new(86, 2);
    public static readonly LayoutField SetCookie = new(88, 8);
    public static readonly LayoutField LbaSize = new(96, 8);
    public static readonly LayoutField Dpa = new(104, 8);
    public static readonly LayoutField RawSize = new(112, 8);
    public static readonly LayoutField Slot = new(120, 4);
    public static readonly LayoutField Alignment = new(124, 1);
    public static readonly LayoutField Reserved1 = new(125, 3);
    public static readonly LayoutField Type = new(128, 16);
    public static readonly LayoutField Abstraction = new(144, 16);
    public static readonly LayoutField LocationCookie = new(160, 8);
    public static readonly LayoutField Reserved2 = new(168, 80);
    public static readonly LayoutField Checksum = new(248, 8);
}
