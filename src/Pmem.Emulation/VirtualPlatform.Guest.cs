using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <content>
/// A guest on the platform. Its memory is a file of its own, because no virtual machine interleaves files: made from the DIMMs' files before the guest starts, and written
/// back after it ended.
/// <para>Why a crash at any place is recoverable: from the moment the memory is made until it is written back, the state says so. The memory holds everything, so
/// writing back is done again from its start, as often as need be; opening the platform does it. Only then the state says that there is no guest, in the same
/// save that takes over what the guest changed of the DIMMs' health.</para>
/// </content>
public sealed partial class VirtualPlatform
{
    /// <summary>Whether a guest has the memory of the platform, or had it and nobody wrote it back.</summary>
    public bool HasGuest => _state.HasGuest;

    /// <summary>The table with the modules' devices and the methods by which a kernel asks for labels and health: of <see cref="ExportGuest"/>'s registers.</summary>
    public byte[] BuildSsdt()
    {
        NvdimmDevice[] devices = [.. Enumerable.Range(0, _state.Dimms.Count).Where(i => !_state.Dimms[i].IsLost).Select(i => GuestRegisters.Device(_state.Dimms, i, GuestMemory.RegistersStart))];
        return NvdimmSsdt.Build(devices, root: HasErrorMethods ? new NvdimmRoot(GuestMemory.RegistersStart, [.. _state.Sets.Where(IsWhole).Select(Describe)]) : null);
    }

    /// <summary>
    /// Makes the memory that a guest is to run on, with its tables, in the platform's folder. Until <see cref="ImportGuest"/> the memory is the guest's: volumes must be closed
    /// before, and what is changed here meanwhile is lost. Durable at return.
    /// </summary>
    /// <param name="progress">Told how much is done, 0 to 1; null for nobody.</param>
    /// <param name="cancellation">Leaves the platform without a guest.</param>
    /// <exception cref="PmemException">The platform is off or has a guest, or its sets have addresses that a guest cannot have.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public GuestMemory ExportGuest(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            DemandMemory();
            SaveDisabled();
            GuestMemory memory = Describe(_folder, _state);
            DeleteFiles(memory);
            try
            {
                using (var transfer = new GuestTransfer(memory, FileMode.CreateNew, _folder, _state.Dimms))
                {
                    foreach (GuestPart part in Parts(memory, progress, cancellation))
                        transfer.ToGuest(part);
                    for (int i = 0; i < _state.Dimms.Count; i++)
                        transfer.WriteRegisters((long)GuestRegisters.HealthPosition(i), GuestRegisters.HealthOf(_state.Dimms[i]).ToBytes());
                    transfer.WriteRegisters(0, new NvdimmErrorRegisters { Ranges = ErrorsForGuest() }.ToBytes());
                    transfer.Flush();
                }

                File.WriteAllBytes(memory.NfitPath, BuildNfit().ToBytes());
                File.WriteAllBytes(memory.SsdtPath, BuildSsdt());
                PersistentMap.SyncDirectory(_folder);
            }
            catch
            {
                DeleteFiles(memory);
                throw;
            }

