using Pmem.Pools.Checking;
using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Makes broken and new parts anew from a healthy replica. In order: the file with mode 0 and a header of zeros, its data, its header, the ring
/// in the other headers, its mode. Until the last step the part counts as broken, so an interruption anywhere means that it is made again.
/// </summary>
internal sealed class SetRebuild(SetLayout layout, SetHealth health, int source, PoolSyncOptions options)
{
    private const int Slice = 1 << 20;

    private readonly long _poolSize = health.PoolSize(source);

    /// <summary>Whether broken parts get new uuids, because they never belonged to the pool.</summary>
    public bool NewUuids { get; init; }

    /// <summary>Does it; returns the bytes of data copied.</summary>
    public long Run()
    {
        PartLayout[] broken = [.. health.BrokenParts().Select(part => layout.Replicas[part.Replica].Parts[part.Part])];
        PoolSpace.Demand(broken.Where(part => !part.IsDevice).Select(part => (part.Path, part.FileSize - (File.Exists(part.Path) ? LinkedFile.LengthOf(part.Path) : 0))));
        foreach (PartLayout part in broken)
        {
            if (!part.IsDevice)
                File.Delete(part.Path);
            PersistenceTrace.Mark("broken part removed");
        }

        var open = new List<OpenReplica>();
        try
        {
            var mapping = new PersistentMapOptions { CreateMode = UnixFileMode.None };
            for (int r = 0; r < layout.Replicas.Count; r++)
                open.Add(OpenReplica.Open(layout, r, part => !part.IsDevice && Array.Exists(broken, other => ReferenceEquals(other, part)), mapping));
            long copied = CopyData(open);
            WriteHeaders(open);
            SetModes();
            return copied;
        }
        finally
        {
            foreach (OpenReplica replica in open)
                replica.Dispose();
        }
    }

    private IEnumerable<(int Replica, int Part, long Offset, long Length)> Pieces()
    {
        foreach (BrokenPart part in health.BrokenParts())
        {
            ReplicaLayout replica = layout.Replicas[part.Replica];
            long start = replica.PartStart(part.Part, layout.SingleHeader);
            long end = Math.Min(start + replica.Parts[part.Part].MappedLength(part.Part, layout.SingleHeader), _poolSize);
            long offset = part.Part == 0 ? PoolHeader.Size : start;
            if (offset < end)
                yield return (part.Replica, part.Part, offset, end - offset);
        }
    }

    private long CopyData(List<OpenReplica> open)
    {
        foreach (BrokenPart part in health.BrokenParts())
        {
            // Files are new; a device still has its old header.
            if (layout.Replicas[part.Replica].Parts[part.Part].IsDevice && part.Part < open[part.Replica].HeaderCount)
                open[part.Replica].HeaderMap(part.Part).Fill(0, 0, PoolHeader.Size);
        }

        long total = Pieces().Sum(piece => piece.Length);
        long done = 0;
        byte[] buffer = new byte[Slice];
        foreach ((int replica, _, long offset, long length) in Pieces())
        {
            for (long at = 0; at < length; at += Slice)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                Span<byte> slice = buffer.AsSpan(0, (int)Math.Min(Slice, length - at));
                open[source].Map.CheckedRead(offset + at, slice);
                open[replica].Map.Copy(offset + at, slice);
                done += slice.Length;
                options.Progress?.Report(new PoolProgress("copying", done, total));
            }
        }

        return done;
    }

    private void WriteHeaders(List<OpenReplica> open)
    {
        Guid[][] uuids = Uuids();
        var changed = new List<HeaderJournal.Entry>();
        for (int r = 0; r < open.Count; r++)
        {
            for (int p = 0; p < open[r].HeaderCount; p++)
            {
                bool isNew = health.IsBroken(r, p);
                PoolHeader old = open[r].ReadHeader(p);
                PoolHeader header = isNew ? NewHeader(open[r], p) : old;
                UuidRing.Link(ref header, uuids, r, p);
                header.Checksum = header.ComputeChecksum();
                if (isNew || !PoolHeader.Bytes(in header).SequenceEqual(PoolHeader.Bytes(in old)))
                    changed.Add(new HeaderJournal.Entry(r, p, old, header));
            }
        }

        HeaderJournal.Write(layout, open, changed);
    }

    private PoolHeader NewHeader(OpenReplica replica, int part)
    {
        PoolHeader from = health.Header(source, 0);
        PoolHeader header = default;
        header.Signature = from.Signature;
        header.Major = from.Major;
        header.Compat = from.Compat;
        header.Incompat = (from.Incompat & ~IncompatFeatures.SingleHeader) | (layout.SingleHeader ? IncompatFeatures.SingleHeader : IncompatFeatures.None);
        header.ReadOnlyCompat = from.ReadOnlyCompat;
        header.PoolSetUuid = from.PoolSetUuid;
        header.CreationTime = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        header.SetArchitecture();
        if (part == 0 && header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
        {
            header.ShutdownState = replica.CurrentShutdownState();
            header.ShutdownState.Checksum = header.ShutdownState.ComputeChecksum();
        }

        return header;
    }

    /// <summary>The uuid of every part: those of healthy ones; those that healthy neighbours remember; new ones for the rest.</summary>
    private Guid[][] Uuids()
    {
        var uuids = new Guid[layout.Replicas.Count][];
        for (int r = 0; r < uuids.Length; r++)
        {
            uuids[r] = new Guid[health.HeaderCount(r)];
            for (int p = 0; p < uuids[r].Length; p++)
            {
                if (!health.IsBroken(r, p))
                    uuids[r][p] = health.Header(r, p).Uuid;
            }
        }

        for (int r = 0; r < uuids.Length; r++)
        {
            for (int p = 0; p < uuids[r].Length; p++)
            {
                if (health.IsBroken(r, p))
                    uuids[r][p] = (NewUuids ? null : Remembered(uuids, r, p)) ?? Guid.NewGuid();
            }
        }

        return uuids;
    }

    private Guid? Remembered(Guid[][] uuids, int replica, int part)
    {
        int count = health.HeaderCount(replica);
        if (!layout.SingleHeader && !health.IsBroken(replica, UuidRing.Before(part, count)))
            return health.Header(replica, part - 1).NextPartUuid;
        if (!layout.SingleHeader && !health.IsBroken(replica, UuidRing.After(part, count)))
            return health.Header(replica, part + 1).PreviousPartUuid;
        if (part != 0)
            return null;
        Guid? remembered = !health.IsBroken(replica - 1, 0) ? health.Header(replica - 1, 0).NextReplicaUuid
            : !health.IsBroken(replica + 1, 0) ? health.Header(replica + 1, 0).PreviousReplicaUuid
            : null;
        if (remembered is { } uuid && uuids.Take(replica).Any(others => others[0] == uuid))
            throw new PmemException($"{layout.Path}: repeated uuid - some replicas were created with a different poolset file");
        return remembered;
    }

    private void SetModes()
    {
        if (OperatingSystem.IsWindows())
            return;
        UnixFileMode mode = File.GetUnixFileMode(layout.Replicas[source].Parts[0].Path);
        foreach (BrokenPart part in health.BrokenParts())
        {
            if (!layout.Replicas[part.Replica].Parts[part.Part].IsDevice)
                File.SetUnixFileMode(part.Path, mode);
            PersistenceTrace.Mark("mode of a rebuilt part");
        }
    }
}
