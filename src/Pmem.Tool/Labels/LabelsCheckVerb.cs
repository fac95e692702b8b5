using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pmem.Platform;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels check</c>.</summary>
internal static class LabelsCheckVerb
{
    public static Command Create()
    {
        Argument<string> file = LabelFile.FileArgument();
        Option<string?> size = LabelFile.LabelSizeOption();
        var cookie = new Option<string?>("--cookie") { Description = "Interleave set cookie of the region, hexadecimal; what most labels say if not given." };
        Option<string?> dimm = LabelFile.DimmOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("check", """
            Say what a kernel makes of each label, and why. Never changes a byte.

            Exit codes: 0 every label is accepted, 1 some label or the area is not in order, 2 the file cannot be read.

            Example: pmem labels check nvdimm.img --label-size 128KiB
            """) { file, size, dimm, cookie, json };
        command.SetAction(parsed => Run(LabelFile.ToRead(parsed.GetValue(file)!, parsed.GetValue(size), parsed.GetValue(dimm)), ParseCookie(parsed.GetValue(cookie)), parsed.GetValue(json)));
        return command;
    }

    public static ulong? ParseCookie(string? text)
    {
        if (text is null)
            return null;
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong cookie) ? cookie : throw new PmemException($"'{text}' is not a hexadecimal cookie such as 0xba90120012b4dc");
    }

    private static int Run(LabelFile file, ulong? cookie, bool json)
    {
        LabelArea area = file.Read();
        RegionLabelVerdict verdict = RegionLabelVerdict.JudgeAlone(area, file.IsImage ? (ulong)file.Offset : null, cookie);
        ulong? set = cookie ?? area.ActiveLabels.GroupBy(label => label.SetCookie).OrderByDescending(group => group.Count()).FirstOrDefault()?.Key;
        LabelVerdict[] labels = [.. verdict.Labels.Where(label => label.Dimm == 0).Select(label => label with { Remedy = RepairLine.Complete(label.Remedy, file, label.Slot.Label.LabelCount, set) })];
        bool isClean = verdict.State == RegionState.Enabled && Array.TrueForAll(labels, label => label.Kind == LabelVerdictKind.Accepted);
        IReadOnlyList<LintFinding> findings = LabelLint.ExamineAlone(area, file.IsImage ? (ulong)file.Offset : null, cookie);
        isClean &= findings.All(finding => finding.Severity != LintSeverity.Error);
        int ways = area.ActiveLabels.Select(label => (int)label.LabelCount).DefaultIfEmpty(1).Max();
        string[] notes = [.. Notes(file, area, labels).Select(note => RepairLine.Complete(note, file, ways, set))];
        if (json)
            JsonOutput.Write(writer => WriteJson(writer, file, area, verdict, labels, findings, notes, isClean));
        else
            WriteText(file, verdict, labels, findings, notes, isClean);
        return isClean ? Program.Success : Program.NotConsistent;
    }

    private static IEnumerable<string> Notes(LabelFile file, LabelArea area, LabelVerdict[] labels)
    {
        if (area.Current is not null && area.Indexes.FirstOrDefault(index => index.Block is null) is { Problem: { } problem })
            yield return $"one index block is not valid ({problem}): an update was interrupted, and the other block counts";
        if (area.Indexes is [{ Block: { } first }, { Block: { } second }])
        {
            if (first.Sequence == second.Sequence)
                yield return $"both index blocks have the sequence number {first.Sequence}, which no update leaves: block 1 counts";
            if (first.SlotCount != second.SlotCount || first.Format != second.Format)
                yield return $"the index blocks differ in what no update changes: {first.SlotCount} slots of version {first.Format.Text()}, {second.SlotCount} of {second.Format.Text()}";
        }

        foreach (LabelSlot empty in area.Slots.Where(slot => slot.State != LabelSlotState.Stale && IsEmpty(area, slot)))
            yield return $"slot {empty.Slot} is in use and holds nothing: 'pmem labels repair' frees it";
        int old = area.Slots.Where(slot => slot.State == LabelSlotState.Stale).Select(slot => slot.Label.Uuid).Except(area.ActiveLabels.Select(label => label.Uuid)).Count();
        if (old > 0 && area.Current is not null)
            yield return $"free slots hold labels of {old} namespace(s) that were destroyed: 'pmem labels repair --restore UUID' brings one back as long as nothing took its place";
        if (area.Current?.HasStrayFreeBits == true)
            yield return "the free bitmap has bits behind the last slot; kernels do not mind";
        if (area.Current?.FreeSlots < 2)
            yield return "no two slots are free: no namespace can be created or changed";
        if (area.Format == LabelFormat.Cxl21)
            yield return "no kernel reads labels of CXL 2.0: Linux writes version 1.2 on CXL devices too";
        if (!file.IsImage || labels.Length == 0 || labels[0].Slot.Label.LabelCount != 1)
            yield break;
        int slot = LabelFile.FindQemuSlot(labels[0].Slot.Label.SetCookie);
        yield return slot >= 0
            ? $"the cookie is that of QEMU's nvdimm slot {slot} (device {slot + 1} on the command line)"
            : "the cookie is not that of any of QEMU's nvdimm slots: a guest will not show these namespaces";
    }

    private static bool IsEmpty(LabelArea area, LabelSlot slot) => !area.Bytes.Slice(slot.Offset, area.Format!.Value.LabelSize()).ContainsAnyExcept((byte)0);

    private static void WriteJson(Utf8JsonWriter writer, LabelFile file, LabelArea area, RegionLabelVerdict verdict, LabelVerdict[] labels, IReadOnlyList<LintFinding> findings, string[] notes, bool isClean)
    {
        writer.WriteStartObject();
        writer.WriteString("path", file.Path);
        writer.WriteBoolean("consistent", isClean);
        writer.WriteString("version", area.Format?.Text());
        writer.WriteString("region", verdict.State switch
        {
            RegionState.Enabled => "enabled",
            RegionState.Disabled => "disabled",
            _ => "raw",
        });
        writer.WriteString("reason", verdict.Reason);
        writer.WriteStartArray("labels");
        foreach (LabelVerdict label in labels)
        {
            writer.WriteStartObject();
            writer.WriteNumber("slot", label.Slot.Slot);
            writer.WriteString("uuid", label.Slot.Label.Uuid);
            writer.WriteString("name", label.Slot.Label.Name);
            writer.WriteString("verdict", VerdictName(label.Kind));
            writer.WriteString("reason", label.Reason);
            writer.WriteString("remedy", label.Remedy);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        LintOutput.WriteJson(writer, findings);
        writer.WriteStartArray("notes");
        foreach (string note in notes)
            writer.WriteStringValue(note);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteText(LabelFile file, RegionLabelVerdict verdict, LabelVerdict[] labels, IReadOnlyList<LintFinding> findings, string[] notes, bool isClean)
    {
        foreach (LabelVerdict label in labels)
        {
            Console.WriteLine($"slot {label.Slot.Slot}: {label.Slot.Label.Uuid}: {VerdictName(label.Kind)}{(label.Reason.Length > 0 ? $": {label.Reason}" : string.Empty)}");
            if (label.Remedy.Length > 0)
                Console.WriteLine($"    {label.Remedy}");
        }

        // Labels have their line above, and the other notes say what helps.
        LintOutput.WriteText(findings.Where(finding => !finding.Rule.StartsWith("label-", StringComparison.Ordinal) || labels.All(label => label.Rule != finding.Rule)));
        foreach (string note in notes)
            Console.WriteLine($"note: {note}");
        if (verdict.Reason.Length > 0)
            Console.WriteLine($"region: {verdict.Reason}");
        Console.WriteLine(isClean ? $"{file.Path}: in order, {labels.Length} label(s)" : $"{file.Path}: not in order");
    }

    private static string VerdictName(LabelVerdictKind kind) => kind switch
    {
        LabelVerdictKind.Accepted => "accepted",
        LabelVerdictKind.Doubtful => "accepted, doubtful",
        LabelVerdictKind.Ignored => "ignored",
        LabelVerdictKind.Hidden => "hidden",
        LabelVerdictKind.DisablesRegion => "disables the region",
        _ => "disables the DIMM",
    };
}
