using Pmem.Tracing;

namespace Pmem.Emulation;

/// <content>Faults on demand.</content>
public sealed partial class VirtualPlatform
{
    private const long PoisonUnit = 256;

    // What modules say is sixteenths of a degree in fifteen bits and a sign.
    private const int MaximumDegrees = 2047;

    // Nothing is colder.
    private const double MinimumDegrees = -273.15;

    /// <summary>Changes what a DIMM says of itself: temperature, spares, flags. Durable at return.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="change">From what it says to what it shall say; identity and geometry must stay.</param>
    public void Inject(int dimm, Func<VirtualDimm, VirtualDimm> change)
    {
        lock (_gate)
        {
            DemandMemory();
            VirtualDimm before = DimmOf(dimm);
            VirtualDimm after = change(before);
            if (after.Capacity != before.Capacity || after.LabelSize != before.LabelSize || after.File != before.File)
                throw new ArgumentException("a fault does not change a DIMM's file or geometry", nameof(change));
            if (after.Spares is < 0 or > 100 || after.Pretended?.Spares is < 0 or > 100 || after.LifeUsed is < 0 or > 255)
                throw new PmemException($"spares are 0 to 100 percent, life used 0 to 255, not {after.Pretended?.Spares ?? after.Spares} and {after.LifeUsed}");
            if (after.Endurance <= 0)
                throw new PmemException($"a block can be written at least once, not {after.Endurance} times");
            if (FindImpossible(before, after) is { } degrees)
                throw new PmemException(Unsayable(degrees));
            if (before.IsLost && !after.IsLost && FindFileProblem(_folder, after) is { } problem)
                throw new PmemException($"nmem{dimm} cannot be put back: {problem}; put the file back first");
            VirtualDimm[] dimms = [.. _state.Dimms];
            dimms[dimm] = after;
            Rebuild(_state with { Dimms = dimms });
        }
    }

    /// <summary>Makes a range of a DIMM's media unreadable, in units of 256 bytes. In a process that traces, reads of maps made from then on fail; durable at return.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="dpa">DIMM physical address.</param>
    /// <param name="length">Bytes.</param>
    public void InjectPoison(int dimm, long dpa, long length)
    {
        VirtualDimm target = DimmOf(dimm);
        if (dpa < 0 || length <= 0 || length > target.Capacity - dpa)
            throw new PmemException($"0x{dpa:x}+{length} is not on nmem{dimm}, which has {target.Capacity} bytes");
        Inject(dimm, before => Poisoned(before, dpa, length, notify: true));
    }

    /// <summary>Makes a range of system addresses unreadable, on all DIMMs of its set together. Durable at return.</summary>
    /// <exception cref="PmemException">No set has the addresses.</exception>
    public void InjectPoison(ulong address, long length) => OverLines(address, length, (before, dpa, part) => Poisoned(before, dpa, part, notify: true));

    /// <summary>Makes a range of a DIMM's media readable again, in units of 256 bytes, as writing them does on hardware. Their content is undefined.</summary>
    public void ClearPoison(int dimm, long dpa, long length) => Inject(dimm, before => Cleared(before, dpa, length));

    /// <summary>Makes a range of system addresses readable again, on all DIMMs of its set together. Durable at return.</summary>
    public void ClearPoison(ulong address, long length) => OverLines(address, length, Cleared);

    /// <summary>Puts each of two DIMMs into the place of the other: the labels of their sets no longer fit. Durable at return.</summary>
    public void Swap(int first, int second)
    {
        lock (_gate)
        {
            DemandMemory();
            if (first == second)
                throw new PmemException($"nmem{first} cannot be swapped with itself");
            (VirtualDimm a, VirtualDimm b) = (DimmOf(first), DimmOf(second));
            if (a.Capacity != b.Capacity)
                throw new PmemException($"nmem{first} and nmem{second} differ in size, and so does not fit the other's place");
            VirtualDimm[] dimms = [.. _state.Dimms];
            (dimms[first], dimms[second]) = (b with { Handle = a.Handle, PhysicalId = a.PhysicalId }, a with { Handle = b.Handle, PhysicalId = b.PhysicalId });
            Rebuild(_state with { Dimms = dimms });
        }
    }

