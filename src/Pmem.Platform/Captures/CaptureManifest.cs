using System.Text.Json.Serialization;
using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Model;

namespace Pmem.Platform.Captures;

/// <summary>What a capture says of itself (docs/formats/capture.md).</summary>
internal sealed record CaptureManifest
{
    public const string FormatName = "pmem-capture";
    public const int CurrentVersion = 1;

    public string Format { get; init; } = string.Empty;

    public int Version { get; init; }

    /// <summary>Where it was made from.</summary>
    public string Source { get; init; } = string.Empty;

    public IReadOnlyList<CaptureModule> Modules { get; init; } = [];

    /// <summary>What was left out, sentences.</summary>
    public IReadOnlyList<string> Omitted { get; init; } = [];

    /// <summary>The search for media errors; null when nothing is known of it, as in captures of before.</summary>
    public CaptureScrub? Scrub { get; init; }

    /// <summary>How firmware is activated; null when nothing is known of it, as in captures of before.</summary>
    public FirmwareActivation? Activation { get; init; }

    /// <summary>What was disabled; null when nothing is known of it, as in captures of before.</summary>
    public IReadOnlyList<string>? Disabled { get; init; }
}

/// <summary>A search for media errors in a manifest.</summary>
/// <param name="Active">Whether one was under way.</param>
/// <param name="Finished">How many were finished.</param>
internal sealed record CaptureScrub(bool Active, long Finished);

/// <summary>A module in a manifest.</summary>
internal sealed record CaptureModule
{
    public uint Handle { get; init; }

    public ulong Capacity { get; init; }

    public string? File { get; init; }

    public ulong? LabelOffset { get; init; }

    public bool Present { get; init; } = true;

    public bool Locked { get; init; }

    public IReadOnlyList<CaptureRange> Poison { get; init; } = [];

    public IReadOnlyList<CaptureRange>? Reported { get; init; }

    public IReadOnlyList<CaptureRange>? Injected { get; init; }

    /// <summary>Ranges of media that were kept, in the order of their addresses.</summary>
    public IReadOnlyList<CaptureRange> Extents { get; init; } = [];

    public DimmHealth? Health { get; init; }

    public string? CommandFamily { get; init; }

    public DimmSecurity? Security { get; init; }

    public DimmFirmware? Firmware { get; init; }

    public long? DirtyShutdowns { get; init; }

    /// <summary>What it is, where the table does not tell; null otherwise, and in captures of before.</summary>
    public CaptureIdentity? Identity { get; init; }
}

/// <summary>Identity of a module that is not in the table, with the numbers of a control region structure.</summary>
internal sealed record CaptureIdentity(ushort PhysicalId, ushort VendorId, ushort DeviceId, ushort RevisionId, byte ValidFields, byte ManufacturingLocation, ushort ManufacturingDate, uint SerialNumber)
{
    public static CaptureIdentity? Of(ModuleEvidence module) => module.Details.Control is not { } known ? null : new CaptureIdentity(
        module.PhysicalId, known.VendorId, known.DeviceId, known.RevisionId, known.ValidFields, known.ManufacturingLocation, known.ManufacturingDate, known.SerialNumber);

    public NfitControlRegion ToControl() => new()
    {
        VendorId = VendorId,
        DeviceId = DeviceId,
        RevisionId = RevisionId,
        ValidFields = ValidFields,
        ManufacturingLocation = ManufacturingLocation,
        ManufacturingDate = ManufacturingDate,
        SerialNumber = SerialNumber,
    };
}

/// <summary>A range of media.</summary>
/// <param name="Address">DIMM physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Zero">Of kept ranges: bytes read as zeros, and none are in the file.</param>
/// <param name="Withheld">Of kept ranges: they are not zero, but somebody's data, which say nothing of the namespace and are not shown.</param>
internal sealed record CaptureRange(ulong Address, ulong Length, bool Zero = false, bool Withheld = false);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CaptureManifest))]
internal sealed partial class CaptureJson : JsonSerializerContext;
