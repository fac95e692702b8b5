using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Making an object pool larger or smaller in place.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>Makes the file of a closed pool longer, or shorter as far as its end is free.</summary>
    /// <remarks>
    /// The heap size is one word, and a file may be longer than it says: a pool is lengthened before that word is stored and shortened behind it.
    /// Before it shrinks, a free block is split at the new end, then the zone ends there; each step leaves a pool that opens. So a crash anywhere is
    /// finished by resizing again, and does no harm if it is not.
    /// </remarks>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="size">Bytes that the pool shall have; rounded down to a page.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <exception cref="OutOfSpaceException">Objects lie behind the new end; nothing was changed.</exception>
    /// <exception cref="PmemException">The pool is not valid, in use, or cannot be accessed.</exception>
    public static PoolResize Resize(string path, long size, PoolRepairOptions? options = null)
    {
        options ??= new PoolRepairOptions();
        size &= -PoolFile.PageSize;
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinimumPoolSize);
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        return PoolBackup.Finishing(path, options.BackupPath, "resize", () => ResizePool(path, size, options));
    }

    private static PoolResize ResizePool(string path, long size, PoolRepairOptions options)
    {
        PoolBackup.DemandRoom(path, options.BackupPath, size);

        // Before the recovery, which changes the pool.
        PoolBackup.Begin(path, options.BackupPath, "resize", progress: options.Progress, cancellation: options.Cancellation);
        bool isSet = PoolSetFile.IsPoolSet(path);
        if (isSet && !options.DryRun)
            PoolSetResize.FinishInterrupted(path);
        if (!options.DryRun)
            Open(path).Dispose(); // recovered and closed, so that nothing waits in a log
        if (isSet)
            return PoolSetResize.Run(path, PoolKind.Object, size, DemandFreeContent, SetHeapEnd, options);
        long old;
        using (PersistentMap held = RepairFile.Open(path, options, "resize"))
        {
            old = held.Length;
            DemandFreeEnd(held, size);
            PoolSpace.Demand([(path, size - old)]);
            if (options.DryRun)
                return new PoolResize(old, size);
            if (size <= old)
                SetHeapEnd(held, size);
        }

        if (size < old)
            PoolFileSize.Shorten(path, size);
        if (size > old)
        {
            PoolFileSize.Lengthen(path, size, options.Progress, options.Cancellation);
            using PersistentMap longer = RepairFile.Open(path, new PoolRepairOptions(), "resize");
            DemandFreeEnd(longer, size);
            SetHeapEnd(longer, size);
        }

        return new PoolResize(old, size);
    }

    /// <summary>Makes the heap end where a file of so many bytes ends. The pool must be closed, and its end free.</summary>
    internal static void SetHeapEnd(PersistentMap map, long size)
    {
        PoolBounds bounds = DescriptorReader.Read(map, layout: null);
        long heapSize = HeapLayout.UsableSize(size - bounds.HeapOffset);
        int zone = HeapLayout.ZoneCount(heapSize) - 1;
        long at = bounds.HeapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
        uint end = (uint)HeapLayout.ZoneChunks(heapSize, zone);
        if (heapSize < bounds.HeapSize && at < bounds.HeapEnd && map.ReadUInt64(at) is var word && (uint)word == HeapLayout.ZoneMagic && (uint)(word >> 32) > end)
        {
            SplitFree(map, at, end, (uint)(word >> 32));
            map.StoreUInt64(at, HeapLayout.ZoneMagic | ((ulong)end << 32));
            map.Persist(at, sizeof(ulong));
        }

        map.StoreUInt64(PoolDescriptor.HeapSizeField, (ulong)heapSize);
        map.Persist(PoolDescriptor.HeapSizeField, sizeof(ulong));
    }

    /// <summary>Splits the free block that lies across a chunk in two; the right half is no block before the left one ends.</summary>
    private static void SplitFree(PersistentMap map, long zone, uint end, uint chunks)
    {
        uint chunk = 0;
        ChunkHeader header;
        while (true)
        {
            header = new ChunkHeader(map.ReadUInt64(Header(chunk)));
            if (chunk + header.SizeIndex > end || chunk >= end)
                break;
            chunk += header.SizeIndex;
        }

        if (chunk >= end)
            return;
        uint right = chunk + header.SizeIndex - end;
        Put(end, new ChunkHeader(ChunkType.Free, ChunkFlags.None, right));
        if (right > 1)
            Put(end + right - 1, new ChunkHeader(ChunkType.Footer, ChunkFlags.None, right));
        if (end - chunk > 1)
            Put(end - 1, new ChunkHeader(ChunkType.Footer, ChunkFlags.None, end - chunk));
        map.Drain();
        Put(chunk, new ChunkHeader(ChunkType.Free, header.Flags, end - chunk));
        map.Drain();

        long Header(uint index) => zone + HeapLayout.ZoneHeaderSize + (index * (long)ChunkHeader.Size);

        void Put(uint index, ChunkHeader value)
        {
            map.StoreUInt64(Header(index), value.Word);
            map.Flush(Header(index), ChunkHeader.Size);
        }
    }

    private static void DemandFreeEnd(PersistentMap map, long size)
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        if (PoolValidation.FindProblem(in header, PoolKind.Object) is { } problem)
            throw problem;
        DemandFreeContent(map, size);
    }

    private static void DemandFreeContent(PersistentMap map, long size)
    {
        PoolBounds bounds = DescriptorReader.Read(map, layout: null);
        new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1).Validate();
        long heapSize = HeapLayout.UsableSize(size - bounds.HeapOffset);
        long needed = 0;
        for (int zone = 0; zone < HeapLayout.ZoneCount(bounds.HeapSize); zone++)
        {
            long at = bounds.HeapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
            ulong word = map.ReadUInt64(at);
            uint chunks = (uint)word == HeapLayout.ZoneMagic ? (uint)(word >> 32) : 0;
            for (uint chunk = 0; chunk < chunks;)
            {
                var block = new ChunkHeader(map.ReadUInt64(at + HeapLayout.ZoneHeaderSize + (chunk * (long)ChunkHeader.Size)));
                chunk += block.SizeIndex;
                if (block.Type != ChunkType.Free)
                    needed = at + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);
            }
        }

        if (bounds.HeapOffset + heapSize < needed)
            throw new OutOfSpaceException($"objects lie up to 0x{needed:x}, so the file needs at least {(needed + PoolFile.PageSize - 1) & -PoolFile.PageSize} bytes");
        if (HeapLayout.ZoneCount(heapSize) == 0)
            throw new OutOfSpaceException("the heap needs at least one chunk");
    }
}
