using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <content>Namespaces as block devices, and regions that are one namespace because nobody labelled them.</content>
public partial class LabelledPlatform
{
    /// <inheritdoc/>
    public PlatformResult<IBlockDevice> OpenBlockDevice(string name, BlockDeviceOptions? options = null)
    {
        if (SpaceOf(name) is not { } space)
            return Unknown(name).As<IBlockDevice>();
        if (space.Mode != NamespaceMode.Sector)
        {
            return PlatformResult<IBlockDevice>.Refused(
                PlatformError.NotSupported, $"{name} is in {space.Mode.ToString().ToLowerInvariant()} mode, in which no sector is written all or nothing", "map it, or reconfigure it to sector mode");
        }

        if (!space.CanBeEnabled)
            return PlatformResult<IBlockDevice>.Refused(PlatformError.CannotEnable, $"{name} cannot be enabled: {space.Reasons[^1]}", space.Remedy);
        if (!space.IsEnabled)
            return PlatformResult<IBlockDevice>.Refused(PlatformError.CannotEnable, $"{name} is disabled", "enable it first");
        if (options?.ReadOnly != true && FindReadOnly(name) is { } region)
            return PlatformResult<IBlockDevice>.Refused(PlatformError.RegionUnusable, ReadOnlyReason(region), ReadOnlyRemedy);
        PersistentMap map = OpenNamespace(name, options?.ReadOnly == true);
        try
        {
            return PlatformResult<IBlockDevice>.Done(new NamespaceDevice(BlockTranslationTable.Open(map, 0, map.Length, options: options), map));
        }
        catch (PmemFormatException damaged)
        {
            map.Dispose();
            return PlatformResult<IBlockDevice>.Refused(PlatformError.CannotEnable, $"the block translation table of {name} cannot be used: {damaged.Message}", "look at it with 'pmem btt check', mend it with 'pmem btt repair'");
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Gives the one namespace of a region without labels another mode: an info block, without a parent, is all there is to it. As with Linux, its BTT is of version 1.1.
    /// </summary>
    private PlatformResult<NamespaceView> ReconfigureWhole(int number, NamespaceRequest request, NamespaceView space, bool force)
    {
        PlatformRegion region = _regions[number];
        if (space.IsEnabled && !force)
            return PlatformResult<NamespaceView>.Refused(PlatformError.InUse, $"{space.Name} is enabled and may be in use", "disable it first, or force it");
        if (CapacityAdvice.FindProblem(request) is { } bad)
            return PlatformResult<NamespaceView>.Refused(bad.Error, bad.Message, bad.Remedy);
        if (request.Size is { } size && size != space.RawSize)
        {
            return PlatformResult<NamespaceView>.Refused(
                PlatformError.BadSize, $"{space.Region} has no labels, and so one namespace of {space.RawSize} bytes", $"take {space.RawSize}, or initialise labels where its DIMMs can have some", space.RawSize);
        }

        if (request.Name.Length > 0 || request.Uuid is not null)
            return PlatformResult<NamespaceView>.Refused(PlatformError.NoLabels, $"{space.Region} has no labels, which hold the name and the uuid of a namespace", "leave them out");
        if (request.Mode != NamespaceMode.Raw && space.RawSize < CapacityAdvice.MinimumSize + (ulong)BttFormat.Linux11.InitialOffset)
            return PlatformResult<NamespaceView>.Refused(PlatformError.BadSize, $"{space.RawSize} bytes are too few for {request.Mode.ToString().ToLowerInvariant()} mode", "take a larger region, or raw mode");
        PlatformResult<Plan> plan = Complete(new Plan(request, space.RawSize, 0, space.Start, Guid.Empty, BttFormat.Linux11));
        if (plan.Value is null)
            return plan.As<NamespaceView>();
        using PersistentMap map = MapFor(region, plan.Value);
        WritePersonality(map, plan.Value);
        _disabled.Remove(KeyOf(space));
        return PlatformResult<NamespaceView>.Done(View(number, ReadAreas()).Namespaces[0]);
    }
}
