using System.Globalization;
using System.Text;
using Pmem.Pools.Checking;
using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Mends bad blocks in the parts of a set from its healthy replicas (<c>pmempool sync --bad-blocks</c>). Which blocks were bad is written down
/// before they are cleared, because afterwards nobody could tell:
///
/// 1. an empty recovery file for each part, then into each the bad ranges, then its end mark, each durable;
/// 2. the bad blocks are cleared, and with them their content is lost;
/// 3. the ranges are copied from a replica in which they are good; headers are made again from their neighbours;
/// 4. the recovery files go.
///
/// While not every part has a whole recovery file nothing was cleared: what there is goes, and the search starts again. Once all are whole, they say
/// what has to be copied, however often 2 to 4 are interrupted.
/// </summary>
internal sealed class BadBlockSync(SetLayout layout, PoolSyncOptions options)
{
    private const string EndMark = "0 0\n";
    private const int Slice = 1 << 20;

    /// <summary>Does it; returns what was bad.</summary>
    /// <exception cref="PmemException">A range is bad in every replica, a part is in use, or bad blocks cannot be cleared.</exception>
    public IReadOnlyList<PartBadBlocks> Run()
    {
        List<PartBadBlocks> bad = ReadAll() ?? Search();
        if (options.DryRun)
            return bad;
        if (bad.Count == 0)
        {
            RemoveFiles();
            return bad;
        }

        List<Piece> plan = Plan(bad);
        var open = new OpenReplica?[layout.Replicas.Count];
        try
        {
            for (int r = 0; r < open.Length; r++)
                open[r] = IsThere(r) ? OpenReplica.Open(layout, r, create: _ => false, new PersistentMapOptions { Lock = true }) : null;
            WriteFiles(bad);
            foreach (PartBadBlocks part in bad)
            {
                // Also what an interrupted run has cleared: it was perhaps not copied.
                foreach (BadBlock block in part.Blocks)
                {
                    options.BadBlocks.Clear(part.Path, block);
                    PersistenceTrace.Mark("bad block cleared");
                }
            }

            Copy(plan, open);
        }
        finally
        {
            foreach (OpenReplica? replica in open)
                replica?.Dispose();
        }

        RemoveFiles();
        return bad;
    }

    /// <summary>Replicas of which a part is missing are neither mended here nor a source: they are rebuilt afterwards.</summary>
    private bool IsThere(int replica) => layout.Replicas[replica].Parts.TrueForAll(part => File.Exists(part.Path));

