using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>What is known of one module.</summary>
/// <param name="Handle">Its device handle.</param>
/// <param name="Capacity">Bytes of media.</param>
public sealed record ModuleEvidence(NfitDeviceHandle Handle, ulong Capacity)
{
    /// <summary>The file that holds media and labels; null when they are in none.</summary>
    public string? File { get; init; }

    /// <summary>Where the label storage area begins in <see cref="File"/>; null when it is not in it.</summary>
    public ulong? LabelOffset { get; init; }

    /// <summary>The label storage area; null without one, or when it could not be read.</summary>
    public LabelArea? Labels { get; init; }

    /// <summary>The media; null when they cannot be read.</summary>
    public IModuleMedia? Media { get; init; }

    /// <summary>Whether the module is there at all.</summary>
    public bool IsPresent { get; init; } = true;

    /// <summary>Whether a passphrase locks it.</summary>
    public bool IsLocked { get; init; }

    /// <summary>What it says of its health; null when that is not known.</summary>
    public DimmHealth? Health { get; init; }

    /// <summary>What else is known of it: functions, security, firmware. Presence and flags are those of the table, and so is identity where it tells.</summary>
    public DimmDetails Details { get; init; } = new();

    /// <summary>SMBIOS handle of a module of which the table does not tell it; 0 when it is not known.</summary>
    public ushort PhysicalId { get; init; }

    /// <summary>Ranges of media that are known to be unreadable.</summary>
    public IReadOnlyList<(ulong Address, ulong Length)> Poison { get; init; } = [];

    /// <summary>Those of which the system knows, where these are others; null when they are the same.</summary>
    public IReadOnlyList<(ulong Address, ulong Length)>? Reported { get; init; }

    /// <summary>Those that were injected; null when that is not known.</summary>
    public IReadOnlyList<(ulong Address, ulong Length)>? Injected { get; init; }
}
