using System.CommandLine;
using System.Text.Json.Nodes;
using Pmem.Blocks.Checking;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Btt;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary>Verbs of <c>pmem namespace</c> that look at what is in a namespace: check, clear-errors, read-infoblock, write-infoblock.</summary>
internal static class NamespaceMedia
{
    public static Command CheckVerb()
    {
        var repair = new Option<bool>("--repair") { Description = "Mend what can be mended without loss; the namespace must be disabled." };
        var loss = new Option<bool>("--accept-loss") { Description = "With --repair: also mend what marks blocks as bad, because their place is doubtful." };
        return Verb("check", """
            Check the block translation table of a namespace in sector mode, or of one whose label says that it should be. Nothing is changed without --repair.

            Exit codes: 0 consistent, 1 not consistent, 2 it cannot be checked, or has no table.
            """, [repair, loss], (parsed, platform, space, json) =>
        {
            bool repairs = parsed.GetValue(repair);
            if (parsed.GetValue(loss) && !repairs)
                throw new PmemException("--accept-loss is for --repair: give both, or none");
            DemandTable(space, null);
            using PersistentMap map = platform.OpenRaw(space.Name, readOnly: !repairs, force: !repairs);
            IReadOnlyList<string> actions = [];
            BttCheckResult result;
            if (repairs)
            {
                DemandTable(space, map);
                DemandInfoBlock(space, map);
                BttRepairResult mended = BttRepair.Repair(map, 0, map.Length, new BttRepairOptions { AcceptLoss = parsed.GetValue(loss) });
                (actions, result) = (mended.Actions, mended.After);
            }
            else
            {
                result = BttChecker.Check(map, 0, map.Length, new BttCheckOptions());
                DemandTable(space, map, result);
            }

            if (json)
            {
                JsonOutput.Write(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("dev", space.Name);
                    writer.WriteBoolean("consistent", result.IsConsistent);
                    writer.WriteString("variant", BttFile.VariantName(result.Format));
                    writer.WriteNumber("arenas", result.Arenas.Count);
                    writer.WriteNumber("pendingWrites", result.PendingWrites);
                    writer.WriteStartArray("actions");
                    foreach (string action in actions)
                        writer.WriteStringValue(action);
                    writer.WriteEndArray();
                    BttJson.WriteFindings(writer, result);
                    if (result.Arenas.Count == 0)
                        writer.WriteString("remedy", space.Remedy);
                    writer.WriteEndObject();
                });
            }
            else
            {
                foreach (string action in actions)
                    Console.WriteLine(action);
                if (repairs)
                    BttJson.WriteObstacles(result);
                else
                    BttJson.WriteFindings(result);
                if (result.Arenas.Count == 0 && space.Remedy.Length > 0)
                    Console.WriteLine(space.Remedy);
                Console.WriteLine($"{space.Name}: {(result.IsConsistent ? $"consistent ({BttFile.VariantName(result.Format)}, {result.Arenas.Count} arena(s))" : "not consistent")}");
            }

            return result.IsConsistent ? Program.Success : Program.NotConsistent;
        });
    }

    /// <summary>
    /// Refuses where nothing is to be checked. A table that is ruined makes a namespace raw, and its label, if that can, still says what it was; where no label speaks, a table
    /// is what has an info block left.
    /// </summary>
    private static void DemandTable(NamespaceView space, PersistentMap? map, BttCheckResult? result = null)
    {
        if (space.Mode == NamespaceMode.Sector || space.Class is NamespaceClass.Btt or NamespaceClass.Btt2)
            return;
        if (space.Mode != NamespaceMode.Raw || space.Class is NamespaceClass.Pfn or NamespaceClass.Dax)
        {
            string mode = space.Mode != NamespaceMode.Raw ? $"is in {space.Mode.ToString().ToLowerInvariant()} mode" : $"is raw, and its label says {space.Class.ToString().ToUpperInvariant()}";
            throw new PmemException($"{space.Name} {mode}: it has no block translation table to check; 'pmem namespace read-infoblock' shows its info block");
        }

        if (map is not null && (result ?? BttChecker.Check(map, 0, map.Length, new BttCheckOptions())).Arenas.Count == 0)
            throw new PmemException($"{space.Name} is raw, and neither its label nor anything in it says that it was in sector mode: it has no metadata to check");
    }

    /// <summary>Refuses where neither an info block nor a copy is left to repair from.</summary>
    private static void DemandInfoBlock(NamespaceView space, PersistentMap map)
    {
        if (space.Mode == NamespaceMode.Raw && BttChecker.Check(map, 0, map.Length, new BttCheckOptions()).Arenas.Count == 0)
            throw new PmemException($"{space.Name} has neither an info block nor a copy of one to repair from; {space.Remedy}");
    }

    public static Command ClearErrorsVerb()
    {
        var scrub = new Option<bool>("--scrub", "-s") { Description = "Search for errors first." };
        return Verb("clear-errors", "Make the data of a namespace readable where they are not. What was in these places is lost.", [scrub], (parsed, platform, space, json) =>
        {
            if (parsed.GetValue(scrub))
            {
                platform.StartScrub().Demand();
                platform.WaitScrub(TimeSpan.FromMilliseconds(200));
            }

            MediaErrors cleared = platform.ClearErrors(space.Name).Demand();
            if (json)
                Console.WriteLine(NdctlJson.Print(new JsonObject { ["dev"] = space.Name, ["cleared"] = new JsonArray([.. cleared.Blocks.Select(block => new JsonObject { ["offset"] = block.Offset, ["length"] = block.Count })]) }));
            else
                Console.WriteLine($"{space.Name}: {cleared.Bytes} bytes in {cleared.Blocks.Count} place(s) cleared");
            return Program.Success;
        });
    }

    public static Command ReadInfoBlockVerb()
    {
        var output = new Option<string?>("--output", "-o") { Description = "Write the 8 KiB that hold it to this file instead." };
        Option<bool> force = OutputFile.ForceOption();
        return Verb("read-infoblock", "Show the info blocks of a namespace, with the members of 'ndctl read-infoblock -j'.", [output, force], (parsed, platform, space, json) =>
        {
            using PersistentMap map = platform.OpenRaw(space.Name, readOnly: true, force: true);
            byte[] head = map.GetSpan(0, NamespacePersonality.HeadSize).ToArray();
            if (parsed.GetValue(output) is { } path)
            {
                OutputFile.Write(path, head, parsed.GetValue(force), PlatformSource.PathOf(parsed.GetValue<string?>("--platform")));
                Console.WriteLine($"{space.Name}: {head.Length} bytes written to {path}");
                return Program.Success;
            }

            var file = InfoBlockFile.Of(space.Name, head);
            List<(string Name, object Value)[]> blocks = InfoBlockShowVerb.Find(file);
            if (json)
                JsonOutput.Write(writer => InfoBlockShowVerb.WriteJson(writer, blocks.Select(block => block.Select((member, i) => i == 0 ? ("dev", member.Value) : member).ToArray())));
            else
                InfoBlockShowVerb.WriteText(file, blocks);
            return blocks.Count == 0 ? Program.NotConsistent : Program.Success;
        });
    }

    public static Command WriteInfoBlockVerb()
    {
        var mode = new Option<string>("--mode", "-m") { Description = "fsdax or devdax.", DefaultValueFactory = _ => "fsdax" };
        var align = new Option<string?>("--align", "-a") { Description = "Alignment of data: 4KiB, 2MiB (if not given) or 1GiB." };
        var map = new Option<string>("--map", "-M") { Description = "Where page structures are kept: dev or mem.", DefaultValueFactory = _ => "dev" };
        var uuid = new Option<string?>("--uuid", "-u") { Description = "Its uuid; a new one if not given." };
        return Verb("write-infoblock", "Write the info block of a namespace that is disabled: what it is when it is enabled again.", [mode, align, map, uuid], (parsed, platform, space, json) =>
        {
            PfnKind kind = NameFilter.ModeOf(parsed.GetValue(mode)!) switch
            {
                NamespaceMode.Fsdax => PfnKind.Pfn,
                NamespaceMode.Devdax => PfnKind.Dax,
                _ => throw new PmemException($"'{parsed.GetValue(mode)}' is not a mode with such an info block: write fsdax or devdax"),
            };
            PageMapMode place = parsed.GetValue(map) switch
            {
                "dev" => PageMapMode.Device,
                "mem" => PageMapMode.Memory,
                _ => throw new PmemException($"'{parsed.GetValue(map)}' is no place for page structures: write dev or mem"),
            };
            Guid its = parsed.GetValue(uuid) is not { } text ? Guid.NewGuid() : Guid.TryParse(text, out Guid value) ? value : throw new PmemException($"'{text}' is not a uuid");
            ulong alignment = (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(align), 2 << 20);
            byte[] head = new byte[NamespacePersonality.HeadSize];
            PfnInfoBlock.Compute(kind, place, space.Start, space.RawSize, alignment, its, space.RawUuid).Write(head.AsSpan(PfnInfoBlock.Position));
            using (PersistentMap target = platform.OpenRaw(space.Name, readOnly: false))
                target.Copy(0, head);
            NamespaceView after = platform.GetRegions().SelectMany(region => region.Namespaces).First(candidate => candidate.Name == space.Name);
            if (json)
                JsonOutput.Write(writer => NamespaceCommand.WriteJson(writer, after));
            else
                Console.WriteLine(NamespaceCommand.Describe(after));
            return Program.Success;
        });
    }

    /// <summary>
    /// The name of the namespace that a name or a friendly name means; what is neither stays, for the platform to refuse. What looks like a name is one: a line typed twice
    /// never means another namespace.
    /// </summary>
    /// <exception cref="PmemException">More than one has the friendly name.</exception>
    public static string NameOf(IPlatform platform, string name) =>
        !NamespacePath.IsName(name) && platform.GetRegions().SelectMany(region => region.Namespaces).Any(space => space.FriendlyName == name) ? Find(platform, name).Name : name;

    private static NamespaceView Find(IPlatform platform, string name)
    {
        NamespaceView[] all = [.. platform.GetRegions().SelectMany(region => region.Namespaces)];
        NamespaceView[] found = [.. all.Where(space => space.Name == name)];
        if (found.Length == 0)
            found = [.. all.Where(space => name.Length > 0 && space.FriendlyName == name)];
        return found.Length == 1
            ? found[0]
            : throw new PmemException(found.Length == 0 ? $"there is no namespace {name}; list the namespaces first" : $"more than one namespace is called {name}: take one of {string.Join(", ", found.Select(space => space.Name))}");
    }

    private static Command Verb(string verb, string what, Option[] options, Func<ParseResult, IPlatform, NamespaceView, bool, int> act)
    {
        var name = new Argument<string>("NAMESPACE") { Description = "Such as namespace0.0, or a friendly name." };
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(verb, $"{what}\n\nExample: {(verb == "write-infoblock" ? "pmem namespace disable namespace0.0 --platform vm1 && " : string.Empty)}pmem namespace {verb} namespace0.0 --platform vm1") { name, folder };
        foreach (Option option in options)
            command.Options.Add(option);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            NamespaceView space = Find(source.Platform, parsed.GetValue(name)!);
            return act(parsed, source.Platform, space, parsed.GetValue(json));
        });
        return command;
    }
}
