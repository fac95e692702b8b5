using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>Output of functions that give one 32-bit number: Intel's 3 (block flags), 7 (size of the command effect log), 11 (modes), 13 (context).</summary>
public sealed class DsmNumberOutput : DsmOutput
{
    /// <summary>The number.</summary>
    public uint Value;

    private protected override string FirstField => "value";

    internal override void VisitAnswer<T>(ref T fields) => fields.UInt32("value", ref Value);
}

/// <summary>One command in the command effect log.</summary>
public sealed class CommandEffect : BinaryStructure
{
    /// <summary>Opcode of the command.</summary>
    public uint Opcode;

    /// <summary>What it may do: a bit for each effect.</summary>
    public uint Effects;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt32("opcode", ref Opcode, FieldFormat.Hex);
        fields.UInt32("effects", ref Effects, FieldFormat.Hex);
    }
}

/// <summary>Output of Intel's function 8, command effect log.</summary>
public sealed class CommandEffectLogOutput : DsmOutput
{
    /// <summary>The commands.</summary>
    public CommandEffect[] Commands = [];

    private protected override string FirstField => "commandCount";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint count = (uint)Commands.Length;
        fields.UInt32("commandCount", ref count);
        fields.Records("commands", ref Commands, count);
    }
}

/// <summary>Input of Intel's function 9, vendor passthrough.</summary>
public sealed class VendorCommandInput : DsmPayload
{
    /// <summary>Opcode.</summary>
    public uint Opcode;

    /// <summary>What the command takes.</summary>
    public byte[] Data = [];

    internal override void Visit<T>(ref T fields)
    {
        uint length = (uint)Data.Length;
        fields.UInt32("opcode", ref Opcode, FieldFormat.Hex);
        fields.UInt32("length", ref length);
        fields.Bytes("data", ref Data, length);
    }
}

/// <summary>Output of Intel's function 9, vendor passthrough.</summary>
public sealed class VendorCommandOutput : DsmOutput
{
    /// <summary>What the command gives.</summary>
    public byte[] Data = [];

    private protected override string FirstField => "length";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint length = (uint)Data.Length;
        fields.UInt32("length", ref length);
        fields.Bytes("data", ref Data, length);
    }
}

/// <summary>Output of Intel's function 12, firmware information.</summary>
public sealed class FirmwareInfoOutput : DsmOutput
{
    /// <summary>Bytes of an image at most.</summary>
    public uint StorageSize;

    /// <summary>Bytes that one call may send.</summary>
    public uint MaximumSendLength;

    /// <summary>Microseconds between queries.</summary>
    public uint QueryIntervalMicroseconds;

    /// <summary>Microseconds of queries at most.</summary>
    public uint MaximumQueryMicroseconds;

    /// <summary>Capability of the update.</summary>
    public byte UpdateCapability;

    /// <summary>Version of the firmware's interface.</summary>
    public uint InterfaceVersion;

    /// <summary>Version that runs.</summary>
    public ulong RunningVersion;

    /// <summary>Version that was sent and does not run yet; 0 for none.</summary>
    public ulong UpdatedVersion;

    private ulong _reserved;

    private protected override string FirstField => "storageSize";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt32("storageSize", ref StorageSize);
        fields.UInt32("maximumSendLength", ref MaximumSendLength);
        fields.UInt32("queryIntervalMicroseconds", ref QueryIntervalMicroseconds);
        fields.UInt32("maximumQueryMicroseconds", ref MaximumQueryMicroseconds);
        fields.UInt8("updateCapability", ref UpdateCapability, FieldFormat.Hex);
        fields.Reserved(3, ref _reserved);
        fields.UInt32("interfaceVersion", ref InterfaceVersion, FieldFormat.Hex);
        fields.UInt64("runningVersion", ref RunningVersion, FieldFormat.Hex);
        fields.UInt64("updatedVersion", ref UpdatedVersion, FieldFormat.Hex);
    }
}

/// <summary>Input of Intel's function 14, send a part of a firmware image.</summary>
public sealed class FirmwareDataInput : DsmPayload
{
    /// <summary>Context that function 13 gave.</summary>
    public uint Context;

    /// <summary>Offset in the image.</summary>
    public uint Offset;

