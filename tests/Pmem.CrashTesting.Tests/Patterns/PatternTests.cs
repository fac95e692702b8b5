using Pmem.CrashTesting.Linting;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>The library of known bugs: each is found where it is, and the program without it passes.</summary>
public sealed class PatternTests
{
    public static TheoryData<string> Names => [.. BugPattern.All.Select(p => p.Name)];

    public static TheoryData<string, StoreGranularity> NamesAndDomains => [.. BugPattern.All.SelectMany(p => Enum.GetValues<StoreGranularity>().Select(g => (p.Name, g)))];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_bug_is_found_where_it_is(string name)
    {
        BugPattern pattern = Find(name);
        CrashReport report = pattern.Run(true, StoreGranularity.CacheLine);
        TestContext.Current.TestOutputHelper!.WriteLine(report.ToString());
        Assert.True(report.IsFailed);
        Assert.Equal(pattern.Shows.HasFlag(Shows.InImages), report.FailingImage is not null);
        IReadOnlyList<(string Role, string Place)> expected = pattern.Expected();
        Assert.NotEmpty(expected);
        Assert.Equal(pattern.Shows.HasFlag(Shows.InLint), expected.Any(e => IsRule(e.Role)));
        foreach ((string role, string place) in expected)
            Assert.True(IsRule(role) ? IsReported(report, role, place) : IsTold(report, role, place), $"the report does not name {place} as {role}:\n{report}");
    }

    [Theory]
    [MemberData(nameof(NamesAndDomains))]
    public void Each_program_without_its_bug_passes(string name, StoreGranularity domain)
    {
        CrashReport report = Find(name).Run(false, domain);
        Assert.False(report.IsFailed, report.ToString());
        Assert.True(report.Exploration.Images > 1, "there was something to try");

        // Page by page, a second flush to a page is idle, whatever its line.
        LintSeverity least = domain == StoreGranularity.Page ? LintSeverity.Error : LintSeverity.Warning;
        Assert.DoesNotContain(report.Findings, f => f.Rule.Severity >= least);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Safe_caches_mend_missing_flushes_and_nothing_else(string name)
    {
        BugPattern pattern = Find(name);
        CrashReport report = pattern.Run(true, StoreGranularity.Byte);
        Assert.True(pattern.Shows.HasFlag(Shows.WithSafeCaches) == report.FailingImage is not null, report.ToString());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_bug_is_found_in_the_same_image_every_time(string name)
    {
        BugPattern pattern = Find(name);
        Assert.Equal(pattern.Run(true, StoreGranularity.CacheLine).ReplayLine, pattern.Run(true, StoreGranularity.CacheLine).ReplayLine);
    }

    [Fact]
    public void All_twenty_patterns_are_there() =>
        Assert.Equal(Enumerable.Range(1, 20), BugPattern.All.Select(p => int.Parse(p.Name[..2], System.Globalization.CultureInfo.InvariantCulture)).Distinct());

    private static BugPattern Find(string name) => BugPattern.All.Single(p => p.Name == name);

    private static bool IsRule(string role) => role.StartsWith("PMC", StringComparison.Ordinal);

    private static bool IsReported(CrashReport report, string rule, string place) =>
        report.Findings.Any(f => f.Rule.Id == rule && f.Accepted is null && f.Source?.User?.Where == place);

    /// <summary>Whether the story gives a store the role and, in its calls, the place.</summary>
    private static bool IsTold(CrashReport report, string role, string place)
    {
        string[] lines = report.ToString().Split('\n');
        string line = place.Replace(".cs:", ".cs:line ", StringComparison.Ordinal);
        if (role == "thrown")
            return lines.Any(l => l.TrimStart().StartsWith("at ", StringComparison.Ordinal) && l.EndsWith(line, StringComparison.Ordinal));
        bool isInRole = false;
        foreach (string text in lines)
        {
            if (text.StartsWith("  ", StringComparison.Ordinal) && !text.StartsWith("   ", StringComparison.Ordinal))
                isInRole = text.StartsWith($"  {role} ", StringComparison.Ordinal) && text.Contains(" event ", StringComparison.Ordinal);
            if (isInRole && (text.EndsWith(line, StringComparison.Ordinal) || text.EndsWith(place, StringComparison.Ordinal)))
                return true;
        }

        return false;
    }
}
