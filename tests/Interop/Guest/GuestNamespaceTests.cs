using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pmem;
using Pmem.Blocks;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>
/// Namespaces of all four modes on interleaved sets, those of region0 made by us, those of region1 by ndctl: a kernel uses ours, we read its and what it wrote in ours,
/// change both, and the next boot agrees. Two boots for each version of labels.
/// </summary>
public sealed class GuestNamespaceTests : IDisposable
{
    private const long MiB = 1 << 20;
    private const string Hello = "hello from a guest on a sector namespace";
    private const string InFile = "stored with MAP_SYNC into a file on ext4";
    private const string InDevice = "stored with MAP_SYNC into a device";
    private const int FilePosition = 70_000;
    private const int DevicePosition = 4096;

    private const string First = $"""
        dmesg -n 1
        insert() {"{"} mkdir -p /mnt/$1; mount $3 /dev/$2 /mnt/$1 || echo "cannot mount $2"; {"}"}
        stored() {"{"} sha256sum </dev/$1 | cut -d' ' -f1; {"}"}
        echo @@create
        ndctl create-namespace -r region1 -m fsdax -s 64M -n theirs-fsdax >/dev/null || echo failed
        ndctl create-namespace -r region1 -m sector -s 32M -l 512 -n theirs-sector >/dev/null || echo failed
        ndctl create-namespace -r region1 -m devdax -s 32M -n theirs-devdax >/dev/null || echo failed
        ndctl create-namespace -r region1 -m raw -s 32M -n theirs-raw >/dev/null || echo failed
        echo @@write
        for r in 0 1; do
          s=$r.1s; f=$r; d=dax$r.2; w=pmem$r.3; [ $r = 0 ] && f=pmem0 || f=pmem1
          mkfs.ext4 -q -b 4096 /dev/pmem$s 2>&1
          insert sector$r pmem$s; echo "{Hello}" >/mnt/sector$r/hello; umount /mnt/sector$r
          mkfs.ext4 -q -b 4096 /dev/$f 2>&1
          insert fsdax$r $f "-o dax"; dax_store /mnt/fsdax$r/file {"70000"} "{InFile}" 4194304; umount /mnt/fsdax$r
          dax_store /dev/$d {"4096"} "{InDevice}"
          tr '\0' 'x' </dev/zero | dd of=/dev/$w bs=4096 seek=3 count=9 2>/dev/null
        done
        sync
        echo @@list
        ndctl list -RN
        echo @@kernel
        dmesg | grep -E "nfit|ACPI (Error|BIOS|Warning)|nvdimm|nd_|pmem|EXT4-fs error"
        """;

    private const string Second = """
        dmesg -n 1
        echo @@list
        ndctl list -RN
        echo @@read
        for r in 0 1; do
          mkdir -p /mnt/$r; mount /dev/pmem$r.1s /mnt/$r && cat /mnt/$r/hello; umount /mnt/$r
        done
        echo @@change
        for d in /dev/pmem0.3 /dev/pmem1.3; do dd if=$d bs=4096 count=1 2>/dev/null | sha256sum | cut -d' ' -f1; done
        echo @@kernel
        dmesg | grep -E "nfit|ACPI (Error|BIOS|Warning)|nvdimm|nd_|pmem|EXT4-fs error"
        """;

