using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels repair</c>.</summary>
internal static class LabelsRepairVerb
{
    public static Command Create()
    {
        Argument<string> file = LabelFile.FileArgument();
        Option<string?> size = LabelFile.LabelSizeOption();
        var restore = new Option<string?>("--restore") { Description = "Bring back the destroyed namespace with this uuid from the label a free slot still holds." };
        var cookie = new Option<string?>("--cookie") { Description = "Make the labels belong to the interleave set with this cookie (hexadecimal), after the DIMM was moved." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Say what would be done, and do nothing." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("repair", """
            Rebuild lost index blocks, free slots that no kernel reads, settle interrupted updates; bring back a destroyed namespace; follow a moved DIMM.

            Exit codes: 0 nothing is wrong any more, 1 something stays wrong (what, is listed), 2 the file cannot be read or written.

            Example: pmem labels repair area.bin --restore 3e5b6c57-47c7-4cc0-8e46-66861ce62d45
            """) { file, size, restore, cookie, dryRun, json };
        command.SetAction(parsed =>
        {
            LabelFile area = LabelFile.Of(parsed.GetValue(file)!, parsed.GetValue(size));
            LabelRepair repair = Plan(area.Read(), parsed.GetValue(restore), LabelsCheckVerb.ParseCookie(parsed.GetValue(cookie)));
            bool dry = parsed.GetValue(dryRun);
            if (!dry && repair.Update.Writes.Count > 0)
                area.Apply(repair.Update);
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => WriteJson(writer, area, repair, dry));
            else
                WriteText(area, repair, dry);
            return repair.Unresolved.Count == 0 ? Program.Success : Program.NotConsistent;
        });
        return command;
    }

    private static LabelRepair Plan(LabelArea area, string? restore, ulong? cookie)
    {
        if (restore is not null && cookie is not null)
            throw new PmemException("--restore and --cookie are two repairs: run one after the other");
        if (cookie is { } set)
            return LabelRepair.ChangeCookie(area, set);
        if (restore is null)
            return LabelRepair.Mend(region: null, [area]);
        return Guid.TryParse(restore, out Guid uuid) ? LabelRepair.Restore(region: null, [area], uuid) : throw new PmemException($"'{restore}' is not a uuid");
    }

    private static void WriteJson(Utf8JsonWriter writer, LabelFile file, LabelRepair repair, bool dry)
    {
        writer.WriteStartObject();
        writer.WriteString("path", file.Path);
        writer.WriteBoolean("changed", !dry && repair.Update.Writes.Count > 0);
        writer.WriteNumber("writes", repair.Update.Writes.Count);
        Write("actions", repair.Actions);
        Write("unresolved", repair.Unresolved);
        writer.WriteEndObject();

        void Write(string name, IReadOnlyList<string> lines)
        {
            writer.WriteStartArray(name);
            foreach (string line in lines)
                writer.WriteStringValue(line);
            writer.WriteEndArray();
        }
    }

    private static void WriteText(LabelFile file, LabelRepair repair, bool dry)
    {
        foreach (string action in repair.Actions)
            Console.WriteLine($"{(dry ? "would be done: " : string.Empty)}{action}");
        foreach (string line in repair.Unresolved)
            Console.WriteLine($"stays: {line}");
        if (repair.Actions.Count == 0 && repair.Unresolved.Count == 0)
            Console.WriteLine($"{file.Path}: nothing to repair");
    }
}
