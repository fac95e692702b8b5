using Pmem.Pools.Checking;

namespace Pmem.Pools.Sets;

/// <summary>
/// Mends the headers of a set: exactly, where a checksum names the word that was damaged; else from the others, which repeat everything in it: the
/// features, the pool's uuid, and in the rings the uuid of each neighbour.
/// </summary>
/// <remarks>
/// A header is stored word by word. What a crash leaves of it has a wrong checksum, and is made again from the same others by the next repair.
/// </remarks>
internal sealed class SetHeaderRepair(SetLayout layout, IReadOnlyList<OpenReplica> replicas, PoolKind kind, Func<bool> contentIsSound, ICollection<PoolMend> mends)
{
    private readonly PoolHeader[][] _headers = [.. replicas.Select(replica => Enumerable.Range(0, replica.HeaderCount).Select(replica.ReadHeader).ToArray())];
    private readonly bool[][] _sound = [.. replicas.Select(replica => new bool[replica.HeaderCount])];

    /// <summary>Mends; returns whether all headers are valid now, together too.</summary>
    public bool Run()
    {
        if (!Each(MendAlone) || !Each(MendFromOthers) || !BelongTogether())
            return false;
        for (int r = 0; r < replicas.Count; r++)
            HeaderRepair.MendShutdownState(replicas[r].Map, in _headers[r][0], replicas[r].CurrentShutdownState(), mends);
        return true;
    }

    private bool Each(Func<int, int, bool> step)
    {
        for (int r = 0; r < _headers.Length; r++)
        {
            for (int p = 0; p < _headers[r].Length; p++)
            {
                if (!step(r, p))
                    return false;
            }
        }

        return true;
    }

    private PmemFormatException? Judge(int replica, int part, PoolHeader header) => PoolValidation.FindProblemInHeader(in header, kind, layout.NameOf(replica, part));

    /// <summary>What the header tells of itself. False when a program made it so, and not an accident.</summary>
    private bool MendAlone(int replica, int part)
    {
        ref PoolHeader header = ref _headers[replica][part];
        byte[] bytes = PoolHeader.Bytes(in header).ToArray();
        PmemFormatException? problem = Judge(replica, part, header);
        if (problem is not null && header.Major != 0 && header.Checksum == header.ComputeChecksum())
        {
            if (!HeaderRepair.MendSealed(ref header, candidate => Judge(replica, part, candidate), kind, contentIsSound, problem, mends))
                return false;
            Write(replica, part, bytes);
        }
        else if (problem is not null && HeaderRepair.MendWord(ref header, bytes, candidate => Judge(replica, part, candidate), problem, mends))
        {
            Write(replica, part, bytes);
        }

        _sound[replica][part] = Judge(replica, part, header) is null;
        return !_sound[replica][part] || header.ReadOnlyCompat == ReadOnlyCompatFeatures.None || ClearReadOnly(replica, part);
    }

    private bool ClearReadOnly(int replica, int part)
    {
        ref PoolHeader header = ref _headers[replica][part];
        byte[] bytes = PoolHeader.Bytes(in header).ToArray();
        var unknown = new PoolProblem(20, $"{layout.NameOf(replica, part)}: pool header ro_compat features", "known features only", $"unknown bits 0x{(uint)header.ReadOnlyCompat:x}");
        if (!HeaderRepair.MendUnknown(unknown, contentIsSound, mends))
            return false;
        header.ReadOnlyCompat = ReadOnlyCompatFeatures.None;
        header.Checksum = header.ComputeChecksum();
        Write(replica, part, bytes);
        return true;
    }

    private bool MendFromOthers(int replica, int part)
    {
        if (_sound[replica][part])
            return true;
        ref PoolHeader header = ref _headers[replica][part];
        byte[] bytes = PoolHeader.Bytes(in header).ToArray();
        PmemFormatException problem = Judge(replica, part, header)!;
        if (_headers.Sum(headers => headers.Length) == 1)
        {
            if (!HeaderRepair.MendFields(ref header, bytes, kind, layout.SingleHeader ? IncompatFeatures.SingleHeader : IncompatFeatures.None, mends))
                return false;
        }
        else if (!TryBuild(replica, part, problem, ref header))
        {
            return false;
        }

        Write(replica, part, bytes);
        _sound[replica][part] = true;
        return header.ReadOnlyCompat == ReadOnlyCompatFeatures.None || ClearReadOnly(replica, part);
    }

