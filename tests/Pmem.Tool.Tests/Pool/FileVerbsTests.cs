using System.Text.Json;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Features, sizes, removal, conversion at the command line.</summary>
public sealed class FileVerbsTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Features_are_shown_and_toggled()
    {
        string path = _pools.Closed();
        Assert.Equal("SINGLEHDR         off\nCKSUM_2K          on\nSHUTDOWN_STATE    on\nCHECK_BAD_BLOCKS  on\n", ToolRunner.Run("pool", "feature", path).Output);
        Assert.Equal("SHUTDOWN_STATE    on (would be changed)\n", ToolRunner.Run("pool", "feature", path, "SHUTDOWN_STATE", "--disable", "--dry-run").Output);
        Assert.True(ToolRunner.Json(0, "pool", "feature", path, "SHUTDOWN_STATE", "--disable").GetProperty("changed").GetBoolean());
        Assert.Equal("SHUTDOWN_STATE    off\n", ToolRunner.Run("pool", "feature", path, "SHUTDOWN_STATE").Output);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Contains("created", ToolRunner.Fail("pool", "feature", path, "SINGLEHDR", "--enable"), StringComparison.Ordinal);
        Assert.Contains("CKSUM_2K", ToolRunner.Fail("pool", "feature", path, "CHECKSUM"), StringComparison.Ordinal);
        Assert.Contains("which feature", ToolRunner.Fail("pool", "feature", path, "--enable"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_is_resized_and_keeps_its_objects()
    {
        string path = _pools.Closed();
        string objects = ToolRunner.Run("pool", "objects", path).Output;
        Assert.Contains("became 40 MiB", ToolRunner.Run("pool", "resize", path, "40MiB").Output, StringComparison.Ordinal);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.True(info.GetProperty("heap").GetProperty("freeBytes").GetInt64() > 30 << 20);
        Assert.Equal(0, ToolRunner.Run("pool", "resize", path, "9M", "--backup", _pools.File("backup")).ExitCode);
        Assert.Equal(9 << 20, new FileInfo(path).Length);
        Assert.Equal(40 << 20, new FileInfo(_pools.File("backup")).Length);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Equal(objects, ToolRunner.Run("pool", "objects", path).Output);
        Assert.Contains("size", ToolRunner.Fail("pool", "resize", path, "1M"), StringComparison.Ordinal);
    }

    [Fact]
    public void Pools_are_removed_but_not_while_they_are_open()
    {
        string path = _pools.Closed();
        Assert.Equal($"would remove {path}\n", ToolRunner.Run("pool", "rm", path, "--dry-run").Output);
        using (ObjectStore.Open(path))
            Assert.Contains("in use", ToolRunner.Fail("pool", "rm", path), StringComparison.Ordinal);
        Assert.Equal($"removed {path}\n", ToolRunner.Run("pool", "rm", path).Output);
        Assert.False(File.Exists(path));
        Assert.Contains("no file", ToolRunner.Fail("pool", "rm", path), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "rm", path, "--force").ExitCode);
    }

    [Fact]
    public void All_parts_of_a_set_are_removed()
    {
        string set = _pools.File("some.set");
        string[] parts = [_pools.File("part0"), _pools.File("part1")];
        File.WriteAllText(set, $"PMEMPOOLSET\n10M {parts[0]}\n10M {parts[1]}\n");
        ObjectStore.Create(set, "set", 0).Dispose();
        Assert.All(parts, part => Assert.True(File.Exists(part)));
        Assert.Equal(0, ToolRunner.Run("pool", "rm", set, "--all").ExitCode);
        Assert.All([.. parts, set], part => Assert.False(File.Exists(part)));
    }

    [Fact]
    public void Nothing_is_removed_when_a_part_or_another_pool_is_in_use()
    {
        string set = Set("10M a", "10M b", "REPLICA", "20M c");
        string other = _pools.Closed();
        using (PersistentMap.Open(_pools.File("c"), new PersistentMapOptions { Lock = true }))
        {
            foreach (string[] line in (string[][])[[set], [set, "--all", "--force"], [set, "--backup", _pools.File("kept")], [other, set]])
                Assert.Contains("in use", ToolRunner.Fail(["pool", "rm", .. line]), StringComparison.Ordinal);
        }

        Assert.All([other, set, .. Parts], path => Assert.True(File.Exists(path), path));
        Assert.False(Directory.Exists(_pools.File("kept")));
        Assert.True(ToolRunner.Json(0, "pool", "check", set).GetProperty("consistent").GetBoolean());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_removal_of_a_set_that_was_killed_is_finished_by_the_same_line(int gone)
    {
        string set = Set("10M a", "10M b", "REPLICA", "20M c");
        string[] removed = Parts[..gone];
        foreach (string part in removed)
            File.Delete(part);
        if (gone == Parts.Length)
        {
            Assert.Contains("no file", ToolRunner.Fail("pool", "rm", set), StringComparison.Ordinal);
        }
        else
        {
            JsonElement dry = ToolRunner.Json(0, "pool", "rm", set, "--dry-run");
            Assert.Equal(removed, dry.GetProperty("gone").EnumerateArray().Select(part => part.GetString()));
            Assert.Equal(Parts[gone..], dry.GetProperty("removed").EnumerateArray().Select(part => part.GetString()));
        }

        Assert.Contains($"{removed[^1]}: was gone already\n", ToolRunner.Run("pool", "rm", set, "--all").Output, StringComparison.Ordinal);
        Assert.All([set, .. Parts], path => Assert.False(File.Exists(path), path));
    }

    [Fact]
    public void Convert_brings_an_old_pool_to_the_present_layout()
    {
        string path = _pools.Closed();
        string objects = ToolRunner.Run("pool", "objects", path).Output;
        Assert.Contains("nothing to convert", ToolRunner.Run("pool", "convert", path).Output, StringComparison.Ordinal);

        // Layout 5 differs in nothing that a closed pool has.
        PoolHeader header = PoolFile.ReadHeader(path)!.Value;
        header.Major = 5;
        PoolFixture.Patch(path, 8, [5]);
        PoolFixture.Patch(path, PoolHeader.ChecksumPosition, BitConverter.GetBytes(header.ComputeChecksum()));
        Assert.Equal(1, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Contains("dry run", ToolRunner.Json(0, "pool", "convert", path, "--dry-run").GetProperty("advice").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.True(ToolRunner.Json(0, "pool", "convert", path, "--backup", path + ".before").GetProperty("converted").GetBoolean());
        Assert.Equal($"{path}: consistent\n", ToolRunner.Run("pool", "check", path).Output);
        Assert.Equal(objects, ToolRunner.Run("pool", "objects", path).Output);
        Assert.Equal(5U, PoolFile.ReadHeader(path + ".before")!.Value.Major);
    }

    [Fact]
    public void Convert_says_why_it_cannot_be_done()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 8, [7]);
        Assert.Contains("newer program", ToolRunner.Json(1, "pool", "convert", path).GetProperty("advice").GetString(), StringComparison.Ordinal);
        PoolFixture.Patch(path, 8, [4]);
        PoolFixture.Patch(path, 150, "x"u8); // without it the checksum would say that a conversion had come this far
        ToolResult damaged = ToolRunner.Run("pool", "convert", path);
        Assert.Equal(1, damaged.ExitCode);
        Assert.Contains("cannot be converted: pool header checksum", damaged.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Copy_moves_objects_when_their_types_are_described()
    {
        string path = _pools.Closed();
        string types = _pools.File("types.json");
        File.WriteAllText(types, """{ "root": {}, "types": { "7": { "foundByWalking": true }, "8": { "foundByWalking": true } } }""");
        string target = _pools.File("copy.pool");
        Assert.Contains("pmem pool resize", ToolRunner.Run("pool", "copy", path, target).Error, StringComparison.Ordinal);
        Assert.Equal(2, ToolRunner.Json(0, "pool", "copy", path, target, "--types", types, "--size", "8MiB").GetProperty("objects").GetInt32());
        Assert.Equal(0, ToolRunner.Run("pool", "check", target, "--types", types).ExitCode);
        Assert.Equal(2, ToolRunner.Run("pool", "copy", path, target, "--types", types).ExitCode);
    }

    private string[] Parts => [_pools.File("a"), _pools.File("b"), _pools.File("c")];

    private string Set(params string[] lines)
    {
        string set = _pools.File("some.set");
        File.WriteAllLines(set, ["PMEMPOOLSET", .. lines.Select(line => line.Contains(' ', StringComparison.Ordinal) ? $"{line.Split(' ')[0]} {_pools.File(line.Split(' ')[1])}" : line)]);
        ToolRunner.Json(0, "pool", "create", "obj", set);
        return set;
    }
}
