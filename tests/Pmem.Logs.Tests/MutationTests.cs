using Pmem.CrashTesting;
using Pmem.CrashTesting.Mutations;
using Pmem.Tests;

namespace Pmem.Logs.Tests;

/// <summary>Would the crash tests notice? One mistake at a time in the log's own flushes, fences and words.</summary>
public sealed class MutationTests
{
    [Fact]
    public void Every_mistake_is_found() =>

        // Without recompilation in the background the place of a call in machine code names it.
        ChildRun.Run(typeof(MutationTests), ("DOTNET_TC_CallCountThreshold", "7FFFFFF"), ("DOTNET_TC_OnStackReplacement_InitialCounter", "7FFFFFF"), ("DOTNET_TieredPGO", "0"));

    [Fact(Explicit = true)]
    public void Mutate()
    {
        MutationReport report = new MutationTest()
            .Add(Workload("small appends", log => log.Append(LogFolder.Pattern(50, 1)), log => log.Append(LogFolder.Pattern(8, 2))))
            .Add(Workload("a large append", log => log.Append(LogFolder.Pattern(1000, 9))))
            .Add(Workload("pieces", log => log.Append([LogFolder.Pattern(16, 1), LogFolder.Pattern(40, 2), LogFolder.Pattern(9, 3)])))
            .Add(Workload("rewind", log => log.Append(LogFolder.Pattern(300)), log => log.Rewind(), log => log.Append(LogFolder.Pattern(20, 4))))
            .Only(site => site.Assembly == "Pmem.Logs")
            .Run(new ExplorationOptions { ImagesPerPoint = 256, Parallelism = 0 }, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
        Assert.Empty(report.Survivors.Select(v => v.Mutant.ToString()));
        Assert.Contains(report.Verdicts, v => v.IsKilled);
    }

    private static CrashTest<PersistentLog> Workload(string name, params Action<PersistentLog>[] operations)
    {
        CrashTest<PersistentLog> test = CrashTest
            .For(PersistentLog.Create, PersistentLog.Open, name)
            .OnMap(PersistentLog.MinimumPoolSize)
            .Prepare(log => log.Append(LogFolder.Pattern(30)))
            .Observe(log => Convert.ToHexString(LogFolder.Content(log)));
        foreach (Action<PersistentLog> operation in operations)
            test.Step(name, operation);
        return test;
    }
}
