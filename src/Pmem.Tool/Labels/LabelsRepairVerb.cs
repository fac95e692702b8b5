using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.Labels;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels repair</c>.</summary>
internal static class LabelsRepairVerb
{
    public static Command Create()
    {
        var file = new Argument<string[]>("FILE") { Description = "Label storage areas, or with --label-size images whose last bytes are one: one of them, or all of a set in the order of its DIMMs.", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> size = LabelFile.LabelSizeOption();
        var platform = new Option<string?>("--platform", "-p") { Description = $"The folder of a platform, instead of files: each of its sets is repaired. Without files, {PlatformSource.Variable} if not given." };
        var region = new Option<string?>("--region", "-r") { Description = "With --platform: this region alone." };
        var restore = new Option<string?>("--restore") { Description = "Bring back the destroyed namespace with this uuid from the labels that free slots still hold." };
        var cookie = new Option<string?>("--cookie") { Description = "Cookie of the interleave set (hexadecimal). Of one area: make the labels belong to it, after the DIMM was moved." };
        var move = new Option<bool>("--move") { Description = "Make the labels of all DIMMs of a set, moved together and in order, belong to the set they are in now: with --platform, or files and --cookie." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Say what would be done, and do nothing." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("repair", """
            Rebuild lost index blocks, free slots that no kernel reads, settle interrupted updates, complete what only some DIMMs of a set have; bring back a destroyed
            namespace; follow moved DIMMs. Name all DIMMs of a set together: what is decided of one alone may disable the region.

            Exit codes: 0 nothing is wrong any more, 1 something stays wrong (what, is listed), 2 the file cannot be read or written.

            Examples:
              pmem labels repair area.bin --restore 3e5b6c57-47c7-4cc0-8e46-66861ce62d45
              pmem labels repair dimm-0.img dimm-1.img --label-size 128KiB --dry-run
              pmem labels repair --platform vm1 --region region0 --move
            """) { file, size, platform, region, restore, cookie, move, dryRun, json };
        command.SetAction(parsed =>
        {
            string[] paths = parsed.GetValue(file) ?? [];
            string? folder = parsed.GetValue(platform) ?? (paths.Length == 0 ? PlatformSource.PathOf(null) : null);
            bool dry = parsed.GetValue(dryRun);
            ulong? set = LabelsCheckVerb.ParseCookie(parsed.GetValue(cookie));
            if ((paths.Length == 0) == (folder is null))
                throw new PmemException($"name label storage areas, or a platform with --platform (or {PlatformSource.Variable})");
            if (parsed.GetValue(region) is not null && folder is null)
                throw new PmemException("--region is a region of a platform: name it with --platform");
            if (parsed.GetValue(move) && folder is null && (paths.Length < 2 || set is null))
                throw new PmemException("--move needs the set that the DIMMs are in now: --platform, or all its files and --cookie; of one area --cookie alone is enough");
            if (paths.Length == 1)
                return RepairOne(LabelFile.Of(paths[0], parsed.GetValue(size)), parsed.GetValue(restore), set, dry, parsed.GetValue(json));
            var request = new LabelSetRepair.Request(ParseUuid(parsed.GetValue(restore)), parsed.GetValue(move), set);
            if (request is { Moves: true, Restore: not null })
                throw new PmemException("--restore and --move are two repairs: run one after the other");
            if (folder is not null)
            {
                (List<string> actions, List<string> unresolved, int writes) = LabelSetRepair.OfPlatform(folder, parsed.GetValue(region), request, dry);
                return Report(folder, actions, unresolved, writes, dry, parsed.GetValue(json));
            }

            LabelRepair repair = LabelSetRepair.OfFiles([.. paths.Select(path => LabelFile.Of(path, parsed.GetValue(size)))], request, dry);
            return Report(string.Join(", ", paths), repair.Actions, repair.Unresolved, repair.Update.Writes.Count, dry, parsed.GetValue(json));
        });
        return command;
    }

    private static int RepairOne(LabelFile area, string? restore, ulong? cookie, bool dry, bool json)
    {
        using IDisposable? held = dry ? null : PlatformFile.ToChange(area.Path);
        LabelRepair repair = Plan(area.Read(), restore, cookie);
        if (!dry && repair.Update.Writes.Count > 0)
            area.Apply(repair.Update);
        return Report(area.Path, repair.Actions, repair.Unresolved, repair.Update.Writes.Count, dry, json);
    }

    private static int Report(string path, IReadOnlyList<string> actions, IReadOnlyList<string> unresolved, int writes, bool dry, bool json)
    {
        if (json)
            JsonOutput.Write(writer => WriteJson(writer, path, actions, unresolved, writes, dry));
        else
            WriteText(path, actions, unresolved, dry);
        return unresolved.Count == 0 ? Program.Success : Program.NotConsistent;
    }

    private static Guid? ParseUuid(string? text) => text is null ? null : Guid.TryParse(text, out Guid uuid) ? uuid : throw new PmemException($"'{text}' is not a uuid");

    private static LabelRepair Plan(LabelArea area, string? restore, ulong? cookie)
    {
        if (restore is not null && cookie is not null)
            throw new PmemException("--restore and --cookie are two repairs: run one after the other");
        if (cookie is { } set)
            return LabelRepair.ChangeCookie(area, set);
        return ParseUuid(restore) is { } uuid ? LabelRepair.Restore(region: null, [area], uuid) : LabelRepair.Mend(region: null, [area]);
    }

    private static void WriteJson(Utf8JsonWriter writer, string path, IReadOnlyList<string> actions, IReadOnlyList<string> unresolved, int writes, bool dry)
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        writer.WriteBoolean("changed", !dry && writes > 0);
        writer.WriteNumber("writes", writes);
        Write("actions", actions);
        Write("unresolved", unresolved);
        writer.WriteEndObject();

        void Write(string name, IReadOnlyList<string> lines)
        {
            writer.WriteStartArray(name);
            foreach (string line in lines)
                writer.WriteStringValue(line);
            writer.WriteEndArray();
        }
    }

    private static void WriteText(string path, IReadOnlyList<string> actions, IReadOnlyList<string> unresolved, bool dry)
    {
        foreach (string action in actions)
            Console.WriteLine($"{(dry ? "would be done: " : string.Empty)}{action}");
        foreach (string line in unresolved)
            Console.WriteLine($"stays: {line}");
        if (actions.Count == 0 && unresolved.Count == 0)
            Console.WriteLine($"{path}: nothing to repair");
    }
}
