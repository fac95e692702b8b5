using System.Text;
using Pmem.Pools;
using RegionLayout = Pmem.Platform.Labels.CxlRegionLabelLayout;
using SpaceLayout = Pmem.Platform.Labels.CxlNamespaceLabelLayout;

namespace Pmem.Platform.Labels;

/// <summary>Fields of a CXL region label (CXL 2.0, table 212).</summary>
internal static class CxlRegionLabelLayout
{
    public static readonly LayoutField Type = new(0, 16);
    public static readonly LayoutField Uuid = new(16, 16);
    public static readonly LayoutField Flags = new(32, 4);
    public static readonly LayoutField LabelCount = new(36, 2);
    public static readonly LayoutField Position = new(38, 2);
    public static readonly LayoutField Dpa = new(40, 8);
    public static readonly LayoutField RawSize = new(48, 8);
    public static readonly LayoutField Hpa = new(56, 8);
    public static readonly LayoutField Slot = new(64, 4);
    public static readonly LayoutField Granularity = new(68, 4);
    public static readonly LayoutField Alignment = new(72, 4);
    public static readonly LayoutField Reserved = new(76, 172);
    public static readonly LayoutField Checksum = new(248, 8);
}

/// <summary>Fields of a CXL namespace label (CXL 2.0, table 213).</summary>
internal static class CxlNamespaceLabelLayout
{
    public static readonly LayoutField Type = new(0, 16);
    public static readonly LayoutField Uuid = new(16, 16);
    public static readonly LayoutField Name = new(32, 64);
    public static readonly LayoutField Flags = new(96, 4);
    public static readonly LayoutField RangeCount = new(100, 2);
    public static readonly LayoutField Position = new(102, 2);
    public static readonly LayoutField Dpa = new(104, 8);
    public static readonly LayoutField RawSize = new(112, 8);
    public static readonly LayoutField Slot = new(120, 4);
    public static readonly LayoutField Alignment = new(124, 4);
    public static readonly LayoutField RegionUuid = new(128, 16);
    public static readonly LayoutField AbstractionUuid = new(144, 16);
    public static readonly LayoutField LbaSize = new(160, 2);
    public static readonly LayoutField Reserved = new(162, 86);
    public static readonly LayoutField Checksum = new(248, 8);
}

/// <summary>A region label of a CXL memory device: one device's part of an interleave set.</summary>
public sealed record CxlRegionLabel
{
    /// <summary>The region.</summary>
    public Guid Uuid { get; init; }

    /// <summary>Flags; 0x8 is UPDATING.</summary>
    public uint Flags { get; init; }

    /// <summary>Devices in the set.</summary>
    public ushort LabelCount { get; init; }

    /// <summary>Rank of the device.</summary>
    public ushort Position { get; init; }

    /// <summary>Device physical address.</summary>
    public ulong Dpa { get; init; }

    /// <summary>Bytes of this device.</summary>
    public ulong RawSize { get; init; }

    /// <summary>Host physical address the region was at, or 0.</summary>
    public ulong Hpa { get; init; }

    /// <summary>Slot the label is written for.</summary>
    public uint Slot { get; init; }

    /// <summary>Interleave granularity: 256 bytes shifted left by this.</summary>
    public uint Granularity { get; init; }

    /// <summary>Alignment in units of 256 MiB.</summary>
    public uint Alignment { get; init; }

    /// <summary>Reads a label; null when its type is another. Any bytes are fine.</summary>
    public static CxlRegionLabel? TryParse(ReadOnlySpan<byte> bytes) => NetworkGuid.Read(RegionLayout.Type.Of(bytes)) != NvdimmGuids.CxlRegion ? null : new CxlRegionLabel
    {
        Uuid = NetworkGuid.Read(RegionLayout.Uuid.Of(bytes)),
        Flags = (uint)RegionLayout.Flags.Read(bytes),
        LabelCount = (ushort)RegionLayout.LabelCount.Read(bytes),
        Position = (ushort)RegionLayout.Position.Read(bytes),
        Dpa = RegionLayout.Dpa.Read(bytes),
        RawSize = RegionLayout.RawSize.Read(bytes),
        Hpa = RegionLayout.Hpa.Read(bytes),
        Slot = (uint)RegionLayout.Slot.Read(bytes),
        Granularity = (uint)RegionLayout.Granularity.Read(bytes),
        Alignment = (uint)RegionLayout.Alignment.Read(bytes),
    };

