using System.Globalization;
using System.Text;
using Pmem.CrashTesting.Linting;
using Pmem.CrashTesting.Oracles;
using Pmem.CrashTesting.Reporting;

namespace Pmem.CrashTesting;

/// <summary>What a crash test did and found.</summary>
public sealed class CrashReport
{
    private const long MaximumSavedImage = 256 << 20;

    private readonly CrashDiagnosis? _diagnosis;
    private readonly LintSeverity _failing;

    private CrashReport(string name, Trace trace, IReadOnlyList<LintFinding> lints, LintSeverity failing, ExplorationResult exploration, CrashDiagnosis? diagnosis, int states, bool isReplay)
    {
        Name = name;
        Trace = trace;
        Findings = lints;
        Exploration = exploration;
        States = states;
        IsReplay = isReplay;
        _failing = failing;
        _diagnosis = diagnosis;
    }

    /// <summary>The test's name.</summary>
    public string Name { get; }

    /// <summary>What the workload did.</summary>
    public Trace Trace { get; }

    /// <summary>What lint rules found, the gravest first; accepted findings too.</summary>
    public IReadOnlyList<LintFinding> Findings { get; }

    /// <summary>What was explored.</summary>
    public ExplorationResult Exploration { get; }

    /// <summary>Different states that recoveries ended in; 0 when the state is not observed.</summary>
    public int States { get; }

    /// <summary>Whether only the image of a replay line was tried.</summary>
    public bool IsReplay { get; }

    /// <summary>The smallest failing image, or null when all passed.</summary>
    public CrashImage? FailingImage => _diagnosis?.Image;

    /// <summary>What the check threw on it.</summary>
    public Exception? Cause => _diagnosis?.Cause;

    /// <summary>Whether an image failed, or a lint rule that counts found something.</summary>
    public bool IsFailed => _diagnosis is not null || Failing.Any();

    /// <summary>The line that replays the failure, for <see cref="CrashTest.ReplayVariable"/> or <see cref="CrashTest{T}.Replay"/>; null when no image failed.</summary>
    public string? ReplayLine => _diagnosis is null ? null : $"{Trace.Fingerprint:x16}:{_diagnosis.Image.ToReplay()}";

    private IEnumerable<LintFinding> Failing => Findings.Where(f => f.Accepted is null && f.Rule.Severity >= _failing);

    internal CrashDiagnosis? Diagnosis => _diagnosis;

    internal static CrashReport Create<T>(string name, Trace trace, IReadOnlyList<LintFinding> lints, LintSeverity failing, ExplorationResult result, CrashOracle<T> oracle, bool isReplay)
    {
        CrashDiagnosis? diagnosis = result.Failure is { } failure ? CrashDiagnosis.Create(trace, failure, oracle.Judge) : null;
        return new CrashReport(name, trace, lints, failing, result, diagnosis, oracle.States, isReplay);
    }

    /// <summary>Makes the report of an exploration that was done by hand.</summary>
    /// <param name="name">What was tested.</param>
    /// <param name="trace">The trace.</param>
    /// <param name="result">What <see cref="CrashExplorer"/> returned.</param>
    /// <param name="check">The check, to make a failing image smaller; null to take it as it is.</param>
    public static CrashReport Create(string name, Trace trace, ExplorationResult result, Action<CrashState>? check = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        CrashDiagnosis? diagnosis = result.Failure is not { } failure ? null : CrashDiagnosis.Create(trace, failure, check);
        return new CrashReport(name, trace, TraceLinter.Lint(trace), LintSeverity.Error, result, diagnosis, 0, isReplay: false);
    }

    /// <summary>Writes trace, failing image and page into a folder, which is created.</summary>
    /// <returns>What was written.</returns>
    public IReadOnlyList<string> Save(string folder)
    {
        Directory.CreateDirectory(folder);
        string stem = Path.Combine(folder, $"{string.Concat(Name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' ? c : '-'))}-{Trace.Fingerprint:x16}");
        var written = new List<string> { $"{stem}.pmtrace", $"{stem}.html" };
        Trace.Save(written[0]);
        File.WriteAllText(written[1], ToHtml());
        if (_diagnosis is not null && Trace.Initial.Length <= MaximumSavedImage)
        {
            written.Add($"{stem}.img");
            File.WriteAllBytes(written[2], CrashExplorer.BuildImage(Trace, _diagnosis.Image));
        }

        return written;
    }

