using Pmem.Pools.Checking;
using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>A feature that tools know by name.</summary>
public enum PoolFeature
{
    /// <summary><c>SINGLEHDR</c>: fixed when a pool is created.</summary>
    SingleHeader,

    /// <summary><c>CKSUM_2K</c>: the checksum covers the first 2 KiB of the header.</summary>
    Checksum2K,

    /// <summary><c>SHUTDOWN_STATE</c>: unsafe shutdowns are tracked.</summary>
    ShutdownState,

    /// <summary><c>CHECK_BAD_BLOCKS</c>: the parts are checked for bad blocks at open.</summary>
    CheckBadBlocks,
}

/// <summary>Queries and toggles the features of a closed pool, a file or a set (PMDK <c>pmempool_feature_query</c>, <c>_enable</c>, <c>_disable</c>).</summary>
/// <remarks>
/// In a file a toggle writes a feature word and the checksum. A crash between them leaves a header of which one word is wrong, which the next toggle,
/// or a repair, mends from the checksum before it goes on. In a set all headers are written to a journal beside the set file first, and the next
/// toggle, sync or repair finishes what it says.
/// </remarks>
public static class PoolFeatureSwitch
{
    /// <summary>Whether a header has a feature.</summary>
    public static bool IsEnabled(in PoolHeader header, PoolFeature feature) => feature switch
    {
        PoolFeature.SingleHeader => header.Incompat.HasFlag(IncompatFeatures.SingleHeader),
        PoolFeature.Checksum2K => header.Incompat.HasFlag(IncompatFeatures.Checksum2K),
        PoolFeature.ShutdownState => header.Incompat.HasFlag(IncompatFeatures.ShutdownState),
        _ => header.Compat.HasFlag(CompatFeatures.CheckBadBlocks),
    };

    /// <summary>Enables or disables a feature; durable at return.</summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="feature">The feature.</param>
    /// <param name="enabled">Whether the pool has it afterwards.</param>
    /// <param name="dryRun">Only find out whether it could be done.</param>
    /// <returns>False when it was so before.</returns>
    /// <exception cref="PmemException">The rules of the features forbid it, the pool is in use or not valid; nothing was changed.</exception>
    public static bool Set(string path, PoolFeature feature, bool enabled, bool dryRun = false) => Set(path, feature, enabled, new PoolRepairOptions { DryRun = dryRun });

    /// <summary>Enables or disables a feature; durable at return.</summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="feature">The feature.</param>
    /// <param name="enabled">Whether the pool has it afterwards.</param>
    /// <param name="options">Dry run, backup.</param>
    /// <returns>False when it was so before.</returns>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemException">The rules of the features forbid it, the pool is in use or not valid; nothing was changed.</exception>
    public static bool Set(string path, PoolFeature feature, bool enabled, PoolRepairOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return PoolBackup.Finishing(path, options.BackupPath, "feature", () =>
        {
            if (PoolSetFile.IsPoolSet(path))
                return SetInAll(path, feature, enabled, options);
            using PersistentMap map = RepairFile.Open(path, options, "feature");
            if (map.Length < PoolHeader.Size)
                throw new PmemFormatException("pool size", -1, $"at least {PoolHeader.Size} bytes", $"{map.Length}");
            return Set(map, feature, enabled);
        });
    }

