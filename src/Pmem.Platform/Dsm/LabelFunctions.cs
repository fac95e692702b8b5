using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>Output of Intel's and HPE's function 4: how large the label storage area is.</summary>
public sealed class LabelSizeOutput : DsmOutput
{
    /// <summary>Bit of the extended status: the module is locked.</summary>
    public const ushort Locked = 1;

    /// <summary>Bytes of the area.</summary>
    public uint Size;

    /// <summary>Bytes that one read or write may move.</summary>
    public uint MaximumTransfer;

    private protected override string FirstField => "size";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt32("size", ref Size);
        fields.UInt32("maximumTransfer", ref MaximumTransfer);
    }
}

/// <summary>Input of function 5: which bytes of the label storage area to read.</summary>
public sealed class LabelReadInput : DsmPayload
{
    /// <summary>Offset in the area.</summary>
    public uint Offset;

    /// <summary>Bytes.</summary>
    public uint Length;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt32("offset", ref Offset);
        fields.UInt32("length", ref Length);
    }
}

/// <summary>Output of function 5: the bytes.</summary>
public sealed class LabelReadOutput : DsmOutput
{
    /// <summary>The bytes.</summary>
    public byte[] Data = [];

    private protected override string FirstField => "data";

    internal override void VisitAnswer<T>(ref T fields) => fields.Rest("data", ref Data);
}

/// <summary>Input of function 6: bytes for the label storage area.</summary>
public sealed class LabelWriteInput : DsmPayload
{
    /// <summary>Offset in the area.</summary>
    public uint Offset;

    /// <summary>The bytes.</summary>
    public byte[] Data = [];

    internal override void Visit<T>(ref T fields)
    {
        uint length = (uint)Data.Length;
        fields.UInt32("offset", ref Offset);
        fields.UInt32("length", ref length);
        fields.Bytes("data", ref Data, length);
    }
}
