using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Pmem.Objects.Layout;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Checking;

/// <summary>
/// Mends an object pool, from the structures that others depend on to those that depend on them: header, descriptor, run id, logs, heap header, zones,
/// chunk chain; then the pool is recovered, and runs, objects, the root, the space of logs and the program's links follow.
/// </summary>
/// <remarks>
/// <para>Nothing is invented: a value is written only when the format knows it, a checksum proves it, or another structure repeats it. Where two
/// explanations are left, data is kept rather than freed, or the problem stays with the reason.</para>
/// <para>Each mend is one durable 8-byte store, or a few of which each leaves damage that a new run mends to the same. So a crash at any store is
/// recoverable by repairing again.</para>
/// </remarks>
internal sealed partial class StoreRepair(PersistentMap map, PoolRepairOptions options, LinkRepair? links)
{
    /// <summary>As many as a check lists.</summary>
    private const int MaximumMends = 1000;

    private readonly List<PoolMend> _mends = [];

    /// <summary>Repairs; returns what was found and done.</summary>
    public List<PoolMend> Run()
    {
        if (map.Length < PoolDescriptor.MinimumPoolSize)
        {
            Leave(-1, "pool size", $"at least {PoolDescriptor.MinimumPoolSize} bytes", $"{map.Length}", "bytes are missing: restore the file from a backup");
            return _mends;
        }

        return HeaderRepair.Run(map, PoolKind.Object, HasHeapAtDefault, _mends) ? RunContent() : _mends;
    }

    /// <summary>The same without the pool header, which in a set is mended with its neighbours.</summary>
    public List<PoolMend> RunContent()
    {
        if (!TryMendDescriptor(out PoolBounds bounds))
            return _mends;
        links?.Types.DemandLayout(DescriptorReader.ReadLayout(map));
        MendRunId();
        if (bounds.HeapSize == 0)
            return _mends; // interrupted creation: the next open takes the whole file
        MendHeapHeader(bounds.HeapOffset);
        MendLanes(bounds);
        if (TryMendZones(ref bounds))
        {
            MendLogLinks(bounds);
            MendRecovered();
        }

        return _mends;
    }

    /// <summary>Opens the store for what can be mended only in a recovered one.</summary>
    public Func<ObjectStore> OpenStore { get; init; } = () => ObjectStore.OpenForRepair(map);

    private bool IsFull => _mends.Count >= MaximumMends;

    private void Mend(PoolProblem problem, string remedy)
    {
        if (!IsFull)
            _mends.Add(PoolMend.Mended(problem, remedy));
    }

    private void Mend(long offset, string what, string expected, string found, string remedy) => Mend(new PoolProblem(offset, what, expected, found), remedy);

    private void Mend(PmemFormatException problem, string remedy) => Mend(PoolProblem.Of(problem), remedy);

    private void Leave(PoolProblem problem, string obstacle)
    {
        if (!IsFull)
            _mends.Add(PoolMend.NotMended(problem, obstacle));
    }

    private void Leave(long offset, string what, string expected, string found, string obstacle) => Leave(new PoolProblem(offset, what, expected, found), obstacle);

    private void Leave(PmemFormatException problem, string obstacle) => Leave(PoolProblem.Of(problem), obstacle);

    private void Report(string activity, long done, long total)
    {
        options.Cancellation.ThrowIfCancellationRequested();
        options.Progress?.Report(new PoolProgress(activity, done, total));
    }

    private void Store(long offset, ulong value)
    {
        map.StoreUInt64(offset, value);
        map.Persist(offset, sizeof(ulong));
    }

    private bool TryMendDescriptor(out PoolBounds bounds)
    {
        // Each round mends what the one before found, and there are two things to find: the checksummed part, and the heap size.
        for (int round = 0; ; round++)
        {
            try
            {
                bounds = DescriptorReader.Read(map, layout: null);
                return true;
            }
            catch (PmemFormatException problem)
            {
                bounds = default;
                if (round > 2 || !(problem.Offset == PoolDescriptor.HeapSizeField ? TryMendHeapSize(problem) : TryMendDescriptor(problem)))
                    return false;
            }
        }
    }

