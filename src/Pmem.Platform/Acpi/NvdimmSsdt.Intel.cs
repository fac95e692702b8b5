using Pmem.Platform.Acpi.Aml;
using Pmem.Platform.Dsm;
using static Pmem.Platform.Acpi.Aml.AmlCode;

namespace Pmem.Platform.Acpi;

/// <content>
/// Intel's <c>_DSM</c> of modules: one method for all of them (<c>IDSM</c>), so that a module takes a few bytes of a table that may have 64 KiB. Health is answered from the
/// module's registers, which hold the answers themselves; functions 10, 17 and 18 change them.
/// </content>
public static partial class NvdimmSsdt
{
    private const uint IntelInvalidInput = 3;
    private const uint IntelInvalidSecurityState = 10;
    private const uint LabelsLocked = (uint)LabelSizeOutput.Locked << 16;
    private const uint Protected = 2;
    private const uint Locked = 4;
    private const uint Frozen = 8;
    private const uint HealthEvent = 0x81;

    private static AmlTerm IntelDsm(NvdimmDevice device, string name) => Method("_DSM", 4, serialized: true,
        Store(Call("IDSM", Argument(0), Argument(2), Argument(3), device.HealthAddress ?? 0, device.LabelAddress, device.LabelSize), Local(0)),
        If("EVNT", Store(0, "EVNT"), Notify(name, HealthEvent)),
        Return(Local(0)));

    // IDSM (family, function, package, health registers, label area, its size).
    private static AmlTerm[] IntelMethods() =>
    [
        Name("EVNT", 0),
        Method("IDSM", 6, serialized: true,
            If(Equal(Argument(0), Uuid(DsmFamilies.Intel)),
                If(Not(Argument(1)),
                    Store(1, Local(0)),
                    If(Argument(3), Or(Local(0), Mask(1, 2, 10, 17, 18, 19, 23), Local(0))),
                    If(Argument(5), Or(Local(0), Mask(4, 5, 6), Local(0))),
                    Store(Buffer(new byte[4]), Local(1)),
                    CreateField(Local(1), 0, 32, "FMSK"),
                    Store(Local(0), "FMSK"),
                    Return(Local(1))),
                If(Argument(3), If(Either(Less(Argument(1), 3), Either(Equal(Argument(1), 10), Both(Greater(Argument(1), 16), Less(Argument(1), 19)))),
                    Return(Call("IHLT", Argument(1), Argument(2), Argument(3))))),
                If(Argument(3), If(Either(Equal(Argument(1), 19), Equal(Argument(1), 23)), Return(Call("ISEC", Argument(1), Argument(3))))),
                If(Argument(3), If(Both(Both(Greater(Argument(1), 3), Less(Argument(1), 7)), Call("ILCK", Argument(3))),
                    If(Equal(Argument(1), 4), Return(Concatenate(Buffer(Words(LabelsLocked)), Concatenate(ToWord(Argument(5)), Buffer(Words(PageSize)))))),
                    Return(Buffer(Words(IntelInvalidSecurityState))))),
                If(Argument(5), If(Both(Greater(Argument(1), 3), Less(Argument(1), 7)),
                    Return(Call("ILBL", Argument(1), Argument(2), Argument(4), Argument(5))))),
                Return(Buffer(Words(1)))),
            Return(NothingKnown)),
        LabelFunctionsMethod(),
        HealthFunctionsMethod(),
        HealthRefreshMethod(),
        SecurityMethod(),
        LockedMethod(),
    ];

    private static uint Mask(params ReadOnlySpan<int> functions)
    {
        uint mask = 0;
        foreach (int function in functions)
            mask |= 1u << function;
        return mask;
    }

