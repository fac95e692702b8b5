using System.Text.Json.Serialization;
using Pmem.Emulation.Guest;
using Pmem.Emulation.Modules;
using Pmem.Platform.Model;

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

    /// <summary>Version that was sent and runs after the next power cycle or activation; null for none.</summary>
    public string? StagedFirmware { get; init; }

    /// <summary>Whether the version that was sent is to run when firmware is activated.</summary>
    public bool IsActivationArmed { get; init; }

    /// <summary>How the last activation ended: 0 there was none, 1 nothing was staged, 2 it succeeded.</summary>
    public int ActivationResult { get; init; }

    /// <summary>Which functions it answers.</summary>
    public ModuleFamily Family { get; init; }

    /// <summary>Its passphrases.</summary>
    public ModuleSecurity Security { get; init; } = new();

    /// <summary>What is being erased; after a crash the next opening finishes it.</summary>
    public ModuleErase PendingErase { get; init; }

    /// <summary>The last commands that it got: family, function, status.</summary>
    public IReadOnlyList<string> CommandLog { get; init; } = [];

    /// <summary>Percent of life below which a module of HPE's family warns.</summary>
    public byte LifeThreshold { get; init; } = 10;

    /// <summary>Error that was injected into a module of HPE's family; 0 for none.</summary>
    public byte InjectedError { get; init; }

    /// <summary>Whether it stays until it is taken back.</summary>
    public bool InjectedErrorStays { get; init; }

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

    /// <summary>How often a block of its media can be written.</summary>
    public long Endurance { get; init; } = 1_000_000;

    /// <summary>How often the block that was written most was, through block windows and by tracked volumes.</summary>
    public ulong MostWrites { get; init; }

    /// <summary>Label writes that will be torn; null for none.</summary>
    public TornLabels? TornLabels { get; init; }

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

    /// <summary>
    /// Ranges that the system takes for unreadable; null when they are those of <see cref="Poison"/>. It does not know of what was injected without a word, before a
    /// scrub finds it; and it knows of what is readable again, before it is cleared.
    /// </summary>
    public IReadOnlyList<PoisonedRange>? Reported { get; init; }

    /// <summary>Whether the system asked for the next unsafe shutdown to be counted (Intel's function 10).</summary>
    public bool IsShutdownLatched { get; init; }

    /// <summary>What it pretends of its health; null for nothing.</summary>
    public PretendedHealth? Pretended { get; init; }

    /// <summary>Whether the alarm of the media's temperature is on.</summary>
    public bool MediaTemperatureAlarmEnabled { get; init; } = true;

    /// <summary>Controller temperature at which an alarm is raised.</summary>
    public double ControllerTemperatureThreshold { get; init; } = 95;

    /// <summary>Whether the alarm of the controller's temperature is on.</summary>
    public bool ControllerTemperatureAlarmEnabled { get; init; } = true;

    /// <summary>Whether the alarm of the spares is on.</summary>
    public bool SparesAlarmEnabled { get; init; } = true;

    /// <summary>The word that ndctl has for its health.</summary>
    [JsonIgnore]
    public string Health => GetHealth().State.Text();

    /// <summary>Whether spares are below the threshold.</summary>
    [JsonIgnore]
    public bool SparesAlarm => GetHealth().SparesAlarm == true;

    /// <summary>Whether the media is too warm.</summary>
    [JsonIgnore]
    public bool TemperatureAlarm => GetHealth().MediaTemperatureAlarm == true;

    /// <summary>What the DIMM says of its health: what it is, and what it pretends.</summary>
    public DimmHealth GetHealth()
    {
        double media = Pretended?.MediaTemperature ?? MediaTemperature;
        double controller = Pretended?.ControllerTemperature ?? ControllerTemperature;
        int spares = Pretended?.Spares ?? Spares;
        bool warm = MediaTemperatureAlarmEnabled && media > MediaTemperatureThreshold;
        bool controllerWarm = ControllerTemperatureAlarmEnabled && controller > ControllerTemperatureThreshold;
        bool few = SparesAlarmEnabled && spares < SparesThreshold;
        bool unsafeShutdown = Pretended?.UnsafeShutdown == true;
        return new DimmHealth
        {
            State = IsFatal || Pretended?.Fatal == true ? HealthState.Fatal : spares == 0 ? HealthState.Critical : few || warm || controllerWarm ? HealthState.NonCritical : HealthState.Ok,
            MediaTemperature = media,
            ControllerTemperature = controller,
            Spares = spares,
            MediaTemperatureAlarm = warm,
            ControllerTemperatureAlarm = controllerWarm,
            SparesAlarm = few,
            LifeUsed = LifeUsed,
            LastShutdownWasDirty = LastShutdownWasDirty || unsafeShutdown,
            ShutdownCount = DirtyShutdowns + (unsafeShutdown ? 1 : 0),
            Thresholds = new DimmThresholds
            {
                MediaTemperatureEnabled = MediaTemperatureAlarmEnabled,
                MediaTemperature = MediaTemperatureThreshold,
                ControllerTemperatureEnabled = ControllerTemperatureAlarmEnabled,
                ControllerTemperature = ControllerTemperatureThreshold,
                SparesEnabled = SparesAlarmEnabled,
                Spares = SparesThreshold,
            },
        };
    }
}

