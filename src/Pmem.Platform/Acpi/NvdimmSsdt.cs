using System.Buffers.Binary;
using Pmem.Platform.Acpi.Aml;
using Pmem.Platform.Dsm;
using static Pmem.Platform.Acpi.Aml.AmlCode;

namespace Pmem.Platform.Acpi;

/// <summary>
/// Builds the SSDT that goes with an NFIT: the NVDIMM root device (<c>ACPI0012</c>), a device for each module, and methods that serve labels and
/// health from registers in system memory. An operating system drops modules of the NFIT for which no such device exists.
/// </summary>
/// <remarks>
/// Linux computes with 32-bit integers in all tables when the DSDT has revision 1, as QEMU's has: registers must then lie below 4 GiB. It uses
/// <c>_LSI</c>, <c>_LSR</c> and <c>_LSW</c> only of devices that answer a <c>_DSM</c> family it knows and that is not Intel's.
/// </remarks>
public static partial class NvdimmSsdt
{
    private const uint PageSize = 4096;
    private const string LabelRead = "LRD";
    private const string LabelWrite = "LWR";
    private const string LabelRefused = "LBAD";

    /// <summary>Answer to every question of a family that is not known: one byte, 0.</summary>
    private static AmlTerm NothingKnown => Buffer([0]);

    /// <summary>Builds the table.</summary>
    /// <param name="devices">The modules.</param>
    /// <param name="fit">What <c>_FIT</c> is to return (<see cref="Nfit.ToFit"/>); null for no <c>_FIT</c>, and the static table counts.</param>
    /// <param name="header">Ids of the table; Linux replaces a firmware table by one with equal ids and a higher OEM revision.</param>
    /// <param name="root">Error registers for the root device's own methods (address range scrub, clearing, translation, injection); null for none.</param>
    /// <exception cref="ArgumentException">A label area is too small, there are more than 4096 modules, or a set is where the root's methods cannot reach it.</exception>
    public static byte[] Build(IReadOnlyList<NvdimmDevice> devices, ReadOnlySpan<byte> fit = default, AcpiTableHeader? header = null, NvdimmRoot? root = null)
    {
        ArgumentNullException.ThrowIfNull(devices);
        if (devices.Count > 4096)
            throw new ArgumentException($"{devices.Count} modules are more than the names D000 to DFFF", nameof(devices));
        var members = new List<AmlTerm>
        {
            Name("_HID", Text("ACPI0012")),
            Method("_STA", 0, serialized: false, Return(0xf)),
            LabelRefusedMethod(),
            LabelReadMethod(),
            LabelWriteMethod(),
        };
        if (!fit.IsEmpty)
            members.Add(Method("_FIT", 0, serialized: false, Return(Buffer(fit))));
        if (root is not null)
            members.AddRange(RootMembers(root));
        if (devices.Any(device => device.Methods == NvdimmMethods.Intel))
            members.AddRange(IntelMethods());
        for (int i = 0; i < devices.Count; i++)
            members.Add(Device($"D{i:X3}", Members(devices[i], $"D{i:X3}")));
        return Table(header ?? new AcpiTableHeader { Signature = "SSDT", Revision = 2 }, Scope("\\_SB", Device("NVDR", [.. members])));
    }

    private static AmlTerm[] Members(NvdimmDevice device, string name)
    {
        if (device.LabelSize is not 0 and < NvdimmDevice.MinimumLabelSize)
            throw new ArgumentException($"the label area of module {device.Handle} has {device.LabelSize} bytes, and the methods need {NvdimmDevice.MinimumLabelSize}", nameof(device));
        AmlTerm address = Name("_ADR", device.Handle.Value);
        return device.Methods switch
        {
            NvdimmMethods.Intel => [address, IntelDsm(device, name)],
            NvdimmMethods.Microsoft => [address, .. MicrosoftHealth(device), MicrosoftDsm(device), .. LabelMethods(device)],
            _ => [address],
        };
    }