    /// <summary>Writes the label over 256 bytes, with its checksum.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes = bytes[..256];
        bytes.Clear();
        NetworkGuid.Write(RegionLayout.Type.Of(bytes), NvdimmGuids.CxlRegion);
        NetworkGuid.Write(RegionLayout.Uuid.Of(bytes), Uuid);
        RegionLayout.Flags.Write(bytes, Flags);
        RegionLayout.LabelCount.Write(bytes, LabelCount);
        RegionLayout.Position.Write(bytes, Position);
        RegionLayout.Dpa.Write(bytes, Dpa);
        RegionLayout.RawSize.Write(bytes, RawSize);
        RegionLayout.Hpa.Write(bytes, Hpa);
        RegionLayout.Slot.Write(bytes, Slot);
        RegionLayout.Granularity.Write(bytes, Granularity);
        RegionLayout.Alignment.Write(bytes, Alignment);
        RegionLayout.Checksum.Write(bytes, Fletcher64.ComputeWithHole(bytes, RegionLayout.Checksum.Offset));
    }

    /// <summary>Why the label is not valid, or null.</summary>
    public static FormatProblem? FindProblem(ReadOnlySpan<byte> bytes, int slot, long offset)
    {
        ulong named = RegionLayout.Slot.Read(bytes);
        if (named != (ulong)slot)
            return new FormatProblem("region label slot number", offset + RegionLayout.Slot.Offset, $"{slot}", $"{named}");
        ulong checksum = Fletcher64.ComputeWithHole(bytes[..256], RegionLayout.Checksum.Offset);
        ulong found = RegionLayout.Checksum.Read(bytes);
        return found == checksum ? null : new FormatProblem("region label checksum", offset + RegionLayout.Checksum.Offset, $"0x{checksum:x16}", $"0x{found:x16}");
    }
}

/// <summary>A namespace label of a CXL memory device.</summary>
public sealed record CxlNamespaceLabel
{
    /// <summary>The namespace.</summary>
    public Guid Uuid { get; init; }

    /// <summary>Friendly name; empty for none.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Flags; 0x8 is UPDATING.</summary>
    public uint Flags { get; init; }

    /// <summary>Discontiguous ranges.</summary>
    public ushort RangeCount { get; init; }

    /// <summary>Rank of this range.</summary>
    public ushort Position { get; init; }

    /// <summary>Device physical address.</summary>
    public ulong Dpa { get; init; }

    /// <summary>Bytes of this part.</summary>
    public ulong RawSize { get; init; }

    /// <summary>Slot the label is written for.</summary>
    public uint Slot { get; init; }

    /// <summary>Alignment in units of 256 MiB.</summary>
    public uint Alignment { get; init; }

    /// <summary>The region it lies in.</summary>
    public Guid RegionUuid { get; init; }

    /// <summary>What is inside.</summary>
    public Guid Abstraction { get; init; }

    /// <summary>Logical block size, a hint.</summary>
    public ushort LbaSize { get; init; }

    /// <summary>Reads a label; null when its type is another. Any bytes are fine.</summary>
    public static CxlNamespaceLabel? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (NetworkGuid.Read(SpaceLayout.Type.Of(bytes)) != NvdimmGuids.CxlNamespace)
            return null;
        ReadOnlySpan<byte> name = SpaceLayout.Name.Of(bytes);
        int end = name.IndexOf((byte)0);
        return new CxlNamespaceLabel
        {
            Uuid = NetworkGuid.Read(SpaceLayout.Uuid.Of(bytes)),
            Name = Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
            Flags = (uint)SpaceLayout.Flags.Read(bytes),
            RangeCount = (ushort)SpaceLayout.RangeCount.Read(bytes),
            Position = (ushort)SpaceLayout.Position.Read(bytes),
            Dpa = SpaceLayout.Dpa.Read(bytes),
            RawSize = SpaceLayout.RawSize.Read(bytes),
            Slot = (uint)SpaceLayout.Slot.Read(bytes),
            Alignment = (uint)SpaceLayout.Alignment.Read(bytes),
            RegionUuid = NetworkGuid.Read(SpaceLayout.RegionUuid.Of(bytes)),
            Abstraction = NetworkGuid.Read(SpaceLayout.AbstractionUuid.Of(bytes)),
            LbaSize = (ushort)SpaceLayout.LbaSize.Read(bytes),
        };
    }

    /// <summary>Writes the label over 256 bytes, with its checksum.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes = bytes[..256];
        bytes.Clear();
        NetworkGuid.Write(SpaceLayout.Type.Of(bytes), NvdimmGuids.CxlNamespace);
        NetworkGuid.Write(SpaceLayout.Uuid.Of(bytes), Uuid);
        Encoding.UTF8.GetEncoder().Convert(Name, SpaceLayout.Name.Of(bytes)[..(NamespaceLabel.NameFieldSize - 1)], flush: true, out _, out _, out _);
        SpaceLayout.Flags.Write(bytes, Flags);
        SpaceLayout.RangeCount.Write(bytes, RangeCount);
        SpaceLayout.Position.Write(bytes, Position);
        SpaceLayout.Dpa.Write(bytes, Dpa);
        SpaceLayout.RawSize.Write(bytes, RawSize);
        SpaceLayout.Slot.Write(bytes, Slot);
        SpaceLayout.Alignment.Write(bytes, Alignment);
        NetworkGuid.Write(SpaceLayout.RegionUuid.Of(bytes), RegionUuid);
        NetworkGuid.Write(SpaceLayout.AbstractionUuid.Of(bytes), Abstraction);
        SpaceLayout.LbaSize.Write(bytes, LbaSize);
        SpaceLayout.Checksum.Write(bytes, Fletcher64.ComputeWithHole(bytes, SpaceLayout.Checksum.Offset));
    }
}
