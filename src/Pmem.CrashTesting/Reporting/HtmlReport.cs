using System.Globalization;
using System.Net;
using System.Text;

namespace Pmem.CrashTesting.Reporting;

/// <summary>
/// A crash report as one HTML page: for people who would rather look than read. It asks for nothing from anywhere, so that it can be mailed,
/// kept as a build's artifact, and opened from a file.
/// </summary>
internal static class HtmlReport
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

    public static string Create(CrashReport report)
    {
        CrashDiagnosis? diagnosis = report.Diagnosis;
        ImageComparison? images = diagnosis is null ? null : ImageComparison.Create(report.Trace, diagnosis);
        TimeLine line = TimeLine.Create(report.Trace, diagnosis, images?.Lines ?? []);
        HashSet<int> key = diagnosis is null ? [] : [.. diagnosis.Lost.Concat(diagnosis.Early).Select(e => e.Event)];
        if (diagnosis is { Image: { IsPowerLoss: false, Point: > 0 } })
            key.Add(diagnosis.Image.Point - 1);

        var page = new StringBuilder(1 << 16);
        page.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Append(CultureInfo.InvariantCulture, $"<meta http-equiv=\"Content-Security-Policy\" content=\"{Policy}\">\n");
        page.Append(CultureInfo.InvariantCulture, $"<title>{Text(report.Name)}: crash test</title>\n<style>\n{Asset("report.css")}</style>\n</head>\n<body>\n");
        AppendHead(page, report);
        page.Append("<main>\n");
        if (diagnosis is not null)
            HtmlStory.Append(page, report, diagnosis);
        page.Append(Asset("timeline.html"));
        if (images is not null)
        {
            page.Append("<section id=\"images\"><h2>The image recovery fails on</h2>\n");
            page.Append(images.ToHtml(line.Lines.Count > 0 ? line.Lines[0] : -1));
            page.Append("</section>\n");
        }

        HtmlFindings.Append(page, report);
        page.Append(Asset("events.html"));
        HtmlFindings.AppendFigures(page, report);
        page.Append("</main>\n");
        page.Append(CultureInfo.InvariantCulture, $"<script type=\"application/json\" id=\"trace\">{TimeLineJson.Create(report.Trace, line, diagnosis?.Image, key)}</script>\n");
        page.Append(CultureInfo.InvariantCulture, $"<script>\n{Asset("report.js")}</script>\n</body>\n</html>\n");
        return page.ToString();
    }

    /// <summary>Text that cannot be mistaken for markup.</summary>
    public static string Text(string? text) => WebUtility.HtmlEncode(text ?? string.Empty);

    private static void AppendHead(StringBuilder page, CrashReport report)
    {
        (string css, string verdict, string sentence) = report switch
        {
            { Diagnosis: not null } => ("fails", "fails", "A crash can leave data that recovery gets wrong."),
            { IsFailed: true } => ("fails", "not safe", "Every image tried was recovered, but the program does something that is not safe."),
            { Exploration.Exhaustive: false } => ("passes", "passes", "Every image that was tried was recovered; not all that are possible were tried."),
            _ => ("passes", "passes", "Recovery succeeds on every image that a crash can leave."),
        };
        page.Append(CultureInfo.InvariantCulture, $"<header><p class=\"kind\">Crash test</p><h1>{Text(report.Name)} <span class=\"verdict {css}\">{verdict}</span></h1><p class=\"lead\">{sentence}</p></header>\n");
    }

    private static string Asset(string name)
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream($"Pmem.CrashTesting.Reporting.Page.{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
