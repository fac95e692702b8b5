using System.CommandLine;
using System.Text.Json;
using Pmem.Emulation;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary><c>pmem platform</c>: virtual NVDIMMs in a folder.</summary>
internal static class PlatformCommand
{
    public static Command Create() =>
        new("platform", """
            Make virtual NVDIMMs in a folder, show them, cut their power, break them.

            Examples:
              pmem platform create vm1 --dimms 2 --ways 2 --size 512MiB
              pmem platform show vm1
              pmem platform power-cut vm1 --adr-failure
              pmem platform inject vm1 --dimm 0 --poison 0x1000 --length 4096
            """)
        {
            CreateVerb(),
            ShowVerb(),
            PowerCutVerb(),
            PlatformInjectVerb.Create(),
        };

    /// <summary>The folder of a platform that is there.</summary>
    public static Argument<string?> FolderArgument() => new("DIR") { Description = $"The folder of the platform; {PlatformSource.Variable} if not given.", Arity = ArgumentArity.ZeroOrOne };

    private static Command CreateVerb()
    {
        var folder = new Argument<string>("DIR") { Description = "The folder of the platform." };
        var dimms = new Option<int>("--dimms", "-d") { Description = "DIMMs.", DefaultValueFactory = _ => 1 };
        var ways = new Option<int>("--ways", "-w") { Description = "DIMMs of an interleave set, 1 to 16.", DefaultValueFactory = _ => 1 };
        var size = new Option<string>("--size", "-s") { Description = "Bytes of each DIMM, a multiple of 2MiB. The files are sparse.", DefaultValueFactory = _ => "1GiB" };
        var line = new Option<string?>("--line") { Description = "Bytes of consecutive addresses on one DIMM, a power of two from 4KiB." };
        var labelSize = new Option<string>("--label-size") { Description = "Bytes of each label storage area; 0 for none.", DefaultValueFactory = _ => "128KiB" };
        var version = new Option<string>("--label-version", "-V") { Description = "1.1, 1.2, or none to leave the areas unlabelled.", DefaultValueFactory = _ => "1.2" };
        var domain = new Option<string>("--domain") { Description = "adr: stores are safe once flushed; eadr: at once; pcommit (or none): no ADR, once flushed deeply.", DefaultValueFactory = _ => "adr" };
        var hints = new Option<int>("--hints") { Description = "Flush hint addresses of each DIMM, 0 to 32: a deep flush drains the write queue, which no power cut can lose then.", DefaultValueFactory = _ => 0 };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("create", """
            Make a platform in a folder. A DIMM that is a set by itself is an image for QEMU's nvdimm device.

            Examples:
              pmem platform create vm1 --dimms 2 --ways 2 --size 512MiB
              pmem platform create vm2 --domain pcommit --hints 2
            """) { folder, dimms, ways, size, line, labelSize, version, domain, hints, json };
        command.SetAction(parsed =>
        {
            LabelFormat? format = parsed.GetValue(version)! switch
            {
                "none" => null,
                { } text when LabelFormats.TryParse(text, out LabelFormat known) => known,
                { } text => throw new PmemException($"'{text}' is not a label version: write 1.1, 1.2 or none"),
            };
            PersistenceDomain? safe = parsed.GetValue(domain)! switch
            {
                "adr" => PersistenceDomain.MemoryController,
                "eadr" => PersistenceDomain.CpuCache,
                "pcommit" or "none" => null,
                { } text => throw new PmemException($"'{text}' is not a persistence domain: write adr, eadr or pcommit"),
            };
            long areaSize = InfoBlockFile.ParseNumber(parsed.GetValue(labelSize), 0);
            if (areaSize > LabelAreaGeometry.MaximumAreaSize)
                throw new PmemException($"a label storage area has at most {LabelAreaGeometry.MaximumAreaSize} bytes");
            using VirtualPlatform made = VirtualPlatform.Create(parsed.GetValue(folder)!, new VirtualPlatformOptions
            {
                Dimms = parsed.GetValue(dimms),
                Ways = parsed.GetValue(ways),
                Capacity = InfoBlockFile.ParseNumber(parsed.GetValue(size), 0),
                LineSize = parsed.GetValue(line) is { } text2 ? InfoBlockFile.ParseNumber(text2, 0) : null,
                LabelSize = (int)areaSize,
                LabelFormat = format,
                Domain = safe,
                FlushHints = parsed.GetValue(hints),
            });
            Print(made, parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static Command ShowVerb()
    {
        Argument<string?> folder = FolderArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", "Show DIMMs, health, interleave sets and namespaces.\n\nExample: pmem platform show vm1 --json") { folder, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            Print(source.DemandVirtual(), parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static Command PowerCutVerb()
    {
        Argument<string?> folder = FolderArgument();
        var adr = new Option<bool>("--adr-failure") { Description = "Write queues do not reach the media: every DIMM counts a dirty shutdown." };
        var during = new Option<string?>("--during") { Description = "Cut it in the middle of a transaction of ours on the object pool of this namespace, such as namespace0.0." };
        var seed = new Option<int>("--seed") { Description = "Chooses what survives, where something was under way.", DefaultValueFactory = _ => 1 };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("power-cut", """
            Cut the power of a platform that no other process has open. What programs stored and closed before is taken as durable. To see a power cut meet
            stores that are under way, name a namespace with an object pool: --during moves money between accounts in it, transaction by transaction, and
            cuts the power in the middle of one; of stores that were not durable, some survive, as the seed says. Programs do the same to themselves with
            VirtualPlatform.OpenTracked and PowerCut.

            Examples:
              pmem platform power-cut vm1 --adr-failure
              pmem platform power-cut vm1 --during namespace0.0 --seed 7
            """) { folder, adr, during, seed, json };
        command.SetAction(parsed =>
        {
            string path = PlatformSource.PathOf(parsed.GetValue(folder)) ?? throw new PmemException($"say which platform: its folder, or set {PlatformSource.Variable}");
            if (parsed.GetValue(during) is { } name)
            {
                NamespacePath space = NamespacePath.IsName(name) ? new NamespacePath(path, name) : throw new PmemException($"'{name}' is not a name such as namespace0.0");
                int committed = PowerCutWorkload.Run(space, parsed.GetValue(seed), parsed.GetValue(adr));
                Console.Error.WriteLine($"the power went in transaction {committed + 1} on {space}: {committed} were committed; 'pmem pool recover {space}' recovers the pool");
            }
            else
            {
                using var source = PlatformSource.Open(path);
                source.DemandVirtual().PowerCut(parsed.GetValue(seed), parsed.GetValue(adr));
            }

            using VirtualPlatform again = VirtualPlatform.Open(path);
            Print(again, parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    public static void Print(VirtualPlatform platform, bool json)
    {
        if (json)
            JsonOutput.Write(writer => WriteJson(writer, platform));
        else
            WriteText(platform);
    }

    private static void WriteJson(Utf8JsonWriter writer, VirtualPlatform platform)
    {
        writer.WriteStartObject();
        writer.WriteString("path", platform.Folder);
        writer.WriteString("domain", Text(platform.Domain));
        writer.WriteNumber("flushHints", platform.FlushHints);
        writer.WriteNumber("powerCuts", platform.PowerCuts);
        writer.WriteStartArray("dimms");
        IReadOnlyList<DimmView> views = platform.Platform.GetDimms();
        for (int i = 0; i < platform.Dimms.Count; i++)
            WriteDimm(writer, platform.Dimms[i], views[i]);
        writer.WriteEndArray();
        writer.WriteStartArray("regions");
        foreach (RegionView region in platform.Platform.GetRegions())
            WriteRegion(writer, region);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static string Text(PersistenceDomain? domain) => domain switch { PersistenceDomain.CpuCache => "eadr", null => "pcommit", _ => "adr" };

    private static void WriteDimm(Utf8JsonWriter writer, VirtualDimm dimm, DimmView view)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", view.Name);
        writer.WriteString("id", view.Id);
        writer.WriteString("file", dimm.File);
        writer.WriteNumber("handle", dimm.Handle);
        writer.WriteNumber("size", dimm.Capacity);
        writer.WriteNumber("labelSize", dimm.LabelSize);
        writer.WriteString("labelVersion", view.LabelFormat?.Text());
        writer.WriteBoolean("enabled", view.IsEnabled && !dimm.IsLost);
        writer.WriteString("health", dimm.Health);
        writer.WriteNumber("mediaTemperature", dimm.MediaTemperature);
        writer.WriteNumber("controllerTemperature", dimm.ControllerTemperature);
        writer.WriteNumber("spares", dimm.Spares);
        writer.WriteNumber("lifeUsed", dimm.LifeUsed);
        writer.WriteNumber("endurance", dimm.Endurance);
        writer.WriteNumber("mostWrites", dimm.MostWrites);
        writer.WriteNumber("dirtyShutdowns", dimm.DirtyShutdowns);
        writer.WriteBoolean("lastShutdownDirty", dimm.LastShutdownWasDirty);
        writer.WriteBoolean("armed", !dimm.IsNotArmed);
        writer.WriteBoolean("saveFailed", dimm.SaveFailed);
        writer.WriteBoolean("restoreFailed", dimm.RestoreFailed);
        writer.WriteBoolean("lost", dimm.IsLost);
        writer.WriteStartArray("poison");
        foreach (PoisonedRange range in dimm.Poison)
        {
            writer.WriteStartObject();
            writer.WriteNumber("dpa", range.Dpa);
            writer.WriteNumber("length", range.Length);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteRegion(Utf8JsonWriter writer, RegionView region)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", region.Name);
        writer.WriteNumber("start", region.Start);
        writer.WriteNumber("size", region.Size);
        writer.WriteNumber("align", region.Alignment);
        writer.WriteNumber("availableSize", region.AvailableSize);
        writer.WriteNumber("maxAvailableExtent", region.MaximumExtent);
        writer.WriteNumber("isetId", region.SetCookie);
        writer.WriteString("state", region.State == RegionState.LabelLess ? "raw" : region.State.ToString().ToLowerInvariant());
        writer.WriteString("reason", region.Reason);
        writer.WriteBoolean("readOnly", region.IsReadOnly);
        writer.WriteStartArray("mappings");
        foreach (MappingView mapping in region.Mappings)
        {
            writer.WriteStartObject();
            writer.WriteString("dimm", mapping.Dimm);
            writer.WriteNumber("offset", mapping.Offset);
            writer.WriteNumber("length", mapping.Length);
            writer.WriteNumber("position", mapping.Position);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("namespaces");
        foreach (NamespaceView space in region.Namespaces)
            NamespaceCommand.WriteJson(writer, space);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteText(VirtualPlatform platform)
    {
        Console.WriteLine($"persistence domain {Text(platform.Domain)}{(platform.FlushHints > 0 ? $", {platform.FlushHints} flush hint(s) a DIMM" : string.Empty)}");
        IReadOnlyList<DimmView> views = platform.Platform.GetDimms();
        for (int i = 0; i < views.Count; i++)
        {
            VirtualDimm dimm = platform.Dimms[i];
            string flags = string.Concat(dimm.IsLost ? ", lost" : string.Empty, views[i].Details.Security?.State switch { DimmSecurityState.Locked => ", locked", DimmSecurityState.Overwrite => ", being overwritten", _ => string.Empty }, dimm.IsNotArmed ? ", not armed" : string.Empty, dimm.SaveFailed ? ", save failed" : string.Empty, dimm.RestoreFailed ? ", restore failed" : string.Empty, dimm.LifeUsed > 0 ? $", life used {dimm.LifeUsed} %" : string.Empty, dimm.TornLabels is { } torn ? $", label write {torn.Writes + 1} from now will be torn" : string.Empty, dimm.LastShutdownWasDirty ? ", last shutdown dirty" : string.Empty, dimm.Poison.Count > 0 ? $", {dimm.Poison.Count} bad range(s)" : string.Empty);
            Console.WriteLine($"{views[i].Name}  {views[i].Id}  {ByteSize.Format(dimm.Capacity)}, labels {views[i].LabelFormat?.Text() ?? (dimm.IsLost || views[i].Details.Security?.State is DimmSecurityState.Locked or DimmSecurityState.Overwrite ? "not reachable" : "none")}, health {dimm.Health}{flags}");
        }

        foreach (RegionView region in platform.Platform.GetRegions())
        {
            Console.WriteLine($"{region.Name}  0x{region.Start:x}  {ByteSize.Format((long)region.Size)} over {string.Join(", ", region.Mappings.Select(mapping => mapping.Dimm))}, {ByteSize.Format((long)region.AvailableSize)} available{(region.IsReadOnly ? "; read-only: a DIMM of it is not armed" : string.Empty)}{(region.Reason.Length > 0 ? $"; {region.Reason}" : string.Empty)}");
            foreach (NamespaceView space in region.Namespaces)
                Console.WriteLine($"    {NamespaceCommand.Describe(space)}");
        }

        if (platform.PowerCuts > 0)
            Console.WriteLine($"power was cut {platform.PowerCuts} time(s)");
    }
}
