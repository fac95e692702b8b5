namespace Pmem.Pools.Sets;

/// <summary>
/// Tells a part that an interrupted resize left too long from a mistake in the set file: the files must belong together, and the size that the
/// pool itself stores must fit in what the set file says. A resize stores the smaller size before it shortens, and the larger after it lengthens.
/// </summary>
internal static class InterruptedResize
{
    // The log's descriptor follows the header; its second word is where the log ends.
    private const int LogEndPosition = PoolHeader.Size + sizeof(ulong);

    /// <summary>
    /// Whether that is all that is wrong with the files of a set: last parts are longer than it says, and may be cut to it. Changes nothing.
    /// </summary>
    public static bool IsLeftIn(SetLayout layout)
    {
        PartLayout[] last = [.. layout.Replicas.Select(replica => replica.Parts[^1])];
        PartLayout[] others = [.. layout.Replicas.SelectMany(replica => replica.Parts).Except(last)];
        if (layout.IsDirectoryBased || Array.Exists(last, part => part.IsDevice || !File.Exists(part.Path) || LinkedFile.LengthOf(part.Path) < part.FileSize) || !Array.Exists(last, part => LinkedFile.LengthOf(part.Path) > part.FileSize)
            || Array.Exists(others, part => !part.IsDevice && (!File.Exists(part.Path) || LinkedFile.LengthOf(part.Path) != part.FileSize)))
            return false;
        try
        {
            Demand(layout);
            return true;
        }
        catch (Exception wrong) when (wrong is PmemException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Throws unless the parts may be cut to the layout. Changes nothing.</summary>
    /// <exception cref="PmemException">A part is another pool's or none, in use, or the pool uses what would be cut.</exception>
    public static void Demand(SetLayout layout)
    {
        var locks = new List<PersistentMap>();
        try
        {
            Guid? pool = null;
            foreach (ReplicaLayout replica in layout.Replicas)
            {
                var headers = new List<PoolHeader>();
                PersistentMap[] maps = [.. replica.Parts.Select(Lock)];
                foreach (PersistentMap map in layout.SingleHeader ? maps.AsSpan(0, 1) : maps)
                {
                    byte[] bytes = new byte[PoolHeader.Size];
                    if (!map.TryRead(0, bytes))
                        throw Foreign(layout, map);
                    var header = PoolHeader.Read(bytes);
                    pool ??= header.PoolSetUuid;
                    if (header.Kind is null || header.Checksum != header.ComputeChecksum() || header.PoolSetUuid != pool)
                        throw Foreign(layout, map);
                    headers.Add(header);
                }

                for (int p = 0; p < headers.Count; p++)
                {
                    PoolHeader next = headers[UuidRing.After(p, headers.Count)];
                    if (headers[p].NextPartUuid != next.Uuid || next.PreviousPartUuid != headers[p].Uuid)
                        throw Foreign(layout, maps[p]);
                }

                long? used = headers[0].Kind == PoolKind.Log ? (long)Math.Min(maps[0].ReadUInt64(LogEndPosition), long.MaxValue) : ObjectPoolSize.Read(maps[0]);
                if (used is null || used > layout.PoolSize)
                    throw new PmemException($"{layout.Path}: a part is longer than the set file says, but the pool uses {used} bytes and the set file leaves {layout.PoolSize}: correct the sizes in the set file; nothing was changed");
            }
        }
        finally
        {
            foreach (PersistentMap map in locks)
                map.Dispose();
        }

        PersistentMap Lock(PartLayout part)
        {
            var map = PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true, Length = 2 * PoolFile.PageSize });
            locks.Add(map);
            return map;
        }
    }

    private static PmemException Foreign(SetLayout layout, PersistentMap map) =>
        new($"{layout.Path}: {map.Path} is no part of this pool, as its header says: correct the set file; nothing was changed");
}