    private bool TryMendDescriptor(PmemFormatException problem)
    {
        byte[] bytes = map.GetSpan(PoolDescriptor.Offset, PoolDescriptor.Size).ToArray();
        ulong stored = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(PoolDescriptor.ChecksumPosition));
        List<byte[]> exact = [];
        foreach ((int position, uint value) in ChecksumSolver.FindWrongWord(bytes, bytes.Length, PoolDescriptor.ChecksumPosition, stored))
        {
            byte[] tried = [.. bytes];
            BinaryPrimitives.WriteUInt32LittleEndian(tried.AsSpan(position), value);
            if (HasDefaultPlaces(tried) && HasLayoutName(tried) && (position < 0x418 || value == 0))
                exact.Add(tried);
        }

        if (exact.Count == 1)
        {
            Mend(problem, "restored the 4 bytes that were wrong: the checksum says which, and what they were");
            WriteDescriptor(bytes, exact[0]);
            return true;
        }

        byte[] mended = [.. bytes];
        bool moved = !HasDefaultPlaces(bytes);
        if (moved && !HasHeapAtDefault())
        {
            Leave(problem, "where lanes and heap are is lost, and there is no heap header at the usual place: restore the second page from a backup");
            return false;
        }

        if (!HasLayoutName(bytes))
            mended.AsSpan(0, PoolDescriptor.LayoutSize)[mended.AsSpan(0, PoolDescriptor.MaximumLayoutLength).IndexOfAnyExceptInRange((byte)0x20, (byte)0x7E) is var end and >= 0 ? end.. : PoolDescriptor.MaximumLayoutLength..].Clear();
        Put(mended, PoolDescriptor.LanesOffsetField, PoolDescriptor.DefaultLanesOffset);
        Put(mended, PoolDescriptor.LaneCountField, PoolDescriptor.DefaultLaneCount);
        Put(mended, PoolDescriptor.HeapOffsetField, PoolDescriptor.DefaultHeapOffset);
        Put(mended, PoolDescriptor.ChecksumField, Fletcher64.ComputeWithHole(mended, PoolDescriptor.ChecksumPosition));
        Mend(problem, moved
            ? "wrote the usual places of lanes and heap (a heap header is there) and the checksum"
            : "computed the checksum again; that the layout name is what it was is not proved");
        WriteDescriptor(bytes, mended);
        return true;
    }

    private static void Put(byte[] descriptor, long field, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor.AsSpan((int)(field - PoolDescriptor.Offset)), value);

    private static void Put(byte[] descriptor, long field, long value) => Put(descriptor, field, (ulong)value);

    private static bool HasDefaultPlaces(byte[] descriptor)
    {
        return Get(PoolDescriptor.LanesOffsetField) == PoolDescriptor.DefaultLanesOffset && Get(PoolDescriptor.LaneCountField) == PoolDescriptor.DefaultLaneCount
            && Get(PoolDescriptor.HeapOffsetField) == PoolDescriptor.DefaultHeapOffset;

        long Get(long field) => BinaryPrimitives.ReadInt64LittleEndian(descriptor.AsSpan((int)(field - PoolDescriptor.Offset)));
    }

    private static bool HasLayoutName(byte[] descriptor)
    {
        ReadOnlySpan<byte> name = descriptor.AsSpan(0, PoolDescriptor.LayoutSize);
        int end = name.IndexOf((byte)0);
        return end >= 0 && !name[end..].ContainsAnyExcept((byte)0) && System.Text.Unicode.Utf8.IsValid(name[..end]);
    }

    /// <summary>Whether the heap is where layout 6 has it: what also speaks against a newer program as the author of unknown features.</summary>
    internal bool HasHeapAtDefault()
    {
        try
        {
            Heap.HeapChecks.DemandHeader(map, PoolDescriptor.DefaultHeapOffset);
            return true;
        }
        catch (PmemFormatException)
        {
            return false;
        }
    }

    /// <summary>Stores the words that differ; until the last is durable the checksum is wrong, and a new repair does the same again.</summary>
    private void WriteDescriptor(ReadOnlySpan<byte> old, ReadOnlySpan<byte> mended)
    {
        for (int at = 0; at < PoolDescriptor.Size; at += sizeof(ulong))
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(mended[at..]);
            if (word == BinaryPrimitives.ReadUInt64LittleEndian(old[at..]))
                continue;
            map.StoreUInt64(PoolDescriptor.Offset + at, word);
            map.Flush(PoolDescriptor.Offset + at, sizeof(ulong));
        }

        map.Drain();
    }

    /// <summary>The heap is as large as the file allows, if its zones agree.</summary>
    private bool TryMendHeapSize(PmemFormatException problem)
    {
        long heap = (long)map.ReadUInt64(PoolDescriptor.HeapOffsetField);
        long whole = HeapLayout.UsableSize((map.Length & -PoolFile.PageSize) - heap);
        if (!ZonesFit(heap, whole))
        {
            Leave(problem, "the zones of the heap do not fit into the file: it was truncated, and what was behind its end is lost; restore it from a backup");
            return false;
        }

        Mend(problem, $"wrote {whole}, which is all of the file, and what the zones say");
        Store(PoolDescriptor.HeapSizeField, (ulong)whole);
        return true;
    }

    private bool ZonesFit(long heap, long size)
    {
        for (int zone = 0; zone < HeapLayout.ZoneCount(size); zone++)
        {
            ulong word = map.ReadUInt64(ZoneOffset(heap, zone));
            if ((uint)word == HeapLayout.ZoneMagic && (long)(word >> 32) > HeapLayout.ZoneChunks(size, zone))
                return false;
        }

        return true;
    }

    private void MendRunId()
    {
        ulong runId = map.ReadUInt64(PoolDescriptor.RunIdField);
        if ((runId & 1) == 0)
            return;
        Mend(PoolDescriptor.RunIdField, "run id", "an even number", $"{runId}", "wrote the next even number: locks in the pool count as new then, as after every open");
        Store(PoolDescriptor.RunIdField, runId + 1);
    }

    private void MendHeapHeader(long heapOffset)
    {
        try
        {
            Heap.HeapChecks.DemandHeader(map, heapOffset);
        }
        catch (PmemFormatException problem)
        {
            // It holds nothing but constants.
            byte[] old = map.GetSpan(heapOffset, HeapLayout.HeaderSize).ToArray();
            byte[] header = new byte[HeapLayout.HeaderSize];
            HeapLayout.Signature.CopyTo(header);
            MemoryMarshal.Write(header.AsSpan(HeapLayout.MajorPosition), 1UL);
            MemoryMarshal.Write(header.AsSpan(HeapLayout.ChunkSizePosition), (ulong)HeapLayout.ChunkSize);
            MemoryMarshal.Write(header.AsSpan(HeapLayout.ChunksPerZonePosition), (ulong)HeapLayout.ChunksPerZone);
            MemoryMarshal.Write(header.AsSpan(HeapLayout.HeaderChecksumPosition), Fletcher64.ComputeWithHole(header, HeapLayout.HeaderChecksumPosition));
            for (int at = 0; at < header.Length; at += sizeof(ulong))
            {
                ulong word = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(at));
                if (word != BinaryPrimitives.ReadUInt64LittleEndian(old.AsSpan(at)))
                    Store(heapOffset + at, word);
            }

            Mend(problem, "wrote it again: it holds nothing but constants");
        }
    }

    private static long ZoneOffset(long heap, int zone) => heap + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
}
