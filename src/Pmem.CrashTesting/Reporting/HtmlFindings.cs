using System.Globalization;
using System.Text;
using Pmem.CrashTesting.Linting;

namespace Pmem.CrashTesting.Reporting;

/// <summary>The parts of the page with what lint rules found, and with figures.</summary>
internal static class HtmlFindings
{
    private const int MaximumListed = 500;

    public static void Append(StringBuilder page, CrashReport report)
    {
        LintFinding[] open = [.. report.Findings.Where(f => f.Accepted is null)];
        LintFinding[] accepted = [.. report.Findings.Where(f => f.Accepted is not null)];
        page.Append("<section id=\"findings\"><h2>What the lint rules say</h2>\n");
        if (open.Length == 0)
            page.Append("<p class=\"muted\">Nothing to complain about.</p>\n");
        else
            AppendTable(page, open);
        if (accepted.Length > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"<details><summary>{accepted.Length} finding(s) that the program accepts, and why</summary>\n");
            AppendTable(page, accepted);
            page.Append("</details>\n");
        }

        page.Append("</section>\n");
    }

    public static void AppendFigures(StringBuilder page, CrashReport report)
    {
        ExplorationResult result = report.Exploration;
        string legal = double.IsInfinity(result.LegalImages) ? "more than 1e308" : result.LegalImages < 1e6 ? Number(result.LegalImages) : result.LegalImages.ToString("0.0e0", CultureInfo.InvariantCulture);
        string reach = report.IsReplay ? "one image, replayed" : result.Exhaustive ? "all images" : result.Failure is not null ? "up to the failure" : result.IsOutOfTime ? "until the time was up" : "a seeded sample";
        double rate = result.Images / Math.Max(result.Elapsed.TotalSeconds, 1e-3);
        page.Append("<section id=\"figures\"><h2>Figures</h2>\n<dl class=\"figures\">\n");
        Row(page, "explored", reach);
        Row(page, "images tried", Number(result.Images));
        Row(page, "images possible", legal);
        Row(page, "met twice", Number(result.Duplicates));
        Row(page, "crash points", Number(result.Points));
        Row(page, "events", Number(report.Trace.Events.Count));
        if (report.States > 0)
            Row(page, "recovered states", Number(report.States));
        Row(page, "time", string.Create(CultureInfo.InvariantCulture, $"{result.Elapsed.TotalSeconds:0.00} s"));
        Row(page, "images per second", Number(rate));
        Row(page, "memory", $"{Number(report.Trace.Initial.Length)} bytes");
        Row(page, "durable by", report.Trace.Granularity switch { StoreGranularity.Byte => "store (eADR)", StoreGranularity.Page => "page sync", _ => "cache line flush (ADR)" });
        Row(page, "trace", report.Trace.IsComplete ? $"{report.Trace.Fingerprint:x16}" : $"{report.Trace.Fingerprint:x16}, cut off");
        page.Append("</dl></section>\n");
    }

    private static string Number(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static void Row(StringBuilder page, string name, string value) =>
        page.Append(CultureInfo.InvariantCulture, $"<div><dt>{name}</dt><dd>{HtmlReport.Text(value)}</dd></div>\n");

    private static void AppendTable(StringBuilder page, LintFinding[] findings)
    {
        page.Append("<div class=\"scroll\"><table class=\"findings\"><thead><tr><th>Rule</th><th>What</th><th>Where</th><th class=\"number\">Times</th></tr></thead><tbody>\n");
        foreach (LintFinding finding in findings.Take(MaximumListed))
        {
            string severity = finding.Rule.Severity.ToString().ToLowerInvariant();
            page.Append(CultureInfo.InvariantCulture, $"<tr><td><span class=\"rule {severity}\">{finding.Rule.Id}</span><small>{severity}</small></td>");
            page.Append(CultureInfo.InvariantCulture, $"<td>{HtmlReport.Text(finding.Rule.Title)}<small>{HtmlReport.Text(finding.Detail)}</small>");
            page.Append(finding.Accepted is { } reason
                ? $"<p class=\"remedy\">Accepted: {HtmlReport.Text(reason)}</p></td>"
                : $"<p class=\"remedy\">{HtmlReport.Text(Sentence(finding.Rule.Remedy))}</p></td>");
            page.Append(CultureInfo.InvariantCulture, $"<td>{HtmlReport.Text(finding.Source?.User?.Where)} <a href=\"#timeline\" data-event=\"{finding.EventIndex}\">event {finding.EventIndex}</a></td>");
            page.Append(CultureInfo.InvariantCulture, $"<td class=\"number\">{finding.Count}</td></tr>\n");
        }

        page.Append("</tbody></table></div>\n");
        if (findings.Length > MaximumListed)
            page.Append(CultureInfo.InvariantCulture, $"<p class=\"muted\">… and {findings.Length - MaximumListed} more; 'pmem crash lint' lists all.</p>\n");
    }

    private static string Sentence(string text) => text.Length == 0 ? text : $"{char.ToUpperInvariant(text[0])}{text.AsSpan(1)}.";
}
