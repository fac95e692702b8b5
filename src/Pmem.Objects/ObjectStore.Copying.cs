using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Copies that leave the holes behind.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Copies all objects of a pool to a new one, each to a new place, and sets every link to the new places: the new heap has no holes. Only with a description
    /// of all types, since an object can be moved only when all links to it are known. The new pool has new uuids. PMDK has nothing like it.
    /// </summary>
    /// <param name="path">The pool file or pool set file; it is only read, as recovery would leave it, and locked meanwhile.</param>
    /// <param name="target">The file to make. It appears when it is whole, and durable; a copy that is killed leaves a file whose name <see cref="TemporaryName"/> made.</param>
    /// <param name="size">Bytes of the new file, at least <see cref="MinimumPoolSize"/>; 0 for those of the old pool.</param>
    /// <param name="types">Where links are.</param>
    /// <param name="leaveUnreachable">Leave out objects that nothing leads to, instead of refusing.</param>
    /// <param name="options">Progress; a dry run copies too, so that it knows whether all fits, but to a file that never has the name and is removed.</param>
    /// <exception cref="IOException">The target exists.</exception>
    /// <exception cref="OutOfSpaceException">The new file is too small.</exception>
    /// <exception cref="PmemException">The pool is in use, a type is not described, a link is wrong, or nothing leads to an object.</exception>
    public static StoreCopyResult Copy(string path, string target, long size, ObjectTypes types, bool leaveUnreachable = false, PoolRepairOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(types);
        options ??= new PoolRepairOptions();
        NewFile.Demand(target, "the copy");

        // Whoever has it open could change it under our eyes.
        using PoolView held = PoolView.Open(path, exclusive: true);
        using ObjectStore source = Open(path, options: ObjectStoreOptions.Default with { CopyOnWrite = true });
        var copy = new StoreCopy(source, types, leaveUnreachable);
        long leftOut = copy.Validate();
        size = size == 0 ? source.Map.Length : size;
        string partial = TemporaryName.Beside(target);
        try
        {
            StoreCopyResult result;

            // Nobody looks at the file before it is whole, so it is written back once, at the end, and not at each allocation.
            using (ObjectStore store = Create(partial, source.Layout, size, ObjectStoreOptions.Default with { ForceGranularity = StoreGranularity.CacheLine }))
            {
                result = copy.Run(store, leftOut, (activity, done, total) =>
                {
                    options.Cancellation.ThrowIfCancellationRequested();
                    if (done % 1024 == 0)
                        options.Progress?.Report(new PoolProgress(activity, done, total));
                });
            }

            using (var file = new FileStream(partial, FileMode.Open, FileAccess.ReadWrite))
                file.Flush(flushToDisk: true);
            if (options.DryRun)
                File.Delete(partial);
            else
                File.Move(partial, target);
            PersistentMap.SyncDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(target))!);
            return result;
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
