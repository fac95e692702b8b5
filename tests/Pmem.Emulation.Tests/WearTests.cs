using Pmem.Emulation.Modules;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Wear that tracked volumes leave, and label writes that are told to tear.</summary>
public sealed class WearTests : IDisposable
{
    private const long MiB = 1 << 20;
    private const int Block = 64 << 10;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-wear-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Flushes_of_a_tracked_volume_wear_the_blocks_that_they_are_in(bool cut)
    {
        string name;
        long start;
        using (VirtualPlatform made = Make())
        {
            NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 * MiB }).Demand();
            (name, start) = (space.Name, (long)(space.Start - made.Sets[0].Start));
            made.Inject(1, dimm => dimm with { Endurance = 10 });
            using PersistentMap map = made.OpenTracked(name, (0, 64));
            for (int i = 0; i < 3; i++)
            {
                map.Store(0, (ulong)i);
                map.Persist(0, 8);
            }

            // The second line of the set is the other DIMM's.
            map.Store(4096, 1UL);
            map.Flush(4096, 8);
            map.DeepFlush(4096, 8);
            map.Store(8192, 1UL);
            if (cut)
                made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        (int first, long dpa) = again.Translate(again.Sets[0].Start + (ulong)start)!.Value;
        Assert.Equal(3UL, again.GetWear(first)[(int)(dpa / Block)]);
        Assert.Equal(2UL, again.GetWear(1 - first)[(int)(dpa / Block)]);
        Assert.Equal((3UL, 2UL), (again.Dimms[first].MostWrites, again.Dimms[1 - first].MostWrites));
        Assert.Equal(first == 1 ? 30 : 20, again.Dimms[1].LifeUsed);
        Assert.Equal(again.Dimms[1].LifeUsed, again.Platform.GetHealth("nmem1").Demand().LifeUsed);
        Assert.Equal(0, again.Dimms[0].LifeUsed);
    }

    [Fact]
    public void Wear_adds_up_over_openings_and_volumes_that_are_not_tracked_leave_none()
    {
        string name;
        using (VirtualPlatform made = Make())
            name = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 * MiB }).Demand().Name;
        for (int i = 0; i < 4; i++)
        {
            using VirtualPlatform platform = VirtualPlatform.Open(_folder);
            using PersistentMap map = i % 2 == 0 ? platform.OpenTracked(name, (0, 64)) : platform.OpenNamespace(name);
            map.Store(0, (ulong)i);
            map.Persist(0, 8);
            if (i % 2 == 0)
                Assert.Equal(1 + ((ulong)i / 2), platform.GetWear(0).Max());
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(2UL, again.GetWear(0).Max());
        Assert.Equal(2UL, again.Dimms[0].MostWrites);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_process_wrote_before_it_was_killed_is_counted(bool throughWindows)
    {
        string killed = $"{_folder}-killed";
        try
        {
            using (VirtualPlatform made = Make())
            {
                made.Inject(0, dimm => dimm with { Endurance = 10 });
                made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 * MiB }).Demand();
                using PersistentMap? map = throughWindows ? null : made.OpenTracked("namespace0.0", (0, 64));
                using BlockWindows? windows = throughWindows ? made.OpenBlockWindows(0) : null;
                windows?[0].WriteCommand(BlockWindow.Compose(0, 64, write: true));
                for (int i = 0; i < 3; i++)
                {
                    map?.Persist(0, 8);
                    windows?[0].Write(0, new byte[8]);
                }

                Directory.CreateDirectory(killed);
                foreach (string file in Directory.GetFiles(_folder))
                {
                    using PersistentMap source = PersistentMap.Open(file, new PersistentMapOptions { Access = MapAccess.ReadOnly });
                    File.WriteAllBytes(Path.Combine(killed, Path.GetFileName(file)), source.GetSpan(0, checked((int)source.Length)));
                }
            }

            using VirtualPlatform again = VirtualPlatform.Open(killed);
            Assert.Equal(3UL, again.GetWear(0)[0]);
            Assert.Equal((3UL, 30), (again.Dimms[0].MostWrites, again.Dimms[0].LifeUsed));
        }
        finally
        {
            Directory.Delete(killed, recursive: true);
        }
    }

    [Fact]
    public void A_label_write_that_is_told_to_tear_does_so_after_an_opening_and_once()
    {
        using (VirtualPlatform made = Make())
            made.TearLabelWritesOnce(0, writes: 1, bytes: 20);
        using (VirtualPlatform opened = VirtualPlatform.Open(_folder))
        {
            Assert.Equal(new TornLabels(1, 20), opened.Dimms[0].TornLabels);
            opened.Inject(1, dimm => dimm with { Spares = 60 });
            Assert.Throws<PmemException>(() => opened.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand());
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Null(again.Dimms[0].TornLabels);
        Assert.Empty(again.Platform.GetRegions()[0].Namespaces);
        again.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand();
        Assert.Single(again.Platform.GetRegions()[0].Namespaces);
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 32 * MiB, LineSize = 4096 });
}
