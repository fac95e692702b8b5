namespace Pmem.Emulation.Guest;

/// <summary>How the memory of a platform reaches a guest.</summary>
public enum GuestAttachment
{
    /// <summary><see cref="Nvdimm"/> where it shows the guest the same platform, which is so for one DIMM; otherwise <see cref="Tables"/>.</summary>
    Automatic,

    /// <summary>
    /// QEMU's nvdimm devices: each DIMM must be a set by itself. The guest writes into the DIMMs' files. QEMU lists several devices in an order of its own, so that Linux
    /// may number regions and namespaces differently; their labels, uuids and cookies are the platform's.
    /// </summary>
    Nvdimm,

    /// <summary>virtio-pmem devices, without labels: the guest sees the media of each DIMM as one raw device. Each DIMM must be a set by itself.</summary>
    VirtioPmem,

    /// <summary>Our NFIT and SSDT, with every interleave set, and the DIMMs' health. The guest's memory is a file that is written back to the DIMMs when it ended.</summary>
    Tables,
}

/// <summary>Guests on a <see cref="VirtualPlatform"/>.</summary>
public static class PlatformGuest
{
    // QEMU numbers serials from here, and refuses smaller label areas (hw/mem/nvdimm.c, hw/acpi/nvdimm.c).
    private const uint FirstSerial = 0x123456;
    private const ushort Vendor = 0x8086;
    private const int SmallestLabels = 128 << 10;

    /// <summary>Why the DIMMs of a platform cannot be devices of QEMU, as a sentence; null if they can.</summary>
    public static string? FindObstacle(VirtualPlatform platform, GuestAttachment attachment)
    {
        ArgumentNullException.ThrowIfNull(platform);
        if (attachment is not (GuestAttachment.Nvdimm or GuestAttachment.VirtioPmem))
            return null;
        if (attachment == GuestAttachment.Nvdimm && platform.Domain is null)
            return "the platform has no ADR, and QEMU's own firmware would promise it";
        if (platform.Sets.FirstOrDefault(set => set.Dimms.Count > 1) is { } wide)
            return $"the set at 0x{wide.Start:x} is interleaved over {wide.Dimms.Count} DIMMs, and QEMU's devices are one file each";
        foreach (VirtualSet set in platform.Sets)
        {
            VirtualDimm dimm = platform.Dimms[set.Dimms[0]];
            if (set.DpaStarts[0] != 0 || set.SizePerDimm != dimm.Capacity)
                return $"the set at 0x{set.Start:x} is a part of its DIMM, and QEMU's devices are whole";
            if (attachment == GuestAttachment.Nvdimm && (dimm.Handle - 1 != dimm.SerialNumber - FirstSerial || dimm.VendorId != Vendor || dimm.Handle is 0 or > 256))
                return $"{dimm.File} is DIMM 0x{dimm.SerialNumber:x} in the place of another, and QEMU numbers its devices by their places";
            if (attachment == GuestAttachment.Nvdimm && dimm.LabelSize is not 0 and < SmallestLabels)
                return $"{dimm.File} has a label storage area of {dimm.LabelSize} bytes, and QEMU wants {SmallestLabels} at least";
        }

        return null;
    }

    /// <summary>
    /// Runs a guest on a platform until it powers off. The platform is held meanwhile; what the guest changed is on the DIMMs at return, also when the guest failed, took too
    /// long or was cancelled, which to it is a power cut. Open the platform again to see its new labels.
    /// </summary>
    /// <param name="platform">The platform; its volumes must be closed.</param>
    /// <param name="options">The machine, without memory devices.</param>
    /// <param name="attachment">How the memory reaches the guest.</param>
    /// <param name="lineWritten">Called with each line that the guest prints, from another thread.</param>
    /// <param name="progress">Told how far the copies before and after are, 0 to 1.</param>
    /// <param name="cancellation">Stops the guest.</param>
    /// <exception cref="PmemException">The attachment does not suit the platform, something is missing, or the guest failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<GuestConsole> RunAsync(
        VirtualPlatform platform, VirtualMachineOptions options, GuestAttachment attachment = GuestAttachment.Automatic, Action<string>? lineWritten = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(platform);
        ArgumentNullException.ThrowIfNull(options);
        if (attachment == GuestAttachment.Automatic)
            attachment = platform.Sets.Count == 1 && FindObstacle(platform, GuestAttachment.Nvdimm) is null ? GuestAttachment.Nvdimm : GuestAttachment.Tables;
        options = options with { Domain = options.Domain ?? platform.Domain };
        if (FindObstacle(platform, attachment) is { } obstacle)
            throw new PmemException($"{obstacle}: attach the platform with tables");
        VirtualMachine.DemandPrograms(options);
        if (attachment != GuestAttachment.Tables)
        {
            platform.Lend();
            try
            {
                return await RunAsync(platform, options with { Devices = [.. Devices(platform, attachment)] }, lineWritten, cancellation).ConfigureAwait(false);
            }
            finally
            {
                platform.Record(null);
            }
        }

        GuestMemory memory = platform.ExportGuest(progress, cancellation);
        try
        {
            return await RunAsync(platform, memory.AddTo(options), lineWritten, cancellation).ConfigureAwait(false);
        }
        finally
        {
            // The machine has ended, whatever became of it: what it stored is the platform's.
            platform.ImportGuest(progress, CancellationToken.None);
        }
    }

    private static async Task<GuestConsole> RunAsync(VirtualPlatform platform, VirtualMachineOptions options, Action<string>? lineWritten, CancellationToken cancellation)
    {
        using var machine = VirtualMachine.Start(options, lineWritten);
        platform.Record(MachineProcess.Of(machine.ProcessId));
        return await machine.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private static IEnumerable<GuestMemoryDevice> Devices(VirtualPlatform platform, GuestAttachment attachment)
    {
        foreach (VirtualSet set in platform.Sets)
        {
            VirtualDimm dimm = platform.Dimms[set.Dimms[0]];
            if (dimm.IsLost)
                continue;
            string path = Path.Combine(platform.Folder, dimm.File);
            yield return attachment == GuestAttachment.Nvdimm
                ? new GuestNvdimm(path, dimm.Capacity + dimm.LabelSize, dimm.LabelSize) { Slot = (int)dimm.Handle - 1, IsNotArmed = dimm.IsNotArmed }
                : new GuestVirtioPmem(path, dimm.Capacity);
        }
    }
}
