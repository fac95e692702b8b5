using Pmem.Platform.Acpi;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>A range of system addresses: input of several functions of the root device.</summary>
public sealed class AddressRangeInput : DsmPayload
{
    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
    }
}

/// <summary>Output of root function 1, query ARS capabilities. Extended status: bit 0 volatile, bit 1 persistent memory can be scrubbed.</summary>
public sealed class ArsCapabilitiesOutput : DsmOutput
{
    /// <summary>Bytes of the largest output of function 3.</summary>
    public uint MaximumStatusOutput;

    /// <summary>Bytes that are cleared at once; a power of two.</summary>
    public uint ClearErrorUnit;

    /// <summary>Bit 0: notifications of memory errors carry a valid address.</summary>
    public ushort Flags;

    private ulong _reserved;

    private protected override string FirstField => "maximumStatusOutput";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt32("maximumStatusOutput", ref MaximumStatusOutput);
        fields.UInt32("clearErrorUnit", ref ClearErrorUnit);
        fields.UInt16("flags", ref Flags, FieldFormat.Hex);
        fields.Reserved(2, ref _reserved);
    }
}

/// <summary>Input of root function 2, start ARS.</summary>
public sealed class ArsStartInput : DsmPayload
{
    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>1 volatile, 2 persistent.</summary>
    public ushort Type = 2;

    /// <summary>Bit 1: return what is known, do not scrub.</summary>
    public byte Flags;

    private ulong _reserved;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
        fields.UInt16("type", ref Type);
        fields.UInt8("flags", ref Flags, FieldFormat.Hex);
        fields.Reserved(5, ref _reserved);
    }
}

/// <summary>Output of root function 2, start ARS. Status 6: a scrub is running.</summary>
public sealed class ArsStartOutput : DsmOutput
{
    /// <summary>Seconds that the scrub is estimated to take.</summary>
    public uint EstimatedSeconds;

    private protected override string FirstField => "estimatedSeconds";

    internal override void VisitAnswer<T>(ref T fields) => fields.UInt32("estimatedSeconds", ref EstimatedSeconds);
}

/// <summary>One error that a scrub found.</summary>
public sealed class ArsRecord : BinaryStructure
{
    /// <summary>Bytes of a record.</summary>
    public const int Size = 24;

    /// <summary>The DIMM.</summary>
    public NfitDeviceHandle Handle;

    /// <summary>First bad system physical address.</summary>
    public ulong Address;

    /// <summary>Bytes.</summary>
    public ulong Length;

    private ulong _reserved;

    internal override void Visit<T>(ref T fields)
    {
        uint handle = Handle.Value;
        fields.UInt32("handle", ref handle, FieldFormat.Hex);
        Handle = new NfitDeviceHandle(handle);
        fields.Reserved(4, ref _reserved);
        fields.UInt64("address", ref Address, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
    }
}

/// <summary>Output of root function 3, query ARS status. Extended status: 0 done, 1 running, 2 none since boot, 3 stopped early.</summary>
public sealed class ArsStatusOutput : DsmOutput
{
    private const uint HeaderSize = 44;

    /// <summary>
    /// Length that the answer states; null for 44 bytes and the records, which is what Linux reckons with: it takes an answer of less than 44 for
    /// one without records, and tolerates a length that is 4 too large.
    /// </summary>
    public uint? OutputLength;

    /// <summary>First address that was scrubbed.</summary>
    public ulong Start;

    /// <summary>Bytes that were scrubbed.</summary>
    public ulong Length;

    /// <summary>Where a scrub that stopped early is to go on.</summary>
    public ulong RestartAddress;

    /// <summary>Bytes that are left then.</summary>
    public ulong RestartLength;

    /// <summary>1 volatile, 2 persistent.</summary>
    public ushort Type = 2;

    /// <summary>Bit 0: there are more records than fit.</summary>
    public ushort Flags;

    /// <summary>The errors.</summary>
    public ArsRecord[] Records = [];

    private protected override string FirstField => "outputLength";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint records = (uint)Records.Length;
        uint length = OutputLength ?? (HeaderSize + (records * ArsRecord.Size));
        fields.UInt32("outputLength", ref length);
        fields.UInt64("start", ref Start, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
        fields.UInt64("restartAddress", ref RestartAddress, FieldFormat.Hex);
        fields.UInt64("restartLength", ref RestartLength);
        fields.UInt16("type", ref Type);
        fields.UInt16("flags", ref Flags, FieldFormat.Hex);
        fields.UInt32("recordCount", ref records);
        fields.Records("records", ref Records, records);
        OutputLength = length == HeaderSize + ((uint)Records.Length * ArsRecord.Size) ? null : length;
    }
}

/// <summary>Output of root function 4, clear uncorrectable error.</summary>
public sealed class ClearErrorOutput : DsmOutput
{
    /// <summary>Bytes that were cleared.</summary>
    public ulong Cleared;

