namespace Pmem.Blocks;

/// <summary>What is read from blocks that were discarded.</summary>
public enum DiscardedContent
{
    /// <summary>Zeros.</summary>
    Zeros,
}

/// <summary>
/// What a device does beyond reading and writing: the attributes of the SNIA NVM Programming Model's mode NVM.BLOCK (chapter 7). Lengths are in bytes.
/// </summary>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="IsReadOnly">Whether nothing can be written.</param>
public sealed record BlockCapabilities(
    [property: ProgrammingModel("NVM.BLOCK.LOGICAL_BLOCK_SIZE", ModelRequirement.Mandatory)]
    [property: ProgrammingModel("NVM.BLOCK.PERFORMANCE_BLOCK_SIZE", ModelRequirement.Optional)]
    [property: ProgrammingModel("NVM.BLOCK.ALLOCATION_BLOCK_SIZE", ModelRequirement.Optional)]
    int BlockSize,
    bool IsReadOnly)
{
    /// <summary>Whether a block is written all or nothing, also when power fails.</summary>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_WRITE_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanWriteAtomically => !IsReadOnly;

    /// <summary>The longest write that is all or nothing: one block.</summary>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_WRITE_MAX_DATA_LENGTH", ModelRequirement.MandatoryIfCapable)]
    public int AtomicWriteMaximumLength => BlockSize;

    /// <summary>Buffers of such writes begin at multiples of this in memory: anywhere.</summary>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_WRITE_STARTING_ADDRESS_GRANULARITY", ModelRequirement.MandatoryIfCapable)]
    public int AtomicWriteAddressGranularity { get; } = 1;

    /// <summary>Such writes are multiples of this.</summary>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_WRITE_LENGTH_GRANULARITY", ModelRequirement.MandatoryIfCapable)]
    public int AtomicWriteLengthGranularity => BlockSize;

    /// <summary>Whether several extents can be written all or nothing: they cannot.</summary>
    [ProgrammingModel("NVM.BLOCK.ATOMIC_MULTIWRITE_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanWriteSeveralAtomically { get; } = false;

    /// <summary>Any write of this length at a multiple of it is not torn by a power failure.</summary>
    [ProgrammingModel("NVM.BLOCK.WRITE_ATOMICITY_UNIT", ModelRequirement.Mandatory)]
    public int WriteAtomicityUnit => BlockSize;

    /// <summary>Whether blocks that were discarded can be told from others: <see cref="IBlockDevice.IsZero"/>.</summary>
    [ProgrammingModel("NVM.BLOCK.EXISTS_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanTellUnused { get; } = true;

    /// <summary>Whether blocks can be given up without a promise of what is read then: they cannot but with one.</summary>
    [ProgrammingModel("NVM.BLOCK.DISCARD_IF_YOU_CAN_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanDiscardLazily { get; } = false;

    /// <summary>Whether blocks can be given up at once: <see cref="IBlockDevice.Zero"/>.</summary>
    [ProgrammingModel("NVM.BLOCK.DISCARD_IMMEDIATELY_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanDiscard => !IsReadOnly;

    /// <summary>What is read from blocks that were discarded.</summary>
    [ProgrammingModel("NVM.BLOCK.DISCARD_IMMEDIATELY_RETURNS", ModelRequirement.MandatoryIfCapable)]
    public DiscardedContent DiscardReturns { get; } = DiscardedContent.Zeros;

    /// <summary>Whether blocks can be marked as bad until they are written: <see cref="IBlockDevice.SetError"/>.</summary>
    [ProgrammingModel("NVM.BLOCK.SCAR_CAPABLE", ModelRequirement.Mandatory)]
    public bool CanScar => !IsReadOnly;

    /// <summary>Bytes that are lost together by one error: a block, whose media fails as a whole.</summary>
    [ProgrammingModel("NVM.BLOCK.FUNDAMENTAL_BLOCK_SIZE", ModelRequirement.Mandatory)]
    public int FundamentalErrorSize => BlockSize;

    /// <summary>What a device can do.</summary>
    [ProgrammingModel("NVM.BLOCK.GET_ATTRIBUTE", ModelRequirement.Mandatory)]
    public static BlockCapabilities Of(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new BlockCapabilities(device.BlockSize, device.IsReadOnly);
    }
}
