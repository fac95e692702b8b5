using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Pmem.CrashTesting.Xunit;

/// <summary>Where the memory of a crash test lies; several may be combined, each is a test of its own.</summary>
[Flags]
public enum CrashDomains
{
    /// <summary>Caches are lost when power fails (ADR): flush and drain.</summary>
    Adr = 1,

    /// <summary>Caches survive (eADR, CXL global persistent flush): the order of stores is what counts.</summary>
    Eadr = 2,

    /// <summary>A page cache: only what was synchronised is guaranteed.</summary>
    PageCache = 4,

    /// <summary>All of them.</summary>
    All = Adr | Eadr | PageCache,
}

/// <summary>
/// Makes a method with one parameter of type <see cref="CrashScenario"/> a test for each persistence domain. No other attribute is needed.
/// </summary>
/// <example>
/// <code>
/// [CrashTest(Domains = CrashDomains.All)]
/// public void Counter_survives(CrashScenario crash) =&gt; crash.Run(
///     workload: map =&gt; { map.StoreUInt64(0, 1); map.Persist(0, 8); },
///     check: map =&gt; Assert.InRange(map.ReadUInt64(0), 0UL, 1UL));
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer(typeof(TheoryDiscoverer))]
public sealed class CrashTestAttribute : FactAttribute, ITheoryAttribute, IDataAttribute
{
    /// <summary>Marks a crash test; file and line are the compiler's to fill in.</summary>
    public CrashTestAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
    }

    /// <summary>Bytes of memory.</summary>
    public long Size { get; set; } = 64 << 10;

    /// <summary>Where the memory lies: one test for each. ADR alone by default, the strictest.</summary>
    public CrashDomains Domains { get; set; } = CrashDomains.Adr;

    /// <summary>Crash points with at most so many images are explored exhaustively; the others are sampled with as many.</summary>
    public int ImagesPerPoint { get; set; } = 512;

    /// <summary>Seed of the samples.</summary>
    public int Seed { get; set; } = 1;

    /// <summary>Decide what survived only when recovery reads it.</summary>
    public bool Lazy { get; set; }

    /// <summary>Explore power losses in which ADR fails too.</summary>
    public bool AdrFails { get; set; }

    /// <summary>Checks that run at once; 0 for as many as there are processors.</summary>
    public int Parallelism { get; set; }

    /// <summary>Seconds that the exploration may take; 0 for no limit.</summary>
    public double TimeBudget { get; set; }

    /// <inheritdoc/>
    public bool DisableDiscoveryEnumeration { get; set; }

    /// <inheritdoc/>
    public bool SkipTestWithoutData { get; set; }

    bool? IDataAttribute.Explicit => null;

    string? IDataAttribute.Label => null;

    string? IDataAttribute.Skip => null;

    Type? IDataAttribute.SkipType => null;

    string? IDataAttribute.SkipUnless => null;

    string? IDataAttribute.SkipWhen => null;

    string? IDataAttribute.TestDisplayName => null;

    int? IDataAttribute.Timeout => null;

    string[]? IDataAttribute.Traits => null;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        ArgumentNullException.ThrowIfNull(testMethod);
        var rows = new List<ITheoryDataRow>();
        foreach ((CrashDomains domain, StoreGranularity granularity) in (ReadOnlySpan<(CrashDomains, StoreGranularity)>)
            [(CrashDomains.Adr, StoreGranularity.CacheLine), (CrashDomains.Eadr, StoreGranularity.Byte), (CrashDomains.PageCache, StoreGranularity.Page)])
        {
            if ((Domains & domain) != 0)
                rows.Add(new TheoryDataRow<CrashScenario>(new CrashScenario(testMethod.Name, domain, Size, granularity, Options())));
        }

        return new(rows);
    }

    /// <inheritdoc/>
    public bool SupportsDiscoveryEnumeration() => false;

    private ExplorationOptions Options() => new()
    {
        ImagesPerPoint = ImagesPerPoint,
        Seed = Seed,
        Lazy = Lazy,
        AdrFails = AdrFails,
        Parallelism = Parallelism,
        TimeBudget = TimeBudget > 0 ? TimeSpan.FromSeconds(TimeBudget) : null,
    };
}
