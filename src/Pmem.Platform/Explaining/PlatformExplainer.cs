using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Explaining;

/// <summary>
/// Predicts what a Linux kernel makes of a platform: which DIMMs, regions and namespaces there are, in which modes and under which names, and for each
/// refusal and each fallback why, and what to do. The rules are those that were seen in guests with Linux 6.1 and 6.12; <see cref="KernelDifferences"/> lists where others differ.
/// </summary>
public sealed partial class PlatformExplainer
{
    private readonly PlatformEvidence _evidence;
    private readonly PlatformEvidence _places;
    private readonly KernelVersion _kernel;
    private readonly List<Explanation> _explanations = [];

    private PlatformExplainer(PlatformEvidence evidence, PlatformEvidence places, KernelVersion kernel)
    {
        _evidence = evidence;
        _places = places;
        _kernel = kernel;
    }

    /// <summary>Predicts.</summary>
    /// <param name="evidence">What is known of the platform.</param>
    /// <param name="kernel">Which kernel.</param>
    public static KernelPrediction Predict(PlatformEvidence evidence, KernelVersion kernel)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        if (evidence.Modules.All(module => module.Poison.Count == 0))
            return new PlatformExplainer(evidence, evidence, kernel).Run();

        // A kernel does not read what is bad; where the bad places are is told by what was there.
        using var read = new PlatformEvidence(evidence.Source, evidence.NfitBytes, evidence.Modules.Select(module => module with { Media = module.Media is null ? null : new PoisonedMedia(module.Media, module.Poison) }), evidence.Ssdts);
        return new PlatformExplainer(read, evidence, kernel).Run();
    }

    private KernelPrediction Run()
    {
        if (!ExplainTable())
            return new KernelPrediction(_kernel, HasBus: false, [], [], _explanations);
        (RegionEvidence Region, RegionView View, RegionLabelVerdict? Verdict)[] regions = [.. _evidence.Regions.Select(View)];
        PredictedDimm[] dimms = [.. _evidence.Modules.Select((module, i) => PredictDimm(module, i, regions))];
        PredictedRegion[] predicted = [.. regions.Select(region => PredictRegion(region.Region, region.View, region.Verdict))];
        return new KernelPrediction(_kernel, HasBus: true, dimms, predicted, _explanations);
    }

    /// <summary>What the lint finds in the table; false when the bus does not come up.</summary>
    private bool ExplainTable()
    {
        bool hasBus = true;
        foreach (LintFinding finding in NfitLint.Examine(_evidence.NfitBytes, new NfitLintOptions { Devices = _evidence.Devices }))
        {
            bool stops = NfitLint.StopsBus(finding);
            hasBus &= !stops;
            Add(finding.Rule, finding.Severity, stops ? "bus" : "nfit", finding.Effect, finding.Message, NfitRemedies.For(finding.Rule));
        }

        if (!KernelDifferences.LocationCookie.AppliesTo(_kernel) && _evidence.Nfit.Of<NfitSpaRange>().FirstOrDefault(range => range.Flags.HasFlag(NfitSpaFlags.LocationCookieValid)) is { } range)
        {
            Add(KernelDifferences.LocationCookie.Id, LintSeverity.Error, "bus", "the bus does not come up: no DIMM and no region appears", $"range {range.Index} has a location cookie; {KernelDifferences.LocationCookie.Before}", "boot a newer kernel, or take the location cookie out of the table");
            hasBus = false;
        }

        return hasBus;
    }

    private PredictedDimm PredictDimm(ModuleEvidence module, int number, (RegionEvidence Region, RegionView View, RegionLabelVerdict? Verdict)[] regions)
    {
        string name = PlatformEvidence.NameOf(number);
        bool enabled = module.IsPresent && !module.IsLocked;
        foreach ((RegionEvidence region, _, RegionLabelVerdict? verdict) in regions)
        {
            for (int mapping = 0; verdict is not null && mapping < region.Modules.Count; mapping++)
                enabled &= region.Modules[mapping] != number || verdict.DimmEnabled[mapping];
        }

        if (!module.IsPresent)
            Add("dimm-absent", LintSeverity.Error, name, "the DIMM is not there, and firmware maps no region over it", "it is lost: pulled, broken, or not answering", $"put the DIMM back into its place (what was on its set is whole then; on a virtual platform 'pmem platform inject --dimm {number} --lost false'), or restore the data of its set from a copy elsewhere");
        else if (module.IsLocked)
            Add("dimm-locked", LintSeverity.Error, name, "the DIMM is locked: its labels and its namespaces cannot be used (-EACCES)", "it has a passphrase", "give it its passphrase: 'pmem dimm security unlock' on a virtual platform; on a machine 'ndctl load-keys', then enable it again"
                + (KernelDifferences.UnlockedCaches.AppliesTo(_kernel) ? ". In a guest its region then stays disabled (-ENXIO), for caches cannot be emptied there" : string.Empty));
        else if (!enabled)
            Add("dimm-disabled", LintSeverity.Error, name, "the DIMM is not enabled (-EBUSY)", "labels on it want the same place", "free one of the two slots: 'pmem labels repair'");
        if (module is { IsPresent: true, IsLocked: false, Labels: null } && module.Details.Security?.State != DimmSecurityState.Overwrite)
            Add("dimm-no-labels", LintSeverity.Info, name, "its regions cannot be divided", "it has no label storage area, or none that firmware gives access to", "none needed; give it an area (QEMU: label-size=) to divide its regions");
        else if (module is { IsPresent: true, IsLocked: false, Labels: { Current: null } area })
            ExplainUnlabelled(name, area);
        ExplainHealth(module, name);
        ExplainPoison(module, number);
        return new PredictedDimm(name, module.Handle, _evidence.IdOf(module), enabled, NfitRegionMapping.NamesOf(_evidence.StateOf(module.Handle)));
    }

    private void ExplainUnlabelled(string name, LabelArea area)
    {
        int orphans = Enum.GetValues<LabelFormat>().Max(format => area.FindOrphanLabels(format).Count);
        string why = area.Indexes.Count == 0 ? "its label storage area is too small" : $"neither index block is valid ({area.Indexes[0].Problem})";
        if (orphans > 0)
            Add("dimm-labels-lost", LintSeverity.Error, name, $"it counts as unlabelled, and {orphans} label(s) in its slots are not seen", why, "'pmem labels repair' rebuilds the index blocks from the labels; write nothing to its region before");
        else
            Add("dimm-unlabelled", LintSeverity.Info, name, "it counts as unlabelled", why, "'pmem labels init', if its region shall be divided");
    }

    private void Add(string rule, LintSeverity severity, string subject, string what, string reason, string remedy) => _explanations.Add(new Explanation(rule, severity, subject, what, reason, remedy));
}
