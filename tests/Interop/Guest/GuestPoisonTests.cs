using Pmem;
using Pmem.Emulation;
using Pmem.Emulation.Guest;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>
/// Errors in each place that metadata has, one place on each DIMM: what a kernel makes of the namespaces is what is predicted. One boot of the release's kernel, and one
/// of 6.12.
/// </summary>
public sealed class GuestPoisonTests : IDisposable
{
    private const long MiB = 1 << 20;

    private const string Script = """
        dmesg -n 1
        echo @@list
        for n in /sys/bus/nd/devices/namespace*; do
          [ "$(cat $n/size)" = 0 ] && continue
          b=$(basename $n); h=$(cat $n/holder); u=$b; [ -n "$h" ] && u=$h
          state=disabled; [ -e /sys/bus/nd/devices/$u/driver ] && state=enabled
          mode=raw; case "$h" in btt*) mode=sector;; pfn*) mode=fsdax;; dax*) mode=devdax;; esac
          [ $state = disabled ] && mode=-
          echo "$b $mode $state"
        done
        echo @@bad
        for r in 1 3; do echo "region$r $(tr '\n' ';' < /sys/bus/nd/devices/region$r/badblocks)"; done
        """;

    private readonly string _parent = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Theory]
    [InlineData(KernelVersion.Linux61)]
    [InlineData(KernelVersion.Linux612)]
    public void A_kernel_makes_of_poisoned_metadata_what_we_say_it_makes(KernelVersion version)
    {
        using VirtualPlatform platform = VirtualPlatform.Create(Path.Combine(_parent, "vm"), new VirtualPlatformOptions { Dimms = 11, Ways = 1, Capacity = 96 * MiB });
        NamespaceView[] Make(int region, params NamespaceMode[] modes) =>
            [.. modes.Select(mode => platform.Platform.CreateNamespace(new NamespaceRequest { Region = $"region{region}", Mode = mode, Size = 32 * MiB }).Demand())];
        void Poison(NamespaceView space, long offset) => platform.InjectPoison(space.Start + (ulong)offset, 256);

        Poison(Make(0, NamespaceMode.Fsdax)[0], 4096 + 100);
        Poison(Make(1, NamespaceMode.Fsdax)[0], 12288);
        Poison(Make(2, NamespaceMode.Sector)[0], 4096 * 9);
        Poison(Make(3, NamespaceMode.Fsdax, NamespaceMode.Fsdax)[1], 12288);
        Poison(Make(4, NamespaceMode.Sector)[0], 100);
        Poison(Make(5, NamespaceMode.Sector)[0], (32 * MiB) - 4096 - 16384);
        Poison(Make(6, NamespaceMode.Sector)[0], (32 * MiB) - 4096 - 16384 - 4096);
        Poison(Make(7, NamespaceMode.Sector)[0], (32 * MiB) - 4096);
        Poison(Make(8, NamespaceMode.Devdax)[0], 4096);
        Poison(Make(9, NamespaceMode.Fsdax, NamespaceMode.Fsdax)[0], 2 * MiB);

        // A block of pads that leave nothing, and a flog that no write leaves: no errors, and refused all the same.
        NamespaceView[] odd = Make(10, NamespaceMode.Fsdax, NamespaceMode.Sector);
        using (PersistentMap raw = platform.Platform.OpenRaw(odd[0].Name, readOnly: false, force: true))
        {
            PfnInfoBlock block = PfnInfoBlock.TryParse(raw.GetSpan(PfnInfoBlock.Position, PfnInfoBlock.Size), out _)! with { EndTruncate = 30 << 20 };
            byte[] bytes = new byte[PfnInfoBlock.Size];
            block.Write(bytes);
            raw.Copy(PfnInfoBlock.Position, bytes);
        }

        using (PersistentMap raw = platform.Platform.OpenRaw(odd[1].Name, readOnly: false, force: true))
            raw.Copy((32 * MiB) - 4096 - 16384 + 12, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

        // A platform lists what 6.1 shows.
        string[] listed = [.. platform.Platform.GetRegions().SelectMany(region => region.Namespaces).Select(Line)];
        string[] predicted;
        using (PlatformEvidence evidence = platform.GetEvidence())
        {
            KernelPrediction prediction = PlatformExplainer.Predict(evidence, version);
            predicted = [.. prediction.Regions.SelectMany(region => region.View.Namespaces).Select(Line)];
        }

        if (version == KernelVersion.Linux61)
            Assert.Equal(predicted, listed);
        GuestMemory memory = platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        IReadOnlyDictionary<string, string> guest = GuestMachine.Boot(options => memory.AddTo(options) with { Script = Script }, version == KernelVersion.Linux612 ? GuestSystem.KernelOf("6.12") : null).Sections;
        platform.ImportGuest(cancellation: TestContext.Current.CancellationToken);
        // A kernel clears errors among page structures where the namespace begins with its region, and nowhere else.
        Assert.Equal("region1\nregion3 65560 1;", guest["bad"].Replace(" \n", "\n", StringComparison.Ordinal).Trim());
        Assert.Equal(predicted.Order(StringComparer.Ordinal), guest["list"].Trim().Split('\n').Order(StringComparer.Ordinal));
    }

    private static string Line(NamespaceView space) => space.IsEnabled ? $"{space.Name} {space.Mode.ToString().ToLowerInvariant()} enabled" : $"{space.Name} - disabled";
}