    private bool TryBuild(int replica, int part, PmemFormatException problem, ref PoolHeader header)
    {
        Guid[][]? uuids = Uuids();
        (int r, int p) = FirstSound();
        if (uuids is null || r < 0)
        {
            mends.Add(PoolMend.NotMended(PoolProblem.Of(problem), "no neighbour is sound that repeats its uuid: rebuild it from another replica ('pmem pool sync' after its file was moved away), or restore a backup"));
            return false;
        }

        PoolHeader donor = _headers[r][p];
        header.Signature = donor.Signature;
        header.Major = donor.Major;
        header.Compat = donor.Compat;
        header.Incompat = donor.Incompat;
        header.ReadOnlyCompat = donor.ReadOnlyCompat;
        header.PoolSetUuid = donor.PoolSetUuid;
        header.SetArchitecture();
        UuidRing.Link(ref header, uuids, replica, part);
        if (part > 0 || header.ShutdownState.Checksum != header.ShutdownState.ComputeChecksum())
            header.ShutdownState = default;
        header.Checksum = header.ComputeChecksum();
        mends.Add(PoolMend.Mended(PoolProblem.Of(problem), $"wrote the header again: its uuid is what its neighbours say, the rest is as in {layout.NameOf(r, p)}"));
        return true;
    }

    private (int Replica, int Part) FirstSound()
    {
        for (int r = 0; r < _sound.Length; r++)
        {
            if (Array.IndexOf(_sound[r], true) is var part and >= 0)
                return (r, part);
        }

        return (-1, -1);
    }

    /// <summary>The uuid of every part, or null when one is nowhere to be read.</summary>
    private Guid[][]? Uuids()
    {
        var uuids = new Guid[_headers.Length][];
        for (int r = 0; r < uuids.Length; r++)
        {
            uuids[r] = new Guid[_headers[r].Length];
            for (int p = 0; p < uuids[r].Length; p++)
            {
                if (Remembered(r, p) is not { } uuid)
                    return null;
                uuids[r][p] = uuid;
            }
        }

        return uuids;
    }

    private Guid? Remembered(int replica, int part)
    {
        int parts = _headers[replica].Length;
        if (_sound[replica][part])
            return _headers[replica][part].Uuid;
        (int before, int after) = (UuidRing.Before(part, parts), UuidRing.After(part, parts));
        if (_sound[replica][before])
            return _headers[replica][before].NextPartUuid;
        if (_sound[replica][after])
            return _headers[replica][after].PreviousPartUuid;
        if (part != 0)
            return null;
        int previous = UuidRing.Before(replica, _headers.Length);
        int next = UuidRing.After(replica, _headers.Length);
        int sound = Array.IndexOf(_sound[previous], true);
        if (sound >= 0)
            return _headers[previous][sound].NextReplicaUuid;
        sound = Array.IndexOf(_sound[next], true);
        return sound >= 0 ? _headers[next][sound].PreviousReplicaUuid : null;
    }

    /// <summary>Headers that are right by themselves, and do not belong together, are no accident.</summary>
    private bool BelongTogether()
    {
        bool isReadOnly = false;
        if (SetValidation.FindProblem(replicas, layout, kind, ref isReadOnly) is not { } problem)
            return true;
        mends.Add(PoolMend.NotMended(PoolProblem.Of(problem), "the checksums are right, so the parts are of different pools, or the set file is another than that of the pool: use the set file that the pool was created with"));
        return false;
    }

    private void Write(int replica, int part, byte[] old) => HeaderRepair.Write(replicas[replica].HeaderMap(part), old, in _headers[replica][part]);
}
