using Xunit;

namespace Pmem.CrashTesting.Xunit;

/// <summary>What a <see cref="CrashTestAttribute"/> asks for: the memory, and how far to explore. Makes tests that have it.</summary>
public sealed class CrashScenario
{
    private readonly string _name;
    private readonly long _size;

    internal CrashScenario(string name, CrashDomains domain, long size, StoreGranularity granularity, ExplorationOptions options)
    {
        _name = name;
        _size = size;
        Domain = domain;
        Granularity = granularity;
        Options = options;
    }

    /// <summary>Where the memory lies.</summary>
    public CrashDomains Domain { get; }

    /// <summary>How the memory becomes durable.</summary>
    public StoreGranularity Granularity { get; }

    /// <summary>How far to explore.</summary>
    public ExplorationOptions Options { get; }

    /// <summary>The simple case: a workload on zeroed memory, and a check that recovers and judges.</summary>
    /// <param name="workload">What is done to the memory. Runs once.</param>
    /// <param name="check">Recovers what a crash left, and throws when the result is not what it must be. Runs many times, on several threads.</param>
    /// <exception cref="CrashTestException">A crash can leave an image on which the check throws.</exception>
    public CrashReport Run(Action<PersistentMap> workload, Action<PersistentMap> check)
    {
        CrashReport report = For(map => map).Step("workload", workload).Check(check).Run(Options, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
        return report;
    }

    /// <summary>A test of something that is opened the same way whether it is new or was left by a crash. End it with <c>Run(crash.Options)</c>.</summary>
    public CrashTest<T> For<T>(Func<PersistentMap, T> open) => CrashTest.For(open, Name).OnMap(_size, Granularity);

    /// <summary>A test of something that is created in one way and opened in another. End it with <c>Run(crash.Options)</c>.</summary>
    public CrashTest<T> For<T>(Func<PersistentMap, T> create, Func<PersistentMap, T> open) => CrashTest.For(create, open, Name).OnMap(_size, Granularity);

    /// <summary>The domain, for the test's display name.</summary>
    public override string ToString() => Domain switch { CrashDomains.Adr => "ADR", CrashDomains.Eadr => "eADR", _ => "page cache" };

    private string Name => $"{_name} ({this})";
}
