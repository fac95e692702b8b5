using Pmem.Pools;

namespace Pmem.Tool.Persona.Info;

/// <summary>The files of a pool.</summary>
internal static class InfoFiles
{
    private const int SectorSize = 512;

    /// <summary>Writes them; with their bad blocks, when that was asked for or the pool has the feature.</summary>
    public static void Write(LeveledOutput output, InfoOptions options, PoolView pool, bool asSet, BadBlockSource? badBlocks = null)
    {
        BadBlockSource? source = options.BadBlocks ?? pool.Maps[0].Read<PoolHeader>(0).Compat.HasFlag(CompatFeatures.CheckBadBlocks) ? badBlocks ?? BadBlockSource.Kernel : null;
        if (!asSet)
        {
            output.Write(1, "Part file:\n");
            PoolPart part = pool.Replicas[0][0];
            Write(output, options, pool.Set is null ? part with { Path = options.File } : new PoolPart(options.File, LinkedFile.LengthOf(options.File), false), source);
            return;
        }

        PoolSetFile set = pool.Set!;
        output.Write(1, set.IsDirectoryBased ? "Directory-based Poolset structure:\n" : "Poolset structure:\n");
        output.Field(1, "Number of replicas", $"{pool.Replicas.Count}");
        for (int r = 0; r < pool.Replicas.Count; r++)
        {
            output.Write(1, $"Replica {r}{(r == 0 ? " (master)" : string.Empty)} - local");
            output.Write(1, $", {pool.Replicas[r].Count} part(s):\n");
            for (int p = 0; p < pool.Replicas[r].Count; p++)
            {
                output.Write(1, $"part {p}:\n");
                Write(output, options, pool.Replicas[r][p], source);
            }

            if (set.IsDirectoryBased)
                WriteDirectories(output, set.Replicas[r].Directories);
        }

        if (set.Options == PoolSetOptions.None)
            return;
        output.Title(1, "Poolset options");
        if (set.Options.HasFlag(PoolSetOptions.SingleHeader))
            output.Write(1, "SINGLEHDR\n");
    }

    private static void Write(LeveledOutput output, InfoOptions options, PoolPart part, BadBlockSource? badBlocks)
    {
        output.Field(1, "path", part.Path);
        output.Field(1, "type", part.IsDevice ? "device dax" : "regular file");
        output.Field(1, "size", InfoText.Size((ulong)part.Size, options.Human));
        IReadOnlyList<BadBlock> bad = badBlocks?.Find(part.Path) ?? [];
        if (bad.Count == 0)
            return;
        output.Write(1, "bad blocks:\n");
        output.Write(1, "\toffset\t\tlength\n");
        foreach (BadBlock block in bad)
            output.Write(1, $"\t{block.Offset / SectorSize}\t\t{block.Length / SectorSize}\n");
    }

    private static void WriteDirectories(LeveledOutput output, IReadOnlyList<PoolSetDirectory> directories)
    {
        output.Write(1, $"{directories.Count} {(directories.Count == 1 ? "Directory" : "Directories")}:\n");
        foreach (PoolSetDirectory directory in directories)
        {
            output.Write(1, $"Directory {directory.Path}:\n");
            output.Field(1, "reservation size", $"{directory.Reservation}");
        }
    }
}
