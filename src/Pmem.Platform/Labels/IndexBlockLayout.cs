namespace Pmem.Platform.Labels;

/// <summary>Fields of an index block (UEFI 2.10, 13.19.4; docs/formats/labels.md). The free bitmap follows the header.</summary>
internal static class IndexBlockLayout
{
    public static readonly LayoutField Signature = new(0, 16);
    public static readonly LayoutField Flags = new(16, 3);
    public static readonly LayoutField LabelSizeCode = new(19, 1);
    public static readonly LayoutField Sequence = new(20, 4);
    public static readonly LayoutField MyOffset = new(24, 8);
    public static readonly LayoutField MySize = new(32, 8);
    public static readonly LayoutField OtherOffset = new(40, 8);
    public static readonly LayoutField LabelOffset = new(48, 8);
    public static readonly LayoutField SlotCount = new(56, 4);
    public static readonly LayoutField Major = new(60, 2);
    public static readonly LayoutField Minor = new(62, 2);
    public static readonly LayoutField Checksum = new(64, 8);
}
