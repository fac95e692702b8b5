using System.CommandLine;
using System.Runtime.Versioning;
using System.Text.Json;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Backups, and the other files that verbs make beside those of users.</summary>
[SupportedOSPlatform("linux")]
public sealed class BackupTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData(Private)]
    [InlineData(Private | UnixFileMode.GroupRead)]
    [InlineData(Private | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)]
    public void A_backup_has_the_permissions_of_the_pool(UnixFileMode mode)
    {
        string path = _pools.Closed();
        File.SetUnixFileMode(path, mode);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", path, "--backup", _pools.File("before")).ExitCode);
        Assert.Equal(mode, File.GetUnixFileMode(_pools.File("before")));
    }

    [Fact]
    public void So_have_the_files_of_a_set()
    {
        string set = Set();
        foreach (string file in (string[])["a.set", "p0", "p1"])
            File.SetUnixFileMode(_pools.File(file), Private);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", set, "--backup", _pools.File("before")).ExitCode);
        string[] files = Directory.GetFiles(_pools.File("before"));
        Assert.Equal(3, files.Length);
        Assert.All(files, file => Assert.Equal(Private, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Files_and_folders_of_users_beside_a_backup_stay()
    {
        string set = Set();
        string path = _pools.Closed();
        Directory.CreateDirectory(_pools.File("before.partial"));
        foreach (string file in (string[])["before.partial/mine", "single.partial", "copy.partial", "a.set.resize"])
            File.WriteAllText(_pools.File(file), "mine");
        string types = _pools.File("types.json");
        File.WriteAllText(types, """{ "layout": "tool-test", "root": {}, "types": { "7": {}, "8": {} } }""");
        Assert.Equal(0, ToolRunner.Run("pool", "repair", set, "--backup", _pools.File("before")).ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", path, "--backup", _pools.File("single")).ExitCode);
        ToolRunner.Json(0, "pool", "copy", path, _pools.File("copy"), "--types", types, "--leave-unreachable");
        ToolRunner.Json(0, "pool", "resize", set, "24MiB");
        foreach (string file in (string[])["before.partial/mine", "single.partial", "copy.partial", "a.set.resize"])
            Assert.Equal("mine", File.ReadAllText(_pools.File(file)));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!, ".*"));
    }

    [Fact]
    public void A_backup_of_a_set_into_a_path_with_white_space_is_refused_before_anything_changes()
    {
        string set = Set();
        PoolFixture.Patch(_pools.File("p1"), 16, "\x66"u8);
        byte[] broken = File.ReadAllBytes(_pools.File("p1"));
        Assert.Contains("white space", ToolRunner.Fail("pool", "repair", set, "--backup", _pools.File("be fore")), StringComparison.Ordinal);
        Assert.Contains("white space", ToolRunner.Fail("pool", "rm", set, "--backup", _pools.File("be fore")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_pools.File("be fore")));
        Assert.Equal(broken, File.ReadAllBytes(_pools.File("p1")));
    }

    [Fact]
    public void Backups_that_cannot_be_made_say_why()
    {
        foreach (string pool in (string[])[_pools.Closed(), Set()])
        {
            Assert.Contains("empty", ToolRunner.Fail("pool", "repair", pool, "--backup", string.Empty), StringComparison.Ordinal);
            Assert.Contains($"no folder {_pools.File("absent")}", ToolRunner.Fail("pool", "repair", pool, "--backup", _pools.File("absent/x")), StringComparison.Ordinal);
            Directory.CreateDirectory(_pools.File("there"));
            Assert.Contains("exists already as a folder", ToolRunner.Fail("pool", "repair", pool, "--backup", _pools.File("there")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_pool_is_not_created_with_the_mode_that_says_its_creation_was_interrupted()
    {
        foreach (string mode in (string[])["0", "0000"])
            Assert.Contains("interrupted", ToolRunner.Fail("pool", "create", "log", _pools.File("a.log"), "--mode", mode), StringComparison.Ordinal);
        Assert.False(File.Exists(_pools.File("a.log")));
    }

    [Fact]
    public void The_short_name_of_a_dry_run_is_the_same_in_sync_and_transform()
    {
        string set = Set();
        string target = _pools.File("b.set");
        File.WriteAllText(target, File.ReadAllText(set) + $"REPLICA\n20M {_pools.File("r")}\n");
        Assert.True(ToolRunner.Json(0, "pool", "transform", set, target, "-n").GetProperty("dryRun").GetBoolean());
        Assert.False(File.Exists(_pools.File("r")));
        ToolRunner.Json(0, "pool", "transform", set, target);
        Assert.True(ToolRunner.Json(0, "pool", "sync", target, "-n").GetProperty("dryRun").GetBoolean());
    }

    [Fact]
    public void Creation_can_be_tried_and_what_it_replaces_backed_up()
    {
        string path = _pools.Closed();
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("exists already", ToolRunner.Fail("pool", "create", "log", path, "--dry-run"), StringComparison.Ordinal);
        Assert.Contains("--force", ToolRunner.Fail("pool", "create", "log", path, "--backup", _pools.File("b")), StringComparison.Ordinal);
        JsonElement plan = ToolRunner.Json(0, "pool", "create", "log", path, "--force", "-n");
        Assert.True(plan.GetProperty("dryRun").GetBoolean());
        Assert.Equal(path, plan.GetProperty("removed")[0].GetString());
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(0, ToolRunner.Run("pool", "create", "log", path, "--force", "-b", _pools.File("b")).ExitCode);
        Assert.Equal(before, File.ReadAllBytes(_pools.File("b")));
        Assert.Equal(0, ToolRunner.Run("pool", "create", "blk", _pools.File("new.blk"), "--dry-run").ExitCode);
        Assert.False(File.Exists(_pools.File("new.blk")));
    }

    [Fact]
    public void A_pool_is_not_removed_for_one_that_cannot_be_made()
    {
        string path = _pools.Closed();
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("make room", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--size", "4000TiB"), StringComparison.Ordinal);
        Assert.Contains("too large", ToolRunner.Fail("pool", "create", "obj", path, "--force", "--size", "99999999TiB"), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
        string set = Set();
        string[] parts = [_pools.File("p0"), _pools.File("p1")];
        byte[][] kept = [.. parts.Select(File.ReadAllBytes)];
        File.WriteAllText(set, $"PMEMPOOLSET\n10M {parts[0]}\n# the same again\n10M {parts[0]}\n");
        Assert.Contains("named twice, in lines 2 and 4", ToolRunner.Fail("pool", "create", "obj", set, "--force"), StringComparison.Ordinal);
        File.WriteAllText(set, $"PMEMPOOLSET\n10M {parts[0]}\n10M {parts[1]}\n10M {_pools.File("absent/p2")}\n");
        Assert.Contains($"no folder {_pools.File("absent")}", ToolRunner.Fail("pool", "create", "obj", set, "--force"), StringComparison.Ordinal);
        Assert.Equal(kept, parts.Select(File.ReadAllBytes));
    }

    [Fact]
    public void Sync_and_transform_keep_the_set_as_it_was()
    {
        string set = Set();
        string target = _pools.File("b.set");
        File.WriteAllText(target, File.ReadAllText(set) + $"REPLICA\n20M {_pools.File("r")}\n");
        Assert.Equal(0, ToolRunner.Run("pool", "transform", set, target, "--backup", _pools.File("single")).ExitCode);
        Assert.True(ToolRunner.Json(0, "pool", "check", _pools.File("single/a.set")).GetProperty("consistent").GetBoolean());
        File.Delete(_pools.File("p1"));
        Assert.Equal(0, ToolRunner.Run("pool", "sync", target, "--backup", _pools.File("lost")).ExitCode);

        // As the set was: a file is missing, and can be made again there too.
        Assert.Equal(3, Directory.GetFiles(_pools.File("lost")).Length);
        Assert.Equal(0, ToolRunner.Run("pool", "sync", _pools.File("lost/b.set")).ExitCode);
        Assert.True(ToolRunner.Json(0, "pool", "check", _pools.File("lost/b.set")).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void Each_verb_that_writes_has_a_dry_run_and_all_that_change_something_a_backup()
    {
        Command pool = Program.CreateCommand().Subcommands.Single(command => command.Name == "pool");
        string[] looking = ["info", "check", "objects", "dump"];
        foreach (Command verb in pool.Subcommands.Where(verb => !looking.Contains(verb.Name)))
        {
            Option dryRun = Assert.Single(verb.Options, option => option.Name == "--dry-run");
            Assert.Contains("-n", dryRun.Aliases);
            if (verb.Name != "copy")
                Assert.Single(verb.Options, option => option.Name == "--backup");
        }
    }

    private string Set()
    {
        string set = _pools.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n10M {_pools.File("p0")}\n10M {_pools.File("p1")}\n");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "obj", set).ExitCode);
        return set;
    }
}
