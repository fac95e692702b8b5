using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Model;

/// <summary>What a namespace shall be; the defaults are ndctl's.</summary>
public sealed record NamespaceRequest
{
    /// <summary>Region to take it from; null tries one after another.</summary>
    public string? Region { get; init; }

    /// <summary>What it shall be to its users.</summary>
    public NamespaceMode Mode { get; init; } = NamespaceMode.Fsdax;

    /// <summary>Raw bytes; null takes the largest free extent.</summary>
    public ulong? Size { get; init; }

    /// <summary>Alignment of data in fsdax and devdax mode: 4096, 2 MiB (null) or 1 GiB.</summary>
    public ulong? Alignment { get; init; }

    /// <summary>Where page structures are kept in fsdax and devdax mode.</summary>
    public PageMapMode Map { get; init; } = PageMapMode.Device;

    /// <summary>Bytes of a sector in sector mode; null is 4096.</summary>
    public int? SectorSize { get; init; }

    /// <summary>Friendly name.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Uuid; null makes one, or keeps that of the namespace which is reconfigured in its place.</summary>
    public Guid? Uuid { get; init; }

    /// <summary>Write index blocks on DIMMs that have none yet, so that the region can be divided.</summary>
    public bool AutoLabel { get; init; } = true;
}
