using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Model;

/// <summary>How memory is connected.</summary>
public enum MemoryConnection
{
    /// <summary>By a channel of a memory controller.</summary>
    MemoryChannel,
}

/// <summary>What makes stores durable.</summary>
public enum MemorySynchronization
{
    /// <summary>Nothing is needed: caches are in the persistence domain.</summary>
    None,

    /// <summary>Flushing the addresses of a map.</summary>
    VirtualAddress,
}

/// <summary>A range of a volume.</summary>
/// <param name="Start">System physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Connection">How it is connected.</param>
/// <param name="Synchronization">What makes stores to it durable.</param>
public sealed record VolumeRange(ulong Start, ulong Length, MemoryConnection Connection, MemorySynchronization Synchronization);

/// <summary>
/// A namespace as a volume of persistent memory: the mode NVM.PM.VOLUME of the SNIA NVM Programming Model (chapter 9). A snapshot: take it again after the namespace was
/// changed.
/// </summary>
public sealed class PersistentMemoryVolume
{
    private const int PoisonUnit = 256;

    private readonly IPlatform _platform;
    private readonly NamespaceView _space;
    private readonly RegionView _region;

    private PersistentMemoryVolume(IPlatform platform, NamespaceView space, RegionView region)
    {
        _platform = platform;
        _space = space;
        _region = region;
    }

    /// <summary>Name of the namespace.</summary>
    public string Name => _space.Name;

    /// <summary>Bytes of the volume.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.VOLUME_SIZE", ModelRequirement.Mandatory)]
    public ulong Size => _space.Size;

    /// <summary>Whether an aligned store of up to 8 bytes that a power failure interrupts is old or new, and never a mix.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.INTERRUPTED_STORE_ATOMICITY", ModelRequirement.Mandatory)]
    public bool StoresAreFailureAtomic { get; } = true;

    /// <summary>Bytes that become unreadable together.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE", ModelRequirement.Mandatory)]
    public int ErrorRange { get; } = PoisonUnit;

    /// <summary>Bytes from the start of the volume to the first such range that begins in it.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.FUNDAMENTAL_ERROR_RANGE_OFFSET", ModelRequirement.Mandatory)]
    public int ErrorRangeOffset => (int)((PoisonUnit - ((_space.Start + _space.DataOffset) % PoisonUnit)) % PoisonUnit);

    /// <summary>Whether ranges can be given up without a promise of what is read then.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.DISCARD_IF_YOU_CAN_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanDiscardLazily { get; } = false;

    /// <summary>Whether ranges can be given up at once: memory is always there.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.DISCARD_IMMEDIATELY_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanDiscard { get; } = false;

    /// <summary>Whether ranges that were never written can be told.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.EXISTS_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanTellUnused { get; } = false;

    /// <summary>The modes in which the volume can be used.</summary>
    [ProgrammingModel("NVM.COMMON.SUPPORTED_MODES", ModelRequirement.Mandatory)]
    public ProgrammingModes SupportedModes => _space.Mode == NamespaceMode.Fsdax
        ? ProgrammingModes.PersistentMemoryVolume | ProgrammingModes.PersistentMemoryFile | ProgrammingModes.File
        : ProgrammingModes.PersistentMemoryVolume;

    /// <summary>A namespace as a volume.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="name">An enabled namespace that is not in sector mode.</param>
    public static PlatformResult<PersistentMemoryVolume> Of(IPlatform platform, string name)
    {
        ArgumentNullException.ThrowIfNull(platform);
        foreach (RegionView region in platform.GetRegions())
        {
            if (region.Namespaces.FirstOrDefault(candidate => candidate.Name == name) is not { } space)
                continue;
            if (space.Mode == NamespaceMode.Sector)
                return PlatformResult<PersistentMemoryVolume>.Refused(PlatformError.NotSupported, $"{name} is in sector mode: it has blocks, and its memory is a table's", "open it as a block device");
            if (!space.IsEnabled)
                return PlatformResult<PersistentMemoryVolume>.Refused(PlatformError.CannotEnable, $"{name} is disabled", "enable it first");
            return region.Start == 0
                ? PlatformResult<PersistentMemoryVolume>.Refused(PlatformError.NoPermission, $"the address of {name} may not be read", "run as root")
                : PlatformResult<PersistentMemoryVolume>.Done(new PersistentMemoryVolume(platform, space, region));
        }

        return PlatformResult<PersistentMemoryVolume>.Refused(PlatformError.NotFound, $"there is no namespace {name}", "list the namespaces first");
    }

    /// <summary>The physical ranges of the volume, by address: none overlaps another, and together they are the volume.</summary>
    [ProgrammingModel("NVM.PM.VOLUME.GET_RANGESET", ModelRequirement.Mandatory)]
    public IReadOnlyList<VolumeRange> GetRangeSet() =>
        [new VolumeRange(_space.Start + _space.DataOffset, _space.Size, MemoryConnection.MemoryChannel, _region.Domain == PersistenceDomain.CpuCache ? MemorySynchronization.None : MemorySynchronization.VirtualAddress)];

    /// <summary>Maps the volume; the caller disposes the map.</summary>
    /// <exception cref="PmemException">It cannot be mapped.</exception>
    public PersistentMap Map(bool readOnly = false) => _platform.OpenNamespace(_space.Name, readOnly);

    /// <summary>Makes a range of a map durable; at return it is in the persistence domain. Bytes may have got there before, in any order.</summary>
    /// <param name="map">What <see cref="Map"/> gave.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    [ProgrammingModel("NVM.PM.VOLUME.VIRTUAL_ADDRESS_SYNC", ModelRequirement.Optional)]
    public static void Sync(PersistentMap map, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(map);
        map.Persist(offset, length);
    }
}
