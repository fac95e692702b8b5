using System.Runtime.Versioning;
using System.Text.Json;
using Pmem.Objects;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Pool set files in all verbs, and the verbs that are for sets only.</summary>
[SupportedOSPlatform("linux")]
public sealed class SetVerbsTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Every_verb_takes_a_set_file()
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "20M c");
        JsonElement created = ToolRunner.Json(0, "pool", "create", "obj", set, "--layout", "sets");
        Assert.Equal((18 << 20) - 4096, created.GetProperty("size").GetInt64());
        Assert.Equal(2, created.GetProperty("set").GetProperty("replicas").GetArrayLength());
        using (ObjectStore store = ObjectStore.Open(set, "sets"))
            store.Allocate(1000, 7);
        JsonElement info = ToolRunner.Json(0, "pool", "info", set);
        Assert.Equal("sets", info.GetProperty("layout").GetString());
        Assert.Equal(_pools.File("b"), info.GetProperty("set").GetProperty("replicas")[0].GetProperty("parts")[1].GetProperty("path").GetString());
        Assert.Contains("replica 1", ToolRunner.Run("pool", "info", set).Output, StringComparison.Ordinal);
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        Assert.Equal(7, ToolRunner.Json(0, "pool", "objects", set)[0].GetProperty("typeNumber").GetInt64());
        Assert.False(ToolRunner.Json(0, "pool", "recover", set).GetProperty("wasDirty").GetBoolean());
        File.Delete(_pools.File("b"));
        Assert.Equal(1, ToolRunner.Run("pool", "info", set).ExitCode);
        Assert.Contains(_pools.File("b"), ToolRunner.Run("pool", "check", set).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("obj")]
    [InlineData("log")]
    public void An_interrupted_resize_is_named_with_the_line_that_ends_it(string kind)
    {
        string set = Write("a.set", "10M a", "8M b");
        Assert.Equal(0, ToolRunner.Run("pool", "create", kind, set).ExitCode);
        long size = ToolRunner.Json(0, "pool", "info", set).GetProperty("size").GetInt64();
        PoolFixture.Truncate(_pools.File("b"), 12 << 20);
        string remedy = ToolRunner.Json(1, "pool", "check", set).GetProperty("remedy").GetString()!;
        string line = $"pool resize {set} {size}";
        Assert.Contains($"a resize was interrupted: 'pmem {line}'", remedy, StringComparison.Ordinal);
        Assert.Contains($"'pmem {line}'", ToolRunner.Fail("pool", "dump", set), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run(line.Split(' ')).ExitCode);
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        Assert.Equal(size, ToolRunner.Json(0, "pool", "info", set).GetProperty("size").GetInt64());

        // What else is wrong with files is not taken for it.
        PoolFixture.Truncate(_pools.File("a"), 11 << 20);
        Assert.DoesNotContain("interrupted", ToolRunner.Json(1, "pool", "check", set).GetProperty("remedy").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_replica_that_differs_is_named_and_made_equal_by_a_repair()
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "8M c", "10M d");
        ToolRunner.Json(0, "pool", "create", "obj", set, "--layout", "sets");
        long offset;
        using (ObjectStore store = ObjectStore.Open(set, "sets"))
        {
            store.Allocate(9 << 20, 7);
            offset = (long)store.Allocate(1_000_000, 8).Offset;
            store.Map.Fill(offset, 3, 1000);
        }

        PoolFixture.Patch(_pools.File("d"), offset + 500 - (8 << 20) + 4096, "xyz"u8);
        JsonElement check = ToolRunner.Json(1, "pool", "check", set);
        Assert.False(check.GetProperty("consistent").GetBoolean());
        JsonElement difference = check.GetProperty("replicaDifferences")[0];
        Assert.Equal((1, 1, offset + 500, 3), (difference.GetProperty("replica").GetInt32(), difference.GetProperty("part").GetInt32(), difference.GetProperty("offset").GetInt64(), difference.GetProperty("length").GetInt32()));
        Assert.Equal(_pools.File("d"), difference.GetProperty("path").GetString());
        Assert.Equal(offset + 500 - (8 << 20) + 4096, difference.GetProperty("partOffset").GetInt64());
        string text = ToolRunner.Run("pool", "check", set).Output;
        Assert.Contains("its replicas differ", text, StringComparison.Ordinal);
        Assert.Contains($"'pmem pool repair {set}' makes the replicas equal to the master", text, StringComparison.Ordinal);
        JsonElement mend = ToolRunner.Json(0, "pool", "repair", set).GetProperty("mends")[0];
        Assert.Equal("copied from the master", mend.GetProperty("explanation").GetString());
        Assert.Contains($"replica 1, part 1 ({_pools.File("d")})", mend.GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Json(0, "pool", "check", set).GetProperty("replicaDifferences").GetArrayLength());
        Assert.Equal(0, ToolRunner.Json(0, "pool", "repair", set).GetProperty("mends").GetArrayLength());
    }

    [Theory]
    [InlineData("a", 0, 0)]
    [InlineData("b", 0, 1)]
    [InlineData("d", 1, 1)]
    public void A_part_that_is_missing_is_named_with_what_brings_it_back(string name, int replica, int part)
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "8M c", "10M d");
        ToolRunner.Json(0, "pool", "create", "obj", set);
        File.Delete(_pools.File(name));
        string expected = $"replica {replica}, part {part} ({_pools.File(name)})";
        JsonElement check = ToolRunner.Json(1, "pool", "check", set);
        Assert.Equal(expected, check.GetProperty("problems")[0].GetProperty("what").GetString());
        Assert.Contains("pmem pool sync", check.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        ToolResult info = ToolRunner.Run("pool", "info", set);
        Assert.Equal(1, info.ExitCode);
        Assert.Contains($"part {part} of replica {replica}", info.Output, StringComparison.Ordinal);
        Assert.Contains("pmem pool sync", info.Output, StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "sync", set);
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
    }

    [Theory]
    [InlineData("a", 0, 0)]
    [InlineData("b", 0, 1)]
    [InlineData("c", 1, 0)]
    [InlineData("d", 1, 1)]
    public void A_part_with_a_header_of_random_bytes_is_the_one_that_is_named(string name, int replica, int part)
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "8M c", "10M d");
        ToolRunner.Json(0, "pool", "create", "obj", set);
        byte[] bytes = new byte[4096];
        new Random(5).NextBytes(bytes);
        PoolFixture.Patch(_pools.File(name), 0, bytes);
        JsonElement check = ToolRunner.Json(1, "pool", "check", set);
        Assert.StartsWith($"replica {replica}, part {part} ({_pools.File(name)})", check.GetProperty("problems")[0].GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.Contains($"replica {replica}, part {part} ({_pools.File(name)})", ToolRunner.Run("pool", "info", set).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_another_pool_is_the_one_that_is_named()
    {
        string set = Write("a.set", "10M a", "8M b", "8M c");
        string other = Write("other.set", "10M x", "8M y", "8M z");
        ToolRunner.Json(0, "pool", "create", "obj", set);
        ToolRunner.Json(0, "pool", "create", "obj", other);
        foreach ((string mine, string foreign) in ((string, string)[])[("a", "x"), ("b", "y"), ("c", "z")])
        {
            File.Copy(_pools.File(mine), _pools.File("kept"), overwrite: true);
            File.Copy(_pools.File(foreign), _pools.File(mine), overwrite: true);
            string what = ToolRunner.Json(1, "pool", "check", set).GetProperty("problems")[0].GetProperty("what").GetString()!;
            Assert.EndsWith($"({_pools.File(mine)}): pool header pool set uuid", what, StringComparison.Ordinal);
            File.Copy(_pools.File("kept"), _pools.File(mine), overwrite: true);
        }
    }

    [Fact]
    public void Logs_in_sets_are_created_shown_and_checked()
    {
        string set = Write("log.set", "2M a", "3M b");
        Assert.Equal("log", ToolRunner.Json(0, "pool", "create", "log", set).GetProperty("type").GetString());
        Assert.Equal((5 << 20) - 4096 - 8192, ToolRunner.Json(0, "pool", "info", set).GetProperty("log").GetProperty("capacity").GetInt64());
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        PoolFixture.Patch(_pools.File("b"), 60, "x"u8);
        Assert.False(ToolRunner.Json(1, "pool", "check", set).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void Block_pools_in_sets_are_created_shown_and_checked()
    {
        string set = Write("blk.set", "12M a", "9M b");
        Assert.Equal("blk", ToolRunner.Json(0, "pool", "create", "blk", set, "--bsize", "4KiB").GetProperty("type").GetString());
        Assert.Equal(4096, ToolRunner.Json(0, "pool", "info", set).GetProperty("blocks").GetProperty("size").GetInt64());
        using (Pmem.Blocks.BlockPool pool = Pmem.Blocks.BlockPool.Open(set))
            pool.Write(pool.BlockCount - 1, new byte[4096]);
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        Assert.Contains("leave out --size", ToolRunner.Fail("pool", "create", "blk", set, "--size", "20MiB"), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_in_a_set_takes_its_sizes_and_replaces_its_parts_when_told()
    {
        string set = Write("a.set", "10M a", "8M b");
        Assert.Contains("leave out --size", ToolRunner.Fail("pool", "create", "obj", set, "--size", "16MiB"), StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "create", "obj", set);
        Assert.Contains("non-empty file", ToolRunner.Fail("pool", "create", "obj", set), StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "create", "obj", set, "--force");
        Assert.True(File.Exists(set));
    }

    [Fact]
    public void Sync_tells_what_is_broken_and_rebuilds_it()
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "20M c");
        ToolRunner.Json(0, "pool", "create", "obj", set);
        Assert.Contains("all parts are healthy", ToolRunner.Run("pool", "sync", set).Output, StringComparison.Ordinal);
        File.Delete(_pools.File("b"));
        JsonElement dry = ToolRunner.Json(1, "pool", "sync", set, "--dry-run");
        Assert.False(File.Exists(_pools.File("b")));
        JsonElement done = ToolRunner.Json(0, "pool", "sync", set);
        Assert.Equal(dry.GetProperty("brokenParts").ToString(), done.GetProperty("brokenParts").ToString());
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        Assert.Contains("no replica(s) found", ToolRunner.Fail("pool", "sync", Write("one.set", "10M a")), StringComparison.Ordinal);
    }

    [Fact]
    public void Transform_adds_a_replica_and_takes_it_away()
    {
        string one = Write("one.set", "10M a", "8M b");
        string two = Write("two.set", "10M a", "8M b", "REPLICA", "20M c");
        ToolRunner.Json(0, "pool", "create", "obj", one);
        Assert.Contains("dry run", ToolRunner.Run("pool", "transform", one, two, "--dry-run").Output, StringComparison.Ordinal);
        JsonElement added = ToolRunner.Json(0, "pool", "transform", one, two);
        Assert.Equal("add-replicas", added.GetProperty("transformation").GetString());
        Assert.True(ToolRunner.Json(0, "pool", "check", two).GetProperty("consistent").GetBoolean());
        Assert.Equal(0, ToolRunner.Run("pool", "transform", two, one).ExitCode);
        Assert.False(File.Exists(_pools.File("c")));
        Assert.True(ToolRunner.Json(0, "pool", "check", one).GetProperty("consistent").GetBoolean());
        Assert.Contains("equal", ToolRunner.Fail("pool", "transform", one, one), StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "transform", one, two);
        File.Delete(_pools.File("c"));
        Assert.Contains($"{_pools.File("c")}: was gone already", ToolRunner.Run("pool", "transform", two, one).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Repair_feature_and_resize_take_set_files_and_make_backups_that_are_pools()
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "20M c");
        ToolRunner.Json(0, "pool", "create", "obj", set);
        PoolFixture.Patch(_pools.File("b"), 16, "\x66"u8);
        Assert.True(ToolRunner.Json(0, "pool", "repair", set, "--backup", _pools.File("broken")).GetProperty("mends")[0].GetProperty("mended").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "feature", set, "SHUTDOWN_STATE", "--disable", "--backup", _pools.File("kept")).GetProperty("changed").GetBoolean());
        Assert.False(ToolRunner.Json(0, "pool", "feature", set).GetProperty("features").GetProperty("SHUTDOWN_STATE").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "feature", _pools.File("kept/a.set")).GetProperty("features").GetProperty("SHUTDOWN_STATE").GetBoolean());
        Assert.Equal(24 << 20, ToolRunner.Json(0, "pool", "resize", set, "24MiB").GetProperty("newSize").GetInt64());
        Assert.Equal(24 << 20, ToolRunner.Json(0, "pool", "info", set).GetProperty("size").GetInt64());
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
        Assert.Contains("leave out --backup", ToolRunner.Fail("pool", "feature", set, "--backup", "x"), StringComparison.Ordinal);
    }

    [Fact]
    public void Logs_and_block_pools_in_sets_are_repaired_and_logs_resized()
    {
        string log = Write("log.set", "2M a", "3M b");
        ToolRunner.Json(0, "pool", "create", "log", log);
        PoolFixture.Patch(_pools.File("b"), 60, "x"u8);
        PoolFixture.Patch(_pools.File("a"), 4096, "xx"u8);
        Assert.Equal(2, ToolRunner.Json(0, "pool", "repair", log).GetProperty("mends").GetArrayLength());
        Assert.Equal(6 << 20, ToolRunner.Json(0, "pool", "resize", log, "6MiB").GetProperty("newSize").GetInt64());
        Assert.True(ToolRunner.Json(0, "pool", "check", log).GetProperty("consistent").GetBoolean());
        Assert.Equal(5 << 20, ToolRunner.Json(0, "pool", "resize", log, "5MiB").GetProperty("newSize").GetInt64());
        Assert.True(ToolRunner.Json(0, "pool", "check", log).GetProperty("consistent").GetBoolean());
        string blocks = Write("blk.set", "12M c", "9M d");
        ToolRunner.Json(0, "pool", "create", "blk", blocks, "--bsize", "4KiB");
        using (Pmem.Blocks.BlockPool pool = Pmem.Blocks.BlockPool.Open(blocks))
            pool.Write(7, new byte[4096]);
        PoolFixture.Patch(_pools.File("d"), 60, "x"u8);
        PoolFixture.Patch(_pools.File("c"), 8192, "x"u8);
        Assert.True(ToolRunner.Json(0, "pool", "repair", blocks).GetProperty("consistent").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "check", blocks).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void A_removal_can_be_backed_up_and_one_that_was_interrupted_is_finished()
    {
        string set = Write("a.set", "10M a", "8M b", "REPLICA", "20M c");
        ToolRunner.Json(0, "pool", "create", "obj", set, "--layout", "kept");
        File.Delete(_pools.File("b")); // as if rm had been killed behind it
        Assert.Contains(_pools.File("b"), ToolRunner.Fail("pool", "rm", set, "--backup", _pools.File("copy")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_pools.File("copy")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(set)!, ".*"));
        Assert.Equal(0, ToolRunner.Run("pool", "rm", set, "--force").ExitCode);
        Assert.False(File.Exists(_pools.File("a")) || File.Exists(_pools.File("c")));
        ToolRunner.Json(0, "pool", "create", "obj", set, "--layout", "kept");
        ToolRunner.Json(0, "pool", "rm", set, "--all", "--backup", _pools.File("copy"));
        Assert.False(File.Exists(set) || File.Exists(_pools.File("c")));
        Assert.Equal("kept", ToolRunner.Json(0, "pool", "info", _pools.File("copy/a.set")).GetProperty("layout").GetString());
    }

    [Fact]
    public void A_wrong_set_file_is_named_with_its_line()
    {
        string set = Write("a.set", "10M a", "8m b");
        foreach (string verb in (string[])["info", "check", "recover", "sync"])
            Assert.Contains("[incorrect format of size:3]", ToolRunner.Fail("pool", verb, set), StringComparison.Ordinal);
    }

    private string Write(string name, params string[] lines)
    {
        File.WriteAllLines(_pools.File(name), ["PMEMPOOLSET", .. lines.Select(line => line.Split(' ') is [{ } size, { } part] ? $"{size} {_pools.File(part)}" : line)]);
        return _pools.File(name);
    }
}
