using Pmem.Emulation;
using Pmem.Platform;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>A virtual platform with regions of every kind that is found in the field.</summary>
internal static class ListedPlatform
{
    public const int LabelSize = 128 << 10;

    private const int Regions = 9;
    private const ulong MiB = 1 << 20;

    public static void Make(string path, int ways)
    {
        using var platform = VirtualPlatform.Create(path, new VirtualPlatformOptions { Dimms = Regions * ways, Ways = ways, Capacity = (256 << 20) / ways, LabelSize = LabelSize });
        IPlatform model = platform.Platform;

        // All modes, and a gap.
        model.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = NamespaceMode.Sector, Size = 32 * MiB, Name = "sec" }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region0", Size = 64 * MiB, Name = "a \"b\" c/d" }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = NamespaceMode.Devdax, Size = 64 * MiB }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = NamespaceMode.Raw, Size = 16 * MiB, SectorSize = 4096 }).Demand();
        model.DestroyNamespace("namespace0.1", force: true).Demand();

        // Page structures in memory, small pages, small sectors.
        model.CreateNamespace(new NamespaceRequest { Region = "region1", Map = PageMapMode.Memory, Size = 64 * MiB }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region1", Mode = NamespaceMode.Devdax, Alignment = 4096, Size = 64 * MiB }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region1", Mode = NamespaceMode.Sector, SectorSize = 512, Size = 32 * MiB }).Demand();

        // Labels of version 1.1 with its BTT; no labels; nothing in it; labels that overlap on one DIMM.
        for (int way = 0; way < ways; way++)
        {
            Relabel(path, (2 * ways) + way, LabelFormat.Efi11);
            Relabel(path, (3 * ways) + way, null);
        }

        model.CreateNamespace(new NamespaceRequest { Region = "region2", Mode = NamespaceMode.Sector, Size = 64 * MiB }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region2" }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region5", Mode = NamespaceMode.Raw, Size = 64 * MiB }).Demand();
        model.CreateNamespace(new NamespaceRequest { Region = "region5", Mode = NamespaceMode.Raw, Size = 64 * MiB, Name = "second" }).Demand();
        Change(path, 5 * ways, area =>
        {
            byte[] bytes = area.Bytes.ToArray();
            LabelSlot slot = area.Slots.Single(candidate => candidate.State == LabelSlotState.Active && candidate.Label.Name == "second");
            (slot.Label with { Dpa = 16 * MiB }).Write(bytes.AsSpan(slot.Offset), area.Format!.Value);
            return bytes;
        });

        // Namespaces that were to be replaced by others in their place when the power went: after the first DIMM, before the new content, and with another uuid.
        for (int region = 6; region < Regions; region++)
            model.CreateNamespace(new NamespaceRequest { Region = $"region{region}", Size = 64 * MiB, Name = "it" }).Demand();

        // A guest numbers anew: so that names are counted from labels, whatever was destroyed before.
        for (int region = 0; region < Regions; region++)
        {
            model.DisableRegion($"region{region}").Demand();
            model.EnableRegion($"region{region}").Demand();
        }

        Interrupt(path, ways, 6, null, 2);
        Interrupt(path, ways, 7, null, 2 * ways);
        Interrupt(path, ways, 8, new Guid("99999999-2222-3333-4444-555555555555"), 2);
    }

    private static void Interrupt(string path, int ways, int region, Guid? uuid, int writes)
    {
        var areas = new LabelArea[ways];
        for (int way = 0; way < ways; way++)
        {
            Change(path, (region * ways) + way, area =>
            {
                areas[way] = area;
                return area.Bytes.ToArray();
            });
        }

        NamespaceLabel[] old = [.. areas.Select(area => area.ActiveLabels.Single())];
        LabelUpdate update = LabelUpdate.Replace(areas, [.. old.Select(label => label with { Uuid = uuid ?? label.Uuid, Abstraction = NvdimmGuids.Dax })], old[0].Uuid);
        foreach (LabelWrite write in update.Writes.Take(writes))
        {
            Change(path, (region * ways) + write.Dimm, area =>
            {
                byte[] bytes = area.Bytes.ToArray();
                write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
                return bytes;
            });
        }
    }

    private static void Relabel(string path, int dimm, LabelFormat? format) => Change(path, dimm, area =>
    {
        var empty = LabelArea.Parse(new byte[area.Bytes.Length]);
        byte[] bytes = empty.Bytes.ToArray();
        foreach (LabelWrite write in format is { } wanted ? LabelUpdate.Initialize(empty, wanted).Writes : [])
            write.Bytes.Span.CopyTo(bytes.AsSpan(write.Offset));
        return bytes;
    });

    private static void Change(string path, int dimm, Func<LabelArea, byte[]> change)
    {
        using FileStream file = File.Open(Path.Combine(path, $"dimm-{dimm}.img"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] bytes = new byte[LabelSize];
        file.Position = file.Length - LabelSize;
        file.ReadExactly(bytes);
        file.Position = file.Length - LabelSize;
        file.Write(change(LabelArea.Parse(bytes)));
    }
}
