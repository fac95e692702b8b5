using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>The windows through which a module is read and written block by block (type 5, 40 bytes). Linux dropped them in 5.18.</summary>
public sealed class NfitBlockDataWindow : NfitStructure
{
    /// <summary>Index of the control region.</summary>
    public ushort ControlRegionIndex;

    /// <summary>Number of windows.</summary>
    public ushort WindowCount;

    /// <summary>Logical offset at which the windows begin.</summary>
    public ulong StartOffset;

    /// <summary>Bytes of one window.</summary>
    public ulong WindowSize;

    /// <summary>Bytes that can be reached through the windows.</summary>
    public ulong Capacity;

    /// <summary>First DIMM physical address that can be reached.</summary>
    public ulong FirstDpa;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.BlockDataWindow;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt16("controlRegionIndex", ref ControlRegionIndex);
        fields.UInt16("windowCount", ref WindowCount);
        fields.UInt64("startOffset", ref StartOffset, FieldFormat.Hex);
        fields.UInt64("windowSize", ref WindowSize);
        fields.UInt64("capacity", ref Capacity);
        fields.UInt64("firstDpa", ref FirstDpa, FieldFormat.Hex);
    }
}

/// <summary>Addresses at which a write drains the write queue of a DIMM's memory controller (type 6, 16 + 8·n bytes).</summary>
public sealed class NfitFlushHints : NfitStructure
{
    /// <summary>The DIMM.</summary>
    public NfitDeviceHandle Handle;

    /// <summary>System physical addresses, multiples of 8.</summary>
    public ulong[] Addresses = [];

    /// <summary>Bytes behind the addresses.</summary>
    public byte[] Padding = [];

    private ulong _reserved;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.FlushHints;

    internal override void Visit<T>(ref T fields)
    {
        uint handle = Handle.Value;
        ushort count = (ushort)Addresses.Length;
        fields.UInt32("handle", ref handle, FieldFormat.Hex);
        Handle = new NfitDeviceHandle(handle);
        fields.UInt16("addressCount", ref count);
        fields.Reserved(6, ref _reserved);
        fields.Array64("addresses", ref Addresses, count, FieldFormat.Hex);
        fields.Rest("padding", ref Padding);
    }
}

/// <summary>What the platform does when power fails.</summary>
[Flags]
public enum NfitCapabilities : uint
{
    /// <summary>Nothing is promised.</summary>
    None = 0,

    /// <summary>CPU caches are flushed to media (eADR).</summary>
    CacheFlush = 1,

    /// <summary>The memory controllers' write queues are flushed to media (ADR).</summary>
    MemoryControllerFlush = 2,

    /// <summary>Byte-addressable persistent memory is mirrored in hardware.</summary>
    Mirroring = 4,
}

/// <summary>Capabilities of the platform (type 7, 16 bytes; ACPI 6.2 errata A).</summary>
public sealed class NfitPlatformCapabilities : NfitStructure
{
    /// <summary>Index of the highest bit of <see cref="Capabilities"/> that is valid; Linux ignores the bits above.</summary>
    public byte HighestValidBit = 1;

    /// <summary>The capabilities.</summary>
    public NfitCapabilities Capabilities;

    private ulong _reserved;
    private ulong _reserved2;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.PlatformCapabilities;

    /// <summary>The capabilities that count: those up to the highest valid bit.</summary>
    public NfitCapabilities Effective => HighestValidBit >= 31 ? Capabilities : (NfitCapabilities)((uint)Capabilities & ((2u << HighestValidBit) - 1));

    internal override void Visit<T>(ref T fields)
    {
        uint capabilities = (uint)Capabilities;
        fields.UInt8("highestValidBit", ref HighestValidBit);
        fields.Reserved(3, ref _reserved);
        fields.UInt32("capabilities", ref capabilities, FieldFormat.Hex, fields.Explains ? NameOf(Effective) : null);
        Capabilities = (NfitCapabilities)capabilities;
        fields.Reserved(4, ref _reserved2);
    }

    /// <summary>The persistence domain as Linux names it in sysfs; null when the platform says nothing.</summary>
    public static string? DomainOf(NfitCapabilities effective) =>
        effective.HasFlag(NfitCapabilities.CacheFlush) ? "cpu_cache" : effective.HasFlag(NfitCapabilities.MemoryControllerFlush) ? "memory_controller" : null;

    private static string? NameOf(NfitCapabilities effective) =>
        string.Join(", ", new[] { DomainOf(effective), effective.HasFlag(NfitCapabilities.Mirroring) ? "mirroring" : null }.Where(name => name is not null));
}
