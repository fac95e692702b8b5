using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <content>Creating and destroying.</content>
public partial class LabelledPlatform
{
    private const int DefaultSectorSize = 4096;
    private const ulong DefaultAlignment = 2 << 20;

    /// <summary>Creates a namespace, in the place of another one if that is given: which is destroyed once nothing can be refused any more.</summary>
    private PlatformResult<NamespaceView> Create(int number, NamespaceRequest request, NamespaceView? replaced)
    {
        LabelArea?[] all = ReadAreas();
        PlatformRegion region = _regions[number];
        PlatformResult<Plan> planned = Prepare(number, request, all, replaced);
        if (planned.Value is not { } plan)
            return planned.As<NamespaceView>();

        // Mapping can fail (a fine interleave needs more mappings than Linux gives a process): not when the old namespace is gone already.
        using PersistentMap map = MapFor(region, plan);
        if (replaced is not null)
        {
            Remove(number, replaced, all);
            all = ReadAreas();
        }

        WritePersonality(map, plan);
        LabelArea[] areas = [.. Of(region, all).Select(area => area!)];
        LabelFormat format = areas[0].Format ?? LabelFormat.Efi12;
        NamespaceLabel[] labels = [.. region.Description.Mappings.Select((mapping, i) => MakeLabel(region.Description, plan, i, areas[i].Format ?? LabelFormat.Efi12, format))];
        LabelUpdate.Put(areas, labels).Apply([.. region.Dimms.Select(dimm => _dimms[dimm].Labels!)]);
        _disabled.Remove(plan.Uuid.ToString());
        NamespaceView? made = View(number, ReadAreas()).Namespaces.FirstOrDefault(space => space.RawUuid == plan.Uuid);
        return made is null
            ? PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"region{number} does not show the namespace", "check the labels of its DIMMs")
            : PlatformResult<NamespaceView>.Done(made);
    }

    private PlatformResult<Plan> Prepare(int number, NamespaceRequest request, LabelArea?[] all, NamespaceView? replaced)
    {
        PlatformRegion region = _regions[number];
        string name = $"region{number}";
        LabelArea?[] areas = Of(region, all);
        RegionLabelVerdict verdict = Judge(region, all);
        if (region.IsReadOnly)
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, $"{name} is read-only: a DIMM of it is not armed", "replace the DIMM");
        if (IsRegionDisabled(number))
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, $"{name} is disabled", $"enable it: 'pmem region enable {name}'");
        if (region.Closed is { } closed)
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, $"{name} cannot be reached: {closed}", region.ClosedRemedy);
        if (Array.Exists(areas, area => area is null))
            return PlatformResult<Plan>.Refused(PlatformError.NoLabels, $"{name} has a DIMM without a label storage area", "use the region as the one namespace that it is, or reconfigure that");
        if (verdict.State == RegionState.Disabled || verdict.DimmEnabled.Contains(false))
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, $"{name} is not enabled: {verdict.Reason}", "repair the labels of its DIMMs");
        if (Array.Exists(areas, area => area!.Current is null) && !request.AutoLabel)
            return PlatformResult<Plan>.Refused(PlatformError.NoLabels, $"{name} has DIMMs without labels", "initialise their labels, or let it be done");
        if (region.Description.Cookie.For(areas[0]!.Format) == 0)
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, $"{name} has interleave set cookie 0, with which no kernel would show the namespace again", "give its DIMMs serial numbers");
        int full = Array.FindIndex(areas, area => area!.Current is { } index && index.FreeSlots < 2);
        if (full >= 0)
            return PlatformResult<Plan>.Refused(PlatformError.NoSlots, $"nmem{region.Dimms[full]} has {areas[full]!.Current!.FreeSlots} free label slot(s), and one must stay free", "destroy a namespace");
        if (CapacityAdvice.FindProblem(request) is { } bad)
            return PlatformResult<Plan>.Refused(bad.Error, bad.Message, bad.Remedy);
        BttFormat format = areas[0]!.Format == LabelFormat.Efi11 ? BttFormat.Linux11 : BttFormat.Uefi20;
        return Place(region.Description, name, request, new RegionSpace(region.Description, areas, replaced?.RawUuid), replaced, format);
    }

    private static PlatformResult<Plan> Place(RegionDescription region, string name, NamespaceRequest request, RegionSpace space, NamespaceView? replaced, BttFormat format)
    {
        int ways = region.Mappings.Count;
        ulong unit = CapacityAdvice.UnitOf(ways, region.Alignment, request);
        ulong size = request.Size ?? (space.MaximumExtent / unit * unit);
        if (request.Size is null && size == 0)
            return PlatformResult<Plan>.Refused(PlatformError.NoSpace, $"{name} has no free extent of {unit} bytes", "destroy a namespace");

        // A reconfigured namespace stays where it is when its size does.
        ulong? place = replaced is not null && size == replaced.RawSize ? (replaced.Start - region.SystemBase) / (ulong)ways : space.Find(size, unit);
        CapacityAdvice advice = CapacityAdvice.For(ways, region.Alignment, region.SystemBase + ((place ?? 0) * (ulong)ways), request, size, format);
        if (!advice.IsLegal)
        {
            ulong suggestion = advice.LargerSize <= space.MaximumExtent ? advice.LargerSize : advice.SmallerSize;
            return PlatformResult<Plan>.Refused(PlatformError.BadSize, advice.Reason, suggestion == 0 ? $"the largest free extent has {space.MaximumExtent} bytes" : $"take {suggestion}", suggestion == 0 ? null : suggestion);
        }

        if (place is not { } offset)
        {
            ulong largest = space.MaximumExtent / unit * unit;
            return PlatformResult<Plan>.Refused(PlatformError.NoSpace, $"{name} has no free extent of {size} bytes; the largest has {space.MaximumExtent}", largest == 0 ? "destroy a namespace" : $"take {largest}", largest == 0 ? null : largest);
        }

        var plan = new Plan(request, size, offset, region.SystemBase + (offset * (ulong)ways), request.Uuid ?? Guid.NewGuid(), format);
        return Complete(plan);
    }

    private static PlatformResult<Plan> Complete(Plan plan)
    {
        try
        {
            return PlatformResult<Plan>.Done(plan with { Block = MakeBlock(plan) });
        }
        catch (PmemException impossible)
        {
            return PlatformResult<Plan>.Refused(PlatformError.BadAlignment, impossible.Message, "take another alignment or a larger size");
        }
    }

    private static PfnInfoBlock? MakeBlock(Plan plan) => plan.Request.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax
        ? PfnInfoBlock.Compute(plan.Request.Mode == NamespaceMode.Fsdax ? PfnKind.Pfn : PfnKind.Dax, plan.Request.Map, plan.Start, plan.Size, plan.Request.Alignment ?? DefaultAlignment, Guid.NewGuid(), plan.Uuid)
        : null;

    private static PersistentMap MapFor(PlatformRegion region, Plan plan)
    {
        ulong length = plan.Request.Mode == NamespaceMode.Sector ? plan.Size : Math.Min(plan.Size, NamespacePersonality.HeadSize);
        return region.Memory.Map((long)(plan.Start - region.Description.SystemBase), (long)length);
    }

    /// <summary>Writes into space that no label names: nobody sees it until the labels are there.</summary>
    private static void WritePersonality(PersistentMap map, Plan plan)
    {
        // What was here before must not be taken for the content of the new namespace.
        map.Fill(0, 0, Math.Min(map.Length, NamespacePersonality.HeadSize));
        if (plan.Block is { } block)
        {
            byte[] bytes = new byte[PfnInfoBlock.Size];
            block.Write(bytes);
            map.Copy(PfnInfoBlock.Position, bytes);
        }

        if (plan.Request.Mode == NamespaceMode.Sector)
            BlockTranslationTable.Create(map, 0, (long)plan.Size, plan.Format, plan.Request.SectorSize ?? DefaultSectorSize, parentUuid: plan.Uuid).Dispose();
    }

    private static NamespaceLabel MakeLabel(RegionDescription region, Plan plan, int mapping, LabelFormat format, LabelFormat formatOfFirst) => new()
    {
        Uuid = plan.Uuid,
        Name = plan.Request.Name,
        LabelCount = (ushort)region.Mappings.Count,
        Position = (ushort)region.PositionOf(mapping),
        SetCookie = region.Cookie.For(formatOfFirst),
        LbaSize = (ulong)(plan.Request.SectorSize ?? (plan.Request.Mode == NamespaceMode.Sector ? DefaultSectorSize : 512)),
        Dpa = region.Mappings[mapping].DpaStart + plan.Offset,
        RawSize = plan.Size / (ulong)region.Mappings.Count,
        Type = format == LabelFormat.Efi11 ? Guid.Empty : region.Type,
        Abstraction = format == LabelFormat.Efi11 ? Guid.Empty : ClassOf(plan.Request.Mode).ToGuid(),
    };

    private static NamespaceClass ClassOf(NamespaceMode mode) => mode switch
    {
        NamespaceMode.Sector => NamespaceClass.Btt2,
        NamespaceMode.Fsdax => NamespaceClass.Pfn,
        NamespaceMode.Devdax => NamespaceClass.Dax,
        _ => NamespaceClass.None,
    };

    private void Remove(int number, NamespaceView space, LabelArea?[] all)
    {
        PlatformRegion region = _regions[number];
        LabelUpdate.Remove([.. Of(region, all).Select(area => area!)], space.RawUuid).Apply([.. region.Dimms.Select(dimm => _dimms[dimm].Labels!)]);
        _disabled.Remove(KeyOf(space));
    }

    /// <summary>A namespace that can be made.</summary>
    /// <param name="Request">What was asked for.</param>
    /// <param name="Size">Bytes.</param>
    /// <param name="Offset">Where, from the start of each DIMM's part.</param>
    /// <param name="Start">System physical address.</param>
    /// <param name="Uuid">Of the namespace.</param>
    /// <param name="Format">Which BTT its labels call for.</param>
    private sealed record Plan(NamespaceRequest Request, ulong Size, ulong Offset, ulong Start, Guid Uuid, BttFormat Format)
    {
        public PfnInfoBlock? Block { get; init; }
    }
}
