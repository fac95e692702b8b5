using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Tool.Persona.Info;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool dump</c>.</summary>
internal static class PmempoolDump
{
    private static readonly PoolOption[] s_table =
    [
        new("output", 'o', PoolTypes.All),
        new("binary", 'b', PoolTypes.All),
        new("range", 'r', PoolTypes.All),
        new("chunk", 'c', PoolTypes.Log),
        new("help", 'h', PoolTypes.All),
    ];

    private static readonly Dictionary<string, char> s_names = s_table.ToDictionary(option => option.Name, option => option.Letter, StringComparer.Ordinal);

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "ho:br:c:", s_names);
        var given = new HashSet<char>();
        string? output = null;
        string? range = null;
        long chunk = 0;
        foreach ((char option, string? value) in parsed.Options)
        {
            given.Add(option);
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "dump", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "dump");
                case 'o':
                    output = value;
                    break;
                case 'r':
                    range = value;
                    break;
                case 'c':
                    chunk = CNumber.ReadPrefix(value!);
                    if (chunk <= 0)
                        return terminal.Fail($"invalid chunk size specified '{value}'");
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "dump");

        // pmempool truncates its own pool and dies of it. Nothing that anybody wants can depend on that.
        if (output is { Length: > 0 } && DumpTarget.IsFileOf(parsed.Operands[0], output))
            return terminal.Fail($"{output}: belongs to the pool that is dumped, write to another file");
        FileStream? file = null;
        try
        {
            if (output is not null)
                file = File.Create(output);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            terminal.Error.Write($"{Pmempool.Name}: {output}: {WhyNotCreated(output!, e)}\n");
            return 1;
        }

        using var target = file is null ? null : new Terminal(file, file, TextReader.Null, asksPerson: false);
        using (file)
        {
            string path = parsed.Operands[0];
            PoolFileHeader? header = PoolFileHeader.Read(terminal, path, out _);
            PoolTypes type = header?.Type ?? PoolTypes.Unknown;
            if (PoolOptionRules.FindProblem(s_table, given, type) is { } problem)
                return terminal.Fail(problem);
            var dump = new Dump(terminal, target ?? terminal, path, given.Contains('b'), range, (ulong)chunk);
            int code = type switch
            {
                PoolTypes.Log => dump.Log(),
                PoolTypes.Block => dump.Blocks(),
                PoolTypes.Object => terminal.Fail($"{path}: PMEMOBJ pool not supported"),
                PoolTypes.Unknown => terminal.Fail($"{path}: unknown pool type -- '{header?.Signature}'"),
                _ => terminal.Fail($"{path}: cannot determine type of pool"),
            };
            (target ?? terminal).Out.Flush();
            return code;
        }
    }

    private static string WhyNotCreated(string path, Exception problem) => problem switch
    {
        UnauthorizedAccessException => Directory.Exists(path) ? "Is a directory" : "Permission denied",
        _ when File.Exists(Path.GetDirectoryName(Path.GetFullPath(path))) => "Not a directory",
        _ => "No such file or directory",
    };

    private sealed class Dump(Terminal terminal, Terminal target, string path, bool isBinary, string? range, ulong chunk)
    {
        private readonly LeveledOutput _text = new(target.Out);

        public int Log()
        {
            PersistentLog? log = Open(() => PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true }));
            if (log is null)
                return 1;
            using (log)
            {
                ulong length = (ulong)log.Length;
                if (length == 0)
                    return 0;
                ulong unit = Math.Max(1, chunk);
                if (!TryParse((length - 1) / unit, out NumberRanges ranges))
                    return Failed();
                if (chunk == 0)
                    WriteBytes(log, ranges, length);
                else
                    WriteChunks(log, ranges, length / chunk);
                return 0;
            }
        }

        public int Blocks()
        {
            BlockPool? pool = Open(() => BlockPool.Open(path, 0, new BlockDeviceOptions { CopyOnWrite = true }));
            if (pool is null)
                return 1;
            using (pool)
            {
                if (!TryParse((ulong)pool.BlockCount - 1, out NumberRanges ranges))
                    return Failed();
                byte[] block = new byte[pool.BlockSize];
                bool failed = false;
                foreach ((ulong first, ulong last) in ranges.InOrder)
                    failed |= !WriteBlocks(pool, block, first, last);
                return failed ? Failed() : 0;
            }
        }

        private bool WriteBlocks(BlockPool pool, byte[] block, ulong first, ulong last)
        {
            for (ulong number = first; number <= last; number++)
            {
                try
                {
                    pool.Read((long)number, block);
                }
                catch (PmemException)
                {
                    terminal.Fail($"reading block number {number} failed");
                    return false;
                }

                Write(block, number * (ulong)block.Length);
            }

            return true;
        }

        private void WriteBytes(PersistentLog log, NumberRanges ranges, ulong length)
        {
            foreach ((ulong first, ulong last) in ranges.InOrder)
            {
                if (first < length)
                    Write(Read(log, first, Math.Min(last, length - 1) - first + 1), first);
            }
        }

        private void WriteChunks(PersistentLog log, NumberRanges ranges, ulong chunks)
        {
            for (ulong i = 0; i < chunks; i++)
            {
                if (ranges.Contains(i))
                    Write(Read(log, i * chunk, chunk), i * chunk);
            }
        }

        private static byte[] Read(PersistentLog log, ulong at, ulong count)
        {
            byte[] bytes = new byte[count];
            for (int done = 0; done < bytes.Length;)
                done += log.Read((long)at + done, bytes.AsSpan(done));
            return bytes;
        }

        private void Write(byte[] bytes, ulong offset)
        {
            if (!isBinary)
            {
                _text.HexDump(1, bytes, offset, separate: false);
                return;
            }

            target.Out.Flush();
            target.Bytes.Write(bytes);
        }

        private bool TryParse(ulong most, out NumberRanges ranges)
        {
            ranges = new NumberRanges();
            if (range is null)
                ranges.Add(0, most);
            else if (!ranges.TryAdd(range, most))
            {
                terminal.Fail($"invalid range value specified -- '{range}'");
                return false;
            }

            return true;
        }

        private T? Open<T>(Func<T> open)
            where T : class
        {
            try
            {
                return open();
            }
            catch (PmemException problem)
            {
                terminal.Error.Write($"{Pmempool.Name}: {path}: {(problem.IsBusy ? "Resource temporarily unavailable" : "Invalid argument")}\n");
                Failed();
                return null;
            }
        }

        private int Failed() => terminal.Fail($"{path}: dumping pool file failed");
    }
}
