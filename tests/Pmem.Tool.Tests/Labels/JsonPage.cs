using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Tests.Labels;

/// <summary>docs/formats/json-platform.md: members that the tool prints for platforms; those of which the page says "if" may be missing.</summary>
internal static partial class JsonPage
{
    public static void Compare(string heading, JsonElement value)
    {
        Dictionary<string, string> documented = Documented(heading);
        var printed = new Dictionary<string, string>(StringComparer.Ordinal);
        Collect(value, string.Empty, printed);
        Assert.Empty(printed.Keys.Except(documented.Keys, StringComparer.Ordinal));
        Assert.Empty(documented.Where(member => !member.Value.Contains("if ", StringComparison.Ordinal)).Select(member => member.Key).Except(printed.Keys, StringComparer.Ordinal));
        foreach ((string member, string type) in printed)
            Assert.True(documented[member].StartsWith(type, StringComparison.Ordinal) || (type == "null" && documented[member].Contains("or null", StringComparison.Ordinal)), $"{member} is a {type}");
    }

    private static void Collect(JsonElement value, string prefix, Dictionary<string, string> members)
    {
        foreach (JsonProperty property in value.EnumerateObject())
        {
            string name = prefix + property.Name;
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    Collect(property.Value, name + ".", members);
                    break;
                case JsonValueKind.Array:
                    members[name] = "array";
                    foreach (JsonElement item in property.Value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object))
                        Collect(item, name + "[].", members);
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    members[name] = "boolean";
                    break;
                case JsonValueKind.Null:
                    members[name] = "null";
                    break;
                default:
                    members[name] = property.Value.ValueKind == JsonValueKind.Number ? "number" : "string";
                    break;
            }
        }
    }

    private static Dictionary<string, string> Documented(string heading)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        string page = File.ReadAllText(Path.Combine(folder!, "docs", "formats", "json-platform.md"));
        int start = page.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"no heading {heading}");
        int end = page.IndexOf("\n## ", start, StringComparison.Ordinal);
        var members = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match row in Row().Matches(end < 0 ? page[start..] : page[start..end]))
            members.Add(row.Groups["name"].Value, row.Groups["type"].Value);
        Assert.NotEmpty(members);
        return members;
    }

    [GeneratedRegex(@"^\| `(?<name>[^`]+)` \| (?<type>[^|]+) \|", RegexOptions.Multiline, 1000)]
    private static partial Regex Row();
}
