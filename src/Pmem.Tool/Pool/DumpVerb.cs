using System.CommandLine;
using System.Text.Json;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool dump</c>.</summary>
internal static class DumpVerb
{
    private const int PieceSize = 1 << 20;
    private const int DefaultChunk = 4096;

    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var output = new Option<string>("--output", "-o") { Description = "File to write to instead of standard output." };
        var raw = new Option<bool>("--raw") { Description = "The bytes as they are, instead of as hexadecimal numbers. Logs only." };
        var range = new Option<string>("--range", "-r") { Description = "Positions in a log, or offsets of objects, such as 0-4095,8192-." };
        var chunk = new Option<string>("--chunk", "-c") { Description = "Bytes of a log in one line of JSON (default 4096)." };
        var data = new Option<bool>("--data") { Description = "Also the content of objects, in base64." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("dump", """
            Write out what a pool holds: the bytes of a log, or the objects of an object pool as JSON lines. Never changes a byte of the file.

            Examples:
              pmem pool dump events.pool --raw --output events.log
              pmem pool dump accounts.pool --data --json
            """) { file, output, raw, range, chunk, data, json };
        command.SetAction(parsed =>
        {
            ByteRanges? ranges = ByteRanges.All;
            if (parsed.GetValue(range) is { } wanted && !ByteRanges.TryParse(wanted, out ranges))
                return PoolCommand.Fail($"'{wanted}' is not a range such as 0-4095,8192-");
            long chunkSize = DefaultChunk;
            if (parsed.GetValue(chunk) is { } text && (!ByteSize.TryParse(text, out chunkSize) || chunkSize is < 1 or > PieceSize))
                return PoolCommand.Fail($"'{text}' is not a size from 1 byte to 1MiB");
            return Run(parsed.GetValue(file)!, parsed.GetValue(output), new Form(parsed.GetValue(raw), parsed.GetValue(json), parsed.GetValue(data), ranges, (int)chunkSize));
        });
        return command;
    }

    private static int Run(string path, string? output, Form form)
    {
        PoolKind? kind = PoolFile.ReadHeader(path)?.Kind;
        if (kind is null or PoolKind.Block)
            return PoolCommand.Fail($"cannot dump {path}: it is neither an object pool nor a log");
        if (form.Raw && (form.Json || kind != PoolKind.Log))
            return PoolCommand.Fail(form.Json ? "give either --raw or --json" : "--raw is for logs; objects are written as JSON lines");

        // Opened first, so that a pool that cannot be read leaves no empty file behind.
        if (kind == PoolKind.Log)
        {
            using PersistentLog log = PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true });
            using Stream target = Target(output);
            DumpLog(log, target, form);
        }
        else
        {
            using ObjectStore store = PoolCommand.Open(path, new ObjectStoreOptions { CopyOnWrite = true, Arenas = 1 });
            using Stream target = Target(output);
            DumpObjects(store, target, form);
        }

        return Program.Success;
    }

    private static BufferedStream Target(string? output) => new BufferedStream(output is null ? Console.OpenStandardOutput() : File.Create(output), 65536);

    private static void DumpLog(PersistentLog log, Stream target, Form form)
    {
        byte[] piece = new byte[form.Json ? form.ChunkSize : PieceSize];
        using var text = new StreamWriter(target, leaveOpen: true);
        using var lines = new JsonLines(target);
        foreach ((long first, long last) in form.Ranges.Within(log.Length))
        {
            for (long at = first; at <= last;)
            {
                int count = log.Read(at, piece.AsSpan(0, (int)Math.Min(piece.Length, last - at + 1)));
                ReadOnlySpan<byte> bytes = piece.AsSpan(0, count);
                if (form.Raw)
                    target.Write(bytes);
                else if (form.Json)
                    WriteChunk(lines, at, bytes);
                else
                    HexDump.Write(text, at, bytes);
                at += count;
            }
        }
    }

    private static void WriteChunk(JsonLines lines, long position, ReadOnlySpan<byte> bytes)
    {
        Utf8JsonWriter writer = lines.Begin();
        writer.WriteNumber("position", position);
        writer.WriteNumber("length", bytes.Length);
        writer.WriteBase64String("data", bytes);
        lines.End();
    }

    private static void DumpObjects(ObjectStore store, Stream target, Form form)
    {
        using var lines = new JsonLines(target);
        foreach (StoreObject item in store.EnumerateObjects().Where(o => form.Ranges.Contains(o.Offset)))
        {
            Utf8JsonWriter writer = lines.Begin();
            ObjectsVerb.WriteMembers(writer, store, item);
            if (form.Data)
                writer.WriteBase64String("data", store.Map.GetSpan(item.Offset, (int)Math.Min(item.UsableSize, Array.MaxLength / 2)));
            lines.End();
        }
    }

    private sealed record Form(bool Raw, bool Json, bool Data, ByteRanges Ranges, int ChunkSize);
}
