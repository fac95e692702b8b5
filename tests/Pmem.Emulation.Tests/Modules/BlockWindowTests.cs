using Pmem.Emulation.Modules;
using Pmem.Platform.Dsm;

namespace Pmem.Emulation.Tests.Modules;

public sealed class BlockWindowTests : IDisposable
{
    private const int MiB = 1 << 20;
    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-windows-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_command_moves_the_aperture_and_what_is_written_is_on_media()
    {
        using VirtualPlatform made = Make();
        byte[] data = new byte[4096];
        new Random(3).NextBytes(data);
        using (BlockWindows windows = made.OpenBlockWindows(0))
        {
            BlockWindow window = windows[0];
            window.WriteCommand(BlockWindow.Compose(3 * 4096, 4096, write: true));
            Assert.Equal(BlockWindowStatus.None, window.Status);
            window.Write(0, data);
            byte[] read = new byte[4096];
            window.Read(0, read);
            Assert.Equal(BlockWindowStatus.Mismatch, window.Status);
            window.WriteCommand(BlockWindow.Compose(3 * 4096, 4096, write: false));
            window.Read(0, read);
            Assert.Equal((BlockWindowStatus.None, true), (window.Status, read.AsSpan().SequenceEqual(data)));
            window.WriteCommand(BlockWindow.Compose((3 * 4096) + 64, 64, write: false));
            window.Read(0, read.AsSpan(0, 64));
            Assert.True(read.AsSpan(0, 64).SequenceEqual(data.AsSpan(64, 64)));
        }

        Assert.Equal(data, File.ReadAllBytes(Path.Combine(_folder, "dimm-0.img")).AsSpan(3 * 4096, 4096).ToArray());
    }

    [Fact]
    public void Content_is_not_erased_under_open_windows_and_a_power_cut_closes_them()
    {
        using VirtualPlatform made = Make();
        using BlockWindows windows = made.OpenBlockWindows(0);
        BlockWindow window = windows[0];
        window.WriteCommand(BlockWindow.Compose(0, 4096, write: true));
        window.Write(0, [1, 2, 3]);
        Assert.Equal((ushort)IntelStatus.NotReady, made.Execute<DsmStatus>(0, DsmFamilies.Intel, 24, new PassphraseInput()).Status);
        made.PowerCut(1);
        Assert.Throws<ObjectDisposedException>(() => window.Write(0, [4, 5, 6]));
        window.WriteCommand(BlockWindow.Compose(0, 4096, write: true));
        Assert.Equal(BlockWindowStatus.InvalidAddress, window.Status);
        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(Path.Combine(_folder, "dimm-0.img")).AsSpan(0, 3).ToArray());
        Assert.Equal(1UL, again.Dimms[0].MostWrites);
        Assert.Equal((ushort)IntelStatus.Success, again.Execute<DsmStatus>(0, DsmFamilies.Intel, 24, new PassphraseInput()).Status);
    }

    [Fact]
    public void Windows_that_are_closed_after_a_guest_got_the_memory_still_age_their_module()
    {
        using VirtualPlatform made = Make();
        using (BlockWindows windows = made.OpenBlockWindows(0))
        {
            windows[0].WriteCommand(BlockWindow.Compose(0, 4096, write: true));
            windows[0].Write(0, [1, 2, 3]);
            made.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        }

        made.ImportGuest(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(1UL, made.Dimms[0].MostWrites);
    }

    [Fact]
    public void The_command_register_has_the_bits_of_Linux() =>
        Assert.Equal((1UL << 56) | (8UL << 48) | 0x40, BlockWindow.Compose(0x1000, 512, write: true));

    [Fact]
    public void Ranges_beyond_the_module_or_the_aperture_are_refused()
    {
        using VirtualPlatform made = Make();
        using BlockWindows windows = made.OpenBlockWindows(0, 1, 4096);
        BlockWindow window = windows[0];
        var random = new Random(4);
        foreach (ulong command in (ulong[])[BlockWindow.Compose(32 * MiB, 64, write: true), BlockWindow.Compose(0, 8192, write: true), ulong.MaxValue, (1UL << 48) - 1])
        {
            window.WriteCommand(command);
            Assert.Equal(BlockWindowStatus.InvalidAddress, window.Status);
            window.Write(0, [1]);
            Assert.True(window.Status.HasFlag(BlockWindowStatus.InvalidAddress));
        }

        byte[] buffer = new byte[4096];
        for (int i = 0; i < 20_000; i++)
        {
            window.WriteCommand((ulong)random.NextInt64() >> random.Next(64));
            window.Read(random.Next(-5, 5000), buffer.AsSpan(0, random.Next(4096)));
        }

        window.WriteCommand(BlockWindow.Compose(0, 64, write: false));
        Assert.Equal(BlockWindowStatus.None, window.Status);
    }

    [Fact]
    public void Errors_are_met_by_reads_and_cleared_by_writes()
    {
        using VirtualPlatform made = Make();
        made.InjectPoison(0, 4096, 512);
        using BlockWindows windows = made.OpenBlockWindows(0);
        BlockWindow window = windows[0];
        window.WriteCommand(BlockWindow.Compose(4096, 4096, write: false));
        Assert.Equal(BlockWindowStatus.UncorrectableError, window.Status);
        window.WriteCommand(BlockWindow.Compose(4096, 64, write: true));
        window.Write(0, new byte[64]);
        Assert.Equal([new PoisonedRange(4096, 512)], made.Dimms[0].Poison);
        window.WriteCommand(BlockWindow.Compose(4096, 256, write: true));
        window.Write(0, new byte[256]);
        Assert.Equal([new PoisonedRange(4352, 256)], made.Dimms[0].Poison);
    }

    [Fact]
    public void Many_windows_work_at_the_same_time()
    {
        const int Windows = 8;
        const int Writes = 400;
        using VirtualPlatform made = Make();
        using (BlockWindows windows = made.OpenBlockWindows(0, Windows))
        {
            // Each thread has blocks of its own, beside those of the others.
            Parallel.For(0, Windows, new ParallelOptions { MaxDegreeOfParallelism = Windows }, number =>
            {
                var random = new Random(number);
                byte[] block = new byte[512];
                byte[] read = new byte[512];
                BlockWindow window = windows[number];
                for (int i = 0; i < Writes; i++)
                {
                    long dpa = ((random.Next(256) * Windows) + number) * 512L;
                    random.NextBytes(block);
                    window.WriteCommand(BlockWindow.Compose(dpa, 512, write: true));
                    window.Write(0, block);
                    window.WriteCommand(BlockWindow.Compose(dpa, 512, write: false));
                    window.Read(0, read);
                    Assert.Equal(BlockWindowStatus.None, window.Status);
                    Assert.True(read.AsSpan().SequenceEqual(block));
                }
            });
        }

        Assert.Equal((ulong)(Windows * Writes), made.GetWear(0).Aggregate(0UL, (sum, count) => sum + count));
    }

    [Fact]
    public void Wear_is_counted_for_each_block_and_uses_up_life()
    {
        using VirtualPlatform made = Make();
        made.Inject(0, dimm => dimm with { Endurance = 200 });
        using (BlockWindows windows = made.OpenBlockWindows(0))
        {
            windows[0].WriteCommand(BlockWindow.Compose(65536, 64, write: true));
            for (int i = 0; i < 50; i++)
                windows[0].Write(0, new byte[64]);
        }

        Assert.Equal([0UL, 50UL, 0UL], made.GetWear(0).Take(3));
        Assert.Equal(25, made.Dimms[0].LifeUsed);
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 32 * MiB });
}
