using System.Collections.Concurrent;

namespace Pmem.CrashTesting.Xunit.Tests;

/// <summary>The attribute, used as a user would, and what it passes on.</summary>
public sealed class CrashTestAttributeTests
{
    private static readonly ConcurrentBag<StoreGranularity> s_seen = [];

    [CrashTest(Domains = CrashDomains.All, Size = 8192)]
    public void A_counter_survives_everywhere(CrashScenario crash)
    {
        s_seen.Add(crash.Granularity);
        CrashReport report = crash.Run(
            workload: map =>
            {
                map.StoreUInt64(0, 1);
                map.Persist(0, 8);
            },
            check: map =>
            {
                Assert.Equal(8192, map.Length);
                Assert.Equal(crash.Granularity, map.Granularity);
                Assert.InRange(map.ReadUInt64(0), 0UL, 1UL);
            });
        Assert.True(report.Exploration.Exhaustive);
    }

    [CrashTest]
    public void A_missing_fence_fails_the_test(CrashScenario crash)
    {
        CrashTestException failure = Assert.Throws<CrashTestException>(() => crash.Run(
            map =>
            {
                map.StoreUInt64(0, 42);
                map.Flush(0, 8);
                map.StoreUInt64(64, 1);
                map.Persist(64, 8);
            },
            map => Assert.False(map.ReadUInt64(64) == 1 && map.ReadUInt64(0) == 0, "valid, but empty")));
        Assert.Contains($"{nameof(A_missing_fence_fails_the_test)} (ADR)", failure.Message, StringComparison.Ordinal);
        Assert.Contains("CrashTestAttributeTests.cs:", failure.Message, StringComparison.Ordinal);
    }

    [CrashTest(ImagesPerPoint = 7, Seed = 3, Lazy = true, AdrFails = true, Parallelism = 1, TimeBudget = 2.5)]
    public void Options_are_passed_on(CrashScenario crash)
    {
        Assert.Equal(
            new ExplorationOptions { ImagesPerPoint = 7, Seed = 3, Lazy = true, AdrFails = true, Parallelism = 1, TimeBudget = TimeSpan.FromSeconds(2.5) },
            crash.Options);
        CrashReport report = crash
            .For(map => map)
            .Step("deep", map =>
            {
                map.StoreUInt64(0, 1);
                map.DeepFlush(0, 8);
            })
            .Observe(map => map.ReadUInt64(0))
            .Run(crash.Options, TestContext.Current.CancellationToken);
        Assert.Equal(2, report.States);
    }

    [Fact]
    public async Task There_is_a_row_for_each_domain()
    {
        var attribute = new CrashTestAttribute { Domains = CrashDomains.Adr | CrashDomains.PageCache };
        await using var tracker = new global::Xunit.Sdk.DisposalTracker();
        IReadOnlyCollection<ITheoryDataRow> rows = await attribute.GetData(typeof(CrashTestAttributeTests).GetMethod(nameof(A_counter_survives_everywhere))!, tracker);
        Assert.Equal(["ADR", "page cache"], rows.Select(r => r.GetData()[0]!.ToString()));
    }
}
