using System.Globalization;
using System.Text;
using Pmem.Logs;

namespace Interop;

/// <summary>Runs the scripts of peers/log_script.c through Pmem.Logs.</summary>
internal static class LogScript
{
    private const ulong HashSeed = 14695981039346656037;
    private const ulong HashPrime = 1099511628211;

    public static string Run(string path, IEnumerable<string> script)
    {
        var output = new StringBuilder();
        PersistentLog? log = null;
        foreach (string line in script)
        {
            string[] words = line.Split(' ');
            long a = words.Length > 1 ? long.Parse(words[1], CultureInfo.InvariantCulture) : 0;
            switch (words[0])
            {
                case "create":
                    log = PersistentLog.Create(path, a);
                    break;
                case "open":
                    log = PersistentLog.Open(path);
                    break;
                case "close":
                    log!.Dispose();
                    break;
                case "rewind":
                    log!.Rewind();
                    break;
                case "dump":
                    output.Append(Dump(log!));
                    break;
                default:
                    byte[] data = Pattern((int)a, int.Parse(words[2], CultureInfo.InvariantCulture));
                    int third = data.Length / 3;
                    bool fits = words[0] == "append"
                        ? log!.TryAppend(data, out _)
                        : log!.TryAppend((ReadOnlySpan<ReadOnlyMemory<byte>>)[data.AsMemory(0, third), data.AsMemory(third, third), data.AsMemory(2 * third)], out _);
                    if (!fits)
                        output.Append("full\n");
                    break;
            }
        }

        return output.ToString();
    }

    /// <summary>A script of random appends, rewinds and reopens.</summary>
    public static List<string> Random(int seed, int operations, long size)
    {
        var random = new Random(seed);
        var script = new List<string> { $"create {size}" };
        for (int i = 0; i < operations; i++)
        {
            int length = random.Next(4) switch { 0 => random.Next(64), 1 => 64 * random.Next(1, 8), 2 => random.Next(1, 5000), _ => random.Next(1, 60_000) };
            script.Add(random.Next(40) switch
            {
                0 => "rewind",
                1 => "dump",
                < 20 => $"append {length} {i}",
                _ => $"appendv {length} {i}",
            });
            if (random.Next(50) == 0)
                script.AddRange(["close", "open"]);
        }

        script.AddRange(["dump", "close"]);
        return script;
    }

    private static string Dump(PersistentLog log)
    {
        (ulong Hash, long Bytes) all = Sum(log, 0);
        (ulong Hash, long Bytes) parts = Sum(log, 1000);
        return $"capacity {log.Capacity} length {log.Length} bytes {all.Bytes} hash {all.Hash:x16} {(all == parts ? "same" : "DIFFERENT")}\n";
    }

    private static (ulong Hash, long Bytes) Sum(PersistentLog log, int chunkSize)
    {
        (ulong Hash, long Bytes) sum = (HashSeed, 0);
        log.Walk(chunkSize, ref sum, static (chunk, ref total) =>
        {
            foreach (byte value in chunk)
                total.Hash = (total.Hash ^ value) * HashPrime;
            total.Bytes += chunk.Length;
            return true;
        });
        return sum;
    }

    private static byte[] Pattern(int length, int seed)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
            data[i] = (byte)((seed * 31) + (i * 7) + (i >> 8));
        return data;
    }
}
