using Pmem.Tracing;

namespace Pmem.Tests.Tracing;

/// <summary>What sinks see. The tests run in a process that traces.</summary>
public sealed class TracingTests
{
    [Fact]
    public void Tracing_is_off_unless_asked_for()
    {
        Assert.False(PersistenceTrace.IsEnabled);
        Assert.Contains("PMEM_TRACING", Assert.Throws<InvalidOperationException>(() => PersistenceTrace.Attach(new Log())).Message, StringComparison.Ordinal);
        PersistenceTrace.Mark("nobody listens");
    }

    [Fact]
    public void Notes_and_acceptances_cost_no_memory_when_tracing_is_off()
    {
        Accept();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Accept();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Accept()
        {
            using (PersistenceTrace.Accept("PMC001", "meant"))
                PersistenceTrace.Note(null, TraceNote.CommitWord, 0, 8);
        }
    }

    [Fact]
    public void Traced_process() => ChildRun.Run(typeof(Traced), ("PMEM_TRACING", "1"));

    /// <summary>Lists what happens.</summary>
    internal sealed class Log : ITraceSink
    {
        public List<string> Lines { get; } = [];

        public void OnMap(PersistentMap map) => Lines.Add($"map {map.Length}");

        public void OnUnmap(PersistentMap map) => Lines.Add("unmap");

        public void OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind) => Lines.Add($"store {offset} {bytes.Length} {kind} {Convert.ToHexString(bytes[..Math.Min(8, bytes.Length)])}");

        public void OnFlush(PersistentMap map, long offset, long length) => Lines.Add($"flush {offset} {length}");

        public void OnFence(PersistentMap map) => Lines.Add("fence");

        public void OnDeepFlush(PersistentMap map, long offset, long length) => Lines.Add($"deep {offset} {length}");

        public void OnMark(string name) => Lines.Add($"mark {name}");
    }

    /// <summary>Run by <see cref="Traced_process"/>.</summary>
    public sealed class Traced
    {
        [Fact(Explicit = true)]
        public void Every_event_is_reported_in_order()
        {
            var log = new Log();
            using IDisposable attachment = PersistenceTrace.Attach(log);
            PersistentMap map = PersistentMap.CreateAnonymous(8192);
            map.Store(0, 0x04030201);
            map.StoreUInt64(8, 5);
            map.Persist(0, 16);
            map.StoreUInt64NonTemporal(64, 6);
            map.Drain();
            map.CompareExchangeUInt64(64, 7, 6);
            map.Copy(128, new byte[64]);
            map.Copy(200, new byte[20], CopyHints.NoDrain);
            map.Fill(1000, 1, 300, CopyHints.NonTemporal);
            map.DeepFlush(0, 64);
            PersistenceTrace.Mark("done");
            map.Dispose();
            string[] expected =
            [
                "map 8192", "store 0 4 Ordered 01020304", "store 8 8 Ordered 0500000000000000", "flush 0 16", "fence",
                "store 64 8 NonTemporal 0600000000000000", "fence", "fence", "store 64 8 ReadModifyWrite 0700000000000000",
                "store 128 64 NonTemporal 0000000000000000", "fence", "store 200 20 Bulk 0000000000000000", "flush 200 20",
                "store 1000 24 Bulk 0101010101010101", "store 1024 256 NonTemporal 0101010101010101", "store 1280 20 Bulk 0101010101010101",
                "flush 1000 24", "flush 1280 20", "fence", "deep 0 64", "mark done", "unmap",
            ];
            Assert.Equal(expected, log.Lines);
        }

        [Fact(Explicit = true)]
        public void A_store_that_bypasses_tracing_is_found_at_the_next_fence()
        {
            var audit = new TraceAudit();
            using IDisposable attachment = PersistenceTrace.Attach(audit);
            using PersistentMap map = PersistentMap.CreateAnonymous(8192);
            map.StoreUInt64(8, 5);
            map.Persist(8, 8);
            Assert.Empty(audit.Found);
            map.GetSpan(100, 3).Fill(9);
            map.Drain();
            Assert.Equal([new UntracedStore(map, 100, 3)], audit.Found);
            map.Drain();
            Assert.Single(audit.Found);
        }

        [Fact(Explicit = true)]
        public void A_detached_sink_hears_nothing()
        {
            var log = new Log();
            PersistenceTrace.Attach(log).Dispose();
            PersistenceTrace.Mark("x");
            Assert.Empty(log.Lines);
        }
    }
}
