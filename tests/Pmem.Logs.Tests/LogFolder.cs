namespace Pmem.Logs.Tests;

/// <summary>A folder for log pools, on tmpfs where there is one; removed at the end of the test.</summary>
public sealed class LogFolder : IDisposable
{
    public const long Size = PersistentLog.MinimumPoolSize;

    private readonly string _path = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-logs-{Guid.NewGuid():n}")).FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>A closed log that holds the given bytes.</summary>
    public string NewLog(ReadOnlySpan<byte> content, string name = "log.pool")
    {
        using PersistentLog log = PersistentLog.Create(File(name), Size);
        log.Append(content);
        return File(name);
    }

    public static void Patch(string path, long offset, ReadOnlySpan<byte> bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write);
        file.Position = offset;
        file.Write(bytes);
    }

    public static byte[] Content(PersistentLog log)
    {
        byte[] content = new byte[log.Length];
        Assert.Equal(content.Length, log.Read(0, content));
        return content;
    }

    /// <summary>Bytes that say where they are, so that a misplaced piece is seen.</summary>
    public static byte[] Pattern(int length, int seed = 0)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
            bytes[i] = (byte)((seed * 31) + (i * 7) + (i >> 8));
        return bytes;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
