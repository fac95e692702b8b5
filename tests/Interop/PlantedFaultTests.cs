using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Tests.Pool;

namespace Interop;

/// <summary>Faults that pmempool calls consistent: check names them, repair mends them, and C opens the pool again.</summary>
public sealed class PlantedFaultTests : IDisposable
{
    private static readonly string[] s_script = ["create 16777216", "alloc 0 100 7", "alloc 1 100 7", "alloc 2 300000 8", "dump", "close"];

    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Faults => [.. PlantedFaults.All.Keys];

    [Theory]
    [MemberData(nameof(Faults))]
    public void Pmempool_misses_it_and_we_do_not(string fault)
    {
        string tool = Peers.Tool("pmempool");
        string path = _folder.File("pool");
        string content = Peers.Succeed(Peers.Program("obj_script"), [path], string.Join('\n', s_script) + "\n");
        PlantedFaults.Plant(path, fault);
        Assert.Contains("consistent", Peers.Succeed(tool, ["check", "-v", path]), StringComparison.Ordinal);
        Assert.Contains(ObjectStore.Check(path).Problems, problem => problem.What.Contains(PlantedFaults.All[fault].Where, StringComparison.Ordinal));
        Assert.True(ObjectStore.Repair(path).IsConsistent);
        Assert.Equal(content, PoolPeer.Dump(path));
        Assert.Equal(0, Assert.NotNull(PoolFile.ReadHeader(path)).ShutdownState.Dirty);
    }
}
