namespace Pmem.Platform.Labels;

/// <summary>What a slot is.</summary>
public enum LabelSlotState
{
    /// <summary>In use and valid: what a kernel looks at.</summary>
    Active,

    /// <summary>In use by the index, but a kernel ignores it: wrong slot number or checksum.</summary>
    Invalid,

    /// <summary>Free, and still holding an old label: what recovery can bring back.</summary>
    Stale,
}

/// <summary>A slot that holds something.</summary>
/// <param name="Slot">Number of the slot.</param>
/// <param name="Offset">Its offset in the area.</param>
/// <param name="State">What it is.</param>
/// <param name="Label">The label; of a CXL area what an EFI label would be there, which says nothing.</param>
/// <param name="Problem">Why it is not valid, or null.</param>
public sealed record LabelSlot(int Slot, int Offset, LabelSlotState State, NamespaceLabel Label, FormatProblem? Problem)
{
    /// <summary>In a CXL 2.0 area: the region label, if it is one.</summary>
    public CxlRegionLabel? CxlRegion { get; init; }

    /// <summary>In a CXL 2.0 area: the namespace label, if it is one.</summary>
    public CxlNamespaceLabel? CxlNamespace { get; init; }
}
