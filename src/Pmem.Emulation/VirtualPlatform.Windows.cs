using Microsoft.Win32.SafeHandles;
using Pmem.Emulation.Modules;

namespace Pmem.Emulation;

/// <content>Block windows, and the wear that writes through them leave.</content>
public sealed partial class VirtualPlatform
{
    private const int MaximumWindows = 4096;

    // Under the lock of the volumes.
    private readonly List<BlockWindows> _windows = [];

    /// <summary>Opens block windows to the media of a DIMM. They see and change the same bytes as the sets that the DIMM is part of.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    /// <param name="count">How many.</param>
    /// <param name="apertureSize">Bytes of each aperture, a multiple of 64 up to 16384.</param>
    /// <exception cref="PmemException">The DIMM is lost or locked, a guest has the platform, or the power is off.</exception>
    public BlockWindows OpenBlockWindows(int dimm, int count = 1, int apertureSize = BlockWindows.DefaultAperture)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaximumWindows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(apertureSize % 64, 0, nameof(apertureSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(apertureSize, 64);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(apertureSize, 16384);
        lock (_gate)
        {
            DemandMemory();
            VirtualDimm its = DimmOf(dimm);
            if (its.IsLost || its.Security.IsClosed)
                throw new PmemException($"nmem{dimm} is {(its.IsLost ? "not there" : its.Security.IsLocked ? "locked" : "being overwritten")}: its media cannot be reached");
            PersistentMap media = PersistentMap.Open(Path.Combine(_folder, its.File), new PersistentMapOptions { Length = its.Capacity, ForceGranularity = Domain == PersistenceDomain.CpuCache ? StoreGranularity.Byte : StoreGranularity.CacheLine });
            try
            {
                BeginWear();
                var windows = new BlockWindows(this, dimm, media, OpenWear(its), count, apertureSize);
                lock (_volumeGate)
                {
                    _windows.RemoveAll(others => !others.IsOpen);
                    _windows.Add(windows);
                }

                return windows;
            }
            catch
            {
                media.Dispose();
                throw;
            }
        }
    }

    /// <summary>How often each block of 64 KiB of a DIMM was written: through block windows, and by tracked volumes, of which each flush of a block counts as one write.</summary>
    /// <param name="dimm">Number of the DIMM.</param>
    public IReadOnlyList<ulong> GetWear(int dimm)
    {
        lock (_gate)
        {
            KeepWear();
            VirtualDimm its = DimmOf(dimm);
            if (!File.Exists(WearPath(its)))
                return new ulong[(its.Capacity + ModuleWear.BlockSize - 1) / ModuleWear.BlockSize];
            using ModuleWear wear = OpenWear(its);
            ulong[] counts = new ulong[wear.Blocks];
            for (long block = 0; block < wear.Blocks; block++)
                counts[block] = wear[block];
            return counts;
        }
    }

    /// <summary>Closes all windows: the power goes.</summary>
    private void CloseWindows()
    {
        BlockWindows[] open;
        lock (_volumeGate)
        {
            open = [.. _windows];
            _windows.Clear();
        }

        foreach (BlockWindows windows in open)
            windows.Dispose();
    }

    internal bool IsPoisoned(int dimm, long dpa, long length)
    {
        foreach (PoisonedRange range in _state.Dimms[dimm].Poison)
        {
            if (dpa < range.Dpa + range.Length && range.Dpa < dpa + length)
                return true;
        }

        return false;
    }

    /// <summary>Whole units that were written can be read again.</summary>
    internal void Overwritten(int dimm, long dpa, long length)
    {
        long first = (dpa + PoisonUnit - 1) / PoisonUnit * PoisonUnit;
        long end = (dpa + length) / PoisonUnit * PoisonUnit;
        lock (_gate)
        {
            // What the platform was closed over, the next opening finds as it is.
            if (first < end && !_isOff)
                ClearPoison(dimm, first, end - first);
        }
    }

    /// <summary>Life used is never less than what the block that was written most has used.</summary>
    internal void Age(int dimm, ulong writes)
    {
        lock (_gate)
        {
            if (_isOff)
                return;
            VirtualDimm[] dimms = [.. _state.Dimms];
            dimms[dimm] = Aged(dimms[dimm], writes);
            if (dimms[dimm] != _state.Dimms[dimm])
                Save(_state with { Dimms = dimms });
        }
    }

    private static VirtualDimm Aged(VirtualDimm dimm, ulong writes) => dimm with
    {
        MostWrites = Math.Max(dimm.MostWrites, writes),
        LifeUsed = Math.Max(dimm.LifeUsed, (int)Math.Min(byte.MaxValue, writes * 100.0 / Math.Max(1, dimm.Endurance))),
    };

    /// <summary>Lets modules age by what tracked volumes wrote; durable at return. Under the lock of the platform.</summary>
    private void KeepWear()
    {
        if (_isOff)
            return;
        VirtualDimm[] dimms = [.. _state.Dimms];
        lock (_volumeGate)
        {
            foreach (WearCounter counter in _wear)
            {
                foreach ((int dimm, ulong most) in counter.Take())
                    dimms[dimm] = Aged(dimms[dimm], most);
                if (counter.IsOver)
                    counter.Dispose();
            }

            _wear.RemoveAll(counter => counter.IsOver);
        }

        if (!dimms.SequenceEqual(_state.Dimms))
            Save(_state with { Dimms = dimms });
    }

    /// <summary>Says that counters may go up from now on. Under the lock of the platform.</summary>
    private void BeginWear()
    {
        if (!_state.IsWearOpen)
            Save(_state with { IsWearOpen = true });
    }

    /// <summary>What a process that was killed counted is in the files of the counters; modules age by it at the next opening.</summary>
    private static PlatformState WithWear(string folder, PlatformState state)
    {
        if (!state.IsWearOpen)
            return state;
        return state with
        {
            IsWearOpen = false,
            Dimms = [.. state.Dimms.Select(dimm =>
            {
                string path = WearPath(folder, dimm);
                if (!File.Exists(path))
                    return dimm;
                using var wear = new ModuleWear(path, dimm.Capacity);
                return Aged(dimm, wear.Maximum);
            })],
        };
    }

    private SafeFileHandle OpenWearFile(int dimm)
    {
        VirtualDimm its = DimmOf(dimm);
        OpenWear(its).Dispose();
        return File.OpenHandle(WearPath(its), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
    }

    private ModuleWear OpenWear(VirtualDimm dimm) => new(WearPath(dimm), dimm.Capacity);

    private string WearPath(VirtualDimm dimm) => WearPath(_folder, dimm);

    private static string WearPath(string folder, VirtualDimm dimm) => Path.Combine(folder, Path.ChangeExtension(dimm.File, ".wear"));
}
