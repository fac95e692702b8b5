using System.Runtime.Versioning;
using Pmem.CrashTesting;
using Pmem.Objects.Tests.Sets;
using Pmem.Pools;
using Pmem.Tracing;

namespace Pmem.Objects.Tests.Crash;

/// <summary>
/// A crash at any moment of an operation on a replicated store: both replicas are recorded into one trace, so that every image is a pair that
/// power loss can leave. The pair must open, be in a legal state, leave the replicas equal, and do so too when the replica is made the master.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ReplicaCrashTests : IDisposable
{
    private const int Part = 8 << 20;
    private const int RootSize = 4096;
    private const string Acknowledged = "acknowledged";

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_allocation_is_whole_or_absent_in_both_replicas() =>
        Explore(_ => { }, store => store.Allocate(ref store.Map.GetRef<ObjectId>(store.RootOffset), 200, 5));

    [Fact]
    public void A_free_is_whole_or_absent_in_both_replicas() =>
        Explore(
            store => store.Allocate(ref store.Map.GetRef<ObjectId>(store.RootOffset), 3000, 5),
            store => store.Free(ref store.Map.GetRef<ObjectId>(store.RootOffset)));

    [Fact]
    public void A_transaction_is_whole_or_absent_in_both_replicas() =>
        Explore(
            store => store.Allocate(ref store.Map.GetRef<ObjectId>(store.RootOffset), 600, 5),
            store =>
            {
                using Transaction tx = store.BeginTransaction();
                tx.Snapshot(store.RootOffset, 128);
                tx.Free(store.Map.Read<ObjectId>(store.RootOffset));
                store.Map.Store(store.RootOffset, tx.Allocate(100, 7));
                store.Map.Store(store.RootOffset + 64, 0x1122334455667788UL);
                tx.Commit();
            });

    [Fact]
    public void An_abort_leaves_both_replicas_as_they_were() =>
        Explore(
            _ => { },
            store =>
            {
                using Transaction tx = store.BeginTransaction();
                tx.Snapshot(store.RootOffset, 64);
                store.Map.Store(store.RootOffset + 8, 0x1122334455667788UL);
                tx.Allocate(300, 1);
            },
            changes: false);

    private void Explore(Action<ObjectStore> prepare, Action<ObjectStore> operation, bool changes = true)
    {
        string set = _folder.Write("work.set", "8M a", "REPLICA", "8M b");
        Trace trace;
        string before, after;
        using (ObjectStore store = ObjectStore.Create(set, "crash", 0, new ObjectStoreOptions { ForceGranularity = StoreGranularity.CacheLine }))
        {
            store.GetRoot(RootSize);
            prepare(store);
            before = CrashHarness.Describe(store);
            using var recorder = new PairRecorder(store.Map, store.Map.Replicas[0], (store.RootOffset, RootSize));
            operation(store);
            PersistenceTrace.Mark(Acknowledged);
            trace = recorder.Stop();
            after = CrashHarness.Describe(store);
        }

        Assert.Equal(changes, before != after);
        using var images = new PairImages(_folder);
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                images.Write(image);
                string[] legal = crash.Acknowledged.Contains(Acknowledged) ? [after] : [before, after];
                Judge(images.Set, legal);
                Judge(images.Swapped, legal);
            },
            new ExplorationOptions { ImagesPerPoint = 16 },
            TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"{result.Images} images at {result.Points} points");
        result.ThrowIfFailed();
        Assert.True(result.Images > 10, "hardly an image was tried");
    }

    private static void Judge(string set, string[] legal)
    {
        using PoolFile pool = PoolFile.Open(set, PoolKind.Object, new PoolOpenOptions { CopyOnWrite = true, ForceGranularity = StoreGranularity.CacheLine });
        using ObjectStore store = ObjectStore.Open(pool, "crash");
        Assert.Contains(CrashHarness.Describe(store), legal);
        Assert.Empty(ReplicaRecovery.Differences(pool));
        store.Allocate(64, 1);
        Assert.Empty(ReplicaRecovery.Differences(pool));
    }

    /// <summary>Records two maps as one of twice the length. Stores through references are found in the first, by comparing.</summary>
    private sealed class PairRecorder : ITraceSink, IDisposable
    {
        private readonly PersistentMap _first;
        private readonly PersistentMap _second;
        private readonly (long Offset, int Length) _raw;
        private readonly byte[] _initial;
        private readonly byte[] _shadow;
        private readonly List<TraceEvent> _events = [];
        private readonly IDisposable _attachment;

        public PairRecorder(PersistentMap first, PersistentMap second, (long Offset, int Length) raw)
        {
            (_first, _second, _raw) = (first, second, raw);
            _initial = [.. first.GetSpan(0, Part), .. second.GetSpan(0, Part)];
            _shadow = first.GetSpan(raw.Offset, raw.Length).ToArray();
            _attachment = PersistenceTrace.Attach(this);
        }

        public Trace Stop()
        {
            Dispose();
            return new Trace(_initial, StoreGranularity.CacheLine, _events);
        }

        public void Dispose() => _attachment.Dispose();

        void ITraceSink.OnMap(PersistentMap map)
        {
            // Both maps are known.
        }

        void ITraceSink.OnUnmap(PersistentMap map)
        {
            // The trace ends with the recording.
        }

        void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
        {
            CaptureRaw();
            Add(TraceEventKind.Store, map, offset, bytes.Length, bytes.ToArray(), kind);
            if (ReferenceEquals(map, _first) && offset < _raw.Offset + _raw.Length && offset + bytes.Length > _raw.Offset)
                _first.GetSpan(_raw.Offset, _raw.Length).CopyTo(_shadow);
        }

        void ITraceSink.OnFlush(PersistentMap map, long offset, long length)
        {
            CaptureRaw();
            Add(TraceEventKind.Flush, map, offset, length, [], StoreKind.Ordered);
        }

        void ITraceSink.OnFence(PersistentMap map)
        {
            CaptureRaw();
            Add(TraceEventKind.Fence, map, 0, 0, [], StoreKind.Ordered);
        }

        void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => Add(TraceEventKind.DeepFlush, map, offset, length, [], StoreKind.Ordered);

        void ITraceSink.OnMark(string name) => _events.Add(new TraceEvent(TraceEventKind.Mark, Environment.CurrentManagedThreadId, 0, 0, [], StoreKind.Ordered, name));

        private void CaptureRaw()
        {
            ReadOnlySpan<byte> now = _first.GetSpan(_raw.Offset, _raw.Length);
            for (int word = 0; word < _raw.Length; word += sizeof(ulong))
            {
                ReadOnlySpan<byte> bytes = now.Slice(word, sizeof(ulong));
                if (bytes.SequenceEqual(_shadow.AsSpan(word, sizeof(ulong))))
                    continue;
                Add(TraceEventKind.Store, _first, _raw.Offset + word, sizeof(ulong), bytes.ToArray(), StoreKind.Ordered);
                bytes.CopyTo(_shadow.AsSpan(word));
            }
        }

        private void Add(TraceEventKind kind, PersistentMap map, long offset, long length, byte[] bytes, StoreKind store)
        {
            if (ReferenceEquals(map, _first) || ReferenceEquals(map, _second))
                _events.Add(new TraceEvent(kind, Environment.CurrentManagedThreadId, offset + (ReferenceEquals(map, _second) ? Part : 0), length, bytes, store));
        }
    }

    /// <summary>Writes pairs of images into the parts of a set, and of a set in which they change places; only pages that differ from the last pair.</summary>
    private sealed class PairImages : IDisposable
    {
        private const int PageSize = 4096;

        private readonly byte[] _content = new byte[2 * Part];
        private readonly FileStream[] _files;

        public PairImages(StoreFolder folder)
        {
            Set = folder.Write("pair.set", "8M one", "REPLICA", "8M two");
            Swapped = folder.Write("swapped.set", "8M two", "REPLICA", "8M one");
            _files = [.. new[] { "one", "two" }.Select(name => new FileStream(folder.File(name), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0))];
            foreach (FileStream file in _files)
                file.SetLength(Part);
        }

        public string Set { get; }

        public string Swapped { get; }

        public void Write(ReadOnlySpan<byte> image)
        {
            for (int at = 0; at < image.Length;)
            {
                at += image[at..].CommonPrefixLength(_content.AsSpan(at));
                if (at == image.Length)
                    return;
                at &= -PageSize;
                image.Slice(at, PageSize).CopyTo(_content.AsSpan(at));
                RandomAccess.Write(_files[at / Part].SafeFileHandle, image.Slice(at, PageSize), at % Part);
                at += PageSize;
            }
        }

        public void Dispose()
        {
            foreach (FileStream file in _files)
                file.Dispose();
        }
    }
}
