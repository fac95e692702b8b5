using Pmem.Objects.Checking;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools;

namespace Pmem.Objects.Conversion;

/// <summary>
/// Brings an object pool of layouts 1 to 5 to layout 6, in place.
///
/// The heap of all of them is one that layout 6 knows: objects of layouts 1 to 3 have headers of 64 bytes, runs have bitmaps of 38 words. What changed
/// is the lanes, and the mutable part of the descriptor. So: what a crash left in the logs is finished or rolled back as the old program would have
/// done it; lanes become zeros, which is idle in every layout; objects of the old transactions are freed; the fields that layout 6 added are written;
/// then the version in the header changes; then lanes get their capacities.
///
/// Each step may be repeated, and until the version changes the pool is one of its old layout with less and less in its logs. The version and the
/// header's checksum are two words: a header in which only one of them is new says so, since the checksum fits the other version, and everything
/// before was done then. Lanes of zeros are idle in layout 6 too. So a crash anywhere is finished by converting again.
/// </summary>
internal sealed class StoreConversion
{
    private const uint Present = 6;
    private const int MajorPosition = 8;

    private readonly PersistentMap _map;
    private readonly bool _inSet;
    private readonly Action<string, long, long> _report;
    private int _finished;
    private int _rolledBack;
    private int _freed;

    /// <param name="map">The pool.</param>
    /// <param name="report">Told what is done, and how much of it.</param>
    /// <param name="inSet">Whether the header is one of several, which the caller judges, and writes when the content is converted.</param>
    public StoreConversion(PersistentMap map, Action<string, long, long> report, bool inSet = false)
    {
        _map = map;
        _inSet = inSet;
        _report = report;
    }

