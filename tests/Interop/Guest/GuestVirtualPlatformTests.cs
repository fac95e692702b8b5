using System.Security.Cryptography;
using System.Text.Json;
using Pmem;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>A virtual platform of interleaved sets, booted: the kernel finds what we laid out, and we find what it changed. One boot.</summary>
public sealed class GuestVirtualPlatformTests : IDisposable
{
    private const long MiB = 1 << 20;

    private const string Script = """
        dmesg -n 1
        echo @@list
        ndctl list -DRNHi
        echo @@kernel
        dmesg | grep -E "nfit|ACPI (Error|BIOS|Warning)|nvdimm|nd_|pmem"
        echo @@data
        sha256sum /dev/pmem0.1
        echo @@write
        tr '\0' 'x' </dev/zero | dd of=/dev/pmem0.1 bs=4096 seek=3 count=9 2>&1
        sync
        ndctl create-namespace -r region1 -m fsdax -n fromguest -s 32M 2>&1
        """;

    private readonly string _folder = Path.Combine(Peers.NewFolder(), "vm");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Fact]
    public void A_kernel_finds_what_we_laid_out_and_we_find_what_it_changed()
    {
        byte[] data = new byte[16 * MiB];
        new Random(5).NextBytes(data);
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = 64 * MiB, LineSize = 4096 }))
        {
            made.Inject(1, dimm => dimm with { DirtyShutdowns = 5, Spares = 20, MediaTemperature = 41.5, SparesThreshold = 30 });
            made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Name = "first" }).Demand();
            NamespaceView raw = made.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 16 << 20, Name = "raw" }).Demand();
            using (PersistentMap map = made.OpenNamespace(raw.Name))
                map.Copy(0, data);

            IReadOnlyDictionary<string, string> guest = GuestMachine.Run(made.ExportGuest(cancellation: TestContext.Current.CancellationToken), Script);
            made.ImportGuest(cancellation: TestContext.Current.CancellationToken);
            Assert.DoesNotMatch("(?i)error|warn|fail|unknown|disabling|exception", guest["kernel"]);
            JsonElement list = Json(guest["list"]);
            JsonElement[] dimms = [.. list.GetProperty("dimms").EnumerateArray().OrderBy(dimm => dimm.GetProperty("handle").GetInt32())];
            Assert.Equal(made.Platform.GetDimms().Select(dimm => dimm.Id), dimms.Select(dimm => dimm.GetProperty("id").GetString()));
            JsonElement health = dimms[1].GetProperty("health");
            Assert.Equal("non-critical", health.GetProperty("health_state").GetString());
            Assert.Equal((41.5, 20, 30, 5), (health.GetProperty("temperature_celsius").GetDouble(), health.GetProperty("spares_percentage").GetInt32(), health.GetProperty("spares_threshold").GetInt32(), health.GetProperty("shutdown_count").GetInt32()));
            Assert.Equal($"{Convert.ToHexStringLower(SHA256.HashData(data))}  /dev/pmem0.1", guest["data"].Trim());
            Assert.Contains("fromguest", guest["write"], StringComparison.Ordinal);
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        data.AsSpan(3 * 4096, 9 * 4096).Fill((byte)'x');
        IReadOnlyList<RegionView> regions = again.Platform.GetRegions();
        Assert.Equal(["first", "raw"], regions[0].Namespaces.Select(space => space.FriendlyName));
        Assert.Equal(("fromguest", NamespaceMode.Fsdax), regions[1].Namespaces.Select(space => (space.FriendlyName, space.Mode)).Single());
        using PersistentMap read = again.OpenNamespace(regions[0].Namespaces[1].Name, readOnly: true);
        Assert.True(read.GetSpan(0, data.Length).SequenceEqual(data));
    }

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement.Clone();
        return root.ValueKind == JsonValueKind.Array ? root[0] : root;
    }
}
