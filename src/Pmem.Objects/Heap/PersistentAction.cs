using System.Runtime.InteropServices;

namespace Pmem.Objects;

/// <summary>
/// Something prepared in DRAM that <see cref="ObjectStore.Publish"/>, or a transaction, makes durable: a new object, a free, a store (PMDK
/// <c>struct pobj_action</c>). To be published or cancelled exactly once.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public struct PersistentAction
{
    internal PersistentActionKind Kind;
    internal bool IsHuge;

    /// <summary>Place among the actions published together, while they are sorted.</summary>
    internal int Order;

    /// <summary>The gate of the run, or -1.</summary>
    internal int Gate;

    /// <summary>The active run that a reservation came from, or -1.</summary>
    internal int ActiveSlot;

    internal int Zone;
    internal int Chunk;

    /// <summary>First unit of a run, or chunks of a huge block.</summary>
    internal int Unit;
    internal int Units;

    /// <summary>The word to change: bitmap word, chunk header, or the program's own.</summary>
    internal long WordOffset;

    /// <summary>Bits of the bitmap word, or the value of a store.</summary>
    internal ulong Value;

    /// <summary>Pool offset of the object's user data; 0 for a store.</summary>
    internal long UserOffset;

    /// <summary>Usable bytes of the object.</summary>
    internal long UsableSize;

    internal readonly bool IsFree => Kind == PersistentActionKind.Free;
}

/// <summary>What an action does.</summary>
internal enum PersistentActionKind : byte
{
    None,
    Allocate,
    Free,
    Set,
}
