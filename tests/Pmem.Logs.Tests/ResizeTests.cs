using System.Buffers.Binary;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Logs.Tests;

public sealed class ResizeTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_log_grows_and_shrinks_in_place()
    {
        byte[] content = LogFolder.Pattern(5000);
        string path = _folder.NewLog(content);
        Assert.Equal(new PoolResize(2 << 20, 5 << 20), PersistentLog.Resize(path, (5 << 20) + 100));
        using (PersistentLog log = PersistentLog.Open(path))
        {
            Assert.Equal((5 << 20) - 8192, log.Capacity);
            Assert.Equal(content, LogFolder.Content(log));
            log.Append(new byte[3 << 20]);
        }

        Assert.Contains("at least 3162112", Assert.Throws<OutOfSpaceException>(() => PersistentLog.Resize(path, 2 << 20)).Message, StringComparison.Ordinal);
        PersistentLog.Resize(path, 3162112);
        Assert.True(PersistentLog.Check(path).IsConsistent);
    }

    [Theory]
    [InlineData(5 << 20)]
    [InlineData(2 << 20)]
    public void A_resize_that_was_interrupted_is_finished_by_the_next(long end)
    {
        // The file has one size and the end offset says another, as between the two steps.
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        PersistentLog.Resize(path, 4 << 20);
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, end);
        LogFolder.Patch(path, 4104, bytes);
        Assert.Throws<PmemFormatException>(() => PersistentLog.Open(path));
        PersistentLog.Resize(path, end);
        using PersistentLog log = PersistentLog.Open(path);
        Assert.Equal(LogFolder.Pattern(5000), LogFolder.Content(log));
        Assert.Equal(end - 8192, log.Capacity);
    }

    [Fact]
    public void A_dry_run_changes_no_byte()
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        byte[] before = File.ReadAllBytes(path);
        PersistentLog.Resize(path, 4 << 20, new PoolRepairOptions { DryRun = true });
        Assert.Equal(before, File.ReadAllBytes(path));
    }
}
