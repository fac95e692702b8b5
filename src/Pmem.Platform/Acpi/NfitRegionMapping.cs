using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>What firmware found of a DIMM at boot. Linux takes those of all mappings of a DIMM together.</summary>
[Flags]
public enum NfitStateFlags : ushort
{
    /// <summary>In order.</summary>
    None = 0,

    /// <summary>The last SAVE to flash failed.</summary>
    SaveFailed = 1,

    /// <summary>The last RESTORE from flash failed.</summary>
    RestoreFailed = 2,

    /// <summary>The platform could not flush to the DIMM when it lost power.</summary>
    FlushFailed = 4,

    /// <summary>The DIMM could not be armed: what is written will not survive. Linux makes its regions read-only.</summary>
    NotArmed = 8,

    /// <summary>SMART and health events were seen before the hand-off to the OS.</summary>
    HealthEvents = 16,

    /// <summary>Firmware notifies the OS of SMART and health events.</summary>
    HealthNotify = 32,

    /// <summary>Firmware did not map the DIMM into a range.</summary>
    MapFailed = 64,
}

/// <summary>What one DIMM contributes to a range, and where (type 1, 48 bytes).</summary>
public sealed class NfitRegionMapping : NfitStructure
{
    /// <summary>The DIMM; equals the <c>_ADR</c> of its device in the namespace.</summary>
    public NfitDeviceHandle Handle;

    /// <summary>Handle of the SMBIOS type 17 structure.</summary>
    public ushort PhysicalId;

    /// <summary>A number of firmware's choice.</summary>
    public ushort RegionId;

    /// <summary>Index of the range; 0 for a DIMM that is not mapped.</summary>
    public ushort RangeIndex;

    /// <summary>Index of the control region, which has the DIMM's identity.</summary>
    public ushort ControlRegionIndex;

    /// <summary>Bytes that this DIMM contributes to the range; a multiple of 4096.</summary>
    public ulong RegionSize;

    /// <summary>Where in the range the first line of this DIMM is, in bytes.</summary>
    public ulong RegionOffset;

    /// <summary>DIMM physical address at which the region begins; a multiple of 4096.</summary>
    public ulong DpaBase;

    /// <summary>Index of the interleave structure; 0 for a DIMM on its own.</summary>
    public ushort InterleaveIndex;

    /// <summary>DIMMs in the interleave set.</summary>
    public ushort InterleaveWays = 1;

    /// <summary>State of the DIMM.</summary>
    public NfitStateFlags StateFlags;

    private ulong _reserved;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.RegionMapping;

    internal override void Visit<T>(ref T fields)
    {
        uint handle = Handle.Value;
        ushort flags = (ushort)StateFlags;
        fields.UInt32("handle", ref handle, FieldFormat.Hex, fields.Explains
            ? $"node {Handle.Node}, socket {Handle.Socket}, memory controller {Handle.MemoryController}, channel {Handle.Channel}, DIMM {Handle.Dimm}" : null);
        Handle = new NfitDeviceHandle(handle);
        fields.UInt16("physicalId", ref PhysicalId, FieldFormat.Hex);
        fields.UInt16("regionId", ref RegionId);
        fields.UInt16("rangeIndex", ref RangeIndex);
        fields.UInt16("controlRegionIndex", ref ControlRegionIndex);
        fields.UInt64("regionSize", ref RegionSize);
        fields.UInt64("regionOffset", ref RegionOffset);
        fields.UInt64("dpaBase", ref DpaBase, FieldFormat.Hex);
        fields.UInt16("interleaveIndex", ref InterleaveIndex);
        fields.UInt16("interleaveWays", ref InterleaveWays);
        fields.UInt16("stateFlags", ref flags, FieldFormat.Hex, fields.Explains && flags != 0 ? NamesOf(StateFlags) : null);
        StateFlags = (NfitStateFlags)flags;
        fields.Reserved(2, ref _reserved);
    }

    /// <summary>The flags by the words that Linux shows in <c>nfit/flags</c>.</summary>
    public static string NamesOf(NfitStateFlags flags)
    {
        ReadOnlySpan<string> names = ["save_fail", "restore_fail", "flush_fail", "not_armed", "smart_event", "smart_notify", "map_fail"];
        var set = new List<string>(names.Length);
        for (int bit = 0; bit < names.Length; bit++)
        {
            if (((int)flags >> bit & 1) != 0)
                set.Add(names[bit]);
        }

        return string.Join(' ', set);
    }
}
