using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The uuids of a part: of the set, its own, and the links to its neighbours. Valid neighbours say what they must be.</summary>
internal sealed class UuidCheck(Conversation talk, CheckedPool pool)
{
    private const int SetUuidPosition = 24;
    private const int UuidPosition = 40;
    private const int FirstLinkPosition = 56;
    private const int UuidSize = 16;

    private static readonly (string Field, int Position)[] s_links =
        [("pool_hdr.next_part_uuid", FirstLinkPosition + UuidSize), ("pool_hdr.prev_part_uuid", FirstLinkPosition), ("pool_hdr.next_repl_uuid", FirstLinkPosition + (3 * UuidSize)), ("pool_hdr.prev_repl_uuid", FirstLinkPosition + (2 * UuidSize))];

    private Guid? _setUuid;

    /// <summary>The uuid of the set; false when that is the end.</summary>
    public bool CheckSetUuid(PartHeader header)
    {
        if (header.IsValid && header.IsAlone)
            return true;
        if (header is { Replica: 0, Part: 0 })
        {
            if (pool.Type == PoolTypes.Block && pool.FirstInfo is { } info)
            {
                Guid parent = new(Pmem.Blocks.Layout.BttInfo.ParentUuidOf(in info));
                _setUuid = parent;
                if (header.Value.PoolSetUuid != parent)
                    return talk.Ask($"{header.Prefix}invalid pool_hdr.poolset_uuid.|Do you want to set it to {parent} from BTT Info?", () => SetUuid(header, parent, isNew: false));
            }

            if (header.IsAlone)
                return true;
            if (!FindSetUuid())
                return false;
            if (_setUuid is null)
                return AskForNewSetUuid(header);
        }

        if (_setUuid is not { } valid || valid == header.Value.PoolSetUuid)
            return true;
        if (!talk.Request.Repair)
        {
            talk.Fail(CheckState.NotConsistent, $"{header.Prefix}invalid pool_hdr.poolset_uuid");
            return false;
        }

        return talk.Ask($"{header.Prefix}invalid pool_hdr.poolset_uuid.|Do you want to set it to {valid} from a valid part file?", () => SetUuid(header, valid, isNew: true));
    }

    /// <summary>The part's own uuid; false when that is the end.</summary>
    public bool CheckUuid(PartHeader header)
    {
        if (header.IsValid && header.IsAlone)
            return true;
        (Guid Uuid, bool IsValid)[] links = [.. Neighbours(header).Select((neighbour, i) => (LinkBack(neighbour.Bytes, i), neighbour.IsValid))];
        Guid? valid = header.IsValid ? header.Value.Uuid : null;
        Guid? common = links.All(link => link.Uuid == links[0].Uuid) ? links[0].Uuid : null;
        for (int i = 0; i < links.Length; i++)
        {
            // Other replicas link to the first part only.
            if ((i >= 2 && header.Part != 0) || !links[i].IsValid)
                continue;
            valid ??= links[i].Uuid;
            if (valid == links[i].Uuid)
                continue;
            talk.Fail(CheckState.NotConsistent, $"{header.Prefix}ambiguous pool_hdr.uuid");
            return false;
        }

        string problem = $"{header.Prefix}invalid pool_hdr.uuid";
        if ((valid ?? common) is { } uuid)
        {
            if (uuid != header.Value.Uuid)
                talk.Ask($"{problem}.|Do you want to set it to {uuid} from a valid part file?", () => header.Set(talk, UuidPosition, uuid.ToByteArray(), $"setting pool_hdr.uuid to {uuid}"));
            return true;
        }

        if (talk.Request.Advanced)
        {
            var made = Guid.NewGuid();
            talk.Ask($"{problem}.|Do you want to regenerate it?", () => header.Set(talk, UuidPosition, made.ToByteArray(), $"setting pool_hdr.uuid to {made}"));
            return true;
        }

        if (talk.Request.Repair)
            talk.Say(header.Prefix + Conversation.RequiresAdvanced);
        talk.Fail(talk.Request.Repair ? CheckState.CannotRepair : CheckState.NotConsistent, problem);
        return false;
    }

