using System.CommandLine;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels init</c>.</summary>
internal static class LabelsInitVerb
{
    public static Command Create()
    {
        Argument<string> file = LabelFile.FileArgument();
        Option<string?> size = LabelFile.LabelSizeOption();
        var version = new Option<string>("--label-version", "-V") { Description = "1.1, 1.2, or 2.1 for the form of CXL 2.0.", DefaultValueFactory = _ => "1.2" };
        Option<bool> force = ForceOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("init", "Write empty index blocks. Where labels are in use, or something that is no label storage area, only with --force; a crash leaves the old area or an empty one.\n\nExample: pmem labels init area.bin --label-version 1.2") { file, size, version, force, json };
        command.SetAction(parsed =>
        {
            if (!LabelFormats.TryParse(parsed.GetValue(version)!, out LabelFormat format))
                throw new PmemException($"'{parsed.GetValue(version)}' is not a label version: write 1.1, 1.2 or 2.1");
            LabelFile area = LabelFile.Of(parsed.GetValue(file)!, parsed.GetValue(size));
            using IDisposable? held = PlatformFile.ToChange(area.Path);
            LabelArea before = area.Read();
            DemandForce(area, before, parsed.GetValue(force), "initialise");
            area.Apply(LabelUpdate.Initialize(before, format));
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => LabelsShowVerb.WriteJson(writer, area, area.Read()));
            else
                Console.WriteLine($"initialised {area.Path}: version {format.Text()}, {area.Read().Current!.SlotCount} slots");
            return Program.Success;
        });
        return command;
    }

    public static Option<bool> ForceOption() => new("--force", "-f") { Description = "Also when labels are in use, or what is there is no label storage area." };

    public static void DemandForce(LabelFile file, LabelArea area, bool force, string verb)
    {
        int active = area.Slots.Count(slot => slot.State == LabelSlotState.Active);
        if (active > 0 && !force)
            throw new PmemException($"{file.Path} has {active} label(s) in use; {verb} it with --force, and their namespaces are gone");
        if (force || area.Current is not null || !area.Bytes.ContainsAnyExcept((byte)0))
            return;

        // An image whose area was not named, or a file that was meant for something else.
        int orphans = Enum.GetValues<LabelFormat>().Max(format => area.FindOrphanLabels(format).Count);
        throw new PmemException(orphans > 0
            ? $"{file.Path} has no valid index block, but {orphans} label(s), which 'pmem labels repair' brings back; {verb} it with --force, and they are gone"
            : $"{file.Path} holds something that is no label storage area{(file.IsImage ? string.Empty : " (of an image name the area with --label-size)")}; {verb} it with --force, and that is gone");
    }
}
