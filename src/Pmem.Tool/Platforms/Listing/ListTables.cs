using System.Text.Json.Nodes;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>What the JSON of <c>ndctl list</c> holds, as tables for people.</summary>
internal static class ListTables
{
    private static readonly (string Title, string Member)[] s_dimm =
    [
        ("DIMM", "dev"), ("ID", "id"), ("HANDLE", "handle"), ("PHYS", "phys_id"), ("HEALTH", "health.health_state"), ("TEMP °C", "health.temperature_celsius"), ("SPARES %", "health.spares_percentage"),
        ("USED %", "health.life_used_percentage"), ("SHUTDOWN", "health.shutdown_state"), ("DIRTY", "health.shutdown_count"), ("FIRMWARE", "firmware.current_version"), ("SECURITY", "security"), ("STATE", "state"),
    ];

    private static readonly (string Title, string Member)[] s_region =
    [
        ("REGION", "dev"), ("SIZE", "size"), ("AVAILABLE", "available_size"), ("LARGEST", "max_available_extent"), ("ALIGN", "align"), ("SET", "iset_id"), ("DOMAIN", "persistence_domain"), ("BAD SECTORS", "badblock_count"), ("STATE", "state"),
    ];

    private static readonly (string Title, string Member)[] s_namespace =
    [
        ("NAMESPACE", "dev"), ("MODE", "mode"), ("MAP", "map"), ("SIZE", "size"), ("SECTOR", "sector_size"), ("ALIGN", "align"), ("DEVICE", "blockdev"), ("CHARDEV", "chardev"), ("NAME", "name"), ("BAD SECTORS", "badblock_count"), ("STATE", "state"), ("UUID", "uuid"),
    ];

    public static void Print(IPlatform platform, ListOptions options)
    {
        var listing = new PlatformListing(platform, options with { Human = true });
        listing.Print();
        bool any = false;
        foreach ((IReadOnlyList<JsonObject> objects, (string, string)[] columns) in new[] { (listing.Buses, [("BUS", "dev"), ("PROVIDER", "provider"), ("SCRUB", "scrub_state")]), (listing.Dimms, s_dimm), (listing.Regions, s_region), (listing.Namespaces, s_namespace) })
        {
            if (objects.Count == 0)
                continue;
            if (any)
                Console.Out.WriteLine();
            any = true;
            Print(objects, columns);
        }
    }

    private static void Print(IReadOnlyList<JsonObject> objects, (string Title, string Member)[] columns) =>
        TextTable.Write(Console.Out, [.. columns.Select(column => column.Title)], [.. objects.Select(json => columns.Select(column => Cell(json, column.Member)).ToArray())], TextTable.HasColors);

    private static string Cell(JsonObject json, string member)
    {
        JsonNode? node = json;
        foreach (string part in member.Split('.'))
            node = (node as JsonObject)?[part];
        // Of '512.00 MiB (536.87 MB)' the first is enough.
        return node?.ToString().Split(" (")[0] ?? string.Empty;
    }
}