    private IEnumerable<(int Replica, int Part, string Path)> Parts()
    {
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                if (IsThere(r))
                    yield return (r, p, layout.Replicas[r].Parts[p].Path);
            }
        }
    }

    /// <summary>What the recovery files of an interrupted run say; null when they are not all there and whole, after removing them.</summary>
    private List<PartBadBlocks>? ReadAll()
    {
        var found = new List<PartBadBlocks>();
        foreach ((int r, int p, string path) in Parts())
        {
            string file = BadBlockFiles.PathOf(layout, r, p);
            if (!File.Exists(file) || Parse(File.ReadAllText(file)) is not { } blocks)
            {
                if (!options.DryRun)
                    RemoveFiles();
                return null;
            }

            if (blocks.Count > 0)
                found.Add(new PartBadBlocks(r, p, path, blocks));
        }

        return found;
    }

    /// <summary>The ranges in a recovery file, or null when it has no end mark, or holds something else.</summary>
    internal static List<BadBlock>? Parse(string text)
    {
        var blocks = new List<BadBlock>();
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ');
            if (words.Length != 2 || !long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
                || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long length))
                return null;
            if (offset == 0 && length == 0)
                return blocks;

            // Ascending, and not empty, as C demands.
            if (length == 0 || length > long.MaxValue - offset || (blocks.Count > 0 && offset < blocks[^1].End))
                return null;
            blocks.Add(new BadBlock(offset, length));
        }

        return null;
    }

    private List<PartBadBlocks> Search() =>
        [.. Parts().Select(part => new PartBadBlocks(part.Replica, part.Part, part.Path, options.BadBlocks.Find(part.Path))).Where(part => part.Blocks.Count > 0)];

    private void WriteFiles(List<PartBadBlocks> bad)
    {
        string folder = Path.GetDirectoryName(layout.Path)!;
        if (Parts().All(part => File.Exists(BadBlockFiles.PathOf(layout, part.Replica, part.Part))))
            return;
        foreach ((int r, int p, _) in Parts())
        {
            var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                create.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var file = new FileStream(BadBlockFiles.PathOf(layout, r, p), create))
                file.Flush(flushToDisk: true);
            PersistentMap.SyncDirectory(folder);
            PersistenceTrace.Mark("empty recovery file");
        }

        foreach ((int r, int p, _) in Parts())
        {
            using var file = new FileStream(BadBlockFiles.PathOf(layout, r, p), FileMode.Open, FileAccess.Write);
            foreach (BadBlock block in bad.Find(part => part.Replica == r && part.Part == p)?.Blocks ?? [])
                file.Write(Encoding.ASCII.GetBytes($"{block.Offset} {block.Length}\n"));
            file.Flush(flushToDisk: true);
            PersistenceTrace.Mark("recovery file without its end");
            file.Write(Encoding.ASCII.GetBytes(EndMark));
            file.Flush(flushToDisk: true);
            PersistenceTrace.Mark("whole recovery file");
        }
    }

    private void RemoveFiles()
    {
        foreach ((int r, int p, _) in Parts())
        {
            File.Delete(BadBlockFiles.PathOf(layout, r, p));
            PersistenceTrace.Mark("recovery file removed");
        }

        PersistentMap.SyncDirectory(Path.GetDirectoryName(layout.Path)!);
    }

    /// <summary>Where each bad range is good, in pieces; throws before anything was changed when one is bad everywhere.</summary>
    private List<Piece> Plan(List<PartBadBlocks> bad)
    {
        List<(long Start, long End)>[] badInReplica = [.. layout.Replicas.Select(_ => new List<(long, long)>())];
        foreach (PartBadBlocks part in bad)
        {
            foreach (BadBlock block in part.Blocks)
            {
                if (block.End > AlignUp(layout.Replicas[part.Replica].Parts[part.Part].FileSize))
                    throw new PmemException($"the recovery file {BadBlockFiles.PathOf(layout, part.Replica, part.Part)} names bytes that {part.Path} does not have; is the set file the right one?");
                badInReplica[part.Replica].Add(RangeOf(part, block));
            }
        }

        var plan = new List<Piece>();
        foreach (PartBadBlocks part in bad)
        {
            foreach (BadBlock block in part.Blocks)
            {
                (long at, long end) = RangeOf(part, block);
                while (at < end)
                {
                    (int source, long until) = FindSource(badInReplica, part, at, end);
                    plan.Add(new Piece(part.Replica, source, at, until - at));
                    at = until;
                }
            }
        }

        return plan;
    }

    /// <summary>The range of the replica that lies in a bad range of a part; headers are no part of it.</summary>
    private (long Start, long End) RangeOf(PartBadBlocks part, BadBlock block)
    {
        ReplicaLayout replica = layout.Replicas[part.Replica];
        PartLayout file = replica.Parts[part.Part];
        long dataOffset = part.Part == 0 ? PoolHeader.Size : PartLayout.DataOffset(part.Part, layout.SingleHeader);
        long dataEnd = PartLayout.DataOffset(part.Part, layout.SingleHeader) + file.MappedLength(part.Part, layout.SingleHeader);
        long start = replica.PartStart(part.Part, layout.SingleHeader) - PartLayout.DataOffset(part.Part, layout.SingleHeader);
        return (Math.Min(start + Math.Max(block.Offset, dataOffset), layout.PoolSize), Math.Min(start + Math.Min(block.End, dataEnd), layout.PoolSize));
    }

    private (int Source, long Until) FindSource(List<(long Start, long End)>[] bad, PartBadBlocks part, long at, long end)
    {
        for (int r = 0; r < bad.Length; r++)
        {
            if (r == part.Replica || !IsThere(r) || bad[r].Exists(range => range.Start <= at && at < range.End))
                continue;
            long until = end;
            foreach ((long start, _) in bad[r])
            {
                if (start > at)
                    until = Math.Min(until, start);
            }

            return (r, until);
        }

        throw new PmemException($"{part.Path}: a part has bad blocks at 0x{at:x} of the pool, and no replica is there that is good: restore a backup; nothing was changed");
    }

    private void Copy(List<Piece> plan, OpenReplica?[] open)
    {
        long total = plan.Sum(piece => piece.Length);
        long done = 0;
        byte[] buffer = new byte[Slice];
        foreach (Piece piece in plan)
        {
            for (long at = 0; at < piece.Length; at += Slice)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                Span<byte> slice = buffer.AsSpan(0, (int)Math.Min(Slice, piece.Length - at));
                open[piece.Source]!.Map.CheckedRead(piece.Offset + at, slice);
                open[piece.Replica]!.Map.Copy(piece.Offset + at, slice);
                done += slice.Length;
                options.Progress?.Report(new PoolProgress("copying what was bad", done, total));
            }
        }

        // A header that its neighbours cannot repeat makes its part a broken one, which is rebuilt afterwards.
        if (!Array.Exists(open, replica => replica is null))
            new SetHeaderRepair(layout, [.. open.OfType<OpenReplica>()], PoolKind.Object, () => true, []).Run();
    }

    private static long AlignUp(long length) => (length + PoolFile.PageSize - 1) & -PoolFile.PageSize;

    /// <summary>A range of a replica that is copied from another.</summary>
    private readonly record struct Piece(int Replica, int Source, long Offset, long Length);
}
