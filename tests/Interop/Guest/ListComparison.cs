using System.Text.Json;
using System.Text.Json.Nodes;

namespace Interop.Guest;

/// <summary>Two answers of <c>ndctl list</c>, compared member by member. What is in arrays is told apart by its name: ndctl lists in the order of a folder.</summary>
internal static class ListComparison
{
    /// <summary>Compares.</summary>
    /// <param name="what">What was asked.</param>
    /// <param name="theirs">What ndctl printed.</param>
    /// <param name="ours">What pmem printed.</param>
    /// <param name="masked">Members that cannot be known from files, and why.</param>
    /// <param name="differences">Told what is different.</param>
    public static void Compare(string what, string theirs, string ours, IReadOnlyDictionary<string, string> masked, List<string> differences)
    {
        int before = differences.Count;
        JsonNode? expected = Parse(what, theirs, differences);
        JsonNode? found = Parse(what, ours, differences);
        if (differences.Count == before)
            CompareNodes(what, expected, found, masked, differences);
    }

    private static JsonNode? Parse(string what, string text, List<string> differences)
    {
        try
        {
            return string.IsNullOrWhiteSpace(text) ? null : JsonNode.Parse(text);
        }
        catch (JsonException e)
        {
            differences.Add($"{what}: no JSON, {e.Message}: {text}");
            return null;
        }
    }

    private static void CompareNodes(string where, JsonNode? expected, JsonNode? found, IReadOnlyDictionary<string, string> masked, List<string> differences)
    {
        switch (expected, found)
        {
            case (JsonObject left, JsonObject right):
                CompareObjects(where, left, right, masked, differences);
                break;
            case (JsonArray left, JsonArray right):
                string[] names = [.. left.Concat(right).Select(item => NameOf(item, masked)).Distinct(StringComparer.Ordinal)];
                foreach (string name in names)
                    CompareNodes($"{where}[{name}]", left.FirstOrDefault(item => NameOf(item, masked) == name), right.FirstOrDefault(item => NameOf(item, masked) == name), masked, differences);
                if (left.Count != right.Count)
                    differences.Add($"{where}: ndctl has {left.Count} elements, pmem has {right.Count}");
                break;
            default:
                if (Text(expected) != Text(found))
                    differences.Add($"{where}: ndctl {Text(expected)}, pmem {Text(found)}");
                break;
        }
    }

    private static void CompareObjects(string where, JsonObject expected, JsonObject found, IReadOnlyDictionary<string, string> masked, List<string> differences)
    {
        string[] left = [.. expected.Select(member => member.Key).Where(key => !masked.ContainsKey(key))];
        string[] right = [.. found.Select(member => member.Key).Where(key => !masked.ContainsKey(key))];
        if (!left.SequenceEqual(right, StringComparer.Ordinal))
            differences.Add($"{where}: ndctl has {string.Join(',', left)}; pmem has {string.Join(',', right)}");
        foreach (string key in left.Intersect(right, StringComparer.Ordinal))
            CompareNodes($"{where}.{key}", expected[key], found[key], masked, differences);
    }

    private static string NameOf(JsonNode? item, IReadOnlyDictionary<string, string> masked)
    {
        if (item is not JsonObject members)
            return Text(item);
        return (members["dev"] ?? members["dimm"] ?? members["mode"] ?? members["chardev"])?.ToString()
            ?? string.Join(',', members.Where(member => !masked.ContainsKey(member.Key)).Select(member => $"{member.Key}={Text(member.Value)}"));
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "nothing";
}
