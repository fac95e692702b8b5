using System.CommandLine;
using System.Text.Json;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Btt;

/// <summary><c>pmem btt dump</c>.</summary>
internal static class BttDumpVerb
{
    public static Command Create()
    {
        Argument<string> file = BttFile.FileArgument();
        Option<string?> offset = BttFile.OffsetOption();
        Option<string?> size = BttFile.SizeOption();
        Option<string?> space = BttFile.NamespaceOption();
        var flog = new Option<bool>("--flog") { Description = "Also every flog entry." };
        var blocks = new Option<string?>("--map") { Description = "Also the map entries of these blocks, counted in each arena, such as 0-99,500-; those never written are left out." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("dump", """
            Show the info block, the counts, and if wanted the flog and the map of every arena. Never changes a byte.

            Example: pmem btt dump namespace.img --flog --map 0-99
            """) { file, offset, size, space, flog, blocks, json };
        command.SetAction((parsed, cancellation) =>
        {
            ByteRanges? ranges = null;
            if (parsed.GetValue(blocks) is { } text && !ByteRanges.TryParse(text, out ranges))
                return Task.FromResult(PoolCommand.Fail($"'{text}' is not a range such as 0-99,500-"));
            var window = BttFile.ToRead(parsed.GetValue(file)!, parsed.GetValue(offset), parsed.GetValue(size), parsed.GetValue(space));
            using PersistentMap map = window.OpenToRead();
            using var progress = new ProgressLine();
            BttCheckResult result = window.Check(map, new PoolCheckOptions { Progress = progress, Cancellation = cancellation });
            progress.Dispose();
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => WriteJson(writer, window, map, result, parsed.GetValue(flog), ranges));
            else
                WriteText(window, map, result, parsed.GetValue(flog), ranges);
            return Task.FromResult(result.IsConsistent ? Program.Success : Program.NotConsistent);
        });
        return command;
    }

