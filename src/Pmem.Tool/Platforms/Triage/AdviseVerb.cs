using System.CommandLine;
using System.Text.Json;
using Pmem.Blocks.Layout;
using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Triage;

/// <summary><c>pmem namespace advise</c>.</summary>
internal static class AdviseVerb
{
    public static Command Create()
    {
        var ways = new Option<int?>("--ways", "-w") { Description = "DIMMs of the region, for advice without a platform." };
        var start = new Option<string>("--start") { Description = "System physical address of the namespace, with --ways.", DefaultValueFactory = _ => $"0x{ImageSet.QemuAddress:x}" };
        var version = new Option<string>("--label-version", "-V") { Description = "1.1 or 1.2, with --ways: sector namespaces differ.", DefaultValueFactory = _ => "1.2" };
        var region = new Option<string?>("--region", "-r") { Description = "A region of the platform, such as region0; all of them if not given." };
        var options = new NamespaceCommand.RequestOptions();
        Command command = options.AddTo(
            new Command("advise", """
                Say what a namespace of a size would be: whether the size is legal, what its users would get, and the next legal sizes. Writes nothing.
                With --ways from numbers alone; without, for the regions of a platform.

                Exit codes: 0 the size is legal, 1 it is not (in no region), 2 it cannot be told.

                Examples:
                  pmem namespace advise --ways 6 --size 100GiB --align 1GiB
                  pmem namespace advise --platform vm1 --mode sector --sector-size 512 --size 1GiB
                """) { ways, start, version, region },
            hasIdentity: false);
        command.SetAction(parsed =>
        {
            NamespaceRequest request = options.Read(parsed);
            if (CapacityAdvice.FindProblem(request) is { } problem)
                throw new PmemException($"{problem.Message}; {problem.Remedy}");
            RegionAdvice[] advice = parsed.GetValue(ways) is { } count
                ? [Bare(count, (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(start), 0), parsed.GetValue(version)!, request)]
                : OnPlatform(parsed.GetValue(options.Folder), parsed.GetValue(region), request);
            if (parsed.GetValue(options.Json))
                WriteJson(advice, request);
            else
                Array.ForEach(advice, one => WriteText(one, request));
            return Array.Exists(advice, IsPossible) ? Program.Success : Program.NotConsistent;
        });
        return command;
    }

    private static bool IsPossible(RegionAdvice advice) => advice.Refusal.Length == 0 && advice.Advice.IsLegal && advice.Advice.Size <= advice.MaximumExtent;

    private static RegionAdvice Bare(int ways, ulong start, string version, NamespaceRequest request)
    {
        if (ways is < 1 or > 32)
            throw new PmemException($"a region has 1 to 32 DIMMs, not {ways}");
        ulong size = request.Size ?? throw new PmemException("say the size to be advised on: --size, such as 100GiB");
        BttFormat format = version switch
        {
            "1.1" => BttFormat.Linux11,
            "1.2" => BttFormat.Uefi20,
            _ => throw new PmemException($"'{version}' is not a label version that divides regions: write 1.1 or 1.2"),
        };
        return new RegionAdvice(string.Empty, start, ulong.MaxValue, string.Empty, CapacityAdvice.For(ways, CapacityAdvice.RegionAlignmentOf(ways), start, request, size, format));
    }

    private static RegionAdvice[] OnPlatform(string? path, string? region, NamespaceRequest request)
    {
        using PlatformEvidence evidence = EvidenceSource.OpenPlatform(path);
        RegionEvidence[] regions = [.. evidence.Regions.Where(known => region is null || known.Name == region)];
        return regions.Length == 0
            ? throw new PmemException(region is null ? "the platform has no regions" : $"there is no {region}; the platform has {string.Join(", ", evidence.Regions.Select(known => known.Name))}")
            : [.. regions.Select(known => RegionAdvice.For(known, request))];
    }

    private static void WriteText(RegionAdvice one, NamespaceRequest request)
    {
        CapacityAdvice advice = one.Advice;
        string where = one.Region.Length == 0 ? string.Empty : $"{one.Region}: ";
        if (one.Refusal.Length > 0)
        {
            Console.WriteLine($"{where}not possible: {one.Refusal}");
            return;
        }

        string mode = request.Mode.ToString().ToLowerInvariant();
        if (advice.IsLegal && advice.Size <= one.MaximumExtent)
            Console.WriteLine($"{where}{advice.Size} bytes ({ByteSize.Format((long)advice.Size)}) are legal in {mode} mode; {advice.UsableSize} of them are usable ({ByteSize.Format((long)advice.UsableSize)}), {advice.Size - advice.UsableSize} go to metadata and alignment");
        else
            Console.WriteLine($"{where}{(advice.IsLegal ? $"{advice.Size} bytes are more than the largest free extent of {one.MaximumExtent}" : advice.Reason)}");
        if (!advice.IsLegal && advice.SmallerSize > 0)
            Console.WriteLine($"  next smaller: {advice.SmallerSize}");
        if (!advice.IsLegal && advice.LargerSize <= one.MaximumExtent)
            Console.WriteLine($"  next larger:  {advice.LargerSize}, of which {advice.UsableSize} are usable");
        Console.WriteLine($"  unit:         {advice.Unit}");
    }

    private static void WriteJson(RegionAdvice[] advice, NamespaceRequest request) => JsonOutput.Write(writer =>
    {
        writer.WriteStartArray();
        foreach (RegionAdvice one in advice)
            WriteJson(writer, one, request);
        writer.WriteEndArray();
    });

    private static void WriteJson(Utf8JsonWriter writer, RegionAdvice one, NamespaceRequest request)
    {
        CapacityAdvice advice = one.Advice;
        writer.WriteStartObject();
        writer.WriteString("region", one.Region.Length == 0 ? null : one.Region);
        writer.WriteString("mode", request.Mode.ToString().ToLowerInvariant());
        writer.WriteString("map", request.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax ? request.Map == PageMapMode.Memory ? "mem" : "dev" : null);
        writer.WriteNumber("start", one.Start);
        writer.WriteNumber("size", advice.Size);
        writer.WriteBoolean("possible", IsPossible(one));
        writer.WriteBoolean("legal", advice.IsLegal);
        writer.WriteString("reason", one.Refusal.Length > 0 ? one.Refusal : advice.Reason);
        writer.WriteNumber("usableSize", advice.UsableSize);
        writer.WriteNumber("unit", advice.Unit);
        writer.WriteNumber("smallerSize", advice.SmallerSize);
        writer.WriteNumber("largerSize", advice.LargerSize);
        if (one.Region.Length == 0)
            writer.WriteNull("maxAvailableExtent");
        else
            writer.WriteNumber("maxAvailableExtent", one.MaximumExtent);
        writer.WriteEndObject();
    }
}
