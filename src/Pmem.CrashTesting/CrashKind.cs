namespace Pmem.CrashTesting;

/// <summary>What fails.</summary>
public enum CrashKind
{
    /// <summary>The process dies; the kernel and the machine go on. Everything stored so far is there.</summary>
    ProcessKill,

    /// <summary>Power fails, or the machine resets. What the persistence domain does not hold may be there or not.</summary>
    PowerLoss,

    /// <summary>Power fails, and so does the mechanism that empties write queues (ADR), or caches (eADR). Only deep flushes are guaranteed; with eADR, what was flushed.</summary>
    PowerLossWithoutAdr,
}