    private readonly string _folder = Path.Combine(Peers.NewFolder(), "vm");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Theory]
    [InlineData(LabelFormat.Efi12)]
    [InlineData(LabelFormat.Efi11)]
    public void Namespaces_of_all_modes_go_both_ways(LabelFormat format)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal) { ["bin/dax_store"] = Peers.Program("dax_store") };
        using (VirtualPlatform made = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = 160 * MiB, LineSize = 4096 << 4, LabelFormat = format }))
        {
            foreach ((NamespaceMode mode, ulong size) in ((NamespaceMode, ulong)[])[(NamespaceMode.Fsdax, 64 << 20), (NamespaceMode.Sector, 32 << 20), (NamespaceMode.Devdax, 32 << 20), (NamespaceMode.Raw, 32 << 20)])
                made.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = mode, Size = size, Name = mode.ToString() }).Demand();
            IReadOnlyDictionary<string, string> guest = GuestMachine.Run(made, files, First);
            Assert.Empty(guest["create"].Trim());
            Assert.Equal(string.Concat(Enumerable.Repeat("MAP_SYNC: stored\n", 4)), guest["write"] + "\n");
            Assert.DoesNotMatch("(?i)error|warn|fail|disabling", guest["kernel"]);
            Agree(made, guest["list"]);
        }

        byte[] begin = new byte[4096];
        new Random(7).NextBytes(begin);
        using (VirtualPlatform again = VirtualPlatform.Open(_folder))
        {
            foreach (int region in (int[])[0, 1])
                Reads(again, region);

            // Changed by us: one of theirs and one of ours become others, one of each goes, and new ones take their places.
            again.Platform.ReconfigureNamespace("namespace0.2", new NamespaceRequest { Mode = NamespaceMode.Fsdax, Name = "now fsdax" }, force: true).Demand();
            again.Platform.ReconfigureNamespace("namespace1.2", new NamespaceRequest { Mode = NamespaceMode.Sector, SectorSize = 4096, Name = "now sector" }, force: true).Demand();
            again.Platform.DestroyNamespace("namespace1.0", force: true).Demand();
            again.Platform.CreateNamespace(new NamespaceRequest { Region = "region1", Mode = NamespaceMode.Devdax, Size = 32 << 20, Name = "new" }).Demand();
            foreach (string raw in again.Platform.GetRegions().Select(region => region.Namespaces.Single(space => space.Mode == NamespaceMode.Raw).Name))
            {
                using PersistentMap map = again.OpenNamespace(raw);
                map.Copy(0, begin);
            }
        }

        using VirtualPlatform last = VirtualPlatform.Open(_folder);
        string[] sectors = [.. last.Platform.GetRegions().Select(region => region.Namespaces.Single(space => space.FriendlyName.Contains("ector", StringComparison.Ordinal) && space.FriendlyName != "now sector").Device)];
        string[] raws = [.. last.Platform.GetRegions().Select(region => region.Namespaces.Single(space => space.Mode == NamespaceMode.Raw).Device)];
        string script = Second.Replace("/dev/pmem$r.1s", $"/dev/$([ $r = 0 ] && echo {sectors[0]} || echo {sectors[1]})", StringComparison.Ordinal)
            .Replace("/dev/pmem0.3 /dev/pmem1.3", $"/dev/{raws[0]} /dev/{raws[1]}", StringComparison.Ordinal);
        IReadOnlyDictionary<string, string> second = GuestMachine.Run(last, files, script);
        Agree(last, second["list"]);
        Assert.Equal($"{Hello}\n{Hello}", second["read"].Trim());
        string sum = Convert.ToHexStringLower(SHA256.HashData(begin));
        Assert.Equal($"{sum}\n{sum}", second["change"].Trim());
        Assert.DoesNotMatch("(?i)error|warn|fail|disabling", second["kernel"]);
    }

    /// <summary>What the guest wrote into the namespaces of a region, through our own readers.</summary>
    private void Reads(VirtualPlatform platform, int region)
    {
        IReadOnlyList<NamespaceView> spaces = platform.Platform.GetRegions()[region].Namespaces;
        string flat = Path.Combine(Path.GetDirectoryName(_folder)!, "flat");
        using (PersistentMap map = platform.OpenNamespace(spaces.Single(space => space.Mode == NamespaceMode.Sector).Name))
        {
            using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            using (FileStream file = File.Create(flat))
            {
                byte[] block = new byte[table.BlockSize];
                for (long i = 0; i < table.BlockCount; i++)
                {
                    table.Read(i, block);
                    file.Write(block);
                }
            }
        }

        Assert.Equal($"{Hello}\n", Peers.Succeed(Peers.Tool("debugfs"), ["-R", "cat /hello", flat]));
        Peers.Succeed(Peers.Tool("e2fsck"), ["-fn", flat]);

        using (PersistentMap map = platform.OpenNamespace(spaces.Single(space => space.Mode == NamespaceMode.Fsdax).Name))
        using (FileStream file = File.Create(flat))
        {
            for (long at = 0; at < map.Length; at += MiB)
                file.Write(map.GetSpan(at, (int)Math.Min(MiB, map.Length - at)));
        }

        string copy = Path.Combine(Path.GetDirectoryName(_folder)!, "copy");
        Peers.Succeed(Peers.Tool("debugfs"), ["-R", $"dump /file {copy}", flat]);
        Assert.Equal(InFile, Encoding.ASCII.GetString(File.ReadAllBytes(copy).AsSpan(FilePosition, InFile.Length)));

        using (PersistentMap map = platform.OpenNamespace(spaces.Single(space => space.Mode == NamespaceMode.Devdax).Name))
            Assert.Equal(InDevice, Encoding.ASCII.GetString(map.GetSpan(DevicePosition, InDevice.Length)));
        using (PersistentMap map = platform.OpenNamespace(spaces.Single(space => space.Mode == NamespaceMode.Raw).Name))
            Assert.Equal((0, 9 * 4096, 0), ((int)map.GetSpan(3 * 4096 - 1, 1)[0], map.GetSpan(3 * 4096, 9 * 4096).Count((byte)'x'), map.GetSpan(12 * 4096, 1)[0]));
    }

    /// <summary>Names, modes, sizes, uuids and devices of all namespaces, and what regions have left, are those that ndctl sees.</summary>
    private static void Agree(VirtualPlatform platform, string list)
    {
        using var document = JsonDocument.Parse(list);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Array)
            root = root[0];
        IReadOnlyList<RegionView> regions = platform.Platform.GetRegions();
        foreach (JsonElement region in root.GetProperty("regions").EnumerateArray())
        {
            RegionView ours = regions.Single(candidate => candidate.Name == region.GetProperty("dev").GetString());
            Assert.Equal((region.GetProperty("available_size").GetUInt64(), region.GetProperty("max_available_extent").GetUInt64()), (ours.AvailableSize, ours.MaximumExtent));
            string[] theirs = [.. region.GetProperty("namespaces").EnumerateArray().Where(space => space.GetProperty("size").GetUInt64() > 0).Select(Line).Order(StringComparer.Ordinal)];
            Assert.Equal(theirs, ours.Namespaces.Select(space => $"{space.Name} {space.Mode.ToString().ToLowerInvariant()} {space.Size} {space.Uuid} {space.FriendlyName} {space.Device}").Order(StringComparer.Ordinal));
        }

        static string Line(JsonElement space) =>
            $"{Text(space, "dev")} {Text(space, "mode")} {space.GetProperty("size").GetUInt64()} {Text(space, "uuid")} {Text(space, "name")} {(space.TryGetProperty("blockdev", out _) ? Text(space, "blockdev") : Text(space, "chardev"))}";

        static string Text(JsonElement space, string name) => space.TryGetProperty(name, out JsonElement value) ? value.GetString()! : string.Empty;
    }
}
