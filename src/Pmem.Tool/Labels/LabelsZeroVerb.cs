using System.CommandLine;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels zero</c>.</summary>
internal static class LabelsZeroVerb
{
    public static Command Create()
    {
        Argument<string> file = LabelFile.FileArgument();
        Option<string?> size = LabelFile.LabelSizeOption();
        Option<bool> force = LabelsInitVerb.ForceOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("zero", "Zero the area, so that a kernel takes the DIMM as unlabelled: one raw device over everything in it.\n\nExample: pmem labels zero area.bin --force") { file, size, force, json };
        command.SetAction(parsed =>
        {
            LabelFile area = LabelFile.Of(parsed.GetValue(file)!, parsed.GetValue(size));
            using IDisposable? held = PlatformFile.ToChange(area.Path);
            LabelArea before = area.Read();
            LabelsInitVerb.DemandForce(area, before, parsed.GetValue(force), "zero");
            area.Apply(LabelUpdate.Zero(before));
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => LabelsShowVerb.WriteJson(writer, area, area.Read()));
            else
                Console.WriteLine($"zeroed {area.Path}: {area.Size} bytes");
            return Program.Success;
        });
        return command;
    }
}
