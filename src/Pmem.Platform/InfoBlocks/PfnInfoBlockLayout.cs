namespace Pmem.Platform.InfoBlocks;

/// <summary>Fields of a PFN or DAX info block (Linux <c>struct nd_pfn_sb</c>; docs/formats/infoblocks.md).</summary>
internal static class PfnInfoBlockLayout
{
    public static readonly LayoutField Signature = new(0, 16);
    public static readonly LayoutField Uuid = new(16, 16);
    public static readonly LayoutField ParentUuid = new(32, 16);
    public static readonly LayoutField Flags = new(48, 4);
    public static readonly LayoutField Major = new(52, 2);
    public static readonly LayoutField Minor = new(54, 2);
    public static readonly LayoutField DataOffset = new(56, 8);
    public static readonly LayoutField PageFrames = new(64, 8);
    public static readonly LayoutField Mode = new(72, 4);
    public static readonly LayoutField StartPad = new(76, 4);
    public static readonly LayoutField EndTruncate = new(80, 4);
    public static readonly LayoutField Alignment = new(84, 4);
    public static readonly LayoutField PageSize = new(88, 4);
    public static readonly LayoutField PageStructSize = new(92, 2);
    public static readonly LayoutField Padding = new(94, 3994);
    public static readonly LayoutField Checksum = new(4088, 8);
}
