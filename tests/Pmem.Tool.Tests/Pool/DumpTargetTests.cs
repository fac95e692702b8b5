using System.Runtime.Versioning;
using Pmem.Logs;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Where a dump is written to: never to a pool, and never half.</summary>
[SupportedOSPlatform("linux")]
public sealed class DumpTargetTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_dump_is_never_written_over_the_pool_it_comes_from()
    {
        string path = Log("a.log");
        byte[] before = File.ReadAllBytes(path);
        File.CreateSymbolicLink(_pools.File("link"), path);
        File.CreateSymbolicLink(_pools.File("folder"), Path.GetDirectoryName(path)!);
        foreach (string output in (string[])[path, _pools.File("link"), _pools.File("folder/a.log"), _pools.File("./a.log")])
        {
            Assert.Contains("belongs to the pool", ToolRunner.Fail("pool", "dump", path, "--output", output), StringComparison.Ordinal);
            ToolResult persona = ToolRunner.Run("pmempool", "dump", "-o", output, path);
            Assert.Equal(1, persona.ExitCode);
            Assert.Contains("belongs to the pool", persona.Error, StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void Nor_over_a_part_or_the_file_of_its_set()
    {
        string set = _pools.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n2M {_pools.File("p0")}\n2M {_pools.File("p1")}\n");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "log", set).ExitCode);
        foreach (string output in (string[])[set, _pools.File("p0"), _pools.File("p1")])
        {
            byte[] before = File.ReadAllBytes(output);
            Assert.Contains("belongs to the pool", ToolRunner.Fail("pool", "dump", set, "--output", output), StringComparison.Ordinal);
            Assert.Equal(1, ToolRunner.Run("pmempool", "dump", "-o", output, set).ExitCode);
            Assert.Equal(before, File.ReadAllBytes(output));
        }
    }

    [Fact]
    public void Nor_over_another_pool()
    {
        string path = Log("a.log");
        string other = _pools.Closed();
        byte[] before = File.ReadAllBytes(other);
        Assert.Contains("is a pool", ToolRunner.Fail("pool", "dump", path, "--output", other), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(other));
        string set = _pools.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n2M {_pools.File("p0")}\n");
        Assert.Contains("is a pool", ToolRunner.Fail("pool", "dump", path, "--output", set), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dump_that_fails_leaves_the_old_file_and_nothing_else()
    {
        string path = _pools.File("a.blk");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "blk", path, "--bsize", "4KiB").ExitCode);
        using (Pmem.Blocks.BlockPool pool = Pmem.Blocks.BlockPool.Open(path))
        {
            pool.Write(0, new byte[4096]);
            pool.SetError(1);
        }

        string output = _pools.File("out");
        File.WriteAllText(output, "old");
        string[] before = Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!);
        Assert.Contains("block 1", ToolRunner.Fail("pool", "dump", path, "--raw", "--output", output), StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(output));
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Order());
    }

    [Fact]
    public void An_old_dump_is_replaced_with_its_permissions_and_links_and_devices_stay()
    {
        string path = Log("a.log");
        string output = _pools.File("out");
        File.WriteAllText(output, "a much longer text than the log has");
        File.SetUnixFileMode(output, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.CreateSymbolicLink(_pools.File("link"), output);
        Assert.Equal(0, ToolRunner.Run("pool", "dump", path, "--raw", "--output", _pools.File("link")).ExitCode);
        Assert.Equal("content", File.ReadAllText(output));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(output));
        Assert.Equal(output, new FileInfo(_pools.File("link")).LinkTarget);
        Assert.Equal("content", ToolRunner.Run("pool", "dump", path, "--raw", "--output", "/dev/stdout").Output);
    }

    private string Log(string name)
    {
        string path = _pools.File(name);
        using PersistentLog log = PersistentLog.Create(path, 2 << 20);
        log.Append("content"u8);
        return path;
    }
}
