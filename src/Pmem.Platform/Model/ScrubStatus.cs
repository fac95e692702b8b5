namespace Pmem.Platform.Model;

/// <summary>State of the search for media errors: ACPI's address range scrub, ndctl's <c>scrub_state</c>.</summary>
public enum ScrubState
{
    /// <summary>The platform has none.</summary>
    NotSupported,

    /// <summary>None is under way.</summary>
    Idle,

    /// <summary>One is under way.</summary>
    Active,
}

/// <summary>The search for media errors as it is now.</summary>
/// <param name="State">Whether one is under way.</param>
/// <param name="Finished">How many were finished since the system started.</param>
/// <param name="Reason">Why there is none; empty otherwise.</param>
public sealed record ScrubStatus(ScrubState State, long Finished, string Reason = "")
{
    /// <summary>How much is done of the one that is under way, 0 to 1; null when it is not known.</summary>
    public double? Progress { get; init; }
}

/// <summary>Waiting for the end of a scrub.</summary>
public static class ScrubWaiting
{
    /// <summary>Waits until no scrub is under way (<c>ndctl wait-scrub</c>).</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="poll">Between two looks.</param>
    /// <param name="progress">Told at every look; null for nobody.</param>
    /// <param name="cancellation">Ends waiting; the scrub goes on.</param>
    /// <returns>The state at the last look.</returns>
    /// <exception cref="OperationCanceledException">Waiting was ended.</exception>
    public static ScrubStatus WaitScrub(this IPlatform platform, TimeSpan poll, IProgress<ScrubStatus>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(platform);
        while (true)
        {
            ScrubStatus status = platform.GetScrub();
            progress?.Report(status);
            if (status.State != ScrubState.Active)
                return status;
            cancellation.WaitHandle.WaitOne(poll);
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
