using System.CommandLine;
using System.Text.Json;
using Pmem.Platform;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.Labels;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Triage;

/// <summary><c>pmem explain</c>.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var source = new EvidenceSource();
        var kernel = new Option<string>("--kernel", "-k") { Description = "5.10, 6.1, 6.12 or all.", DefaultValueFactory = _ => KernelVersion.Linux61.Text() };
        var differences = new Option<bool>("--differences") { Description = "List in what kernels differ instead." };
        Option<bool> json = PoolCommand.JsonOption();
        Command command = source.AddTo(new Command("explain", """
            Predict what Linux makes of a platform: DIMMs, regions, namespaces, modes, names; and say of every refusal and every fallback why, and what to do.
            Never changes a byte.

            Exit codes: 0 all is as its author most likely wanted, 1 something is missing, exposed, unsafe or doubtful, 2 it cannot be read.

            Examples:
              pmem explain --platform vm1
              pmem explain --platform vm1 --kernel all --json
              pmem explain nv0.img nv1.img --label-size 128KiB
              pmem explain --nfit nfit.aml --ssdt ssdt.aml dimm-0.img dimm-1.img
            """) { kernel, differences, json });
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(differences))
            {
                WriteDifferences(parsed.GetValue(json));
                return Program.Success;
            }

            KernelVersion[] kernels = parsed.GetValue(kernel)! switch
            {
                "all" => [.. KernelVersions.All],
                { } text when KernelVersions.TryParse(text, out KernelVersion one) => [one],
                { } text => throw new PmemException($"'{text}' is not a kernel that is known here: write {string.Join(", ", KernelVersions.All.Select(known => known.Text()))} or all"),
            };
            using PlatformEvidence evidence = source.Open(parsed);
            TypedRemedy typed = source.Remedies(parsed, evidence);
            KernelPrediction[] predictions = [.. kernels.Select(one => PlatformExplainer.Predict(evidence, one)).Select(said => said with { Explanations = [.. said.Explanations.Select(typed.Complete)] })];
            if (parsed.GetValue(json))
                WriteJson(predictions);
            else
                Array.ForEach(predictions, WriteText);
            return Array.TrueForAll(predictions, prediction => prediction.IsClean) ? Program.Success : Program.NotConsistent;
        });
        return command;
    }

    private static void WriteText(KernelPrediction prediction)
    {
        Console.WriteLine($"Linux {prediction.Kernel.Text()}{(prediction.HasBus ? string.Empty : ": no DIMM and no region appears")}");
        foreach (PredictedDimm dimm in prediction.Dimms)
            Console.WriteLine($"  {dimm.Name}  {dimm.Id}{(dimm.IsEnabled ? string.Empty : "  disabled")}{(dimm.Flags.Length > 0 ? $"  {dimm.Flags}" : string.Empty)}");
        foreach (PredictedRegion region in prediction.Regions)
        {
            Console.WriteLine($"  {region.Name}  {region.Type}  0x{region.View.Start:x}  {ByteSize.Format((long)region.View.Size)}{StateOf(region)}{(region.IsReadOnly ? "  read-only" : string.Empty)}  {region.PersistenceDomain}");
            foreach (Pmem.Platform.Model.NamespaceView space in region.View.Namespaces)
                Console.WriteLine($"    {NamespaceCommand.Describe(space)}");
        }

        foreach (Explanation explanation in prediction.Explanations.OrderByDescending(explanation => explanation.Severity))
        {
            Console.WriteLine($"  {explanation.Severity.ToString().ToLowerInvariant()}: {explanation.Subject}: {explanation.What}");
            if (explanation.Reason.Length > 0)
                Console.WriteLine($"      because {explanation.Reason}");
            if (explanation.Remedy.Length > 0)
                Console.WriteLine($"      remedy: {explanation.Remedy}");
        }
    }

    private static string StateOf(PredictedRegion region) => region.View.State switch
    {
        RegionState.Disabled => "  disabled",
        RegionState.LabelLess => "  not divided",
        _ => string.Empty,
    };

    private static void WriteDifferences(bool json)
    {
        if (!json)
        {
            foreach (KernelDifference difference in KernelDifferences.All)
                Console.WriteLine($"{difference.Id}, since Linux {difference.Since}\n  before: {difference.Before}\n  since:  {difference.After}\n  source: {difference.Source}\n  seen:   {difference.Seen}");
            return;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartArray();
            foreach (KernelDifference difference in KernelDifferences.All)
            {
                writer.WriteStartObject();
                writer.WriteString("id", difference.Id);
                writer.WriteString("since", difference.Since.ToString());
                writer.WriteString("before", difference.Before);
                writer.WriteString("after", difference.After);
                writer.WriteString("source", difference.Source);
                writer.WriteString("seen", difference.Seen);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }

    private static void WriteJson(KernelPrediction[] predictions) => JsonOutput.Write(writer =>
    {
        writer.WriteStartArray();
        foreach (KernelPrediction prediction in predictions)
        {
            writer.WriteStartObject();
            writer.WriteString("kernel", prediction.Kernel.Text());
            writer.WriteBoolean("bus", prediction.HasBus);
            writer.WriteStartArray("dimms");
            foreach (PredictedDimm dimm in prediction.Dimms)
            {
                writer.WriteStartObject();
                writer.WriteString("dev", dimm.Name);
                writer.WriteNumber("handle", dimm.Handle.Value);
                writer.WriteString("id", dimm.Id);
                writer.WriteBoolean("enabled", dimm.IsEnabled);
                writer.WriteString("flags", dimm.Flags);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("regions");
            foreach (PredictedRegion region in prediction.Regions)
                WriteRegion(writer, region);
            writer.WriteEndArray();
            writer.WriteStartArray("explanations");
            foreach (Explanation explanation in prediction.Explanations)
            {
                writer.WriteStartObject();
                writer.WriteString("rule", explanation.Rule);
                writer.WriteString("severity", explanation.Severity.ToString().ToLowerInvariant());
                writer.WriteString("subject", explanation.Subject);
                writer.WriteString("what", explanation.What);
                writer.WriteString("reason", explanation.Reason);
                writer.WriteString("remedy", explanation.Remedy);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void WriteRegion(Utf8JsonWriter writer, PredictedRegion region)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", region.Name);
        writer.WriteString("type", region.Type);
        writer.WriteNumber("start", region.View.Start);
        writer.WriteNumber("size", region.View.Size);
        writer.WriteNumber("align", region.View.Alignment);
        writer.WriteNumber("availableSize", region.View.AvailableSize);
        writer.WriteNumber("maxAvailableExtent", region.View.MaximumExtent);
        writer.WriteNumber("isetId", region.View.SetCookie);
        writer.WriteString("state", region.View.State == RegionState.LabelLess ? "raw" : region.View.State.ToString().ToLowerInvariant());
        writer.WriteBoolean("readOnly", region.IsReadOnly);
        writer.WriteString("persistenceDomain", region.PersistenceDomain);
        if (region.DeepFlush is { } deep)
            writer.WriteBoolean("deepFlush", deep);
        else
            writer.WriteNull("deepFlush");
        writer.WriteStartArray("namespaces");
        foreach (Pmem.Platform.Model.NamespaceView space in region.View.Namespaces)
            NamespaceCommand.WriteJson(writer, space);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