    /// <summary>The links to the neighbours; false when that is the end.</summary>
    public bool CheckLinks(PartHeader header)
    {
        if (header.IsValid && header.IsAlone)
            return true;
        for (int i = 0; i < s_links.Length; i++)
        {
            (string field, int position) = s_links[i];
            Guid uuid = PoolHeader.Read(Neighbours(header)[i].Bytes).Uuid;
            if (new Guid(header.Bytes.AsSpan(position, UuidSize)) == uuid)
                continue;
            if (!talk.Request.Repair)
            {
                talk.Fail(CheckState.NotConsistent, $"{header.Prefix}invalid {field}");
                return false;
            }

            talk.Ask($"{header.Prefix}invalid {field}.|Do you want to set it to a valid value?", () => header.Set(talk, position, uuid.ToByteArray(), $"setting {field} to {uuid}"));
        }

        return true;
    }

    private bool SetUuid(PartHeader header, Guid uuid, bool isNew)
    {
        pool.HasNewUuid = isNew;
        return header.Set(talk, SetUuidPosition, uuid.ToByteArray(), $"setting pool_hdr.poolset_uuid to {uuid}");
    }

    /// <summary>That of all valid headers, or of all headers; false when valid ones differ.</summary>
    private bool FindSetUuid()
    {
        Guid? common = _setUuid;
        for (int r = 0; r < pool.Replicas.Count; r++)
        {
            for (int p = 0; p < pool.HeadersOf(r); p++)
            {
                byte[] bytes = pool.ReadHeaderBytes(r, p);
                Guid uuid = PoolHeader.Read(bytes).PoolSetUuid;
                if (common is null && r == 0 && p == 0)
                    common = uuid;
                else if (common != uuid)
                    common = null;
                if (!PartHeader.IsValidHeader(bytes))
                    continue;
                _setUuid ??= uuid;
                if (_setUuid == uuid)
                    continue;
                talk.Fail(CheckState.NotConsistent, "the poolset contains part files from various poolsets");
                return false;
            }
        }

        _setUuid ??= common;
        return true;
    }

    private bool AskForNewSetUuid(PartHeader header)
    {
        string problem = $"{header.Prefix}no common pool_hdr.poolset_uuid";
        if (!talk.Request.Repair || !talk.Request.Advanced)
        {
            if (talk.Request.Repair)
                talk.Say(header.Prefix + Conversation.RequiresAdvanced);
            talk.Fail(talk.Request.Repair ? CheckState.CannotRepair : CheckState.NotConsistent, problem);
            return false;
        }

        // The message's spelling is pmempool's.
        var made = Guid.NewGuid();
        return talk.Ask($"{problem}.|Do you want to regenerate pool_hdr.poolset_uuid?", () =>
        {
            pool.HasNewUuid = true;
            return header.Set(talk, SetUuidPosition, made.ToByteArray(), $"setting pool_hdr.pooset_uuid to {made}");
        });
    }

    /// <summary>Next and previous part, first parts of the next and the previous replica.</summary>
    private (byte[] Bytes, bool IsValid)[] Neighbours(PartHeader header)
    {
        byte[][] headers =
        [
            pool.ReadHeaderBytes(header.Replica, header.Part + 1),
            pool.ReadHeaderBytes(header.Replica, header.Part - 1),
            pool.ReadHeaderBytes(header.Replica + 1, 0),
            pool.ReadHeaderBytes(header.Replica - 1, 0),
        ];
        return [.. headers.Select(bytes => (bytes, PartHeader.IsValidHeader(bytes)))];
    }

    /// <summary>What a neighbour says this part's uuid is.</summary>
    private static Guid LinkBack(byte[] neighbour, int index)
    {
        PoolHeader header = PoolHeader.Read(neighbour);
        return index switch { 0 => header.PreviousPartUuid, 1 => header.NextPartUuid, 2 => header.PreviousReplicaUuid, _ => header.NextReplicaUuid };
    }
}
