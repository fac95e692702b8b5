using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm labels</c>: label storage areas of a platform's DIMMs. They are written while the regions on them are disabled.</summary>
internal static class DimmLabelsCommand
{
    public static Command Create() =>
        new("labels", """
            Read, write, initialise, check and zero the label storage area of a DIMM. To be written, the regions on the DIMM must be disabled.

            Examples:
              pmem dimm labels read nmem0 --platform vm1
              pmem dimm labels read nmem0 --output area.bin --platform vm1
              pmem region disable region0 --platform vm1 && pmem dimm labels init nmem0 --force --platform vm1
            """)
        {
            ReadVerb(),
            CheckVerb(),
            WriteVerb(),
            InitVerb(),
            ZeroVerb(),
        };

    private static Command ReadVerb()
    {
        var output = new Option<string?>("--output", "-o") { Description = "Write the area to this file instead." };
        Option<bool> force = OutputFile.ForceOption();
        var human = new Option<bool>("--human", "-u") { Description = "JSON with sizes and addresses as people write them." };
        return Verb("read", "Show index blocks and labels, those of free slots too; with --json as 'ndctl read-labels -j'.", readOnly: true, [output, force, human], (parsed, dimm, labels, json) =>
        {
            LabelArea area = LabelArea.Read(labels);
            if (parsed.GetValue(output) is { } path)
            {
                OutputFile.Write(path, area.Bytes, parsed.GetValue(force), PlatformSource.PathOf(parsed.GetValue<string?>("--platform")));
                Console.WriteLine($"{dimm}: {area.Size} bytes written to {path}");
            }
            else if (json || parsed.GetValue(human))
            {
                Console.WriteLine(LabelJson.Print([new LabelJson.Source(dimm, area)], indexOnly: false, parsed.GetValue(human), isTerminal: false));
            }
            else
            {
                Print(dimm, area);
            }

            return Program.Success;
        });
    }

    private static Command CheckVerb() => Verb("check", "Whether there is a valid index block. 'pmem labels check' tells what a kernel makes of each label.", readOnly: true, [], (_, dimm, labels, json) =>
    {
        LabelArea area = LabelArea.Read(labels);
        string problem = area.Current is not null ? string.Empty : area.Indexes.Select(verdict => verdict.Problem?.ToString()).FirstOrDefault(problem => problem is not null) ?? "the area is too small";
        if (json)
        {
            JsonOutput.Write(writer => WriteJson(writer, dimm, area, problem));
            return area.Current is null ? Program.NotConsistent : Program.Success;
        }

        Console.WriteLine(area.Current is { } index
            ? $"{dimm}: version {area.Format!.Value.Text()}, index block {index.Position}, {index.FreeSlots} of {index.SlotCount} slots free"
            : $"{dimm}: no valid index block; {problem}");
        return area.Current is null ? Program.NotConsistent : Program.Success;
    });

    private static Command WriteVerb()
    {
        var input = new Option<string>("--input", "-i") { Description = "The file that holds the area.", Required = true };
        return Verb("write", "Write an area that was read before.", readOnly: false, [input], (parsed, dimm, labels, _) =>
        {
            byte[] bytes = File.ReadAllBytes(parsed.GetValue(input)!);
            if (bytes.Length > labels.Size)
                throw new PmemException($"{parsed.GetValue(input)} has {bytes.Length} bytes, and the area of {dimm} only {labels.Size}");
            labels.Write(0, bytes);
            Console.WriteLine($"{dimm}: {bytes.Length} bytes written");
            return Program.Success;
        });
    }

    private static Command InitVerb()
    {
        var version = new Option<string>("--label-version", "-V") { Description = "1.1 or 1.2.", DefaultValueFactory = _ => "1.2" };
        var force = new Option<bool>("--force", "-f") { Description = "Also where there are index blocks: namespaces are gone." };
        return Verb("init", "Write empty index blocks. A crash leaves the old area or an empty one.", readOnly: false, [version, force], (parsed, dimm, labels, _) =>
        {
            if (!LabelFormats.TryParse(parsed.GetValue(version)!, out LabelFormat format))
                throw new PmemException($"'{parsed.GetValue(version)}' is not a label version: write 1.1 or 1.2");
            LabelArea area = LabelArea.Read(labels);
            if (area.Current is not null && !parsed.GetValue(force))
                throw new PmemException($"{dimm} has labels; initialise it with --force, and its namespaces are gone");
            LabelUpdate.Initialize(area, format).Apply([labels]);
            Console.WriteLine($"{dimm}: initialised, version {format.Text()}");
            return Program.Success;
        });
    }

    private static Command ZeroVerb() => Verb("zero", "Write zeros over the area: the region becomes one raw namespace.", readOnly: false, [], (_, dimm, labels, _) =>
    {
        LabelUpdate.Zero(LabelArea.Read(labels)).Apply([labels]);
        Console.WriteLine($"{dimm}: zeroed");
        return Program.Success;
    });

    private static Command Verb(string verb, string what, bool readOnly, Option[] options, Func<ParseResult, string, ILabelStorage, bool, int> act)
    {
        Argument<string> name = DimmCommand.NameArgument();
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        string before = readOnly ? string.Empty : "pmem region disable region0 --platform vm1 && ";
        var command = new Command(verb, $"{what}\n\nExample: {before}pmem dimm labels {verb} nmem0{verb switch { "write" => " --input area.bin", "init" => " --force", _ => string.Empty }} --platform vm1") { name, folder };
        foreach (Option option in options)
            command.Options.Add(option);
        bool hasJson = verb is "read" or "check";
        if (hasJson)
            command.Options.Add(json);
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            return act(parsed, parsed.GetValue(name)!, source.Platform.OpenLabels(parsed.GetValue(name)!, readOnly).Demand(), hasJson && parsed.GetValue(json));
        });
        return command;
    }

    private static void WriteJson(Utf8JsonWriter writer, string dimm, LabelArea area, string problem)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", dimm);
        writer.WriteBoolean("valid", area.Current is not null);
        writer.WriteString("version", area.Format?.Text());
        if (area.Current is { } index)
        {
            writer.WriteNumber("index", index.Position);
            writer.WriteNumber("nslot", index.SlotCount);
            writer.WriteNumber("free", index.FreeSlots);
        }
        else
        {
            writer.WriteString("problem", problem);
        }

        writer.WriteEndObject();
    }

    private static void Print(string dimm, LabelArea area)
    {
        if (area.Current is not { } index)
        {
            Console.WriteLine($"{dimm}: no labels");
            return;
        }

        Console.WriteLine($"{dimm}: version {area.Format!.Value.Text()}, {index.FreeSlots} of {index.SlotCount} slots free");
        string[][] rows = [.. area.Slots.Where(slot => slot.Label is not null).Select(slot => new[] { $"{slot.Slot}", slot.State.ToString().ToLowerInvariant(), $"{slot.Label.Uuid}", slot.Label.Name, $"{slot.Label.Position}/{slot.Label.LabelCount}", $"0x{slot.Label.Dpa:x}", NdctlNumber.SizeText(slot.Label.RawSize).Split(" (")[0] })];
        if (rows.Length > 0)
            TextTable.Write(Console.Out, ["SLOT", "STATE", "UUID", "NAME", "POSITION", "DPA", "SIZE"], rows, TextTable.HasColors);
    }
}
