using System.Globalization;
using System.Text;
using Pmem.CrashTesting.Model;

namespace Pmem.CrashTesting.Reporting;

/// <summary>The failing image beside another one, in the lines in which they differ.</summary>
internal sealed class ImageComparison
{
    private const int LineSize = PersistencyModel.LineSize;
    private const int RowSize = 16;
    private const int MaximumShown = 16;

    private readonly byte[] _failing;
    private readonly byte[] _other;
    private readonly string _title;

    private ImageComparison(byte[] failing, byte[] other, string title)
    {
        _failing = failing;
        _other = other;
        _title = title;
        Lines = [.. Differences()];
    }

    /// <summary>Offsets of the lines that differ.</summary>
    public IReadOnlyList<long> Lines { get; }

    /// <summary>Compares the failing image with the nearest that passes, or with what the program saw when none is known.</summary>
    public static ImageComparison Create(Trace trace, CrashDiagnosis diagnosis)
    {
        byte[] failing = CrashExplorer.BuildImage(trace, diagnosis.Image);
        return diagnosis.Passing is { } passing
            ? new ImageComparison(failing, CrashExplorer.BuildImage(trace, passing), Title(diagnosis.Image, passing))
            : new ImageComparison(failing, trace.ImageAfter(diagnosis.Image.Point), "What the program had stored");
    }

    private static string Title(CrashImage failing, CrashImage passing) =>
        failing.IsPowerLoss ? "The nearest image that passes" : passing.Point < failing.Point ? "One store earlier, which passes" : "One store later, which passes";

    /// <summary>The lines as HTML.</summary>
    /// <param name="extra">A line to show when none differs, or -1.</param>
    public string ToHtml(long extra)
    {
        var text = new StringBuilder();
        IReadOnlyList<long> lines = Lines.Count > 0 ? Lines : extra >= 0 && extra < _failing.Length ? [extra] : [];
        foreach (long line in lines.Take(MaximumShown))
        {
            text.Append(CultureInfo.InvariantCulture, $"<div class=\"compare\"><h3>Line 0x{line:x}</h3><div class=\"pair\">");
            AppendSide(text, "The failing image", _failing, _other, line, "bad");
            AppendSide(text, _title, _other, _failing, line, "good");
            text.Append("</div></div>\n");
        }

        if (lines.Count > MaximumShown)
            text.Append(CultureInfo.InvariantCulture, $"<p class=\"muted\">… and {lines.Count - MaximumShown} more lines differ.</p>\n");
        if (Lines.Count == 0)
            text.Append("<p class=\"muted\">The two images do not differ: everything stored so far was there, and recovery does not stand it.</p>\n");
        return text.ToString();
    }

    private static void AppendSide(StringBuilder text, string title, byte[] image, byte[] other, long line, string mark)
    {
        text.Append(CultureInfo.InvariantCulture, $"<figure><figcaption>{title}</figcaption><pre class=\"hex\">");
        long end = Math.Min(line + LineSize, image.Length);
        for (long row = line; row < end; row += RowSize)
        {
            text.Append(CultureInfo.InvariantCulture, $"<span class=\"address\">{row:x6}</span>");
            var characters = new StringBuilder();
            for (long at = row; at < Math.Min(row + RowSize, end); at++)
            {
                text.Append((at - row) % 8 == 0 ? "  " : " ");
                byte value = image[at];
                bool differs = value != other[at];
                string css = differs ? $" class=\"{mark}\"" : value == 0 ? " class=\"zero\"" : string.Empty;
                text.Append(CultureInfo.InvariantCulture, $"<span{css}>{value:x2}</span>");
                string shown = value is >= 0x20 and < 0x7F ? System.Net.WebUtility.HtmlEncode(((char)value).ToString()) : "·";
                characters.Append(differs ? $"<span class=\"{mark}\">{shown}</span>" : shown);
            }

            text.Append(CultureInfo.InvariantCulture, $"  <span class=\"chars\">{characters}</span>\n");
        }

        text.Append("</pre></figure>");
    }

    private IEnumerable<long> Differences()
    {
        for (int at = 0; at < _failing.Length;)
        {
            at += _failing.AsSpan(at).CommonPrefixLength(_other.AsSpan(at));
            if (at == _failing.Length)
                yield break;
            yield return at & -LineSize;
            at = (at & -LineSize) + LineSize;
        }
    }
}
