using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>What power cuts leave where write queues are lost: without ADR, and when ADR fails; and what deep flushes save from it.</summary>
public sealed class PowerDomainTests : IDisposable
{
    private const int Seeds = 16;
    private const long MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"pmem-domain-{Guid.NewGuid():n}");

    [Fact]
    public void Without_ADR_drained_stores_may_be_lost_or_not()
    {
        HashSet<ulong> found = Outcomes(null, hints: 0, adrFails: false, map =>
        {
            map.Store(0, 1UL);
            map.Persist(0, 8);
        });
        Assert.Equal([0UL, 1UL], found.Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Without_ADR_a_deep_flush_saves_all_that_was_drained_before(int hints)
    {
        HashSet<ulong> found = Outcomes(null, hints, adrFails: false, FlushElsewhere);
        Assert.Equal([1UL], found);
    }

    [Fact]
    public void A_write_to_a_flush_hint_saves_the_queue_from_a_failed_ADR() =>
        Assert.Equal([1UL], Outcomes(PersistenceDomain.MemoryController, hints: 2, adrFails: true, FlushElsewhere));

    [Fact]
    public void With_ADR_and_no_flush_hints_a_deep_flush_saves_its_own_range_only()
    {
        Assert.Equal([0UL, 1UL], Outcomes(PersistenceDomain.MemoryController, hints: 0, adrFails: true, FlushElsewhere).Order());
        Assert.Equal([1UL], Outcomes(PersistenceDomain.MemoryController, hints: 0, adrFails: true, map =>
        {
            map.Store(0, 1UL);
            map.DeepFlush(0, 8);
        }));
    }

    [Fact]
    public void Stores_after_the_last_deep_flush_may_be_lost_though_drained()
    {
        HashSet<ulong> found = Outcomes(PersistenceDomain.MemoryController, hints: 2, adrFails: true, map =>
        {
            FlushElsewhere(map);
            map.Store(0, 2UL);
            map.Persist(0, 8);
        });
        Assert.Equal([1UL, 2UL], found.Order());
    }

    [Fact]
    public void A_deep_flush_does_not_save_what_is_only_in_caches()
    {
        HashSet<ulong> found = Outcomes(null, hints: 2, adrFails: false, map =>
        {
            map.Store(0, 1UL);
            map.Store(4096, 2UL);
            map.DeepFlush(4096, 8);
        });
        Assert.Equal([0UL, 1UL], found.Order());
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

    // The word at 0 reaches the write queue; the deep flush is of another line.
    private static void FlushElsewhere(PersistentMap map)
    {
        map.Store(0, 1UL);
        map.Persist(0, 8);
        map.Store(4096, 2UL);
        map.DeepFlush(4096, 8);
    }

    private VirtualPlatform Make(PersistenceDomain? domain, int hints) =>
        VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 32 * MiB, Domain = domain, FlushHints = hints });

    /// <summary>What the word at 0 is after a power cut, over the seeds.</summary>
    private HashSet<ulong> Outcomes(PersistenceDomain? domain, int hints, bool adrFails, Action<PersistentMap> work)
    {
        var found = new HashSet<ulong>();
        for (int seed = 0; seed < Seeds; seed++)
        {
            string name;
            using (VirtualPlatform made = Make(domain, hints))
            {
                name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 * MiB }).Demand().Name;
                using PersistentMap map = made.OpenTracked(name);
                work(map);
                made.PowerCut(seed, adrFails);
            }

            using (VirtualPlatform again = VirtualPlatform.Open(_folder))
            {
                Assert.Equal(adrFails, again.Dimms[0].LastShutdownWasDirty);
                using PersistentMap map = again.OpenNamespace(name);
                found.Add(map.ReadUInt64(0));
            }

            Dispose();
        }

        return found;
    }
}
