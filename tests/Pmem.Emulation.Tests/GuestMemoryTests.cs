using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Memory that a guest gets and gives back; guests that use it are in the tests with peers.</summary>
public sealed class GuestMemoryTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int SetSize = 8 * MiB;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-guest-{Guid.NewGuid():n}");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_guest_has_sets_in_the_order_of_addresses_and_label_areas_in_registers()
    {
        using VirtualPlatform made = Make();
        byte[] content = Scribble(made);
        GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
        Assert.Equal((2UL * SetSize, 0x1_0000_0000UL), (memory.Length, memory.Start));
        Assert.Equal(content, File.ReadAllBytes(memory.Path));
        byte[] registers = File.ReadAllBytes(memory.RegistersPath);
        Assert.Equal(memory.RegistersLength, (ulong)registers.Length);
        for (int i = 0; i < 4; i++)
        {
            byte[] file = File.ReadAllBytes(Path.Combine(_folder, $"dimm-{i}.img"));
            Assert.NotEqual(-1, registers.AsSpan().IndexOf(file.AsSpan(^(128 << 10))));
        }

        Assert.Equal(made.BuildNfit().ToBytes(), File.ReadAllBytes(memory.NfitPath));
        Assert.Equal(made.BuildSsdt(), File.ReadAllBytes(memory.SsdtPath));
        Assert.Equal("memmap=6M$1G memmap=16M$4G", memory.KernelParameters);
    }

    [Fact]
    public void What_a_guest_wrote_is_on_the_DIMMs_and_nothing_else_changed()
    {
        byte[] content;
        using (VirtualPlatform made = Make())
        {
            content = Scribble(made);
            GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
            Assert.Throws<PmemException>(() => made.ExportGuest(cancellation: Cancellation));
            Assert.Throws<PmemException>(() => made.OpenNamespace("namespace0.0"));
            Assert.Throws<PmemException>(() => made.InjectPoison(0, 0, 256));
            Change(memory, content);
            made.ImportGuest(cancellation: Cancellation);
            Assert.False(made.HasGuest);
            Assert.Throws<PmemException>(() => made.ImportGuest(cancellation: Cancellation));
            Assert.Empty(Directory.GetFiles(_folder, "guest*"));
        }

        Assert.Equal(content, Sets());
    }

    [Fact]
    public void A_crash_at_any_place_of_writing_back_is_made_good_at_the_next_opening()
    {
        int interrupted = 0;
        for (int reports = 0; ; reports++)
        {
            byte[] before;
            byte[] after;
            bool ended;
            using (VirtualPlatform made = Make())
            {
                before = Scribble(made);
                after = [.. before];
                Change(made.ExportGuest(cancellation: Cancellation), after);
                using var crash = new CancellationTokenSource();
                int left = reports;
                var progress = new Told(_ => (left-- == 0 ? crash : null)?.Cancel());
                if (reports == 0)
                    crash.Cancel();
                ended = Record.Exception(() => made.ImportGuest(progress, crash.Token)) is not OperationCanceledException;
                Assert.Equal(!ended, made.HasGuest);
            }

            byte[] torn = Sets();
            interrupted += !torn.AsSpan().SequenceEqual(before) && !torn.AsSpan().SequenceEqual(after) ? 1 : 0;
            VirtualPlatform.Open(_folder).Dispose();
            Assert.Equal(after, Sets());
            Dispose();
            if (ended)
                break;
        }

        Assert.True(interrupted > 3, $"only {interrupted} runs were interrupted between the first write and the last");
    }

    [Fact]
    public void What_a_guest_wrote_can_be_given_up()
    {
        byte[] content;
        GuestMemory memory;
        using (VirtualPlatform made = Make())
        {
            content = Scribble(made);
            memory = made.ExportGuest(cancellation: Cancellation);
            Change(memory, [.. content]);
        }

        File.Delete(memory.RegistersPath);
        Assert.Contains("discardGuest", Assert.Throws<PmemException>(() => VirtualPlatform.Open(_folder)).Message, StringComparison.Ordinal);
        VirtualPlatform.Open(_folder, discardGuest: true).Dispose();
        Assert.Equal(content, Sets());
        Assert.Empty(Directory.GetFiles(_folder, "guest*"));
    }

    [Fact]
    public void What_a_guest_does_to_errors_and_health_is_taken_over()
    {
        using VirtualPlatform made = Make();
        made.InjectPoison(0, 0, 256);
        made.InjectPoison(1, 4096, 8192);
        GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
        using (FileStream file = File.Open(memory.RegistersPath, FileMode.Open))
        {
            byte[] bytes = new byte[NvdimmErrorRegisters.Size];
            file.ReadExactly(bytes);
            // Lines of 4096 alternate: the second error is two ranges.
            Assert.Equal([(0UL, 256UL), (3 * 4096, 4096), (5 * 4096, 4096)], NvdimmErrorRegisters.Parse(bytes).Ranges.Select(range => (range.Start - memory.Start, range.Length)));
            file.Position = 0;
            file.Write(new NvdimmErrorRegisters { Ranges = [new(memory.Start + 256, 256), new(memory.Start + (3 * 4096), 4096), new(memory.Start + (2 * SetSize) - 256, 512)] }.ToBytes());
            NvdimmHealthRegisters health = GuestRegisters.HealthOf(made.Dimms[2]) with { InjectedSpares = 7, IsLatched = true };
            health.Thresholds.SparesThreshold = 200;
            file.Position = (long)GuestRegisters.HealthPosition(2);
            file.Write(health.ToBytes());
        }

        made.ImportGuest(cancellation: Cancellation);
        Assert.Equal([new PoisonedRange(256, 256)], made.Dimms[0].Poison);
        Assert.Equal([new PoisonedRange(4096, 4096)], made.Dimms[1].Poison);
        Assert.Equal([new PoisonedRange((SetSize / 2) - 256, 256)], made.Dimms[3].Poison);
        Assert.Equal((7, true, 50), (made.Dimms[2].GetHealth().Spares!.Value, made.Dimms[2].IsShutdownLatched, made.Dimms[2].SparesThreshold));
        Assert.Null(made.Dimms[0].Pretended);
    }

    [Fact]
    public void Registers_that_a_guest_scribbled_over_do_no_harm()
    {
        var random = new Random(13);
        using VirtualPlatform made = Make();
        made.InjectPoison(0, 0, 256);
        for (int i = 0; i < 10; i++)
        {
            GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
            byte[] noise = new byte[0x2_0000];
            random.NextBytes(noise);
            using (FileStream file = File.OpenWrite(memory.RegistersPath))
                file.Write(noise);
            made.ImportGuest(cancellation: Cancellation);
            Assert.InRange(made.Dimms[0].GetHealth().Spares!.Value, 0, 100);
        }

        Assert.NotEmpty(made.Dimms[0].Poison);
    }

    [Fact]
    public void Flush_hints_are_in_the_registers_and_in_the_table()
    {
        using VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = SetSize / 2, FlushHints = 32 });
        Nfit nfit = made.BuildNfit();
        GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
        ulong[] hints = [.. nfit.Of<NfitFlushHints>().SelectMany(module => module.Addresses)];
        Assert.Equal(4 * 32, hints.Distinct().Count());
        Assert.All(hints, hint => Assert.InRange(hint, GuestMemory.RegistersStart + GuestRegisters.HealthPosition(256), GuestMemory.RegistersStart + GuestRegisters.LabelPosition(made.Dimms, 0) - 8));
        Assert.Equal([1u, 2u, 3u, 4u], nfit.Of<NfitFlushHints>().Select(module => module.Handle.Value));
        Assert.Empty(NfitLint.Examine(nfit.ToBytes(), new NfitLintOptions { Devices = [.. made.Dimms.Select(dimm => new NfitDeviceHandle(dimm.Handle))] }));
        Assert.Equal(nfit.ToBytes(), File.ReadAllBytes(memory.NfitPath));
        Dispose();
        Assert.Throws<PmemException>(() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { FlushHints = 33 }));
    }

    [Fact]
    public void Of_a_set_without_one_of_its_DIMMs_a_guest_sees_nothing()
    {
        using VirtualPlatform made = Make();
        byte[] content = Scribble(made);
        made.Inject(1, dimm => dimm with { IsLost = true });
        GuestMemory memory = made.ExportGuest(cancellation: Cancellation);
        byte[] seen = File.ReadAllBytes(memory.Path);
        Assert.Equal(-1, seen.AsSpan(0, SetSize).IndexOfAnyExcept((byte)0));
        Assert.Equal(content[SetSize..], seen[SetSize..]);
        Nfit nfit = Nfit.Parse(File.ReadAllBytes(memory.NfitPath));
        Assert.Equal([0x1_0000_0000UL + SetSize], nfit.Of<NfitSpaRange>().Select(range => range.Base));
        Assert.Equal([1u, 3u, 4u], nfit.Of<NfitRegionMapping>().Select(mapping => mapping.Handle.Value).Order());
        made.ImportGuest(cancellation: Cancellation);
        Assert.Equal(content, Sets());
    }

    private VirtualPlatform Make() => VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = SetSize / 2, LineSize = 4096 });

    /// <summary>Fills some lines of both sets through the DIMMs' files, and returns the sets as they are to be seen.</summary>
    private byte[] Scribble(VirtualPlatform platform)
    {
        byte[] content = new byte[2 * SetSize];
        var random = new Random(11);
        for (int i = 0; i < 200; i++)
        {
            int line = random.Next(content.Length / 4096);
            random.NextBytes(content.AsSpan(line * 4096, 4096));
            (int dimm, long dpa) = platform.Translate(0x1_0000_0000UL + ((ulong)line * 4096))!.Value;
            using PersistentMap map = PersistentMap.Open(Path.Combine(_folder, platform.Dimms[dimm].File));
            map.Copy(dpa, content.AsSpan(line * 4096, 4096));
        }

        return content;
    }

    /// <summary>What a guest does: stores anywhere in its memory.</summary>
    private static void Change(GuestMemory memory, byte[] content)
    {
        var random = new Random(12);
        using FileStream file = File.OpenWrite(memory.Path);
        for (int i = 0; i < 100; i++)
        {
            int at = random.Next(content.Length - 64);
            random.NextBytes(content.AsSpan(at, 64));
            file.Position = at;
            file.Write(content.AsSpan(at, 64));
        }
    }

    private byte[] Sets()
    {
        byte[] content = new byte[2 * SetSize];
        for (int dimm = 0; dimm < 4; dimm++)
        {
            byte[] file = File.ReadAllBytes(Path.Combine(_folder, $"dimm-{dimm}.img"));
            for (int line = 0; line < SetSize / 2 / 4096; line++)
                file.AsSpan(line * 4096, 4096).CopyTo(content.AsSpan((dimm / 2 * SetSize) + (((line * 2) + (dimm % 2)) * 4096)));
        }

        return content;
    }

    private sealed class Told(Action<double> tell) : IProgress<double>
    {
        public void Report(double value) => tell(value);
    }
}
