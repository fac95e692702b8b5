using System.Buffers.Binary;

namespace Pmem.Pools.Checking;

/// <summary>
/// Mends the header of a pool of one file: exactly, when the checksum says which word was damaged; else field by field, as far as other
/// evidence (the wanted kind, the five copies of the uuid, the content) tells what a field must be.
/// </summary>
/// <remarks>
/// Only words that change are written, each by one 8-byte store, the checksum among them. A crash between them leaves a header whose checksum
/// is wrong and whose fields are each the old or the new one, which the next repair mends to the same.
/// </remarks>
public static class HeaderRepair
{
    /// <summary>Behind the last field that the checksum covers.</summary>
    private const int UnusedPosition = 144;

    /// <summary>Mends the header, and adds what was found to the list.</summary>
    /// <param name="map">The pool.</param>
    /// <param name="kind">What kind of pool it is: the header is made one of that kind.</param>
    /// <param name="contentIsSound">Whether the rest of the pool is as this library knows it; asked only if an unknown feature must be judged.</param>
    /// <param name="mends">Gets a mend for each problem.</param>
    /// <returns>Whether the header is valid now.</returns>
    public static bool Run(PersistentMap map, PoolKind kind, Func<bool> contentIsSound, ICollection<PoolMend> mends)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(mends);
        byte[] bytes = map.GetSpan(0, PoolHeader.Size).ToArray();
        PoolHeader header = PoolHeader.Read(bytes);
        if (PoolValidation.FindProblem(in header, kind) is { } problem)
        {
            bool sealedByProgram = header.Major != 0 && header.Checksum == header.ComputeChecksum();
            bool mended = sealedByProgram
                ? MendSealed(ref header, candidate => PoolValidation.FindProblem(in candidate, kind), kind, contentIsSound, problem, mends)
                : MendWord(ref header, bytes, candidate => PoolValidation.FindProblem(in candidate, kind), problem, mends) || MendFields(ref header, bytes, kind, IncompatFeatures.None, mends);
            if (!mended)
                return false;
            Write(map, bytes, in header);
        }

        if (header.ReadOnlyCompat != ReadOnlyCompatFeatures.None)
        {
            var unknown = new PoolProblem(20, "pool header ro_compat features", "known features only", $"unknown bits 0x{(uint)header.ReadOnlyCompat:x}");
            if (!MendUnknown(unknown, contentIsSound, mends))
                return false;
            header.ReadOnlyCompat = ReadOnlyCompatFeatures.None;
            header.Checksum = header.ComputeChecksum();
            Write(map, map.GetSpan(0, PoolHeader.Size).ToArray(), in header);
        }