    // ILBL (function, package, area, its size).
    private static AmlTerm LabelFunctionsMethod() => Method("ILBL", 4, serialized: true,
        If(Equal(Argument(0), 4), Return(Concatenate(Buffer(Words(0)), Concatenate(ToWord(Argument(3)), Buffer(Words(PageSize)))))),
        If(Not(SizeOf(Argument(1))), Return(Buffer(Words(IntelInvalidInput)))),
        Store(DerefOf(Index(Argument(1), 0)), Local(0)),
        If(Less(SizeOf(Local(0)), 8), Return(Buffer(Words(IntelInvalidInput)))),
        CreateField(Local(0), 0, 32, "LOFF"),
        CreateField(Local(0), 4, 32, "LLEN"),
        If(Call(LabelRefused, Argument(3), "LOFF", "LLEN"), Return(Buffer(Words(IntelInvalidInput)))),
        If(Equal(Argument(0), 5), Return(Concatenate(Buffer(Words(0)), Call(LabelRead, Argument(2), Argument(3), "LOFF", "LLEN")))),
        If(Less(SizeOf(Local(0)), Add("LLEN", 8)), Return(Buffer(Words(IntelInvalidInput)))),
        Call(LabelWrite, Argument(2), Argument(3), "LOFF", Mid(Local(0), 8, "LLEN")),
        Return(Buffer(Words(0))));

    // A number as 4 bytes, without a name: methods that already have names may use it more than once.
    private static AmlTerm ToWord(AmlTerm value) => Mid(ToBuffer(value), 0, 4);

    // IHLT (function, package, registers).
    private static AmlTerm HealthFunctionsMethod() => Method("IHLT", 3, serialized: true,
        MemoryRegion("HREG", Argument(2), NvdimmDevice.HealthRegistersSize),
        Field("HREG", AmlFieldAccess.Byte, ("SMRT", NvdimmHealthRegisters.SmartSize * 8), (null, 4 * 8), ("STHR", NvdimmHealthRegisters.ThresholdsSize * 8), (null, 4 * 8), ("LTCH", 32), ("INJF", 32)),
        If(Equal(Argument(0), 1), Return("SMRT")),
        If(Equal(Argument(0), 2), Return("STHR")),
        If(Not(SizeOf(Argument(1))), Return(Buffer(Words(IntelInvalidInput)))),
        Store(DerefOf(Index(Argument(1), 0)), Local(0)),
        If(Equal(Argument(0), 10),
            If(Less(SizeOf(Local(0)), 1), Return(Buffer(Words(IntelInvalidInput)))),
            Store(DerefOf(Index(Local(0), 0)), "LTCH"),
            Return(Buffer(Words(0)))),
        If(Equal(Argument(0), 17),
            If(Less(SizeOf(Local(0)), 7), Return(Buffer(Words(IntelInvalidInput)))),
            If(Greater(DerefOf(Index(Local(0), 2)), 100), Return(Buffer(Words(IntelInvalidInput))))),
        If(Equal(Argument(0), 18),
            If(Less(SizeOf(Local(0)), 15), Return(Buffer(Words(IntelInvalidInput)))),
            If(Greater(DerefOf(Index(Local(0), 12)), 100), Return(Buffer(Words(IntelInvalidInput))))),
        Call("IREF", Argument(0), Local(0), Argument(2)),
        Return(Buffer(Words(0))));

    // ISEC (function 19 or 23, registers).
    private static AmlTerm SecurityMethod() => Method("ISEC", 2, serialized: true,
        MemoryRegion("HREG", Argument(1), NvdimmDevice.HealthRegistersSize),
        Field("HREG", AmlFieldAccess.Byte, (null, NvdimmHealthRegisters.SecurityPosition * 8), ("SECS", NvdimmHealthRegisters.SecuritySize * 8)),
        Field("HREG", AmlFieldAccess.Byte, (null, (NvdimmHealthRegisters.SecurityPosition + 8) * 8), ("SECB", 8)),
        If(Equal(Argument(0), 19), Return("SECS")),
        If(Equal(And("SECB", Protected | Locked | Frozen), Protected),
            Or("SECB", Frozen, "SECB"),
            Return(Buffer(Words(0)))),
        Return(Buffer(Words(IntelInvalidSecurityState))));

    // ILCK (registers): whether the module is locked.
    private static AmlTerm LockedMethod() => Method("ILCK", 1, serialized: true,
        MemoryRegion("HREG", Argument(0), NvdimmDevice.HealthRegistersSize),
        Field("HREG", AmlFieldAccess.Byte, (null, (NvdimmHealthRegisters.SecurityPosition + 8) * 8), ("SECB", 8)),
        Return(And("SECB", Locked)));

