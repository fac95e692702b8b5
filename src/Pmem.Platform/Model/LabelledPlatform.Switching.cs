using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <content>
/// Enabling and disabling. What is disabled is remembered by name or uuid, in one set with the namespaces; a name of a region or DIMM has a mark before it, because a
/// region without labels gives its name to its namespace.
/// </content>
public partial class LabelledPlatform
{
    private const string Mark = "!";

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> EnableNamespace(string name) => Switch(name, enable: true);

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> DisableNamespace(string name) => Switch(name, enable: false);

    /// <inheritdoc/>
    public PlatformResult<RegionView> EnableRegion(string name)
    {
        if (IsEvidence)
            return RefusedAsEvidence<RegionView>();
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            if (RegionOf(name) is not { } number)
                return PlatformResult<RegionView>.Refused(PlatformError.NotFound, $"there is no region {name}", "list the regions first");
            if (_regions[number].Dimms.Cast<int?>().FirstOrDefault(dimm => IsDimmDisabled(dimm!.Value)) is { } off)
                return PlatformResult<RegionView>.Refused(PlatformError.CannotEnable, $"{name} cannot be enabled: nmem{off} is disabled", $"enable it: 'pmem dimm enable nmem{off}'");
            RegionLabelVerdict verdict = Judge(_regions[number], areas);
            if (verdict.State == RegionState.Disabled)
                return PlatformResult<RegionView>.Refused(PlatformError.CannotEnable, $"{name} cannot be enabled: {verdict.Reason}", verdict.Remedy);

            // As after a start: whatever can be enabled in it, is.
            if (_disabled.Remove(Mark + name))
            {
                foreach (NamespaceView space in View(number, areas).Namespaces)
                    _disabled.Remove(KeyOf(space));
            }

            return PlatformResult<RegionView>.Done(View(number, areas));
        }
    }

    /// <inheritdoc/>
    public PlatformResult<RegionView> DisableRegion(string name)
    {
        if (IsEvidence)
            return RefusedAsEvidence<RegionView>();
        lock (_gate)
        {
            if (RegionOf(name) is not { } number)
                return PlatformResult<RegionView>.Refused(PlatformError.NotFound, $"there is no region {name}", "list the regions first");
            _disabled.Add(Mark + name);
            _numbers.Remove(number);
            return PlatformResult<RegionView>.Done(View(number, ReadAreas()));
        }
    }

    /// <inheritdoc/>
    public PlatformResult<DimmView> EnableDimm(string name)
    {
        if (IsEvidence)
            return RefusedAsEvidence<DimmView>();
        if (NumberOf(name) is not { } number)
            return UnknownDimm<DimmView>(name);
        lock (_gate)
            _disabled.Remove(Mark + name);
        DimmView view = GetDimms()[number];
        (string reason, string remedy) = WhyUnreachable(name, view.Details) ?? ("labels on it overlap", "free one of the labels: 'pmem labels repair'");
        return view.IsEnabled
            ? PlatformResult<DimmView>.Done(view)
            : PlatformResult<DimmView>.Refused(PlatformError.CannotEnable, $"{name} cannot be enabled: {reason}", remedy);
    }

    private static (string Reason, string Remedy)? WhyUnreachable(string name, DimmDetails details) => details switch
    {
        { IsPresent: false } => ("it is not there", "put the DIMM back"),
        { Security.State: DimmSecurityState.Locked } => ("it is locked", $"give its passphrase: 'pmem dimm security unlock {name}'"),
        { Security.State: DimmSecurityState.Overwrite } => ("it is being overwritten", $"wait for the end: 'pmem dimm security wait {name}'"),
        _ => null,
    };

    /// <inheritdoc/>
    public PlatformResult<DimmView> DisableDimm(string name)
    {
        if (IsEvidence)
            return RefusedAsEvidence<DimmView>();
        if (NumberOf(name) is not { } number)
            return UnknownDimm<DimmView>(name);
        lock (_gate)
        {
            if (ActiveRegionOf(number) is { } region)
                return PlatformResult<DimmView>.Refused(PlatformError.InUse, $"{name} is in use: region{region} is enabled", $"disable it first: 'pmem region disable region{region}'");
            _disabled.Add(Mark + name);
        }

        return PlatformResult<DimmView>.Done(GetDimms()[number]);
    }

    /// <inheritdoc/>
    public PlatformResult<ILabelStorage> OpenLabels(string dimm, bool readOnly = true)
    {
        if (IsEvidence && !readOnly)
            return RefusedAsEvidence<ILabelStorage>();
        if (NumberOf(dimm) is not { } number)
            return UnknownDimm<ILabelStorage>(dimm);
        DimmDetails details = _hardware.Describe(number);
        lock (_gate)
        {
            if (_dimms[number].Labels is not { } labels)
            {
                (string reason, string remedy) = WhyUnreachable(dimm, details) is { } closed
                    ? ($"labels of {dimm} cannot be reached: {closed.Reason}", closed.Remedy)
                    : ($"{dimm} has no label storage area that can be reached", "use its region as the one namespace that it is");
                return PlatformResult<ILabelStorage>.Refused(PlatformError.NoLabels, reason, remedy);
            }

            if (readOnly)
                return PlatformResult<ILabelStorage>.Done(labels);
            if (ActiveRegionOf(number) is { } region)
                return PlatformResult<ILabelStorage>.Refused(PlatformError.InUse, $"labels of {dimm} are in use: region{region} is enabled", $"disable it first: 'pmem region disable region{region}'");

            // With other labels a region starts anew.
            for (int i = 0; i < _regions.Count; i++)
            {
                if (_regions[i].Dimms.Contains(number))
                    _numbers.Remove(i);
            }

            Changing?.Invoke(NumberLines());
            return PlatformResult<ILabelStorage>.Done(labels);
        }
    }

    /// <inheritdoc/>
    public PersistentMap OpenRaw(string name, bool readOnly = true, bool force = false)
    {
        if (IsEvidence && !readOnly)
            throw new PmemException($"{EvidenceHardware.Reason}: {EvidenceHardware.Remedy}");
        lock (_gate)
        {
            (int region, NamespaceView space) = Find(name, ReadAreas()) ?? throw new PmemException($"there is no namespace {name}; list the namespaces first");
            if (space.IsEnabled && !force)
                throw new PmemException($"{name} is enabled; disable it first: 'pmem namespace disable {name}'");
            if (!readOnly)
                DemandWritable(region);
            long offset = (long)(space.Start - _regions[region].Description.SystemBase);
            return _regions[region].Memory is EvidenceMemory known ? known.MapKnown(offset, (long)space.RawSize) : _regions[region].Memory.Map(offset, (long)space.RawSize, readOnly);
        }
    }

    private PlatformResult<NamespaceView> Switch(string name, bool enable)
    {
        if (IsEvidence)
            return RefusedAsEvidence<NamespaceView>();
        lock (_gate)
        {
            LabelArea?[] areas = ReadAreas();
            if (Find(name, areas) is not (_, { } space))
                return Unknown(name);
            if (enable && !space.CanBeEnabled)
                return PlatformResult<NamespaceView>.Refused(PlatformError.CannotEnable, $"{name} cannot be enabled: {space.Reasons[^1]}", space.Remedy.Length > 0 ? space.Remedy : "reconfigure it, or put it back to the address it was made for");
            if (enable)
                _disabled.Remove(KeyOf(space));
            else
                _disabled.Add(KeyOf(space));
            return PlatformResult<NamespaceView>.Done(Find(name, areas)!.Value.Space);
        }
    }

    private bool IsRegionDisabled(int number) => _disabled.Contains($"{Mark}region{number}");

    private bool IsDimmDisabled(int number) => _disabled.Contains($"{Mark}nmem{number}");

    private int? RegionOf(string name) => Enumerable.Range(0, _regions.Count).Cast<int?>().FirstOrDefault(number => name == $"region{number}");

    /// <summary>An enabled region that a DIMM has a part in; null when there is none.</summary>
    private int? ActiveRegionOf(int dimm)
    {
        LabelArea?[] areas = ReadAreas();
        return Enumerable.Range(0, _regions.Count).Cast<int?>().FirstOrDefault(number =>
            _regions[number!.Value].Dimms.Contains(dimm) && !IsRegionDisabled(number.Value) && Judge(_regions[number.Value], areas).State != RegionState.Disabled);
    }
}
