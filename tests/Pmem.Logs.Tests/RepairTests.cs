using System.Buffers.Binary;
using Pmem.CrashTesting;
using Pmem.Pools.Checking;

namespace Pmem.Logs.Tests;

public sealed class RepairTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4096, 77)]
    [InlineData(4104, 8192)]
    [InlineData(4104, -1)]
    public void An_offset_that_is_known_is_written_and_the_log_is_as_it_was(long field, long value)
    {
        byte[] content = LogFolder.Pattern(5000);
        string path = Broken(content, field, value);
        PoolRepairResult result = PersistentLog.Repair(path);
        Assert.True(result is { IsConsistent: true, IsChanged: true });
        Assert.Equal(field, Assert.Single(result.Mends).Problem.Offset);
        using PersistentLog log = PersistentLog.Open(path);
        Assert.Equal(content, LogFolder.Content(log));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8191)]
    [InlineData(-1)]
    public void A_lost_write_offset_cuts_no_byte_off(long value)
    {
        byte[] content = LogFolder.Pattern(5000);
        string path = Broken(content, 4112, value);
        Assert.True(PersistentLog.Repair(path).IsConsistent);
        using PersistentLog log = PersistentLog.Open(path);
        Assert.Equal(log.Capacity, log.Length);
        Assert.Equal(content, LogFolder.Content(log)[..5000]);
    }

    [Fact]
    public void A_dry_run_says_the_same_and_changes_no_byte()
    {
        string path = Broken(LogFolder.Pattern(100), 4112, 5);
        LogFolder.Patch(path, 9, "x"u8);
        byte[] before = File.ReadAllBytes(path);
        PoolRepairResult dry = PersistentLog.Repair(path, new PoolRepairOptions { DryRun = true });
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(dry.Mends, PersistentLog.Repair(path).Mends);
        Assert.Equal([8, 4112], dry.Mends.Select(m => m.Problem.Offset));
    }

    [Fact]
    public void A_backup_is_the_file_as_it_was_and_is_never_overwritten()
    {
        string path = Broken(LogFolder.Pattern(100), 4112, 5);
        byte[] before = File.ReadAllBytes(path);
        string backup = _folder.File("backup");
        var seen = new List<PoolProgress>();
        Assert.True(PersistentLog.Repair(path, new PoolRepairOptions { BackupPath = backup, Progress = new Recorder(seen) }).IsConsistent);
        Assert.Equal(before, File.ReadAllBytes(backup));
        Assert.NotEmpty(seen);
        Assert.Throws<IOException>(() => PersistentLog.Repair(path, new PoolRepairOptions { BackupPath = backup }));
        Assert.Throws<ArgumentException>(() => PersistentLog.Repair(path, new PoolRepairOptions { BackupPath = backup, DryRun = true }));
    }

    [Fact]
    public void A_sound_log_is_left_alone_and_an_open_one_refused()
    {
        string path = _folder.NewLog(LogFolder.Pattern(100));
        byte[] before = File.ReadAllBytes(path);
        PoolRepairResult result = PersistentLog.Repair(path);
        Assert.True(result is { IsConsistent: true, IsChanged: false });
        Assert.Equal(before, File.ReadAllBytes(path));
        using PersistentLog log = PersistentLog.Open(path);
        Assert.Contains("in use", Assert.Throws<PmemException>(() => PersistentLog.Repair(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_mended_says_why()
    {
        string path = _folder.NewLog(LogFolder.Pattern(100));
        using (FileStream file = new(path, FileMode.Open))
            file.SetLength(1 << 20);
        PoolRepairResult result = PersistentLog.Repair(path);
        Assert.False(result.IsConsistent);
        Assert.Contains("backup", Assert.Single(result.Mends).Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repair_that_crashed_anywhere_is_finished_by_the_next()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PersistentLog.MinimumPoolSize);
        PersistentLog.Create(map).Append(LogFolder.Pattern(300));
        map.Fill(4096, 0x55, 24);
        map.Fill(8, 3, 1);
        map.Fill(16, 0xFF, 4);
        using var recorder = new TraceRecorder(map);
        Assert.True(PersistentLog.Repair(map).IsConsistent);
        Trace trace = recorder.Stop();
        byte[] expected = map.GetSpan(0, 16384).ToArray();
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                using PersistentMap copy = PersistentMap.CreateAnonymous(image.Length);
                copy.Copy(0, image[..16384], CopyHints.NoFlush);
                Assert.True(PersistentLog.Repair(copy).IsConsistent);
                Assert.True(copy.GetSpan(0, expected.Length).SequenceEqual(expected));
            },
            cancellation: TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result is { Exhaustive: true, Images: > 5 }, $"{result.Images} images");
    }

    private string Broken(byte[] content, long field, long value)
    {
        string path = _folder.NewLog(content);
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        LogFolder.Patch(path, field, bytes);
        return path;
    }

    private sealed class Recorder(List<PoolProgress> seen) : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value) => seen.Add(value);
    }
}
