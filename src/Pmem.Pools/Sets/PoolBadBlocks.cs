namespace Pmem.Pools.Sets;

/// <summary>
/// Media errors that the system knows of, looked for before a pool is read: a plain read of one would end the process (PMDK <c>badblocks_check_poolset</c>).
/// </summary>
internal static class PoolBadBlocks
{
    /// <summary>Throws when a part that is there has bad blocks.</summary>
    /// <exception cref="MediaErrorException">It has.</exception>
    public static void DemandNone(SetLayout layout, BadBlockSource source, bool creating = false)
    {
        string then = creating
            ? "no pool can be created in it; clear them first, with what is there ('pmem io copy --zero')"
            : "the pool contains bad blocks and cannot be opened; run 'pmem pool sync --bad-blocks' (or 'pmempool sync --bad-blocks') on its set file to take them from a replica, or restore a backup";

        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                string path = layout.Replicas[r].Parts[p].Path;
                if (!File.Exists(LinkedFile.RealPath(path)) || source.Find(path) is not [{ } first, ..] bad)
                    continue;
                throw new MediaErrorException($"{path} has {bad.Count} bad block(s), the first at offset 0x{first.Offset:x}, {first.Length} bytes: {then}", first);
            }
        }
    }
}