    // IREF (function 17 or 18, its input, registers): takes over what is new, and computes from it what the module says. EVNT says whether it raises an alarm.
    private static AmlTerm HealthRefreshMethod() => Method("IREF", 3, serialized: true,
        MemoryRegion("HREG", Argument(2), NvdimmDevice.HealthRegistersSize),
        Field("HREG", AmlFieldAccess.Byte,
            (null, 12 * 8), ("HSTA", 8), ("HSPR", 8), (null, 8), ("HALR", 8), ("HMTP", 16), ("HCTP", 16), ("HCNT", 32), (null, 11 * 8), ("HLSS", 8), (null, 104 * 8),
            ("TCTL", 16), ("TSPR", 8), ("TMTP", 16), ("TCTP", 16), (null, 9 * 8),
            ("INJF", 32), ("RMTP", 16), ("RSPR", 8), ("RSTA", 8), ("RCNT", 32), ("RLSS", 8), (null, 8), ("IMTP", 16), ("ISPR", 8)),
        // What is true is kept before something else is said for the first time.
        If(Not(And("INJF", NvdimmHealthRegisters.TruthKept)),
            Store("HMTP", "RMTP"),
            Store("HSPR", "RSPR"),
            Store("HSTA", "RSTA"),
            Store("HCNT", "RCNT"),
            Store("HLSS", "RLSS"),
            Store(NvdimmHealthRegisters.TruthKept, "INJF")),
        If(Equal(Argument(0), 17),
            CreateField(Argument(1), 0, 16, "PCTL"),
            CreateField(Argument(1), 3, 16, "PMTT"),
            CreateField(Argument(1), 5, 16, "PCTT"),
            Store("PCTL", "TCTL"),
            Store(DerefOf(Index(Argument(1), 2)), "TSPR"),
            Store("PMTT", "TMTP"),
            Store("PCTT", "TCTP")),
        Else(
            CreateField(Argument(1), 0, 32, "PWHI"),
            CreateField(Argument(1), 9, 16, "PMTP"),
            Store("INJF", Local(0)),
            If(And("PWHI", 1), Flag(1, 8), Store("PMTP", "IMTP")),
            If(And("PWHI", 2), Flag(2, 11), Store(DerefOf(Index(Argument(1), 12)), "ISPR")),
            If(And("PWHI", 4), Flag(4, 13)),
            If(And("PWHI", 8), Flag(8, 14)),
            Store(Local(0), "INJF")),
        Store("RMTP", "HMTP"),
        If(And("INJF", 1), Store("IMTP", "HMTP")),
        Store("RSPR", "HSPR"),
        If(And("INJF", 2), Store("ISPR", "HSPR")),
        Store("RCNT", "HCNT"),
        Store("RLSS", "HLSS"),
        If(And("INJF", 8), Add("RCNT", 1, "HCNT"), Store(1, "HLSS")),
        // Temperatures below zero have bit 15, and pass no threshold.
        Store(0, Local(1)),
        If(Both(And("TCTL", 1), Less("HSPR", "TSPR")), Or(Local(1), 1, Local(1))),
        If(Both(And("TCTL", 2), Warmer("HMTP", "TMTP")), Or(Local(1), 2, Local(1))),
        If(Both(And("TCTL", 4), Warmer("HCTP", "TCTP")), Or(Local(1), 4, Local(1))),
        Store(Local(1), "HALR"),
        // Fatal stays fatal; of the rest the worst counts.
        And("RSTA", 4, Local(2)),
        If(And("INJF", 4), Store(4, Local(2))),
        If(Not(Local(2)), If("HSPR", If(Local(1), Store(1, Local(2)))), Else(Store(2, Local(2)))),
        Store(Local(2), "HSTA"),
        If(Either(Local(1), Local(2)), Store(1, "EVNT")));

    // Sets or clears a flag in Local0 by a byte of the input. Results go to targets: a Store of them is what iasl leaves out.
    private static AmlTerm Flag(uint flag, int position) => Or(And(Local(0), ~flag), And(Not(Not(DerefOf(Index(Argument(1), position)))), flag), Local(0));

    private static AmlTerm Warmer(AmlTerm temperature, AmlTerm threshold) => Both(Less(temperature, 0x8000), Greater(temperature, threshold));
}
