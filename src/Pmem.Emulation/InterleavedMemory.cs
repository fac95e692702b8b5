using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <summary>
/// The memory of an interleave set, in the order of system addresses: lines of the DIMMs' files, mapped side by side. Each line is a mapping of
/// its own, of which a process has some tens of thousands; so large volumes want large lines.
/// </summary>
internal sealed class InterleavedMemory(string folder, IReadOnlyList<VirtualDimm> dimms, VirtualSet set, PersistenceDomain? domain, Action<PersistentMap, VirtualSet, long>? opened) : IRegionMemory
{
    /// <summary>Mappings that one volume may take; Linux allows a process 65530 unless told otherwise.</summary>
    public const long MaximumLines = 16_000;

    public PersistentMap Map(long offset, long length, bool readOnly = false)
    {
        foreach (int number in set.Dimms)
        {
            if (dimms[number].IsLost)
                throw new PmemException($"nmem{number} is not there: the memory of its set cannot be reached");
            if (dimms[number].Security.IsLocked)
                throw new PmemException($"nmem{number} is locked: give its passphrase before the memory of its set is reached");
        }

        if (!readOnly)
            DemandSpace(offset, length);
        var options = new PersistentMapOptions
        {
            Access = readOnly ? MapAccess.ReadOnly : MapAccess.ReadWrite,
            Modules = [.. set.Dimms.Select(number => new MapModule(VirtualPlatform.IdOf(dimms[number]), (ulong)dimms[number].DirtyShutdowns))],
            ForceGranularity = domain == PersistenceDomain.CpuCache ? StoreGranularity.Byte : StoreGranularity.CacheLine,
        };
        PersistentMap map = set.Dimms.Count == 1 ? OpenWhole(offset, length, options) : OpenLines(offset, length, options);
        if (!readOnly)
            opened?.Invoke(map, set, offset);
        return map;
    }

    public bool IsReadable(long offset, long length) => !IsPoisoned(dimms, set, offset, length);

    /// <summary>Whether a part of a range of a set lies on poison. Takes no longer for terabytes: of each DIMM a range has its lines one behind the other.</summary>
    public static bool IsPoisoned(IReadOnlyList<VirtualDimm> dimms, VirtualSet set, long offset, long length)
    {
        int ways = set.Dimms.Count;
        long first = offset / set.LineSize;
        long last = (offset + length - 1) / set.LineSize;
        for (int way = 0; way < ways && length > 0; way++)
        {
            IReadOnlyList<PoisonedRange> poison = dimms[set.Dimms[way]].Poison;
            long from = first + ((way - (first % ways) + ways) % ways);
            if (poison.Count == 0 || from > last)
                continue;
            long to = last - (((last % ways) - way + ways) % ways);
            long start = set.DpaStarts[way] + (from / ways * set.LineSize) + (from == first ? offset % set.LineSize : 0);
            long end = set.DpaStarts[way] + (to / ways * set.LineSize) + (to == last ? ((offset + length - 1) % set.LineSize) + 1 : set.LineSize);
            if (poison.Any(range => range.Dpa < end && start < range.Dpa + range.Length))
                return true;
        }

        return false;
    }

    /// <summary>The DIMM and its address behind a place of the set.</summary>
    public static (int Dimm, long Dpa) Translate(VirtualSet set, long offset)
    {
        long line = offset / set.LineSize;
        int way = (int)(line % set.Dimms.Count);
        return (set.Dimms[way], set.DpaStarts[way] + (line / set.Dimms.Count * set.LineSize) + (offset % set.LineSize));
    }

    // Of each DIMM a volume has one range, but for the rest of the lines in which it begins and ends.
    private void DemandSpace(long offset, long length)
    {
        long stripe = set.LineSize * set.Dimms.Count;
        bool isWhole = set.Dimms.Count == 1;
        long first = isWhole ? offset : offset / stripe * set.LineSize;
        long end = isWhole ? offset + length : Math.Min((offset + length + stripe - 1) / stripe * set.LineSize, set.SizePerDimm);
        for (int way = 0; way < set.Dimms.Count; way++)
            SparseSpace.Demand(Path.Combine(folder, dimms[set.Dimms[way]].File), set.DpaStarts[way] + first, end - first);
    }

    private PersistentMap OpenWhole(long offset, long length, PersistentMapOptions options)
    {
        VirtualDimm dimm = dimms[set.Dimms[0]];
        return PersistentMap.Open(Path.Combine(folder, dimm.File), options with { Offset = set.DpaStarts[0] + offset, Length = length });
    }

    private PersistentMap OpenLines(long offset, long length, PersistentMapOptions options)
    {
        if (!OperatingSystem.IsLinux())
            throw new PmemException("memory of an interleave set needs Linux, where pages of several files are mapped side by side: take sets of one DIMM here");
        if (length / set.LineSize > MaximumLines)
            throw new PmemException($"a volume of {length} bytes in lines of {set.LineSize} takes {length / set.LineSize} mappings, more than {MaximumLines}: make the set with lines of at least {length / MaximumLines} bytes");
        var parts = new List<PersistentMapPart>();
        for (long at = offset; at < offset + length;)
        {
            (int number, long dpa) = Translate(set, at);
            long part = Math.Min(set.LineSize - (at % set.LineSize), offset + length - at);
            VirtualDimm dimm = dimms[number];
            parts.Add(new PersistentMapPart(Path.Combine(folder, dimm.File)) { Offset = dpa, Length = part, FileLength = dimm.Capacity + dimm.LabelSize });
            at += part;
        }

        return PersistentMap.OpenParts(parts, 0, options);
    }
}
