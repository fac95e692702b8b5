using Pmem.Objects;

namespace Pmem.Tool.Tests;

/// <summary>A folder with pools in the states that the tool must cope with; removed at the end of the test.</summary>
public sealed class PoolFixture : IDisposable
{
    public const long Size = 16 << 20;
    public const string Layout = "tool-test";

    private readonly string _path = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-tool-{Guid.NewGuid():n}")).FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>A closed pool with a root of 64 bytes, an object of type 7 and one of type 8.</summary>
    public string Closed(string name = "closed.pool")
    {
        string path = File(name);
        using ObjectStore store = ObjectStore.Create(path, Layout, Size);
        Fill(store);
        return path;
    }

    /// <summary>A pool as a crash leaves it in the middle of a transaction that allocated, and changed the root.</summary>
    public string Crashed(string name = "crashed.pool")
    {
        string path = File(name);
        using ObjectStore store = ObjectStore.Create(File("running.pool"), Layout, Size);
        Fill(store);
        using (Transaction transaction = store.BeginTransaction())
        {
            transaction.Snapshot(store.RootOffset, 64);
            store.Map.StoreUInt64(store.RootOffset, 0xDEAD);
            store.Map.Persist(store.RootOffset, 8);
            transaction.Allocate(500_000, 99);
            System.IO.File.WriteAllBytes(path, store.Map.GetSpan(0, (int)store.Map.Length).ToArray());
        }

        return path;
    }

    public static void Patch(string path, long offset, ReadOnlySpan<byte> bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write);
        file.Position = offset;
        file.Write(bytes);
    }

    public static void Truncate(string path, long size)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write);
        file.SetLength(size);
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);

    private static void Fill(ObjectStore store)
    {
        store.GetRoot(64);
        store.Allocate(100, 7);
        store.Allocate(300_000, 8);
    }
}
