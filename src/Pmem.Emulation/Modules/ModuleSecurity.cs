using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Pmem.Platform.Dsm;

namespace Pmem.Emulation.Modules;

/// <summary>
/// Passphrases of a module: which are set, whether it is locked or frozen. Kept as hashes. Immutable; each command gives the state after it and a status. Three wrong
/// passphrases shut the door until the next power cycle.
/// </summary>
public sealed record ModuleSecurity
{
    private const int MaximumFailures = 3;

    /// <summary>SHA-256 of the passphrase in hexadecimal digits; null for none.</summary>
    public string? Passphrase { get; init; }

    /// <summary>SHA-256, in hexadecimal digits, of the master passphrase, with which media can be erased when the passphrase is lost; null for none.</summary>
    public string? MasterPassphrase { get; init; }

    /// <summary>Media and labels cannot be reached before the passphrase is given.</summary>
    public bool IsLocked { get; init; }

    /// <summary>Nothing of it can be changed before the next power cycle.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>Wrong passphrases since the last power cycle.</summary>
    public int Failures { get; init; }

    /// <summary>Wrong master passphrases since the last power cycle.</summary>
    public int MasterFailures { get; init; }

    /// <summary>An overwrite was started, and its end not yet asked for.</summary>
    public bool WasOverwritten { get; init; }

    /// <summary>Since when media and labels are being overwritten; null when they are not.</summary>
    public DateTimeOffset? OverwriteStarted { get; init; }

    /// <summary>Whether media and labels cannot be reached.</summary>
    internal bool IsClosed => IsLocked || OverwriteStarted is not null;

    /// <summary>Whether no passphrase is taken before the next power cycle.</summary>
    internal bool IsExhausted => Failures >= MaximumFailures;

    /// <summary>Whether no master passphrase is taken before the next power cycle.</summary>
    internal bool IsMasterExhausted => MasterFailures >= MaximumFailures;

    /// <summary>The byte of state in Intel's function 19.</summary>
    internal byte StateBits => (byte)((Passphrase is null ? 0 : 2) | (IsLocked ? 4 : 0) | (IsFrozen ? 8 : 0) | (IsExhausted ? 16 : 0) | (OverwriteStarted is null ? 0 : 64));

    /// <summary>The byte of extended state in Intel's function 19.</summary>
    internal byte ExtendedBits => (byte)((MasterPassphrase is null ? 0 : 1) | (IsMasterExhausted ? 2 : 0));

    internal ModuleSecurity AfterPowerCycle() => this with { IsLocked = Passphrase is not null, IsFrozen = false, Failures = 0, MasterFailures = 0, WasOverwritten = false, OverwriteStarted = null };

    internal (ModuleSecurity After, IntelStatus Status) Set(ReadOnlySpan<byte> old, ReadOnlySpan<byte> next)
    {
        if (IsFrozen || IsLocked || IsExhausted)
            return (this, IntelStatus.InvalidSecurityState);
        if (Passphrase is not null && !Matches(old, Passphrase))
            return (this with { Failures = Failures + 1 }, IntelStatus.InvalidPassphrase);
        return (this with { Passphrase = HashOf(next), Failures = 0 }, IntelStatus.Success);
    }

    internal (ModuleSecurity After, IntelStatus Status) SetMaster(ReadOnlySpan<byte> old, ReadOnlySpan<byte> next)
    {
        if (IsFrozen || IsMasterExhausted)
            return (this, IntelStatus.InvalidSecurityState);
        if (MasterPassphrase is not null && !Matches(old, MasterPassphrase))
            return (this with { MasterFailures = MasterFailures + 1 }, IntelStatus.InvalidPassphrase);
        return (this with { MasterPassphrase = HashOf(next), MasterFailures = 0 }, IntelStatus.Success);
    }

    internal (ModuleSecurity After, IntelStatus Status) Disable(ReadOnlySpan<byte> passphrase) => IsLocked || Passphrase is null
        ? (this, IntelStatus.InvalidSecurityState)
        : With(passphrase, this with { Passphrase = null, Failures = 0 });

    internal (ModuleSecurity After, IntelStatus Status) Unlock(ReadOnlySpan<byte> passphrase) => !IsLocked
        ? (this, IntelStatus.InvalidSecurityState)
        : With(passphrase, this with { IsLocked = false, Failures = 0 });

    internal (ModuleSecurity After, IntelStatus Status) Freeze() => IsLocked || Passphrase is null
        ? (this, IntelStatus.InvalidSecurityState)
        : (this with { IsFrozen = true }, IntelStatus.Success);

    /// <summary>Erasing, with the passphrase if there is one; it is gone afterwards.</summary>
    internal (ModuleSecurity After, IntelStatus Status) Erase(ReadOnlySpan<byte> passphrase, DateTimeOffset? overwriteStarted) =>
        With(passphrase, this with { Passphrase = null, IsLocked = false, Failures = 0, WasOverwritten = overwriteStarted is not null, OverwriteStarted = overwriteStarted });

    internal (ModuleSecurity After, IntelStatus Status) MasterErase(ReadOnlySpan<byte> master)
    {
        if (IsFrozen || MasterPassphrase is null || IsMasterExhausted)
            return (this, IntelStatus.InvalidSecurityState);
        return Matches(master, MasterPassphrase)
            ? (this with { Passphrase = null, IsLocked = false, Failures = 0, MasterFailures = 0 }, IntelStatus.Success)
            : (this with { MasterFailures = MasterFailures + 1 }, IntelStatus.InvalidPassphrase);
    }

    private (ModuleSecurity After, IntelStatus Status) With(ReadOnlySpan<byte> passphrase, ModuleSecurity after)
    {
        if (IsFrozen || IsExhausted)
            return (this, IntelStatus.InvalidSecurityState);
        return Passphrase is null || Matches(passphrase, Passphrase) ? (after, IntelStatus.Success) : (this with { Failures = Failures + 1 }, IntelStatus.InvalidPassphrase);
    }

    private static string HashOf(ReadOnlySpan<byte> passphrase) => Convert.ToHexStringLower(SHA256.HashData(passphrase));

    private static bool Matches(ReadOnlySpan<byte> passphrase, string hash) =>
        CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(HashOf(passphrase).AsSpan()), MemoryMarshal.AsBytes(hash.AsSpan()));
}
