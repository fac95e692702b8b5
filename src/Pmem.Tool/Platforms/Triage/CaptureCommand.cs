using System.CommandLine;
using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Triage;

/// <summary><c>pmem capture</c>.</summary>
internal static class CaptureCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--output", "-o") { Description = "The file that is written.", Required = true };
        var source = new EvidenceSource();
        Option<bool> force = OutputFile.ForceOption();
        Option<bool> json = PoolCommand.JsonOption();
        Command command = source.AddTo(new Command("capture", """
            Pack a platform into one file: tables, label storage areas, info blocks, maps of block translation tables, health, and what the kernel shows of it. Verbs
            that read take the file in place of the platform: --platform FILE. What users stored is not in it.
            Without --platform, images or a table: this machine.

            Examples:
              pmem capture --platform vm1 -o vm1.capture
              sudo pmem capture -o machine.capture
              pmem explain --platform vm1.capture
            """) { output, force, json });
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(output)!;
            OutputFile.Demand(path, parsed.GetValue(force), [.. source.FilesOf(parsed)]);
            (PlatformEvidence evidence, IReadOnlyDictionary<string, string> texts) = source.OpenWithTexts(parsed);
            using (evidence)
            {
                IReadOnlyList<string> omitted = [];
                OutputFile.Replace(path, file => omitted = Capture.Write(file, evidence, texts));
                Report(path, evidence, texts.Count, omitted, parsed.GetValue(json));
            }

            return Program.Success;
        });
        return command;
    }

    private static void Report(string path, PlatformEvidence evidence, int texts, IReadOnlyList<string> omitted, bool json)
    {
        long size = LinkedFile.LengthOf(path);
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteString("source", evidence.Source);
                writer.WriteNumber("size", size);
                writer.WriteNumber("dimms", evidence.Modules.Count);
                writer.WriteNumber("regions", evidence.Regions.Count);
                writer.WriteNumber("texts", texts);
                writer.WriteStartArray("omitted");
                foreach (string what in omitted)
                    writer.WriteStringValue(what);
                writer.WriteEndArray();
                writer.WriteEndObject();
            });
            return;
        }

        Console.WriteLine($"{path}: {ByteSize.Format(size)}, {evidence.Modules.Count} DIMM(s), {evidence.Regions.Count} region(s){(texts > 0 ? $", {texts} text(s) of the kernel" : string.Empty)}");
        foreach (string what in omitted)
            Console.WriteLine($"  left out: {what}");
    }
}
