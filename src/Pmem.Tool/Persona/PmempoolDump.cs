using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Pools;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool dump</c>.</summary>
internal static class PmempoolDump
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal) { ["output"] = 'o', ["binary"] = 'b', ["range"] = 'r', ["chunk"] = 'c', ["help"] = 'h' };

    public static int Run(string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "ho:br:c:", s_names);
        if (parsed.Problem is not null)
            return Pmempool.Usage("dump", parsed.Problem);
        string? output = null;
        string? range = null;
        bool binary = false;
        int chunk = 0;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case 'h':
                    return Pmempool.ShowHelp("dump");
                case 'o':
                    output = value;
                    break;
                case 'b':
                    binary = true;
                    break;
                case 'r':
                    range = value;
                    break;
                case 'c' when !int.TryParse(value, out chunk) || chunk <= 0:
                    return Pmempool.Error($"invalid chunk size specified '{value}'");
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage("dump");
        string path = parsed.Operands[0];
        PoolKind? kind = File.Exists(path) ? PoolFile.ReadHeader(path)?.Kind : null;
        if (kind is null or PoolKind.Object)
            return Pmempool.Error(kind is null ? $"{path}: unknown pool type -- ''" : $"{path}: PMEMOBJ pool not supported");

        ByteRanges? ranges = ByteRanges.All;
        if (range is not null && !ByteRanges.TryParse(range, out ranges))
        {
            Pmempool.Error($"invalid range value specified -- '{range}'");
            return Pmempool.Error($"{path}: dumping pool file failed");
        }

        using Stream target = output is null ? Console.OpenStandardOutput() : File.Create(output);
        using var sink = new Sink(target, binary);
        if (kind == PoolKind.Log)
            DumpLog(path, chunk, ranges, sink);
        else
            DumpBlocks(path, ranges, sink);
        return 0;
    }

    private static void DumpLog(string path, int chunk, ByteRanges ranges, Sink sink)
    {
        using PersistentLog log = PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true });

        // With a chunk size the range counts chunks, and a last short one is left out, as in C.
        long unit = Math.Max(1, chunk);
        byte[] buffer = new byte[chunk == 0 ? 1 << 20 : chunk];
        foreach ((long first, long last) in ranges.Within(log.Length / unit))
        {
            for (long at = first * unit; at < (last + 1) * unit;)
            {
                int count = log.Read(at, buffer.AsSpan(0, (int)Math.Min(buffer.Length, ((last + 1) * unit) - at)));
                sink.Write(at, buffer.AsSpan(0, count));
                at += count;
            }
        }
    }

    private static void DumpBlocks(string path, ByteRanges ranges, Sink sink)
    {
        using BlockPool pool = BlockPool.Open(path, 0, new BlockDeviceOptions { CopyOnWrite = true });
        byte[] block = new byte[pool.BlockSize];
        foreach ((long first, long last) in ranges.Within(pool.BlockCount))
        {
            for (long number = first; number <= last; number++)
            {
                pool.Read(number, block);
                sink.Write(number * block.Length, block);
            }
        }
    }

    private sealed class Sink(Stream target, bool binary) : IDisposable
    {
        private readonly StreamWriter _text = new(target) { NewLine = "\n" };

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            if (binary)
                target.Write(bytes);
            else
                HexDump.Write(_text, offset, bytes);
        }

        public void Dispose() => _text.Dispose();
    }
}
