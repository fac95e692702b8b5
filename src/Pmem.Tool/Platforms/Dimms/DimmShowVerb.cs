using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm show</c>: the columns and the layout of <c>ipmctl show -dimm</c>.</summary>
internal static class DimmShowVerb
{
    private static readonly Dictionary<string, double> s_units = new(StringComparer.Ordinal)
    {
        ["B"] = 1, ["MB"] = 1e6, ["MiB"] = 1 << 20, ["GB"] = 1e9, ["GiB"] = 1 << 30, ["TB"] = 1e12, ["TiB"] = 1L << 40,
    };

    public static Command Create()
    {
        var names = new Argument<string[]>("DIMM") { Description = "Such as nmem0, or a DimmID such as 0x0001; all if none is given.", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> folder = PlatformSource.Option();
        var all = new Option<bool>("--all", "-a") { Description = "Everything that is known, a block a DIMM." };
        var display = new Option<string?>("--display", "-d") { Description = "Only these attributes, a block a DIMM: 'HealthState,Capacity'." };
        var units = new Option<string>("--units", "-u") { Description = $"Sizes in {string.Join(", ", s_units.Keys)}.", DefaultValueFactory = _ => "GiB" };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", """
            Show DIMMs with the columns of 'ipmctl show -dimm'. What a DIMM does not tell is missing.

            Examples:
              pmem dimm show --platform vm1
              pmem dimm show nmem0 --all --platform vm1
              pmem dimm show --display HealthState,SerialNumber --units MiB --platform vm1
            """) { names, folder, all, display, units, json };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(all) && parsed.GetValue(display) is not null)
                throw new PmemException("--all and --display exclude each other: --display names what of all is to be shown");
            if (!s_units.TryGetValue(parsed.GetValue(units)!, out double unit))
                throw new PmemException($"'{parsed.GetValue(units)}' is no unit: write {string.Join(", ", s_units.Keys)}");
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            List<(string Name, string Value)>[] dimms = Collect(source.Platform, parsed.GetValue(names) ?? [], size => Size(size, unit, parsed.GetValue(units)!));
            if (parsed.GetValue(display)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { } chosen)
            {
                if (Array.Find(chosen, name => !dimms.Any(dimm => dimm.Exists(pair => pair.Name == name))) is { } unknown)
                    throw new PmemException($"no DIMM has an attribute {unknown}; --all shows those there are");
                dimms = [.. dimms.Select(dimm => dimm.Where(pair => pair.Name == "DimmID" || chosen.Contains(pair.Name, StringComparer.Ordinal)).ToList())];
            }

            if (parsed.GetValue(json))
                Console.WriteLine(NdctlJson.Print(new JsonArray([.. dimms.Select(dimm => new JsonObject(dimm.Select(pair => KeyValuePair.Create(pair.Name, (JsonNode?)JsonValue.Create(pair.Value)))))])));
            else if (parsed.GetValue(all) || parsed.GetValue(display) is not null)
                PrintBlocks(dimms);
            else
                PrintTable(dimms);
            return Program.Success;
        });
        return command;
    }

    private static List<(string Name, string Value)>[] Collect(IPlatform platform, string[] names, Func<ulong, string> size)
    {
        IReadOnlyList<DimmView> dimms = platform.GetDimms();
        if (Array.Find(names, name => !dimms.Any(dimm => Matches(name, dimm))) is { } unknown)
            throw new PmemException($"there is no DIMM {unknown}; 'pmem dimm show' lists those there are");
        IReadOnlyList<RegionView> regions = platform.GetRegions();
        ulong Mapped(DimmView dimm) => regions.SelectMany(region => region.Mappings).Where(mapping => mapping.Dimm == dimm.Name).Aggregate(0UL, (sum, mapping) => sum + mapping.Length);
        return [.. dimms.Where(dimm => names.Length == 0 || names.Any(name => Matches(name, dimm))).Select(dimm => DimmAttributes.Of(dimm, platform.GetHealth(dimm.Name).Value, Mapped(dimm), size))];
    }

    // What looks like a DimmID of the first column is one, not a number of a device; with ipmctl several have commas between them.
    private static bool Matches(string names, DimmView dimm) => names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Any(name => name.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? uint.TryParse(name.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint handle) && handle == dimm.Handle.Value
        : NameFilter.Matches(name, dimm.Name, dimm.Id));

    private static string Size(ulong bytes, double unit, string name) => unit == 1 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{bytes / unit:0.000} {name}");

    private static void PrintTable(List<(string Name, string Value)>[] dimms)
    {
        string[] titles = [.. DimmAttributes.Columns.Where(column => column == "DimmID" || dimms.Any(dimm => dimm.Exists(pair => pair.Name == column)))];
        string[][] rows = [.. dimms.Select(dimm => titles.Select(title => dimm.Find(pair => pair.Name == title).Value ?? string.Empty).ToArray())];
        int[] widths = [.. titles.Select((title, column) => rows.Select(row => row[column].Length).Append(title.Length).Max())];
        string Line(string[] cells) => $" {string.Join(" | ", cells.Select((cell, column) => cell.PadRight(widths[column])))}".TrimEnd();
        Console.WriteLine(Line(titles));
        Console.WriteLine(new string('=', widths.Sum() + (3 * (widths.Length - 1)) + 2));
        foreach (string[] row in rows)
            Console.WriteLine(Line(row));
    }

    private static void PrintBlocks(List<(string Name, string Value)>[] dimms)
    {
        foreach (List<(string Name, string Value)> dimm in dimms)
        {
            Console.WriteLine($"---DimmID={dimm[0].Value}---");
            foreach ((string name, string value) in dimm.Skip(1))
                Console.WriteLine($"   {name}={value}");
        }
    }
}