    /// <summary>Enables or disables a feature of the pool in a map.</summary>
    /// <returns>False when it was so before.</returns>
    /// <exception cref="PmemException">The rules of the features forbid it, or the header is not valid; nothing was changed.</exception>
    public static bool Set(PersistentMap map, PoolFeature feature, bool enabled)
    {
        ArgumentNullException.ThrowIfNull(map);
        PoolHeader header = map.Read<PoolHeader>(0);
        PoolKind kind = header.Kind ?? throw new PmemFormatException("pool header signature", 0, "a pool", $"0x{header.Signature:x16}");
        if (PoolValidation.FindProblem(in header, kind) is { } problem)
        {
            // What an interrupted toggle leaves; everything else is a matter for a repair that the user asks for.
            if (problem.Offset != PoolHeader.ChecksumPosition || !HeaderRepair.TryMendWord(map, kind))
                throw problem;
            header = map.Read<PoolHeader>(0);
        }

        if (IsEnabled(in header, feature) == enabled)
            return false;
        Demand(in header, feature, enabled);
        DemandClosed(in header, feature);
        byte[] old = map.GetSpan(0, PoolHeader.Size).ToArray();
        if (feature == PoolFeature.ShutdownState)
        {
            // Zero is the state of a closed pool with the feature, and what a pool without it must have.
            map.Fill(PoolHeader.ShutdownStatePosition, 0, ShutdownState.Size);
            old = map.GetSpan(0, PoolHeader.Size).ToArray();
        }

        Toggle(ref header, feature);
        HeaderRepair.Write(map, old, in header);
        return true;
    }

    private static void Toggle(ref PoolHeader header, PoolFeature feature)
    {
        if (feature == PoolFeature.ShutdownState)
            header.ShutdownState = default;
        if (feature == PoolFeature.CheckBadBlocks)
            header.Compat ^= CompatFeatures.CheckBadBlocks;
        else
            header.Incompat ^= feature == PoolFeature.Checksum2K ? IncompatFeatures.Checksum2K : IncompatFeatures.ShutdownState;
        header.Checksum = header.ComputeChecksum();
    }

    private static bool SetInAll(string path, PoolFeature feature, bool enabled, PoolRepairOptions options)
    {
        PoolKind kind = PoolFile.ReadHeader(path)?.Kind ?? throw new PmemFormatException($"first part of {path}", 0, "a pool", "none");
        using RepairSet set = RepairSet.Open(path, kind, options, "feature");
        return set.SetFeature(feature, enabled, options.DryRun);
    }

    /// <summary>The headers of a set with a feature toggled; none when it was so before.</summary>
    internal static List<HeaderJournal.Entry> ToggleAll(OpenReplica[] replicas, SetLayout layout, PoolKind kind, PoolFeature feature, bool enabled)
    {
        var entries = new List<HeaderJournal.Entry>();
        bool isReadOnly = false;
        if (SetValidation.FindProblem(replicas, layout, kind, ref isReadOnly) is { } problem)
            throw problem;
        for (int r = 0; r < replicas.Length; r++)
        {
            for (int p = 0; p < replicas[r].HeaderCount; p++)
            {
                PoolHeader header = replicas[r].ReadHeader(p);
                if (IsEnabled(in header, feature) == enabled)
                    continue;
                Demand(in header, feature, enabled);
                DemandClosed(in header, feature);
                PoolHeader before = header;
                Toggle(ref header, feature);
                entries.Add(new HeaderJournal.Entry(r, p, before, header));
            }
        }

        return entries;
    }

    private static void DemandClosed(in PoolHeader header, PoolFeature feature)
    {
        if (header.ShutdownState.Dirty != 0 && feature == PoolFeature.ShutdownState)
            throw new PmemException("the pool was not closed: recover it first, since its shutdown state says that it must be");
    }

    private static void Demand(in PoolHeader header, PoolFeature feature, bool enabled)
    {
        switch (feature)
        {
            case PoolFeature.SingleHeader:
                throw new PmemException("SINGLEHDR says where the data of the parts begin: it is fixed when a pool is created");
            case PoolFeature.ShutdownState when enabled && !IsEnabled(in header, PoolFeature.Checksum2K):
                throw new PmemException("SHUTDOWN_STATE changes without the checksum: enable CKSUM_2K first");
            case PoolFeature.Checksum2K when !enabled && IsEnabled(in header, PoolFeature.ShutdownState):
                throw new PmemException("the checksum must not cover the shutdown state: disable SHUTDOWN_STATE first");
        }
    }
}
