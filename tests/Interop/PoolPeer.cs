namespace Interop;

/// <summary>What C does with a pool of the scripts.</summary>
internal static class PoolPeer
{
    /// <summary>Opens (and recovers) the pool with libpmemobj and lists it.</summary>
    public static string Dump(string pool) => Peers.Succeed(Peers.Program("obj_script"), [pool], "open\ndump\nclose\n");

    /// <summary>The environment in which a C program counts its durability points and can be made to die at one.</summary>
    public static Dictionary<string, string> Traced(string folder) => new()
    {
        ["LD_PRELOAD"] = Path.Combine(Path.GetDirectoryName(Peers.Program("obj_script"))!, "libtrace_shim.so"),
        ["PMEM_IS_PMEM_FORCE"] = "1",
        ["PMTRACE_MATCH"] = folder,
    };
}
