using System.Globalization;
using System.Security.Cryptography;
using Pmem;
using Pmem.Blocks;
using Pmem.Blocks.Checking;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Model;
using Pmem.Emulation;
using Pmem.Emulation.Guest;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tracing;

namespace Interop.Guest;

/// <summary>
/// Power is lost while a sector of a namespace is written, and while sector namespaces are created: a kernel reads old or new, and goes on writing. One boot; each
/// DIMM has an image of its own.
/// </summary>
public sealed class GuestBttCrashTests : IDisposable
{
    private const long MiB = 1 << 20;
    private const int Sector = 4096;
    private const int Cuts = 12;
    private const int Creations = 5;

    private const string Script = """
        dmesg -n 1
        echo @@before
        for i in $(seq 0 11); do
          echo "$i $(for s in 3 4; do dd if=/dev/pmem${i}s bs=4096 skip=$s count=1 2>/dev/null | sha256sum | cut -d' ' -f1; done | tr '\n' ' ')"
        done
        echo @@written
        for i in $(seq 0 11); do
          tr '\0' 'g' </dev/zero | dd of=/dev/pmem${i}s bs=4096 seek=3 count=1 oflag=direct iflag=fullblock 2>/dev/null
          echo "$i $(dd if=/dev/pmem${i}s bs=4096 skip=3 count=1 iflag=direct 2>/dev/null | tr -d 'g' | wc -c)"
        done
        echo @@list
        for n in /sys/bus/nd/devices/namespace*; do
          [ "$(cat $n/size)" = 0 ] && continue
          holder=$(cat $n/holder); mode=raw; case "$holder" in btt*) mode=sector;; esac
          echo "$(basename $n) $mode"
        done
        """;

    private readonly string _parent = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public void Sectors_and_namespaces_that_were_cut_off_are_old_or_new_for_a_kernel()
    {
        using VirtualPlatform platform = VirtualPlatform.Create(Path.Combine(_parent, "vm"), new VirtualPlatformOptions { Dimms = Cuts + Creations, Ways = 1, Capacity = 64 * MiB });
        for (int i = 0; i < Cuts; i++)
            CutWrite(platform, i);
        for (int i = 0; i < Creations; i++)
        {
            // An initialized area has room for a label: the label itself, and the index block that names it.
            platform.TearLabelWrites(Cuts + i, i / 2, i % 2 == 0 ? 0 : 100);
            Assert.Throws<PmemException>(() => platform.Platform.CreateNamespace(Request(Cuts + i)));
        }

        string[] expected = [.. platform.Platform.GetRegions().SelectMany(region => region.Namespaces).Select(space => $"{space.Name} {space.Mode.ToString().ToLowerInvariant()}").Order(StringComparer.Ordinal)];
        Assert.InRange(expected.Length, Cuts + 1, Cuts + Creations - 1);
        GuestMemory memory = platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        IReadOnlyDictionary<string, string> guest = GuestMachine.Run(memory, Script);
        platform.ImportGuest(cancellation: TestContext.Current.CancellationToken);

        var seen = new HashSet<string>(StringComparer.Ordinal);
        string[] lines = guest["before"].Trim().Split('\n');
        Assert.Equal(Cuts, lines.Length);
        foreach (string[] line in lines.Select(line => line.Trim().Split(' ')))
        {
            Assert.Contains(line[1], (string[])[Hash('o'), Hash('n')]);
            Assert.Equal(Hash('k'), line[2]);
            seen.Add(line[1]);
        }

        // The cuts are spread over the write: a guest that read only one of the two would have judged little.
        Assert.Equal(2, seen.Count);
        Assert.Equal([.. Enumerable.Range(0, Cuts).Select(i => $"{i} 0")], guest["written"].Trim().Split('\n'));
        Assert.Equal(expected, guest["list"].Trim().Split('\n').Order(StringComparer.Ordinal));
        for (int i = 0; i < Cuts; i++)
        {
            using PersistentMap raw = platform.Platform.OpenRaw($"namespace{i}.0", readOnly: true, force: true);
            BttCheckResult result = BttChecker.Check(raw, 0, raw.Length);
            Assert.True(result.IsConsistent, string.Join('\n', result.Findings));
        }
    }

    private static NamespaceRequest Request(int region) => new() { Region = string.Create(CultureInfo.InvariantCulture, $"region{region}"), Mode = NamespaceMode.Sector, SectorSize = Sector, Size = 32 * MiB };

    private static byte[] Content(char letter) => [.. Enumerable.Repeat((byte)letter, Sector)];

    private static string Hash(char letter) => Convert.ToHexStringLower(SHA256.HashData(Content(letter)));

    /// <summary>Leaves of a namespace what a power failure in the middle of a write may leave.</summary>
    private static void CutWrite(VirtualPlatform platform, int number)
    {
        NamespaceView space = platform.Platform.CreateNamespace(Request(number)).Demand();
        using PersistentMap raw = platform.Platform.OpenRaw(space.Name, readOnly: false, force: true);
        Trace trace;
        using (BlockTranslationTable table = BlockTranslationTable.Open(raw, 0, raw.Length))
        {
            table.Write(3, Content('o'));
            table.Write(4, Content('k'));
            using var recorder = new TraceRecorder(raw);
            table.Write(3, Content('n'));
            trace = recorder.Stop();
        }

        // Before the first event, after the last, and between; what is pending is there in part.
        var random = new Random(number);
        var model = new PersistencyModel(trace.Initial, trace.Granularity);
        foreach (TraceEvent item in trace.Events.Take(trace.Events.Count * number / (Cuts - 1)))
            model.Apply(item);
        raw.Copy(0, model.Guaranteed);
        foreach (PendingLine line in model.Pending)
            raw.Copy(line.Offset, line.GetContent(random.NextInt64(line.Choices)));
        raw.Persist(0, raw.Length);
    }
}