/// <summary>What a DIMM was told to pretend of its health.</summary>
/// <param name="MediaTemperature">Degrees Celsius; null for what it is.</param>
/// <param name="ControllerTemperature">Degrees Celsius; null for what it is.</param>
/// <param name="Spares">Percent; null for what it is.</param>
/// <param name="Fatal">Whether a fatal error was seen.</param>
/// <param name="UnsafeShutdown">Whether the last shutdown looks dirty; at the next power cut it is one.</param>
public sealed record PretendedHealth(double? MediaTemperature, double? ControllerTemperature, int? Spares, bool Fatal, bool UnsafeShutdown);

/// <summary>Label writes that a power failure will meet.</summary>
/// <param name="Writes">Writes that still go through.</param>
/// <param name="Bytes">Bytes that arrive of the next.</param>
public sealed record TornLabels(int Writes, int Bytes);

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

    /// <summary>Where stores are safe when power fails; null without ADR.</summary>
    public PersistenceDomain? Domain { get; init; } = PersistenceDomain.MemoryController;

    public IReadOnlyList<VirtualDimm> Dimms { get; init; } = [];

    public IReadOnlyList<VirtualSet> Sets { get; init; } = [];

    public IReadOnlyList<string> DisabledNamespaces { get; init; } = [];

    /// <summary>Numbers of namespaces that are not those of a start, as <see cref="Platform.Model.LabelledPlatform.NamespaceNumbers"/> has them; null in a state of before there were any.</summary>
    public IReadOnlyList<string>? NamespaceNumbers { get; init; } = [];

    public int PowerCuts { get; init; }

    /// <summary>When the scrub that is under way began; null when none is.</summary>
    public DateTimeOffset? ScrubStarted { get; init; }

    public long ScrubsFinished { get; init; }

    /// <summary>How fast a scrub is.</summary>
    public long ScrubBytesPerSecond { get; init; } = VirtualPlatformOptions.DefaultScrubSpeed;

    /// <summary>Flush hint addresses of each DIMM.</summary>
    public int FlushHints { get; init; }

    /// <summary>Whether a process counts wear, or was killed while it did.</summary>
    public bool IsWearOpen { get; init; }

    /// <summary>Whether the content of a guest's memory counts in place of that of the DIMMs.</summary>
    public bool HasGuest { get; init; }

    /// <summary>The virtual machine that runs on the platform's files; null for none. It may outlive the process that started it.</summary>
    public MachineProcess? Machine { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(PlatformState))]
internal sealed partial class StateJson : JsonSerializerContext;
