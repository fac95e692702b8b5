namespace Pmem;

/// <summary>How a copy or fill reaches media; the bits have the values of <c>PMEM_F_MEM_*</c> in libpmem.</summary>
[Flags]
public enum CopyHints
{
    /// <summary>Choose by size; durable when the call returns.</summary>
    None = 0,

    /// <summary>Do not wait: durable only after the next <see cref="PersistentMap.Drain"/> on this thread.</summary>
    NoDrain = 1,

    /// <summary>Use non-temporal stores, which bypass the CPU cache.</summary>
    NonTemporal = 2,

    /// <summary>Use ordinary stores and flush them.</summary>
    Temporal = 4,

    /// <summary>Prefer write-combining; the same choice as <see cref="NonTemporal"/>.</summary>
    WriteCombining = 8,

    /// <summary>Prefer write-back; the same choice as <see cref="Temporal"/>.</summary>
    WriteBack = 16,

    /// <summary>Store only: neither flush nor drain; durable after a later <see cref="PersistentMap.Persist"/> of the range.</summary>
    NoFlush = 32,
}
