using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>
/// What is known of a platform, wherever it comes from: its tables, its modules' labels, and what can be read of their media. It is what a kernel would be
/// given: addresses can be translated (<see cref="Translation.AddressTranslator"/>), and what a kernel would make of it can be told. Nothing of it can be
/// changed through this.
/// </summary>
/// <remarks>Views are made once; members are thread-safe. Whoever makes the evidence disposes it, which closes files.</remarks>
public sealed class PlatformEvidence : IDisposable
{
    private const string Provider = "ACPI.NFIT";

    private readonly byte[] _nfit;
    private readonly byte[][] _ssdts;

    /// <summary>Puts evidence together.</summary>
    /// <param name="source">Where it is from, for people.</param>
    /// <param name="nfit">The NFIT, or what <c>_FIT</c> returned. Faults in it are kept.</param>
    /// <param name="modules">The modules, in any order.</param>
    /// <param name="ssdts">Tables with the modules' devices; none when not known.</param>
    /// <exception cref="PmemFormatException">The bytes are no NFIT at all.</exception>
    public PlatformEvidence(string source, ReadOnlySpan<byte> nfit, IEnumerable<ModuleEvidence> modules, params IReadOnlyList<byte[]> ssdts)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(ssdts);
        Source = source;
        _nfit = nfit.ToArray();
        _ssdts = [.. ssdts];
        Nfit = Acpi.Nfit.FromScan(NfitScan.Read(nfit));
        // Linux numbers DIMMs by their handles.
        Modules = [.. modules.OrderBy(module => module.Handle.Value)];
        Devices = _ssdts.Length == 0 ? null : [.. _ssdts.SelectMany(table => AmlDevice.NvdimmHandles(AmlReader.Devices(table)))];
        Regions = [.. Nfit.Of<NfitSpaRange>().Where(BecomesRegion).Select((range, number) => new RegionEvidence(number, range, Nfit, Modules))];
        Platform = MakePlatform();
    }

    /// <summary>Where it is from.</summary>
    public string Source { get; }

    /// <summary>The NFIT as it was given.</summary>
    public ReadOnlySpan<byte> NfitBytes => _nfit;

    /// <summary>The NFIT as far as it can be read.</summary>
    public Nfit Nfit { get; }

    /// <summary>The tables with the modules' devices.</summary>
    public IReadOnlyList<byte[]> Ssdts => _ssdts;

    /// <summary>Handles for which the namespace of ACPI has a device; null when not known.</summary>
    public IReadOnlyList<NfitDeviceHandle>? Devices { get; }

    /// <summary>The modules in the order of their handles: module n is <c>nmem</c>n.</summary>
    public IReadOnlyList<ModuleEvidence> Modules { get; }

    /// <summary>The regions in the order of the table.</summary>
    public IReadOnlyList<RegionEvidence> Regions { get; }

    /// <summary>The platform as <c>pmem list</c> and others see it. What it refuses to be changed, it says so.</summary>
    public IPlatform Platform { get; }

    /// <summary>The search for media errors as it was; null when that is not known.</summary>
    public ScrubStatus? Scrub { get; init; }

    /// <summary>How firmware of the modules is activated; null when that is not known.</summary>
    public FirmwareActivation? Activation { get; init; }

    /// <summary>
    /// The namespaces as a kernel that runs on the platform has them; none when no kernel was asked. While it uses them, their media are not read: what they are,
    /// it must tell.
    /// </summary>
    public IReadOnlyList<NamespaceView> Shown => field ??= Kernel is null ? [] : [.. Kernel().GetRegions().SelectMany(region => region.Namespaces)];

    /// <summary>Gives the platform as the running kernel has it; null when none was asked.</summary>
    internal Func<IPlatform>? Kernel { get; init; }

    /// <summary>What was disabled, as <see cref="LabelledPlatform.DisabledNamespaces"/> has it. A kernel that starts knows nothing of it, and so do the views of <see cref="Regions"/>.</summary>
    public IReadOnlyCollection<string> Disabled
    {
        get => ((LabelledPlatform)Platform).DisabledNamespaces;
        init
        {
            foreach (string key in value)
                ((LabelledPlatform)Platform).MarkDisabled(key);
        }
    }

    /// <summary>Where stores are safe when power fails, as the table says; null when it does not.</summary>
    public PersistenceDomain? Domain
    {
        get
        {
            NfitCapabilities capabilities = Nfit.Of<NfitPlatformCapabilities>().LastOrDefault()?.Effective ?? 0;
            return capabilities.HasFlag(NfitCapabilities.CacheFlush) ? PersistenceDomain.CpuCache : capabilities.HasFlag(NfitCapabilities.MemoryControllerFlush) ? PersistenceDomain.MemoryController : null;
        }
    }

    /// <summary>The name of a module: <c>nmem0</c> and so on.</summary>
    public static string NameOf(int module) => $"nmem{module}";

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ModuleEvidence module in Modules)
            (module.Media as IDisposable)?.Dispose();
    }

    private static bool BecomesRegion(NfitSpaRange range) =>
        NfitRangeType.IsVirtual(range.RangeType) || (range.Index != 0 && (range.RangeType == NfitRangeType.PersistentMemory || range.RangeType == NfitRangeType.Volatile));

    private LabelledPlatform MakePlatform()
    {
        // What is managed by labels has mappings, all of known modules; the rest is looked at as it is.
        RegionEvidence[] managed = [.. Regions.Where(region => region.IsPersistentMemory && region.Mappings.Count > 0 && region.Modules.All(module => module >= 0))];
        var platform = new LabelledPlatform(
            Provider,
            [.. Modules.Select((module, i) => new PlatformDimm(module.Handle, PhysicalIdOf(module), IdOf(module), module.Capacity, module.Labels is null ? null : new EvidenceLabels(module.Labels, NameOf(i))))],
            [.. managed.Select(region => new PlatformRegion(region.Description, region.Modules, new EvidenceMemory(region), Domain, region.Mappings.Any(mapping => StateOf(mapping.Handle).HasFlag(NfitStateFlags.NotArmed))))],
            new EvidenceHardware(this))
        {
            IsEvidence = true,
        };
        IReadOnlyList<RegionView> views = platform.GetRegions();
        foreach (RegionEvidence region in Regions)
        {
            int i = Array.IndexOf(managed, region);
            region.View = i < 0 ? ViewAlone(region) : Renumber(views[i], region.Number);
        }

        return platform;
    }

    /// <summary>State of a module: that of all its mappings together, as Linux takes it.</summary>
    public NfitStateFlags StateOf(NfitDeviceHandle handle) =>
        Nfit.Of<NfitRegionMapping>().Where(mapping => mapping.Handle == handle).Aggregate(NfitStateFlags.None, (flags, mapping) => flags | mapping.StateFlags);

    /// <summary>Identity of a module, as Linux prints it; empty when it is not known. The table tells nothing of one that is not there.</summary>
    public string IdOf(ModuleEvidence module) => ControlOf(module)?.Id ?? string.Empty;

    /// <summary>The control region with the identity of a module; null when neither the table tells nor who took the evidence.</summary>
    internal NfitControlRegion? ControlOf(ModuleEvidence module) => ControlInTable(module.Handle) ?? module.Details.Control;

    /// <summary>The control region of a module in the table; null when the table does not tell.</summary>
    internal NfitControlRegion? ControlInTable(NfitDeviceHandle handle) =>
        Nfit.Of<NfitRegionMapping>().Where(mapping => mapping.Handle == handle)
            .Select(mapping => Nfit.Of<NfitControlRegion>().FirstOrDefault(control => control.Index == mapping.ControlRegionIndex)).FirstOrDefault(control => control is not null);

    private ushort PhysicalIdOf(ModuleEvidence module) => Nfit.Of<NfitRegionMapping>().FirstOrDefault(mapping => mapping.Handle == module.Handle)?.PhysicalId ?? module.PhysicalId;

    /// <summary>A region that labels do not divide is one namespace.</summary>
    private RegionView ViewAlone(RegionEvidence region)
    {
        byte[] head = ReadHead(region, out int badPages);
        NamespacePersonality personality = NamespacePersonality.Probe(head, NamespaceClass.None, Guid.Empty, region.Range.Base, region.Range.Length, badPages);
        PfnInfoBlock? block = personality.Pfn;
        bool fits = block is not null && block.DataOffset < region.Range.Length && block.EndTruncate < region.Range.Length - block.DataOffset;
        return new RegionView
        {
            Name = region.Name,
            Start = region.Range.Base,
            Size = region.Range.Length,
            Alignment = region.Range.Length < 16 << 20 ? 4096UL : 16 << 20,
            AvailableSize = 0,
            MaximumExtent = 0,
            SetCookie = 0,
            State = RegionState.LabelLess,
            Reason = region.Mappings.Count == 0 ? "no module is said to be behind the range" : "nothing is known of a module behind the range",
            IsReadOnly = false,
            Domain = Domain,
            Mappings = [],
            Namespaces =
            [
                new NamespaceView
                {
                    Name = $"namespace{region.Number}.0",
                    Region = region.Name,
                    Mode = personality.Mode,
                    Map = block?.Mode ?? PageMapMode.None,
                    Size = block is null ? region.Range.Length : fits ? region.Range.Length - block.DataOffset - block.EndTruncate : 0,
                    RawSize = region.Range.Length,
                    Start = region.Range.Base,
                    DataOffset = block?.DataOffset ?? 0,
                    Uuid = block?.Uuid ?? Guid.Empty,
                    RawUuid = Guid.Empty,
                    Alignment = block?.Alignment ?? 0,
                    SectorSize = block?.Kind == PfnKind.Dax ? 0 : 512,
                    Device = personality.Mode == NamespaceMode.Devdax ? $"dax{region.Number}.0" : personality.Mode == NamespaceMode.Sector ? $"pmem{region.Number}s" : $"pmem{region.Number}",
                    IsEnabled = personality.CanBeEnabled,
                    Reasons = personality.Reasons,
                    Remedy = personality.Remedy,
                },
            ],
        };
    }

    private static byte[] ReadHead(RegionEvidence region, out int badPages)
    {
        const int Page = 4096;
        byte[] head = new byte[Math.Min(NamespacePersonality.HeadSize, region.Range.Length)];
        badPages = 0;
        for (int at = 0; at < head.Length; at += Page)
            badPages |= region.TryRead((ulong)at, head.AsSpan(at, Math.Min(Page, head.Length - at))) ? 0 : 1 << (at / Page);
        return badPages == (1 << ((head.Length + Page - 1) / Page)) - 1 ? [] : head;
    }

    /// <summary>The view under the number that Linux gives, which counts regions without labels too.</summary>
    private static RegionView Renumber(RegionView view, int number)
    {
        string old = view.Name["region".Length..];
        string now = $"{number}";
        string Change(string text, string prefix) => text.StartsWith($"{prefix}{old}", StringComparison.Ordinal) ? $"{prefix}{now}{text[(prefix.Length + old.Length)..]}" : text;
        return view with
        {
            Name = $"region{now}",
            Namespaces = [.. view.Namespaces.Select(space => space with { Name = Change(space.Name, "namespace"), Region = $"region{now}", Device = Change(Change(space.Device, "pmem"), "dax") })],
        };
    }
}
