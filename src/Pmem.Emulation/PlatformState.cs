using System.Text.Json.Serialization;

namespace Pmem.Emulation;

/// <summary>A virtual DIMM: identity, geometry, health and faults. Immutable; <see cref="VirtualPlatform"/> keeps the current one.</summary>
public sealed record VirtualDimm
{
    /// <summary>Name of its file in the folder.</summary>
    public required string File { get; init; }

    /// <summary>Device handle.</summary>
    public required uint Handle { get; init; }

    /// <summary>SMBIOS handle.</summary>
    public ushort PhysicalId { get; init; }

    /// <summary>Vendor id, as read little-endian; QEMU's unless changed.</summary>
    public ushort VendorId { get; init; } = 0x8086;

    /// <summary>Serial number, as read little-endian.</summary>
    public required uint SerialNumber { get; init; }

    /// <summary>Bytes of media.</summary>
    public required long Capacity { get; init; }

    /// <summary>Bytes of the label storage area, which is in the file behind the media, as in an image of QEMU's nvdimm device.</summary>
    public required int LabelSize { get; init; }

    /// <summary>Version of the firmware.</summary>
    public string FirmwareVersion { get; init; } = "1.0";

    /// <summary>Temperature of the media in degrees Celsius.</summary>
    public double MediaTemperature { get; init; } = 28;

    /// <summary>Media temperature at which an alarm is raised.</summary>
    public double MediaTemperatureThreshold { get; init; } = 85;

    /// <summary>Temperature of the controller in degrees Celsius.</summary>
    public double ControllerTemperature { get; init; } = 30;

    /// <summary>Spare capacity that is left, in percent.</summary>
    public int Spares { get; init; } = 100;

    /// <summary>Spares below which an alarm is raised.</summary>
    public int SparesThreshold { get; init; } = 50;

    /// <summary>Life used, in percent.</summary>
    public int LifeUsed { get; init; }

    /// <summary>Shutdowns at which data may have been lost.</summary>
    public int DirtyShutdowns { get; init; }

    /// <summary>Whether the last shutdown was one of them.</summary>
    public bool LastShutdownWasDirty { get; init; }

    /// <summary>Whether a fatal error was seen.</summary>
    public bool IsFatal { get; init; }

    /// <summary>The last save to media failed.</summary>
    public bool SaveFailed { get; init; }

    /// <summary>The last restore from media failed.</summary>
    public bool RestoreFailed { get; init; }

    /// <summary>The module is not armed: what is written will not survive, and its regions are read-only.</summary>
    public bool IsNotArmed { get; init; }

    /// <summary>The module is not there.</summary>
    public bool IsLost { get; init; }

    /// <summary>Ranges of media that cannot be read.</summary>
    public IReadOnlyList<PoisonedRange> Poison { get; init; } = [];

    /// <summary>The word that ndctl has for its health.</summary>
    [JsonIgnore]
    public string Health => IsFatal ? "fatal" : Spares == 0 ? "critical" : SparesAlarm || TemperatureAlarm ? "non-critical" : "ok";

    /// <summary>Whether spares are below the threshold.</summary>
    [JsonIgnore]
    public bool SparesAlarm => Spares < SparesThreshold;

    /// <summary>Whether the media is too warm.</summary>
    [JsonIgnore]
    public bool TemperatureAlarm => MediaTemperature > MediaTemperatureThreshold;
}

/// <summary>A range of a DIMM's media that cannot be read.</summary>
/// <param name="Dpa">DIMM physical address.</param>
/// <param name="Length">Bytes.</param>
public sealed record PoisonedRange(long Dpa, long Length);

/// <summary>An interleave set: a range of system addresses over some DIMMs.</summary>
public sealed record VirtualSet
{
    /// <summary>System physical address.</summary>
    public required ulong Start { get; init; }

    /// <summary>Numbers of its DIMMs, in the order of their lines.</summary>
    public required IReadOnlyList<int> Dimms { get; init; }

    /// <summary>Bytes of consecutive addresses on one DIMM.</summary>
    public required long LineSize { get; init; }

    /// <summary>Bytes of each DIMM.</summary>
    public required long SizePerDimm { get; init; }

    /// <summary>DIMM physical address at which each DIMM's part begins.</summary>
    public IReadOnlyList<long> DpaStarts { get; init; } = [];
}

/// <summary>What a platform keeps beside its media.</summary>
internal sealed record PlatformState
{
    public int Version { get; init; } = 1;

    /// <summary>Where stores are safe when power fails.</summary>
    public PersistenceDomain Domain { get; init; } = PersistenceDomain.MemoryController;

    public IReadOnlyList<VirtualDimm> Dimms { get; init; } = [];

    public IReadOnlyList<VirtualSet> Sets { get; init; } = [];

    public IReadOnlyList<string> DisabledNamespaces { get; init; } = [];

    public int PowerCuts { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(PlatformState))]
internal sealed partial class StateJson : JsonSerializerContext;
