namespace Pmem.Platform.Acpi;

/// <summary>An interleave set as the methods of the root device translate its addresses.</summary>
/// <param name="Start">First system physical address.</param>
/// <param name="LineSize">Bytes of consecutive addresses on one module.</param>
/// <param name="SizePerModule">Bytes of each module.</param>
/// <param name="Modules">The modules in the order of their lines, each with the DIMM physical address at which its part begins.</param>
public sealed record NvdimmSet(ulong Start, ulong LineSize, ulong SizePerModule, IReadOnlyList<(NfitDeviceHandle Handle, ulong DpaStart)> Modules);

/// <summary>
/// What the NVDIMM root device has beside its modules: functions 1 to 5 and 7 to 9 of its <c>_DSM</c> (address range scrub, clearing and injecting errors, translation of
/// addresses), over <see cref="NvdimmErrorRegisters"/> in system memory.
/// </summary>
/// <param name="RegistersAddress">System physical address of the error registers.</param>
/// <param name="Sets">The interleave sets.</param>
public sealed record NvdimmRoot(ulong RegistersAddress, IReadOnlyList<NvdimmSet> Sets)
{
    /// <summary>Addresses at and above this one are out of reach of the methods, which compute with 32-bit integers in units of 256 bytes.</summary>
    public const ulong MaximumAddress = 1UL << 40;
}
