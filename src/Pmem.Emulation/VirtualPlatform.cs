using Pmem.Emulation.Guest;
using Pmem.Emulation.Modules;
using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <summary>
/// A machine with virtual NVDIMMs, in a folder: one sparse file for each DIMM, with its media and behind it its label storage area, and a file of state. A DIMM that is
/// a set by itself is an image that QEMU's nvdimm device takes as it is.
/// </summary>
/// <remarks>
/// <para>Namespaces are managed as Linux would (<see cref="IPlatform"/>), and their memory is mapped as <see cref="PersistentMap"/> with the granularity of the platform's
/// persistence domain. The state is crash-safe (<see cref="StateFile"/>), so are labels and info blocks.</para>
/// <para>A folder is open in one process at a time. Members may be called from many threads.</para>
/// </remarks>
public sealed partial class VirtualPlatform : IDisposable
{
    private const ulong FirstAddress = 0x1_0000_0000;
    private const uint FirstSerial = 0x123456;
    private const long LargePage = 2 << 20;
    private const int MaximumWays = 16;
    private const int MaximumDimms = 256;
    private const string Off = "the platform is off: open its folder again";

    // Taken in this order: this one, the platform's own, that of the volumes or that of the state.
    private readonly Lock _gate = new();
    private readonly Lock _volumeGate = new();
    private readonly Lock _stateGate = new();

    // Taken last: counters are changed in callbacks of the trace.
    private readonly Lock _wearGate = new();
    private readonly string _folder;
    private readonly StateFile _file;
    private readonly List<Volume> _volumes = [];
    private readonly List<WearCounter> _wear = [];
    private VirtualLabelStorage?[] _labels = [];
    private readonly LabelledPlatform _platform;
    private PlatformState _state;
    private bool _isOff;
    private bool _areVolumesClosed;

    private VirtualPlatform(string folder, StateFile file, PlatformState state)
    {
        _folder = folder;
        _file = file;
        _state = state;
        _platform = new LabelledPlatform("ACPI.NFIT", MakeDimms(), MakeRegions(), new Hardware(this)) { Changing = KeepNumbers };
        foreach (string key in state.DisabledNamespaces)
            _platform.MarkDisabled(key);
        foreach (string line in state.NamespaceNumbers ?? [])
            _platform.KeepNumbers(line);
    }

    /// <summary>DIMMs, regions, namespaces, health, errors; the same one for as long as the platform is open.</summary>
    public IPlatform Platform => _platform;

    /// <summary>The DIMMs as they are now.</summary>
    public IReadOnlyList<VirtualDimm> Dimms => _state.Dimms;

    /// <summary>The interleave sets; set n is region n.</summary>
    public IReadOnlyList<VirtualSet> Sets => _state.Sets;

    /// <summary>Where stores are safe when power fails; null without ADR, where only deep flushes make anything safe.</summary>
    public PersistenceDomain? Domain => _state.Domain;

    /// <summary>Flush hint addresses of each DIMM: registers a write to which drains its write queue, as deep flushes do.</summary>
    public int FlushHints => _state.FlushHints;

    /// <summary>How often the power was cut.</summary>
    public int PowerCuts => _state.PowerCuts;

    /// <summary>The folder.</summary>
    public string Folder => _folder;

