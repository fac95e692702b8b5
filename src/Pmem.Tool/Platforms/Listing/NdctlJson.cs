using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>JSON as ndctl's library prints it: two spaces, no space behind a colon, slashes escaped, temperatures with a point.</summary>
internal static class NdctlJson
{
    // The level at which all is on one line.
    private const int InLine = int.MinValue;

    public static string Print(JsonNode node)
    {
        var text = new StringBuilder();
        Append(text, node, 0);
        return text.ToString();
    }

    /// <summary>The same in a line, with nothing between.</summary>
    public static string PrintLine(JsonNode node)
    {
        var text = new StringBuilder();
        Append(text, node, InLine);
        return text.ToString();
    }

    /// <summary>An array; for people one of a single element is that element.</summary>
    public static string PrintArray(JsonArray array, bool human) => Print(human && array.Count == 1 ? array[0]! : array);

    private static void Append(StringBuilder text, JsonNode? node, int level)
    {
        switch (node)
        {
            case JsonObject members:
                Enclose(text, '{', '}', members, level, static (to, member, at) =>
                {
                    AppendString(to, member.Key);
                    to.Append(':');
                    Append(to, member.Value, at);
                });
                break;
            case JsonArray elements:
                Enclose(text, '[', ']', elements, level, Append);
                break;
            case JsonValue value when value.TryGetValue(out string? words):
                AppendString(text, words);
                break;
            case JsonValue value when value.TryGetValue(out double number):
                string digits = number.ToString("R", CultureInfo.InvariantCulture);
                text.Append(digits).Append(digits.AsSpan().IndexOfAny('.', 'E') < 0 ? ".0" : string.Empty);
                break;
            default:
                text.Append(node?.ToJsonString() ?? "null");
                break;
        }
    }

    private static void Enclose<T>(StringBuilder text, char open, char close, IEnumerable<T> items, int level, Action<StringBuilder, T, int> append)
    {
        text.Append(open);
        bool any = false;
        bool isLine = level == InLine;
        foreach (T item in items)
        {
            if (any)
                text.Append(',');
            if (!isLine)
                text.Append('\n').Append(' ', 2 * (level + 1));
            any = true;
            append(text, item, isLine ? InLine : level + 1);
        }

        // json-c ends the line also in an array of nothing.
        if (!isLine && (any || open == '['))
            text.Append('\n').Append(' ', 2 * level);
        text.Append(close);
    }

    private static void AppendString(StringBuilder text, string words)
    {
        text.Append('"');
        foreach (char c in words)
        {
            _ = c switch
            {
                '"' or '\\' or '/' => text.Append('\\').Append(c),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }
}
