using System.Globalization;
using System.Text;

namespace Pmem.CrashTesting.Reporting;

/// <summary>The part of the page that tells what happened, and how to see it again.</summary>
internal static class HtmlStory
{
    private const int MaximumListed = 8;

    public static void Append(StringBuilder page, CrashReport report, CrashDiagnosis diagnosis)
    {
        CrashImage image = diagnosis.Image;
        page.Append("<section id=\"story\"><h2>What happened</h2>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p class=\"cause\"><b>{HtmlReport.Text(diagnosis.Cause.GetType().Name)}</b> {HtmlReport.Text(diagnosis.Cause.Message)}");
        if (diagnosis.CauseLine() is { } line)
            page.Append(CultureInfo.InvariantCulture, $"<small>{HtmlReport.Text(line)}</small>");
        page.Append(CultureInfo.InvariantCulture, $"</p>\n<p>{HtmlReport.Text(When(report.Trace, image))}</p>\n<ol class=\"story\">\n");
        if (image.IsPowerLoss)
            AppendPowerLoss(page, report.Trace, diagnosis);
        else
            AppendKill(page, report.Trace, image.Point);
        page.Append(CultureInfo.InvariantCulture, $"</ol>\n<p class=\"advice\"><b>To mend it</b> {HtmlReport.Text(diagnosis.Advice())}</p>\n");
        page.Append("<div class=\"replays\">");
        AppendReplay(page, "See it again in the test", $"{CrashTest.ReplayVariable}={report.ReplayLine}");
        AppendReplay(page, "Get the image from the trace file", $"pmem crash replay TRACE.pmtrace {image.ToReplay()} --out failing.img");
        page.Append("</div></section>\n");
    }

    private static string When(Trace trace, CrashImage image)
    {
        if (!image.IsPowerLoss)
            return $"The process dies after event {image.Point - 1}. What it stored until then is there, the rest is not:";
        string also = image.Kind == CrashKind.PowerLossWithoutAdr ? ", and the write queues are lost too (ADR fails)" : string.Empty;
        return image.Point < trace.Events.Count
            ? $"Power fails before event {image.Point} ({trace.Events[image.Point]}){also}:"
            : $"Power fails at the end, behind event {image.Point - 1}{also}:";
    }

    private static void AppendPowerLoss(StringBuilder page, Trace trace, CrashDiagnosis diagnosis)
    {
        foreach ((int index, bool torn) in diagnosis.Lost.Take(MaximumListed))
            AppendItem(page, trace, torn ? "torn" : "lost", torn ? "torn" : "lost", index, diagnosis.Status(index));
        AppendRest(page, diagnosis.Lost.Count, "are not there");
        foreach ((int index, bool torn) in diagnosis.Early.Take(MaximumListed))
            AppendItem(page, trace, torn ? "torn" : "there", torn ? "in part" : "there", index, "the cache wrote it back on its own");
        AppendRest(page, diagnosis.Early.Count, "are there");
    }

    private static void AppendKill(StringBuilder page, Trace trace, int point)
    {
        if (point > 0)
            AppendItem(page, trace, "there", "done", point - 1, note: null);
        int next = point;
        while (next < trace.Events.Count && trace.Events[next].Kind != TraceEventKind.Store)
            next++;
        if (next < trace.Events.Count)
            AppendItem(page, trace, "lost", "not done", next, note: null);
    }

    private static void AppendRest(StringBuilder page, int count, string what)
    {
        if (count > MaximumListed)
            page.Append(CultureInfo.InvariantCulture, $"<li class=\"muted\">… and {count - MaximumListed} more {what}</li>\n");
    }

    private static void AppendItem(StringBuilder page, Trace trace, string css, string role, int index, string? note)
    {
        TraceEvent item = trace.Events[index];
        page.Append(CultureInfo.InvariantCulture, $"<li><span class=\"role {css}\">{role}</span><div><a href=\"#timeline\" data-event=\"{index}\">event {index}</a> {HtmlReport.Text(item.ToString())}");
        if (note is not null)
            page.Append(CultureInfo.InvariantCulture, $"<small>{HtmlReport.Text(note)}</small>");
        if (item.Source is { Frames.Count: > 0 } source)
        {
            page.Append("<details><summary>calls</summary><pre>");
            foreach (SourceFrame frame in source.Frames)
                page.Append(HtmlReport.Text(frame.ToString())).Append('\n');
            page.Append("</pre></details>");
        }

        page.Append("</div></li>\n");
    }

    private static void AppendReplay(StringBuilder page, string title, string line) =>
        page.Append(CultureInfo.InvariantCulture, $"<div class=\"replay\"><span>{title}</span><code>{HtmlReport.Text(line)}</code><button type=\"button\" data-copy>Copy</button></div>");
}
