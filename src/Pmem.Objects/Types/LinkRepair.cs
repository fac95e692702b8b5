namespace Pmem.Objects.Types;

/// <summary>What a repair may do about the program's links. By default it only tells.</summary>
/// <param name="Types">Where links are.</param>
public sealed record LinkRepair(ObjectTypes Types)
{
    /// <summary>Set links to null that lead to no object, into one, or into another pool.</summary>
    public bool ClearDangling { get; init; }

    /// <summary>
    /// Free objects that nothing leads to. Not done while links dangle that are not cleared too, since one of them may have led there.
    /// </summary>
    public bool FreeUnreachable { get; init; }
}
