namespace Pmem.Pools.Tests;

/// <summary>A folder for pool files, on tmpfs where there is one; removed at the end of the test.</summary>
public sealed class PoolFolder : IDisposable
{
    public const long LogSize = 2 << 20;

    private readonly string _path = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-pools-{Guid.NewGuid():n}")).FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>A closed log pool of the smallest size (the cheapest kind).</summary>
    public string NewPool(string name = "log.pool", PoolCreateOptions? options = null)
    {
        string path = File(name);
        using PoolFile pool = PoolFile.Create(path, PoolKind.Log, LogSize, options);
        pool.CompleteCreation();
        return path;
    }

    public static void Patch(string path, long offset, ReadOnlySpan<byte> bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write);
        file.Position = offset;
        file.Write(bytes);
    }

    /// <summary>The first page as it is in the file now; through a map, because a stream takes a lock.</summary>
    public static byte[] Head(string path)
    {
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return map.GetSpan(0, PoolHeader.Size).ToArray();
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
