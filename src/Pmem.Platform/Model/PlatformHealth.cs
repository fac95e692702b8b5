using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Model;

/// <summary>What names on a platform mean.</summary>
/// <param name="Provider">Who provides the platform.</param>
/// <param name="NumberOf">Number of a DIMM; null when there is none of the name.</param>
/// <param name="RegionOf">Addresses of a region.</param>
/// <param name="SpaceOf">A namespace.</param>
internal sealed record PlatformNames(string Provider, Func<string, int?> NumberOf, Func<string, AddressRange?> RegionOf, Func<string, NamespaceView?> SpaceOf);

/// <summary>Health and media errors by name: names become numbers and addresses, the hardware does the rest.</summary>
internal sealed class PlatformHealth(IPlatformHardware hardware, PlatformNames names)
{
    private const ulong MaximumSectors = 4096;

    public PlatformResult<DimmHealth> GetHealth(string dimm) => names.NumberOf(dimm) is { } number ? hardware.GetHealth(number) : UnknownDimm<DimmHealth>(dimm);

    public PlatformResult<DimmHealth> InjectHealth(string dimm, HealthInjection injection) => names.NumberOf(dimm) is { } number ? hardware.InjectHealth(number, injection) : UnknownDimm<DimmHealth>(dimm);

    public PlatformResult<MediaErrors> GetErrors(string? scope = null)
    {
        PlatformResult<IReadOnlyList<AddressRange>> known = hardware.GetErrors();
        if (known.Value is not { } errors)
            return known.As<MediaErrors>();
        if (scope is null)
            return PlatformResult<MediaErrors>.Done(new MediaErrors(names.Provider, 0, Locate(errors)));
        if (names.NumberOf(scope) is { } number)
        {
            BadRange[] ranges = [.. Locate(errors).Select(range => range with { Parts = [.. range.Parts.Where(part => part.Dimm == $"nmem{number}")] }).Where(range => range.Parts.Count > 0)];
            return PlatformResult<MediaErrors>.Done(new MediaErrors(scope, 0, ranges));
        }

        return ExtentOf(scope) is { } extent ? PlatformResult<MediaErrors>.Done(Within(scope, extent, errors)) : Missing<MediaErrors>(scope);
    }

    public PlatformResult<MediaErrors> GetInjectedErrors(string name) => OverNamespace(name, _ => hardware.GetInjectedErrors());

    public PlatformResult<MediaErrors> InjectError(string name, ErrorInjection injection) => Inject(name, injection, ranges => hardware.InjectErrors(ranges, injection.Notify));

    public PlatformResult<MediaErrors> UninjectError(string name, ErrorInjection injection) => Inject(name, injection, hardware.UninjectErrors);

    public PlatformResult<MediaErrors> ClearErrors(string name)
    {
        if (names.SpaceOf(name) is not { } space)
            return Missing<MediaErrors>(name);
        if (space.Mode == NamespaceMode.Sector)
        {
            return PlatformResult<MediaErrors>.Refused(
                PlatformError.NotSupported, $"{name} is in sector mode: if its media were cleared, sectors would be read as something that nobody wrote", "write the sectors that cannot be read, which clears them");
        }

        PlatformResult<IReadOnlyList<AddressRange>> known = hardware.GetErrors();
        if (known.Value is not { } errors)
            return known.As<MediaErrors>();
        ulong unit = hardware.ClearUnit;
        AddressRange extent = DataOf(space);
        AddressRange[] whole = [.. Clip(extent, errors).Select(range => Round(range, unit, extent))];
        PlatformResult<IReadOnlyList<AddressRange>> cleared = whole.Length == 0 ? PlatformResult<IReadOnlyList<AddressRange>>.Done([]) : hardware.ClearErrors(whole);
        return cleared.Value is { } ranges ? PlatformResult<MediaErrors>.Done(Within(name, extent, ranges)) : cleared.As<MediaErrors>();
    }

