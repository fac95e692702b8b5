using System.Numerics;
using Pmem.Emulation.Guest;
using Pmem.Platform.Labels;

namespace Pmem.Emulation;

/// <content>Making a platform, and judging a state that was read.</content>
public sealed partial class VirtualPlatform
{
    private static PlatformState Design(VirtualPlatformOptions options)
    {
        if (options.Dimms is < 1 or > MaximumDimms)
            throw new PmemException($"a platform has 1 to {MaximumDimms} DIMMs, not {options.Dimms}");
        if (options.Ways is < 1 or > MaximumWays || options.Dimms % options.Ways != 0)
            throw new PmemException($"{options.Dimms} DIMMs do not make up sets of {options.Ways}: a set has 1 to {MaximumWays}, and none may be left over");
        if (options.Ways > 1 && !OperatingSystem.IsLinux())
            throw new PmemException("interleave sets need Linux, where pages of several files are mapped side by side: take sets of one DIMM here");
        if (options.Capacity < LargePage || options.Capacity % LargePage != 0 || options.Capacity > long.MaxValue / MaximumDimms / 2)
            throw new PmemException($"a DIMM has a multiple of 2 MiB, not {options.Capacity} bytes");
        if (options.Domain is not (null or PersistenceDomain.MemoryController or PersistenceDomain.CpuCache))
            throw new PmemException($"{options.Domain} is no persistence domain of NVDIMMs: take MemoryController (ADR), CpuCache (eADR) or none");
        if (options.LabelSize != 0 && (!LabelAreaGeometry.TryCompute(options.LabelSize, 256, out _) || options.LabelSize % 4096 != 0))
            throw new PmemException($"a label storage area has a multiple of 4096 bytes, at most {LabelAreaGeometry.MaximumAreaSize}, not {options.LabelSize}");
        if (options.ScrubBytesPerSecond <= 0)
            throw new PmemException($"a scrub goes through at least one byte a second, not {options.ScrubBytesPerSecond}");
        if (options.FlushHints is < 0 or > GuestRegisters.MaximumHints)
            throw new PmemException($"a DIMM has 0 to {GuestRegisters.MaximumHints} flush hints, not {options.FlushHints}");
        long line = options.LineSize ?? DefaultLine(options);
        if (line < 4096 || !BitOperations.IsPow2(line) || options.Capacity % line != 0 || line > uint.MaxValue)
            throw new PmemException($"lines have a power of two of at least 4096 bytes that divides the DIMM, not {line}");

        VirtualDimm[] dimms = [.. Enumerable.Range(0, options.Dimms).Select(i => new VirtualDimm { File = $"dimm-{i}.img", Handle = (uint)i + 1, PhysicalId = (ushort)i, SerialNumber = FirstSerial + (uint)i, Capacity = options.Capacity, LabelSize = options.LabelSize })];
        var sets = new List<VirtualSet>();
        ulong start = FirstAddress;
        for (int first = 0; first < options.Dimms; first += options.Ways)
        {
            sets.Add(new VirtualSet { Start = start, Dimms = [.. Enumerable.Range(first, options.Ways)], LineSize = line, SizePerDimm = options.Capacity, DpaStarts = [.. Enumerable.Repeat(0L, options.Ways)] });
            start += (ulong)options.Capacity * (ulong)options.Ways;
        }

        return new PlatformState { Domain = options.Domain, FlushHints = options.FlushHints, Dimms = dimms, Sets = sets, ScrubBytesPerSecond = options.ScrubBytesPerSecond };
    }

    /// <summary>The smallest line with which a volume over the whole set can be mapped, as far as tables can say it.</summary>
    private static long DefaultLine(VirtualPlatformOptions options)
    {
        const long Largest = 1L << 31;
        long line = 4096;
        while (options.Ways > 1 && line < Largest && options.Capacity * options.Ways / line > InterleavedMemory.MaximumLines / 4 && options.Capacity % (line * 2) == 0)
            line *= 2;
        return line;
    }

    private static void MakeDimm(string path, VirtualDimm dimm, LabelFormat? format)
    {
        File.Delete(path);
        using PersistentMap map = PersistentMap.Create(path, dimm.Capacity + dimm.LabelSize, new PersistentMapOptions { Sparse = true });
        if (dimm.LabelSize == 0 || format is not { } wanted)
            return;
        SparseSpace.Reserve(path, dimm.Capacity, dimm.LabelSize);
        var storage = new MappedLabelStorage(map, dimm.Capacity, dimm.LabelSize);
        LabelUpdate.Initialize(LabelArea.Read(storage), wanted).Apply([storage]);
    }

    // With all of its space: a state can always be saved.
    private static void MakeState(string path, string folder, bool isNew)
    {
        try
        {
            PersistentMap.Create(path, 2L * StateFile.SlotSize, new PersistentMapOptions { Sparse = true }).Dispose();
            SparseSpace.Reserve(path, 0, 2L * StateFile.SlotSize);
        }
        catch (PmemException)
        {
            File.Delete(path);
            if (isNew)
                Directory.Delete(folder);
            throw;
        }
    }