    /// <summary>Lets some writes to a DIMM's label storage area through, the next one only in part, and fails from then on, until the platform is opened again.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="writes">Writes that go through.</param>
    /// <param name="bytes">Bytes that arrive of the next.</param>
    public void TearLabelWrites(int dimm, int writes, int bytes)
    {
        lock (_gate)
        {
            DemandMemory();
            _ = DimmOf(dimm);
            (_labels[dimm] ?? throw new PmemException($"nmem{dimm} has no label storage area")).TearAfter(writes, bytes);
        }
    }

    /// <summary>The same, and it outlasts the closing of the platform: until a write was torn, or the power is cut. Durable at return.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="writes">Writes that go through.</param>
    /// <param name="bytes">Bytes that arrive of the next.</param>
    public void TearLabelWritesOnce(int dimm, int writes, int bytes)
    {
        if (writes < 0 || bytes < 0)
            throw new PmemException($"writes that go through and bytes that arrive are not negative, as {writes} and {bytes} are");
        lock (_gate)
        {
            TearLabelWrites(dimm, writes, bytes);
            Inject(dimm, before => before with { TornLabels = new TornLabels(writes, bytes) });
        }
    }

    /// <summary>Keeps what is left of tears that wait. Under the lock of the platform.</summary>
    private void KeepTorn()
    {
        if (_isOff)
            return;
        VirtualDimm[] dimms = [.. _state.Dimms.Select((dimm, i) => dimm.TornLabels is not null && _labels[i] is { } labels ? dimm with { TornLabels = labels.Torn } : dimm)];
        if (!dimms.SequenceEqual(_state.Dimms))
            Save(_state with { Dimms = dimms });
    }

    /// <summary>The DIMM and its address behind a system address; null when no set has it.</summary>
    public (int Dimm, long Dpa)? Translate(ulong address) => SetOf(address) is { } set ? InterleavedMemory.Translate(set, (long)(address - set.Start)) : null;

    private VirtualSet? SetOf(ulong address) => _state.Sets.FirstOrDefault(set => address >= set.Start && address - set.Start < (ulong)(set.SizePerDimm * set.Dimms.Count));

    private VirtualDimm DimmOf(int number) => number >= 0 && number < _state.Dimms.Count ? _state.Dimms[number] : throw new PmemException($"there is no nmem{number}; the platform has {_state.Dimms.Count} DIMM(s)");

    /// <summary>What no number of a module can hold; commands of guests give it all others.</summary>
    private static double? FindUnsayable(VirtualDimm dimm) => Degrees(dimm).FirstOrDefault(degrees => degrees is { } value && !(Math.Abs(value) < MaximumDegrees + 1));

    // What a guest made of a threshold is no obstacle to other changes.
    private static double? FindImpossible(VirtualDimm before, VirtualDimm after) =>
        Degrees(after).Zip(Degrees(before)).FirstOrDefault(pair => pair.First is { } value && pair.First != pair.Second && !IsSayable(value)).First;

    private static double?[] Degrees(VirtualDimm dimm) =>
        [dimm.MediaTemperature, dimm.MediaTemperatureThreshold, dimm.ControllerTemperature, dimm.ControllerTemperatureThreshold, dimm.Pretended?.MediaTemperature, dimm.Pretended?.ControllerTemperature];

    private static bool IsSayable(double degrees) => degrees is >= MinimumDegrees and <= MaximumDegrees;

    private static string Unsayable(double degrees) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{degrees} degrees cannot be said by a DIMM: give {MinimumDegrees} to {MaximumDegrees}");

    private static VirtualDimm Poisoned(VirtualDimm before, long dpa, long length, bool notify)
    {
        (long first, long end) = Units(dpa, length);
        var range = new PoisonedRange(first, end - first);
        IReadOnlyList<PoisonedRange> reported = before.Reported ?? before.Poison;
        return Settled(before with { Poison = Join([.. before.Poison, range]), Reported = notify ? Join([.. reported, range]) : reported });
    }

    private static VirtualDimm Cleared(VirtualDimm before, long dpa, long length)
    {
        (long first, long end) = Units(dpa, length);
        return before with { Poison = Without(before.Poison, first, end - first), Reported = before.Reported is null ? null : Without(before.Reported, first, end - first) };
    }

