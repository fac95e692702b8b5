using System.Buffers.Binary;
using System.Text;
using Pmem.Pools;
using Pmem.Tool.Persona.Info;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The headers of all parts: their fields first, then the uuids that link them.</summary>
internal sealed class HeaderSteps(Conversation talk, CheckedPool pool)
{
    private const int MajorPosition = 8;
    private const int CompatPosition = 12;
    private const int IncompatPosition = 16;
    private const int ReadOnlyPosition = 20;
    private const int CreationTimePosition = 120;
    private const int ArchitecturePosition = 128;
    private const int ArchitectureSize = 16;
    private const int UnusedPosition = 144;
    private const int UnusedEnd = 2048;

    private bool _modified;

    /// <summary>The fields.</summary>
    public IEnumerable<Pause> RunFields()
    {
        for (int r = 0; r < pool.Replicas.Count; r++)
        {
            for (int p = 0; p < pool.HeadersOf(r); p++)
            {
                foreach (Pause pause in CheckFields(new PartHeader(pool, r, p)))
                    yield return pause;
                if (talk.IsOver || talk.IsStopped)
                    yield break;
            }
        }

        TakeMaster();
    }

    /// <summary>The uuids, and at last the checksum.</summary>
    public IEnumerable<Pause> RunUuids()
    {
        _modified = false;
        var uuids = new UuidCheck(talk, pool);
        for (int r = 0; r < pool.Replicas.Count; r++)
        {
            for (int p = 0; p < pool.Replicas[r].Count; p++)
            {
                var header = new PartHeader(pool, r, p);
                foreach (Func<PartHeader, bool> check in (Func<PartHeader, bool>[])[uuids.CheckSetUuid, uuids.CheckUuid, uuids.CheckLinks, CheckChecksum])
                {
                    if (!check(header))
                        yield break;
                    if (talk.State == CheckState.AskQuestions)
                        yield return default;
                    if (!Carry(header))
                        yield break;
                }
            }
        }

        TakeMaster();
    }

    private void TakeMaster()
    {
        if (_modified)
            pool.TakeHeader(pool.ReadHeader(0, 0));
    }

    private bool Carry(PartHeader header)
    {
        if (!talk.HasAnswers)
            return true;
        if (!talk.Carry())
            return false;
        header.Write();
        _modified = true;
        return true;
    }

    private IEnumerable<Pause> CheckFields(PartHeader header)
    {
        if (!CheckWhole(header, out bool isCorrect) || isCorrect)
            yield break;
        AskDefaults(header);
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        bool mends = talk.HasAnswers;
        if (!Carry(header) || (mends && header.IsValid))
            yield break;
        if (!CheckOthers(header))
            yield break;
        if (talk.State == CheckState.AskQuestions)
            yield return default;
        Carry(header);
    }

    /// <summary>Whether it is a header at all, and of a kind that can be mended; false when that is the end.</summary>
    private bool CheckWhole(PartHeader header, out bool isCorrect)
    {
        isCorrect = false;
        string prefix = header.Prefix;
        talk.Say($"{prefix}checking pool header");
        bool hasKind = header.Value.Kind is not null;
        string? problem = header.IsZero ? "empty pool hdr" : !header.IsValid ? "incorrect pool header" : !hasKind ? "invalid signature" : null;
        if (problem is null)
        {
            talk.Say($"{prefix}pool header correct");
            isCorrect = true;
            return true;
        }

        if (!talk.Request.Repair)
        {
            talk.End(CheckState.NotConsistent, prefix + problem);
            return false;
        }

        if (!header.IsZero)
            talk.Say(prefix + problem);
        if (pool.Type == PoolTypes.Unknown)
        {
            pool.FirstInfo = pool.FindInfo(2 * Pmem.Blocks.Layout.BttLayout.Alignment)?.Info;
            if (pool.FirstInfo is null)
            {
                talk.Fail(CheckState.CannotRepair, "cannot determine pool type");
                return false;
            }

            pool.Type = PoolTypes.Block;
        }

        if (pool.Type != PoolTypes.Object)
            return true;
        talk.Fail(CheckState.CannotRepair, "the repair of pmemobj pools is not supported");
        return false;
    }

