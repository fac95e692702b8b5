using System.Text.Json;
using Pmem;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>
/// A virtual platform of two sets of two DIMMs and a third one of which a DIMM is locked, with an error and an ailing DIMM, and what a guest made of it: namespaces laid out by us, errors cleared and injected,
/// health injected, a namespace created by it.
/// </summary>
internal sealed class GuestVirtualPlatform : IDisposable
{
    public const long MiB = 1 << 20;

    /// <summary>Sectors of the namespace "raw": where we put an error, where the guest does and overwrites it, and where it does and leaves it.</summary>
    public const int BadSector = 1000;
    public const int OverwrittenSector = 64;
    public const int InjectedSector = 1600;

    private const string Script = """
        dmesg -n 1
        raw=namespace0.1
        smart() { ndctl list -DH -d $1; }
        echo @@list
        ndctl list -DRNHi
        echo @@functions
        cat /sys/bus/nd/devices/ndbus0/nfit/dsm_mask /sys/bus/nd/devices/nmem0/nfit/dsm_mask /sys/bus/nd/devices/nmem1/nfit/dirty_shutdown
        echo @@security
        for i in 0 1 2 3 4 5; do echo "$(cat /sys/bus/nd/devices/nmem$i/security) $(cat /sys/bus/nd/devices/nmem$i/frozen)"; done
        echo @@lock
        cat /sys/bus/nd/devices/nmem4/flags
        echo @@flush
        for r in 0 1; do echo 1 > /sys/bus/nd/devices/region$r/deep_flush; cat /sys/bus/nd/devices/region$r/deep_flush; done
        echo @@bad
        ndctl list -M -n $raw
        echo @@bad-read
        dd if=/dev/pmem0.1 of=/dev/null bs=512 skip=1000 count=1 2>&1
        echo @@clear
        ndctl clear-errors $raw 2>/dev/null
        echo @@clear-read
        dd if=/dev/pmem0.1 of=/dev/null bs=512 skip=1000 count=1 2>&1
        cat /sys/block/pmem0.1/badblocks
        echo @@data
        sha256sum /dev/pmem0.1
        echo @@inject
        ndctl inject-error -B 64 -n 3 $raw 2>&1 >/dev/null
        ndctl inject-error -t $raw
        echo @@scrub
        ndctl start-scrub >/dev/null 2>&1
        ndctl wait-scrub
        echo @@scrubbed
        cat /sys/block/pmem0.1/badblocks
        echo @@overwrite
        dd if=/dev/zero of=/dev/pmem0.1 bs=4096 seek=8 count=1 oflag=direct 2>&1
        cat /sys/block/pmem0.1/badblocks
        ndctl inject-error -t $raw
        echo @@uninject
        ndctl inject-error -B 800 -n 1 $raw >/dev/null 2>&1
        ndctl inject-error -d -B 800 -n 1 $raw >/dev/null 2>&1
        ndctl inject-error -t $raw
        echo @@quiet
        ndctl inject-error -N -B 1600 -n 1 $raw >/dev/null 2>&1
        ndctl inject-error -t $raw
        echo @@smart-warm
        ndctl inject-smart -m 90 -s 20 nmem0 >/dev/null 2>&1
        smart nmem0
        echo @@smart-fatal
        ndctl inject-smart --media-temperature-uninject --spares-uninject -f nmem0 >/dev/null 2>&1
        smart nmem0
        echo @@smart-thresholds
        ndctl inject-smart --fatal-uninject --media-temperature-threshold=70 --spares-alarm=off nmem0 >/dev/null 2>&1
        smart nmem0
        echo @@smart-dirty
        ndctl inject-smart -U nmem2 >/dev/null 2>&1
        smart nmem2
        echo @@write
        tr '\0' 'x' </dev/zero | dd of=/dev/pmem0.1 bs=4096 seek=3 count=2 2>&1
        sync
        ndctl create-namespace -r region1 -m fsdax -n fromguest -s 32M 2>&1
        echo @@frozen
        echo freeze > /sys/bus/nd/devices/nmem0/security
        echo "$(cat /sys/bus/nd/devices/nmem0/frozen) $(cat /sys/bus/nd/devices/nmem2/frozen)"
        echo @@kernel
        dmesg | grep -E "nfit|ACPI (Error|BIOS|Warning)|nvdimm|nd_|pmem"
        """;

    private readonly string _parent = Peers.NewFolder();

    public GuestVirtualPlatform()
    {
        Data = new byte[16 * MiB];
        new Random(5).NextBytes(Data);
        Protect(new VirtualPlatformOptions { Dimms = 6, Ways = 2, Capacity = 64 * MiB, LineSize = 4096, FlushHints = 2 });
        using VirtualPlatform made = VirtualPlatform.Open(Folder);
        foreach (string dimm in (string[])["nmem0", "nmem1"])
            made.Platform.ChangeSecurity(dimm, new SecurityRequest(SecurityOperation.Unlock) { Current = Passphrase.FromText("secret") }).Demand();
        made.Inject(1, dimm => dimm with { DirtyShutdowns = 5, Spares = 20, MediaTemperature = 41.5, SparesThreshold = 30 });
        made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Name = "first" }).Demand();
        NamespaceView raw = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 16 << 20, Name = "raw" }).Demand();
        using (PersistentMap map = made.OpenNamespace(raw.Name))
            map.Copy(0, Data);
        RawStart = raw.Start;
        made.InjectPoison(raw.Start + (BadSector * 512), 700);
        Ids = [.. made.Platform.GetDimms().Select(dimm => dimm.Id)];
        Sections = GuestMachine.Run(made.ExportGuest(), Script);
        made.ImportGuest();
    }

    /// <summary>Makes the platform with passphrases, and takes its power: three DIMMs are locked.</summary>
    private void Protect(VirtualPlatformOptions options)
    {
        using VirtualPlatform made = VirtualPlatform.Create(Folder, options);
        foreach (string dimm in (string[])["nmem0", "nmem1", "nmem4"])
            made.Platform.ChangeSecurity(dimm, new SecurityRequest(SecurityOperation.SetPassphrase) { Next = Passphrase.FromText("secret") }).Demand();
        made.PowerCut(1);
    }

    public string Folder => Path.Combine(_parent, "vm");

    public IReadOnlyList<string> Ids { get; }

    /// <summary>Content of the namespace "raw" before the guest.</summary>
    public byte[] Data { get; }

    public ulong RawStart { get; }

    /// <summary>What the guest printed.</summary>
    public IReadOnlyDictionary<string, string> Sections { get; }

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    /// <summary>Output of ndctl; of a list its first element.</summary>
    public JsonElement Json(string section)
    {
        using var document = JsonDocument.Parse(Sections[section]);
        JsonElement root = document.RootElement.Clone();
        return root.ValueKind == JsonValueKind.Array ? root[0] : root;
    }

    /// <summary>Health of the DIMM of a section.</summary>
    public JsonElement Health(string section) => Json(section).GetProperty("health");

    /// <summary>Ranges of bad blocks, <c>first+count</c>.</summary>
    public string[] Injected(string section) => Sections[section].Contains('{', StringComparison.Ordinal)
        ? [.. Json(section).GetProperty("badblocks").EnumerateArray().Select(range => $"{range.GetProperty("block").GetInt64()}+{range.GetProperty("count").GetInt64()}")]
        : [];
}
