using Pmem.Pools.Checking;
using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Gives the parts of a set headers, or takes all but the first away, which moves the data in every part. C moves it in place, page by page, and
/// a crash on the way loses the replica. Here each replica is written anew beside itself, and the new files then take the places of the old:
///
/// 1. files "part.transform" with mode 0, data and headers, durable;
/// 2. their modes, the first part's last: from here on the new replica counts, and the next run goes on at 3;
/// 3. each replaces its part, the first part's last.
///
/// So whenever one of the new files is there, the first part's is. A file of such a name that is not this pool's is somebody else's, and refused.
/// </summary>
internal sealed class HeaderChange(SetLayout from, SetLayout to, PoolTransformation transformation, PoolSyncOptions options)
{
    private const int Slice = 1 << 20;
    private const string Suffix = ".transform";

    private readonly SetLayout _beside = to.At(path => path + Suffix);
    private long _done;

    public PoolTransformResult Run()
    {
        if (from.Replicas.Exists(replica => replica.Parts[0].IsDevice))
            throw new PmemException("the parts are device DAX: their data cannot be moved safely; make a new pool, and copy its content");
        string[] parts = [.. to.Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path)];
        for (int r = 0; r < to.Replicas.Count; r++)
            DemandOwn(r);
        if (!options.DryRun)
        {
            for (int r = 0; r < to.Replicas.Count; r++)
                FinishReplacing(r);
        }

        using SetHealth old = SetHealth.Examine(from, demandRing: false);
        int[] waiting = [.. Enumerable.Range(0, from.Replicas.Count).Where(r => !IsConverted(r))];
        foreach (int r in waiting)
        {
            if (old.BrokenParts().FirstOrDefault(part => part.Replica == r) is { } broken)
                throw new PmemException($"source poolset is broken: {broken.Path}: {broken.Reason}; run 'pmem pool sync {from.Path}' first");
            if (to.PoolSize < old.PoolSize(r))
                throw new PmemException($"{to.Path}: target poolset is too small: it has {to.PoolSize} bytes, the pool uses {old.PoolSize(r)}");
        }

        // One replica after the other, each beside itself.
        foreach (int r in waiting)
            PoolSpace.Demand(_beside.Replicas[r].Parts.Select(part => (part.Path, part.FileSize - (File.Exists(part.Path) ? LinkedFile.LengthOf(part.Path) : 0))));
        if (options.DryRun)
            return new PoolTransformResult(transformation, parts, BytesCopied: 0);
        long total = waiting.Sum(r => old.PoolSize(r) - PoolHeader.Size);
        foreach (int r in waiting)
        {
            WriteBeside(r, old.PoolSize(r), total);
            SetModes(r);
            FinishReplacing(r);
        }