    private void AskDefaults(PartHeader header)
    {
        PoolKind kind = pool.Type == PoolTypes.Log ? PoolKind.Log : PoolKind.Block;
        byte[] signature = BitConverter.GetBytes(PoolHeader.SignatureOf(kind));
        string name = Encoding.ASCII.GetString(signature).TrimEnd('\0');
        string prefix = header.Prefix;
        PoolHeader found = header.Value;
        if (found.Kind != kind)
            talk.Ask($"{prefix}pool_hdr.signature is not valid.|Do you want to set it to {name}?", () => header.Set(talk, 0, signature, $"setting pool_hdr.signature to {name}"));
        Check(found.Major != PoolHeader.MajorOf(kind), MajorPosition, "pool_hdr.major", PoolHeader.MajorOf(kind));
        Check(((uint)found.Compat & ~(uint)PoolFeatures.DefaultCompat) != 0, CompatPosition, "pool_hdr.features.compat", (uint)PoolFeatures.DefaultCompat);
        Check(((uint)found.Incompat & ~(uint)PoolFeatures.DefaultIncompat) != 0, IncompatPosition, "pool_hdr.features.incompat", (uint)PoolFeatures.DefaultIncompat);
        Check(found.ReadOnlyCompat != ReadOnlyCompatFeatures.None, ReadOnlyPosition, "pool_hdr.features.ro_compat", 0);
        if (header.Bytes.AsSpan(UnusedPosition, UnusedEnd - UnusedPosition).ContainsAnyExcept((byte)0))
            talk.Ask($"{prefix}unused area is not filled by zeros.|Do you want to fill it up?", () => header.Set(talk, UnusedPosition, new byte[UnusedEnd - UnusedPosition], "setting pool_hdr.unused to zeros"));

        void Check(bool isWrong, int position, string field, uint value)
        {
            if (isWrong)
                talk.Ask($"{prefix}{field} is not valid.|Do you want to set it to default value 0x{value:x}?", () => header.Set(talk, position, BitConverter.GetBytes(value), $"setting {field} to 0x{value:x}"));
        }
    }

    /// <summary>Fields for which there is no default; false when that is the end.</summary>
    private bool CheckOthers(PartHeader header)
    {
        if (header.Value.CreationTime > (ulong)pool.ModificationTime)
        {
            string problem = $"{header.Prefix}pool_hdr.crtime is not valid";
            if (!talk.Request.Advanced)
            {
                talk.Say(header.Prefix + Conversation.RequiresAdvanced);
                talk.Fail(CheckState.CannotRepair, problem);
                return false;
            }

            string time = InfoText.Time((ulong)pool.ModificationTime);
            talk.Ask(
                $"{problem}.|Do you want to set it to file's modtime [{time}]?",
                () => header.Set(talk, CreationTimePosition, BitConverter.GetBytes(pool.ModificationTime), $"setting pool_hdr.crtime to file's modtime: {time}"));
        }

        if (header.ValidNeighbour() is not { } valid || valid.AsSpan(ArchitecturePosition, ArchitectureSize).SequenceEqual(header.Bytes.AsSpan(ArchitecturePosition, ArchitectureSize)))
            return true;
        byte[] architecture = valid[ArchitecturePosition..(ArchitecturePosition + ArchitectureSize)];
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(architecture);
        ulong second = BinaryPrimitives.ReadUInt64LittleEndian(architecture.AsSpan(sizeof(ulong)));
        talk.Ask(
            $"{header.Prefix}pool_hdr.arch_flags is not valid.|Do you want to copy it from a valid part?",
            () => header.Set(talk, ArchitecturePosition, architecture, $"setting pool_hdr.arch_flags to 0x{first:x8}{second:x8}"));
        return true;
    }

    private bool CheckChecksum(PartHeader header)
    {
        if (header.IsValid)
            return true;
        string problem = $"{header.Prefix}invalid pool_hdr.checksum";
        if (!talk.Request.Repair)
        {
            talk.Fail(CheckState.NotConsistent, problem);
            return false;
        }

        if (!talk.Request.Advanced)
        {
            talk.Say(header.Prefix + Conversation.RequiresAdvanced);
            talk.Fail(CheckState.CannotRepair, problem);
            return false;
        }

        talk.Ask($"{problem}.|Do you want to regenerate checksum?", () =>
        {
            ulong checksum = header.Value.ComputeChecksum();
            return header.Set(talk, PoolHeader.ChecksumPosition, BitConverter.GetBytes(checksum), $"setting pool_hdr.checksum to 0x{checksum:x}");
        });
        return true;
    }
}
