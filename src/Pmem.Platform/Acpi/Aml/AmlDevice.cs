namespace Pmem.Platform.Acpi.Aml;

/// <summary>A device that a table defines.</summary>
/// <param name="Path">Its name from the root: <c>\_SB.NVDR.D000</c>.</param>
/// <param name="HardwareId"><c>_HID</c>, when it is a string.</param>
/// <param name="Address"><c>_ADR</c>, when it is a constant.</param>
/// <param name="Methods">Names of its methods.</param>
public sealed record AmlDevice(string Path, string? HardwareId, ulong? Address, IReadOnlyList<string> Methods)
{
    /// <summary>The <c>_HID</c> of the NVDIMM root device.</summary>
    public const string NvdimmRoot = "ACPI0012";

    /// <summary>Whether the device is a child of another.</summary>
    public bool IsChildOf(AmlDevice parent)
    {
        ArgumentNullException.ThrowIfNull(parent);
        return Path.StartsWith(parent.Path + ".", StringComparison.Ordinal) && Path.IndexOf('.', parent.Path.Length + 1) < 0;
    }

    /// <summary>The handles of the NVDIMM devices in a table: <c>_ADR</c> of the children of the root device.</summary>
    public static IReadOnlyList<NfitDeviceHandle> NvdimmHandles(IReadOnlyList<AmlDevice> devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        AmlDevice[] roots = [.. devices.Where(device => device.HardwareId == NvdimmRoot)];
        return [.. devices.Where(device => device.Address <= uint.MaxValue && Array.Exists(roots, device.IsChildOf)).Select(device => new NfitDeviceHandle((uint)device.Address!.Value))];
    }
}
