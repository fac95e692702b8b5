using System.Globalization;
using System.Text;
using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting.Mutations;

/// <summary>
/// Tests the tests: makes one mistake at a time in what the workloads did (a flush less, a fence less, two persists swapped, a word torn), and
/// sees whether their checks find it. A mistake that no check finds is a gap in the tests, or shows a flush that nobody needs.
/// </summary>
/// <remarks>
/// Only images that the right program cannot leave are judged, so that most mistakes cost little. Which of several workloads are tried
/// stops at the first that finds the mistake.
/// </remarks>
public sealed class MutationTest
{
    private readonly List<Workload> _workloads = [];
    private Func<SourceFrame, bool> _isMutated = _ => true;

    /// <summary>Adds a crash test; it is recorded now, with source lines, and must pass.</summary>
    public MutationTest Add<T>(CrashTest<T> test)
    {
        ArgumentNullException.ThrowIfNull(test);
        _workloads.Add(new Workload(test.Name, test.RecordForMutation(), test.Judge));
        return this;
    }

    /// <summary>Makes mistakes only where the innermost call, outside of the map itself, is one of these; by default everywhere.</summary>
    public MutationTest Only(Func<SourceFrame, bool> isMutated)
    {
        _isMutated = isMutated;
        return this;
    }

    /// <summary>Makes every mistake and counts who finds it.</summary>
    /// <param name="options">How far each exploration goes; process kills are left out, because no mistake here concerns them.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="CrashTestException">A workload fails without any mistake.</exception>
    public MutationReport Run(ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        options = (options ?? new ExplorationOptions { ImagesPerPoint = 256, Parallelism = 0 }) with { ProcessKills = false };
        var mutants = new SortedDictionary<string, Mutant>(StringComparer.Ordinal);
        var sites = new MutationSites(_isMutated);
        foreach (Workload workload in _workloads)
            sites.Add(workload.Trace);
        foreach (Workload workload in _workloads)
        {
            using (var run = new ExplorationRun(workload.Trace, workload.Judge, options, cancellation))
            {
                if (run.Execute().Failure is { } failure)
                    throw new CrashTestException($"{workload.Name} fails without any mistake: {failure.Image}: {failure.Cause.Message}", failure.Cause);
                workload.Known = run.Seen;
            }

            foreach (Mutant mutant in Mutant.Find(workload.Trace, sites))
                mutants.TryAdd(mutant.ToString(), mutant);
        }

        var verdicts = new List<MutantVerdict>();
        foreach (Mutant mutant in mutants.Values)
            verdicts.Add(Try(mutant, options, cancellation));
        return new MutationReport(verdicts);
    }

    private MutantVerdict Try(Mutant mutant, ExplorationOptions options, CancellationToken cancellation)
    {
        int tried = 0;
        long images = 0;
        foreach (Workload workload in _workloads)
        {
            bool applies = false;
            foreach (Trace wrong in mutant.Apply(workload.Trace))
            {
                tried += applies ? 0 : 1;
                applies = true;
                using var run = new ExplorationRun(wrong, workload.Judge, options, cancellation, known: workload.Known);
                ExplorationResult result = run.Execute();
                images += result.Images;
                if (result.Failure is { } failure)
                    return new MutantVerdict(mutant, workload.Name, failure.Cause.Message.Split('\n')[0], tried, images);
            }
        }

        return new MutantVerdict(mutant, null, null, tried, images);
    }

    private sealed record Workload(string Name, Trace Trace, Action<CrashState> Judge)
    {
        public IReadOnlySet<(ImageHash Hash, int Demands)> Known { get; set; } = new HashSet<(ImageHash, int)>();
    }
}

/// <summary>What became of a mistake.</summary>
/// <param name="Mutant">The mistake.</param>
/// <param name="KilledBy">The workload whose check found it, or null.</param>
/// <param name="How">What the check said.</param>
/// <param name="Workloads">Workloads in which it was tried.</param>
/// <param name="NewImages">Images judged that the right program cannot leave; 0 shows that the mistake changes nothing that a crash could show.</param>
public sealed record MutantVerdict(Mutant Mutant, string? KilledBy, string? How, int Workloads, long NewImages)
{
    /// <summary>Whether some check found it.</summary>
    public bool IsKilled => KilledBy is not null;
}

/// <summary>What became of all mistakes.</summary>
/// <param name="Verdicts">One for each mistake.</param>
public sealed record MutationReport(IReadOnlyList<MutantVerdict> Verdicts)
{
    /// <summary>Mistakes that no check found although they make new images possible.</summary>
    public IEnumerable<MutantVerdict> Survivors => Verdicts.Where(v => !v.IsKilled && v.NewImages > 0);

    /// <summary>Mistakes that change no image: the flush or fence does nothing for these workloads.</summary>
    public IEnumerable<MutantVerdict> Equivalent => Verdicts.Where(v => !v.IsKilled && v.NewImages == 0);

    /// <summary>Found mistakes among those that change anything, 0 to 1.</summary>
    public double Score
    {
        get
        {
            int counted = Verdicts.Count(v => v.IsKilled || v.NewImages > 0);
            return counted == 0 ? 1 : (double)Verdicts.Count(v => v.IsKilled) / counted;
        }
    }

    /// <summary>A table by kind, then the survivors.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (IGrouping<MutationKind, MutantVerdict> kind in Verdicts.GroupBy(v => v.Mutant.Kind))
        {
            int survivors = kind.Count(v => !v.IsKilled && v.NewImages > 0);
            text.Append(CultureInfo.InvariantCulture, $"{kind.Key,-14}{kind.Count(),4} mistakes, {kind.Count(v => v.IsKilled)} found, {kind.Count(v => !v.IsKilled && v.NewImages == 0)} without effect, {survivors} survive\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"score {Score:P1}\n");
        foreach (MutantVerdict verdict in Equivalent)
            text.Append(CultureInfo.InvariantCulture, $"no effect: {verdict.Mutant} in {verdict.Workloads} workloads, such as {verdict.Mutant.Example}\n");
        foreach (MutantVerdict verdict in Survivors)
            text.Append(CultureInfo.InvariantCulture, $"survives: {verdict.Mutant} ({verdict.NewImages} new images in {verdict.Workloads} workloads), such as {verdict.Mutant.Example}\n");
        return text.ToString();
    }
}
