using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <summary>
/// A platform whose namespaces are managed here rather than by a kernel: from label storage areas and the memory of regions, by the rules of
/// Linux, so that a kernel that is given the same bytes sees the same namespaces under the same names.
/// </summary>
/// <remarks>
/// <para>A namespace is created in free space: first its info block, then its labels, whose last index block makes it appear. It is destroyed by its labels
/// alone. So a crash leaves the old namespaces or the new ones; a part of labels that is left over is found by <see cref="LabelRepair"/>.
/// Reconfiguring replaces the labels in one update (<see cref="LabelUpdate.Replace"/>), with the same uuid where the place stays. In a place that the old namespace does not
/// touch the info block comes first; else labels do, so that the old namespace keeps its content until it is the new one, and a crash before the new content is complete leaves a
/// namespace whose label says what it lacks: reconfiguring it again completes it.</para>
/// <para>Members may be called from many threads, one at a time goes on.</para>
/// </remarks>
public partial class LabelledPlatform : IPlatform
{
    private const string ReadOnlyRemedy = "charge or replace the module's energy source, or the DIMM (of a virtual one: 'pmem platform inject --dimm NUMBER --armed true')";

    private readonly Lock _gate = new();
    private readonly IPlatformHardware _hardware;
    private readonly PlatformHealth _health;
    private readonly HashSet<string> _disabled = new(StringComparer.Ordinal);
    private IReadOnlyList<PlatformDimm> _dimms;
    private IReadOnlyList<PlatformRegion> _regions;

    /// <summary>Makes the platform.</summary>
    /// <param name="provider">Who provides it.</param>
    /// <param name="dimms">Its DIMMs, in the order of their numbers.</param>
    /// <param name="regions">Its regions, in the order of their numbers.</param>
    /// <param name="hardware">What is behind health, errors and scrubs; null when nothing is known of it.</param>
    public LabelledPlatform(string provider, IReadOnlyList<PlatformDimm> dimms, IReadOnlyList<PlatformRegion> regions, IPlatformHardware? hardware = null)
    {
        _hardware = hardware ?? new NoHardware();
        _health = new PlatformHealth(_hardware, new PlatformNames(provider, NumberOf, AddressesOf, SpaceOf));
        Provider = provider;
        _dimms = dimms;
        _regions = regions;
    }

    /// <inheritdoc/>
    public string Provider { get; }

    /// <summary>Whether it only tells of a platform, such as a capture does: a change would be a change of nothing, and is refused.</summary>
    internal bool IsEvidence { get; init; }

    /// <summary>Uuids of disabled namespaces (names, where there is no uuid), and marked names of disabled regions and DIMMs, to be kept over a restart.</summary>
    public IReadOnlyCollection<string> DisabledNamespaces
    {
        get
        {
            lock (_gate)
                return [.. _disabled];
        }
    }

    /// <summary>Marks something as disabled from the start.</summary>
    /// <param name="key">As <see cref="DisabledNamespaces"/> gave it.</param>
    public void MarkDisabled(string key)
    {
        lock (_gate)
            _disabled.Add(key);
    }

    /// <summary>Forgets what was disabled: the system started anew, and a start enables whatever can be enabled.</summary>
    public void EnableAll()
    {
        lock (_gate)
            _disabled.Clear();
    }

