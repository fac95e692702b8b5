using System.Runtime.Versioning;
using Pmem.Logs;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Backups of runs that did not finish, and what is asked before a backup is made.</summary>
[SupportedOSPlatform("linux")]
public sealed class StaleBackupTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_refused_run_leaves_no_backup_that_a_later_one_takes_for_its_own()
    {
        string path = Log();
        string backup = _pools.File("ub");
        Assert.Equal(2, ToolRunner.Run("pool", "resize", path, "2MiB", "--backup", backup).ExitCode);
        Assert.False(File.Exists(backup));
        Assert.False(File.Exists(_pools.File(".ub.pmem-unfinished")));
        Append(path);
        byte[] last = File.ReadAllBytes(path);
        Assert.Equal(0, ToolRunner.Run("pool", "rm", path, "--backup", backup).ExitCode);
        Assert.Equal(last, File.ReadAllBytes(backup));
    }

    [Theory]
    [InlineData("rm", "is not what the backup")]
    [InlineData("repair", "is that of an interrupted run (resize)")]
    public void A_pool_that_was_used_since_is_not_changed_for_the_backup_of_a_killed_run(string verb, string reason)
    {
        string path = Log();
        string backup = _pools.File("ub");
        BackupMark.Begin(backup, path, "resize");
        File.Copy(path, backup);
        Append(path);
        byte[] last = File.ReadAllBytes(path);
        ToolResult refused = ToolRunner.Run("pool", verb, path, "--backup", backup);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(reason, refused.Error, StringComparison.Ordinal);
        Assert.Equal(last, File.ReadAllBytes(path));

        // What the backup holds whole may go.
        File.Copy(backup, path, overwrite: true);
        Assert.Equal(0, ToolRunner.Run("pool", verb, path, "--backup", backup).ExitCode);
        Assert.True(File.Exists(backup));
        Assert.False(File.Exists(_pools.File(".ub.pmem-unfinished")));
    }

    [Fact]
    public void The_room_of_the_backup_is_asked_for_too()
    {
        const long Sparse = 8L << 30;
        string path = _pools.File("large");
        File.WriteAllText(path, string.Empty);
        PoolFixture.Truncate(path, Sparse);
        long size = (FileSpace.AvailableOn(path) + (Sparse / 2)) & -PoolFile.PageSize;
        Assert.Equal([path], PoolFile.PlanCreation(path, PoolKind.Log, size, replace: true).Removed);
        Assert.ThrowsAny<PmemException>(() => PoolFile.PlanCreation(path, PoolKind.Log, size, replace: true, _pools.File("backup")));
    }

    [Fact]
    public void A_set_file_that_names_itself_is_refused_and_stays()
    {
        string set = _pools.File("q.set");
        string text = $"PMEMPOOLSET\n16M {set}\n";
        File.WriteAllText(set, text);
        ToolResult refused = ToolRunner.Run("pool", "create", "obj", set, "--force");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("names itself", refused.Error, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(set));
    }

    [Fact]
    public void A_copy_for_which_there_is_no_room_is_refused_in_a_dry_run_too()
    {
        string input = _pools.File("in");
        File.WriteAllText(input, string.Empty);
        PoolFixture.Truncate(input, 1L << 40);
        ToolResult refused = ToolRunner.Run("io", "copy", "--input", input, "--output", _pools.File("out"), "--dry-run");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("nothing was changed", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_pools.File("out")));
    }

    [Fact]
    public void Zeroing_a_hole_takes_no_room()
    {
        string path = _pools.File("hole");
        File.WriteAllText(path, "data");
        PoolFixture.Truncate(path, 48 << 20);
        Assert.Equal(0, ToolRunner.Run("io", "copy", "--zero", "--output", path).ExitCode);
        Assert.False(File.ReadAllBytes(path).AsSpan().ContainsAnyExcept((byte)0));
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("stat", ["-c", "%b", path]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        long blocks = long.Parse(stat.StandardOutput.ReadToEnd(), System.Globalization.CultureInfo.InvariantCulture);
        stat.WaitForExit();
        Assert.InRange(blocks * 512, 0, 8 << 20);
    }

    private string Log()
    {
        string path = _pools.File("u.pool");
        using (PersistentLog log = PersistentLog.Create(path, 8 << 20))
            log.Append(new byte[3 << 20]);
        return path;
    }

    private static void Append(string path)
    {
        using PersistentLog log = PersistentLog.Open(path);
        log.Append("new data"u8);
    }
}
