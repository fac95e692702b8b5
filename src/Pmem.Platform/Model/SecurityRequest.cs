namespace Pmem.Platform.Model;

/// <summary>What can be done to the security of a DIMM (Intel's functions 20 to 28).</summary>
public enum SecurityOperation
{
    /// <summary>Set the passphrase, or another one (<c>ndctl setup-passphrase</c>, <c>update-passphrase</c>).</summary>
    SetPassphrase,

    /// <summary>Remove the passphrase (<c>ndctl remove-passphrase</c>).</summary>
    RemovePassphrase,

    /// <summary>Unlock media and labels until the next power cycle. Linux does it by itself when it finds the key.</summary>
    Unlock,

    /// <summary>Let nothing be changed before the next power cycle (<c>ndctl freeze-security</c>).</summary>
    Freeze,

    /// <summary>Forget the key of the media: content and passphrase are gone, labels stay (<c>ndctl sanitize-dimm --crypto-erase</c>).</summary>
    Erase,

    /// <summary>Overwrite media and labels; it goes on after the call (<c>ndctl sanitize-dimm --overwrite</c>).</summary>
    Overwrite,
}

/// <summary>An operation on the security of a DIMM, with what it needs.</summary>
/// <param name="Operation">What to do.</param>
public sealed record SecurityRequest(SecurityOperation Operation)
{
    /// <summary>The passphrase that is set; null for none.</summary>
    public Passphrase? Current { get; init; }

    /// <summary>The passphrase to be set; for <see cref="SecurityOperation.SetPassphrase"/> alone.</summary>
    public Passphrase? Next { get; init; }

    /// <summary>Whether passphrases are the master's, with which content can be erased when the other is lost. It sets and erases, and does nothing else.</summary>
    public bool IsMaster { get; init; }

    /// <summary>Whether content is lost: nothing on the DIMM may be in use.</summary>
    public bool Erases => Operation is SecurityOperation.Erase or SecurityOperation.Overwrite;

    /// <summary>Whether a DIMM in a state takes the request, as far as its state goes: whether the passphrase is right, only the DIMM knows.</summary>
    /// <param name="dimm">Name of the DIMM, for messages.</param>
    /// <param name="security">Its state.</param>
    /// <returns>The state, or why not and what to do.</returns>
    public PlatformResult<DimmSecurity> Judge(string dimm, DimmSecurity security)
    {
        ArgumentNullException.ThrowIfNull(security);
        const string PowerCycle = "cut the power ('pmem platform power-cut FOLDER') and try again";
        (string Reason, string Remedy)? obstacle = security switch
        {
            { State: DimmSecurityState.Overwrite } => ("is being overwritten", "wait for the end: 'pmem dimm security wait'"),
            { IsExhausted: true } when !IsMaster && Operation != SecurityOperation.Freeze => ("takes no passphrase any more: three wrong ones were given", PowerCycle),
            { IsMasterExhausted: true } when IsMaster => ("takes no master passphrase any more: three wrong ones were given", PowerCycle),
            { IsFrozen: true } => ("has frozen security: nothing of it can be changed before the next power cycle", PowerCycle),
            { HasMasterPassphrase: false } when IsMaster && Erases => ("has no master passphrase", "erase with the passphrase"),
            { State: not DimmSecurityState.Locked } when Operation == SecurityOperation.Unlock => ("is not locked", "nothing is to be done"),
            { State: DimmSecurityState.Disabled } when Operation is SecurityOperation.RemovePassphrase or SecurityOperation.Freeze => ("has no passphrase", "set one: 'pmem dimm security setup'"),
            { State: DimmSecurityState.Locked } when !Erases && !IsMaster && Operation != SecurityOperation.Unlock => ("is locked", "unlock it first: 'pmem dimm security unlock'"),
            _ => null,
        };
        return obstacle is { } found ? PlatformResult<DimmSecurity>.Refused(PlatformError.SecurityState, $"{dimm} {found.Reason}", found.Remedy) : PlatformResult<DimmSecurity>.Done(security);
    }

    /// <summary>What is wrong with the request itself; null when nothing is.</summary>
    internal string? FindProblem() => Operation switch
    {
        SecurityOperation.SetPassphrase when Next is null => "no new passphrase was given",
        not SecurityOperation.SetPassphrase when Next is not null => "a new passphrase was given where none is set",
        SecurityOperation.RemovePassphrase or SecurityOperation.Unlock when Current is null && !IsMaster => "no passphrase was given",
        SecurityOperation.Erase when IsMaster && Current is null => "no master passphrase was given",
        not (SecurityOperation.SetPassphrase or SecurityOperation.Erase) when IsMaster => "the master passphrase can be set, and can erase; modules take it for nothing else",
        _ => null,
    };
}

/// <summary>Waiting for the end of an overwrite.</summary>
public static class OverwriteWaiting
{
    /// <summary>Waits until a DIMM is not being overwritten (<c>ndctl wait-overwrite</c>).</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="poll">Between two looks.</param>
    /// <param name="progress">Told at every look; null for nobody.</param>
    /// <param name="cancellation">Ends waiting; the overwrite goes on.</param>
    /// <returns>The state at the last look.</returns>
    /// <exception cref="OperationCanceledException">Waiting was ended.</exception>
    public static PlatformResult<DimmSecurity> WaitOverwrite(this IPlatform platform, string dimm, TimeSpan poll, IProgress<DimmSecurity>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(platform);
        while (true)
        {
            PlatformResult<DimmSecurity> look = platform.GetSecurity(dimm);
            if (look.Value is { } security)
                progress?.Report(security);
            if (look.Value?.State != DimmSecurityState.Overwrite)
                return look;
            cancellation.WaitHandle.WaitOne(poll);
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