    private ulong _reserved;

    private protected override string FirstField => "reserved0";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.Reserved(4, ref _reserved);
        fields.UInt64("cleared", ref Cleared);
    }
}

/// <summary>Input of root function 5, translate a system address.</summary>
public sealed class TranslateInput : DsmPayload
{
    /// <summary>System physical address.</summary>
    public ulong Address;

    internal override void Visit<T>(ref T fields) => fields.UInt64("address", ref Address, FieldFormat.Hex);
}

/// <summary>An address of a DIMM in the output of root function 5.</summary>
public sealed class TranslatedAddress : BinaryStructure
{
    /// <summary>The DIMM.</summary>
    public NfitDeviceHandle Handle;

    /// <summary>DIMM physical address.</summary>
    public ulong Dpa;

    private ulong _reserved;

    internal override void Visit<T>(ref T fields)
    {
        uint handle = Handle.Value;
        fields.UInt32("handle", ref handle, FieldFormat.Hex);
        Handle = new NfitDeviceHandle(handle);
        fields.Reserved(4, ref _reserved);
        fields.UInt64("dpa", ref Dpa, FieldFormat.Hex);
    }
}

/// <summary>Output of root function 5, translate a system address. Status 2: no such address.</summary>
public sealed class TranslateOutput : DsmOutput
{
    /// <summary>Flags.</summary>
    public byte Flags;

    /// <summary>Bytes from there on that the answer holds for.</summary>
    public ulong Length;

    /// <summary>The DIMMs: more than one where memory is mirrored.</summary>
    public TranslatedAddress[] Addresses = [];

    private ulong _reserved;

    private protected override string FirstField => "flags";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint count = (uint)Addresses.Length;
        fields.UInt8("flags", ref Flags, FieldFormat.Hex);
        fields.Reserved(3, ref _reserved);
        fields.UInt64("length", ref Length);
        fields.UInt32("addressCount", ref count);
        fields.Records("addresses", ref Addresses, count);
    }
}

/// <summary>Input of root function 7, inject an error.</summary>
public sealed class InjectErrorInput : DsmPayload
{
    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>Bit 0: notify the operating system.</summary>
    public byte Options;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
        fields.UInt8("options", ref Options, FieldFormat.Hex);
    }
}

/// <summary>A range with an injected error.</summary>
public sealed class InjectedRange : BinaryStructure
{
    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
    }
}

/// <summary>Output of root function 9, query injected errors.</summary>
public sealed class InjectStatusOutput : DsmOutput
{
    /// <summary>The ranges.</summary>
    public InjectedRange[] Ranges = [];

    private protected override string FirstField => "rangeCount";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint count = (uint)Ranges.Length;
        fields.UInt32("rangeCount", ref count);
        fields.Records("ranges", ref Ranges, count);
    }
}

/// <summary>Output of Intel's root function 1: how firmware of all modules is activated.</summary>
public sealed class FirmwareBusOutput : DsmOutput
{
    /// <summary>0 idle, 1 armed, 2 busy.</summary>
    public byte State;

    /// <summary>Bit 0 firmware quiesces, bit 1 the operating system does, bit 2 by a reset.</summary>
    public byte Capability;

    /// <summary>Microseconds of the activation at most.</summary>
    public ulong ActivateMicroseconds;

    /// <summary>Microseconds for which processors are quiesced at most.</summary>
    public ulong CpuQuiesceMicroseconds;

    /// <summary>Microseconds for which devices are quiesced at most.</summary>
    public ulong IoQuiesceMicroseconds;

    /// <summary>Microseconds of quiescing that the platform bears.</summary>
    public ulong MaximumQuiesceMicroseconds;

    private ulong _reserved;

    private protected override string FirstField => "reserved0";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.Reserved(2, ref _reserved);
        fields.UInt8("state", ref State);
        fields.UInt8("capability", ref Capability, FieldFormat.Hex);
        fields.UInt64("activateMicroseconds", ref ActivateMicroseconds);
        fields.UInt64("cpuQuiesceMicroseconds", ref CpuQuiesceMicroseconds);
        fields.UInt64("ioQuiesceMicroseconds", ref IoQuiesceMicroseconds);
        fields.UInt64("maximumQuiesceMicroseconds", ref MaximumQuiesceMicroseconds);
    }
}

/// <summary>Input of functions that take one byte.</summary>
public sealed class DsmByteInput : DsmPayload
{
    /// <summary>The byte.</summary>
    public byte Value;

    internal override void Visit<T>(ref T fields) => fields.UInt8("value", ref Value);
}
