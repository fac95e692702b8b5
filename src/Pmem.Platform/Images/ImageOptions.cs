using Pmem.Pools.Checking;

namespace Pmem.Platform.Images;

/// <summary>How an image is made from another one.</summary>
public sealed record ImageOptions
{
    /// <summary>The defaults.</summary>
    public static ImageOptions Default { get; } = new();

    /// <summary>Replace the output when it exists; it is replaced as a whole when the new one is complete and durable.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Find out what would come of it, and write nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>Told how far it is.</summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Looked at between megabytes; what was written so far is removed.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Tells how far it is, and looks whether to go on.</summary>
    internal void Step(string activity, long done, long total)
    {
        Cancellation.ThrowIfCancellationRequested();
        Progress?.Report(new PoolProgress(activity, done, total));
    }
}
