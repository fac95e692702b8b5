using System.Text.Json;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>
/// An NFIT as JSON and back (docs/formats/nfit.md). What is left out when reading has its default value, so that a table can be written by hand;
/// lengths, counts and the checksum are computed.
/// </summary>
public static class NfitJson
{
    private static readonly (NfitStructureType Type, string Name)[] s_names =
    [
        (NfitStructureType.SpaRange, "spaRange"),
        (NfitStructureType.RegionMapping, "regionMapping"),
        (NfitStructureType.Interleave, "interleave"),
        (NfitStructureType.Smbios, "smbios"),
        (NfitStructureType.ControlRegion, "controlRegion"),
        (NfitStructureType.BlockDataWindow, "blockDataWindow"),
        (NfitStructureType.FlushHints, "flushHints"),
        (NfitStructureType.PlatformCapabilities, "platformCapabilities"),
    ];

    /// <summary>Writes one JSON object: <c>form</c>, <c>header</c> (tables only) and <c>structures</c>.</summary>
    public static void Write(Utf8JsonWriter json, NfitScan scan)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(scan);
        json.WriteStartObject();
        json.WriteString("form", scan.Header is null ? "_FIT" : "table");
        if (scan.Header is { } header)
        {
            json.WriteStartObject("header");
            var fields = new FieldJsonWriter(json);
            header.Visit(ref fields);
            if (scan.Reserved != 0)
                json.WriteString("reserved", FieldText.Hex(scan.Reserved, sizeof(uint), FieldFormat.Hex));
            json.WriteEndObject();
        }

        json.WriteStartArray("structures");
        foreach (NfitEntry entry in scan.Entries)
        {
            json.WriteStartObject();
            json.WriteString("type", NameOf(entry.Structure));
            json.WriteNumber("offset", entry.Offset);
            json.WriteNumber("structureLength", entry.Length);
            var fields = new FieldJsonWriter(json);
            entry.Structure.Visit(ref fields);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Reads a table from the JSON that <see cref="Write"/> gives, or from one written by hand.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="PmemFormatException">It is not JSON, or says something that no field of a table holds.</exception>
    public static Nfit Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return Parse(document.RootElement);
        }
        catch (JsonException problem)
        {
            throw new PmemFormatException("NFIT as JSON", problem.BytePositionInLine ?? -1, "JSON", problem.Message);
        }
    }

    private static Nfit Parse(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new PmemFormatException("NFIT as JSON", -1, "an object with the member \"structures\"", root.ValueKind.ToString());
        var nfit = new Nfit();
        foreach (JsonProperty member in root.EnumerateObject())
        {
            switch (member.Name)
            {
                case "form" when member.Value.ValueKind == JsonValueKind.String && member.Value.GetString() is "table" or "_FIT":
                    if (member.Value.GetString() == "_FIT")
                        nfit.Header = null;
                    break;
                case "header" when nfit.Header is not null:
                    FieldJsonReader.Fill(nfit.Header, member.Value, "header", "reserved");
                    if (member.Value.TryGetProperty("reserved", out JsonElement reserved))
                        nfit.Reserved = ReadReserved(reserved);
                    break;
                case "structures" when member.Value.ValueKind == JsonValueKind.Array:
                    foreach (JsonElement element in member.Value.EnumerateArray())
                        nfit.Structures.Add(ReadStructure(element, nfit.Structures.Count));
                    break;
                default:
                    throw new PmemFormatException("NFIT as JSON", -1, "\"form\" (\"table\" or \"_FIT\"), then \"header\" (tables only) and \"structures\" (an array)", $"\"{member.Name}\"");
            }
        }

        return nfit;
    }

    private static uint ReadReserved(JsonElement element) =>
        element.ValueKind == JsonValueKind.String && FieldText.TryParse(element.GetString()!, out ulong value) && value <= uint.MaxValue
            ? (uint)value
            : throw new PmemFormatException("header, reserved", -1, "32 bits as text", element.GetRawText());

    private static NfitStructure ReadStructure(JsonElement element, int index)
    {
        string what = $"structures[{index}]";
        string? name = element.ValueKind == JsonValueKind.Object && element.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
        NfitStructure structure = Create(name)
            ?? throw new PmemFormatException(what, -1, $"a \"type\": {string.Join(", ", s_names.Select(entry => entry.Name))} or a number as text", name is null ? element.ValueKind.ToString() : $"\"{name}\"");
        FieldJsonReader.Fill(structure, element, what, "type", "offset", "structureLength");
        return structure is NfitInterleave interleave && !element.TryGetProperty("padding", out _) && !element.TryGetProperty("structureLength", out _)
            ? interleave.Padded()
            : structure;
    }

    private static NfitStructure? Create(string? name)
    {
        foreach ((NfitStructureType type, string known) in s_names)
        {
            if (known == name)
                return NfitStructure.Create(type);
        }

        // Bytes that do not fit their type are printed with the type's number, and come back as they were.
        return name is not null && FieldText.TryParse(name, out ulong number) && number <= ushort.MaxValue ? new NfitUnknown((NfitStructureType)number) : null;
    }

    private static string NameOf(NfitStructure structure) =>
        structure is NfitUnknown ? FieldText.Hex((ushort)structure.Type, sizeof(ushort), FieldFormat.Hex) : s_names[(int)structure.Type].Name;
}
