using Pmem.Emulation.Guest;
using Pmem.Objects;
using Pmem.Platform.Acpi;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Pools;

namespace Pmem.Emulation.Tests;

/// <summary>What power cuts leave where write queues are lost: without ADR, and when ADR fails; and what deep flushes save from it.</summary>
public sealed class PowerDomainTests : IDisposable
{
    private const int Seeds = 8;
    private const long MiB = 1 << 20;
    private const int Watched = 8192;
    private const int Elsewhere = 4096;
    private const int Line = 64;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-domain-{Guid.NewGuid():n}");

    /// <summary>How far the program came with its word before the power went.</summary>
    public enum Step
    {
        /// <summary>Only stored.</summary>
        Stored,

        /// <summary>Its line was flushed, and no fence came.</summary>
        Flushed,

        /// <summary>Flushed and fenced.</summary>
        Fenced,

        /// <summary>Flushed and fenced; then another line was flushed deeply.</summary>
        QueueDrained,

        /// <summary>Flushed deeply itself.</summary>
        DeeplyFlushed,
    }

    // With caches in the domain, the last store alone may be on its way: another follows in each of the cases.
    [Theory]
    [InlineData("adr", 0, false, Step.Fenced)]
    [InlineData("adr", 2, false, Step.Fenced)]
    [InlineData("adr", 0, true, Step.DeeplyFlushed)]
    [InlineData("adr", 2, true, Step.QueueDrained)]
    [InlineData("eadr", 0, false, Step.Stored)]
    [InlineData("eadr", 2, false, Step.Stored)]
    [InlineData("eadr", 0, true, Step.Fenced)]
    [InlineData("none", 0, false, Step.QueueDrained)]
    [InlineData("none", 2, false, Step.QueueDrained)]
    [InlineData("none", 2, true, Step.QueueDrained)]
    public void From_a_step_on_nothing_is_lost_and_before_it_anything_may_be(string domain, int hints, bool adrFails, Step safe)
    {
        // The furthest steps are taken first, so that nothing takes an earlier word further than it came.
        Step[] steps = [Step.QueueDrained, Step.DeeplyFlushed, Step.Fenced, Step.Flushed, Step.Stored];
        HashSet<ulong>[] found = Outcomes(Named(domain), hints, adrFails, steps.Length, map =>
        {
            for (int i = 0; i < steps.Length; i++)
                ComeTo(steps[i], map, i * Line);
            map.Store(Elsewhere, 2UL);
        });
        for (int i = 0; i < steps.Length; i++)
        {
            ulong[] expected = steps[i] >= safe ? [1] : [0, 1];
            Assert.True(found[i].SetEquals(expected), $"{steps[i]}: found {string.Join(", ", found[i].Order())}, expected {string.Join(", ", expected)}");
        }
    }

    [Fact]
    public void Stores_after_the_last_deep_flush_may_be_lost_though_drained()
    {
        HashSet<ulong> found = Assert.Single(Outcomes(PersistenceDomain.MemoryController, hints: 2, adrFails: true, words: 1, map =>
        {
            ComeTo(Step.QueueDrained, map, 0);
            map.Store(0, 2UL);
            map.Persist(0, 8);
        }));
        Assert.Equal([1UL, 2UL], found.Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_deep_flush_drains_the_queue_of_all_volumes_of_its_set(bool isTracked)
    {
        HashSet<ulong> found = [];
        HashSet<ulong> later = [];
        HashSet<ulong> elsewhere = [];
        for (int seed = 0; seed < Seeds; seed++)
        {
            using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Capacity = 64 * MiB, FlushHints = 1, LineSize = 4096 }))
            {
                NamespaceRequest request = new() { Mode = NamespaceMode.Raw, Size = 16 * MiB };
                foreach (string region in (string[])["region0", "region0", "region1"])
                    made.Platform.CreateNamespace(request with { Region = region }).Demand();
                using PersistentMap first = made.OpenTracked("namespace0.0", (0, Watched));
                using PersistentMap second = isTracked ? made.OpenTracked("namespace0.1", (0, Watched)) : made.OpenNamespace("namespace0.1");
                using PersistentMap other = made.OpenTracked("namespace1.0", (0, Watched));
                foreach (PersistentMap map in (PersistentMap[])[first, other])
                {
                    map.Store(0, 1UL);
                    map.Persist(0, 8);
                }

                second.Store(0, 1UL);
                second.DeepFlush(0, 8);
                first.Store(Line, 1UL);
                first.Persist(Line, 8);
                made.PowerCut(seed, adrFails: true);
            }

            using VirtualPlatform again = VirtualPlatform.Open(_folder);
            using (PersistentMap first = again.OpenNamespace("namespace0.0", readOnly: true))
            {
                found.Add(first.ReadUInt64(0));
                later.Add(first.ReadUInt64(Line));
            }

            using (PersistentMap other = again.OpenNamespace("namespace1.0", readOnly: true))
                elsewhere.Add(other.ReadUInt64(0));
            again.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        Assert.Equal([1UL], found);
        Assert.Equal([0UL, 1UL], later.Order());
        Assert.Equal([0UL, 1UL], elsewhere.Order());
    }

