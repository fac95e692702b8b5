using System.Globalization;
using System.Text;
using Pmem.CrashTesting;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Tracing;

namespace Pmem.Objects.Tests.Crash;

/// <summary>
/// Runs an operation on a small store, then tries what a crash at any moment of it can leave: the store must open, be consistent, be in the
/// state before or after (after, once the operation was acknowledged), leak nothing, recover to the same twice, and be usable.
/// </summary>
internal static class CrashHarness
{
    public const int RootSize = 8192;
    private const long PoolSize = 20 << 20;
    private const string Acknowledged = "acknowledged";

    public static ExplorationResult Explore(Action<ObjectStore> prepare, Action<ObjectStore> operation, ExplorationOptions? options = null, bool interruptRecovery = false)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PoolSize);
        ObjectStore store = ObjectStore.Create(map, "crash");
        store.GetRoot(RootSize);
        prepare(store);
        string before = Describe(store);

        long root = store.RootOffset;
        using var recorder = new TraceRecorder(map, (root, RootSize));
        operation(store);
        PersistenceTrace.Mark(Acknowledged);
        Trace trace = recorder.Stop();
        string after = Describe(store);
        Assert.Equal(-1, recorder.FindUntracedStore());

        using var images = new ImageFile(PoolSize);
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                string[] legal = crash.Acknowledged.Contains(Acknowledged) ? [after] : [before, after];
                Judge(images, image, legal);
                if (interruptRecovery && (crash.IsPowerLoss || crash.Point % 3 == 0))
                    InterruptRecovery(image, legal);
            },
            options,
            TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{result.Images} images at {result.Points} points, {(result.Exhaustive ? "exhaustive" : "sampled")}");
        result.ThrowIfFailed();
        Assert.True(result.Images > 1, "a mutating operation leaves more than one image");
        return result;
    }

    /// <summary>Objects and the root's content; log extensions are nobody's business.</summary>
    public static string Describe(ObjectStore store)
    {
        var text = new StringBuilder();
        long root = store.RootOffset;
        text.Append(CultureInfo.InvariantCulture, $"root {root:x} {store.RootSize}\n");
        foreach (StoreObject item in store.EnumerateObjects())
        {
            if (!item.IsInternal)
                text.Append(CultureInfo.InvariantCulture, $"{item.Offset:x} {item.UsableSize} {item.TypeNumber}\n");
        }

        if (root != 0)
            text.Append(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(store.Map.GetSpan(root, (int)store.RootSize))));
        return text.ToString();
    }

    private static void Judge(ImageFile images, ReadOnlySpan<byte> image, string[] legal)
    {
        using PersistentMap map = images.Map(image);
        ObjectStore store = ObjectStore.Open(map, "crash");
        string state = Describe(store);
        Assert.Contains(state, legal);
        DemandNoLeak(store);

        // Recovery again, after a process that died right behind it, finds nothing to do.
        ObjectStore again = ObjectStore.Open(map, "crash");
        Assert.Equal(state, Describe(again));
        Assert.Equal(0, again.RecoveredOperations + again.RecoveredTransactions);
        StoreCheckResult check = ObjectStore.Check(map);
        Assert.True(check.IsConsistent, string.Join('\n', check.Problems));
        DemandUsable(again);
    }

    private static void InterruptRecovery(ReadOnlySpan<byte> image, string[] legal)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(image.Length);
        map.Copy(0, image, CopyHints.NoFlush);
        using var recorder = new TraceRecorder(map);
        ObjectStore.Open(map, "crash");
        Trace trace = recorder.Stop();
        using var images = new ImageFile(image.Length);
        CrashExplorer.Explore(trace, (second, _) => Judge(images, second, legal), new ExplorationOptions { ImagesPerPoint = 8, ProcessKills = false }).ThrowIfFailed();
    }

    /// <summary>Every internal object is the root or a log that a lane refers to.</summary>
    private static void DemandNoLeak(ObjectStore store)
    {
        var known = new HashSet<long> { store.RootOffset };
        for (int i = 0; i < store.Bounds.LaneCount; i++)
        {
            long lane = store.Bounds.LaneOffset(i);
            foreach (UlogLink link in new UlogChain(store.Map, lane + LaneLayout.ExternalPosition, store.Bounds))
                known.Add(link.ObjectOffset);
            foreach (UlogLink link in new UlogChain(store.Map, lane + LaneLayout.UndoPosition, store.Bounds))
                known.Add(link.ObjectOffset);
        }

        Assert.All(store.EnumerateObjects().Where(o => o.IsInternal), o => Assert.Contains(o.Offset, known));
    }

    private static void DemandUsable(ObjectStore store)
    {
        ObjectId id = store.Allocate(200, 77, AllocationOptions.Zero);
        using (Transaction tx = store.BeginTransaction())
        {
            tx.Snapshot(store.RootOffset, 64);
            tx.Allocate(5000, 78);
            tx.Free(id);
            tx.Commit();
        }

        Assert.Contains(store.EnumerateObjects(), o => o.TypeNumber == 78);
        Assert.DoesNotContain(store.EnumerateObjects(), o => o.TypeNumber == 77);
    }
}

/// <summary>Maps images quickly: one file on tmpfs that is patched from image to image, and private maps of it.</summary>
internal sealed class ImageFile : IDisposable
{
    private const int PageSize = 4096;

    private readonly string _path;
    private readonly FileStream _file;
    private readonly byte[] _content;

    public ImageFile(long length)
    {
        _path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-image-{Guid.NewGuid():n}");
        _file = new FileStream(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _file.SetLength(length);
        _content = new byte[length];
    }

    /// <summary>A private map of the image that behaves like persistent memory.</summary>
    public PersistentMap Map(ReadOnlySpan<byte> image)
    {
        for (int at = 0; at < image.Length;)
        {
            at += image[at..].CommonPrefixLength(_content.AsSpan(at));
            if (at == image.Length)
                break;
            at &= -PageSize;
            int length = Math.Min(PageSize, image.Length - at);
            image.Slice(at, length).CopyTo(_content.AsSpan(at));
            RandomAccess.Write(_file.SafeFileHandle, image.Slice(at, length), at);
            at += length;
        }

        return PersistentMap.Open(_path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite, ForceGranularity = StoreGranularity.CacheLine });
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }
}
