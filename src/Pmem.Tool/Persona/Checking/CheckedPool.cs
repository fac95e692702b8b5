using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary>The pool that is checked: its files, and what the steps learn of it.</summary>
internal sealed class CheckedPool : IDisposable
{
    private readonly PoolView _files;

    public CheckedPool(PoolView files)
    {
        _files = files;
        Map = files.Maps[0];
        Size = Math.Min(files.Maps.Min(map => map.Length), Map.Length) & -PoolFile.PageSize;
        string first = files.Replicas[0][0].Path;
        ModificationTime = new DateTimeOffset(File.GetLastWriteTimeUtc(first)).ToUnixTimeSeconds();
        TakeHeader(ReadHeader(0, 0));
    }

    /// <summary>The master's bytes.</summary>
    public PersistentMap Map { get; }

    public long Size { get; }

    public IReadOnlyList<IReadOnlyList<PoolPart>> Replicas => _files.Replicas;

    public bool IsSet => _files.Set is not null;

    public bool HasSingleHeader => _files.Set is { } set && set.Options.HasFlag(PoolSetOptions.SingleHeader);

    public long ModificationTime { get; }

    /// <summary>The kind of pool that the header says, or that was found out.</summary>
    public PoolTypes Type { get; set; }

    /// <summary>Whether the file is a part of a set.</summary>
    public bool IsPart { get; private set; }

    /// <summary>The first valid info block of a block pool, once it was looked for and found.</summary>
    public BttInfo? FirstInfo { get; set; }

    /// <summary>Whether all places of info blocks were zero when they were looked for.</summary>
    public bool AreInfosZero { get; private set; }

    /// <summary>Whether the pool's uuid was mended with something else than the info blocks say.</summary>
    public bool HasNewUuid { get; set; }

    public int HeadersOf(int replica) => HasSingleHeader ? 1 : Replicas[replica].Count;

    public PersistentMap HeaderMap(int replica, int part) => _files.HeaderMap(Wrap(replica, Replicas.Count), Wrap(part, HeadersOf(Wrap(replica, Replicas.Count))));

    public PoolHeader ReadHeader(int replica, int part) => PoolHeader.Read(ReadHeaderBytes(replica, part));

    public byte[] ReadHeaderBytes(int replica, int part)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        HeaderMap(replica, part).CheckedRead(0, bytes);
        return bytes;
    }

    public void WriteHeader(int replica, int part, ReadOnlySpan<byte> bytes)
    {
        PersistentMap map = HeaderMap(replica, part);
        map.Copy(0, bytes);
        map.Persist(0, bytes.Length);
    }

    /// <summary>Learns from a header what kind of pool it is.</summary>
    public void TakeHeader(in PoolHeader header)
    {
        Type = header.Kind switch { PoolKind.Log => PoolTypes.Log, PoolKind.Block => PoolTypes.Block, PoolKind.Object => PoolTypes.Object, _ => PoolTypes.Unknown };
        IsPart = !IsSet && (header.Uuid != header.NextPartUuid || header.Uuid != header.PreviousPartUuid);
    }

    public ShutdownState CurrentShutdownState(int replica) => _files.CurrentShutdownState(replica);

    public bool TryRead(ulong offset, ulong length, out byte[] bytes)
    {
        bytes = [];
        if (length > (ulong)Size || offset > (ulong)Size - length || length > int.MaxValue)
            return false;
        bytes = new byte[length];
        return Map.TryRead((long)offset, bytes);
    }

    public bool TryReadInfo(ulong offset, out BttInfo info)
    {
        bool isRead = TryRead(offset, BttInfo.Size, out byte[] bytes);
        info = isRead ? BttInfo.Read(bytes) : default;
        return isRead;
    }

    /// <summary>Stores bytes that differ from those there; durable at return.</summary>
    public bool TryWrite(ulong offset, ReadOnlySpan<byte> bytes)
    {
        if (!TryRead(offset, (ulong)bytes.Length, out byte[] there))
            return false;
        if (bytes.SequenceEqual(there))
            return true;
        Map.Copy((long)offset, bytes);
        Map.Persist((long)offset, bytes.Length);
        return true;
    }

    /// <summary>Where the arena behind one starts, or the pool ends.</summary>
    public ulong NextArena(ulong offset) => Math.Min(offset + BttLayout.MaximumArena, (ulong)Size & ~(ulong)(BttLayout.Alignment - 1));

    /// <summary>The first valid info block or copy, by the places where they can be.</summary>
    public (ulong Offset, BttInfo Info)? FindInfo(ulong start)
    {
        bool zero = true;
        for (ulong offset = start; offset < (ulong)Size; offset += BttLayout.MaximumArena)
        {
            foreach (ulong at in (ReadOnlySpan<ulong>)[offset, NextArena(offset) - BttInfo.Size])
            {
                if (!TryReadInfo(at, out BttInfo info))
                    continue;
                zero &= info.IsZero;
                if (info.IsIntact)
                    return (at, info);
            }
        }

        AreInfosZero = zero;
        return null;
    }

    public void Dispose() => _files.Dispose();

    private static int Wrap(int index, int count) => ((index % count) + count) % count;
}