    [Fact]
    public void A_deep_flush_does_not_save_what_is_only_in_caches()
    {
        HashSet<ulong> found = Assert.Single(Outcomes(null, hints: 2, adrFails: false, words: 1, map =>
        {
            map.Store(0, 1UL);
            map.Store(Elsewhere, 2UL);
            map.DeepFlush(Elsewhere, 8);
        }));
        Assert.Equal([0UL, 1UL], found.Order());
    }

    [Theory]
    [InlineData("adr", 0)]
    [InlineData("adr", 2)]
    [InlineData("eadr", 0)]
    public void A_pool_is_recovered_from_a_power_cut_in_the_middle_of_a_transaction(string domain, int hints)
    {
        string name = MakeWithPool(Named(domain), hints);
        for (int seed = 0; seed < 4; seed++)
        {
            ulong before = CutInTransaction(name, seed, adrFails: false, flushDeeply: false, leaveOpen: true);
            Assert.Equal(before, ReadRoot(name));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void What_was_committed_survives_the_loss_of_queues_once_it_was_flushed_deeply(int hints)
    {
        string name = MakeWithPool(domain: null, hints);
        for (int seed = 0; seed < 4; seed++)
        {
            ulong committed = CutInTransaction(name, seed, adrFails: false, flushDeeply: true, leaveOpen: false);
            Assert.Equal(committed, ReadRoot(name));
        }
    }

    [Theory]
    [InlineData("adr", 1)]
    [InlineData("adr", 2)]
    [InlineData("eadr", 2)]
    public void A_pool_that_was_open_when_ADR_failed_is_refused_and_a_closed_one_opens(string domain, int ways)
    {
        string name = MakeWithPool(Named(domain), hints: 2, ways);
        ReadState(name, out ShutdownState closed);
        Assert.NotEqual(0UL, closed.DeviceId);
        Assert.Equal((0UL, (byte)0), (closed.UnsafeShutdownCount, closed.Dirty));
        using (VirtualPlatform platform = VirtualPlatform.Open(_folder))
            platform.PowerCut(1, adrFails: true);
        Assert.Equal(0UL, ReadRoot(name));
        ReadState(name, out ShutdownState recorded);
        Assert.Equal(((ulong)ways, closed.DeviceId), (recorded.UnsafeShutdownCount, recorded.DeviceId));

        CutInTransaction(name, seed: 2, adrFails: true, flushDeeply: true, leaveOpen: false);
        PmemException refused = Assert.Throws<PmemException>(() => ReadRoot(name));
        Assert.Contains("an ADR failure was detected, the pool might be corrupted", refused.Message, StringComparison.Ordinal);
        Assert.Throws<PmemException>(() => ReadRoot(name));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_pool_that_lost_what_it_had_committed_is_refused_on_a_platform_without_ADR(int hints)
    {
        string name = MakeWithPool(domain: null, hints);
        using (VirtualPlatform platform = VirtualPlatform.Open(_folder))
            platform.PowerCut(1);
        Assert.Equal(0UL, ReadRoot(name));
        int refusals = 0;
        for (int seed = 0; seed < 4; seed++)
        {
            Directory.Delete(_folder, recursive: true);
            MakeWithPool(domain: null, hints);
            CutInTransaction(name, seed, adrFails: false, flushDeeply: false, leaveOpen: true);
            using VirtualPlatform again = VirtualPlatform.Open(_folder);
            bool isDirty = again.Dimms[0].LastShutdownWasDirty;
            Assert.Equal(isDirty ? 1 : 0, again.Dimms[0].DirtyShutdowns);
            again.Dispose();
            if (!isDirty)
                continue;
            Assert.Contains("an ADR failure was detected", Assert.Throws<PmemException>(() => ReadRoot(name)).Message, StringComparison.Ordinal);
            refusals++;
        }

        Assert.True(refusals >= 3, $"{refusals} of 4 power cuts were noticed");
    }

    [Fact]
    public void A_platform_without_ADR_promises_nothing_and_stays_so()
    {
        Make(null, 0).Dispose();
        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Null(again.Domain);
        Assert.Null(Assert.Single(again.Platform.GetRegions()).Domain);
        Assert.Equal(NfitCapabilities.None, Assert.Single(again.BuildNfit().Of<NfitPlatformCapabilities>()).Capabilities);
        Assert.Contains("no ADR", PlatformGuest.FindObstacle(again, GuestAttachment.Nvdimm), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static PersistenceDomain? Named(string domain) => domain switch { "adr" => PersistenceDomain.MemoryController, "eadr" => PersistenceDomain.CpuCache, _ => null };

    private static void ComeTo(Step step, PersistentMap map, long word)
    {
        map.Store(word, 1UL);
        if (step is Step.Flushed or Step.Fenced or Step.QueueDrained)
            map.Flush(word, 8);
        if (step is Step.Fenced or Step.QueueDrained)
            map.Drain();
        if (step == Step.DeeplyFlushed)
            map.DeepFlush(word, 8);
        if (step != Step.QueueDrained)
            return;
        map.Store(Elsewhere, 2UL);
        map.DeepFlush(Elsewhere, 8);
    }

    private VirtualPlatform Make(PersistenceDomain? domain, int hints, int ways = 1) =>
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = ways, Ways = ways, Capacity = 32 * MiB, Domain = domain, FlushHints = hints });

    /// <summary>What each of the words, one to a line, which all were 0, is after a power cut, over the seeds.</summary>
    private HashSet<ulong>[] Outcomes(PersistenceDomain? domain, int hints, bool adrFails, int words, Action<PersistentMap> work)
    {
        string name;
        using (VirtualPlatform made = Make(domain, hints))
            name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 * MiB }).Demand().Name;
        HashSet<ulong>[] found = [.. Enumerable.Range(0, words).Select(_ => new HashSet<ulong>())];
        for (int seed = 0; seed < Seeds; seed++)
        {
            using (VirtualPlatform platform = VirtualPlatform.Open(_folder))
            {
                using PersistentMap map = platform.OpenTracked(name, (0, Watched));
                work(map);
                platform.PowerCut(seed, adrFails);
            }

            using VirtualPlatform again = VirtualPlatform.Open(_folder);
            if (adrFails || domain is not null)
                Assert.Equal(adrFails, again.Dimms[0].LastShutdownWasDirty);
            using PersistentMap left = again.OpenNamespace(name);
            for (int i = 0; i < words; i++)
                found[i].Add(left.ReadUInt64(i * Line));
            left.Fill(0, 0, Watched);
        }

        return found;
    }

    private string MakeWithPool(PersistenceDomain? domain, int hints, int ways = 1)
    {
        using VirtualPlatform made = Make(domain, hints, ways);
        string name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 * MiB }).Demand().Name;
        using ObjectStore store = ObjectStore.Create(made.OpenNamespace(name), "domain");
        store.GetRoot(sizeof(ulong));
        return name;
    }

    /// <summary>Commits one more than there was, perhaps begins another transaction, and cuts the power; returns what was committed.</summary>
    private ulong CutInTransaction(string name, int seed, bool adrFails, bool flushDeeply, bool leaveOpen)
    {
        using VirtualPlatform platform = VirtualPlatform.Open(_folder);
        ObjectStore store = ObjectStore.Open(platform.OpenTracked(name, (0, 64)));
        long root = (long)store.GetRoot(sizeof(ulong)).Offset;
        ulong next = store.Map.ReadUInt64(root) + 1;
        using (Transaction tx = store.BeginTransaction())
        {
            tx.Snapshot(root, sizeof(ulong));
            store.Map.StoreUInt64(root, next);
            tx.Commit();
        }

        if (flushDeeply)
            store.Map.DeepFlush(root, sizeof(ulong));
        if (leaveOpen)
        {
            Transaction tx = store.BeginTransaction();
            tx.Snapshot(root, sizeof(ulong));
            store.Map.StoreUInt64(root, 1_000_000);
            store.Map.Persist(root, sizeof(ulong));
        }

        platform.PowerCut(seed, adrFails);
        return next;
    }

    private void ReadState(string name, out ShutdownState state)
    {
        using VirtualPlatform platform = VirtualPlatform.Open(_folder);
        using PersistentMap map = platform.OpenNamespace(name, readOnly: true);
        state = map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition);
    }

    private ulong ReadRoot(string name)
    {
        using VirtualPlatform platform = VirtualPlatform.Open(_folder);
        using ObjectStore store = ObjectStore.Open(platform.OpenNamespace(name));
        return store.Map.ReadUInt64((long)store.GetRoot(sizeof(ulong)).Offset);
    }
}
