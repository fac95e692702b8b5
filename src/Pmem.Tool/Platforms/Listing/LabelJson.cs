using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Pmem.Platform;
using Pmem.Platform.Labels;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>
/// Label storage areas with the members of <c>ndctl read-labels -j</c>: whatever is in slots that know their own number, in use or not; uuids in the order of their bytes.
/// </summary>
internal static class LabelJson
{
    private const int NamePosition = 16;
    private const int NameLength = 64;
    private const int FullLabel = 256;

    /// <param name="areas">Areas and their DIMMs.</param>
    /// <param name="indexOnly">Only index blocks.</param>
    /// <param name="human">Sizes and addresses for people.</param>
    /// <param name="isTerminal">One area is then no array.</param>
    public static string Print(IEnumerable<Source> areas, bool indexOnly, bool human, bool isTerminal)
    {
        JsonNode[] found = [.. areas.Where(source => source.Area.Geometry is not null && source.Area.Current is not null).Select(source => Make(source, indexOnly, human))];
        return found.Length == 0 ? string.Empty : NdctlJson.PrintArray(new JsonArray(found), isTerminal);
    }

    /// <summary>Bytes of both index blocks.</summary>
    public static int IndexBytes(LabelArea area) => area.Geometry is { } geometry ? geometry.LabelOffset : 2 * FullLabel;

    private static JsonObject Make(Source source, bool indexOnly, bool human)
    {
        LabelAreaGeometry geometry = source.Area.Geometry!.Value;
        ReadOnlySpan<byte> bytes = source.Area.Bytes;
        var json = new JsonObject { ["dev"] = source.Dimm, ["index"] = new JsonArray(Index(bytes[geometry.IndexOffset(0)..]), Index(bytes[geometry.IndexOffset(1)..])) };
        if (indexOnly)
            return json;
        var labels = new JsonArray();
        for (int slot = 0; slot < geometry.SlotCount; slot++)
        {
            ReadOnlySpan<byte> label = bytes.Slice(geometry.SlotOffset(slot), geometry.LabelSize);
            bool isFull = geometry.LabelSize >= FullLabel;
            if (BinaryPrimitives.ReadUInt32LittleEndian(label[120..]) == slot)
                labels.Add((JsonNode)Label(label, slot, isFull, human));
        }

        if (labels.Count > 0)
            json["label"] = labels;
        return json;
    }

    private static JsonObject Index(ReadOnlySpan<byte> index) => new()
    {
        ["signature"] = Text(index[..15]),
        ["major"] = BinaryPrimitives.ReadUInt16LittleEndian(index[60..]),
        ["minor"] = BinaryPrimitives.ReadUInt16LittleEndian(index[62..]),
        ["labelsize"] = 1 << Math.Min(30, 7 + index[19]),
        ["seq"] = BinaryPrimitives.ReadUInt32LittleEndian(index[20..]),
        ["nslot"] = BinaryPrimitives.ReadUInt32LittleEndian(index[56..]),
    };

    private static JsonObject Label(ReadOnlySpan<byte> label, int slot, bool isFull, bool human)
    {
        var json = new JsonObject
        {
            ["uuid"] = NetworkGuid.Read(label[..16]).ToString(),
            ["name"] = Text(label.Slice(NamePosition, NameLength - 1)),
            ["slot"] = slot,
            ["position"] = BinaryPrimitives.ReadUInt16LittleEndian(label[86..]),
            ["nlabel"] = BinaryPrimitives.ReadUInt16LittleEndian(label[84..]),
            ["flags"] = NdctlNumber.Hex(BinaryPrimitives.ReadUInt32LittleEndian(label[80..]), human),
            ["isetcookie"] = NdctlNumber.Hex(BinaryPrimitives.ReadUInt64LittleEndian(label[88..]), human),
            ["lbasize"] = BinaryPrimitives.ReadUInt64LittleEndian(label[96..]),
            ["dpa"] = NdctlNumber.Hex(BinaryPrimitives.ReadUInt64LittleEndian(label[104..]), human),
            ["rawsize"] = NdctlNumber.Size(BinaryPrimitives.ReadUInt64LittleEndian(label[112..]), human),
        };
        if (!isFull)
            return json;
        json["type_guid"] = NetworkGuid.Read(label.Slice(128, 16)).ToString();
        json["abstraction_guid"] = NetworkGuid.Read(label.Slice(144, 16)).ToString();
        return json;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.IndexOf((byte)0) is var end and >= 0 ? bytes[..end] : bytes);

    /// <summary>An area and the DIMM that it is on.</summary>
    internal sealed record Source(string Dimm, LabelArea Area);
}
