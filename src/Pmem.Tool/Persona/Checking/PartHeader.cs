using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>A part's header while it is checked: what is there, and what of it was agreed to be changed.</summary>
internal sealed class PartHeader
{
    private readonly CheckedPool _pool;

    public PartHeader(CheckedPool pool, int replica, int part)
    {
        _pool = pool;
        Replica = replica;
        Part = part;
        Bytes = pool.ReadHeaderBytes(replica, part);
        IsValid = IsValidHeader(Bytes);
        Prefix = pool.Replicas.Sum(parts => parts.Count) > 1 ? $"replica {replica} part {part}: " : string.Empty;
    }

    public int Replica { get; }

    public int Part { get; }

    /// <summary>The header with what was agreed to.</summary>
    public byte[] Bytes { get; }

    public PoolHeader Value => PoolHeader.Read(Bytes);

    /// <summary>Whether the header is right as it lies on media.</summary>
    public bool IsValid { get; private set; }

    public bool IsZero => !Bytes.AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>What its messages start with.</summary>
    public string Prefix { get; }

    public bool IsAlone => _pool.Replicas.Count == 1 && _pool.Replicas[Replica].Count == 1;

    public static bool IsValidHeader(byte[] bytes)
    {
        PoolHeader header = PoolHeader.Read(bytes);
        return bytes.AsSpan().ContainsAnyExcept((byte)0) && header.Checksum == header.ComputeChecksum();
    }

    /// <summary>Changes bytes of the header, and says so.</summary>
    public bool Set(Conversation talk, int position, ReadOnlySpan<byte> bytes, string doing)
    {
        talk.Say(Prefix + doing);
        bytes.CopyTo(Bytes.AsSpan(position));
        return true;
    }

    /// <summary>Stores the header.</summary>
    public void Write()
    {
        _pool.WriteHeader(Replica, Part, Bytes);
        IsValid = IsValidHeader(Bytes);
    }

    /// <summary>The first valid header of the same replica.</summary>
    public byte[]? ValidNeighbour() =>
        Enumerable.Range(0, _pool.HeadersOf(Replica)).Select(part => _pool.ReadHeaderBytes(Replica, part)).FirstOrDefault(IsValidHeader);
}