    /// <summary>The report as an HTML page that needs nothing beside it: story, time line, images side by side, findings, figures.</summary>
    public string ToHtml() => HtmlReport.Create(this);

    /// <summary>Saves the evidence and throws when the test failed.</summary>
    /// <exception cref="CrashTestException">It failed.</exception>
    public void ThrowIfFailed()
    {
        if (!IsFailed)
            return;
        string folder = Environment.GetEnvironmentVariable(CrashTest.OutputVariable) is { Length: > 0 } chosen ? chosen : Path.Combine(Path.GetTempPath(), "pmem-crash");
        var text = new StringBuilder(ToString());
        try
        {
            IReadOnlyList<string> files = Save(folder);
            foreach (string file in files)
                text.Append(CultureInfo.InvariantCulture, $"{(file.EndsWith(".html", StringComparison.Ordinal) ? "Page:    " : file.EndsWith(".img", StringComparison.Ordinal) ? "Image:   " : "Trace:   ")}{file}\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            text.Append(CultureInfo.InvariantCulture, $"The evidence could not be saved in {folder}: {e.Message}. Set {CrashTest.OutputVariable} to another folder.\n");
        }

        throw new CrashTestException(text.ToString(), _diagnosis?.Cause);
    }

    /// <summary>The story of the failure: what was lost, what was there too early, and how to mend it; null when no image failed.</summary>
    public string? Failure => _diagnosis?.ToString();

    /// <summary>How to mend what failed, in a sentence or two; null when no image failed.</summary>
    public string? Advice => _diagnosis?.Advice();

    /// <summary>Indexes of the events whose stores the failing image lacks, at least in part.</summary>
    public IReadOnlyList<int> LostEvents => _diagnosis is null ? [] : [.. _diagnosis.Lost.Select(e => e.Event)];

    /// <summary>Indexes of the events whose stores are there too early in the failing image: without them the check passes.</summary>
    public IReadOnlyList<int> EarlyEvents => _diagnosis is null ? [] : [.. _diagnosis.Early.Select(e => e.Event)];

    /// <summary>The report as text: the failure's story, the findings, and what was explored.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (_diagnosis is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Name}: a crash can leave data that recovery gets wrong.\n{_diagnosis}");
            text.Append(CultureInfo.InvariantCulture, $"Replay:  {CrashTest.ReplayVariable}={ReplayLine}\n");
        }
        else if (IsFailed)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Name}: every image tried was recovered, but the program does something that is not safe.\n");
        }

        int shown = 0;
        foreach (LintFinding finding in Findings)
        {
            if (finding.Accepted is null && shown++ < 20)
                text.Append(CultureInfo.InvariantCulture, $"{finding.Rule.Severity.ToString().ToLowerInvariant(),-12}{finding}\n");
        }

        if (shown > 20)
            text.Append(CultureInfo.InvariantCulture, $"            … and {shown - 20} more findings\n");
        text.Append(CultureInfo.InvariantCulture, $"{Summary}\n");
        return text.ToString();
    }

    /// <summary>One line: what was explored.</summary>
    public string Summary
    {
        get
        {
            ExplorationResult e = Exploration;
            if (IsReplay)
                return $"Replayed one image of {Trace.Events.Count} events";
            string states = States > 0 ? $", {States} states" : string.Empty;
            string legal = double.IsInfinity(e.LegalImages) ? "more than 1e308" : e.LegalImages < 1e6 ? $"{e.LegalImages:0}" : e.LegalImages.ToString("0.0e0", CultureInfo.InvariantCulture);
            string how = e.Exhaustive ? "all of them" : e.Failure is not null ? "up to the failure" : e.IsOutOfTime ? "until the time was up" : "a sample";
            int accepted = Findings.Count(f => f.Accepted is not null);
            string also = accepted > 0 ? $"; {accepted} finding(s) accepted in place" : string.Empty;
            return $"Explored {e.Images} images ({how} of {legal}, {e.Duplicates} twice) at {e.Points} crash points of {Trace.Events.Count} events{states}, in {e.Elapsed.TotalSeconds:0.00} s{also}";
        }
    }
}
