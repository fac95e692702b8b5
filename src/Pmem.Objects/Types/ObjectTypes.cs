namespace Pmem.Objects.Types;

/// <summary>Objects of one type: where in them links to other objects are.</summary>
/// <param name="Name">What the program calls them; only for messages.</param>
/// <param name="Links">Every link; none for objects that hold plain data.</param>
public sealed record ObjectType(string Name, IReadOnlyList<LinkField> Links)
{
    /// <summary>Whether the program finds objects of this type by walking the heap (PMDK <c>POBJ_FOREACH_TYPE</c>), so that they need no link to them.</summary>
    public bool FoundByWalking { get; init; }
}

/// <summary>
/// What a program keeps in its pool, as far as links go: what <see cref="ObjectStore.Check(string, ObjectTypes?)"/> needs to find dangling links and
/// unreachable objects. A pool does not say it itself. The JSON form is in docs/formats/types.md.
/// </summary>
/// <remarks>
/// Objects that nothing here describes are read cautiously: every aligned word in them that could be the offset of an object counts as a link to it,
/// and none of their words is ever called dangling.
/// </remarks>
public sealed partial record ObjectTypes
{
    /// <summary>The layout name of the pools that this describes; null for any.</summary>
    public string? Layout { get; init; }

    /// <summary>The root object; null when it is not described.</summary>
    public ObjectType? Root { get; init; }

    /// <summary>Objects by type number.</summary>
    public IReadOnlyDictionary<ulong, ObjectType> Types { get; init; } = new Dictionary<ulong, ObjectType>();

    /// <summary>Throws <see cref="PmemException"/> unless a pool has the layout that this describes.</summary>
    internal void DemandLayout(string layout)
    {
        if (Layout is { } expected && expected != layout)
            throw new PmemException($"the description is one of pools with layout '{expected}', and the pool has layout '{layout}': take the right description");
    }
}
