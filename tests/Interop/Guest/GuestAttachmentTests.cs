using System.Text.Json;
using Pmem;
using Pmem.Emulation;
using Pmem.Emulation.Guest;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>DIMMs that are sets by themselves, as devices of QEMU: no tables of ours, and still the same platform. One boot for each device.</summary>
public sealed class GuestAttachmentTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Peers.NewFolder(), "vm");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Theory]
    [InlineData(PersistenceDomain.MemoryController, "memory_controller")]
    [InlineData(PersistenceDomain.CpuCache, "cpu_cache")]
    public void Devices_of_QEMU_keep_the_identities_of_the_platform(PersistenceDomain domain, string reported)
    {
        byte[] data = new byte[4096];
        new Random(3).NextBytes(data);
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 3, Capacity = 64 * MiB, Domain = domain }))
        {
            made.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Size = 32 << 20, Name = "zero" }).Demand();
            made.Platform.CreateNamespace(new NamespaceRequest { Region = "region1", Size = 32 << 20, Mode = NamespaceMode.Devdax, Name = "one" }).Demand();
            NamespaceView raw = made.Platform.CreateNamespace(new NamespaceRequest { Region = "region2", Size = 32 << 20, Mode = NamespaceMode.Raw, Name = "two" }).Demand();
            using (PersistentMap map = made.OpenNamespace(raw.Name))
                map.Copy(0, data);
            Assert.Null(PlatformGuest.FindObstacle(made, GuestAttachment.Nvdimm));
            IReadOnlyDictionary<string, string> guest = GuestMachine.Run(made, new Dictionary<string, string>(), """
                dmesg -n 1
                echo @@list
                ndctl list -DRN
                echo @@data
                for n in /sys/bus/nd/devices/namespace*; do [ "$(cat $n/alt_name 2>/dev/null)" = two ] && r=${n##*namespace} && r=${r%.*}; done
                head -c 4096 /dev/pmem$r | base64 | tr -d '\n'
                echo
                tr '\0' 'x' </dev/zero | dd of=/dev/pmem$r bs=4096 count=1 2>/dev/null
                ndctl create-namespace -r region$r -m raw -s 16M -n more >/dev/null
                sync
                """, GuestAttachment.Nvdimm);
            JsonElement list = JsonDocument.Parse(guest["list"]).RootElement;
            foreach (JsonElement region in list.GetProperty("regions").EnumerateArray())
            {
                RegionView ours = made.Platform.GetRegions().Single(candidate => candidate.SetCookie == region.GetProperty("iset_id").GetUInt64());
                Assert.Equal(reported, region.GetProperty("persistence_domain").GetString());
                Assert.Equal(ours.Namespaces[0].FriendlyName, region.GetProperty("namespaces").EnumerateArray().Single(space => space.GetProperty("size").GetUInt64() > 0).GetProperty("name").GetString());
            }

            Assert.Equal(made.Platform.GetDimms().Select(dimm => dimm.Id).Order(StringComparer.Ordinal), list.GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetProperty("id").GetString()).Order(StringComparer.Ordinal));
            Assert.Equal(Convert.ToBase64String(data), guest["data"].Trim());
        }

        using VirtualPlatform again = VirtualPlatform.Open(_folder);
        Assert.Equal(["two", "more"], again.Platform.GetRegions()[2].Namespaces.Select(space => space.FriendlyName));
        using PersistentMap read = again.OpenNamespace("namespace2.0", readOnly: true);
        Assert.Equal(4096, read.GetSpan(0, 4096).Count((byte)'x'));
    }

    [Fact]
    public void A_virtio_pmem_device_is_the_media_of_its_DIMM()
    {
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 2, Capacity = 64 * MiB, LabelFormat = null }))
        {
            IReadOnlyDictionary<string, string> guest = GuestMachine.Run(made, new Dictionary<string, string>(), """
                dmesg -n 1
                echo @@size
                cat /sys/block/pmem0/size /sys/block/pmem1/size
                tr '\0' 'x' </dev/zero | dd of=/dev/pmem1 bs=4096 seek=1 count=1 conv=fsync 2>/dev/null
                """, GuestAttachment.VirtioPmem);
            Assert.Equal($"{64 * MiB / 512}\n{64 * MiB / 512}", guest["size"].Trim());
        }

        byte[] media = File.ReadAllBytes(Path.Combine(_folder, "dimm-1.img"));
        Assert.Equal((0, 4096, 0), ((int)media[4095], media.AsSpan(4096, 4096).Count((byte)'x'), media[8192]));
        Assert.Equal(0, File.ReadAllBytes(Path.Combine(_folder, "dimm-0.img")).AsSpan(0, 1 << 20).Count((byte)'x'));
    }
}
