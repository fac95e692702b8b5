using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>The memory of a region of which there is evidence: copies of what is asked for.</summary>
internal sealed class EvidenceMemory(RegionEvidence region) : IRegionMemory
{
    private const long MostBytes = 256 << 20;
    private const long Page = 4096;
    private const int MostArenas = 4096;

    public PersistentMap Map(long offset, long length, bool readOnly = false)
    {
        if (!readOnly)
            throw new PmemException($"{region.Name} is part of a capture, which nobody may change: change the platform itself");
        if (length <= 0 || offset < 0)
            throw new PmemException($"{region.Name} has no {length} bytes at {offset}");
        if (length > MostBytes)
            throw new PmemException($"{length} bytes are more than the {MostBytes} that are looked at at once");
        byte[] bytes = new byte[length];
        if (!region.TryRead((ulong)offset, bytes))
            throw new PmemException($"{region.Name} cannot be read at 0x{offset:x}: its media are not there, or were not kept");
        var map = PersistentMap.CreateAnonymous(length);
        map.Copy(0, bytes);
        return map;
    }

    /// <summary>
    /// Maps what is known of a namespace, of which much may not have been kept: its first pages, and of a block translation table info blocks, maps and flogs. The rest is zeros,
    /// which nobody may take for data.
    /// </summary>
    /// <exception cref="PmemException">The maps of a table were not kept.</exception>
    public PersistentMap MapKnown(long offset, long length)
    {
        var map = PersistentMap.CreateAnonymous(length);
        try
        {
            for (long at = 0; at < Math.Min(length, NamespacePersonality.HeadSize); at += Page)
                TryCopy(map, offset, at, Math.Min(Page, length - at));
            CopyArenas(map, offset, 0);
            CopyArenas(map, offset, BttFormat.Linux11.InitialOffset);
            return map;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    private void CopyArenas(PersistentMap map, long offset, long at)
    {
        for (int arena = 0; arena < MostArenas && map.Length - at >= BttLayout.MinimumArena; arena++)
        {
            long copy = at + (Math.Min(map.Length - at, BttLayout.MaximumArena) / Page * Page) - Page;
            if ((ReadInfo(map, offset, at, at) ?? ReadInfo(map, offset, at, copy)) is not { } info)
                return;
            TryCopy(map, offset, at + (long)info.InfoOffset, Page);
            if (!TryCopy(map, offset, at + (long)info.MapOffset, (long)(info.InfoOffset - info.MapOffset)))
                throw new PmemException($"{region.Name}: map and flog of arena {arena} were not kept, or cannot be read: look at the platform itself");
            if (info.NextOffset == 0)
                return;
            at += (long)info.NextOffset;
        }
    }

    private BttInfo? ReadInfo(PersistentMap map, long offset, long arena, long at)
    {
        if (!TryCopy(map, offset, at, Page))
            return null;
        BttInfo info = BttInfo.Read(map.GetSpan(at, BttInfo.Size));
        return BttInfoValidation.FindProblem(in info, at, map.Length - arena, null, 0) is null ? info : null;
    }

    private bool TryCopy(PersistentMap map, long offset, long at, long length)
    {
        const int Piece = 1 << 20;
        byte[] bytes = new byte[Math.Min(length, Piece)];
        for (long done = 0; done < length; done += bytes.Length)
        {
            Span<byte> piece = bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - done));
            if (!region.TryRead((ulong)(offset + at + done), piece))
                return false;
            map.Copy(at + done, piece, CopyHints.NoDrain);
        }

        return true;
    }
}

/// <summary>A label storage area of which there is evidence: it can be read.</summary>
internal sealed class EvidenceLabels(LabelArea area, string name) : ILabelStorage
{
    public int Size => area.Size;

    public void Read(int offset, Span<byte> destination) => area.Bytes.Slice(offset, destination.Length).CopyTo(destination);

    public void Write(int offset, ReadOnlySpan<byte> source) => throw new PmemException($"the labels of {name} are part of a capture, which nobody may change: change the platform itself");
}
