using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Pmem.Blocks;
using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

public sealed class VirtualPlatformTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-emulation-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_set_of_two_is_one_region_and_stays_over_a_restart()
    {
        using (VirtualPlatform made = Make(2, 2))
        {
            RegionView region = Assert.Single(made.Platform.GetRegions());
            Assert.Equal((256UL << 20, RegionState.Enabled, PersistenceDomain.MemoryController), (region.Size, region.State, region.Domain!.Value));
            made.Platform.CreateNamespace(new NamespaceRequest { Size = 64 << 20, Name = "data" }).Demand();
            made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 << 20, Name = "log" }).Demand();
            made.Platform.DisableNamespace("namespace0.1").Demand();
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal([("data", true), ("log", false)], again.Platform.GetRegions()[0].Namespaces.Select(space => (space.FriendlyName, space.IsEnabled)));
        Assert.Equal(2, again.Platform.GetDimms().Count);
        Assert.True(new FileInfo(Path.Combine(_folder, "dimm-0.img")).Length == (128 * MiB) + (128 << 10));
    }

    [Fact]
    public void Lines_alternate_between_the_files()
    {
        using VirtualPlatform made = Make(2, 2);
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 << 20 }).Demand();
        long line = made.Sets[0].LineSize;
        using (PersistentMap map = made.OpenNamespace(space.Name))
        {
            Assert.Equal(StoreGranularity.CacheLine, map.Granularity);
            for (int i = 0; i < 6; i++)
                map.Copy(i * line, [(byte)(10 + i)]);
        }

        for (int i = 0; i < 6; i++)
        {
            (int dimm, long dpa) = made.Translate(space.Start + (ulong)(i * line))!.Value;
            Assert.Equal((i % 2, i / 2 * line), (dimm, dpa));
            using FileStream file = File.Open(Path.Combine(_folder, $"dimm-{dimm}.img"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            file.Position = dpa;
            Assert.Equal(10 + i, file.ReadByte());
        }

        Assert.Null(made.Translate(5));
    }

    [Fact]
    public void A_sector_namespace_is_a_block_device()
    {
        using VirtualPlatform made = Make(2, 2);
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 << 20 }).Demand();
        byte[] block = [.. Enumerable.Repeat((byte)9, 4096)];
        using (PersistentMap map = made.OpenNamespace(space.Name))
        using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            table.Write(77, block);
        using PersistentMap second = made.OpenNamespace(space.Name);
        using var reopened = BlockTranslationTable.Open(second, 0, second.Length);
        byte[] read = new byte[4096];
        reopened.Read(77, read);
        Assert.Equal(block, read);
    }

    [Fact]
    public void Power_cuts_take_what_was_not_durable_and_nothing_else()
    {
        var survivors = new HashSet<int>();
        for (int seed = 0; seed < 24; seed++)
        {
            string name;
            using (VirtualPlatform made = Make(1, 1, 32))
            {
                name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 << 20 }).Demand().Name;
                using PersistentMap map = made.OpenTracked(name);
                map.Store(0, 1UL);
                map.Persist(0, 8);
                for (int i = 1; i <= 8; i++)
                    map.Store(i * 4096, (ulong)i);
                made.PowerCut(seed);
                Assert.Throws<PmemException>(() => made.OpenNamespace(name));
            }

            using (VirtualPlatform again = VirtualPlatform.Open(_folder))
            {
                using PersistentMap map = again.OpenNamespace(name);
                Assert.Equal(1UL, map.ReadUInt64(0));
                int mask = 0;
                for (int i = 1; i <= 8; i++)
                {
                    ulong value = map.ReadUInt64(i * 4096);
                    Assert.True(value == 0 || value == (ulong)i, $"seed {seed}");
                    mask |= value == 0 ? 0 : 1 << i;
                }

                survivors.Add(mask);
                Assert.Equal(1, again.PowerCuts);
                Assert.False(again.Dimms[0].LastShutdownWasDirty);
            }

            Dispose();
        }

        Assert.True(survivors.Count > 12, $"only {survivors.Count} different outcomes");
    }

    [Fact]
    public void Without_ADR_even_drained_stores_may_be_lost_and_the_shutdown_is_dirty()
    {
        bool lost = false;
        for (int seed = 0; seed < 12 && !lost; seed++)
        {
            string name;
            using (VirtualPlatform made = Make(1, 1, 32))
            {
                name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 << 20 }).Demand().Name;
                using PersistentMap map = made.OpenTracked(name);
                map.Store(0, 1UL);
                map.Persist(0, 8);
                made.PowerCut(seed, adrFails: true);
            }

            using (VirtualPlatform again = VirtualPlatform.Open(_folder))
            {
                Assert.True(again.Dimms[0].LastShutdownWasDirty);
                Assert.Equal(1, again.Dimms[0].DirtyShutdowns);
                using PersistentMap map = again.OpenNamespace(name);
                lost = map.ReadUInt64(0) == 0;
            }

            Dispose();
        }

        Assert.True(lost);
    }

    [Fact]
    public void With_eADR_stores_are_durable_at_once()
    {
        string name;
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 32 * MiB, Domain = PersistenceDomain.CpuCache }))
        {
            name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 16 << 20 }).Demand().Name;
            using PersistentMap map = made.OpenTracked(name);
            Assert.Equal(StoreGranularity.Byte, map.Granularity);
            map.Store(4096, 7UL);
            made.PowerCut(3);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        using PersistentMap read = again.OpenNamespace(name);
        Assert.Equal(7UL, read.ReadUInt64(4096));
    }

    [Fact]
    public void Poison_over_many_lines_is_saved_once_as_one_range_of_each_DIMM()
    {
        const long Length = 1L << 30;
        using VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 4, Capacity = 512 * MiB, LineSize = 4096 });
        made.InjectPoison(made.Sets[0].Start + 256, Length);
        Assert.Equal([256, 0, 0, 0], made.Dimms.Select(dimm => Assert.Single(dimm.Poison).Dpa));
        Assert.Equal(Length, made.Dimms.Sum(dimm => dimm.Poison[0].Length));
        made.ClearPoison(made.Sets[0].Start, 2 * Length);
        Assert.All(made.Dimms, dimm => Assert.Empty(dimm.Poison));
    }

    [Fact]
    public void Poison_is_met_at_its_address_until_it_is_cleared()
    {
        using VirtualPlatform made = Make(2, 2);
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 << 20 }).Demand();
        long line = made.Sets[0].LineSize;
        made.InjectPoison(space.Start + (ulong)line + 300, 10);
        Assert.Equal([new PoisonedRange(256, 256)], made.Dimms[1].Poison);
        Assert.Empty(made.Dimms[0].Poison);
        using (PersistentMap map = made.OpenNamespace(space.Name))
        {
            byte[] buffer = new byte[64];
            Assert.True(map.TryRead(line, buffer));
            Assert.False(map.TryRead(line + 256, buffer));
            Assert.Throws<MediaErrorException>(() => map.CheckedRead(line + 320, buffer));
        }

        made.ClearPoison(space.Start + (ulong)line, 4096);
        Assert.Empty(made.Dimms[1].Poison);
        made.InjectPoison(0, 0, 1024);
        made.ClearPoison(0, 256, 256);
        Assert.Equal([new PoisonedRange(0, 256), new PoisonedRange(512, 512)], made.Dimms[0].Poison);
        Assert.Throws<PmemException>(() => made.InjectPoison(0, 128 * MiB, 1));
        Assert.Throws<PmemException>(() => made.InjectPoison(7, 0, 1));
    }

    [Fact]
    public void Lost_swapped_and_unarmed_DIMMs_are_seen_in_the_region()
    {
        using VirtualPlatform made = Make(2, 2);
        made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Name = "data" }).Demand();
        made.Inject(1, dimm => dimm with { IsLost = true });
        Assert.Equal(RegionState.Disabled, made.Platform.GetRegions()[0].State);
        made.Inject(1, dimm => dimm with { IsLost = false });
        Assert.Single(made.Platform.GetRegions()[0].Namespaces);
        made.Swap(0, 1);
        Assert.Empty(made.Platform.GetRegions()[0].Namespaces);
        made.Swap(0, 1);
        Assert.Single(made.Platform.GetRegions()[0].Namespaces);
        made.Inject(0, dimm => dimm with { IsNotArmed = true, Spares = 10, MediaTemperature = 99 });
        Assert.True(made.Platform.GetRegions()[0].IsReadOnly);
        Assert.Equal("non-critical", made.Dimms[0].Health);
        Assert.Equal(PlatformError.RegionUnusable, made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Error);
        Assert.Contains(made.BuildNfit().Of<NfitRegionMapping>(), mapping => mapping.StateFlags.HasFlag(NfitStateFlags.NotArmed));
    }

    [Fact]
    public void Torn_label_writes_leave_the_old_namespaces_or_the_new_ones()
    {
        for (int writes = 0; writes < 4; writes++)
        {
            foreach (int bytes in (int[])[0, 30, 70])
            {
                using (VirtualPlatform made = Make(1, 1))
                {
                    made.TearLabelWrites(0, writes, bytes);
                    Assert.Throws<PmemException>(() => made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }));
                }

                using (VirtualPlatform again = VirtualPlatform.Open(_folder))
                {
                    RegionView region = again.Platform.GetRegions()[0];
                    Assert.Equal(RegionState.Enabled, region.State);
                    Assert.Equal(writes >= 2 ? 1 : 0, region.Namespaces.Count);
                }

                Dispose();
            }
        }
    }

    [Fact]
    public void The_table_of_the_platform_is_without_findings()
    {
        using VirtualPlatform made = Make(4, 2);
        Nfit nfit = Nfit.Parse(made.BuildNfit().ToBytes());
        Assert.Equal(2, nfit.Of<NfitSpaRange>().Count());
        InterleaveSetMember[] members = [.. nfit.Of<NfitRegionMapping>().Where(mapping => mapping.RangeIndex == 2).Select(mapping => new InterleaveSetMember(mapping.RegionOffset, nfit.Of<NfitControlRegion>().Single(control => control.Index == mapping.ControlRegionIndex).SerialNumber, 0x8086, 0, 0))];
        Assert.Equal(made.Platform.GetRegions()[1].SetCookie, InterleaveSetCookie.Compute(members).Version12);
    }

    [Fact]
    public void Terabytes_of_holes_are_not_read_for_a_guest_or_an_erasure()
    {
        const long Capacity = 1L << 40;
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere files do not tell where their holes are");
        long started = Stopwatch.GetTimestamp();
        using VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = Capacity });
        made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 1UL << 39 }).Demand();
        using (PersistentMap map = made.OpenNamespace("namespace0.0"))
        {
            map.Store((1L << 38) + 8, 7UL);
            map.Persist((1L << 38) + 8, 8);
        }

        GuestMemory memory = made.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        using (SafeFileHandle guest = File.OpenHandle(memory.Path, FileMode.Open, FileAccess.ReadWrite))
        {
            byte[] word = new byte[8];
            RandomAccess.Read(guest, word, (1L << 38) + 8);
            Assert.Equal<byte>([7, 0, 0, 0, 0, 0, 0, 0], word);
            RandomAccess.Write(guest, [9], (1L << 38) + 8);
            RandomAccess.Write(guest, [8], 1L << 37);
        }

        made.ImportGuest(cancellation: TestContext.Current.CancellationToken);
        using (PersistentMap map = made.OpenNamespace("namespace0.0", readOnly: true))
            Assert.Equal((9UL, 8UL), (map.ReadUInt64((1L << 38) + 8), map.ReadUInt64(1L << 37)));
        Assert.Equal(0, made.Execute<DsmStatus>(0, DsmFamilies.Intel, 24, new PassphraseInput()).Status);
        using (PersistentMap map = made.OpenNamespace("namespace0.0", readOnly: true))
            Assert.Equal((0UL, 0UL), (map.ReadUInt64((1L << 38) + 8), map.ReadUInt64(1L << 37)));

        // Reading a terabyte takes minutes; looking where there is something, seconds.
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(90));
    }

    [Fact]
    public void Sets_of_terabytes_get_lines_that_a_table_can_say_and_a_process_can_map()
    {
        using VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 1L << 42 });
        Assert.Equal(1L << 31, made.Sets[0].LineSize);
        Assert.Empty(NfitLint.Examine(NfitScan.Read(made.BuildNfit().ToBytes())));
        NamespaceView space = made.Platform.CreateNamespace(new NamespaceRequest()).Demand();
        Assert.Equal(1UL << 43, space.RawSize);
        using PersistentMap map = made.OpenNamespace(space.Name);
        map.Store(map.Length - 8, 5UL);
        map.Persist(map.Length - 8, 8);
    }

    [Fact]
    public void Impossible_platforms_are_refused_and_nothing_is_left_half_made()
    {
        foreach (VirtualPlatformOptions options in (VirtualPlatformOptions[])
        [
            new() { Dimms = 0 }, new() { Dimms = 3, Ways = 2 }, new() { Dimms = 32, Ways = 32 }, new() { Capacity = 4096 }, new() { Capacity = 64 * MiB, LineSize = 5000 },
            new() { LabelSize = 100 }, new() { Domain = PersistenceDomain.PageCache },
        ])
        {
            Assert.Throws<PmemException>(() => VirtualPlatform.Create(_folder, options));
            Assert.False(Directory.Exists(_folder));
        }

        Directory.CreateDirectory(_folder);
        string stranger = Path.Combine(_folder, "dimm-0.img");
        File.WriteAllText(stranger, "mine");
        Assert.Contains("no platform", Assert.Throws<PmemException>(() => Make(1, 1)).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(stranger));
        File.Delete(stranger);

        using VirtualPlatform made = Make(1, 1);
        Assert.Throws<PmemException>(() => VirtualPlatform.Create(_folder));
        Assert.Contains("in use", Assert.Throws<PmemException>(() => VirtualPlatform.Open(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains("pmem platform create", Assert.Throws<PmemException>(() => VirtualPlatform.Open($"{_folder}-none")).Message, StringComparison.Ordinal);
    }

    private VirtualPlatform Make(int dimms, int ways, long mebibytes = 128) => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = dimms, Ways = ways, Capacity = mebibytes * MiB, LineSize = ways > 1 ? 65536 : null });
}
