namespace Pmem.Objects.Types;

/// <summary>How a link to an object is stored.</summary>
public enum LinkKind
{
    /// <summary>An <see cref="ObjectId"/> (PMDK <c>PMEMoid</c>, <c>TOID</c>): 16 bytes, the pool's folded uuid and an offset.</summary>
    Id,

    /// <summary>An <see cref="ObjectRef{T}"/>: 8 bytes, an offset from the start of the pool.</summary>
    Offset,
}

/// <summary>A field, or an array of fields, that points to objects.</summary>
/// <param name="Offset">Bytes from the start of the object's user data to the link, or to the first of them.</param>
public sealed record LinkField(long Offset)
{
    /// <summary>What the program calls it; only for messages.</summary>
    public string Name { get; init; } = $"+{Offset}";

    /// <summary>How the link is stored.</summary>
    public LinkKind Kind { get; init; }

    /// <summary>How many links there are, one behind the other; null means as many as fit into the object.</summary>
    public long? Count { get; init; } = 1;

    /// <summary>Where in the object an unsigned integer says how many links there are; it takes the place of <see cref="Count"/>.</summary>
    public long? CountOffset { get; init; }

    /// <summary>Bytes of that integer: 1, 2, 4 or 8.</summary>
    public int CountSize { get; init; } = sizeof(ulong);

    /// <summary>Bytes from one link to the next: that of the structure that repeats. 0 means that they touch.</summary>
    public long Stride { get; init; }

    /// <summary>The type number that every object pointed to has; null accepts any.</summary>
    public ulong? Target { get; init; }

    /// <summary>Whether links may point behind the start of an object's user data.</summary>
    public bool Interior { get; init; }

    /// <summary>Whether links may point into other pools; those are not followed.</summary>
    public bool OtherPools { get; init; }

    /// <summary>Bytes of one link.</summary>
    public int Size => Kind == LinkKind.Id ? 2 * sizeof(ulong) : sizeof(ulong);

    /// <summary>Bytes from one link to the next.</summary>
    public long Step => Stride == 0 ? Size : Stride;
}
