using Microsoft.Win32.SafeHandles;

namespace Pmem.Tests;

/// <summary>Space of files: where their bytes are.</summary>
public sealed class FileSpaceTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void What_is_passed_over_is_zeros_and_what_was_written_is_not_passed_over()
    {
        using SafeFileHandle file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, 64L * MiB);
        long[] written = [3 * MiB, (40 * MiB) + 5];
        foreach (long at in written)
            RandomAccess.Write(file, [1], at);
        long from = 0;
        foreach (long at in written)
        {
            Assert.InRange(FileSpace.NextData(file, from), from, at);
            Assert.Equal(at, FileSpace.NextData(file, at));
            from = at + 1;
        }

        Assert.InRange(FileSpace.NextData(file, from), from, long.MaxValue);
        if (OperatingSystem.IsLinux())
            Assert.Equal(long.MaxValue, FileSpace.NextData(file, 64L * MiB));
    }
}