    /// <summary>Puts other DIMMs and regions into the place of the ones there are: a module was lost, or changed. What is disabled stays so.</summary>
    public void Replace(IReadOnlyList<PlatformDimm> dimms, IReadOnlyList<PlatformRegion> regions)
    {
        lock (_gate)
        {
            _dimms = dimms;
            _regions = regions;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<DimmView> GetDimms()
    {
        // The hardware first: what it says may be that a DIMM can be reached again.
        DimmDetails[] details = [.. Enumerable.Range(0, _dimms.Count).Select(_hardware.Describe)];
        DimmView[] views = ViewDimms();
        return [.. views.Select((view, i) => i < details.Length ? view with { Details = details[i], IsEnabled = view.IsEnabled && details[i] is { IsPresent: true, Security: not { State: DimmSecurityState.Locked or DimmSecurityState.Overwrite } } } : view)];
    }

    private DimmView[] ViewDimms()
    {
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            RegionLabelVerdict[] verdicts = [.. _regions.Select(region => Judge(region, areas))];
            return [.. _dimms.Select((dimm, i) => new DimmView($"nmem{i}", dimm.Handle, dimm.PhysicalId, dimm.Id, dimm.Capacity, dimm.Labels?.Size ?? 0, areas[i]?.Format, Math.Max(0, (areas[i]?.Current?.FreeSlots ?? 0) - 1), IsEnabled(i, verdicts)))];
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<RegionView> GetRegions()
    {
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            return [.. _regions.Select((_, i) => View(i, areas))];
        }
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> CreateNamespace(NamespaceRequest request)
    {
        if (IsEvidence)
            return RefusedAsEvidence<NamespaceView>();
        lock (_gate)
        {
            PlatformResult<NamespaceView>? refusal = null;
            for (int i = 0; i < _regions.Count; i++)
            {
                if (request.Region is not null && request.Region != $"region{i}")
                    continue;
                PlatformResult<NamespaceView> result = Create(i, request, replaced: null);
                if (result.Succeeded)
                    return result;
                refusal ??= result;
            }

            return refusal ?? PlatformResult<NamespaceView>.Refused(PlatformError.NotFound, request.Region is null ? "there is no region" : $"there is no region {request.Region}", "list the regions first");
        }
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> DestroyNamespace(string name, bool force = false)
    {
        if (IsEvidence)
            return RefusedAsEvidence<NamespaceView>();
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            if (FindChangeable(name, areas, force) is { Succeeded: false } refusal)
                return refusal;
            (int region, NamespaceView space) = Find(name, areas)!.Value;
            Remove(region, space, areas);
            return PlatformResult<NamespaceView>.Done(space with { IsEnabled = false });
        }
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> ReconfigureNamespace(string name, NamespaceRequest request, bool force = false)
    {
        if (IsEvidence)
            return RefusedAsEvidence<NamespaceView>();
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            if (Find(name, areas) is (int number, { } whole) && whole.RawUuid == Guid.Empty && !_regions[number].IsReadOnly)
                return ReconfigureWhole(number, request, whole, force);
            if (FindChangeable(name, areas, force) is { Succeeded: false } refusal)
                return refusal;
            (int region, NamespaceView space) = Find(name, areas)!.Value;
            return Create(region, request with { Size = request.Size ?? space.RawSize, Name = request.Name.Length > 0 ? request.Name : space.FriendlyName }, space);
        }
    }

    /// <inheritdoc/>
    public PersistentMap OpenNamespace(string name, bool readOnly = false)
    {
        lock (_gate)
        {
            (int region, NamespaceView space) = Find(name, ReadAreas()) ?? throw new PmemException($"there is no namespace {name}; list the namespaces first");
            if (!space.IsEnabled)
                throw new PmemException($"{name} is disabled: {(space.Reasons.Count > 0 ? space.Reasons[^1] : "enable it first")}");
            if (!readOnly)
                DemandWritable(region);
            bool isSector = space.Mode == NamespaceMode.Sector;
            ulong offset = space.Start - _regions[region].Description.SystemBase + (isSector ? 0 : space.DataOffset);
            return _regions[region].Memory.Map((long)offset, (long)(isSector ? space.RawSize : space.Size), readOnly);
        }
    }

    private PlatformResult<NamespaceView>? FindChangeable(string name, LabelArea?[] areas, bool force)
    {
        if (Find(name, areas) is not (int region, { } space))
            return Unknown(name);
        if (_regions[region].IsReadOnly)
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, ReadOnlyReason(region), ReadOnlyRemedy);
        if (space.RawUuid == Guid.Empty)
            return PlatformResult<NamespaceView>.Refused(PlatformError.NoLabels, $"{name} is the whole of a region without labels", "create a namespace in the region, which writes labels");
        return space.IsEnabled && !force
            ? PlatformResult<NamespaceView>.Refused(PlatformError.InUse, $"{name} is enabled and may be in use", "disable it first, or force it")
            : null;
    }

    private int? FindReadOnly(string name)
    {
        lock (_gate)
            return Find(name, ReadAreas()) is (int region, _) && _regions[region].IsReadOnly ? region : null;
    }

    private void DemandWritable(int region)
    {
        if (_regions[region].IsReadOnly)
            throw new PmemException($"{ReadOnlyReason(region)}; {ReadOnlyRemedy}");
    }

    private static string ReadOnlyReason(int region) => $"region{region} is read-only: a DIMM of it is not armed, and what is written would be lost with the power";

    private static PlatformResult<T> RefusedAsEvidence<T>()
        where T : class =>
        PlatformResult<T>.Refused(PlatformError.NotSupported, EvidenceHardware.Reason, EvidenceHardware.Remedy);

    private static PlatformResult<NamespaceView> Unknown(string name) => PlatformResult<NamespaceView>.Refused(PlatformError.NotFound, $"there is no namespace {name}", "list the namespaces first");

    private static string KeyOf(NamespaceView space) => space.RawUuid == Guid.Empty ? space.Region : space.RawUuid.ToString();

    private bool IsEnabled(int dimm, RegionLabelVerdict[] verdicts)
    {
        if (IsDimmDisabled(dimm))
            return false;
        for (int i = 0; i < _regions.Count; i++)
        {
            for (int mapping = 0; mapping < _regions[i].Dimms.Count; mapping++)
            {
                if (_regions[i].Dimms[mapping] == dimm && !verdicts[i].DimmEnabled[mapping])
                    return false;
            }
        }

        return true;
    }

    private LabelArea?[] ReadAreas() => [.. _dimms.Select(dimm => dimm.Labels is null ? null : LabelArea.Read(dimm.Labels))];

    private static LabelArea?[] Of(PlatformRegion region, LabelArea?[] areas) => [.. region.Dimms.Select(dimm => areas[dimm])];

    private static RegionLabelVerdict Judge(PlatformRegion region, LabelArea?[] areas) => region.Closed is { } reason
        ? RegionLabelVerdict.Unreachable(region.Description, Of(region, areas), reason, region.ClosedRemedy)
        : RegionLabelVerdict.Judge(region.Description, Of(region, areas));
}
