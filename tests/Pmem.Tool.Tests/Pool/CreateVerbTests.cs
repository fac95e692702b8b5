using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

[SupportedOSPlatform("linux")]
public sealed class CreateVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Default_is_the_smallest_pool_with_mode_664()
    {
        string path = _pools.File("new.pool");
        ToolResult result = ToolRunner.Run("pool", "create", "obj", path);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains(path, result.Output, StringComparison.Ordinal);
        Assert.Equal(8 << 20, new FileInfo(path).Length);
        Assert.Equal(Convert.ToInt32("664", 8), (int)File.GetUnixFileMode(path));
        Assert.False(ToolRunner.Json(0, "pool", "info", path).GetProperty("needsRecovery").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "check", path).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void Size_layout_and_mode_are_taken()
    {
        string path = _pools.File("new.pool");
        JsonElement created = ToolRunner.Json(0, "pool", "create", "obj", path, "--size", "24MiB", "--layout", "größe", "--mode", "600");
        Assert.Equal(24 << 20, created.GetProperty("size").GetInt64());
        Assert.Equal("größe", created.GetProperty("layout").GetString());
        Assert.Equal(24 << 20, new FileInfo(path).Length);
        Assert.Equal(Convert.ToInt32("600", 8), (int)File.GetUnixFileMode(path));
        Assert.Equal("größe", ToolRunner.Json(0, "pool", "info", path).GetProperty("layout").GetString());
    }

    [Fact]
    public void An_existing_file_is_kept()
    {
        string path = _pools.Closed();
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("exists", ToolRunner.Fail("pool", "create", "obj", path), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Force_replaces_an_existing_file()
    {
        string path = _pools.Closed();
        Guid before = PoolFile.ReadHeader(path)!.Value.Uuid;
        Assert.Equal(0, ToolRunner.Run("pool", "create", "obj", path, "--force").ExitCode);
        Assert.NotEqual(before, PoolFile.ReadHeader(path)!.Value.Uuid);
    }

    [Fact]
    public void Force_replaces_an_interrupted_creation()
    {
        string path = _pools.File("interrupted.pool");
        PoolFile.Create(path, PoolKind.Object, PoolFixture.Size).Abandon();
        Assert.Contains("interrupted", ToolRunner.Fail("pool", "recover", path), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "create", "obj", path, "--force").ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
    }

    [Fact]
    public void Force_never_takes_a_pool_from_a_process_that_has_it_open()
    {
        string path = _pools.Closed();
        using PoolFile pool = PoolFile.Open(path, PoolKind.Object);
        Assert.Contains("in use", ToolRunner.Fail("pool", "create", "obj", path, "--force"), StringComparison.Ordinal);
        Assert.Equal(pool.Header.Uuid, PoolFile.ReadHeader(path)!.Value.Uuid);
    }

    [Fact]
    public void Wrong_arguments_are_refused_before_an_old_file_is_removed()
    {
        string path = _pools.Closed();
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("1023", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--layout", new string('x', 1024)), StringComparison.Ordinal);
        Assert.Contains("size", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--size", "7MiB"), StringComparison.Ordinal);
        Assert.Contains("size", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--size", "lots"), StringComparison.Ordinal);
        Assert.Contains("octal", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--mode", "698"), StringComparison.Ordinal);
        Assert.Contains("layout", ToolRunner.Fail("pool", "create", "log", path, "--force", "--layout", "x"), StringComparison.Ordinal);
        Assert.Contains("either", ToolRunner.Fail("pool", "create", "log", path, "--force", "--size", "4M", "--max-size"), StringComparison.Ordinal);
        Assert.Contains("kind obj", ToolRunner.Fail("pool", "create", "log", path, "--force", "--inherit", path), StringComparison.Ordinal);
        Assert.Contains("obj, log and blk", ToolRunner.Fail("pool", "create", "tape", path, "--force"), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Size_and_layout_are_inherited_unless_given()
    {
        string model = _pools.Closed();
        JsonElement same = ToolRunner.Json(0, "pool", "create", "obj", _pools.File("same.pool"), "--inherit", model);
        Assert.Equal(PoolFixture.Size, same.GetProperty("size").GetInt64());
        Assert.Equal(PoolFixture.Layout, same.GetProperty("layout").GetString());
        JsonElement other = ToolRunner.Json(0, "pool", "create", "obj", _pools.File("other.pool"), "--inherit", model, "--size", "8M", "--layout", "mine");
        Assert.Equal(8 << 20, other.GetProperty("size").GetInt64());
        Assert.Equal("mine", other.GetProperty("layout").GetString());
    }

    [Fact]
    public void The_longest_layout_name_fits()
    {
        string path = _pools.File("new.pool");
        string name = new('x', 1023);
        Assert.Equal(name, ToolRunner.Json(0, "pool", "create", "obj", path, "--layout", name).GetProperty("layout").GetString());
    }

    [Fact]
    public void A_failed_creation_leaves_no_file()
    {
        string path = _pools.File("huge.pool");
        ToolRunner.Fail("pool", "create", "obj", path, "--size", "8PiB");
        Assert.False(File.Exists(path));
        string message = ToolRunner.Fail("pool", "create", "obj", Path.Combine(_pools.File("absent"), "pool"));
        Assert.Contains("absent", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_creation_leaves_nothing_or_an_interrupted_creation_or_a_pool()
    {
        // The creation takes about 15 ms, somewhere in the first 150 ms of the process.
        for (int delay = 30; delay < 150; delay += 6)
        {
            string path = _pools.File($"killed{delay}.pool");
            using (Process creation = ToolRunner.Start("pool", "create", "obj", path, "--size", "64MiB"))
            {
                Thread.Sleep(delay);
                creation.Kill();
                creation.WaitForExit();
            }

            if (!File.Exists(path))
                continue;
            if (File.GetUnixFileMode(path) == UnixFileMode.None)
                Assert.Contains("interrupted", ToolRunner.Fail("pool", "recover", path), StringComparison.Ordinal);
            else
                Assert.True(ToolRunner.Json(0, "pool", "check", path).GetProperty("consistent").GetBoolean());
            File.Delete(path);
        }
    }
}
