using System.Buffers.Binary;
using System.Text.Json;
using Pmem.Logs;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Logs at the command line: create, info, check, repair, dump.</summary>
public sealed class LogVerbsTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_log_is_created_shown_and_checked()
    {
        string path = _pools.File("new.log");
        Assert.Equal($"created {path}: log of 4 MiB (4194304)\n", ToolRunner.Run("pool", "create", "log", path, "--size", "4MiB").Output);
        using (PersistentLog log = PersistentLog.Open(path))
            log.Append(new byte[1000]);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.Equal("log", info.GetProperty("type").GetString());
        Assert.Equal(1000, info.GetProperty("log").GetProperty("length").GetInt64());
        Assert.Equal((4 << 20) - 8192, info.GetProperty("log").GetProperty("capacity").GetInt64());
        ToolResult text = ToolRunner.Run("pool", "info", path);
        Assert.Matches("in use +1000 B", text.Output);
        Assert.Equal($"{path}: consistent\n", ToolRunner.Run("pool", "check", path).Output);
    }

    [Fact]
    public void A_broken_log_is_found_shown_and_repaired()
    {
        string path = Log();
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, 4097);
        PoolFixture.Patch(path, 4096, bytes);
        Assert.Contains("start offset", ToolRunner.Json(1, "pool", "info", path).GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal(4096, ToolRunner.Json(1, "pool", "check", path).GetProperty("problems")[0].GetProperty("offset").GetInt64());
        ToolResult dry = ToolRunner.Run("pool", "repair", path, "--dry-run");
        Assert.Equal(0, dry.ExitCode);
        Assert.Contains("would be mended", dry.Output, StringComparison.Ordinal);
        Assert.Equal(1, ToolRunner.Run("pool", "check", path).ExitCode);
        string backup = _pools.File("backup");
        ToolResult real = ToolRunner.Run("pool", "repair", path, "--backup", backup);
        Assert.Equal(0, real.ExitCode);
        Assert.Contains("1 problem(s) mended; consistent", real.Output, StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Equal(1, ToolRunner.Run("pool", "check", backup).ExitCode);
        Assert.Contains("exists", ToolRunner.Fail("pool", "repair", path, "--backup", backup), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_whose_kind_is_lost_is_repaired_as_the_kind_that_is_said()
    {
        string path = Log();
        PoolFixture.Patch(path, 0, "X"u8);
        Assert.Contains("--type", ToolRunner.Fail("pool", "repair", path), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", path, "--type", "log").ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Contains("blk", ToolRunner.Fail("pool", "repair", path, "--type", "tape"), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_byte_is_dumped_in_the_form_that_is_wanted()
    {
        string path = Log();
        byte[] before = File.ReadAllBytes(path);
        string raw = _pools.File("raw");
        Assert.Equal(0, ToolRunner.Run("pool", "dump", path, "--raw", "--output", raw).ExitCode);
        Assert.Equal("one line\nanother line\n", File.ReadAllText(raw));
        Assert.Equal("another", ToolRunner.Run("pool", "dump", path, "--raw", "--range", "9-15").Output);
        ToolResult hex = ToolRunner.Run("pool", "dump", path);
        Assert.StartsWith("00000000  6f 6e 65 20 6c 69 6e 65  0a 61 6e 6f 74 68 65 72  |one line.another|\n", hex.Output, StringComparison.Ordinal);
        string[] lines = ToolRunner.Run("pool", "dump", path, "--json", "--chunk", "10").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Equal("""{"position":20,"length":2,"data":"ZQo="}""", lines[2]);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Wrong_wishes_are_refused()
    {
        string path = Log();
        Assert.Contains("range", ToolRunner.Fail("pool", "dump", path, "--range", "9-1"), StringComparison.Ordinal);
        Assert.Contains("size", ToolRunner.Fail("pool", "dump", path, "--chunk", "0"), StringComparison.Ordinal);
        Assert.Contains("either", ToolRunner.Fail("pool", "dump", path, "--raw", "--json"), StringComparison.Ordinal);
        Assert.Contains("logs", ToolRunner.Fail("pool", "dump", _pools.Closed(), "--raw"), StringComparison.Ordinal);
        Assert.Contains("backup", ToolRunner.Fail("pool", "repair", path, "--dry-run", "--backup", "x"), StringComparison.Ordinal);
        using PersistentLog log = PersistentLog.Open(path);
        Assert.Contains("in use", ToolRunner.Fail("pool", "repair", path), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "dump", path).ExitCode);
    }

    private string Log()
    {
        string path = _pools.File("some.log");
        using PersistentLog log = PersistentLog.Create(path, 2 << 20);
        log.Append("one line\n"u8);
        log.Append("another line\n"u8);
        return path;
    }
}