    private PlatformResult<MediaErrors> Inject(string name, ErrorInjection injection, Func<IReadOnlyList<AddressRange>, PlatformResult<IReadOnlyList<AddressRange>>> act) =>
        OverNamespace(name, extent =>
        {
            ulong sectors = extent.Length / MediaErrors.SectorSize;
            if (injection.Count == 0)
                return PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.BadAddress, $"no block of {name} is named", "take a count of 1 or more");
            if (injection.Block >= sectors || injection.Count > sectors - injection.Block)
            {
                return PlatformResult<IReadOnlyList<AddressRange>>.Refused(
                    PlatformError.BadAddress, $"blocks {injection.Block} to {(UInt128)injection.Block + injection.Count - 1} are not in {name}, which has {sectors} of 512 bytes", $"take blocks below {sectors}");
            }

            if (!injection.Saturate && injection.Count > MaximumSectors)
                return PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.BadAddress, $"{injection.Count} blocks are too many to be injected one by one", $"saturate them, or take {MaximumSectors} at a time");
            ulong start = extent.Address + (injection.Block * MediaErrors.SectorSize);
            return act(injection.Saturate
                ? [new AddressRange(start, injection.Count * MediaErrors.SectorSize)]
                : [.. Sectors(start, injection.Count, Math.Min(hardware.ClearUnit, MediaErrors.SectorSize))]);
        });

    // Without saturation the first unit of each sector is bad, as with ndctl.
    private static IEnumerable<AddressRange> Sectors(ulong start, ulong count, ulong length)
    {
        for (ulong i = 0; i < count; i++)
            yield return new AddressRange(start + (i * MediaErrors.SectorSize), length);
    }

    private PlatformResult<MediaErrors> OverNamespace(string name, Func<AddressRange, PlatformResult<IReadOnlyList<AddressRange>>> act)
    {
        if (names.SpaceOf(name) is not { } space)
            return Missing<MediaErrors>(name);
        AddressRange extent = DataOf(space);
        PlatformResult<IReadOnlyList<AddressRange>> result = act(extent);
        return result.Value is { } ranges ? PlatformResult<MediaErrors>.Done(Within(name, extent, ranges)) : result.As<MediaErrors>();
    }

    private MediaErrors Within(string scope, AddressRange extent, IEnumerable<AddressRange> ranges) => new(scope, extent.Address, Locate(Clip(extent, ranges)));

    /// <summary>Where data begins and ends; in sector mode, whose data are behind a table, the whole namespace.</summary>
    private static AddressRange DataOf(NamespaceView space) => space.Mode == NamespaceMode.Sector
        ? new AddressRange(space.Start, space.RawSize)
        : new AddressRange(space.Start + space.DataOffset, space.Size);

    private AddressRange? ExtentOf(string scope) => names.RegionOf(scope) ?? (names.SpaceOf(scope) is { } space ? DataOf(space) : null);

    private List<BadRange> Locate(IEnumerable<AddressRange> ranges)
    {
        var located = new List<BadRange>();
        foreach (AddressRange range in ranges)
        {
            var parts = new List<DimmRange>();
            for (ulong at = 0; at < range.Length && hardware.Translate(range.Address + at) is { Contiguous: > 0 } place;)
            {
                ulong length = Math.Min(place.Contiguous, range.Length - at);
                parts.Add(new DimmRange($"nmem{place.Dimm}", place.Dpa, length));
                at += length;
            }

            located.Add(new BadRange(range.Address, range.Length, parts));
        }

        return located;
    }

    private static IEnumerable<AddressRange> Clip(AddressRange extent, IEnumerable<AddressRange> ranges)
    {
        ulong end = extent.Address + extent.Length;
        foreach (AddressRange range in ranges)
        {
            ulong first = Math.Max(range.Address, extent.Address);
            ulong last = Math.Min(range.Address + range.Length, end);
            if (first < last)
                yield return new AddressRange(first, last - first);
        }
    }

    // Only whole units can be cleared; a unit that the namespace shares with a neighbour stays as it is.
    private static AddressRange Round(AddressRange range, ulong unit, AddressRange extent)
    {
        ulong first = Math.Max(range.Address / unit * unit, extent.Address);
        ulong end = Math.Min((range.Address + range.Length + unit - 1) / unit * unit, extent.Address + extent.Length);
        return new AddressRange(first, end - first);
    }

    public static PlatformResult<T> UnknownDimm<T>(string name)
        where T : class => PlatformResult<T>.Refused(PlatformError.NotFound, $"there is no DIMM {name}", "list the DIMMs first");

    private static PlatformResult<T> Missing<T>(string name)
        where T : class => PlatformResult<T>.Refused(PlatformError.NotFound, $"there is no {name}", "list the namespaces, regions and DIMMs first");
}
