using System.Buffers.Binary;
using Pmem.Pools.Checking;

namespace Pmem.Logs.Tests;

public sealed class CheckTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sound_log_is_consistent_and_no_byte_of_it_changes()
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        byte[] before = File.ReadAllBytes(path);
        Assert.True(PersistentLog.Check(path).IsConsistent);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(4096, 0)]
    [InlineData(4096, 4096)]
    [InlineData(4096, 8193)]
    [InlineData(4104, 0)]
    [InlineData(4104, LogFolder.Size - 4096)]
    [InlineData(4104, LogFolder.Size + 4096)]
    [InlineData(4112, 0)]
    [InlineData(4112, 8191)]
    [InlineData(4112, LogFolder.Size + 1)]
    [InlineData(4112, long.MinValue)]
    [InlineData(4112, -1)]
    public void A_broken_offset_is_named_and_refused(long field, long value)
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        LogFolder.Patch(path, field, bytes);
        PoolProblem problem = Assert.Single(PersistentLog.Check(path).Problems);
        Assert.Equal(field, problem.Offset);
        PmemFormatException refused = Assert.Throws<PmemFormatException>(() => PersistentLog.Open(path));
        Assert.Equal(field, refused.Offset);

        // A refused open leaves the shutdown state as it was.
        Assert.Equal(0, Assert.NotNull(Pmem.Pools.PoolFile.ReadHeader(path)).ShutdownState.Dirty);
    }

    [Fact]
    public void All_problems_are_named_at_once()
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        LogFolder.Patch(path, 150, "x"u8);
        LogFolder.Patch(path, 4096, new byte[24]);
        Assert.Equal([4088, 4096, 4104, 4112], PersistentLog.Check(path).Problems.Select(p => p.Offset));
    }

    [Fact]
    public void A_truncated_log_is_not_consistent()
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        using (FileStream file = new(path, FileMode.Open))
            file.SetLength(LogFolder.Size - 4096);
        Assert.False(PersistentLog.Check(path).IsConsistent);
        Assert.Throws<PmemFormatException>(() => PersistentLog.Open(path));
    }

    [Fact]
    public void Bytes_that_cannot_be_read_are_a_problem_and_no_crash()
    {
        string path = _folder.File("cut");
        using (PersistentLog log = PersistentLog.Create(path, 4 << 20))
            log.Append(new byte[3 << 20]);
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
        using (FileStream file = new(path, FileMode.Open))
            file.SetLength(1 << 20);
        PoolProblem problem = Assert.Single(PersistentLog.Check(map).Problems);
        Assert.Equal(1 << 20, problem.Offset);
        PersistentLog open = PersistentLog.Open(map);
        Assert.Throws<MediaErrorException>(() => open.Read(2 << 20, new byte[10]));
        Assert.Equal(10, open.Read(0, new byte[10]));
    }
}
