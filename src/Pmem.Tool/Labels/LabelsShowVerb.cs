using System.CommandLine;
using System.Text.Json;
using Pmem.Platform;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels show</c>.</summary>
internal static class LabelsShowVerb
{
    public static Command Create()
    {
        Argument<string> file = LabelFile.FileArgument();
        Option<string?> size = LabelFile.LabelSizeOption();
        Option<string?> dimm = LabelFile.DimmOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", "Show index blocks and labels, with the old labels that free slots still hold. Never changes a byte.\n\nExample: pmem labels show nvdimm.img --label-size 128KiB --json") { file, size, dimm, json };
        command.SetAction(parsed =>
        {
            LabelFile area = LabelFile.ToRead(parsed.GetValue(file)!, parsed.GetValue(size), parsed.GetValue(dimm));
            LabelArea labels = area.Read();
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => WriteJson(writer, area, labels));
            else
                WriteText(area, labels);
            return labels.Current is null ? Program.NotConsistent : Program.Success;
        });
        return command;
    }

    public static void WriteJson(Utf8JsonWriter writer, LabelFile file, LabelArea area)
    {
        writer.WriteStartObject();
        writer.WriteString("path", file.Path);
        writer.WriteNumber("offset", file.Offset);
        writer.WriteNumber("size", file.Size);
        writer.WriteString("version", area.Format?.Text());
        writer.WriteStartArray("index");
        for (int i = 0; i < area.Indexes.Count; i++)
            WriteIndex(writer, area, i);
        writer.WriteEndArray();
        writer.WriteStartArray("labels");
        foreach (LabelSlot slot in area.Slots)
            WriteLabel(writer, slot, area.Format!.Value);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteIndex(Utf8JsonWriter writer, LabelArea area, int position)
    {
        LabelAreaGeometry geometry = area.Geometry!.Value;
        (IndexBlock? block, FormatProblem? problem) = area.Indexes[position];
        writer.WriteStartObject();
        writer.WriteNumber("position", position);
        writer.WriteBoolean("valid", block is not null);
        writer.WriteBoolean("current", block is not null && ReferenceEquals(block, area.Current));
        writer.WriteNumber("offset", geometry.IndexOffset(position));
        writer.WriteNumber("size", geometry.IndexSize);
        if (block is not null)
        {
            writer.WriteString("signature", "NAMESPACE_INDEX");
            writer.WriteNumber("major", block.Format.Major());
            writer.WriteNumber("minor", block.Format.Minor());
            writer.WriteNumber("labelsize", geometry.LabelSize);
            writer.WriteNumber("seq", block.Sequence);
            writer.WriteNumber("nslot", block.SlotCount);
            writer.WriteNumber("free", block.FreeSlots);
        }

        if (problem is not null)
            writer.WriteString("problem", problem.ToString());
        writer.WriteEndObject();
    }

    private static void WriteLabel(Utf8JsonWriter writer, LabelSlot slot, LabelFormat format)
    {
        NamespaceLabel label = slot.Label;
        writer.WriteStartObject();
        writer.WriteNumber("slot", slot.Slot);
        writer.WriteString("state", StateName(slot.State));
        writer.WriteString("uuid", slot.CxlRegion?.Uuid ?? slot.CxlNamespace?.Uuid ?? label.Uuid);
        writer.WriteString("name", slot.CxlRegion is null ? slot.CxlNamespace?.Name ?? label.Name : string.Empty);
        writer.WriteNumber("position", slot.CxlRegion?.Position ?? slot.CxlNamespace?.Position ?? label.Position);
        writer.WriteNumber("nlabel", slot.CxlRegion?.LabelCount ?? slot.CxlNamespace?.RangeCount ?? label.LabelCount);
        writer.WriteNumber("flags", slot.CxlRegion?.Flags ?? slot.CxlNamespace?.Flags ?? (uint)label.Flags);
        writer.WriteNumber("dpa", slot.CxlRegion?.Dpa ?? slot.CxlNamespace?.Dpa ?? label.Dpa);
        writer.WriteNumber("rawsize", slot.CxlRegion?.RawSize ?? slot.CxlNamespace?.RawSize ?? label.RawSize);
        bool isCxl = format == LabelFormat.Cxl21;
        writer.WriteNumber("cookie", isCxl ? 0 : label.SetCookie);
        writer.WriteNumber("lbasize", isCxl ? slot.CxlNamespace?.LbaSize ?? 0 : label.LbaSize);
        if (format == LabelFormat.Efi11)
        {
            writer.WriteNull("type");
            writer.WriteNull("abstraction");
        }
        else
        {
            writer.WriteString("type", slot.CxlRegion is not null ? NvdimmGuids.CxlRegion : slot.CxlNamespace is not null ? NvdimmGuids.CxlNamespace : label.Type);
            writer.WriteString("abstraction", slot.CxlNamespace?.Abstraction ?? (slot.CxlRegion is null ? label.Abstraction : Guid.Empty));
        }

        if (slot.Problem is not null)
            writer.WriteString("problem", slot.Problem.ToString());
        writer.WriteEndObject();
    }

    private static void WriteText(LabelFile file, LabelArea area)
    {
        Console.WriteLine($"{file.Path}: {(area.Current is null ? "no valid index block: to a kernel the DIMM is unlabelled" : $"labels of version {area.Format!.Value.Text()}, {area.Current.FreeSlots} of {area.Current.SlotCount} slots free")}");
        for (int i = 0; i < area.Indexes.Count; i++)
        {
            (IndexBlock? block, FormatProblem? problem) = area.Indexes[i];
            string state = block is null ? $"not valid: {problem}" : $"sequence {block.Sequence}{(ReferenceEquals(block, area.Current) ? ", current" : string.Empty)}";
            Console.WriteLine($"index block {i}: {state}");
        }

        foreach (LabelSlot slot in area.Slots)
        {
            NamespaceLabel label = slot.Label;
            Console.WriteLine($"slot {slot.Slot}: {StateName(slot.State)} {slot.CxlRegion?.Uuid ?? label.Uuid}{(label.Name.Length > 0 ? $" \"{label.Name}\"" : string.Empty)}");
            Console.WriteLine(slot.CxlRegion is { } region
                ? $"    region, position {region.Position} of {region.LabelCount}, dpa 0x{region.Dpa:x}, {ByteSize.Format((long)Math.Min(region.RawSize, long.MaxValue))}"
                : $"    position {label.Position} of {label.LabelCount}, dpa 0x{label.Dpa:x}, {ByteSize.Format((long)Math.Min(label.RawSize, long.MaxValue))}, cookie 0x{label.SetCookie:x}, flags 0x{(uint)label.Flags:x}, {AbstractionName(label.Abstraction)}");
            if (slot.Problem is not null)
                Console.WriteLine($"    {slot.Problem}");
        }
    }

    public static string StateName(LabelSlotState state) => state switch
    {
        LabelSlotState.Active => "active",
        LabelSlotState.Stale => "stale",
        _ => "invalid",
    };

    private static string AbstractionName(Guid abstraction)
    {
        if (abstraction == Guid.Empty)
            return "no abstraction";
        if (abstraction == NvdimmGuids.Btt1)
            return "BTT 1.1";
        if (abstraction == NvdimmGuids.Btt2)
            return "BTT 2.0";
        if (abstraction == NvdimmGuids.Pfn)
            return "PFN (fsdax)";
        return abstraction == NvdimmGuids.Dax ? "DAX (devdax)" : $"abstraction {abstraction}";
    }
}
