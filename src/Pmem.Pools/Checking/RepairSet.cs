using Pmem.Pools.Sets;

namespace Pmem.Pools.Checking;

/// <summary>The files of a pool set, opened for its repair whatever their headers say: locked, or private copies for a dry run.</summary>
public sealed class RepairSet : IDisposable
{
    private readonly SetLayout _layout;
    private readonly OpenReplica[] _replicas;
    private readonly PoolKind _kind;

    private readonly bool _isDryRun;

    private RepairSet(SetLayout layout, OpenReplica[] replicas, PoolKind kind, bool isDryRun)
    {
        _isDryRun = isDryRun;
        _layout = layout;
        _replicas = replicas;
        _kind = kind;
    }

    /// <summary>The memory of each replica, the master's first. They do not follow each other.</summary>
    public IReadOnlyList<PersistentMap> Maps => [.. _replicas.Select(replica => replica.Map)];

    /// <summary>Where a byte of a replica lies: the name of its part for messages.</summary>
    public string NameOf(int replica, long offset) => _layout.NameOf(replica, _replicas[replica].Locate(offset).Part);

    /// <summary>Opens all files; backs them up first, when that is wanted (then <see cref="PoolBackup.Finish"/> is called at the end), and finishes what an interrupted tool left.</summary>
    /// <param name="path">The pool set file.</param>
    /// <param name="kind">The kind of pool.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <param name="verb">The change, as <see cref="PoolBackup.Finishing"/> has it, for the note of the backup.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemException">A file is missing, has another size than the set file says, is in use, or cannot be accessed.</exception>
    public static RepairSet Open(string path, PoolKind kind, PoolRepairOptions options, string verb)
    {
        ArgumentNullException.ThrowIfNull(options);
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
        for (int r = 0; r < layout.Replicas.Count; r++)
            PoolParts.Demand(layout, r, _ => false);
        PoolBackup.Begin(path, options.BackupPath, verb, progress: options.Progress, cancellation: options.Cancellation);
        if (!options.DryRun)
            HeaderJournal.Finish(layout);
        var open = new List<OpenReplica>();
        try
        {
            var mapping = new PersistentMapOptions { Access = options.DryRun ? MapAccess.CopyOnWrite : MapAccess.ReadWrite, Lock = !options.DryRun };
            for (int r = 0; r < layout.Replicas.Count; r++)
                open.Add(OpenReplica.Open(layout, r, create: _ => false, mapping));
            if (open.Find(replica => replica.Map.Length < PoolFile.MinimumSize(kind)) is { } small)
                throw new PmemFormatException("pool size", -1, $"at least {PoolFile.MinimumSize(kind)} bytes", $"{small.Map.Length}");
            return new RepairSet(layout, [.. open], kind, options.DryRun);
        }
        catch
        {
            foreach (OpenReplica replica in open)
                replica.Dispose();
            throw;
        }
    }

    /// <summary>Mends all headers, and adds what was found to the list.</summary>
    /// <param name="contentIsSound">Whether the rest of the pool is as this library knows it; asked only if an unknown feature must be judged.</param>
    /// <param name="mends">Gets a mend for each problem.</param>
    /// <returns>Whether the headers are valid now.</returns>
    public bool MendHeaders(Func<bool> contentIsSound, ICollection<PoolMend> mends) => new SetHeaderRepair(_layout, _replicas, _kind, contentIsSound, mends).Run();

    /// <summary>The layout version that all headers have; they are valid but for that.</summary>
    /// <exception cref="PmemFormatException">Headers have different versions, or one is not valid.</exception>
    public uint FindMajor()
    {
        PoolHeader[][] headers = SetValidation.HeadersOf(_replicas);
        uint major = headers[0][0].Major;
        for (int r = 0; r < headers.Length; r++)
        {
            for (int p = 0; p < headers[r].Length; p++)
            {
                ref PoolHeader header = ref headers[r][p];
                if (header.Major != major || major == 0)
                    throw new PmemFormatException($"{_layout.NameOf(r, p)}: pool header major version", 8, major == 0 ? "a version" : $"{major}, as the first part has", $"{header.Major}");
                if (header.Checksum != header.ComputeChecksum())
                    throw new PmemFormatException($"{_layout.NameOf(r, p)}: pool header checksum", PoolHeader.ChecksumPosition, $"0x{header.ComputeChecksum():x16}", $"0x{header.Checksum:x16}");
                header.Major = PoolHeader.MajorOf(_kind);
                header.Checksum = header.ComputeChecksum();
            }
        }

        bool isReadOnly = false;
        return SetValidation.FindProblem(headers, _layout, _kind, ref isReadOnly) is { } problem ? throw problem : major;
    }

    /// <summary>Writes the present layout version into all headers, as one step. Durable at return.</summary>
    public void StorePresentMajor()
    {
        var entries = new List<HeaderJournal.Entry>();
        for (int r = 0; r < _replicas.Length; r++)
        {
            for (int p = 0; p < _replicas[r].HeaderCount; p++)
            {
                PoolHeader before = _replicas[r].ReadHeader(p);
                PoolHeader header = before;
                header.Major = PoolHeader.MajorOf(_kind);
                header.Checksum = header.ComputeChecksum();
                entries.Add(new HeaderJournal.Entry(r, p, before, header));
            }
        }

        if (!_isDryRun)
        {
            HeaderJournal.Write(_layout, _replicas, entries);
            return;
        }

        foreach (HeaderJournal.Entry entry in entries)
        {
            PoolHeader header = entry.Header;
            HeaderRepair.Write(_replicas[entry.Replica].HeaderMap(entry.Part), in header);
        }
    }

    /// <summary>Toggles a feature in all headers as one step.</summary>
    internal bool SetFeature(PoolFeature feature, bool enabled, bool dryRun)
    {
        List<HeaderJournal.Entry> entries = PoolFeatureSwitch.ToggleAll(_replicas, _layout, _kind, feature, enabled);
        if (!dryRun)
            HeaderJournal.Write(_layout, _replicas, entries);
        return entries.Count > 0;
    }

    /// <summary>The master by itself, as a pool that is open; it must not be disposed.</summary>
    public PoolFile AttachMaster() => PoolFile.AttachJudged(_replicas[0], _kind);

    /// <summary>The whole set as a pool that is open; it owns the files from now on.</summary>
    /// <exception cref="PmemException">A header is not valid.</exception>
    public PoolFile Attach() => PoolFile.Attach(_replicas, _layout, _kind);

    /// <summary>Unmaps and unlocks; after <see cref="Attach"/> it changes nothing more.</summary>
    public void Dispose()
    {
        foreach (OpenReplica replica in _replicas)
            replica.Dispose();
    }
}
