using System.Text;
using System.Text.RegularExpressions;
using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Persona;

/// <summary>'pmempool check' says, asks, judges and mends what pmempool 1.12.1 does, on the same broken pools, byte for byte.</summary>
public sealed partial class PmempoolCheckTests : IDisposable
{
    private const int Table = 8192;

    private static readonly string[] s_ways = ["", "-v", "-r -y -v", "-r -y -a -v", "-r -d -y -v"];

    private readonly PoolFixture _pools = new();
    private readonly StringBuilder _differences = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_block_pool_with_a_broken_header()
    {
        string path = SmallBlocks();
        foreach ((long at, string bytes) in (ReadOnlySpan<(long, string)>)
            [(0, "XXX"), (8, "\t\0\0\0"), (12, "\x81"), (16, "\x86"), (20, "\x01"), (24, "zzzz"), (40, "zzzz"), (128, "zz"), (200, "abc"), (4088, "zz"), (4024, "zz")])
        {
            foreach (string way in (string[])["-v", "-r -y -v", "-r -y -a -v"])
                Compare(path, way, (at, Latin(bytes)));
        }

        foreach (string way in (string[])[.. s_ways, "-q", "-r -v"])
            Compare(path, way, (0, Latin("XXX")));
        Compare(path, "-r -y -a -v", (0, new byte[4096]));
        Compare(path, "-r -v -a", "y\n\nyes\nn\n", (0, new byte[100]));
        Compare(path, "-v", (120, BitConverter.GetBytes(1L << 40)));
        Compare(path, "-r -y -a -v", (120, BitConverter.GetBytes(1L << 40)));
        AssertSame();
    }

    [Fact]
    public void A_block_pool_with_broken_info_blocks()
    {
        string path = SmallBlocks();
        BttInfo info = BttInfo.Read(File.ReadAllBytes(path).AsSpan(Table, BttInfo.Size));
        long copy = Table + (long)info.InfoOffset;
        foreach (string way in s_ways)
        {
            Compare(path, way);
            Compare(path, way, (Table, Latin("XXXX")));
            Compare(path, way, (copy, Latin("XXXX")));
            Compare(path, way, (Table, Latin("XX")), (copy, Latin("XX")));
            Compare(path, way, (Table, new byte[4096]), (copy, new byte[4096]));
            Compare(path, way, (4096, BitConverter.GetBytes(77)));
        }

        Compare(path, "-r -v", "y\n", (Table, Latin("XXXX")));
        Compare(path, "-r", "n\n", (Table, Latin("XXXX")));
        AssertSame();
    }

    [Fact]
    public void A_block_pool_with_a_broken_map_and_flog()
    {
        string path = SmallBlocks();
        byte[] pool = File.ReadAllBytes(path);
        BttInfo info = BttInfo.Read(pool.AsSpan(Table, BttInfo.Size));
        long map = Table + (long)info.MapOffset;
        long flog = Table + (long)info.FlogOffset;
        foreach (string way in s_ways)
        {
            Compare(path, way, (map, Entry(5)));
            Compare(path, way, (map + 12, Entry(0xFFFFFF)));
            Compare(path, way, (map + 12, Entry(1)), (map + 20, Entry(1)), (map + 40, Entry(0xFFFFFE)));
            Compare(path, way, (flog, BitConverter.GetBytes(0xFFFFFFF)));
            Compare(path, way, (flog + 12, new byte[4]), (flog + 28, new byte[4]));
            Compare(path, way, (flog + 64, pool[(int)flog..((int)flog + 64)]));
        }

        Compare(path, "-r -a -v", "y\ny\n", (map, Entry(5)), (flog, BitConverter.GetBytes(0xFFFFFFF)));
        Compare(path, "-r -a -v", "bogus\n\nn\n", (map, Entry(5)), (flog, BitConverter.GetBytes(0xFFFFFFF)));
        AssertSame();
    }

    [Fact]
    public void Logs_object_pools_and_other_files()
    {
        string log = _pools.File("a.log");
        PersonaPools.Log(log);
        string objects = _pools.Closed();
        string bare = _pools.File("a.btt");
        PersonaPools.Bare(bare);
        string zeros = _pools.File("zeros");
        File.WriteAllBytes(zeros, new byte[2 << 20]);
        foreach (string way in (string[])[.. s_ways, "-q", "-y", "-a", "-N", "-r -d", "-r"])
        {
            Compare(log, way);
            Compare(log, way, (4096, BitConverter.GetBytes(0x500L)), (4112, BitConverter.GetBytes(-1L)));
            Compare(log, way, (4104, BitConverter.GetBytes(0x500L)), (16, Latin("\x86")));
            Compare(objects, way);
            Compare(objects, way, (0, Latin("XX")));
            Compare(objects, way, (5000, Latin("XX")));
            Compare(bare, way);
            Compare(zeros, way);
        }

        Compare(log, "-r -v", "y\nn\n", (4096, BitConverter.GetBytes(0x500L)), (4104, BitConverter.GetBytes(0x500L)));
        Compare(log, "-r -v", "y\ny\n", (4096, BitConverter.GetBytes(0x500L)), (4104, BitConverter.GetBytes(0x500L)));
        AssertSame();
    }