    /// <summary>The layout of the pool in a map; one whose conversion was interrupted in the header is of the layout that it had.</summary>
    public static uint FindLayout(PersistentMap map)
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        return IsInterrupted(in header, out uint before) ? before : header.Major;
    }

    /// <summary>Converts. Throws <see cref="PmemFormatException"/> when the pool is not a sound one of its layout; its logs are judged before anything changes.</summary>
    public StoreConversionResult Run()
    {
        PoolHeader header = _map.Read<PoolHeader>(0);
        uint before = 0;
        bool interrupted = !_inSet && IsInterrupted(in header, out before);
        uint from = interrupted ? before : header.Major;
        Validate(header, interrupted);
        if (from == Present)
        {
            // Only the last step can be missing, here or after pmdk-convert.
            bool changed = LaneCapacities.Complete(_map, DescriptorReader.Read(_map, layout: null));
            return new StoreConversionResult(Present, Present, 0, 0, 0) { IsChanged = changed };
        }

        PoolBounds bounds = DescriptorReader.Read(_map, layout: null, HeapSizeOf(from));
        if (bounds.HeapSize == 0)
            bounds = bounds with { HeapSize = HeapLayout.UsableSize((_map.Length & -PoolFile.PageSize) - bounds.HeapOffset) };
        if (!interrupted)
        {
            ValidateHeap(from, bounds);
            if (from == 5)
                RecoverLogs(bounds);
            else
                RecoverSections(from, bounds);
            ValidateHeap(from, bounds);
            ClearLanes(bounds);
            WriteFields(from, bounds);
            FreeInternal(bounds);
        }

        if (!_inSet)
        {
            WriteHeader();
            LaneCapacities.Complete(_map, bounds);
        }

        return new StoreConversionResult(from, Present, _finished, _rolledBack, _freed) { IsChanged = true };
    }

    private static bool IsInterrupted(in PoolHeader header, out uint before)
    {
        for (before = 1; before < Present; before++)
        {
            PoolHeader old = header with { Major = before };
            PoolHeader converted = header with { Major = Present };
            if (header.Major == Present && header.Checksum != header.ComputeChecksum() && header.Checksum == old.ComputeChecksum())
                return true;
            if (header.Major == before && header.Checksum != header.ComputeChecksum() && header.Checksum == converted.ComputeChecksum())
                return true;
        }

        return false;
    }

    /// <summary>The header by the rules of the present layout, but for its version.</summary>
    private void Validate(PoolHeader header, bool interrupted)
    {
        if (header.Major is 0 or > Present)
            throw new PmemFormatException("pool header major version", MajorPosition, $"1 to {Present}", $"{header.Major}{(header.Major == 0 ? string.Empty : "; a newer program made it: use that program")}");
        if (!interrupted && header.Checksum != header.ComputeChecksum())
            throw new PmemFormatException("pool header checksum", PoolHeader.ChecksumPosition, $"0x{header.ComputeChecksum():x16}", $"0x{header.Checksum:x16}");
        header.Major = Present;
        header.Checksum = header.ComputeChecksum();
        if (!_inSet && PoolValidation.FindProblem(in header, PoolKind.Object) is { } problem)
            throw problem;
        if ((_map.ReadUInt64(PoolDescriptor.RunIdField) & 1) != 0)
            throw new PmemFormatException("run id", PoolDescriptor.RunIdField, "an even number", $"{_map.ReadUInt64(PoolDescriptor.RunIdField)}");
    }

    /// <summary>Up to PMDK 1.3 it is in the checksummed part; from 1.4 on, still in layout 4, where it is now.</summary>
    private ulong HeapSizeOf(uint layout)
    {
        ulong now = layout >= 4 ? _map.ReadUInt64(PoolDescriptor.HeapSizeField) : 0;
        return now == 0 && layout <= 4 ? _map.ReadUInt64(OldLane.HeapSizeField) : now;
    }

    private void ValidateHeap(uint layout, PoolBounds bounds)
    {
        new PersistentHeap(_map, bounds.HeapOffset, bounds.HeapSize, arenas: 1).Validate();
        ChunkFlags known = layout switch { <= 3 => ChunkFlags.None, 4 => ChunkFlags.CompactHeader | ChunkFlags.NoHeader, _ => ChunkFlags.All };
        for (int zone = 0; zone < HeapLayout.ZoneCount(bounds.HeapSize); zone++)
        {
            long at = bounds.HeapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
            ulong word = _map.ReadUInt64(at);
            uint chunks = (uint)word == HeapLayout.ZoneMagic ? (uint)(word >> 32) : 0;
            for (uint chunk = 0; chunk < chunks;)
            {
                long place = at + HeapLayout.ZoneHeaderSize + (chunk * (long)ChunkHeader.Size);
                var header = new ChunkHeader(_map.ReadUInt64(place));
                if ((header.Flags & ~known) != 0)
                    throw new PmemFormatException("chunk flags", place, $"those of layout {layout} (0x{(int)known:x})", $"0x{(int)header.Flags:x}");
                chunk += header.SizeIndex;
            }
        }
    }

    /// <summary>Layout 5 has the logs of layout 6, but for the generation of undo entries.</summary>
    private void RecoverLogs(PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            long lane = bounds.LaneOffset(i);
            bool finished = RedoRecovery.Recover(_map, lane + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, bounds);
            finished |= RedoRecovery.Recover(_map, lane + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, bounds);
            _finished += finished ? 1 : 0;
        }

        for (int i = 0; i < bounds.LaneCount; i++)
        {
            _report("rolling back", i, bounds.LaneCount);
            List<UndoEntryView> entries = [];
            foreach (UndoEntryView entry in new UndoReader(_map, bounds.LaneOffset(i) + LaneLayout.UndoPosition, bounds, hasGenerations: false))
                entries.Add(entry);
            foreach (UndoEntryView entry in entries)
                UndoRecovery.Restore(_map, in entry);
            _map.Drain();
            _rolledBack += entries.Count > 0 ? 1 : 0;
        }
    }

    /// <summary>Layouts 1 to 4: section by section, since transactions need a heap in which no allocation is half done.</summary>
    private void RecoverSections(uint layout, PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount; i++)
            _finished += OldRedo.Finish(_map, bounds.LaneOffset(i) + OldLane.AllocatorRedo, bounds) ? 1 : 0;
        for (int i = 0; i < bounds.LaneCount; i++)
            _finished += OldRedo.Finish(_map, bounds.LaneOffset(i) + OldLane.ListRedo, bounds) ? 1 : 0;
        ValidateHeap(layout, bounds);
        var heap = new PersistentHeap(_map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            long field = bounds.LaneOffset(i) + OldLane.ListObject;
            ulong user = _map.ReadUInt64(field);
            if (user != 0 && user <= long.MaxValue && heap.FindObjectAt((long)user) == (long)user)
                heap.FreeInPlace((long)user);
        }

        OldTransaction[] transactions = [.. Enumerable.Range(0, bounds.LaneCount).Select(i => new OldTransaction(_map, heap, bounds, bounds.LaneOffset(i), layout))];
        foreach (OldTransaction transaction in transactions)
            transaction.Validate();
        for (int i = 0; i < transactions.Length; i++)
        {
            _report("rolling back", i, transactions.Length);
            if (!transactions[i].IsPending)
                continue;
            if (transactions[i].IsCommitted)
                _finished++;
            else
                _rolledBack++;
            transactions[i].Recover();
        }
    }

    private void ClearLanes(PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            _report("clearing lanes", i, bounds.LaneCount);
            _map.Fill(bounds.LaneOffset(i), 0, LaneLayout.Size, CopyHints.NoDrain);
        }

        _map.Drain();
    }

    /// <summary>What layout 6 has behind the run id. In layouts 1 to 3 pointers of the C library were there, in layout 4 up to PMDK 1.3 zeros.</summary>
    private void WriteFields(uint layout, PoolBounds bounds)
    {
        if (layout <= 3)
        {
            ulong root = _map.ReadUInt64(PoolDescriptor.RootOffsetField);
            if (root != 0 && (root > long.MaxValue || !bounds.IsInHeap((long)root - ObjectHeader.LegacySize, ObjectHeader.LegacySize)))
                throw new PmemFormatException("root offset", PoolDescriptor.RootOffsetField, "an object", $"0x{root:x}");
            ulong size = root == 0 ? 0 : _map.ReadUInt64((long)root - ObjectHeader.LegacySize + ObjectHeader.LegacyRootSizePosition) & (ulong.MaxValue >> 1);
            _map.Fill(PoolDescriptor.RootSizeField, 0, PoolDescriptor.RunTimeArea - PoolDescriptor.RootSizeField);
            _map.StoreUInt64(PoolDescriptor.RootSizeField, size);
        }

        _map.StoreUInt64(PoolDescriptor.ConversionFlagsField, 0);
        _map.StoreUInt64(PoolDescriptor.HeapSizeField, (ulong)bounds.HeapSize);
        _map.Persist(PoolDescriptor.RootSizeField, PoolDescriptor.RunTimeArea - PoolDescriptor.RootSizeField);
    }

    /// <summary>With idle lanes, whatever the old store made for itself is the root or nobody's: saved ranges, their caches, log extensions.</summary>
    private void FreeInternal(PoolBounds bounds)
    {
        long root = (long)_map.ReadUInt64(PoolDescriptor.RootOffsetField);
        var heap = new PersistentHeap(_map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
        List<long> lost = [];
        for (long user = heap.FirstObject(); user != 0; user = heap.NextObject(user))
        {
            if (user != root && (heap.ObjectFlags(user) & ObjectFlags.Internal) != 0)
                lost.Add(user);
        }

        foreach (long user in lost)
            heap.FreeInPlace(user);
        _freed = lost.Count;
    }

    private void WriteHeader()
    {
        PoolHeader header = _map.Read<PoolHeader>(0);
        header.Major = Present;
        _map.StoreUInt64(MajorPosition, Present | ((ulong)header.Compat << 32));
        _map.StoreUInt64(PoolHeader.ChecksumPosition, header.ComputeChecksum());
        _map.Persist(0, PoolHeader.Size);
    }
}