            Save(_state with { HasGuest = true });
            return memory;
        }
    }

    /// <summary>Says that a virtual machine is about to run on the DIMMs' files themselves. Durable at return.</summary>
    /// <exception cref="PmemException">The platform is off, or a guest has it.</exception>
    internal void Lend()
    {
        lock (_gate)
        {
            DemandMemory();
            Save(_state with { Machine = MachineProcess.Unknown });
        }
    }

    /// <summary>Says which process the virtual machine is; null when it ended. Nobody gets the files while it runs, also when this process is killed. Durable at return.</summary>
    internal void Record(MachineProcess? machine)
    {
        lock (_gate)
        {
            if (_isOff)
                return;
            if (machine is not null)
            {
                Save(_state with { Machine = machine });
                return;
            }

            // Its start was one of the system.
            _platform.EnableAll();
            _platform.ForgetNumbers();
            Save(_state with { Machine = null, DisabledNamespaces = [] }, numbers: []);
        }
    }

    /// <summary>
    /// Writes what a guest changed, media and labels, back to the DIMMs. The guest must have ended. Durable at return; after a crash, or when it was given up,
    /// the next opening of the platform does it again.
    /// </summary>
    /// <param name="progress">Told how much is done, 0 to 1; null for nobody.</param>
    /// <param name="cancellation">Leaves the rest to the next opening.</param>
    /// <exception cref="PmemException">The platform is off or has no guest, or the guest's memory is not there any more.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public void ImportGuest(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            DemandPower();
            if (!HasGuest)
                throw new PmemException("the platform has no guest: ExportGuest makes its memory");
            GuestMemory memory = Describe(_folder, _state);
            if (!HasLength(memory.Path, memory.Length) || !HasLength(memory.RegistersPath, memory.RegistersLength))
                throw new PmemException($"{memory.Path} or {memory.RegistersPath}, the memory of the platform's last guest, is not there or was cut: put it back, or give up what the guest wrote by opening the platform with discardGuest");
            VirtualDimm[] dimms;
            using (var transfer = new GuestTransfer(memory, FileMode.Open, _folder, _state.Dimms))
            {
                // What is written over the DIMMs must not be lost itself.
                transfer.Flush();
                foreach (GuestPart part in Parts(memory, progress, cancellation))
                    transfer.ToDimm(part);
                dimms = Changed(transfer);
            }

            EndGuest(memory, dimms);
        }
    }

    /// <summary>Gives up what a guest wrote: the DIMMs stay as they were, or, where writing back was interrupted, as far as it came. Durable at return.</summary>
    /// <exception cref="PmemException">The platform is off.</exception>
    public void DiscardGuest()
    {
        lock (_gate)
        {
            DemandPower();
            if (HasGuest)
                EndGuest(Describe(_folder, _state), _state.Dimms);
        }
    }

    private static GuestMemory Describe(string folder, PlatformState state)
    {
        ulong end = FirstAddress;
        foreach (VirtualSet set in state.Sets)
        {
            ulong length = (ulong)set.SizePerDimm * (ulong)set.Dimms.Count;
            if (set.Start < FirstAddress || set.Start % LargePage != 0 || set.Start > (ulong)long.MaxValue / 2 || length > (ulong)long.MaxValue / 2)
                throw new PmemException($"a guest cannot have a set at 0x{set.Start:x}: sets begin at multiples of 2 MiB from 4 GiB on");
            end = Math.Max(end, set.Start + length);
        }

        ulong registers = GuestRegisters.Length(state.Dimms);
        if (registers > (GuestMemory.LowMemoryEnd - GuestMemory.RegistersStart) / 2)
            throw new PmemException($"the label storage areas take {registers} bytes together, more than a guest has below 4 GiB: make them smaller");
        return new GuestMemory
        {
            Path = Path.GetFullPath(Path.Combine(folder, "guest.memory")),
            NfitPath = Path.GetFullPath(Path.Combine(folder, "guest.nfit")),
            SsdtPath = Path.GetFullPath(Path.Combine(folder, "guest.ssdt")),
            RegistersPath = Path.GetFullPath(Path.Combine(folder, "guest.registers")),
            RegistersLength = registers,
            Start = FirstAddress,
            Length = end - FirstAddress,
        };
    }

    private IEnumerable<GuestPart> Parts(GuestMemory memory, IProgress<double>? progress, CancellationToken cancellation)
    {
        for (int i = 0; i < _state.Dimms.Count; i++)
        {
            VirtualDimm dimm = _state.Dimms[i];
            for (int at = 0; !dimm.IsLost && !dimm.Security.IsClosed && at < dimm.LabelSize; at += GuestPart.Unit)
                yield return new GuestPart(i, dimm.Capacity + at, IsRegister: true, (long)GuestRegisters.LabelPosition(_state.Dimms, i) + at, Math.Min(GuestPart.Unit, dimm.LabelSize - at));
        }

        double all = _state.Sets.Sum(set => (double)set.SizePerDimm * set.Dimms.Count);
        double done = 0;
        foreach (VirtualSet set in _state.Sets.Where(IsWhole))
        {
            long start = (long)(set.Start - memory.Start);
            long length = set.SizePerDimm * set.Dimms.Count;
            for (long at = 0; at < length;)
            {
                cancellation.ThrowIfCancellationRequested();
                long line = set.Dimms.Count == 1 ? GuestPart.Unit : set.LineSize;
                int part = (int)Math.Min(Math.Min(line - (at % line), GuestPart.Unit), length - at);
                (int dimm, long dpa) = InterleavedMemory.Translate(set, at);
                yield return new GuestPart(dimm, dpa, IsRegister: false, start + at, part);
                at += part;
                if (at % GuestPart.Unit == 0)
                    progress?.Report((done + at) / all);
            }

            done += length;
        }
    }

    /// <summary>Whether a guest can be told of errors: the methods reach 1 TiB of addresses.</summary>
    private bool HasErrorMethods => !_state.Sets.Any(set => set.Start + (ulong)(set.SizePerDimm * set.Dimms.Count) > NvdimmRoot.MaximumAddress);

    private NvdimmSet Describe(VirtualSet set) =>
        new(set.Start, (ulong)set.LineSize, (ulong)set.SizePerDimm, [.. set.Dimms.Select((number, way) => (new NfitDeviceHandle(_state.Dimms[number].Handle), (ulong)set.DpaStarts[way]))]);

    /// <summary>The first errors in system addresses: a guest learns of no more, and keeps room for its own.</summary>
    private NvdimmErrorRange[] ErrorsForGuest() => HasErrorMethods
        ? [.. ToSystem(dimm => dimm.Poison).Where(range => SetOf(range.Address) is { } set && IsWhole(set)).Take(NvdimmErrorRegisters.InjectionLimit).Select(Whole)]
        : [];

    private static NvdimmErrorRange Whole(AddressRange range)
    {
        ulong first = range.Address / NvdimmErrorRegisters.Unit * NvdimmErrorRegisters.Unit;
        ulong end = (range.Address + range.Length + NvdimmErrorRegisters.Unit - 1) / NvdimmErrorRegisters.Unit * NvdimmErrorRegisters.Unit;
        return new NvdimmErrorRange(first, end - first);
    }

    /// <summary>The DIMMs as a guest left them: errors that it knew of and cleared are gone, those that it injected are there. Registers that make no sense change nothing.</summary>
    private VirtualDimm[] Changed(GuestTransfer transfer)
    {
        VirtualDimm[] dimms = [.. _state.Dimms];
        for (int i = 0; i < dimms.Length; i++)
        {
            byte[] health = transfer.ReadRegisters((long)GuestRegisters.HealthPosition(i), (int)NvdimmDevice.HealthRegistersSize);
            dimms[i] = GuestRegisters.WithHealth(dimms[i], NvdimmHealthRegisters.Parse(health));
        }

        try
        {
            var left = NvdimmErrorRegisters.Parse(transfer.ReadRegisters(0, NvdimmErrorRegisters.Size));
            foreach (NvdimmErrorRange range in ErrorsForGuest())
                OverDimms(range, (number, dpa, length) => dimms[number] = dimms[number] with { Poison = Without(dimms[number].Poison, dpa, length), Reported = null });
            foreach (NvdimmErrorRange range in left.Ranges)
                OverDimms(range, (number, dpa, length) => dimms[number] = dimms[number] with { Poison = Join([.. dimms[number].Poison, new PoisonedRange(dpa, length)]), Reported = null });
        }
        catch (PmemFormatException)
        {
            // A guest may write into its registers whatever it likes.
        }

        return dimms;
    }

    // Addresses that no set has are passed over.
    private void OverDimms(NvdimmErrorRange range, Action<int, long, long> act)
    {
        ulong address = range.Start;
        ulong end = range.Start + range.Length;
        while (address < end && SetOf(address) is { } set)
        {
            long at = (long)(address - set.Start);
            ulong part = Math.Min((ulong)(set.LineSize - (at % set.LineSize)), end - address);
            (int dimm, long dpa) = InterleavedMemory.Translate(set, at);
            act(dimm, dpa, (long)part);
            address += part;
        }
    }

    private static bool HasLength(string path, ulong length) => File.Exists(path) && (ulong)new FileInfo(path).Length == length;

    /// <summary>Whether every DIMM of a set is there and open: firmware maps no others.</summary>
    private bool IsWhole(VirtualSet set) => !set.Dimms.Any(number => _state.Dimms[number].IsLost || _state.Dimms[number].Security.IsClosed);

    private void EndGuest(GuestMemory memory, IReadOnlyList<VirtualDimm> dimms)
    {
        // Its start was one of the system: whatever can be enabled, is.
        _platform.EnableAll();
        _platform.ForgetNumbers();
        Rebuild(_state with { HasGuest = false, Machine = null, Dimms = dimms }, numbers: []);
        DeleteFiles(memory);
    }

    private static void DeleteFiles(GuestMemory memory)
    {
        File.Delete(memory.Path);
        File.Delete(memory.RegistersPath);
        File.Delete(memory.NfitPath);
        File.Delete(memory.SsdtPath);
    }
}