    private static AmlTerm[] MicrosoftHealth(NvdimmDevice device) => device.HealthAddress is { } address
        ? [MemoryRegion("HREG", address, NvdimmDevice.HealthRegistersSize), Field("HREG", AmlFieldAccess.Byte, ("NVDH", 13 * 8))]
        : [];

    private static AmlTerm MicrosoftDsm(NvdimmDevice device)
    {
        // Functions 0 and 11.
        byte[] functions = device.HealthAddress is null ? [1] : [0x01, 0x08];
        AmlTerm[] health = device.HealthAddress is null ? [] : [If(Equal(Argument(2), 11), Return("NVDH"))];
        return Method("_DSM", 4, serialized: true,
            If(Equal(Argument(0), Uuid(DsmFamilies.Microsoft)), [If(Not(Argument(2)), Return(Buffer(functions))), .. health, Return(Buffer(Words(1)))]),
            Return(NothingKnown));
    }

    private static AmlTerm[] LabelMethods(NvdimmDevice device)
    {
        if (device.LabelSize == 0)
            return [];
        return
        [
            Method("_LSI", 0, serialized: false, Return(Package(0, device.LabelSize, PageSize))),
            Method("_LSR", 2, serialized: true,
                If(Call(LabelRefused, device.LabelSize, Argument(0), Argument(1)), Return(Package(2, Buffer([0])))),
                Store(Package(0, 0), Local(0)),
                Store(Call(LabelRead, device.LabelAddress, device.LabelSize, Argument(0), Argument(1)), Index(Local(0), 1)),
                Return(Local(0))),
            Method("_LSW", 3, serialized: true,
                If(Call(LabelRefused, device.LabelSize, Argument(0), Argument(1)), Return(2)),
                Call(LabelWrite, device.LabelAddress, device.LabelSize, Argument(0), Mid(Argument(2), 0, Argument(1))),
                Return(0)),
        ];
    }

    // LBAD (size, offset, length): whether a request does not fit.
    private static AmlTerm LabelRefusedMethod() => Method(LabelRefused, 3, serialized: false,
        If(Greater(Argument(1), Argument(0)), Return(1)),
        If(Greater(Argument(2), PageSize), Return(1)),
        Return(Greater(Argument(2), Subtract(Argument(0), Argument(1)))));

    // LRD (address, size, offset, length): bytes of a label area. A page is read that holds them and ends within the area.
    private static AmlTerm LabelReadMethod() => Method(LabelRead, 4, serialized: true,
        [.. Page(), Return(Mid("PDAT", Local(1), Argument(3)))]);

    // LWR (address, size, offset, data): puts bytes into the page, and the page back.
    private static AmlTerm LabelWriteMethod() => Method(LabelWrite, 4, serialized: true,
    [
        .. Page(),
        Store("PDAT", Local(2)),
        Add(Local(1), SizeOf(Argument(3)), Local(3)),
        Concatenate(Mid(Local(2), 0, Local(1)), Argument(3), Local(4)),
        Concatenate(Local(4), Mid(Local(2), Local(3), Subtract(PageSize, Local(3))), Local(5)),
        Store(Local(5), "PDAT"),
    ]);

    // Local0: offset of the page, Local1: offset of the bytes in it.
    private static AmlTerm[] Page() =>
    [
        Store(Argument(2), Local(0)),
        Subtract(Argument(1), PageSize, Local(1)),
        If(Greater(Local(0), Local(1)), Store(Local(1), Local(0))),
        Subtract(Argument(2), Local(0), Local(1)),
        MemoryRegion("PAGE", Add(Argument(0), Local(0)), PageSize),
        Field("PAGE", AmlFieldAccess.DWord, ("PDAT", (int)PageSize * 8)),
    ];

    private static byte[] Words(params ReadOnlySpan<uint> words)
    {
        byte[] bytes = new byte[words.Length * sizeof(uint)];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), words[i]);
        return bytes;
    }
}
