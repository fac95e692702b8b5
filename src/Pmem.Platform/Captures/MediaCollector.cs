using Pmem.Blocks.Layout;
using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Captures;

/// <summary>Picks what a capture keeps of media: what says what namespaces are, never what their users wrote.</summary>
internal sealed class MediaCollector
{
    private const ulong Page = 4096;
    private const ulong MostTables = 64 << 20;
    private const int MostArenas = 4096;

    private readonly PlatformEvidence _evidence;
    private readonly SortedDictionary<ulong, bool>[] _pages;
    private readonly List<string> _omitted = [];
    private ulong _tables;

    private MediaCollector(PlatformEvidence evidence)
    {
        _evidence = evidence;
        _pages = [.. evidence.Modules.Select(_ => new SortedDictionary<ulong, bool>())];
    }

    /// <summary>For each module the extents, in order, and their bytes; and what was left out.</summary>
    public static ((List<CaptureRange> Extents, byte[] Bytes)[] Modules, IReadOnlyList<string> Omitted) Collect(PlatformEvidence evidence)
    {
        var collector = new MediaCollector(evidence);
        foreach (RegionEvidence region in evidence.Regions)
        {
            foreach (NamespaceView space in region.View.Namespaces)
                collector.Add(region, space);
        }

        return ([.. collector._pages.Select((pages, module) => collector.Read(module, pages))], collector._omitted);
    }

    private void Add(RegionEvidence region, NamespaceView space)
    {
        ulong offset = space.Start - region.Range.Base;
        if (space.Mode == NamespaceMode.Sector && space.DataOffset < space.RawSize)
            AddTables(region, space, offset, space.DataOffset);
        else if (space.Class is NamespaceClass.Btt or NamespaceClass.Btt2)
            AddTables(region, space, offset, space.Class == NamespaceClass.Btt2 ? 0 : (ulong)BttFormat.Linux11.InitialOffset);
        else
            AddHead(region, space, offset);
    }

    /// <summary>The pages that say what a namespace is. Without an info block, whole or damaged, they are somebody's data, of which nothing is shown.</summary>
    private void AddHead(RegionEvidence region, NamespaceView space, ulong offset)
    {
        byte[] page = new byte[Page];
        for (ulong at = 0; at < Math.Min(NamespacePersonality.HeadSize, space.RawSize); at += Page)
        {
            bool isInfo = space.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax && at == PfnInfoBlock.Position;
            Add(region, offset + at, Page, withheld: !isInfo && !(region.TryRead(offset + at, page) && HasSignature(page)));
        }
    }

    private static bool HasSignature(ReadOnlySpan<byte> page) =>
        page.StartsWith("BTT_ARENA_INFO"u8) || page.StartsWith(PfnInfoBlock.SignatureOf(PfnKind.Pfn)) || page.StartsWith(PfnInfoBlock.SignatureOf(PfnKind.Dax));

    private void AddTables(RegionEvidence region, NamespaceView space, ulong offset, ulong at)
    {
        AddHead(region, space, offset);
        for (int arena = 0; arena < MostArenas && space.RawSize - at >= (ulong)BttLayout.MinimumArena; arena++)
        {
            // An info block that is ruined has a copy in the last page of its arena.
            ulong copy = at + (Math.Min(space.RawSize - at, (ulong)BttLayout.MaximumArena) / Page * Page) - Page;
            if ((ReadInfo(region, space, offset, at, at) ?? ReadInfo(region, space, offset, at, copy)) is not { } info)
                break;
            Add(region, offset + at, Page);
            Add(region, offset + at + info.InfoOffset, Page);
            ulong tables = info.InfoOffset - info.MapOffset;
            if (_tables + tables <= MostTables)
            {
                _tables += tables;
                Add(region, offset + at + info.MapOffset, tables);
            }
            else
            {
                _omitted.Add($"map and flog of arena {arena} of {space.Name}: {tables} bytes");
            }

            if (info.NextOffset == 0)
                break;
            at += info.NextOffset;
        }
    }

    private static BttInfo? ReadInfo(RegionEvidence region, NamespaceView space, ulong offset, ulong arena, ulong at)
    {
        byte[] bytes = new byte[BttInfo.Size];
        if (!region.TryRead(offset + at, bytes))
            return null;
        BttInfo info = BttInfo.Read(bytes);
        return BttInfoValidation.FindProblem(in info, (long)at, (long)(space.RawSize - arena), null, 0) is null ? info : null;
    }

    private void Add(RegionEvidence region, ulong offset, ulong length, bool withheld = false)
    {
        for (ulong end = Math.Min(offset + length, region.Range.Length); offset < end;)
        {
            if (!region.TryToModule(offset, out int module, out ulong address, out ulong contiguous) || contiguous == 0)
                return;
            ulong part = Math.Min(contiguous, end - offset);
            for (ulong page = address / Page * Page; page < address + part; page += Page)
            {
                if (withheld)
                    _pages[module].TryAdd(page, true);
                else
                    _pages[module][page] = false;
            }

            offset += part;
        }
    }

    private (List<CaptureRange> Extents, byte[] Bytes) Read(int number, SortedDictionary<ulong, bool> pages)
    {
        var extents = new List<CaptureRange>();
        using var kept = new MemoryStream();
        byte[] bytes = new byte[Page];
        ModuleEvidence module = _evidence.Modules[number];
        foreach ((ulong page, bool isData) in pages)
        {
            int length = (int)Math.Min(Page, module.Capacity - Math.Min(page, module.Capacity));
            if (length == 0 || module.Media?.TryRead(page, bytes.AsSpan(0, length)) != true)
                continue;
            bool empty = !bytes.AsSpan(0, length).ContainsAnyExcept((byte)0);
            bool zero = empty || isData;
            if (!zero)
                kept.Write(bytes, 0, length);
            if (extents.Count > 0 && extents[^1] is var last && last.Zero == zero && last.Withheld == (zero && !empty) && last.Address + last.Length == page)
                extents[^1] = last with { Length = last.Length + (ulong)length };
            else
                extents.Add(new CaptureRange(page, (ulong)length, zero, zero && !empty));
        }

        return (extents, kept.ToArray());
    }
}
