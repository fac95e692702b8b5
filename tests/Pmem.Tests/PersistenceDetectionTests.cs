namespace Pmem.Tests;

/// <summary>The granularity of a map, as libpmem and libpmem2 decide it.</summary>
public sealed class PersistenceDetectionTests
{
    [Theory]
    [InlineData(true, false, null, null, null, StoreGranularity.Byte)]
    [InlineData(true, false, "PAGE", null, null, StoreGranularity.Byte)]
    [InlineData(false, false, null, null, null, StoreGranularity.Page)]
    [InlineData(false, true, null, null, null, StoreGranularity.CacheLine)]
    [InlineData(false, true, "PAGE", null, null, StoreGranularity.Page)]
    [InlineData(false, false, "CACHE_LINE", null, null, StoreGranularity.CacheLine)]
    [InlineData(false, false, "cacheline", null, null, StoreGranularity.CacheLine)]
    [InlineData(false, false, "Byte", null, null, StoreGranularity.Byte)]
    [InlineData(false, false, "nonsense", null, null, StoreGranularity.Page)]
    [InlineData(false, false, null, "1", null, StoreGranularity.CacheLine)]
    [InlineData(false, true, null, "0", null, StoreGranularity.Page)]
    [InlineData(false, true, null, null, "1", StoreGranularity.Byte)]
    [InlineData(false, false, null, "1", "1", StoreGranularity.Byte)]
    [InlineData(false, false, null, null, "1", StoreGranularity.Page)]
    public void The_environment_decides_as_in_PMDK(bool isPrivate, bool isPmem, string? granularity, string? force, string? noFlush, StoreGranularity expected) =>
        Assert.Equal(expected, PersistenceDetection.Decide(isPrivate, isPmem, null, Environment(granularity, force, noFlush), "/nonexistent"));

    [Fact]
    public void The_program_decides_over_the_environment() =>
        Assert.Equal(StoreGranularity.Byte, PersistenceDetection.Decide(false, false, StoreGranularity.Byte, Environment("PAGE", "0", null), "/nonexistent"));

    [Theory]
    [InlineData(new string[0], false)]
    [InlineData(new[] { "cpu_cache" }, true)]
    [InlineData(new[] { "cpu_cache", "cpu_cache" }, true)]
    [InlineData(new[] { "cpu_cache", "memory_controller" }, false)]
    [InlineData(new[] { "memory_controller" }, false)]
    public void Caches_are_safe_when_every_region_says_so(string[] domains, bool expected)
    {
        using var bus = new TemporaryFolder();
        Directory.CreateDirectory(bus.File("ndbus0"));
        for (int i = 0; i < domains.Length; i++)
        {
            Directory.CreateDirectory(bus.File($"region{i}"));
            File.WriteAllText(bus.File($"region{i}/persistence_domain"), domains[i] + "\n");
        }

        string path = Path.GetDirectoryName(bus.File("x"))!;
        Assert.Equal(expected, PersistenceDetection.HasAutoFlush(path));
        StoreGranularity found = PersistenceDetection.Decide(false, isPmem: true, null, Environment(null, null, null), path);
        Assert.Equal(expected ? StoreGranularity.Byte : StoreGranularity.CacheLine, found);
        Assert.Equal(StoreGranularity.CacheLine, PersistenceDetection.Decide(false, isPmem: true, null, Environment(null, null, "0"), path));
    }

    [Fact]
    public void A_machine_without_regions_has_no_safe_caches() => Assert.False(PersistenceDetection.HasAutoFlush("/nonexistent"));

    private static Func<string, string?> Environment(string? granularity, string? force, string? noFlush) => name => name switch
    {
        "PMEM2_FORCE_GRANULARITY" => granularity,
        "PMEM_IS_PMEM_FORCE" => force,
        "PMEM_NO_FLUSH" => noFlush,
        _ => null,
    };
}
