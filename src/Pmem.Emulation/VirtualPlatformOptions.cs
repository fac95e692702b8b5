using Pmem.Platform.Labels;

namespace Pmem.Emulation;

/// <summary>How a virtual platform is made.</summary>
public sealed record VirtualPlatformOptions
{
    internal const long DefaultScrubSpeed = 256L << 30;

    /// <summary>DIMMs.</summary>
    public int Dimms { get; init; } = 1;

    /// <summary>DIMMs of an interleave set; as many sets are made as the DIMMs make up.</summary>
    public int Ways { get; init; } = 1;

    /// <summary>Bytes of media of each DIMM; a multiple of 2 MiB. The files are sparse.</summary>
    public long Capacity { get; init; } = 1L << 30;

    /// <summary>Bytes of consecutive addresses on one DIMM, a power of two of at least 4096; null takes what keeps the number of mappings small.</summary>
    public long? LineSize { get; init; }

    /// <summary>Bytes of each label storage area; 0 for DIMMs without one.</summary>
    public int LabelSize { get; init; } = 128 << 10;

    /// <summary>Form of the labels that the areas are initialised with; null leaves them unlabelled.</summary>
    public LabelFormat? LabelFormat { get; init; } = Platform.Labels.LabelFormat.Efi12;

    /// <summary>Flush hint addresses of each DIMM, 0 to 32: registers a write to which drains the write queue of its memory controller. Linux then knows how to flush deeply.</summary>
    public int FlushHints { get; init; }

    /// <summary>
    /// Where stores are safe when power fails: <see cref="PersistenceDomain.MemoryController"/> (ADR) or <see cref="PersistenceDomain.CpuCache"/> (eADR). Null is a platform
    /// of the days of PCOMMIT, without ADR: what was flushed is in a write queue that every power cut loses, unless a deep flush drained it.
    /// </summary>
    public PersistenceDomain? Domain { get; init; } = PersistenceDomain.MemoryController;

    /// <summary>How many bytes a second a search for media errors goes through.</summary>
    public long ScrubBytesPerSecond { get; init; } = DefaultScrubSpeed;
}
