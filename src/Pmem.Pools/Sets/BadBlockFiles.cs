namespace Pmem.Pools.Sets;

/// <summary>Recovery files of bad blocks: what a sync that was interrupted leaves, and what must be finished before the pool is used.</summary>
internal static class BadBlockFiles
{
    /// <summary>The recovery file of a part.</summary>
    public static string PathOf(SetLayout layout, int replica, int part) => $"{layout.Path}_r{replica}_p{part}_badblocks.txt";

    /// <summary>Throws when the pool wants to be checked for bad blocks and a recovery file is there.</summary>
    /// <returns>Whether it wants to be checked.</returns>
    public static bool DemandNone(SetLayout layout)
    {
        if (!ChecksBadBlocks(layout))
            return false;
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                string file = PathOf(layout, r, p);
                if (File.Exists(layout.Replicas[r].Parts[p].Path) && File.Exists(file))
                    throw new PmemException($"a bad block recovery file exists: {file}; run 'pmempool sync --bad-blocks' or 'pmem pool sync --bad-blocks' to try to recover the pool");
            }
        }

        return true;
    }

    /// <summary>Whether the first part that can be read says that bad blocks are to be checked.</summary>
    private static bool ChecksBadBlocks(SetLayout layout)
    {
        foreach (PartLayout part in layout.Replicas.SelectMany(replica => replica.Parts))
        {
            try
            {
                if (!File.Exists(LinkedFile.RealPath(part.Path)) || (!part.IsDevice && LinkedFile.LengthOf(part.Path) < PoolHeader.Size))
                    continue;

                // Of a device, pages cannot be mapped one by one.
                using PersistentMap map = PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Length = part.IsDevice ? 0 : PoolHeader.Size });
                byte[] header = new byte[PoolHeader.Size];
                if (map.TryRead(0, header))
                    return PoolHeader.Read(header).Compat.HasFlag(CompatFeatures.CheckBadBlocks);
            }
            catch (PmemException)
            {
                // As C: the next part is tried; opening says what is wrong with this one.
            }
        }

        return false;
    }
}
