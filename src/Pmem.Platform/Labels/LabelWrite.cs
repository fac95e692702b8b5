namespace Pmem.Platform.Labels;

/// <summary>What a write to a label storage area is for.</summary>
public enum LabelWriteKind
{
    /// <summary>A label, into a free slot: changes nothing that a reader looks at.</summary>
    Label,

    /// <summary>An index block, over the one that is not current: the step at which old becomes new.</summary>
    Index,

    /// <summary>Zeroes.</summary>
    Erase,
}

/// <summary>One write of an update of label storage areas.</summary>
/// <param name="Dimm">Which area: its place in the list the update was made from.</param>
/// <param name="Offset">First byte in the area.</param>
/// <param name="Bytes">What is written.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Slot">Slot of a label, position of an index block, -1 for zeroes.</param>
public sealed record LabelWrite(int Dimm, int Offset, ReadOnlyMemory<byte> Bytes, LabelWriteKind Kind, int Slot);
