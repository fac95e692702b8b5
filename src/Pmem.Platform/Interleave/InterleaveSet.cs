using Pmem.Platform.Acpi;

namespace Pmem.Platform.Interleave;

/// <summary>
/// A range of system addresses and the DIMMs behind it: translates DIMM addresses into system addresses and back, for any interleave table
/// (ACPI, "Interleave Structure"; the arithmetic of Linux's former block-window driver). Immutable and thread-safe.
/// </summary>
/// <remarks>
/// With line size L, n lines in the table, W ways, offsets T[i] and region offset R, byte <c>o</c> of a DIMM's region is at
/// <c>base + R + T[i]·L + r·(n·W·L) + o mod L</c>, where line = o / L, i = line mod n, r = line / n. The way back finds the line among the n
/// of one repetition, which are kept sorted.
/// </remarks>
public sealed class InterleaveSet
{
    private readonly Lines[] _members;

    /// <summary>Creates a set.</summary>
    /// <param name="start">First system physical address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="members">The DIMMs.</param>
    /// <exception cref="PmemFormatException">A table has no lines, two lines at one place, or a line outside of the range.</exception>
    public InterleaveSet(ulong start, ulong length, IReadOnlyList<InterleaveMember> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        if (length != 0 && start > ulong.MaxValue - (length - 1))
            throw new PmemFormatException("interleave set", -1, "a range within the address space", $"0x{length:x} bytes at 0x{start:x}");
        Base = start;
        Length = length;
        Members = members;
        _members = [.. members.Select(member => new Lines(member, length))];
    }

    /// <summary>First system physical address.</summary>
    public ulong Base { get; }

    /// <summary>Bytes.</summary>
    public ulong Length { get; }

    /// <summary>The DIMMs, in the order of their mappings.</summary>
    public IReadOnlyList<InterleaveMember> Members { get; }

    /// <summary>The set behind a range of an NFIT.</summary>
    /// <param name="nfit">The table.</param>
    /// <param name="rangeIndex">Index of the range.</param>
    /// <exception cref="PmemFormatException">There is no such range, or its structures do not make a set.</exception>
    public static InterleaveSet Of(Nfit nfit, ushort rangeIndex)
    {
        ArgumentNullException.ThrowIfNull(nfit);
        NfitSpaRange range = nfit.Of<NfitSpaRange>().FirstOrDefault(range => range.Index == rangeIndex && rangeIndex != 0)
            ?? throw new PmemFormatException("NFIT", -1, $"a range with index {rangeIndex}", "none");
        var members = new List<InterleaveMember>();
        foreach (NfitRegionMapping mapping in nfit.Of<NfitRegionMapping>().Where(mapping => mapping.RangeIndex == rangeIndex))
        {
            NfitInterleave? table = mapping.InterleaveIndex == 0 ? null : nfit.Of<NfitInterleave>().FirstOrDefault(table => table.Index == mapping.InterleaveIndex)
                ?? throw new PmemFormatException("NFIT", -1, $"an interleave structure with index {mapping.InterleaveIndex}", "none");
            if (table is { LineSize: 0 })
                throw new PmemFormatException($"interleave structure {table.Index}", -1, "lines of at least one byte", "0");
            members.Add(new InterleaveMember(mapping.Handle, mapping.DpaBase, mapping.RegionSize, mapping.RegionOffset, mapping.InterleaveWays, table?.LineSize ?? 0, table?.LineOffsets ?? []));
        }

        return new InterleaveSet(range.Base, range.Length, members);
    }

    /// <summary>Where a system address is.</summary>
    /// <param name="address">A system physical address.</param>
    /// <param name="found">The DIMM and its address.</param>
    /// <returns>False if the address is outside of the range, or no DIMM has it.</returns>
    public bool TryToDimm(ulong address, out DimmAddress found)
    {
        found = default;
        if (address < Base || address - Base >= Length)
            return false;
        foreach (Lines lines in _members)
        {
            if (!lines.TryFind(address - Base, out ulong offset, out ulong contiguous))
                continue;
            found = new DimmAddress(lines.Member.Handle, lines.Member.DpaBase + offset, contiguous);
            return true;
        }

        return false;
    }

    /// <summary>Where an address of a DIMM is in the system.</summary>
    /// <param name="handle">The DIMM.</param>
    /// <param name="dpa">DIMM physical address.</param>
    /// <param name="address">System physical address.</param>
    /// <param name="contiguous">Bytes from there on that lie behind one another both in the DIMM and in the system.</param>
    /// <returns>False if the DIMM has no such address in the range.</returns>
    public bool TryToSystem(NfitDeviceHandle handle, ulong dpa, out ulong address, out ulong contiguous)
    {
        address = 0;
        contiguous = 0;
        foreach (Lines lines in _members)
        {
            if (lines.Member.Handle != handle || dpa < lines.Member.DpaBase || dpa - lines.Member.DpaBase >= lines.Member.Size)
                continue;
            address = Base + lines.PlaceOf(dpa - lines.Member.DpaBase, out contiguous);
            return true;
        }

        return false;
    }

