using Pmem.CrashTesting;
using Pmem.CrashTesting.Mutations;
using Pmem.Tests;

namespace Pmem.Blocks.Tests.Crash;

/// <summary>Would the crash tests notice? One mistake at a time in the table's own flushes, fences and words.</summary>
public sealed class MutationTests
{
    [Fact]
    public void Every_mistake_is_found_or_known_to_be_none() =>

        // Without recompilation in the background the place of a call in machine code names it.
        ChildRun.Run(typeof(MutationTests), ("DOTNET_TC_CallCountThreshold", "7FFFFFF"), ("DOTNET_TC_OnStackReplacement_InitialCounter", "7FFFFFF"), ("DOTNET_TieredPGO", "0"));

    /// <summary>Mistakes that are none, with the reason.</summary>
    private static readonly Dictionary<string, string> s_harmless = new(StringComparer.Ordinal)
    {
        ["SwapPersists BlockTranslationTable.StoreInfo#1 with BlockTranslationTable.StoreInfo#1"] = "either copy of the info block alone is enough",
        ["SwapPersists BlockTranslationTable.StoreInfo#1 with BlockTranslationTable.WriteBlock#5"] = "a block's content counts only once its map entry is there, which comes behind both",
        ["TearStore BlockTranslationTable.WriteBlock#2"] = "the first word of a flog entry counts only with the second, whose sequence number is durable behind it",
    };

    [Fact(Explicit = true)]
    public void Mutate()
    {
        var one = new BlockDeviceOptions { Lanes = 1 };
        var two = new BlockDeviceOptions { Lanes = 2 };
        MutationReport report = new MutationTest()
            .Add(Workload("one block again and again", one, 8, Write(1, 1), Write(1, 2), Write(1, 3)))
            .Add(Workload("several blocks", two, 8, Write(0, 1), Write(1, 2), Write(2, 3), Write(3, 4)))
            .Add(Workload("large blocks", two, 512, Write(1, 1), Write(1, 2)))
            .Add(Workload("zero and bad", two, 8, pool => pool.Zero(CrashHarness.Watched[0]), Write(0, 1), pool => pool.SetError(CrashHarness.Watched[1]), Write(1, 2)))
            .Add(Workload("first write", two, 8, prepare: false, Write(0, 1), Write(1, 2)))
            .Only(site => site.Assembly == "Pmem.Blocks")
            .Run(new ExplorationOptions { ImagesPerPoint = 256, Parallelism = 0 }, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
        string[] survivors = [.. report.Survivors.Select(v => v.Mutant.ToString())];
        Assert.Empty(survivors.Except(s_harmless.Keys));
        Assert.Empty(s_harmless.Keys.Except(survivors));
        Assert.Contains(report.Verdicts, v => v.IsKilled);
    }

    private static Action<BlockPool> Write(long block, uint version) => pool => pool.Write(CrashHarness.Watched[block], TestPools.Content(pool.BlockSize, block, version));

    private static CrashTest<BlockPool> Workload(string name, BlockDeviceOptions options, int blockSize, params Action<BlockPool>[] operations) =>
        Workload(name, options, blockSize, prepare: true, operations);

    private static CrashTest<BlockPool> Workload(string name, BlockDeviceOptions options, int blockSize, bool prepare, params Action<BlockPool>[] operations)
    {
        CrashTest<BlockPool> test = CrashTest
            .For(map => BlockPool.Create(map, blockSize, isZeroed: true, options), map => BlockPool.Open(map, options: options), name)
            .OnMap(TestPools.Size)
            .Prepare(pool =>
            {
                foreach (long block in CrashHarness.Watched.AsSpan(0, prepare ? 3 : 0))
                    pool.Write(block, TestPools.Content(blockSize, block, 0));
            })
            .Observe(pool => string.Join(' ', CrashHarness.Describe(pool)))
            .Check(pool =>
            {
                Assert.Empty(pool.Table.ArenaErrors);
                TableInvariants.Demand(pool);
            });
        foreach (Action<BlockPool> operation in operations)
            test.Step(name, operation);
        return test;
    }
}
