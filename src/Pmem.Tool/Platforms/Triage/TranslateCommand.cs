using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.Evidence;
using Pmem.Platform.Translation;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Triage;

/// <summary><c>pmem translate</c>.</summary>
internal static class TranslateCommand
{
    private const string Forms = "--address, --dimm with --dpa, --file with --offset, --region, --namespace or --device with --offset or --badblock, or --namespace with --block";

    public static Command Create()
    {
        var source = new EvidenceSource();
        var address = new Option<string?>("--address", "-a") { Description = "A system physical address." };
        var dimm = new Option<string?>("--dimm", "-d") { Description = "A module, such as nmem0 or its handle; with --dpa." };
        var dpa = new Option<string?>("--dpa") { Description = "A DIMM physical address." };
        var file = new Option<string?>("--file") { Description = "A module's file, such as dimm-0.img; with --offset." };
        var region = new Option<string?>("--region", "-r") { Description = "A region, such as region0; with --offset or --badblock." };
        var space = new Option<string?>("--namespace", "-n") { Description = "A namespace or its friendly name; with --offset, --badblock, --block or --internal-block." };
        var device = new Option<string?>("--device") { Description = "A device, such as pmem0, as its users see it; with --offset or --badblock." };
        var offset = new Option<string?>("--offset", "-O") { Description = "Bytes from the start." };
        var badblock = new Option<string?>("--badblock") { Description = "512-byte sectors from the start, as lists of bad blocks count." };
        var block = new Option<string?>("--block", "-b") { Description = "A block of a sector namespace as users number it, before the map." };
        var inner = new Option<string?>("--internal-block") { Description = "A block of a sector namespace after the map; with --arena." };
        var arena = new Option<int>("--arena") { Description = "The arena of --internal-block.", DefaultValueFactory = _ => 0 };
        Option<bool> json = PoolCommand.JsonOption();
        Command command = source.AddTo(new Command("translate", """
            Say where a place is: in a file, in a module, in the system's addresses, in a region, a namespace, a device, a block translation table; and what is
            there. Any form goes in, all forms come out. Never changes a byte.

            Examples:
              pmem translate --platform vm1 --address 0x100001000
              pmem translate --platform vm1 --dimm nmem0 --dpa 0x1000
              pmem translate --platform vm1 --namespace data --badblock 128
              pmem translate --platform vm1 --namespace namespace0.1 --block 17
              pmem translate --platform vm1 --file dimm-0.img --offset 0x200000
              pmem translate nv0.img --label-size 128KiB --device pmem0 --offset 0
            """) { address, dimm, dpa, file, region, space, device, offset, badblock, block, inner, arena, json });
        command.SetAction(parsed =>
        {
            using PlatformEvidence evidence = source.Open(parsed);
            var translator = new AddressTranslator(evidence);
            ulong Place() => (parsed.GetValue(offset), parsed.GetValue(badblock)) switch
            {
                (not null, not null) => throw new PmemException("--offset and --badblock are two places: give one"),
                ({ } text, null) => Number(text),
                (null, { } text) => checked(Number(text) * AddressTranslator.SectorSize),
                _ => 0,
            };
            string?[] given = [parsed.GetValue(address), parsed.GetValue(dimm), parsed.GetValue(file), parsed.GetValue(region), parsed.GetValue(space), parsed.GetValue(device)];
            if (given.Count(form => form is not null) != 1)
                throw new PmemException($"say which place, in one form: {Forms}");
            Place found = given switch
            {
                [{ } at, ..] => translator.FromSystem(Number(at)),
                [_, { } module, ..] => translator.FromModule(module, Number(parsed.GetValue(dpa) ?? throw new PmemException("--dimm needs an address in it: --dpa"))),
                [_, _, { } path, ..] => translator.FromFile(path, Place()),
                [_, _, _, { } name, ..] => translator.FromRegion(name, Place()),
                [_, _, _, _, { } name, _] when parsed.GetValue(block) is { } number => translator.FromBlock(name, Number(number), Place()),
                [_, _, _, _, { } name, _] when parsed.GetValue(inner) is { } number => translator.FromInternalBlock(name, parsed.GetValue(arena), Number(number), Place()),
                [_, _, _, _, { } name, _] => translator.FromNamespace(name, Place()),
                _ => translator.FromDevice(given[5]!, Place()),
            };
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => WriteJson(writer, found));
            else
                WriteText(found);
            return Program.Success;
        });
        return command;
    }

    private static ulong Number(string text) => (ulong)InfoBlockFile.ParseNumber(text, 0);

    private static void WriteText(Place place)
    {
        Console.WriteLine(place.What);
        Line("address", place.SystemAddress is { } address ? $"0x{address:x}" : null);
        Line("module", place.Module is { } module ? $"{module.Module} (handle 0x{module.Handle:x}){(module.Address is { } dpa ? $", DIMM address 0x{dpa:x}" : string.Empty)}" : null);
        Line("file", place.Module?.File is { } file ? $"{file}, offset 0x{place.Module.FileOffset:x}" : null);
        Line("labels", place.Label is { } label ? $"offset 0x{label.Offset:x}" : null);
        Line("region", place.Region is { } region ? $"{region.Region}, offset 0x{region.Offset:x}, bad block {region.Sector}" : null);
        Line("namespace", place.Namespace is { } space ? $"{space.Namespace}, offset 0x{space.Offset:x}, bad block {space.Sector}" : null);
        Line("device", place.Namespace is { DeviceOffset: { } at } device ? $"{device.Device}, offset 0x{at:x}, bad block {device.DeviceSector}" : null);
        Line("btt", place.Btt is { } btt ? BttText(btt) : null);
        if (place.Contiguous > 0)
            Line("together", $"{place.Contiguous} bytes from here lie behind one another in the module too");
    }

    private static string BttText(BttPlace btt)
    {
        var parts = new List<string> { $"arena {btt.Arena}" };
        if (btt.Block is { } block)
            parts.Add($"block {block}{(btt.State.Length > 0 ? $" ({btt.State})" : string.Empty)}");
        if (btt.InternalBlock is { } inner)
            parts.Add($"internal block {inner}{(btt.BlockOffset is { } at ? $", byte {at}" : string.Empty)}");
        if (btt.Entry is { } entry)
            parts.Add($"entry {entry}");
        return string.Join(", ", parts);
    }

    private static void Line(string name, string? text)
    {
        if (text is not null)
            Console.WriteLine($"  {name,-10} {text}");
    }

    private static void WriteJson(Utf8JsonWriter writer, Place place)
    {
        writer.WriteStartObject();
        string kind = place.Kind.ToString();
        writer.WriteString("kind", char.ToLowerInvariant(kind[0]) + kind[1..]);
        writer.WriteString("what", place.What);
        writer.WriteBoolean("metadata", place.IsMetadata);
        Number(writer, "address", place.SystemAddress);
        Object(writer, "module", place.Module, module =>
        {
            writer.WriteString("dev", module.Module);
            writer.WriteNumber("handle", module.Handle);
            Number(writer, "dpa", module.Address);
            writer.WriteString("file", module.File);
            Number(writer, "fileOffset", module.FileOffset);
        });
        Object(writer, "region", place.Region, region =>
        {
            writer.WriteString("dev", region.Region);
            writer.WriteNumber("offset", region.Offset);
            writer.WriteNumber("badblock", region.Sector);
        });
        Object(writer, "namespace", place.Namespace, space =>
        {
            writer.WriteString("dev", space.Namespace);
            writer.WriteString("name", space.Name);
            writer.WriteString("mode", space.Mode.ToString().ToLowerInvariant());
            writer.WriteNumber("offset", space.Offset);
            writer.WriteNumber("badblock", space.Sector);
            writer.WriteString("device", space.Device);
            Number(writer, "deviceOffset", space.DeviceOffset);
            Number(writer, "deviceBadblock", space.DeviceSector);
        });
        Object(writer, "btt", place.Btt, btt =>
        {
            writer.WriteNumber("arena", btt.Arena);
            Number(writer, "block", btt.Block);
            Number(writer, "internalBlock", btt.InternalBlock);
            Number(writer, "blockOffset", btt.BlockOffset);
            Number(writer, "entry", btt.Entry);
            writer.WriteString("state", btt.State);
        });
        Object(writer, "label", place.Label, label =>
        {
            writer.WriteNumber("offset", label.Offset);
            Number(writer, "index", (ulong?)label.Index);
            Number(writer, "slot", (ulong?)label.Slot);
        });
        writer.WriteNumber("contiguous", place.Contiguous);
        writer.WriteEndObject();
    }

    private static void Object<T>(Utf8JsonWriter writer, string name, T? value, Action<T> content)
        where T : class
    {
        if (value is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        content(value);
        writer.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter writer, string name, ulong? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
        else
            writer.WriteNull(name);
    }
}