    /// <summary>The bytes.</summary>
    public byte[] Data = [];

    internal override void Visit<T>(ref T fields)
    {
        uint length = (uint)Data.Length;
        fields.UInt32("context", ref Context);
        fields.UInt32("offset", ref Offset);
        fields.UInt32("length", ref length);
        fields.Bytes("data", ref Data, length);
    }
}

/// <summary>Input of Intel's function 15, finish a firmware update. Extended status: 2 done, 3 bad image, 4 aborted.</summary>
public sealed class FirmwareFinishInput : DsmPayload
{
    /// <summary>Bit 0: abort.</summary>
    public byte Flags;

    /// <summary>Context that function 13 gave.</summary>
    public uint Context;

    private ulong _reserved;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt8("flags", ref Flags, FieldFormat.Hex);
        fields.Reserved(3, ref _reserved);
        fields.UInt32("context", ref Context);
    }
}

/// <summary>Input of Intel's function 16, query the end of a firmware update.</summary>
public sealed class FirmwareQueryInput : DsmPayload
{
    /// <summary>Context that function 13 gave.</summary>
    public uint Context;

    internal override void Visit<T>(ref T fields) => fields.UInt32("context", ref Context);
}

/// <summary>Output of Intel's function 16. Extended status: 2 busy, 3 bad image, 4 wrong order.</summary>
public sealed class FirmwareQueryOutput : DsmOutput
{
    /// <summary>Version that was sent.</summary>
    public ulong Revision;

    private protected override string FirstField => "revision";

    internal override void VisitAnswer<T>(ref T fields) => fields.UInt64("revision", ref Revision, FieldFormat.Hex);
}

/// <summary>Output of Intel's function 19, security state. Extended state: bit 0 master passphrase enabled, bit 1 its count expired.</summary>
public sealed class SecurityStateOutput : DsmOutput
{
    /// <summary>State of the master passphrase.</summary>
    public byte ExtendedState;

    /// <summary>Bit 1 enabled, 2 locked, 3 frozen, 4 count expired, 5 not supported, 6 an overwrite runs.</summary>
    public byte State;

    private ulong _reserved;
    private ulong _reserved2;

    private protected override string FirstField => "extendedState";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt8("extendedState", ref ExtendedState, FieldFormat.Hex);
        fields.Reserved(3, ref _reserved);
        fields.UInt8("state", ref State, FieldFormat.Hex);
        fields.Reserved(3, ref _reserved2);
    }
}

/// <summary>Input of Intel's functions 20 and 27, set passphrase and set master passphrase.</summary>
public sealed class SetPassphraseInput : DsmPayload
{
    /// <summary>Bytes of a passphrase.</summary>
    public const int PassphraseSize = 32;

    /// <summary>The passphrase so far; zeros for none.</summary>
    public byte[] Old = new byte[PassphraseSize];

    /// <summary>The new passphrase.</summary>
    public byte[] New = new byte[PassphraseSize];

    internal override void Visit<T>(ref T fields)
    {
        fields.Block("old", ref Old, PassphraseSize);
        fields.Block("new", ref New, PassphraseSize);
    }
}

/// <summary>Input of Intel's functions 21, 22, 24, 25 and 28: disable passphrase, unlock, erase, overwrite, erase with the master passphrase.</summary>
public sealed class PassphraseInput : DsmPayload
{
    /// <summary>The passphrase; zeros for none.</summary>
    public byte[] Passphrase = new byte[SetPassphraseInput.PassphraseSize];

    internal override void Visit<T>(ref T fields) => fields.Block("passphrase", ref Passphrase, SetPassphraseInput.PassphraseSize);
}

/// <summary>Output of Intel's function 29, state of firmware activation.</summary>
public sealed class FirmwareActivationOutput : DsmOutput
{
    /// <summary>0 none, 1 not staged, 2 done, 3 needs a reset, 4 media disabled, 5 aborted, 6 not supported, 7 error.</summary>
    public ushort Result;

    /// <summary>0 idle, 1 armed, 2 busy.</summary>
    public byte State;

    private ulong _reserved;

    private protected override string FirstField => "result";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt16("result", ref Result);
        fields.UInt8("state", ref State);
        fields.Reserved(7, ref _reserved);
    }
}