    [Fact]
    public void Backups_before_a_repair()
    {
        string log = _pools.File("a.log");
        PersonaPools.Log(log);
        string backup = _pools.File("backup");
        (long, byte[]) fault = (4096, BitConverter.GetBytes(0x500L));
        Compare(log, $"-b {backup}", fault);
        Compare(log, $"-r -d -b {backup}", fault);
        foreach (Action prepare in (Action[])[() => File.Delete(backup), () => File.WriteAllBytes(backup, new byte[2 << 20])])
        {
            foreach ((string way, string input) in (ReadOnlySpan<(string, string)>)[("-r -y -v", ""), ("-r -v", "y\ny\n"), ("-r -v", "n\n")])
                Compare(log, $"{way} -b {backup}", input, prepare, fault);
        }

        AssertSame();
        Assert.Equal(0, PersonaComparison.Ours(["check", "-r", "-y", "-b", _pools.File("fresh"), log]).ExitCode);
        Assert.Equal(File.ReadAllBytes(log), File.ReadAllBytes(_pools.File("fresh")));
    }

    [Fact]
    public void Sets_whose_parts_have_broken_headers()
    {
        string folder = _pools.File("sets");
        Directory.CreateDirectory(folder);
        string set = Path.Combine(folder, "a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n2M {folder}/a0\n2M {folder}/a1\n");
        Assert.Equal(0, PersonaComparison.Real(["create", "log", set]).ExitCode);
        foreach (string part in (string[])["a0", "a1"])
        {
            foreach ((long at, string bytes) in (ReadOnlySpan<(long, string)>)[(0, ""), (16, "\x86"), (24, "zzzz"), (40, "zzzz"), (56, "zzzz"), (72, "zzzz"), (88, "zz"), (128, "zz"), (4088, "zz")])
            {
                foreach (string way in s_ways)
                    Compare(Path.Combine(folder, part), way, string.Empty, null, set, (at, Latin(bytes)));
            }

            Compare(Path.Combine(folder, part), "-v", string.Empty, null, Path.Combine(folder, part));
        }

        AssertSame();
    }

    [Fact]
    public void A_uuid_that_nobody_knows_is_made_anew()
    {
        string path = SmallBlocks();
        PoolFixture.Patch(path, 56, "zzzz"u8);
        byte[] broken = File.ReadAllBytes(path);
        RawResult theirs = PersonaComparison.Real(["check", "-r", "-y", "-a", "-v", path]);
        File.WriteAllBytes(path, broken);
        RawResult ours = PersonaComparison.Ours(["check", "-r", "-y", "-a", "-v", path]);
        Assert.Equal(Made().Replace(theirs.Output, "…"), Made().Replace(ours.Output, "…"));
        Assert.Equal(theirs.ExitCode, ours.ExitCode);
        Assert.Contains("consistent", PersonaComparison.Real(["check", "-v", path]).Output, StringComparison.Ordinal);
        PoolHeader header = PoolFile.ReadHeader(path)!.Value;
        Assert.Equal(header.Uuid, header.NextPartUuid);
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f-]{27}|checksum to 0x[0-9a-f]+")]
    private static partial Regex Made();

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);

    private static byte[] Entry(uint block) => BitConverter.GetBytes(block | 0xC0000000);

    private string SmallBlocks()
    {
        string path = _pools.File("a.blk");
        using BlockPool pool = BlockPool.Create(path, 4096, BlockPool.MinimumPoolSize);
        byte[] block = new byte[4096];
        for (int i = 0; i < 12; i++)
            pool.Write(i % 5, block);
        pool.Zero(7);
        return path;
    }

    private void Compare(string path, string way, params (long At, byte[] Bytes)[] faults) => Compare(path, way, string.Empty, null, path, faults);

    private void Compare(string path, string way, string input, params (long At, byte[] Bytes)[] faults) => Compare(path, way, input, null, path, faults);

    private void Compare(string path, string way, string input, Action prepare, params (long At, byte[] Bytes)[] faults) => Compare(path, way, input, prepare, path, faults);

    /// <summary>Breaks a file, checks a pool with both, and puts the file back.</summary>
    private void Compare(string path, string way, string input, Action? prepare, string pool, params (long At, byte[] Bytes)[] faults)
    {
        // A repair of one part may change its neighbours.
        string[] files = pool == path ? [path] : [.. PoolSetFile.Read(pool).PartFiles().SelectMany(parts => parts)];
        byte[][] whole = [.. files.Select(File.ReadAllBytes)];
        string[] arguments = ["check", .. way.Split(' ', StringSplitOptions.RemoveEmptyEntries), pool];
        (RawResult theirs, byte[][] theirFiles) = Run(() => PersonaComparison.Real(arguments, input));
        (RawResult ours, byte[][] ourFiles) = Run(() => PersonaComparison.Ours(arguments, input));
        Write(whole);
        string name = $"{Path.GetFileName(path)} {way} {string.Join(' ', faults.Select(fault => $"0x{fault.At:x}"))}";
        if (theirs != ours)
            _differences.AppendLine($"{name}: pmempool {theirs.ExitCode}\n{theirs.Output}{theirs.Error}we {ours.ExitCode}\n{ours.Output}{ours.Error}");
        for (int i = 0; i < files.Length; i++)
        {
            if (!theirFiles[i].AsSpan().SequenceEqual(ourFiles[i]))
                _differences.AppendLine($"{name}: {files[i]} differs from 0x{theirFiles[i].AsSpan().CommonPrefixLength(ourFiles[i]):x} on");
        }

        (RawResult, byte[][]) Run(Func<RawResult> check)
        {
            Write(whole);
            foreach ((long at, byte[] bytes) in faults)
                PoolFixture.Patch(path, at, bytes);
            foreach (string file in files)
                File.SetLastWriteTimeUtc(file, new DateTime(2027, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            prepare?.Invoke();
            return (check(), [.. files.Select(File.ReadAllBytes)]);
        }

        void Write(byte[][] contents)
        {
            foreach ((string file, byte[] content) in files.Zip(contents))
                File.WriteAllBytes(file, content);
        }
    }

    private void AssertSame() => Assert.True(_differences.Length == 0, _differences.ToString());
}
