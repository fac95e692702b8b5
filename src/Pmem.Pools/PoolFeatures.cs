namespace Pmem.Pools;

/// <summary>The kinds of pool.</summary>
public enum PoolKind
{
    /// <summary>An object store (libpmemobj), signature <c>PMEMOBJ</c>, layout 6.</summary>
    Object,

    /// <summary>An append-only log (libpmemlog), signature <c>PMEMLOG</c>, layout 1.</summary>
    Log,

    /// <summary>An array of atomic blocks (libpmemblk), signature <c>PMEMBLK</c>, layout 1.</summary>
    Block,
}

/// <summary>Features that a reader may ignore.</summary>
[Flags]
public enum CompatFeatures : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The parts are checked for bad blocks at open.</summary>
    CheckBadBlocks = 1,
}

/// <summary>Features without whose knowledge the pool must not be opened.</summary>
[Flags]
public enum IncompatFeatures : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Only the first part of a replica has a header.</summary>
    SingleHeader = 1,

    /// <summary>The header's checksum covers its first 2 KiB.</summary>
    Checksum2K = 2,

    /// <summary>The pool tracks unsafe shutdowns.</summary>
    ShutdownState = 4,
}

/// <summary>Features without whose knowledge the pool may only be read. None is defined.</summary>
[Flags]
public enum ReadOnlyCompatFeatures : uint
{
    /// <summary>None.</summary>
    None = 0,
}

/// <summary>The names of features in tools.</summary>
public static class PoolFeatures
{
    /// <summary>What a new pool has (PMDK built with NDCTL, as distributions do).</summary>
    public const IncompatFeatures DefaultIncompat = IncompatFeatures.Checksum2K | IncompatFeatures.ShutdownState;

    /// <summary>What a new pool has.</summary>
    public const CompatFeatures DefaultCompat = CompatFeatures.CheckBadBlocks;

    /// <summary>All incompatible features that this library knows.</summary>
    public const IncompatFeatures KnownIncompat = IncompatFeatures.SingleHeader | IncompatFeatures.Checksum2K | IncompatFeatures.ShutdownState;

    /// <summary>The names, as <c>pmempool feature</c> takes them, of the features that a header has; unknown bits as hexadecimal numbers.</summary>
    public static IReadOnlyList<string> Names(in PoolHeader header)
    {
        List<string> names = [];
        if (header.Incompat.HasFlag(IncompatFeatures.SingleHeader))
            names.Add("SINGLEHDR");
        if (header.Incompat.HasFlag(IncompatFeatures.Checksum2K))
            names.Add("CKSUM_2K");
        if (header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
            names.Add("SHUTDOWN_STATE");
        if (header.Compat.HasFlag(CompatFeatures.CheckBadBlocks))
            names.Add("CHECK_BAD_BLOCKS");
        AddUnknown(names, "compat", (uint)header.Compat & ~(uint)CompatFeatures.CheckBadBlocks);
        AddUnknown(names, "incompat", (uint)header.Incompat & ~(uint)KnownIncompat);
        AddUnknown(names, "ro_compat", (uint)header.ReadOnlyCompat);
        return names;
    }

    private static void AddUnknown(List<string> names, string word, uint bits)
    {
        if (bits != 0)
            names.Add($"{word}:0x{bits:x}");
    }
}
