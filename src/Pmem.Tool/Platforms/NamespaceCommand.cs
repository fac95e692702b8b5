using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary><c>pmem namespace</c>: namespaces of virtual platforms.</summary>
internal static class NamespaceCommand
{
    public static Command Create() =>
        new("namespace", """
            List, create, destroy, enable, disable, reconfigure, check and clear namespaces of a platform: --platform DIR, or the environment variable PMEM_PLATFORM.

            Examples:
              pmem namespace create --platform vm1 --mode fsdax --size 64MiB --name data
              pmem namespace list --platform vm1 --json
              pmem namespace destroy namespace0.0 --platform vm1 --force
            """)
        {
            ListVerb(),
            CreateVerb(),
            ReconfigureVerb(),
            Triage.AdviseVerb.Create(),
            OneVerb("destroy", "Destroy a namespace. 'pmem labels repair --restore UUID' can bring it back as long as its labels' slots are free.", (platform, name, force) => platform.DestroyNamespace(name, force)),
            OneVerb("enable", "Enable a namespace.", (platform, name, _) => platform.EnableNamespace(name)),
            OneVerb("disable", "Disable a namespace.", (platform, name, _) => platform.DisableNamespace(name)),
            NamespaceMedia.CheckVerb(),
            NamespaceMedia.ClearErrorsVerb(),
            NamespaceMedia.ReadInfoBlockVerb(),
            NamespaceMedia.WriteInfoBlockVerb(),
        };

