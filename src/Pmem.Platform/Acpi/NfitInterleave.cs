namespace Pmem.Platform.Acpi;

/// <summary>Where the lines of a DIMM are in an interleave set (type 2): 16 + 4·n bytes, rounded up to a multiple of 8 when we build it.</summary>
public sealed class NfitInterleave : NfitStructure
{
    /// <summary>Number by which mappings name the structure, from 1.</summary>
    public ushort Index;

    /// <summary>Bytes of a line.</summary>
    public uint LineSize;

    /// <summary>For each line that the table describes its place, in units of <see cref="LineSize"/> from the region offset.</summary>
    public uint[] LineOffsets = [];

    /// <summary>Bytes behind the offsets.</summary>
    public byte[] Padding = [];

    private ulong _reserved;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.Interleave;

    /// <summary>Sets <see cref="Padding"/> so that the structure's length is a multiple of 8, as the specification wants.</summary>
    public NfitInterleave Padded()
    {
        Padding = new byte[LineOffsets.Length % 2 * sizeof(uint)];
        return this;
    }

    internal override void Visit<T>(ref T fields)
    {
        uint lines = (uint)LineOffsets.Length;
        fields.UInt16("index", ref Index);
        fields.Reserved(2, ref _reserved);
        fields.UInt32("lines", ref lines);
        fields.UInt32("lineSize", ref LineSize);
        fields.Array32("lineOffsets", ref LineOffsets, lines);
        fields.Rest("padding", ref Padding);
    }
}
