using System.Globalization;
using Pmem.Emulation.Guest;
using Pmem.Platform;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>
/// Areas that are good, doubtful and broken, one on each DIMM of a guest: the kernel's verdict on each is ours. One boot; images in the form of
/// QEMU's nvdimm device, for the release's kernel and for 6.12.
/// </summary>
public sealed class GuestLabelTests : IDisposable
{
    private const int AreaSize = 128 << 10;
    private const long Media = 32 << 20;
    private const ulong MiB = 1 << 20;

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(KernelVersion.Linux61)]
    [InlineData(KernelVersion.Linux612)]
    public void The_kernel_makes_of_labels_what_we_say_it_makes(KernelVersion version)
    {
        (string Name, Func<RegionDescription, LabelArea> Make)[] cases =
        [
            ("two namespaces", region => Labelled(region)),
            ("version 1.1", region => Labelled(region, LabelFormat.Efi11)),
            ("UPDATING", region => Patch(Labelled(region), label => label with { Flags = NamespaceLabelFlags.Updating })),
            ("slot number", region => Patch(Labelled(region), label => label with { Slot = 99 })),
            ("address outside", region => Patch(Labelled(region), label => label with { Dpa = 64 * MiB })),
            ("cookie", region => Patch(Labelled(region), label => label with { SetCookie = 7 })),
            ("old cookie", region => Patch(Labelled(region), label => label with { SetCookie = region.Cookie.Alternate })),
            ("type", region => Patch(Labelled(region), label => label with { Type = Guid.Empty })),
            ("number of labels", region => Patch(Labelled(region), label => label with { LabelCount = 2 })),
            ("size past the end", region => Patch(Labelled(region), label => label with { RawSize = 64 * MiB })),
            ("block window", region => Patch(Labelled(region), label => label with { Flags = NamespaceLabelFlags.Local, Type = NvdimmGuids.ControlRegion })),
            ("overlap", region => Patch(Labelled(region), label => label with { Dpa = 12 * MiB })),
            ("same uuid", region => Patch(Labelled(region), label => label with { Uuid = Uuid(1) })),
            ("replaced, not switched", region => Replaced(Labelled(region), 1)),
            ("replaced, unfinished", region => Replaced(Labelled(region), 2)),
            ("replaced", region => Replaced(Labelled(region), 4)),
            ("no index", _ => LabelArea.Parse(new byte[AreaSize])),
            ("torn index", region => Torn(Labelled(region))),
        ];
        var expected = new List<string>();
        var devices = new List<GuestMemoryDevice>();
        for (int slot = 0; slot < cases.Length; slot++)
        {
            var region = new RegionDescription { Mappings = [new RegionMapping(0, (ulong)Media, new InterleaveSetMember(0, 0x123456 + (uint)slot, 0x8086, 0, 0))] };
            LabelArea area = cases[slot].Make(region);
            string path = Path.Combine(_folder, $"nv{slot}");
            using (FileStream file = File.Create(path))
            {
                file.SetLength(Media);
                file.Position = Media;
                file.Write(area.Bytes);
            }

            expected.Add($"{cases[slot].Name}: {Describe(RegionLabelVerdict.Judge(region, [area]))}");
            devices.Add(new GuestNvdimm(path, Media + AreaSize, AreaSize));
        }

        string output = GuestMachine.RunImages(devices, """
            for r in /sys/bus/nd/devices/region*; do
              m=$(cut -d, -f1 $r/mapping0)
              state=disabled; [ -e $r/driver ] && state=enabled
              echo "@@$(cat /sys/bus/nd/devices/$m/nfit/handle) $state"
              for n in $r/namespace*; do
                [ -e $n/size ] && echo "ns $(cat $n/nstype) $(cat $n/size) $(cat $n/uuid 2>/dev/null)"
              done
            done
            """, version == KernelVersion.Linux612 ? GuestSystem.KernelOf("6.12") : null);
        List<string> seen = Seen(output, [.. cases.Select(test => test.Name)]);
        Assert.Equal(expected, seen);

        // What 'pmem explain' says of the same files is what the kernel did.
        using PlatformEvidence evidence = ImageSet.OfQemu([.. Enumerable.Range(0, cases.Length).Select(slot => Path.Combine(_folder, $"nv{slot}"))], AreaSize);
        KernelPrediction prediction = PlatformExplainer.Predict(evidence, version);
        Assert.Equal(seen, prediction.Regions.Select((region, slot) => $"{cases[slot].Name}: {Describe(region.View)}"));
    }

    private static Guid Uuid(int number) => new(number, 0x4444, 0x5555, 0x88, 1, 2, 3, 4, 5, 6, 7);

    private static LabelArea Labelled(RegionDescription region, LabelFormat format = LabelFormat.Efi12)
    {
        LabelArea area = LabelArea.Parse(new byte[AreaSize]);
        area = Apply(area, LabelUpdate.Initialize(area, format));
        for (int i = 1; i <= 2; i++)
        {
            var label = new NamespaceLabel { Uuid = Uuid(i), Name = $"n{i}", LabelCount = 1, SetCookie = region.Cookie.For(format), LbaSize = 512, Dpa = (ulong)(i - 1) * 16 * MiB, RawSize = 8 * MiB, Type = format == LabelFormat.Efi11 ? Guid.Empty : NvdimmGuids.PersistentMemory };
            if (i == 1)
                label = label with { RawSize = 16 * MiB };
            area = Apply(area, LabelUpdate.Put([area], [label]));
        }

        return area;
    }

    /// <summary>Changes the second label as a tool with no rules would.</summary>
    private static LabelArea Patch(LabelArea area, Func<NamespaceLabel, NamespaceLabel> change)
    {
        byte[] bytes = area.Bytes.ToArray();
        LabelSlot slot = area.Slots.Single(candidate => candidate.State == LabelSlotState.Active && candidate.Label.Uuid == Uuid(2));
        change(slot.Label).Write(bytes.AsSpan(slot.Offset), area.Format!.Value);
        return LabelArea.Parse(bytes);
    }

    /// <summary>The second namespace in the place of which another one was to be, after some writes.</summary>
    private static LabelArea Replaced(LabelArea area, int writes)
    {
        NamespaceLabel old = area.ActiveLabels.Single(label => label.Uuid == Uuid(2));
        LabelUpdate update = LabelUpdate.Replace([area], [old with { Uuid = Uuid(3), Dpa = old.Dpa + (4 * MiB), Abstraction = NvdimmGuids.Dax }], old.Uuid);
        byte[] bytes = area.Bytes.ToArray();
        foreach (LabelWrite write in update.Writes.Take(writes))
            write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
        return LabelArea.Parse(bytes);
    }

    /// <summary>The current index block torn: the one before counts.</summary>
    private static LabelArea Torn(LabelArea area)
    {
        byte[] bytes = area.Bytes.ToArray();
        bytes[area.Geometry!.Value.IndexOffset(area.Current!.Position) + 100] ^= 1;
        return LabelArea.Parse(bytes);
    }

    private static LabelArea Apply(LabelArea area, LabelUpdate update)
    {
        byte[] bytes = area.Bytes.ToArray();
        foreach (LabelWrite write in update.Writes)
            write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
        return LabelArea.Parse(bytes);
    }

    private static string Describe(RegionLabelVerdict verdict) => verdict.State switch
    {
        RegionState.Disabled => "disabled",
        RegionState.LabelLess => $"raw {Media}",
        _ => string.Join(' ', verdict.Namespaces.Select(space => $"{space.Uuid} {space.Size}").Order(StringComparer.Ordinal).Prepend("enabled")),
    };

    private static string Describe(RegionView region) => region.State switch
    {
        RegionState.Disabled => "disabled",
        RegionState.LabelLess => $"raw {region.Namespaces.Single().RawSize}",
        _ => string.Join(' ', region.Namespaces.Select(space => $"{space.RawUuid} {space.RawSize}").Order(StringComparer.Ordinal).Prepend("enabled")),
    };

    private static List<string> Seen(string output, string[] names)
    {
        const string Line = "ns ";
        var seen = new SortedDictionary<int, string>();
        int handle = -1;
        var spaces = new List<string>();
        foreach (string line in output.Split('\n').Append($"{GuestMachine.Marker}0x0 enabled"))
        {
            if (line.StartsWith(Line, StringComparison.Ordinal) && handle > 0)
            {
                string[] words = line[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words[1] != "0")
                    spaces.Add(words[0] == "4" ? $"raw {words[1]}" : $"{words[2]} {words[1]}");
            }
            else if (line.StartsWith($"{GuestMachine.Marker}0x", StringComparison.Ordinal))
            {
                if (handle > 0 && seen[handle].EndsWith("enabled", StringComparison.Ordinal))
                    seen[handle] = $"{names[handle - 1]}: {(spaces.Exists(space => space.StartsWith("raw", StringComparison.Ordinal)) ? spaces[0] : string.Join(' ', spaces.Order(StringComparer.Ordinal).Prepend("enabled")))}";
                string[] words = line[GuestMachine.Marker.Length..].Split(' ');
                handle = int.Parse(words[0].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (handle > 0)
                    seen[handle] = $"{names[handle - 1]}: {(words[1] == "enabled" ? "is enabled" : "disabled")}";
                spaces.Clear();
            }
        }

        return [.. seen.Values];
    }
}