    public static string Describe(NamespaceView space) =>
        $"{space.Name}  {space.Mode.ToString().ToLowerInvariant()}  {ByteSize.Format((long)space.Size)}  {space.Device}{(space.FriendlyName.Length > 0 ? $"  \"{space.FriendlyName}\"" : string.Empty)}{(space.IsEnabled ? string.Empty : "  disabled")}";

    public static void WriteJson(Utf8JsonWriter writer, NamespaceView space)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", space.Name);
        writer.WriteString("region", space.Region);
        writer.WriteString("mode", space.Mode.ToString().ToLowerInvariant());
        writer.WriteString("map", space.Map switch
        {
            PageMapMode.Device => "dev",
            PageMapMode.Memory => "mem",
            _ => null,
        });
        writer.WriteNumber("size", space.Size);
        writer.WriteNumber("rawSize", space.RawSize);
        writer.WriteNumber("start", space.Start);
        writer.WriteNumber("dataOffset", space.DataOffset);
        writer.WriteString("uuid", space.Uuid);
        writer.WriteString("rawUuid", space.RawUuid);
        writer.WriteString("name", space.FriendlyName);
        writer.WriteNumber("sectorSize", space.SectorSize);
        writer.WriteNumber("align", space.Alignment);
        writer.WriteString("device", space.Device);
        writer.WriteBoolean("enabled", space.IsEnabled);
        writer.WriteStartArray("reasons");
        foreach (string reason in space.Reasons)
            writer.WriteStringValue(reason);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static Command ListVerb()
    {
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("list", "List the namespaces of all regions.\n\nExample: pmem namespace list --platform vm1 --json") { folder, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            NamespaceView[] spaces = [.. source.Platform.GetRegions().SelectMany(region => region.Namespaces)];
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(writer =>
                {
                    writer.WriteStartArray();
                    foreach (NamespaceView space in spaces)
                        WriteJson(writer, space);
                    writer.WriteEndArray();
                });
                return Program.Success;
            }

            foreach (NamespaceView space in spaces)
                Console.WriteLine(Describe(space));
            return Program.Success;
        });
        return command;
    }

    private static Command CreateVerb()
    {
        var region = new Option<string?>("--region", "-r") { Description = "Region to take it from, such as region0; the first with room if not given." };
        var autolabel = new Option<bool>("--no-autolabel") { Description = "Do not write labels on DIMMs that have none." };
        var options = new RequestOptions();
        Command command = options.AddTo(new Command("create", "Create a namespace and enable it.\n\nExample: pmem namespace create --platform vm1 --mode sector --size 64MiB") { region, autolabel });
        command.SetAction(parsed => Act(parsed.GetValue(options.Folder), parsed.GetValue(options.Json), platform => platform.CreateNamespace(options.Read(parsed) with { Region = parsed.GetValue(region), AutoLabel = !parsed.GetValue(autolabel) })));
        return command;
    }

    private static Command ReconfigureVerb()
    {
        var name = new Argument<string>("NAMESPACE") { Description = "Such as namespace0.0, or a friendly name." };
        var force = new Option<bool>("--force", "-f") { Description = "Also when it is enabled." };
        var options = new RequestOptions();
        Command command = options.AddTo(new Command("reconfigure", "Make a namespace one of another mode in the same place; what it held is lost. Size and name stay unless given, and the uuid as long as the size does.\n\nExample: pmem namespace reconfigure namespace0.0 --platform vm1 --mode devdax --force") { name, force });
        command.SetAction(parsed => Act(parsed.GetValue(options.Folder), parsed.GetValue(options.Json), platform => platform.ReconfigureNamespace(NamespaceMedia.NameOf(platform, parsed.GetValue(name)!), options.Read(parsed), parsed.GetValue(force))));
        return command;
    }

    private static Command OneVerb(string verb, string what, Func<IPlatform, string, bool, PlatformResult<NamespaceView>> act)
    {
        var name = new Argument<string>("NAMESPACE") { Description = "Such as namespace0.0, or a friendly name." };
        Option<string?> folder = PlatformSource.Option();
        var force = new Option<bool>("--force", "-f") { Description = "Also when it is enabled." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(verb, $"{what}\n\nExample: pmem namespace {verb} namespace0.0{(verb == "destroy" ? " --force" : string.Empty)} --platform vm1") { name, folder, json };
        if (verb == "destroy")
            command.Options.Add(force);
        command.SetAction(parsed => Act(parsed.GetValue(folder), parsed.GetValue(json), platform => act(platform, NamespaceMedia.NameOf(platform, parsed.GetValue(name)!), verb == "destroy" && parsed.GetValue(force)), isGone: verb == "destroy"));
        return command;
    }

    private static int Act(string? folder, bool json, Func<IPlatform, PlatformResult<NamespaceView>> act, bool isGone = false)
    {
        using PlatformSource source = PlatformSource.Open(folder);
        NamespaceView space = act(source.Platform).Demand();
        if (json)
            JsonOutput.Write(writer => WriteJson(writer, space));
        else if (isGone)
            Console.WriteLine($"{space.Name} destroyed{(source.Virtual is null || space.RawUuid == Guid.Empty ? string.Empty : $"; until its place is taken, 'pmem labels repair --restore {space.RawUuid} --platform {source.Name}' brings it back")}");
        else
            Console.WriteLine(Describe(space));
        return Program.Success;
    }

    /// <summary>What a namespace shall be.</summary>
    internal sealed class RequestOptions
    {
        private readonly Option<string> _mode = new("--mode", "-m") { Description = "raw, sector, fsdax or devdax.", DefaultValueFactory = _ => "fsdax" };
        private readonly Option<string?> _size = new("--size", "-s") { Description = "Raw bytes; the largest free extent if not given." };
        private readonly Option<string?> _align = new("--align", "-a") { Description = "Alignment of data in fsdax and devdax mode: 4KiB, 2MiB (if not given) or 1GiB." };
        private readonly Option<string> _map = new("--map", "-M") { Description = "Where page structures are kept: dev or mem.", DefaultValueFactory = _ => "dev" };
        private readonly Option<int?> _sector = new("--sector-size", "-l") { Description = "Bytes of a sector: 512 or 4096; sector mode also has 520, 528, 4104, 4160 and 4224." };
        private readonly Option<string> _name = new("--name", "-n") { Description = "Friendly name.", DefaultValueFactory = _ => string.Empty };
        private readonly Option<string?> _uuid = new("--uuid", "-u") { Description = "Uuid; if not given a new one, or that of a namespace which keeps its place." };

        public Option<string?> Folder { get; } = PlatformSource.Option();

        public Option<bool> Json { get; } = PoolCommand.JsonOption();

        public Command AddTo(Command command, bool hasIdentity = true)
        {
            foreach (Option option in (Option[])[Folder, _mode, _size, _align, _map, _sector, .. hasIdentity ? [_name, _uuid] : Array.Empty<Option>(), Json])
                command.Options.Add(option);
            return command;
        }

        public NamespaceRequest Read(ParseResult parsed) => new()
        {
            Mode = parsed.GetValue(_mode)! switch
            {
                "raw" => NamespaceMode.Raw,
                "sector" or "safe" => NamespaceMode.Sector,
                "fsdax" or "memory" => NamespaceMode.Fsdax,
                "devdax" or "dax" => NamespaceMode.Devdax,
                { } text => throw new PmemException($"'{text}' is not a mode: write raw, sector, fsdax or devdax"),
            },
            Size = parsed.GetValue(_size) is { } size ? (ulong)InfoBlockFile.ParseNumber(size, 0) : null,
            Alignment = parsed.GetValue(_align) is { } align ? (ulong)InfoBlockFile.ParseNumber(align, 0) : null,
            Map = parsed.GetValue(_map)! switch
            {
                "dev" => PageMapMode.Device,
                "mem" => PageMapMode.Memory,
                { } text => throw new PmemException($"'{text}' is no place for page structures: write dev or mem"),
            },
            SectorSize = parsed.GetValue(_sector),
            Name = parsed.GetValue(_name) ?? string.Empty,
            Uuid = parsed.GetValue(_uuid) is not { } uuid ? null : Guid.TryParse(uuid, out Guid value) ? value : throw new PmemException($"'{uuid}' is not a uuid"),
        };
    }
}
