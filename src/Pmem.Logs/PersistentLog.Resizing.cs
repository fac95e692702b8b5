using Pmem.Logs.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Logs;

/// <content>Making a log larger or smaller in place.</content>
public sealed partial class PersistentLog
{
    /// <summary>Makes the file of a closed log longer, or shorter as far as what it holds allows.</summary>
    /// <remarks>
    /// One word says where the log ends, and it must be the file's size: a crash between the two leaves a log that does not open, loses no byte, and
    /// is finished by resizing (or repairing) it again.
    /// </remarks>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="size">Bytes that the file shall have; rounded down to a page.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <exception cref="OutOfSpaceException">What the log holds does not fit; nothing was changed.</exception>
    /// <exception cref="PmemException">The log is not valid, in use, or cannot be accessed.</exception>
    public static PoolResize Resize(string path, long size, PoolRepairOptions? options = null)
    {
        options ??= new PoolRepairOptions();
        size &= -PoolFile.PageSize;
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinimumPoolSize);
        if (PoolSetFile.IsPoolSet(path))
            return PoolSetResize.Run(path, PoolKind.Log, size, DemandResizableContent, StoreEnd, options);
        return PoolBackup.Finishing(path, options.BackupPath, "resize", () => ResizeFile(path, size, options));
    }

    private static PoolResize ResizeFile(string path, long size, PoolRepairOptions options)
    {
        PoolBackup.DemandRoom(path, options.BackupPath, size);
        long old;
        using (PersistentMap held = RepairFile.Open(path, options, "resize"))
        {
            old = held.Length;
            DemandResizable(held, size);
            PoolSpace.Demand([(path, size - old)]);
            if (options.DryRun)
                return new PoolResize(old, size);
            if (size <= old)
                StoreEnd(held, size);
        }

        if (size < old)
            PoolFileSize.Shorten(path, size);
        if (size > old)
        {
            PoolFileSize.Lengthen(path, size, options.Progress, options.Cancellation);
            using PersistentMap longer = RepairFile.Open(path, new PoolRepairOptions(), "resize");
            DemandResizable(longer, size);
            StoreEnd(longer, size);
        }

        return new PoolResize(old, size);
    }

    private static void StoreEnd(PersistentMap map, long size)
    {
        map.StoreUInt64(LogDescriptor.Offset + 8, (ulong)size);
        map.Persist(LogDescriptor.Offset + 8, sizeof(ulong));
    }

    private static void DemandResizable(PersistentMap map, long size)
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        if (PoolValidation.FindProblem(in header, PoolKind.Log) is { } wrong)
            throw wrong;
        DemandResizableContent(map, size);
    }

    private static void DemandResizableContent(PersistentMap map, long size)
    {
        LogDescriptor descriptor = map.Read<LogDescriptor>(LogDescriptor.Offset);

        // The end may be what a resize that was interrupted made of it.
        descriptor.EndOffset = (ulong)(map.Length & -PoolFile.PageSize);
        if (descriptor.FindProblems(map.Length & -PoolFile.PageSize) is [var problem, ..])
            throw problem;
        if (descriptor.WriteOffset > (ulong)size)
            throw new OutOfSpaceException($"the log holds {descriptor.WriteOffset - LogDescriptor.DataOffset} bytes, so its file needs at least {((long)descriptor.WriteOffset + PoolFile.PageSize - 1) & -PoolFile.PageSize}");
    }
}
