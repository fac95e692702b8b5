namespace Pmem.Pools.Sets;

/// <summary>
/// What a crash leaves of the growth of a set of folders: files without permissions behind the last part, or parts that not all replicas have.
/// The pool never used them, because it stores its new size only after all of them are complete; so they can go. A part that the stored size
/// includes is never touched: sync mends those.
/// </summary>
internal static class InterruptedGrowth
{
    /// <summary>Removes the files of an interrupted growth and takes their parts out of the layout.</summary>
    public static void Remove(SetLayout layout)
    {
        if (OperatingSystem.IsWindows() || layout.Replicas[0].Parts.Count < 2)
            return;
        long?[] used = [.. layout.Replicas.Select(ObjectPoolSize.Read)];
        if (Array.TrueForAll(used, size => size is null or 0))
            return;
        long end = used.Max()!.Value;
        while (layout.Replicas[0].Parts.Count > 1 && IsUnused(layout, end) && layout.Replicas.Exists(replica => !IsComplete(replica.Parts[^1].Path)))
        {
            foreach (ReplicaLayout replica in layout.Replicas)
                File.Delete(replica.Parts[^1].Path);
            layout.RemoveLastPart();
        }
    }

    private static bool IsUnused(SetLayout layout, long end) =>
        layout.Replicas.TrueForAll(replica => replica.PartStart(replica.Parts.Count - 1, layout.SingleHeader) >= end);

    private static bool IsComplete(string path) => File.Exists(path) && !OperatingSystem.IsWindows() && File.GetUnixFileMode(path) != UnixFileMode.None;
}
