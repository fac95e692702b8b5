namespace Pmem.Tracing;

/// <summary>How a traced store was made; decides which parts of it a crash can leave.</summary>
public enum StoreKind
{
    /// <summary>One store of at most 8 aligned bytes, or typed stores issued in address order.</summary>
    Ordered,

    /// <summary>A bulk copy: width and order of its stores are undefined.</summary>
    Bulk,

    /// <summary>Non-temporal stores: durable after the thread's next fence, in any order before it.</summary>
    NonTemporal,

    /// <summary>A locked read-modify-write: a fence followed by an 8-byte store.</summary>
    ReadModifyWrite,
}
