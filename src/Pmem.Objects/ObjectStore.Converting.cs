using Pmem.Objects.Conversion;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Converting pools of older layouts.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Brings a pool file of layouts 1 to 5 (PMDK 1.0 to 1.6) to layout 6, in place (<c>pmdk-convert</c>, which needs the old libraries for it). What a crash
    /// left in the old logs is finished or rolled back on the way. All of it is tried on a private copy first, and the result checked, so that a pool
    /// that cannot be converted is not touched. An interrupted conversion is finished by doing it again.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open. Of a set the master is converted, the replicas become equal to it, and then all headers change as one step.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <param name="locksAreAligned">
    /// Needed for layouts 1 and 2: the program has no mutexes, read-write locks or condition variables in the pool, or all of them lie on multiples of 8. PMDK 1.2
    /// began to demand that, and a pool does not tell.
    /// </param>
    /// <exception cref="PmemFormatException">The pool is not a sound one of its layout; nothing was changed.</exception>
    /// <exception cref="LocksNotAssuredException">The pool has layout 1 or 2, and that its locks are aligned was not assured.</exception>
    /// <exception cref="PmemException">It cannot be converted, and why; or it is in use, or cannot be accessed. Nothing was changed.</exception>
    public static StoreConversionResult Convert(string path, PoolRepairOptions? options = null, bool locksAreAligned = false)
    {
        options ??= new PoolRepairOptions();
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        if (PoolSetFile.IsPoolSet(path))
            return ConvertSet(path, options, locksAreAligned);
        StoreConversionResult tried;
        PoolFile.DemandReadable(path);
        using (PersistentMap copy = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite }))
        {
            tried = Convert(copy, options, locksAreAligned);
            if (tried.IsChanged && Check(copy) is { IsConsistent: false } check)
                throw new PmemException($"the pool would not be consistent afterwards, so it was not touched; the first of {check.Problems.Count} problem(s) is {Describe(check.Problems[0])}");
        }

        if (options.DryRun || !tried.IsChanged)
            return tried;
        return PoolBackup.Finishing(path, options.BackupPath, "convert", () =>
        {
            using PersistentMap map = RepairFile.Open(path, options, "convert");
            return Convert(map, options, locksAreAligned);
        });
    }

    /// <summary>Converts the pool in a map, which stays the caller's. Durable at return.</summary>
    /// <inheritdoc cref="Convert(string, PoolRepairOptions?, bool)"/>
    public static StoreConversionResult Convert(PersistentMap map, PoolRepairOptions? options = null, bool locksAreAligned = false)
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new PoolRepairOptions();
        if (map.Length < MinimumPoolSize)
            throw new PmemFormatException("pool size", -1, $"at least {MinimumPoolSize} bytes", $"{map.Length}");
        DemandAlignedLocks(StoreConversion.FindLayout(map), locksAreAligned);
        return new StoreConversion(map, Report(options)).Run();
    }

    private static StoreConversionResult ConvertSet(string path, PoolRepairOptions options, bool locksAreAligned)
    {
        // What an interrupted conversion left of the headers is finished first, so that they are of one version.
        if (!options.DryRun)
            RepairSet.Open(path, PoolKind.Object, new PoolRepairOptions(), "convert").Dispose();
        StoreConversionResult tried;
        using (RepairSet copy = RepairSet.Open(path, PoolKind.Object, options with { DryRun = true, BackupPath = null }, "convert"))
        {
            tried = ConvertSet(copy, options, locksAreAligned);
            if (tried.IsChanged && Check(copy.Attach(), types: null).Problems is [var first, ..] problems)
                throw new PmemException($"the pool would not be consistent afterwards, so it was not touched; the first of {problems.Count} problem(s) is {Describe(first)}");
        }

        if (options.DryRun || !tried.IsChanged)
            return tried;
        return PoolBackup.Finishing(path, options.BackupPath, "convert", () =>
        {
            using RepairSet set = RepairSet.Open(path, PoolKind.Object, options, "convert");
            return ConvertSet(set, options, locksAreAligned);
        });
    }

    private static StoreConversionResult ConvertSet(RepairSet set, PoolRepairOptions options, bool locksAreAligned)
    {
        const int Slice = 1 << 20;
        uint present = PoolHeader.MajorOf(PoolKind.Object);
        uint layout = set.FindMajor();
        if (layout == present)
            return new StoreConversionResult(present, present, 0, 0, 0) { IsChanged = CompleteLanes(set) };
        DemandAlignedLocks(layout, locksAreAligned);
        PersistentMap master = set.Maps[0];
        StoreConversionResult result = new StoreConversion(master, Report(options), inSet: true).Run();

        for (int r = 1; r < set.Maps.Count; r++)
        {
            PersistentMap replica = set.Maps[r];
            long length = Math.Min(master.Length, replica.Length);
            for (long at = PoolHeader.Size; at < length; at += Slice)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                int piece = (int)Math.Min(Slice, length - at);
                if (!master.GetSpan(at, piece).SequenceEqual(replica.GetSpan(at, piece)))
                    replica.Copy(at, master.Pointer + at, piece);
            }
        }

        set.StorePresentMajor();
        CompleteLanes(set);
        return result;
    }

    /// <summary>The last step, which can be missing in some replicas.</summary>
    private static bool CompleteLanes(RepairSet set)
    {
        bool changed = false;
        foreach (PersistentMap map in set.Maps)
            changed |= LaneCapacities.Complete(map, DescriptorReader.Read(map, layout: null));
        return changed;
    }

    private static void DemandAlignedLocks(uint layout, bool locksAreAligned)
    {
        if (layout is 1 or 2 && !locksAreAligned)
            throw new LocksNotAssuredException($"locks in pools of layout {layout} may lie anywhere, later ones only on multiples of 8, and the pool does not tell where they are: convert it with the assurance that they are aligned, or that there are none");
    }

    private static Action<string, long, long> Report(PoolRepairOptions options) => (activity, done, total) =>
    {
        options.Cancellation.ThrowIfCancellationRequested();
        if (done % 64 == 0)
            options.Progress?.Report(new PoolProgress(activity, done, total));
    };

    private static string Describe(PoolProblem problem) => $"{problem.What} at 0x{problem.Offset:x}: expected {problem.Expected}, found {problem.Found}";
}
