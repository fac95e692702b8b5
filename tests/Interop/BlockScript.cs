using System.Globalization;
using System.Text;
using Pmem.Blocks;

namespace Interop;

/// <summary>Runs the scripts of peers/blk_script.c through Pmem.Blocks.</summary>
internal static class BlockScript
{
    private const int InvalidArgument = 22;
    private const int InputOutputError = 5;

    public static string Run(string path, IEnumerable<string> script, Pmem.StoreGranularity? granularity = null)
    {
        var output = new StringBuilder();
        var options = new BlockDeviceOptions { ForceGranularity = granularity };
        BlockPool? pool = null;
        foreach (string line in script)
        {
            string[] words = line.Split(' ');
            long a = words.Length > 1 ? long.Parse(words[1], CultureInfo.InvariantCulture) : 0;
            long b = words.Length > 2 ? long.Parse(words[2], CultureInfo.InvariantCulture) : 0;
            switch (words[0])
            {
                case "create":
                    pool = BlockPool.Create(path, (int)a, b, options);
                    break;
                case "open":
                    pool = BlockPool.Open(path, (int)a, options);
                    break;
                case "close":
                    pool!.Dispose();
                    break;
                case "dump":
                    Dump(pool!, output);
                    break;
                default:
                    Execute(pool!, words[0], a, b, output);
                    break;
            }
        }

        return output.ToString();
    }

    /// <summary>A script of random operations on a few blocks, with reopens.</summary>
    public static List<string> Random(int seed, int operations, int blockSize, long size)
    {
        var random = new Random(seed);
        var script = new List<string> { $"create {blockSize} {size}", "read 3" };
        for (int i = 0; i < operations; i++)
        {
            int block = random.Next(60);
            script.Add(random.Next(20) switch
            {
                0 => $"zero {block}",
                1 => $"error {block}",
                < 7 => $"read {block}",
                _ => $"write {block} {i}",
            });
            if (random.Next(60) == 0)
                script.AddRange(["close", $"open {blockSize}"]);
        }

        script.AddRange(["write 99999999 1", "dump", "close"]);
        return script;
    }

    private static void Execute(BlockPool pool, string operation, long block, long seed, StringBuilder output)
    {
        try
        {
            switch (operation)
            {
                case "write":
                    pool.Write(block, Pattern(pool.BlockSize, seed));
                    break;
                case "zero":
                    pool.Zero(block);
                    break;
                case "error":
                    pool.SetError(block);
                    break;
                default:
                    byte[] data = new byte[pool.BlockSize];
                    pool.Read(block, data);
                    output.Append(CultureInfo.InvariantCulture, $"read {block} {Hash(data):x16}\n");
                    break;
            }
        }
        catch (Exception e) when (e is BlockErrorException or ArenaErrorException)
        {
            output.Append(CultureInfo.InvariantCulture, $"{operation} {block}: errno {InputOutputError}\n");
        }
        catch (ArgumentOutOfRangeException)
        {
            output.Append(CultureInfo.InvariantCulture, $"{operation} {block}: errno {InvalidArgument}\n");
        }
    }

    private static void Dump(BlockPool pool, StringBuilder output)
    {
        byte[] data = new byte[pool.BlockSize];
        output.Append(CultureInfo.InvariantCulture, $"blocks {pool.BlockCount} of {pool.BlockSize}\n");
        for (long i = 0; i < pool.BlockCount; i++)
        {
            if (!pool.TryRead(i, data))
                output.Append(CultureInfo.InvariantCulture, $"{i} bad {InputOutputError}\n");
            else if (data.AsSpan().ContainsAnyExcept((byte)0))
                output.Append(CultureInfo.InvariantCulture, $"{i} {Hash(data):x16}\n");
        }
    }

    private static byte[] Pattern(int length, long seed)
    {
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
            data[i] = (byte)((seed * 31) + (i * 7) + (i >> 8) + 1);
        return data;
    }

    private static ulong Hash(byte[] data)
    {
        ulong hash = 14695981039346656037;
        foreach (byte value in data)
            hash = (hash ^ value) * 1099511628211;
        return hash;
    }
}
