using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pmem.Pools;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool.Details;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool info</c>.</summary>
internal static class InfoVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var details = new DetailOptionSet();
        var command = new Command("info", """
            Show what a pool file is and holds. Never changes a byte of it, even when it needs recovery. Details are shown as they lie on media, damaged
            or in use; where damage ends them, that is said, and the exit code is 1.

            Examples:
              pmem pool info accounts.pool --json
              pmem pool info accounts.pool --stats --types 1-9
              pmem pool info accounts.pool --lanes --pending
              pmem pool info accounts.pool --heap --bitmaps --range 0-15
              pmem pool info disk.pool --table --map --range 0-99 --flog
              pmem pool info events.pool --data --range 0-4095
            """) { file, json };
        foreach (Option option in details.All)
            command.Add(option);
        command.SetAction(parsed =>
        {
            if (details.Read(parsed, out string problem) is not { } wanted)
                return PoolCommand.Fail(problem);
            return Run(parsed.GetValue(file)!, parsed.GetValue(json), wanted, kind => details.FindMisfit(parsed, kind));
        });
        return command;
    }

    public static void WriteJson(Utf8JsonWriter writer, PoolSummary summary) => WriteJson(writer, summary, () => { });

    private static int Run(string path, bool json, DetailOptions details, Func<PoolKind?, string?> findMisfit)
    {
        PoolSummary summary = PoolSummary.Of(path);
        if (findMisfit(summary.Header.Kind) is { } misfit)
            return PoolCommand.Fail(misfit);
        if (details.IsAny && NamespacePath.Parse(path) is null)
            PoolFile.DemandReadable(path);
        using PoolView? pool = !details.IsAny ? null : NamespacePath.Parse(path) is { } space ? PoolView.Of(path, space.Copy()) : PoolView.Open(path);
        if (pool is not null && (details.Replica < 0 || details.Replica >= pool.Maps.Count))
            return PoolCommand.Fail($"{path} has no replica {details.Replica}; they are counted from 0 to {pool.Maps.Count - 1}");
        bool whole = true;
        if (json)
        {
            using Stream output = Console.OpenStandardOutput();
            using (var writer = new Utf8JsonWriter(output, JsonOutput.Options))
                WriteJson(writer, summary, () => whole = pool is null || PoolDetails.Write(new JsonSink(writer), pool, details));
            output.WriteByte((byte)'\n');
        }
        else
        {
            WriteText(summary);
            using var text = new StreamWriter(Console.OpenStandardOutput());
            whole = pool is null || PoolDetails.Write(new TextSink(text), pool, details);
        }

        return whole && summary.HeaderProblem is null && summary.ContentProblem is null ? Program.Success : Program.NotConsistent;
    }

    private static void WriteJson(Utf8JsonWriter writer, PoolSummary summary, Action details)
    {
        PoolHeader header = summary.Header;
        writer.WriteStartObject();
        writer.WriteString("path", summary.Path);
        writer.WriteString("type", TypeName(header.Kind));
        if (summary.Layout is null)
            writer.WriteNull("layout");
        else
            writer.WriteString("layout", summary.Layout);
        writer.WriteNumber("size", summary.Size);
        writer.WriteNumber("major", header.Major);
        writer.WriteString("uuid", header.Uuid);
        writer.WriteString("poolsetUuid", header.PoolSetUuid);
        writer.WriteString("created", Created(header));
        writer.WriteStartArray("features");
        foreach (string feature in PoolFeatures.Names(in header))
            writer.WriteStringValue(feature);
        writer.WriteEndArray();
        writer.WriteStartObject("shutdownState");
        writer.WriteBoolean("dirty", header.ShutdownState.Dirty != 0);
        writer.WriteNumber("usc", header.ShutdownState.UnsafeShutdownCount);
        writer.WriteString("deviceId", $"0x{header.ShutdownState.DeviceId:x16}");
        writer.WriteEndObject();
        writer.WriteBoolean("needsRecovery", summary.NeedsRecovery);
        if (summary.Granularity is { } granularity)
        {
            writer.WriteBoolean("isPmem", summary.IsPmem);
            writer.WriteString("granularity", JsonNamingPolicy.CamelCase.ConvertName(granularity.ToString()));
        }

        if (summary.Set is { } set)
            SetText.WriteJson(writer, set);
        if (summary.HasContent)
            WriteContent(writer, summary);
        if (summary.LogCapacity is { } capacity)
        {
            writer.WriteStartObject("log");
            writer.WriteNumber("capacity", capacity);
            writer.WriteNumber("length", summary.LogLength);
            writer.WriteNumber("freeBytes", capacity - summary.LogLength);
            writer.WriteEndObject();
        }

        if (summary.BlockSize is not null)
            Btt.BttJson.WriteBlocks(writer, summary);
        string? problem = summary.HeaderProblem ?? summary.ContentProblem;
        if (problem is not null)
            writer.WriteString("problem", problem);
        details();
        writer.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter writer, PoolSummary summary)
    {
        writer.WriteStartObject("heap");
        writer.WriteNumber("offset", summary.HeapOffset);
        writer.WriteNumber("size", summary.HeapSize);
        writer.WriteNumber("zones", summary.Heap.Zones);
        writer.WriteNumber("usedBytes", summary.Heap.UsedBytes);
        writer.WriteNumber("freeBytes", summary.Heap.FreeBytes);
        writer.WriteNumber("objects", summary.Heap.Objects);
        writer.WriteNumber("runs", summary.Heap.Runs);
        writer.WriteNumber("hugeObjects", summary.Heap.HugeObjects);
        writer.WriteEndObject();
        writer.WriteStartObject("root");
        writer.WriteNumber("offset", summary.RootOffset);
        writer.WriteNumber("size", summary.RootSize);
        writer.WriteEndObject();
        writer.WriteNumber("runId", summary.RunId);
    }

    private static void WriteText(PoolSummary summary)
    {
        PoolHeader header = summary.Header;
        Row("file", summary.Path);
        Row("type", $"{TypeName(header.Kind)}, layout version {header.Major}");
        Row("size", ByteSize.Format(summary.Size));
        Row("uuid", header.Uuid.ToString());
        Row("pool set uuid", header.PoolSetUuid.ToString());
        Row("created", Created(header));
        Row("features", string.Join(", ", PoolFeatures.Names(in header)));
        Row("shutdown state", header.ShutdownState.Dirty != 0 ? "dirty: open now, or not closed" : "clean");
        if (summary.Granularity is { } granularity)
            Row("durable", $"{Durability(granularity)}; {(summary.IsPmem ? string.Empty : "not ")}persistent memory");
        if (summary.Set is { } set)
            SetText.Write(set, Row);
        if (summary.HasContent)
        {
            Row("layout", $"\"{summary.Layout}\"");
            Row("run id", summary.RunId.ToString(CultureInfo.InvariantCulture));
            Row("root object", summary.RootOffset == 0 ? "none" : $"0x{summary.RootOffset:x}, {summary.RootSize} bytes");
            Row("heap", $"0x{summary.HeapOffset:x}, {ByteSize.Format(summary.HeapSize)}, {summary.Heap.Zones} zone(s)");
            Row("in use", $"{ByteSize.Format(summary.Heap.UsedBytes)}, {summary.Heap.Objects} objects, {summary.Heap.Runs} runs");
            Row("free", ByteSize.Format(summary.Heap.FreeBytes));
        }

        if (summary.LogCapacity is { } capacity)
        {
            Row("capacity", ByteSize.Format(capacity));
            Row("in use", ByteSize.Format(summary.LogLength));
            Row("free", ByteSize.Format(capacity - summary.LogLength));
        }

        if (summary.BlockSize is { } blockSize)
        {
            Row("block size", ByteSize.Format(blockSize));
            Row("blocks", summary.BlockCount.ToString(CultureInfo.InvariantCulture));
            Row("table", summary.Arenas.Count == 0 ? "not written yet: all blocks are zero" : $"{summary.Arenas.Count} arena(s)");
            if (summary.Arenas.Count > 0)
                Row("in use", $"{summary.Arenas.Sum(a => a.Normal)} with content, {summary.Arenas.Sum(a => a.Zero)} set to zero, {summary.Arenas.Sum(a => a.Bad)} marked as bad");
        }

        // A log needs no recovery, whoever did not close it.
        if (summary.NeedsRecovery && summary.LogCapacity is null)
            Console.WriteLine($"\n{PoolCommand.RecoveryPending}");
        string? problem = summary.HeaderProblem ?? summary.ContentProblem;
        if (problem is not null)
            Console.WriteLine($"\nThe pool is not valid: {problem}");
    }

    private static string Durability(StoreGranularity granularity) => granularity switch
    {
        StoreGranularity.Byte => "once stored",
        StoreGranularity.CacheLine => "after CPU flushes",
        _ => "after msync",
    };

    private static void Row(string name, string value) => Console.WriteLine($"{name,-16}{value}");

    public static string TypeName(PoolKind? kind) => kind switch
    {
        PoolKind.Object => "obj",
        PoolKind.Log => "log",
        PoolKind.Block => "blk",
        _ => "unknown",
    };

    private static string Created(in PoolHeader header)
    {
        const ulong Year9999 = 253402300799;
        return DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(header.CreationTime, Year9999)).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }
}
