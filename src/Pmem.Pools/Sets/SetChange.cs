namespace Pmem.Pools.Sets;

/// <summary>How two sets differ, as far as a transformation can make one of the other.</summary>
/// <param name="Transformation">What has to be done.</param>
/// <param name="Kept">For each replica of the target the number of the same replica in the source, or -1 for a new one.</param>
/// <param name="Removed">Replicas of the source that the target does not have.</param>
internal sealed record SetChange(PoolTransformation Transformation, int[] Kept, int[] Removed)
{
    /// <summary>Compares two sets.</summary>
    /// <exception cref="PmemException">They are equal, or too different.</exception>
    public static SetChange Between(SetLayout from, SetLayout to)
    {
        int[] kept = new int[to.Replicas.Count];
        Array.Fill(kept, -1);
        var removed = new List<int>();
        for (int r = 0; r < from.Replicas.Count; r++)
        {
            int[] same = [.. Enumerable.Range(0, to.Replicas.Count).Where(other => from.Replicas[r].Parts.SequenceEqual(to.Replicas[other].Parts))];
            if (same.Length > 1 || (same.Length == 1 && kept[same[0]] >= 0))
                throw new PmemException("there are more than one corresponding replicas; cannot transform");
            if (same.Length == 1)
                kept[same[0]] = r;
            else
                removed.Add(r);
        }

        bool adds = Array.Exists(kept, other => other < 0);
        bool headers = from.SingleHeader != to.SingleHeader;
        if (Array.TrueForAll(kept, other => other < 0))
            throw new PmemException($"{to.Path}: there must be at least one replica left that {from.Path} has, with the same parts of the same sizes");
        if (adds && removed.Count > 0)
            throw new PmemException("adding and removing replicas at the same time is not allowed; do one after the other");
        if (headers && (adds || removed.Count > 0))
            throw new PmemException("cannot add/remove replicas and change the SINGLEHDR option at the same time; do one after the other");
        if (!headers && !adds && removed.Count == 0)
            throw new PmemException("both poolsets are equal: there is nothing to do");
        PoolTransformation transformation = adds ? PoolTransformation.AddReplicas
            : removed.Count > 0 ? PoolTransformation.RemoveReplicas
            : to.SingleHeader ? PoolTransformation.RemoveHeaders : PoolTransformation.AddHeaders;
        return new SetChange(transformation, kept, [.. removed]);
    }
}