        return MendShutdownState(map, in header, mends);
    }

    /// <summary>Mends the one word that the checksum says is wrong; false, and nothing changed, when it names none.</summary>
    internal static bool TryMendWord(PersistentMap map, PoolKind kind)
    {
        byte[] bytes = map.GetSpan(0, PoolHeader.Size).ToArray();
        PoolHeader header = PoolHeader.Read(bytes);
        if (PoolValidation.FindProblem(in header, kind) is not { } problem || !MendWord(ref header, bytes, candidate => PoolValidation.FindProblem(in candidate, kind), problem, []))
            return false;
        Write(map, bytes, in header);
        return true;
    }

    /// <summary>Stores a header, its checksum too, word by word where it differs from what is there; durable at return.</summary>
    public static void Write(PersistentMap map, in PoolHeader header)
    {
        ArgumentNullException.ThrowIfNull(map);
        Write(map, map.GetSpan(0, PoolHeader.Size).ToArray(), in header);
    }

    /// <summary>Stores the words of a header that differ from what is there, and makes them durable.</summary>
    internal static void Write(PersistentMap map, ReadOnlySpan<byte> old, in PoolHeader header)
    {
        ReadOnlySpan<byte> bytes = PoolHeader.Bytes(in header);
        for (int at = 0; at < PoolHeader.Size; at += sizeof(ulong))
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
            if (word == BinaryPrimitives.ReadUInt64LittleEndian(old[at..]))
                continue;
            map.StoreUInt64(at, word);
            map.Flush(at, sizeof(ulong));
        }

        map.Drain();
    }

    /// <summary>The checksum is right, so a program wrote what is there: only an unknown feature can be an accident.</summary>
    internal static bool MendSealed(ref PoolHeader header, Func<PoolHeader, PmemFormatException?> judge, PoolKind kind, Func<bool> contentIsSound, PmemFormatException problem, ICollection<PoolMend> mends)
    {
        PoolHeader without = header;
        without.Incompat &= PoolFeatures.KnownIncompat;
        without.Checksum = without.ComputeChecksum();
        if (header.Incompat != without.Incompat && judge(without) is null)
        {
            if (!MendUnknown(PoolProblem.Of(problem), contentIsSound, mends))
                return false;
            header = without;
            return true;
        }

        string obstacle = problem.Offset switch
        {
            0 => "its checksum is right, so it is a pool of another kind",
            8 => header.Major < PoolHeader.MajorOf(kind) ? "it has an older layout: convert it" : "a newer program made it: use that program",
            128 => "it was made on another kind of machine, and can be used only there",
            _ => "it is one part of a pool set: repair it through the set file",
        };
        mends.Add(PoolMend.NotMended(PoolProblem.Of(problem), obstacle));
        return false;
    }

    internal static bool MendUnknown(PoolProblem unknown, Func<bool> contentIsSound, ICollection<PoolMend> mends)
    {
        if (contentIsSound())
        {
            mends.Add(PoolMend.Mended(unknown, "cleared the unknown bits: everything else in the pool is as this program knows it"));
            return true;
        }

        mends.Add(PoolMend.NotMended(unknown, "the rest of the pool is not as this program knows it either: a newer program may have made it; use that program"));
        return false;
    }

    /// <summary>Restores the one word that the checksum says is wrong, if the header is right by a judgement then.</summary>
    internal static bool MendWord(ref PoolHeader header, byte[] bytes, Func<PoolHeader, PmemFormatException?> judge, PmemFormatException problem, ICollection<PoolMend> mends)
    {
        PoolHeader? found = null;
        int where = 0;
        foreach (bool short2K in (ReadOnlySpan<bool>)[true, false])
        {
            int covered = short2K ? PoolHeader.Checksum2KSize : PoolHeader.ChecksumPosition;
            foreach ((int position, uint value) in ChecksumSolver.FindWrongWord(bytes, covered, checksumPosition: -1, header.Checksum))
            {
                byte[] tried = [.. bytes];
                BinaryPrimitives.WriteUInt32LittleEndian(tried.AsSpan(position), value);
                PoolHeader candidate = PoolHeader.Read(tried);

                // Nothing is kept in the unused areas, so a word there is right only as zero.
                if (candidate.Incompat.HasFlag(IncompatFeatures.Checksum2K) != short2K || judge(candidate) is not null
                    || (position >= UnusedPosition && value != 0))
                    continue;
                if (found is not null)
                    return false; // two explanations are none
                found = candidate;
                where = position;
            }
        }

        if (found is not { } mended)
            return false;
        header = mended;
        mends.Add(PoolMend.Mended(PoolProblem.Of(problem), $"restored the 4 bytes at 0x{where:x}: the checksum says what they were"));
        return true;
    }

    /// <summary>Writes field by field what the only header of a pool must be.</summary>
    internal static bool MendFields(ref PoolHeader header, ReadOnlySpan<byte> bytes, PoolKind kind, IncompatFeatures singleHeader, ICollection<PoolMend> all)
    {
        if (!bytes.ContainsAnyExcept((byte)0))
        {
            all.Add(PoolMend.NotMended(
                new PoolProblem(0, "pool header", $"that of a pool of kind {kind}", "zeros"),
                "its uuids, which the content refers to, are gone: restore the first page from a backup"));
            return false;
        }

        var mends = new List<PoolMend>();
        if (header.Signature != PoolHeader.SignatureOf(kind))
        {
            mends.Add(PoolMend.Mended(new PoolProblem(0, "pool header signature", $"that of a pool of kind {kind}", $"0x{header.Signature:x16}"), "wrote the signature"));
            header.Signature = PoolHeader.SignatureOf(kind);
        }

        if (header.Major != PoolHeader.MajorOf(kind))
        {
            mends.Add(PoolMend.Mended(new PoolProblem(8, "pool header major version", $"{PoolHeader.MajorOf(kind)}", $"{header.Major}"), "wrote the version"));
            header.Major = PoolHeader.MajorOf(kind);
        }

        // Whether there are other headers the caller knows, and a kept shutdown state needs the short checksum.
        IncompatFeatures features = (header.Incompat & PoolFeatures.KnownIncompat & ~IncompatFeatures.SingleHeader) | singleHeader;
        if (features.HasFlag(IncompatFeatures.ShutdownState))
            features |= IncompatFeatures.Checksum2K;
        if (header.Incompat != features)
        {
            mends.Add(PoolMend.Mended(new PoolProblem(16, "pool header incompat features", $"0x{(uint)features:x}", $"0x{(uint)header.Incompat:x}"), "wrote the features"));
            header.Incompat = features;
        }

        if (!header.HasArchitecture())
        {
            mends.Add(PoolMend.Mended(new PoolProblem(128, "pool header architecture flags", "those of this machine", $"machine {header.Machine}"), "wrote those of this machine"));
            header.SetArchitecture();
        }

        bool known = MendUuids(ref header, mends);
        ulong checksum = header.ComputeChecksum();
        mends.Add(PoolMend.Mended(new PoolProblem(PoolHeader.ChecksumPosition, "pool header checksum", $"0x{checksum:x16}", $"0x{header.Checksum:x16}"), "computed it again over fields that are all plausible"));
        header.Checksum = checksum;
        foreach (PoolMend mend in mends)
        {
            // Nothing is written unless everything can be.
            if (known || !mend.IsMended)
                all.Add(mend);
        }

        return known;
    }

    private static bool MendUuids(ref PoolHeader header, List<PoolMend> mends)
    {
        Guid[] copies = [header.Uuid, header.PreviousPartUuid, header.NextPartUuid, header.PreviousReplicaUuid, header.NextReplicaUuid];
        IGrouping<Guid, Guid> most = copies.GroupBy(uuid => uuid).OrderByDescending(group => group.Count()).First();
        if (most.Count() == copies.Length)
            return true;
        var problem = new PoolProblem(40, "pool header uuids", "the same uuid five times (a pool of one file)", $"{copies.Distinct().Count()} different ones");
        if (most.Count() < 3)
        {
            mends.Add(PoolMend.NotMended(problem, "no uuid is there three times, so it may be part of a pool set: repair it through the set file"));
            return false;
        }

        header.Uuid = header.PreviousPartUuid = header.NextPartUuid = header.PreviousReplicaUuid = header.NextReplicaUuid = most.Key;
        mends.Add(PoolMend.Mended(problem, $"wrote {most.Key}, which is there {most.Count()} times"));
        return true;
    }

    private static bool MendShutdownState(PersistentMap map, in PoolHeader header, ICollection<PoolMend> mends) => MendShutdownState(map, in header, ShutdownDevices.Current(map), mends);

    /// <summary>Forgets an unclean loss of power; always succeeds.</summary>
    internal static bool MendShutdownState(PersistentMap map, in PoolHeader header, ShutdownState current, ICollection<PoolMend> mends)
    {
        if (!header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
            return true;
        if (header.ShutdownState.Judge(in current) != ShutdownVerdict.AdrFailure)
            return true;
        mends.Add(PoolMend.Mended(
            new PoolProblem(PoolHeader.ShutdownStatePosition, "shutdown state", "no unclean loss of power while the pool was open", "one: an ADR failure was detected"),
            "reset it; what the modules lost is lost, so compare the content with a backup"));
        map.Fill(PoolHeader.ShutdownStatePosition, 0, ShutdownState.Size);
        return true;
    }
}
