using System.Globalization;
using System.Text.Json;

namespace Pmem.Objects.Types;

/// <content>The JSON form. A member that nobody knows is an error: a misspelt one would make objects look unreachable.</content>
public sealed partial record ObjectTypes
{
    private static readonly JsonDocumentOptions s_json = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a description from a file.</summary>
    /// <exception cref="PmemFormatException">It is no description: says which member, what was expected and what is there.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ObjectTypes Load(string path) => Parse(File.ReadAllBytes(path));

    /// <summary>Reads a description from JSON in UTF-8.</summary>
    /// <exception cref="PmemFormatException">It is no description: says which member, what was expected and what is there.</exception>
    public static ObjectTypes Parse(ReadOnlyMemory<byte> utf8)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(utf8, s_json);
        }
        catch (JsonException problem)
        {
            throw new PmemFormatException($"type description, line {problem.LineNumber + 1}", -1, "JSON", problem.Message.Split(" Path: ")[0].Split(" LineNumber: ")[0]);
        }

        try
        {
            return ReadDescription(document.RootElement);
        }
        catch (InvalidOperationException problem)
        {
            throw new PmemFormatException("type description", -1, "text in UTF-8", problem.Message);
        }
        finally
        {
            document.Dispose();
        }
    }

    private static ObjectTypes ReadDescription(JsonElement json)
    {
        var types = new Dictionary<ulong, ObjectType>();
        var result = new ObjectTypes { Types = types };
        foreach (JsonProperty member in Members(json, string.Empty))
        {
            switch (member.Name)
            {
                case "layout":
                    result = result with { Layout = Text(member.Value, member.Name) };
                    break;
                case "root":
                    result = result with { Root = ReadType(member.Value, "root", "root") };
                    break;
                case "types":
                    foreach (JsonProperty type in Members(member.Value, "types"))
                    {
                        string where = $"types.{type.Name}";
                        if (!types.TryAdd(Number(type.Name, where), ReadType(type.Value, where, $"type {type.Name}")))
                            throw Wrong(where, "each type number once", "it twice");
                    }

                    break;
                default:
                    throw Wrong(member.Name, "layout, root or types", "another member");
            }
        }

        return result;
    }

    private static ObjectType ReadType(JsonElement json, string where, string name)
    {
        var links = new List<LinkField>();
        var type = new ObjectType(name, links);
        foreach (JsonProperty member in Members(json, where))
        {
            string at = $"{where}.{member.Name}";
            switch (member.Name)
            {
                case "name":
                    type = type with { Name = Text(member.Value, at) };
                    break;
                case "foundByWalking":
                    type = type with { FoundByWalking = Truth(member.Value, at) };
                    break;
                case "links":
                    if (member.Value.ValueKind != JsonValueKind.Array)
                        throw Wrong(at, "an array", $"{member.Value.ValueKind}");
                    foreach (JsonElement link in member.Value.EnumerateArray())
                        links.Add(ReadLink(link, $"{at}[{links.Count}]"));
                    break;
                default:
                    throw Wrong(at, "name, links or foundByWalking", "another member");
            }
        }

        return type;
    }

    private static LinkField ReadLink(JsonElement json, string where)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("offset", out JsonElement offset))
            throw Wrong(where, "an object with an offset", json.ValueKind == JsonValueKind.Object ? "none" : $"{json.ValueKind}");
        var link = new LinkField(Length(offset, $"{where}.offset", 0));
        foreach (JsonProperty member in Members(json, where))
        {
            string at = $"{where}.{member.Name}";
            link = member.Name switch
            {
                "offset" => link,
                "name" => link with { Name = Text(member.Value, at) },
                "kind" => link with { Kind = Text(member.Value, at) switch { "id" => LinkKind.Id, "offset" => LinkKind.Offset, var other => throw Wrong(at, "id or offset", other) } },
                "count" when member.Value.ValueKind == JsonValueKind.String => Text(member.Value, at) == "rest" ? link with { Count = null } : throw Wrong(at, "a number, or \"rest\"", Text(member.Value, at)),
                "count" => link with { Count = Length(member.Value, at, 1) },
                "countAt" => link with { CountOffset = Length(member.Value, at, 0) },
                "countSize" => link with { CountSize = Length(member.Value, at, 1) switch { 1 => 1, 2 => 2, 4 => 4, 8 => 8, var other => throw Wrong(at, "1, 2, 4 or 8", $"{other}") } },
                "stride" => link with { Stride = Length(member.Value, at, sizeof(ulong)) },
                "target" => link with { Target = member.Value.ValueKind == JsonValueKind.String ? Number(Text(member.Value, at), at) : Number(member.Value.GetRawText(), at) },
                "interior" => link with { Interior = Truth(member.Value, at) },
                "otherPools" => link with { OtherPools = Truth(member.Value, at) },
                _ => throw Wrong(at, "name, offset, kind, count, countAt, countSize, stride, target, interior or otherPools", "another member"),
            };
        }

        if (link.Offset % sizeof(ulong) != 0 || link.Step % sizeof(ulong) != 0 || link.Step < link.Size)
            throw Wrong(where, "offset and stride that are multiples of 8, and a stride that a link fits into", $"offset {link.Offset}, stride {link.Step}");
        return link.Kind == LinkKind.Id || !link.OtherPools ? link : throw Wrong(where, "links of kind id, since an offset cannot lead to other pools", "kind offset");
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement json, string where) =>
        json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw Wrong(where, "an object", $"{json.ValueKind}");

    private static string Text(JsonElement json, string where) =>
        json.ValueKind == JsonValueKind.String ? json.GetString()! : throw Wrong(where, "a text", $"{json.ValueKind}");

    private static bool Truth(JsonElement json, string where) =>
        json.ValueKind is JsonValueKind.True or JsonValueKind.False ? json.GetBoolean() : throw Wrong(where, "true or false", $"{json.ValueKind}");

    private static long Length(JsonElement json, string where, long least)
    {
        // An object is no longer than a zone, so nothing in it is further away.
        const long Most = ObjectStore.MaximumObjectSize;
        return json.ValueKind == JsonValueKind.Number && json.TryGetInt64(out long value) && value >= least && value <= Most
            ? value
            : throw Wrong(where, $"a number from {least} to {Most}", json.GetRawText());
    }

    private static ulong Number(string text, string where)
    {
        bool valid = text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        return valid ? value : throw Wrong(where, "a type number, decimal or with 0x", text);
    }

    private static PmemFormatException Wrong(string where, string expected, string found) =>
        new(where.Length == 0 ? "type description" : $"type description: {where}", -1, expected, found);
}
