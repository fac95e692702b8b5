using Pmem.Platform.Acpi;

namespace Pmem.Platform.Model;

/// <summary>What a platform knows of a DIMM besides its place and its labels. What is null is not known.</summary>
public sealed record DimmDetails
{
    /// <summary>Whether the module is there. One that is not keeps its number, and has neither labels nor health.</summary>
    public bool IsPresent { get; init; } = true;

    /// <summary>What went wrong with it since the last start (<c>nfit/flags</c>, ndctl's <c>flag_failed_…</c>).</summary>
    public NfitStateFlags Flags { get; init; }

    /// <summary>Identity, as the table has it; null where the table has none.</summary>
    public NfitControlRegion? Control { get; init; }

    /// <summary>Which functions it answers: <c>intel</c>, <c>hpe1</c>, <c>hpe2</c>, <c>msft</c>, <c>hyperv</c>, <c>papr</c>; null when it answers none, or it is not known.</summary>
    public string? CommandFamily { get; init; }

    /// <summary>State of its passphrase; null when it has none.</summary>
    public DimmSecurity? Security { get; init; }

    /// <summary>Its firmware; null when it says nothing of it.</summary>
    public DimmFirmware? Firmware { get; init; }

    /// <summary>Shutdowns at which data may have been lost, as counted when the system started (<c>nfit/dirty_shutdown</c>).</summary>
    public long? DirtyShutdowns { get; init; }
}

/// <summary>State of a DIMM's security (<c>nmemN/security</c>).</summary>
public enum DimmSecurityState
{
    /// <summary>No passphrase is set.</summary>
    Disabled,

    /// <summary>A passphrase is set, and was given.</summary>
    Unlocked,

    /// <summary>A passphrase is set, and must be given before media can be read.</summary>
    Locked,

    /// <summary>Nothing of it can be changed before the next power cycle.</summary>
    Frozen,

    /// <summary>The media are being overwritten.</summary>
    Overwrite,
}

/// <summary>Security of a DIMM.</summary>
/// <param name="State">Its state.</param>
/// <param name="IsFrozen">Whether nothing of it can be changed before the next power cycle.</param>
public sealed record DimmSecurity(DimmSecurityState State, bool IsFrozen)
{
    /// <summary>Whether a master passphrase is set, with which content can be erased; null when not known.</summary>
    public bool? HasMasterPassphrase { get; init; }

    /// <summary>Whether so many wrong passphrases were given that the module takes none before the next power cycle; null when not known.</summary>
    public bool? IsExhausted { get; init; }

    /// <summary>The same of wrong master passphrases.</summary>
    public bool? IsMasterExhausted { get; init; }

    /// <summary>How much is done of the overwrite that is under way, 0 to 1; null without one, or when not known.</summary>
    public double? OverwriteProgress { get; init; }
}

/// <summary>Firmware of a DIMM.</summary>
/// <param name="CurrentVersion">The version that runs.</param>
/// <param name="NextVersion">The version that will run after the next power cycle or activation; null when it is the same.</param>
/// <param name="CanUpdate">Whether it can be updated.</param>
/// <param name="ActivateState">ndctl's <c>activate_state</c>: <c>idle</c>, <c>armed</c>, <c>busy</c>; null when it cannot be activated while the system runs.</param>
/// <param name="NeedsPowerCycle">Whether the next version runs only after a power cycle.</param>
public sealed record DimmFirmware(string CurrentVersion, string? NextVersion = null, bool CanUpdate = false, string? ActivateState = null, bool NeedsPowerCycle = false)
{
    /// <summary>The version that runs as the module says it, a number; null when it is known as text alone.</summary>
    public ulong? CurrentRevision { get; init; }

    /// <summary>The version that will run as the module says it, a number; null when there is none, or it is known as text alone.</summary>
    public ulong? NextRevision { get; init; }
}
