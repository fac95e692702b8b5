using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <content>Opening.</content>
public sealed partial class PoolFile
{
    /// <summary>
    /// Opens a pool, a single file or all files of a pool set: locks them, validates their headers in PMDK's order, checks and marks the shutdown
    /// state of each replica.
    /// </summary>
    /// <exception cref="FileNotFoundException">The file, or a part of the set, does not exist.</exception>
    /// <exception cref="PmemFormatException">A header is not valid, or of another kind; the set file is wrong.</exception>
    /// <exception cref="MediaErrorException">A file has bad blocks.</exception>
    /// <exception cref="PmemException">A file is in use, has another size than the set says, cannot be accessed, or its modules lost data while it was open.</exception>
    public static PoolFile Open(string path, PoolKind kind, PoolOpenOptions? options = null)
    {
        options ??= new PoolOpenOptions();
        bool isSet = PoolSetFile.IsPoolSet(path);
        SetLayout layout = isSet ? SetLayout.Of(PoolSetFile.Read(path)) : SetLayout.Single(path, fileSize: 0);
        if (isSet)
            DemandParts(layout, path, options);
        DemandComplete(layout);
        if (BadBlockFiles.DemandNone(layout) || options.CopyOnWrite)
            PoolBadBlocks.DemandNone(layout, options.BadBlocks);
        var mapping = new PersistentMapOptions
        {
            Access = options.CopyOnWrite ? MapAccess.CopyOnWrite : MapAccess.ReadWrite,
            Lock = !options.CopyOnWrite,
            ForceGranularity = options.ForceGranularity,
        };
        var open = new List<OpenReplica>();
        try
        {
            for (int r = 0; r < layout.Replicas.Count; r++)
                open.Add(OpenReplica.Open(layout, r, create: _ => false, mapping));
            return Attach([.. open], layout, kind);
        }
        catch
        {
            foreach (OpenReplica replica in open)
                replica.Dispose();
            throw;
        }
    }

    /// <summary>Opens the pool in a map, which the pool then owns (on failure the caller keeps it).</summary>
    /// <exception cref="PmemFormatException">The header is not valid, or of another kind.</exception>
    public static PoolFile Attach(PersistentMap map, PoolKind kind) => Attach([OpenReplica.Of(map)], layout: null, kind);

    /// <summary>Opens the pool in mapped replicas, which it then owns.</summary>
    internal static PoolFile Attach(OpenReplica[] replicas, SetLayout? layout, PoolKind kind)
    {
        long least = MinimumSize(kind);
        foreach (OpenReplica replica in replicas)
        {
            if (replica.Map.Length < least)
                throw new PmemFormatException("pool size", -1, $"at least {least} bytes", $"{replica.Map.Length}");
        }

        PoolHeader first = replicas[0].ReadHeader(0);
        bool tracksShutdowns = first.Incompat.HasFlag(IncompatFeatures.ShutdownState);
        bool isReadOnly = false;
        bool wasDirty = false;
        if (SetValidation.FindProblem(replicas, layout, kind, ref isReadOnly) is { } problem)
            throw problem;
        for (int r = 0; r < replicas.Length && tracksShutdowns; r++)
            wasDirty |= JudgeShutdown(replicas[r], layout?.File is null ? replicas[r].Map.Path : $"replica {r} of {layout.Path}");

        // Nothing is changed before all replicas are judged.
        if (tracksShutdowns && !isReadOnly)
        {
            foreach (OpenReplica replica in replicas)
                replica.MarkDirty(replica.CurrentShutdownState());
        }

        return new PoolFile(Linked(replicas), layout, kind, in first, isReadOnly) { WasDirty = wasDirty };
    }

    /// <summary>Opens one replica of a set by itself, whose headers were judged already; the caller keeps its maps, and does not dispose the result.</summary>
    internal static PoolFile AttachJudged(OpenReplica replica, PoolKind kind)
    {
        PoolHeader first = replica.ReadHeader(0);
        bool tracksShutdowns = first.Incompat.HasFlag(IncompatFeatures.ShutdownState);
        bool wasDirty = first.ShutdownState.Dirty != 0;
        if (tracksShutdowns)
            replica.MarkDirty(replica.CurrentShutdownState());
        return new PoolFile([replica], layout: null, kind, in first, isReadOnly: false) { WasDirty = tracksShutdowns && wasDirty };
    }

    private static bool JudgeShutdown(OpenReplica replica, string? name)
    {
        ShutdownState current = replica.CurrentShutdownState();
        ShutdownState stored = replica.Map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition);
        ShutdownVerdict verdict = stored.Judge(in current);
        if (verdict == ShutdownVerdict.AdrFailure)
        {
            throw new PmemException(
                $"an ADR failure was detected, the pool might be corrupted{(name is null ? string.Empty : $": {name}")}: its modules lost power uncleanly while it was open; restore it from a replica or a backup");
        }

        return verdict == ShutdownVerdict.NotClosed;
    }

    private static void DemandParts(SetLayout layout, string path, PoolOpenOptions options)
    {
        if (layout.IsDirectoryBased && !options.CopyOnWrite)
            InterruptedGrowth.Remove(layout);
        if (layout.Replicas.Exists(replica => replica.Parts.Count == 0))
            throw new FileNotFoundException($"{path}: the folders of the set hold no parts; create the pool first", path);
        DemandPartSizes(layout);
    }

    private static void DemandComplete(SetLayout layout)
    {
        if (OperatingSystem.IsWindows())
            return;
        foreach (PartLayout part in layout.Replicas.SelectMany(replica => replica.Parts))
        {
            if (File.Exists(part.Path) && File.GetUnixFileMode(LinkedFile.RealPath(part.Path)) == UnixFileMode.None)
                throw new PmemException($"{part.Path} has no permissions at all: its creation was interrupted; remove it and create it again");
        }
    }
}