    /// <summary>The lines of one DIMM, sorted by their place in a repetition.</summary>
    private sealed class Lines
    {
        private readonly ulong _lineSize;
        private readonly ulong _period;
        private readonly ulong[] _places;
        private readonly ulong[] _sorted;
        private readonly int[] _order;

        public Lines(InterleaveMember member, ulong length)
        {
            Member = member;
            if (member.Size == 0)
            {
                _places = _sorted = [];
                _order = [];
                return;
            }

            if (member.DpaBase > ulong.MaxValue - (member.Size - 1))
                throw Wrong(member, "DIMM addresses of 64 bits", $"0x{member.Size:x} bytes at 0x{member.DpaBase:x}");
            bool plain = member.LineSize == 0;
            if (!plain && (member.LineOffsets.Count == 0 || member.Ways == 0))
                throw Wrong(member, "lines and ways", $"{member.LineOffsets.Count} line(s) in {member.Ways} way(s)");

            // Bytes without interleaving are one line that does not repeat.
            _lineSize = plain ? member.Size : member.LineSize;
            UInt128 period = plain ? _lineSize : (UInt128)_lineSize * (uint)member.LineOffsets.Count * member.Ways;
            _places = plain ? [member.RegionOffset] : Places(member);
            ulong repetitions = (member.Size - 1) / _lineSize / (ulong)_places.Length;
            if (period > ulong.MaxValue)
                throw Wrong(member, "repetitions of 64 bits", $"{member.LineOffsets.Count} lines of {member.LineSize} bytes in {member.Ways} ways");
            for (int i = 0; i < _places.Length; i++)
            {
                if (EndOf(i, period, repetitions) > length)
                    throw Wrong(member, $"lines within the 0x{length:x} bytes of the range", $"line {i} at 0x{_places[i]:x}, {repetitions + 1} repetition(s)");
            }

            _period = (ulong)period;
            _order = [.. Enumerable.Range(0, _places.Length)];
            _sorted = [.. _places.Select(place => place % _period)];
            Array.Sort(_sorted, _order);
            for (int i = 0; i < _sorted.Length; i++)
            {
                ulong next = i + 1 < _sorted.Length ? _sorted[i + 1] : _sorted[0] + _period;
                if (next - _sorted[i] < _lineSize)
                    throw Wrong(member, "lines that do not overlap", $"two at 0x{_sorted[i]:x} and 0x{next:x}");
            }
        }

        public InterleaveMember Member { get; }

        public ulong PlaceOf(ulong offset, out ulong contiguous)
        {
            ulong line = offset / _lineSize;
            contiguous = Math.Min(_lineSize - (offset % _lineSize), Member.Size - offset);
            return _places[line % (ulong)_places.Length] + (line / (ulong)_places.Length * _period) + (offset % _lineSize);
        }

        public bool TryFind(ulong place, out ulong offset, out ulong contiguous)
        {
            offset = 0;
            contiguous = 0;
            if (_sorted.Length == 0)
                return false;
            ulong inPeriod = place % _period;
            int at = Array.BinarySearch(_sorted, inPeriod);
            at = at >= 0 ? at : ~at - 1;
            // Before the first line there may be the end of the last one, which began in the repetition before.
            bool wraps = at < 0;
            at = wraps ? _sorted.Length - 1 : at;
            ulong within = inPeriod + (wraps ? _period : 0) - _sorted[at];
            int line = _order[at];
            if (within >= _lineSize || place < _places[line] || place - _places[line] < within)
                return false;
            UInt128 found = ((UInt128)((place - _places[line] - within) / _period * (ulong)_places.Length) + (uint)line) * _lineSize + within;
            if (found >= Member.Size)
                return false;
            offset = (ulong)found;
            contiguous = Math.Min(_lineSize - within, Member.Size - offset);
            return true;
        }

        private static ulong[] Places(InterleaveMember member)
        {
            ulong[] places = new ulong[member.LineOffsets.Count];
            for (int i = 0; i < places.Length; i++)
            {
                UInt128 place = member.RegionOffset + ((UInt128)member.LineOffsets[i] * member.LineSize);
                places[i] = place <= ulong.MaxValue ? (ulong)place : throw Wrong(member, "lines within the address space", $"line offset {member.LineOffsets[i]}");
            }

            return places;
        }

        // End of the last line that is entry i of a repetition; the last repetition may have fewer lines, and its last line fewer bytes.
        private UInt128 EndOf(int i, UInt128 period, ulong repetitions)
        {
            UInt128 first = (((UInt128)repetitions * (ulong)_places.Length) + (uint)i) * _lineSize;
            if (first < Member.Size)
                return _places[i] + (period * repetitions) + UInt128.Min(_lineSize, Member.Size - first);
            return repetitions == 0 ? 0 : _places[i] + (period * (repetitions - 1)) + _lineSize;
        }

        private static PmemFormatException Wrong(InterleaveMember member, string expected, string found) => new($"interleaving of DIMM {member.Handle}", -1, expected, found);
    }
}