    /// <summary>Makes a platform in a folder, which must not hold one, and opens it. What is left of a creation that was interrupted is replaced.</summary>
    /// <exception cref="PmemException">The options do not fit together, or the folder holds a platform.</exception>
    public static VirtualPlatform Create(string folder, VirtualPlatformOptions? options = null)
    {
        options ??= new VirtualPlatformOptions();
        PlatformState state = Design(options);
        if (File.Exists(folder))
            throw new PmemException($"{folder} is a file, and a platform is made in a folder: name another place");
        bool isNew = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, StateFile.Name);
        if (!File.Exists(path) && state.Dimms.FirstOrDefault(dimm => File.Exists(Path.Combine(folder, dimm.File))) is { } stranger)
            throw new PmemException($"{folder} has a file {stranger.File} that belongs to no platform; take another folder, or move the file");
        if (IsEmpty(path))
            File.Delete(path);
        bool isFirst = !File.Exists(path);
        if (isFirst)
            MakeState(path, folder, isNew);
        var file = new StateFile(PersistentMap.Open(path, new PersistentMapOptions { Lock = true }));
        try
        {
            DemandState(folder, file);
            if (file.State is not null)
                throw new PmemException($"{folder} holds a platform already; remove the folder first, or take another");
            foreach (VirtualDimm dimm in state.Dimms)
                MakeDimm(Path.Combine(folder, dimm.File), dimm, options.LabelFormat);

            // The state is what makes the folder a platform.
            file.Save(state);
            return new VirtualPlatform(folder, file, state);
        }
        catch
        {
            bool isMine = isFirst && file.State is null;
            file.Dispose();
            if (isMine)
                Discard(folder, isNew, state);
            throw;
        }
    }

    /// <summary>Opens a platform. What a guest wrote, and nobody wrote back (<see cref="ImportGuest"/>), is written back first.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="discardGuest">Whether to give up what such a guest wrote instead.</param>
    /// <exception cref="PmemException">The folder holds none, or it is open in another process.</exception>
    public static VirtualPlatform Open(string folder, bool discardGuest = false)
    {
        string path = Path.Combine(folder, StateFile.Name);
        if (!File.Exists(path))
            throw new PmemException($"{folder} holds no platform; 'pmem platform create' makes one");
        if (IsEmpty(path))
            throw new PmemException(NotMade(folder));
        var file = new StateFile(PersistentMap.Open(path, new PersistentMapOptions { Lock = true }));
        try
        {
            DemandState(folder, file);
            PlatformState state = file.State ?? throw new PmemException(NotMade(folder));
            if (FindProblem(state) is { } problem)
                throw new PmemException($"the state of the platform in {folder} makes no sense: {problem}");
            if (state.Machine is { } machine && machine.IsRunning())
                throw new PmemException($"a guest still runs on the platform in {folder}, though the command that started it was killed: wait for its end, or end QEMU with 'kill {machine.Id}'");

            // Of a guest that ended without a word all is as it would be had the word come.
            if (state.Machine is { Id: not 0 })
                state = state with { DisabledNamespaces = [], NamespaceNumbers = [] };
            state = state with { Machine = null };
            var platform = new VirtualPlatform(folder, file, WithWear(folder, WithLost(folder, state, discardGuest)));
            platform.FinishErasures();
            if (platform.HasGuest && discardGuest)
                platform.DiscardGuest();
            else if (platform.HasGuest)
                platform.ImportGuest();
            platform.FinishOverwrites();
            return platform;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Maps the data of a namespace; of sector mode all of it, to open a block translation table on. The caller disposes the map.</summary>
    /// <exception cref="PmemException">There is no such namespace, it is disabled, a DIMM is missing, or the power is off, or a guest has the memory.</exception>
    public PersistentMap OpenNamespace(string name, bool readOnly = false)
    {
        DemandMemory();
        return _platform.OpenNamespace(name, readOnly);
    }

    /// <summary>Closes the platform; its machine is shut down in order. Volumes stay mapped until they are disposed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_isOff)
                SaveDisabled();
            KeepWear();
            KeepTorn();
            if (!_isOff && (_hasUnsavedLog || _file.State is { IsWearOpen: true }))
                Save(_state with { IsWearOpen = false });
            lock (_volumeGate)
            {
                foreach (Volume volume in _volumes)
                    volume.Recorder?.Dispose();
                ForgetVolumes();
            }

            Close();
        }
    }

    /// <summary>Keeps which namespaces are disabled, and under which numbers they are, over a restart of the program; durable at return.</summary>
    public void SaveDisabled()
    {
        lock (_gate)
        {
            DemandPower();
            string[] disabled = [.. _platform.DisabledNamespaces.Order(StringComparer.Ordinal)];
            if (!disabled.SequenceEqual(_state.DisabledNamespaces, StringComparer.Ordinal))
                Save(_state with { DisabledNamespaces = disabled });
            _platform.WithNumbers(KeepNumbers);
        }
    }

    /// <summary>Keeps the numbers of namespaces before labels change, and under the lock of the platform's model: a name that was shown never comes to mean another namespace, also when the process is killed.</summary>
    private void KeepNumbers(IReadOnlyList<string> numbers)
    {
        lock (_stateGate)
        {
            DemandPower();
            if (!numbers.SequenceEqual(_state.NamespaceNumbers ?? [], StringComparer.Ordinal))
                Save(_state, numbers);
        }
    }

    /// <summary>The table that firmware would give to a kernel: sets of which a DIMM is lost are not mapped.</summary>
    public Nfit BuildNfit()
    {
        var builder = new NfitBuilder
        {
            Capabilities = Domain switch
            {
                PersistenceDomain.CpuCache => NfitCapabilities.CacheFlush | NfitCapabilities.MemoryControllerFlush,
                null => NfitCapabilities.None,
                _ => NfitCapabilities.MemoryControllerFlush,
            },
        };
        foreach (VirtualSet set in _state.Sets.Where(IsWhole))
            builder.AddSet(set.Start, [.. set.Dimms.Select(Describe)], (ulong)set.SizePerDimm, (uint)set.LineSize);
        foreach (int number in Enumerable.Range(0, _state.Dimms.Count).Where(i => !_state.Dimms[i].IsLost && !_state.Sets.Any(set => IsWhole(set) && set.Dimms.Contains(i))))
            builder.AddUnmapped(Describe(number));
        return builder.Build();
    }

    private NfitModule Describe(int number) => Describe(_state.Dimms[number]) with { FlushHints = GuestRegisters.HintsOf(number, _state.FlushHints) };

    private static NfitModule Describe(VirtualDimm dimm) => new()
    {
        Handle = new NfitDeviceHandle(dimm.Handle),
        PhysicalId = dimm.PhysicalId,
        VendorId = dimm.VendorId,
        SerialNumber = dimm.SerialNumber,
        StateFlags = FlagsOf(dimm),
    };

    private static NfitStateFlags FlagsOf(VirtualDimm dimm) => (dimm.SaveFailed ? NfitStateFlags.SaveFailed : 0) | (dimm.RestoreFailed ? NfitStateFlags.RestoreFailed : 0)
        | (dimm.GetHealth().LastShutdownWasDirty == true ? NfitStateFlags.FlushFailed : 0) | (dimm.IsNotArmed ? NfitStateFlags.NotArmed : 0) | (dimm.Health == "ok" ? 0 : NfitStateFlags.HealthEvents);


    private void DemandPower()
    {
        if (_isOff)
            throw new PmemException(Off);
    }

    private void DemandMemory()
    {
        DemandPower();
        if (_state.Machine is not null)
            throw new PmemException("a guest runs on the platform: wait for its end, or power it off");
        if (HasGuest)
            throw new PmemException("a guest has the memory of the platform: wait for its end, and write back what it changed with ImportGuest");
    }

    // Numbers are changed without the lock of the platform (KeepNumbers), everything else only with it.
    private void Save(PlatformState state, IReadOnlyList<string>? numbers = null)
    {
        lock (_stateGate)
        {
            state = state with { NamespaceNumbers = numbers ?? _state.NamespaceNumbers };
            _file.Save(state);
            _state = state;
        }
    }

    private void Close()
    {
        lock (_stateGate)
        {
            _isOff = true;
            _file.Dispose();
        }
    }

    private void Rebuild(PlatformState state, IReadOnlyList<string>? numbers = null)
    {
        string[] disabled = [.. _platform.DisabledNamespaces];
        Save(state with { DisabledNamespaces = disabled }, numbers);
        _platform.Replace(MakeDimms(), MakeRegions());
    }

    private PlatformDimm[] MakeDimms()
    {
        _labels = [.. _state.Dimms.Select(dimm => dimm.IsLost || dimm.Security.IsClosed || dimm.LabelSize == 0 ? null : LabelsOf(dimm))];
        return [.. _state.Dimms.Select((dimm, i) => new PlatformDimm(new NfitDeviceHandle(dimm.Handle), dimm.PhysicalId, IdOf(dimm), (ulong)dimm.Capacity, _labels[i]))];
    }

    // One that is told to tear a write stays so.
    private VirtualLabelStorage LabelsOf(VirtualDimm dimm)
    {
        string path = Path.Combine(_folder, dimm.File);
        return Array.Find(_labels, labels => labels?.Path == path) ?? new VirtualLabelStorage(path, dimm, DemandMemory);
    }

    private PlatformRegion[] MakeRegions() => [.. _state.Sets.Select(RegionOf)];

    private PlatformRegion RegionOf(VirtualSet set) => new(
        new RegionDescription
        {
            SystemBase = set.Start,
            Mappings = [.. set.Dimms.Select((number, way) => new RegionMapping((ulong)set.DpaStarts[way], (ulong)set.SizePerDimm, new InterleaveSetMember((ulong)(way * set.LineSize), _state.Dimms[number].SerialNumber, _state.Dimms[number].VendorId, 0, 0)))],
        },
        set.Dimms,
        new InterleavedMemory(_folder, _state.Dimms, set, _state.Domain, Opened),
        _state.Domain,
        set.Dimms.Any(number => _state.Dimms[number].IsNotArmed))
    {
        Closed = WhyClosed(set)?.Reason,
        ClosedRemedy = WhyClosed(set)?.Remedy ?? string.Empty,
    };

    private (string Reason, string Remedy)? WhyClosed(VirtualSet set)
    {
        foreach (int number in set.Dimms)
        {
            if (_state.Dimms[number].IsLost)
                return (WhyAbsent(number), PutBack(number));
            if (_state.Dimms[number].Security.IsClosed)
            {
                return _state.Dimms[number].Security.IsLocked
                    ? ($"nmem{number} is locked", $"give its passphrase: 'pmem dimm security unlock nmem{number}'")
                    : ($"nmem{number} is being overwritten", $"wait for the end: 'pmem dimm security wait nmem{number}'");
            }
        }

        return null;
    }

    private static string PutBack(int number) => $"put the DIMM back: 'pmem platform inject --dimm {number} --lost false'";

    private string WhyAbsent(int number) => $"nmem{number} is not there{(FindFileProblem(_folder, _state.Dimms[number]) is { } problem ? $": {problem}" : string.Empty)}";

    // What the table says of it.
    private static NfitControlRegion ControlOf(VirtualDimm dimm) => new() { VendorId = dimm.VendorId, DeviceId = Describe(dimm).DeviceId, RevisionId = 1, SerialNumber = dimm.SerialNumber };

    internal static string IdOf(VirtualDimm dimm) => ControlOf(dimm).Id;
}