    /// <summary>Takes away what a creation made that failed; the folder too, if it was not there before.</summary>
    private static void Discard(string folder, bool isNew, PlatformState state)
    {
        foreach (VirtualDimm dimm in state.Dimms)
            File.Delete(Path.Combine(folder, dimm.File));
        File.Delete(Path.Combine(folder, StateFile.Name));
        if (isNew)
            Directory.Delete(folder);
    }

    private static bool IsEmpty(string path) => new FileInfo(path) is { Exists: true, Length: 0 };

    private static string NotMade(string folder) => $"the platform in {folder} was not made to the end; make it again";

    // Whoever makes a platform anew deletes its DIMMs: a state that cannot be read is no leave to do so.
    private static void DemandState(string folder, StateFile file)
    {
        if (file.IsDamaged)
            throw new PmemException($"the state of the platform in {folder} is damaged ({StateFile.Name}), and the files of its DIMMs are untouched: put {StateFile.Name} back from a copy, or read the DIMMs' files as images ('pmem explain FILE --label-size SIZE'); remove the folder only if nothing in it is needed");
    }

    /// <summary>A DIMM whose file is missing or was cut is lost, until the file is back or the next save.</summary>
    private static PlatformState WithLost(string folder, PlatformState state, bool discardGuest)
    {
        string[] problems = [.. state.Dimms.Where(dimm => !dimm.IsLost).Select(dimm => FindFileProblem(folder, dimm)).OfType<string>()];
        if (problems.Length == 0)
            return state;
        if (state.HasGuest && !discardGuest)
            throw new PmemException($"what a guest wrote cannot be written back to the platform in {folder}, as a DIMM is not there: {problems[0]}; put the file back");
        return state with { Dimms = [.. state.Dimms.Select(dimm => FindFileProblem(folder, dimm) is null ? dimm : dimm with { IsLost = true })] };
    }

    private static string? FindFileProblem(string folder, VirtualDimm dimm)
    {
        var file = new FileInfo(Path.Combine(folder, dimm.File));
        return !file.Exists ? $"its file {dimm.File} is missing"
            : file.Length < dimm.Capacity + dimm.LabelSize ? $"its file {dimm.File} has {file.Length} bytes, not {dimm.Capacity + dimm.LabelSize}"
            : null;
    }

    /// <summary>Why a state that was read cannot be used, or null: whatever is in the file, nothing is indexed out of range.</summary>
    private static string? FindProblem(PlatformState state)
    {
        if (state.Version != 1)
            return $"its version is {state.Version}, not 1";
        if (state.Dimms is null || state.Sets is null || state.DisabledNamespaces is null || state.NamespaceNumbers?.Contains(null!) == true || state.Dimms.Any(dimm => dimm?.File is null || dimm.Poison is null || dimm.Security is null || dimm.CommandLog is null || dimm.FirmwareVersion is null) || state.Sets.Any(set => set?.Dimms is null || set.DpaStarts is null))
            return "a part of it is missing";
        if (state.FlushHints is < 0 or > GuestRegisters.MaximumHints)
            return $"its DIMMs have {state.FlushHints} flush hints";
        if (state.ScrubBytesPerSecond <= 0)
            return $"its scrub goes through {state.ScrubBytesPerSecond} bytes a second";
        foreach (VirtualDimm dimm in state.Dimms)
        {
            if (dimm.Poison.Concat(dimm.Reported ?? []).Any(range => range is null || range.Dpa < 0 || range.Length <= 0 || range.Length > dimm.Capacity - range.Dpa))
                return $"an error of DIMM {dimm.File} is not on it";
            if (FindUnsayable(dimm) is { } degrees)
                return $"DIMM {dimm.File} says {degrees} degrees";
            if (dimm.File != Path.GetFileName(dimm.File) || dimm.File.Length == 0 || dimm.Capacity <= 0 || dimm.LabelSize is < 0 or > LabelAreaGeometry.MaximumAreaSize)
                return $"DIMM {dimm.File}";
        }

        foreach (VirtualSet set in state.Sets)
        {
            if (set.Dimms.Count == 0 || set.DpaStarts.Count != set.Dimms.Count || set.LineSize < 4096 || set.SizePerDimm < set.LineSize || set.Dimms.Any(number => number < 0 || number >= state.Dimms.Count))
                return $"the set at 0x{set.Start:x}";
            for (int way = 0; way < set.Dimms.Count; way++)
            {
                if (set.DpaStarts[way] < 0 || set.SizePerDimm > state.Dimms[set.Dimms[way]].Capacity - set.DpaStarts[way])
                    return $"the set at 0x{set.Start:x}, which leaves DIMM {set.Dimms[way]}";
            }
        }

        return null;
    }
}
