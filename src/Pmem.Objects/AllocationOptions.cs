namespace Pmem.Objects;

/// <summary>Options of allocation; the bits of PMDK's <c>POBJ_FLAG_*</c>.</summary>
[Flags]
public enum AllocationOptions
{
    /// <summary>Plain: the content is undefined.</summary>
    None = 0,

    /// <summary>The object's usable bytes are zero, durably.</summary>
    Zero = 1,

    /// <summary>In a transaction: do not flush the object at commit; the caller does.</summary>
    NoFlush = 2,
}

/// <summary>
/// Fills a new object before it becomes visible; what it stores is flushed for it. Returning false, or throwing, cancels the allocation.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="content">The object's usable bytes (at most 2 GiB of them).</param>
public delegate bool ObjectConstructor(ObjectStore store, Span<byte> content);
