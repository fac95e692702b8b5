namespace Pmem.Platform.Model;

/// <summary>A range of system physical addresses.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct AddressRange(ulong Address, ulong Length);

/// <summary>Where a system physical address is.</summary>
/// <param name="Dimm">Number of the DIMM.</param>
/// <param name="Dpa">DIMM physical address.</param>
/// <param name="Contiguous">Bytes from there that go on side by side on the DIMM.</param>
public readonly record struct DimmPlace(int Dimm, ulong Dpa, ulong Contiguous);

/// <summary>
/// The hardware under a <see cref="LabelledPlatform"/>: what DIMMs say of themselves, media errors, scrubs. It is shaped as firmware shows them to a system (ACPI's ARS
/// functions, Intel's DIMM functions): DIMMs by number, errors by system physical address. Called from many threads, never under a lock of the caller.
/// </summary>
public interface IPlatformHardware
{
    /// <summary>Errors are cleared in whole units of so many bytes, a power of two.</summary>
    ulong ClearUnit { get; }

    /// <summary>What is known of a DIMM.</summary>
    DimmDetails Describe(int dimm);

    /// <summary>What a DIMM says of its health.</summary>
    PlatformResult<DimmHealth> GetHealth(int dimm);

    /// <summary>Lets a DIMM pretend; durable at return.</summary>
    PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection);

    /// <summary>Changes the security of a DIMM; durable at return. Nothing on it is in use when content is erased.</summary>
    PlatformResult<DimmSecurity> ChangeSecurity(int dimm, SecurityRequest request) => Has<DimmSecurity>(dimm, "security");

    /// <summary>Sends firmware to a DIMM; durable at return.</summary>
    PlatformResult<DimmFirmware> UpdateFirmware(int dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions options) => Has<DimmFirmware>(dimm, "firmware that can be updated");

    /// <summary>Arms a DIMM for activation, or disarms it; durable at return.</summary>
    PlatformResult<DimmFirmware> ArmFirmware(int dimm, bool arm) => Has<DimmFirmware>(dimm, "firmware that can be activated");

    /// <summary>How firmware of all DIMMs comes to run; refused where it does after a restart alone.</summary>
    PlatformResult<FirmwareActivation> GetFirmwareActivation() => PlatformResult<FirmwareActivation>.Refused(PlatformError.NotSupported, "nothing is known of activation here: firmware runs after a restart", "restart the platform");

    /// <summary>Activates firmware of armed DIMMs; durable at return.</summary>
    PlatformResult<FirmwareActivation> ActivateFirmware(bool force) => GetFirmwareActivation();

    /// <summary>Errors that the system knows of, by address. If there are very many, the first ones; the others once these are cleared.</summary>
    PlatformResult<IReadOnlyList<AddressRange>> GetErrors();

    /// <summary>Errors that were injected, whether the system knows of them or not, by address.</summary>
    PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors();

    /// <summary>Makes ranges unreadable; durable at return.</summary>
    /// <param name="ranges">System physical addresses.</param>
    /// <param name="notify">Whether the system is told; otherwise it learns of it at the next scrub.</param>
    PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify);

    /// <summary>Takes back what was injected; what the system knows of it stays known until it is cleared.</summary>
    PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges);

    /// <summary>Makes ranges readable again; their content is undefined. Durable at return.</summary>
    PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges);

    /// <summary>The DIMM and its address behind a system address; null when it is not known.</summary>
    DimmPlace? Translate(ulong address);

    /// <summary>The search for media errors as it is now.</summary>
    ScrubStatus GetScrub();

    /// <summary>Starts a search for media errors, and does not wait for its end.</summary>
    PlatformResult<ScrubStatus> StartScrub();

    /// <summary>Ends a search for media errors before it is done; what it found is lost.</summary>
    PlatformResult<ScrubStatus> StopScrub();

    private static PlatformResult<T> Has<T>(int dimm, string what)
        where T : class => PlatformResult<T>.Refused(PlatformError.NotSupported, $"nmem{dimm} has no {what}, as far as is known here", "ask on the machine that has the DIMM, or on a virtual platform");
}
