using System.CommandLine;
using System.Text.Json;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Platforms;

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
        var raw = new Option<bool>("--raw") { Description = "The bytes as they are, instead of as hexadecimal numbers. Logs and block pools." };
        var range = new Option<string>("--range", "-r") { Description = "Positions in a log, numbers of blocks, or offsets of objects, such as 0-4095,8192-." };
        var chunk = new Option<string>("--chunk", "-c") { Description = "Bytes of a log in one line of JSON (default 4096)." };
        var type = new Option<string>("--type", "-t") { Description = "Only objects with these type numbers, such as 7 or 1-9,77." };
        var skipZero = new Option<bool>("--skip-zero") { Description = "Leave out blocks that were set to zero or never written." };
        var skipError = new Option<bool>("--skip-error") { Description = "Leave out blocks that are marked as bad, which otherwise end a raw dump." };
        var data = new Option<bool>("--data") { Description = "Also the content of objects, in base64." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("dump", """
            Write out what a pool holds: the bytes of a log, the blocks of a block pool, or the objects of an object pool as JSON lines. Never changes a
            byte of the file.

            Examples:
              pmem pool dump events.pool --raw --output events.log
              pmem pool dump disk.pool --range 0-99 --skip-zero --skip-error
              pmem pool dump accounts.pool --data --type 7
            """) { file, output, raw, range, chunk, type, skipZero, skipError, data, json };
        command.SetAction(parsed =>
        {
            if (!TryReadRanges(parsed.GetValue(range), out ByteRanges ranges) || !TryReadRanges(parsed.GetValue(type), out ByteRanges types))
                return PoolCommand.Fail($"'{parsed.GetValue(range) ?? parsed.GetValue(type)}' is not a range such as 0-4095,8192-");
            long chunkSize = DefaultChunk;
            if (parsed.GetValue(chunk) is { } text && (!ByteSize.TryParse(text, out chunkSize) || chunkSize is < 1 or > PieceSize))
                return PoolCommand.Fail($"'{text}' is not a size from 1 byte to 1MiB");
            var form = new DumpForm
            {
                Raw = parsed.GetValue(raw),
                Json = parsed.GetValue(json),
                Data = parsed.GetValue(data),
                Ranges = ranges,
                Types = types,
                ChunkSize = (int)chunkSize,
                SkipZero = parsed.GetValue(skipZero),
                SkipError = parsed.GetValue(skipError),
            };
            return Run(parsed.GetValue(file)!, parsed.GetValue(output), form, kind => kind switch
            {
                PoolKind.Object => Misfit(kind, chunk, skipZero, skipError),
                PoolKind.Block => Misfit(kind, chunk, type, data),
                _ => Misfit(kind, type, data, skipZero, skipError) ?? (form.Json || parsed.GetResult(chunk) is null ? null : "--chunk says how long the pieces of --json are: give that too"),
            });

            string? Misfit(PoolKind kind, params ReadOnlySpan<Option> options)
            {
                foreach (Option option in options)
                {
                    if (parsed.GetResult(option) is { Implicit: false })
                        return $"{option.Name} says nothing of a pool of kind {InfoVerb.TypeName(kind)}: leave it out";
                }

                return null;
            }
        });
        return command;
    }

    private static bool TryReadRanges(string? text, out ByteRanges ranges)
    {
        ByteRanges? read = ByteRanges.All;
        bool isRange = text is null || ByteRanges.TryParse(text, out read);
        ranges = read ?? ByteRanges.All;
        return isRange;
    }

    private static int Run(string path, string? output, DumpForm form, Func<PoolKind, string?> findMisfit)
    {
        PoolKind? kind = NamespacePath.ReadHeader(path)?.Kind;
        if (kind is null)
            return PoolCommand.Fail($"cannot dump {path}: it is no pool");
        if (form.Raw && (form.Json || kind == PoolKind.Object))
            return PoolCommand.Fail(form.Json ? "give either --raw or --json" : "--raw is for logs and block pools; objects are written as JSON lines");
        if (findMisfit(kind.Value) is { } misfit)
            return PoolCommand.Fail(misfit);

        if (output is null)
        {
            Write(path, kind.Value, () => new BufferedStream(Console.OpenStandardOutput(), 65536), form);
            return Program.Success;
        }

        var target = DumpTarget.Of(output, path);
        try
        {
            Write(path, kind.Value, () => new BufferedStream(target.Create(), 65536), form);
            target.Complete();
        }
        finally
        {
            target.Abandon();
        }

        return Program.Success;
    }

    /// <summary>Opens the pool and writes what it holds. The pool is opened before the target, so that one that cannot be read leaves no empty file behind.</summary>
    public static void Write(string path, PoolKind kind, Func<Stream> target, DumpForm form)
    {
        var space = NamespacePath.Parse(path);
        switch (kind)
        {
            case PoolKind.Log:
                using (PersistentLog log = space is not null ? PersistentLog.Open(space.Copy()) : PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true }))
                using (Stream stream = target())
                    DumpLog(log, stream, form);
                break;
            case PoolKind.Block:
                using (BlockPool pool = space is not null ? BlockPool.Open(space.Copy()) : BlockPool.Open(path, 0, new BlockDeviceOptions { CopyOnWrite = true }))
                using (Stream stream = target())
                    DumpBlocks(pool, stream, form);
                break;
            default:
                using (ObjectStore store = PoolCommand.OpenToRead(path))
                using (Stream stream = target())
                    DumpObjects(store, stream, form);
                break;
        }
    }

    private static void DumpLog(PersistentLog log, Stream target, DumpForm form)
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

    private static void DumpBlocks(BlockPool pool, Stream target, DumpForm form)
    {
        byte[] block = new byte[pool.BlockSize];
        using var text = new StreamWriter(target, leaveOpen: true);
        using var lines = new JsonLines(target);
        foreach ((long first, long last) in form.Ranges.Within(pool.BlockCount))
        {
            for (long number = first; number <= last; number++)
            {
                bool isZero = pool.IsZero(number);
                if (isZero && form.SkipZero)
                    continue;
                bool isBad = !TryRead(pool, number, block);
                if (isBad && form.SkipError)
                    continue;
                if (isBad && !form.Json)
                    throw new PmemException($"block {number} is marked as bad: --skip-error leaves such blocks out");
                if (form.Json)
                    WriteBlock(lines, number, isZero, isBad, block);
                else if (form.Raw)
                    target.Write(block);
                else
                    HexDump.Write(text, number * block.Length, block);
            }
        }
    }

    private static bool TryRead(BlockPool pool, long number, byte[] block)
    {
        try
        {
            pool.Read(number, block);
            return true;
        }
        catch (PmemException problem) when (problem is BlockErrorException or MediaErrorException)
        {
            return false;
        }
    }

    private static void WriteBlock(JsonLines lines, long number, bool isZero, bool isBad, byte[] block)
    {
        Utf8JsonWriter writer = lines.Begin();
        writer.WriteNumber("block", number);
        writer.WriteString("state", isBad ? "bad" : isZero ? "zero" : "normal");
        if (!isZero && !isBad)
            writer.WriteBase64String("data", block);
        lines.End();
    }

    private static void DumpObjects(ObjectStore store, Stream target, DumpForm form)
    {
        using var lines = new JsonLines(target);
        foreach (StoreObject item in store.EnumerateObjects().Where(o => form.Ranges.Contains(o.Offset) && form.HasType(o.TypeNumber)))
        {
            Utf8JsonWriter writer = lines.Begin();
            ObjectsVerb.WriteMembers(writer, store, item);
            if (form.Data)
                writer.WriteBase64String("data", store.Map.GetSpan(item.Offset, (int)Math.Min(item.UsableSize, Array.MaxLength / 2)));
            lines.End();
        }
    }
}
