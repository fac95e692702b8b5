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

    /// <summary>Creates a namespace, in the place of another one if that is given. Nothing is written as long as anything can be refused.</summary>
    private PlatformResult<NamespaceView> Create(int number, NamespaceRequest request, NamespaceView? replaced)
    {
        LabelArea?[] all = ReadAreas();
        PlatformRegion region = _regions[number];
        PlatformResult<Plan> planned = Prepare(number, request, all, replaced);
        if (planned.Value is not { } plan)
            return planned.As<NamespaceView>();
        LabelArea[] areas = [.. Of(region, all).Select(area => area!)];
        LabelFormat format = areas[0].Format ?? LabelFormat.Efi12;
        NamespaceLabel[] labels = [.. region.Description.Mappings.Select((mapping, i) => MakeLabel(region.Description, plan, i, areas[i].Format ?? LabelFormat.Efi12, format))];
        LabelUpdate update = replaced is null ? LabelUpdate.Put(areas, labels) : LabelUpdate.Replace(areas, labels, replaced.RawUuid);
        LabelArea[] updated = update.Preview(areas);
        RegionLabelVerdict verdict = RegionLabelVerdict.Judge(region.Description, updated);
        if (verdict.Namespaces.All(space => space.Uuid != plan.Uuid))
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"region{number} would not show the namespace: {verdict.Reason}", "repair the labels of its DIMMs");

        // Mapping can fail (a fine interleave needs more mappings than Linux gives a process): not when the old namespace is gone already.
        using (PersistentMap map = MapFor(region, plan))
        {
            // Where the old namespace is, its content stays until the labels are those of the new one.
            bool isFree = replaced is null || plan.Start + plan.Size <= replaced.Start || replaced.Start + replaced.RawSize <= plan.Start;
            RegionNumbers numbers = Freeze(number, all);
            if (isFree)
                WritePersonality(map, plan);
            update.Apply([.. region.Dimms.Select(dimm => _dimms[dimm].Labels!)]);
            if (replaced is not null)
                _disabled.Remove(KeyOf(replaced));
            numbers.Add(plan.Uuid, replaced?.RawUuid);
            _disabled.Remove(plan.Uuid.ToString());
            if (!isFree)
                Finish(map, plan);
        }

        for (int i = 0; i < updated.Length; i++)
            all[region.Dimms[i]] = updated[i];
        return PlatformResult<NamespaceView>.Done(View(number, all).Namespaces.First(space => space.RawUuid == plan.Uuid));
    }

    private void Finish(PersistentMap map, Plan plan)
    {
        try
        {
            WritePersonality(map, plan);
        }
        catch (PmemException failed)
        {
            throw new PmemException($"the labels are those of the new namespace, but its content could not be written: {failed.Message}; reconfigure it again", failed);
        }
    }

    private PlatformResult<Plan> Prepare(int number, NamespaceRequest request, LabelArea?[] all, NamespaceView? replaced)
    {
        PlatformRegion region = _regions[number];
        string name = $"region{number}";
        LabelArea?[] areas = Of(region, all);
        RegionLabelVerdict verdict = Judge(region, all);
        if (region.IsReadOnly)
            return PlatformResult<Plan>.Refused(PlatformError.RegionUnusable, ReadOnlyReason(number), ReadOnlyRemedy);
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
        if (request.Uuid is { } wanted && wanted != replaced?.RawUuid && (wanted == Guid.Empty || all.Any(area => area?.ActiveLabels.Any(label => label.Uuid == wanted) == true)))
            return PlatformResult<Plan>.Refused(PlatformError.BadValue, wanted == Guid.Empty ? "a namespace has a uuid other than zero" : $"the uuid {wanted} is that of another namespace", "leave it out, and a new one is made");
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

        ulong start = region.SystemBase + (offset * (ulong)ways);
        bool isInPlace = replaced is not null && start == replaced.Start && size == replaced.RawSize;
        if (!isInPlace && ways > 1 && request.Uuid is { } same && same == replaced?.RawUuid)
        {
            return PlatformResult<Plan>.Refused(
                PlatformError.BadValue, $"the labels of {replaced.Name} change one DIMM after another: with one uuid for two sizes a crash would leave a namespace of a size between", "leave out the uuid, or the size");
        }

        // With the same uuid a set changes from the old namespace to the new one in a single write.
        return Complete(new Plan(request, size, offset, start, request.Uuid ?? (isInPlace ? replaced!.RawUuid : Guid.NewGuid()), format));
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

    /// <summary>
    /// Writes what makes a namespace what it is. A page that becomes another info block is one until the first line of it changes, and has a wrong checksum until the last one
    /// has: it is never somebody's data. A block translation table forgets its old info blocks first and gets its new ones last.
    /// </summary>
    private void WritePersonality(PersistentMap map, Plan plan)
    {
        // What was here before must not be taken for the content of the new namespace.
        byte[] head = new byte[Math.Min(map.Length, NamespacePersonality.HeadSize)];
        plan.Block?.Write(head.AsSpan(PfnInfoBlock.Position));
        map.Copy(0, head);
        ClearWritten(plan.Start, (ulong)head.Length);
        if (plan.Request.Mode == NamespaceMode.Sector)
            BlockTranslationTable.Create(map, 0, (long)plan.Size, plan.Format, plan.Request.SectorSize ?? DefaultSectorSize, parentUuid: plan.Uuid).Dispose();
    }

    /// <summary>As with a kernel, a store of whole units to media that cannot be read makes them readable.</summary>
    private void ClearWritten(ulong start, ulong length)
    {
        if (_hardware.GetInjectedErrors().Value is { } bad && bad.Any(range => range.Address < start + length && start < range.Address + range.Length))
            _hardware.ClearErrors([new AddressRange(start, length)]).Demand();
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
        RegionNumbers numbers = Freeze(number, all);
        LabelUpdate.Remove([.. Of(region, all).Select(area => area!)], space.RawUuid).Apply([.. region.Dimms.Select(dimm => _dimms[dimm].Labels!)]);
        numbers.Remove(space.RawUuid);
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