    private static void WriteJson(Utf8JsonWriter writer, BttFile file, PersistentMap map, BttCheckResult result, bool withFlog, ByteRanges? blocks)
    {
        writer.WriteStartObject();
        writer.WriteString("path", file.Path);
        writer.WriteString("variant", BttFile.VariantName(result.Format));
        writer.WriteBoolean("consistent", result.IsConsistent);
        writer.WriteNumber("pendingWrites", result.PendingWrites);
        writer.WriteStartArray("arenas");
        foreach (BttArenaSummary arena in result.Arenas)
        {
            writer.WriteStartObject();
            writer.WriteNumber("offset", arena.Start);
            WriteInfo(writer, result.Format!, arena.Info);
            writer.WriteNumber("initial", arena.Initial);
            writer.WriteNumber("normal", arena.Normal);
            writer.WriteNumber("zero", arena.Zero);
            writer.WriteNumber("bad", arena.Bad);
            if (withFlog)
                WriteFlog(writer, map, arena);
            if (blocks is not null)
                WriteMap(writer, map, arena, blocks);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteInfo(Utf8JsonWriter writer, BttFormat format, BttInfo info)
    {
        writer.WriteString("uuid", format.ReadUuid(BttInfo.UuidOf(in info)));
        writer.WriteString("parent_uuid", format.ReadUuid(BttInfo.ParentUuidOf(in info)));
        writer.WriteNumber("flags", info.Flags);
        writer.WriteString("version", $"{info.Major}.{info.Minor}");
        writer.WriteNumber("external_lbasize", info.ExternalBlockSize);
        writer.WriteNumber("external_nlba", info.ExternalBlocks);
        writer.WriteNumber("internal_lbasize", info.InternalBlockSize);
        writer.WriteNumber("internal_nlba", info.InternalBlocks);
        writer.WriteNumber("nfree", info.FreeBlocks);
        writer.WriteNumber("infosize", info.InfoSize);
        writer.WriteNumber("nextoff", info.NextOffset);
        writer.WriteNumber("dataoff", info.DataOffset);
        writer.WriteNumber("mapoff", info.MapOffset);
        writer.WriteNumber("logoff", info.FlogOffset);
        writer.WriteNumber("info2off", info.InfoOffset);
    }

    private static void WriteFlog(Utf8JsonWriter writer, PersistentMap map, BttArenaSummary arena)
    {
        writer.WriteStartArray("flog");
        foreach ((uint entry, int current, FlogHalf half) in Flog(map, arena))
        {
            writer.WriteStartObject();
            writer.WriteNumber("entry", entry);
            writer.WriteNumber("current", current);
            writer.WriteNumber("block", half.Block);
            writer.WriteNumber("oldMap", half.OldMap);
            writer.WriteNumber("newMap", half.NewMap);
            writer.WriteNumber("sequence", half.Sequence);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteMap(Utf8JsonWriter writer, PersistentMap map, BttArenaSummary arena, ByteRanges blocks)
    {
        writer.WriteStartArray("map");
        foreach ((uint block, uint entry) in Entries(map, arena, blocks))
        {
            writer.WriteStartObject();
            writer.WriteNumber("block", block);
            writer.WriteNumber("internal", entry & MapEntry.BlockMask);
            writer.WriteString("state", StateOf(entry));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteText(BttFile file, PersistentMap map, BttCheckResult result, bool withFlog, ByteRanges? blocks)
    {
        for (int i = 0; i < result.Arenas.Count; i++)
        {
            BttArenaSummary arena = result.Arenas[i];
            BttInfo info = arena.Info;
            Console.WriteLine($"arena {i} at 0x{arena.Start:x}, version {info.Major}.{info.Minor}, uuid {result.Format!.ReadUuid(BttInfo.UuidOf(in info))}, parent {result.Format.ReadUuid(BttInfo.ParentUuidOf(in info))}");
            Console.WriteLine($"    {info.ExternalBlocks} blocks of {info.ExternalBlockSize} bytes in {info.InternalBlocks} of {info.InternalBlockSize}, {info.FreeBlocks} free; flags {info.Flags}");
            Console.WriteLine($"    data 0x{info.DataOffset:x}, map 0x{info.MapOffset:x}, flog 0x{info.FlogOffset:x}, copy 0x{info.InfoOffset:x}, next 0x{info.NextOffset:x}");
            Console.WriteLine($"    {arena.Normal} with content, {arena.Zero} set to zero, {arena.Bad} marked as bad, {arena.Initial} never written");
            if (withFlog)
            {
                foreach ((uint entry, int current, FlogHalf half) in Flog(map, arena))
                    Console.WriteLine($"    flog {entry}: half {current}, block {half.Block}, old {Describe(half.OldMap)}, new {Describe(half.NewMap)}, sequence {half.Sequence}");
            }

            if (blocks is null)
                continue;
            foreach ((uint block, uint entry) in Entries(map, arena, blocks))
                Console.WriteLine($"    block {block}: {Describe(entry)}");
        }

        string verdict = result.IsConsistent ? "consistent" : "not consistent, 'pmem btt check' says why";
        Console.WriteLine($"{file.Path}: {BttFile.VariantName(result.Format)}, {result.Arenas.Count} arena(s), {result.PendingWrites} interrupted write(s), {verdict}");
    }

    private static IEnumerable<(uint Entry, int Current, FlogHalf Half)> Flog(PersistentMap map, BttArenaSummary arena)
    {
        for (uint i = 0; i < arena.Info.FreeBlocks; i++)
        {
            long at = arena.Start + (long)arena.Info.FlogOffset + ((long)i * BttLayout.FlogEntrySize);
            FlogHalf first = map.Read<FlogHalf>(at);
            FlogHalf second = map.Read<FlogHalf>(at + arena.SecondHalf);
            int current = FlogHalf.Current(first.Sequence, second.Sequence);
            yield return (i, current, current == 1 ? second : first);
        }
    }

    private static IEnumerable<(uint Block, uint Entry)> Entries(PersistentMap map, BttArenaSummary arena, ByteRanges blocks)
    {
        foreach ((long first, long last) in blocks.Within(arena.Info.ExternalBlocks))
        {
            for (long block = first; block <= last; block++)
            {
                uint entry = map.Read<uint>(arena.Start + (long)arena.Info.MapOffset + (block * BttLayout.MapEntrySize));
                if (!MapEntry.IsInitial(entry))
                    yield return ((uint)block, entry);
            }
        }
    }

    private static string Describe(uint entry) => $"{entry & MapEntry.BlockMask}{(MapEntry.IsError(entry) ? " bad" : MapEntry.IsZero(entry) ? " zero" : string.Empty)}";

    private static string StateOf(uint entry) => MapEntry.IsError(entry) ? "bad" : MapEntry.IsZero(entry) ? "zero" : "normal";
}
