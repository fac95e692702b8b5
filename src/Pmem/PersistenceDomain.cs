using Pmem.Native;

namespace Pmem;

/// <summary>Where data is safe when power fails, which decides what a flush has to do.</summary>
public enum PersistenceDomain
{
    /// <summary>CPU caches (eADR, CXL with flush on fail), or a private map that nobody expects to last: a fence is enough.</summary>
    CpuCache,

    /// <summary>The memory controller (ADR): cache lines are flushed, then a fence.</summary>
    MemoryController,

    /// <summary>The disk behind the page cache: pages are written back with msync, or FlushViewOfFile and FlushFileBuffers.</summary>
    PageCache,
}

/// <summary>Finds out what this machine guarantees; the rules and environment variables are those of libpmem and libpmem2.</summary>
public static class PersistenceDetection
{
    /// <summary>The sysfs folder of the nd bus.</summary>
    public const string DefaultBusPath = "/sys/bus/nd/devices";

    /// <summary>
    /// Whether CPU caches survive a power failure on the whole machine (PMDK <c>pmem_has_auto_flush</c>): there is a region, and every region
    /// says <c>cpu_cache</c>.
    /// </summary>
    /// <param name="busPath">The sysfs folder of the nd bus.</param>
    public static bool HasAutoFlush(string busPath = DefaultBusPath)
    {
        if (!Directory.Exists(busPath))
            return false;
        bool any = false;
        foreach (string region in Directory.EnumerateFileSystemEntries(busPath, "*region*"))
        {
            string file = System.IO.Path.Combine(region, "persistence_domain");
            if (!File.Exists(file) || !string.Equals(File.ReadAllText(file).Trim(), "cpu_cache", StringComparison.Ordinal))
                return false;
            any = true;
        }

        return any;
    }

    /// <summary>The granularity of a map, from what the mapping call learned, the options and the environment.</summary>
    /// <param name="isPrivate">A private or anonymous map.</param>
    /// <param name="isPmem">The kernel granted MAP_SYNC, or the source is device DAX.</param>
    /// <param name="forced">The program's choice; wins over everything.</param>
    /// <param name="environment">Reads an environment variable; null reads the process's.</param>
    /// <param name="busPath">The sysfs folder of the nd bus.</param>
    public static StoreGranularity Decide(
        bool isPrivate, bool isPmem, StoreGranularity? forced = null, Func<string, string?>? environment = null, string busPath = DefaultBusPath)
    {
        environment ??= Environment.GetEnvironmentVariable;
        StoreGranularity granularity = forced ?? Detect(isPrivate, isPmem, environment, busPath);

        // Without a flush instruction only the file system can make data durable.
        return granularity == StoreGranularity.CacheLine && !CpuCache.IsAvailable ? StoreGranularity.Page : granularity;
    }

    private static StoreGranularity Detect(bool isPrivate, bool isPmem, Func<string, string?> environment, string busPath)
    {
        if (isPrivate)
            return StoreGranularity.Byte;
        switch (environment("PMEM2_FORCE_GRANULARITY")?.ToUpperInvariant())
        {
            case "BYTE":
                return StoreGranularity.Byte;
            case "CACHE_LINE" or "CACHELINE":
                return StoreGranularity.CacheLine;
            case "PAGE":
                return StoreGranularity.Page;
        }

        string? force = environment("PMEM_IS_PMEM_FORCE");
        if (force == "0" || (force != "1" && !isPmem))
            return StoreGranularity.Page;
        return environment("PMEM_NO_FLUSH") switch
        {
            "1" => StoreGranularity.Byte,
            "0" => StoreGranularity.CacheLine,
            _ => HasAutoFlush(busPath) ? StoreGranularity.Byte : StoreGranularity.CacheLine,
        };
    }
}