        return new PoolTransformResult(transformation, parts, _done);
    }

    private bool IsConverted(int replica) =>
        File.Exists(to.Replicas[replica].Parts[0].Path)
        && PoolFile.ReadHeader(to.Replicas[replica].Parts[0].Path) is { } header
        && header.Kind is not null
        && header.Incompat.HasFlag(IncompatFeatures.SingleHeader) == to.SingleHeader;

    private void WriteBeside(int replica, long poolSize, long total)
    {
        foreach (PartLayout part in Enumerable.Reverse(_beside.Replicas[replica].Parts))
            File.Delete(part.Path);
        using OpenReplica source = OpenReplica.Open(from, replica, create: _ => false, PersistentMapOptions.Default);
        using OpenReplica target = OpenReplica.Open(_beside, replica, create: _ => true, new PersistentMapOptions { CreateMode = UnixFileMode.None });
        byte[] buffer = new byte[Slice];
        for (long at = PoolHeader.Size; at < poolSize;)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            Span<byte> slice = buffer.AsSpan(0, (int)Math.Min(Slice, poolSize - at));
            source.Map.CheckedRead(at, slice);
            target.Map.Copy(at, slice);
            at += slice.Length;
            _done += slice.Length;
            options.Progress?.Report(new PoolProgress("copying", _done, total));
        }

        WriteHeaders(source, target);
        target.Map.DeepFlush(0, poolSize);
    }

    private void WriteHeaders(OpenReplica source, OpenReplica target)
    {
        PoolHeader first = source.ReadHeader(0);
        Guid[] uuids = [first.Uuid, .. Enumerable.Range(1, target.HeaderCount - 1).Select(_ => Guid.NewGuid())];
        for (int p = 0; p < uuids.Length; p++)
        {
            PoolHeader header = first;
            header.Incompat = (first.Incompat & ~IncompatFeatures.SingleHeader) | (to.SingleHeader ? IncompatFeatures.SingleHeader : IncompatFeatures.None);
            header.Uuid = uuids[p];
            header.PreviousPartUuid = uuids[UuidRing.Before(p, uuids.Length)];
            header.NextPartUuid = uuids[UuidRing.After(p, uuids.Length)];
            if (p > 0)
                header.ShutdownState = default;
            header.Checksum = header.ComputeChecksum();
            target.HeaderMap(p).Copy(0, PoolHeader.Bytes(in header));
            target.HeaderMap(p).DeepFlush(0, PoolHeader.Size);
        }
    }

    /// <summary>Throws if a file has the name of a new part, and is not what an interrupted run of this transformation left. Changes nothing.</summary>
    private void DemandOwn(int replica)
    {
        List<PartLayout> beside = _beside.Replicas[replica].Parts;
        if (beside.Find(part => Directory.Exists(part.Path)) is { } folder)
            throw InTheWay(folder.Path);
        if (!File.Exists(beside[0].Path))
        {
            if (beside.Find(part => File.Exists(part.Path)) is { } other)
                throw InTheWay(other.Path);
            return;
        }

        if (!IsComplete(beside[0].Path))
            return;
        string part = to.Replicas[replica].Parts[0].Path;
        if (LinkedFile.LengthOf(beside[0].Path) != beside[0].FileSize
            || PoolFile.ReadHeader(beside[0].Path) is not { } made
            || made.Checksum != made.ComputeChecksum()
            || made.Incompat.HasFlag(IncompatFeatures.SingleHeader) != to.SingleHeader
            || !File.Exists(part)
            || PoolFile.ReadHeader(part)?.PoolSetUuid != made.PoolSetUuid)
            throw InTheWay(beside[0].Path);
    }

    private static PmemException InTheWay(string path) =>
        new($"{path} is in the way: a new part has that name until it takes its place, and this is not what an interrupted run left; move it; nothing was changed");

    private static bool IsComplete(string path) => OperatingSystem.IsWindows() || File.GetUnixFileMode(path) != UnixFileMode.None;

    private void SetModes(int replica)
    {
        if (OperatingSystem.IsWindows())
            return;
        for (int p = to.Replicas[replica].Parts.Count - 1; p >= 0; p--)
        {
            File.SetUnixFileMode(_beside.Replicas[replica].Parts[p].Path, File.GetUnixFileMode(to.Replicas[replica].Parts[p].Path));
            PersistenceTrace.Mark("mode of a new part");
        }

        SyncFolders(replica);
    }

    /// <summary>Lets complete new files take their places; files that are not complete are left to be written again.</summary>
    private void FinishReplacing(int replica)
    {
        List<PartLayout> beside = _beside.Replicas[replica].Parts;
        if (!File.Exists(beside[0].Path) || !IsComplete(beside[0].Path))
            return;
        for (int p = beside.Count - 1; p > 0; p--)
        {
            if (File.Exists(beside[p].Path))
                File.Move(beside[p].Path, to.Replicas[replica].Parts[p].Path, overwrite: true);
            PersistenceTrace.Mark("part replaced");
        }

        // Not before the others are durable: it is what says that they have to be moved.
        SyncFolders(replica);
        File.Move(beside[0].Path, to.Replicas[replica].Parts[0].Path, overwrite: true);
        PersistenceTrace.Mark("replica replaced");
        SyncFolders(replica);
    }

    private void SyncFolders(int replica)
    {
        foreach (string folder in to.Replicas[replica].Parts.Select(part => Path.GetDirectoryName(part.Path)!).Distinct(StringComparer.Ordinal))
            PersistentMap.SyncDirectory(folder);
    }
}
