namespace Pmem.Objects.Conversion;

/// <summary>What a conversion did.</summary>
/// <param name="From">Layout before.</param>
/// <param name="To">Layout now.</param>
/// <param name="Finished">Operations and transactions whose commit a crash had interrupted, and that were finished.</param>
/// <param name="RolledBack">Transactions that a crash had interrupted, and that were rolled back.</param>
/// <param name="Freed">Objects of the old store's own that the new one does not use.</param>
public sealed record StoreConversionResult(uint From, uint To, int Finished, int RolledBack, int Freed)
{
    /// <summary>Whether the pool was changed, or, in a dry run, would be.</summary>
    public bool IsChanged { get; init; }
}

/// <summary>A pool of layout 1 or 2 needs the assurance that locks in it are aligned before it is converted.</summary>
public sealed class LocksNotAssuredException : PmemException
{
    /// <summary>Creates the exception.</summary>
    public LocksNotAssuredException(string message)
        : base(message)
    {
    }
}
