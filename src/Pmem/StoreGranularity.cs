namespace Pmem;

/// <summary>The smallest unit in which stores become durable on a map; the names and values of libpmem2.</summary>
public enum StoreGranularity
{
    /// <summary>A store is durable once globally visible (eADR, private maps): fences only.</summary>
    Byte = 0,

    /// <summary>Cache lines have to be flushed (ADR): flush instruction and fence.</summary>
    CacheLine = 1,

    /// <summary>Pages have to be written back (page cache): msync or FlushViewOfFile.</summary>
    Page = 2,
}
