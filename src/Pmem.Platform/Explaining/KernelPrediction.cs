using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Platform.Explaining;

/// <summary>One thing that a kernel refuses, falls back to, or that its users should know, with the reason and the remedy.</summary>
/// <param name="Rule">Name of the rule, stable across versions; those of an NFIT begin with <c>nfit-</c>.</param>
/// <param name="Severity">Error: memory is missing, exposed or unsafe. Warning: something is not as its author most likely wanted. Info: worth knowing.</param>
/// <param name="Subject">What it is about: <c>bus</c>, <c>nmem0</c>, <c>region0</c>, <c>namespace0.0</c>.</param>
/// <param name="What">What the kernel does.</param>
/// <param name="Reason">Why.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record Explanation(string Rule, LintSeverity Severity, string Subject, string What, string Reason, string Remedy);

/// <summary>A DIMM as a kernel makes it.</summary>
/// <param name="Name"><c>nmem0</c> and so on.</param>
/// <param name="Handle">Device handle.</param>
/// <param name="Id">Identity; empty without one.</param>
/// <param name="IsEnabled">Whether its driver takes it.</param>
/// <param name="Flags">The words of <c>nfit/flags</c>.</param>
public sealed record PredictedDimm(string Name, NfitDeviceHandle Handle, string Id, bool IsEnabled, string Flags);

/// <summary>A region as a kernel makes it, with its namespaces.</summary>
/// <param name="View">Name, address, size, alignment, state, mappings, namespaces; a namespace that is not enabled has no device.</param>
/// <param name="Type"><c>pmem</c> or <c>volatile</c>.</param>
/// <param name="IsReadOnly">Whether nothing may be written.</param>
/// <param name="PersistenceDomain"><c>cpu_cache</c>, <c>memory_controller</c>, or <c>unknown</c>, as ndctl prints it.</param>
/// <param name="DeepFlush">Content of <c>deep_flush</c>: true 1 (flush hints are written), false 0 (nothing to do); null when there is no such file, and a deep flush is EOPNOTSUPP.</param>
public sealed record PredictedRegion(RegionView View, string Type, bool IsReadOnly, string PersistenceDomain, bool? DeepFlush)
{
    /// <summary><c>region0</c> and so on.</summary>
    public string Name => View.Name;
}

/// <summary>What a kernel makes of a platform, and why.</summary>
/// <param name="Kernel">Which kernel.</param>
/// <param name="HasBus">Whether the bus comes up at all; without it there is nothing else.</param>
/// <param name="Dimms">The DIMMs.</param>
/// <param name="Regions">The regions.</param>
/// <param name="Explanations">Refusals, fallbacks, and what else is worth knowing, in the order of bus, DIMMs, regions, namespaces.</param>
public sealed record KernelPrediction(KernelVersion Kernel, bool HasBus, IReadOnlyList<PredictedDimm> Dimms, IReadOnlyList<PredictedRegion> Regions, IReadOnlyList<Explanation> Explanations)
{
    /// <summary>Whether nothing is missing, exposed or unsafe, nor other than its author most likely wanted.</summary>
    public bool IsClean => Explanations.All(explanation => explanation.Severity == LintSeverity.Info);
}