    private static (long First, long End) Units(long dpa, long length) => (dpa / PoisonUnit * PoisonUnit, (dpa + length + PoisonUnit - 1) / PoisonUnit * PoisonUnit);

    /// <summary>The same, without a list of its own for what the system knows when that is what there is.</summary>
    private static VirtualDimm Settled(VirtualDimm dimm) => dimm.Reported?.SequenceEqual(dimm.Poison) == true ? dimm with { Reported = null } : dimm;

    private static PoisonedRange[] Without(IReadOnlyList<PoisonedRange> ranges, long dpa, long length) => [.. ranges.SelectMany(range => Without(range, dpa, dpa + length))];

    /// <summary>Changes the DIMMs behind a range of system addresses in one save, so that a crash leaves all of it or nothing, and many lines take no longer than one.</summary>
    private void OverLines(ulong address, long length, Func<VirtualDimm, long, long, VirtualDimm> change)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        lock (_gate)
        {
            DemandMemory();
            VirtualSet set = SetOf(address) ?? throw new PmemException($"no set has the address 0x{address:x}");
            long at = (long)(address - set.Start);
            long size = set.SizePerDimm * set.Dimms.Count;
            if (length > size - at)
                throw new PmemException($"0x{address:x}+{length} leaves its set, which ends at 0x{set.Start + (ulong)size:x}");
            VirtualDimm[] dimms = [.. _state.Dimms];
            foreach ((int dimm, PoisonedRange range) in Parts(set, at, at + length))
                dimms[dimm] = change(dimms[dimm], range.Dpa, range.Length);
            Rebuild(_state with { Dimms = dimms });
        }
    }

    /// <summary>The ranges of DIMMs behind a range of a set: lines that follow one another on a DIMM are one.</summary>
    private static List<(int Dimm, PoisonedRange Range)> Parts(VirtualSet set, long at, long end)
    {
        var parts = new List<(int Dimm, PoisonedRange Range)>();
        var last = new Dictionary<int, int>();
        while (at < end)
        {
            long part = Math.Min(set.LineSize - (at % set.LineSize), end - at);
            (int dimm, long dpa) = InterleavedMemory.Translate(set, at);
            if (last.TryGetValue(dimm, out int known) && parts[known].Range is var before && before.Dpa + before.Length == dpa)
            {
                parts[known] = (dimm, before with { Length = before.Length + part });
            }
            else
            {
                last[dimm] = parts.Count;
                parts.Add((dimm, new PoisonedRange(dpa, part)));
            }

            at += part;
        }

        return parts;
    }

    private static List<PoisonedRange> Join(List<PoisonedRange> ranges)
    {
        var joined = new List<PoisonedRange>();
        foreach (PoisonedRange range in ranges.OrderBy(range => range.Dpa))
        {
            if (joined.Count > 0 && range.Dpa <= joined[^1].Dpa + joined[^1].Length)
                joined[^1] = joined[^1] with { Length = Math.Max(joined[^1].Length, range.Dpa + range.Length - joined[^1].Dpa) };
            else
                joined.Add(range);
        }

        return joined;
    }

    private static IEnumerable<PoisonedRange> Without(PoisonedRange range, long from, long to)
    {
        long end = range.Dpa + range.Length;
        if (range.Dpa < from)
            yield return new PoisonedRange(range.Dpa, Math.Min(end, from) - range.Dpa);
        if (end > to)
            yield return new PoisonedRange(Math.Max(range.Dpa, to), end - Math.Max(range.Dpa, to));
    }

    private void WatchPoison(PersistentMap map, VirtualSet set, long offset)
    {
        if (PersistenceTrace.IsEnabled && set.Dimms.Any(number => _state.Dimms[number].Poison.Count > 0))
            map.Observe(new PoisonObserver(this, set, offset));
    }

    private sealed class PoisonObserver(VirtualPlatform platform, VirtualSet set, long start) : IMapObserver
    {
        public bool OnRead(long offset, long length, bool survivesPoison) => !InterleavedMemory.IsPoisoned(platform._state.Dimms, set, start + offset, length);

        public void OnWrite(long offset, long length)
        {
            // Writing clears poison on hardware only through the controller: clearing is a call of its own here.
        }
    }
}
