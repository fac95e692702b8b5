using System.Buffers.Binary;
using Pmem.Platform.Acpi.Aml;
using Pmem.Platform.Dsm;
using static Pmem.Platform.Acpi.Aml.AmlCode;

namespace Pmem.Platform.Acpi;

/// <content>
/// The root device's <c>_DSM</c>. Addresses are computed in units of 256 bytes, so that 32-bit integers do. A name that a loop defines would be there already in its second
/// round: whatever needs names is therefore a method of its own.
/// </content>
public static partial class NvdimmSsdt
{
    private const uint InvalidInput = 2;
    private const uint NoScrubYet = 2 << 16;
    private const uint PersistentScrub = 2 << 16;
    private const uint NoAddress = uint.MaxValue;
    private const int ScrubHeader = 48;
    private const int ScrubRecord = 24;
    private const int TranslationSize = 20;
    private const uint UncorrectableError = 0x81;
    private const string Root = "\\_SB.NVDR";

    private static AmlTerm[] RootMembers(NvdimmRoot root) =>
    [
        MemoryRegion("BREG", root.RegistersAddress, NvdimmErrorRegisters.RangesPosition),
        Field("BREG", AmlFieldAccess.DWord, ("ECNT", 32), ("SCNT", 32), ("SBLO", 32), ("SBHI", 32), ("SLLO", 32), ("SLHI", 32), ("STYP", 32), ("CCNT", 32), ("ICNT", 32)),
        Name("SETB", Buffer(Describe(root))),
        // What the methods below give back beside their value.
        Name("XHND", 0), Name("XDPA", 0), Name("XCNT", 0), Name("CSTA", 0), Name("CLEN", 0),
        SetWordMethod(),
        TranslateMethod(),
        .. ListMethods(root.RegistersAddress),
        .. PayloadMethods(),
        ScrubStatusMethod(),
        InjectedMethod(),
        TranslationMethod(),
        RootDsm(),
    ];

    /// <summary>Sets one behind the other: start, units, units of a line, ways; for each way the handle and the first unit of the module.</summary>
    private static byte[] Describe(NvdimmRoot root)
    {
        var words = new List<uint>();
        foreach (NvdimmSet set in root.Sets)
        {
            ulong length = checked(set.SizePerModule * (ulong)set.Modules.Count);
            if (set.Modules.Count == 0 || set.LineSize == 0 || (set.Start | set.LineSize | set.SizePerModule) % NvdimmErrorRegisters.Unit != 0
                || set.Start > NvdimmRoot.MaximumAddress || length > NvdimmRoot.MaximumAddress - set.Start)
                throw new ArgumentException($"the methods cannot translate addresses of the set at 0x{set.Start:x}: it does not lie in whole units of 256 bytes below 1 TiB", nameof(root));
            words.AddRange([Units(set.Start), Units(length), Units(set.LineSize), (uint)set.Modules.Count]);
            foreach ((NfitDeviceHandle handle, ulong dpa) in set.Modules)
                words.AddRange([handle.Value, Units(dpa)]);
        }

        return Words([.. words]);
    }

    private static uint Units(ulong bytes) => checked((uint)(bytes / NvdimmErrorRegisters.Unit));

    // SDW (offset): a number of the sets.
    private static AmlTerm SetWordMethod() => Method("SDW", 1, serialized: true, CreateField("SETB", Argument(0), 32, "SVAL"), Store("SVAL", Local(0)), Return(Local(0)));

    // XLAT (unit): whether a set has it; then XHND is the module, XDPA the unit on it, and XCNT how many follow there.
    private static AmlTerm TranslateMethod() => Method("XLAT", 1, serialized: true,
        Store(0, Local(0)),
        While(Less(Local(0), SizeOf("SETB")),
            Store(Call("SDW", Local(0)), Local(1)),
            Store(Call("SDW", Add(Local(0), 4)), Local(2)),
            Store(Call("SDW", Add(Local(0), 12)), Local(3)),
            If(Both(Not(Less(Argument(0), Local(1))), Less(Subtract(Argument(0), Local(1)), Local(2))),
                Subtract(Argument(0), Local(1), Local(4)),
                Store(Call("SDW", Add(Local(0), 8)), Local(5)),
                Subtract(Local(2), Local(4), "XCNT"),
                Divide(Local(4), Local(5), Local(6), Local(4)),
                If(Greater(Local(3), 1), Subtract(Local(5), Local(6), "XCNT")),
                Divide(Local(4), Local(3), Local(7), Local(4)),
                Add(Add(Local(0), 16), ShiftLeft(Local(7), 3), Local(7)),
                Store(Call("SDW", Local(7)), "XHND"),
                Add(Add(Multiply(Local(4), Local(5)), Local(6)), Call("SDW", Add(Local(7), 4)), "XDPA"),
                Return(1)),
            Add(Add(Local(0), 16), ShiftLeft(Local(3), 3), Local(0))),
        Return(0));

    // The list of errors: EGET, EPUT (index…), EADD (start, count), EDEL (first, end).
    private static AmlTerm[] ListMethods(ulong address) =>
    [
        Method("EGET", 1, serialized: true,
            MemoryRegion("EREG", Add(address + NvdimmErrorRegisters.RangesPosition, Multiply(Argument(0), NvdimmErrorRegisters.RangeSize)), NvdimmErrorRegisters.RangeSize),
            Field("EREG", AmlFieldAccess.DWord, ("ESTA", 32), ("ELEN", 32)),
            Store("ESTA", "CSTA"),
            Store("ELEN", "CLEN")),
        Method("EPUT", 3, serialized: true,
            MemoryRegion("EREG", Add(address + NvdimmErrorRegisters.RangesPosition, Multiply(Argument(0), NvdimmErrorRegisters.RangeSize)), NvdimmErrorRegisters.RangeSize),
            Field("EREG", AmlFieldAccess.DWord, ("ESTA", 32), ("ELEN", 32)),
            Store(Argument(1), "ESTA"),
            Store(Argument(2), "ELEN")),
        Method("EADD", 2, serialized: true,
            If(Less("ECNT", NvdimmErrorRegisters.Capacity),
                Call("EPUT", "ECNT", Argument(0), Argument(1)),
                Add("ECNT", 1, "ECNT"))),
        Method("EDEL", 2, serialized: true,
            Store(0, Local(0)),
            While(Less(Local(0), "ECNT"),
                Call("EGET", Local(0)),
                Store("CSTA", Local(1)),
                Add("CSTA", "CLEN", Local(2)),
                If(Both(Less(Local(1), Argument(1)), Less(Argument(0), Local(2))),
                    // The last one takes its place; what is left of it goes to the end.
                    Subtract("ECNT", 1, "ECNT"),
                    Call("EGET", "ECNT"),
                    Call("EPUT", Local(0), "CSTA", "CLEN"),
                    If(Less(Local(1), Argument(0)), Call("EADD", Local(1), Subtract(Argument(0), Local(1)))),
                    If(Less(Argument(1), Local(2)), Call("EADD", Argument(1), Subtract(Local(2), Argument(1))))),
                Else(Increment(Local(0))))),
    ];

    // DWB (number), QWB (unit, bytes in it): as buffers. UNIT, LOWB (buffer, offset): unit of an address in it, and byte in the unit. UEND (buffer): unit at which a range ends.
    private static AmlTerm[] PayloadMethods() =>
    [
        Method("DWB", 1, serialized: true,
            Store(Buffer(new byte[4]), Local(0)),
            CreateField(Local(0), 0, 32, "DVAL"),
            Store(Argument(0), "DVAL"),
            Return(Local(0))),
        Method("QWB", 2, serialized: true, Return(Concatenate(Call("DWB", Or(ShiftLeft(Argument(0), 8), Argument(1))), Call("DWB", ShiftRight(Argument(0), 24))))),
        Method("UNIT", 2, serialized: true,
            CreateField(Argument(0), Argument(1), 32, "ULOW"),
            CreateField(Argument(0), Add(Argument(1), 4), 32, "UHIG"),
            If(Greater("UHIG", 0xff), Return(NoAddress)),
            Return(Or(ShiftLeft("UHIG", 24), ShiftRight("ULOW", 8)))),
        Method("LOWB", 2, serialized: true, CreateField(Argument(0), Argument(1), 8, "LVAL"), Store("LVAL", Local(0)), Return(Local(0))),
        Method("UEND", 1, serialized: true,
            Store(Call("UNIT", Argument(0), 0), Local(0)),
            Store(Call("UNIT", Argument(0), 8), Local(1)),
            If(Either(Equal(Local(0), NoAddress), Equal(Local(1), NoAddress)), Return(0)),
            ShiftRight(Add(Add(Call("LOWB", Argument(0), 0), Call("LOWB", Argument(0), 8)), 0xff), 8, Local(2)),
            Return(Add(Add(Local(0), Local(1)), Local(2)))),
    ];

    // SSTA: answer to function 3, the errors in the range of the last scrub.
    private static AmlTerm ScrubStatusMethod() => Method("SSTA", 0, serialized: true,
        Store(Buffer(ScrubHeader, Words(NoScrubYet, ScrubHeader - 4)), Local(0)),
        If(Not("SCNT"), Return(Local(0))),
        Store(Concatenate(Concatenate(Call("DWB", "SBLO"), Call("DWB", "SBHI")), Concatenate(Call("DWB", "SLLO"), Call("DWB", "SLHI"))), Local(1)),
        Store(Call("UNIT", Local(1), 0), Local(2)),
        Store(Call("UEND", Local(1)), Local(3)),
        Store(Concatenate(Buffer(Words(0, 0)), Local(1)), Local(0)),
        Store(Concatenate(Local(0), Buffer(new byte[16])), Local(0)),
        Store(Concatenate(Local(0), Concatenate(Call("DWB", "STYP"), Call("DWB", 0))), Local(0)),
        Store(0, Local(4)),
        Store(0, Local(5)),
        While(Less(Local(4), "ECNT"),
            Call("EGET", Local(4)),
            If(Both(Less("CSTA", Local(3)), Less(Local(2), Add("CSTA", "CLEN"))),
                Store(0, "XHND"),
                Call("XLAT", "CSTA"),
                Store(Concatenate(Concatenate(Call("DWB", "XHND"), Call("DWB", 0)), Concatenate(Call("QWB", "CSTA", 0), Call("QWB", "CLEN", 0))), Local(6)),
                Store(Concatenate(Local(0), Local(6)), Local(0)),
                Increment(Local(5))),
            Increment(Local(4))),
        CreateField(Local(0), 4, 32, "SOUT"),
        CreateField(Local(0), ScrubHeader - 4, 32, "SNUM"),
        // A length without the status: what Linux reckons with.
        Add(Multiply(Local(5), ScrubRecord), ScrubHeader - 4, "SOUT"),
        Store(Local(5), "SNUM"),
        Return(Local(0)));

    // INJQ: answer to function 9, all errors.
    private static AmlTerm InjectedMethod() => Method("INJQ", 0, serialized: true,
        Store(Concatenate(Call("DWB", 0), Call("DWB", "ECNT")), Local(0)),
        Store(0, Local(1)),
        While(Less(Local(1), "ECNT"),
            Call("EGET", Local(1)),
            Store(Concatenate(Local(0), Concatenate(Call("QWB", "CSTA", 0), Call("QWB", "CLEN", 0))), Local(0)),
            Increment(Local(1))),
        Return(Local(0)));

    // XSPA (input): answer to function 5.
    private static AmlTerm TranslationMethod() => Method("XSPA", 1, serialized: true,
        Store(Call("LOWB", Argument(0), 0), Local(0)),
        If(Not(Call("XLAT", Call("UNIT", Argument(0), 0))), Return(Buffer(TranslationSize, Words(InvalidInput)))),
        Store(Call("QWB", "XCNT", 0), Local(1)),
        If(Local(0), Store(Call("QWB", Subtract("XCNT", 1), Subtract(0x100, Local(0))), Local(1))),
        Store(Concatenate(Buffer(Words(0, 0)), Concatenate(Local(1), Call("DWB", 1))), Local(1)),
        Return(Concatenate(Local(1), Concatenate(Concatenate(Call("DWB", "XHND"), Call("DWB", 0)), Call("QWB", "XDPA", Local(0))))));

    private static AmlTerm RootDsm() => Method("_DSM", 4, serialized: true,
        If(Equal(Argument(0), Uuid(DsmFamilies.Root)),
            If(Not(Argument(2)), Return(Buffer(DsmFunction.Bitmap(1, 2, 3, 4, 5, 7, 8, 9)))),
            If(Equal(Argument(2), 3), Return(Call("SSTA"))),
            If(Equal(Argument(2), 9), Return(Call("INJQ"))),
            // The others take a range; function 5 an address.
            If(Not(SizeOf(Argument(3))), Return(Buffer(Words(InvalidInput)))),
            Store(DerefOf(Index(Argument(3), 0)), Local(0)),
            If(Less(SizeOf(Local(0)), 8), Return(Buffer(Words(InvalidInput)))),
            If(Equal(Argument(2), 5), Return(Call("XSPA", Local(0)))),
            If(Less(SizeOf(Local(0)), 16), Return(Buffer(Words(InvalidInput)))),
            Store(Call("UNIT", Local(0), 0), Local(1)),
            Store(Call("UEND", Local(0)), Local(2)),
            If(Not(Less(Local(1), Local(2))), Return(Buffer(Words(InvalidInput)))),
            If(Not(Both(Call("XLAT", Local(1)), Call("XLAT", Subtract(Local(2), 1)))), Return(Buffer(Words(InvalidInput)))),
            If(Equal(Argument(2), 1),
                Return(Buffer(Words(PersistentScrub, ScrubHeader + (NvdimmErrorRegisters.Capacity * ScrubRecord), (uint)NvdimmErrorRegisters.Unit, 1)))),
            If(Equal(Argument(2), 2),
                CreateField(Local(0), 0, 32, "ISBL"),
                CreateField(Local(0), 4, 32, "ISBH"),
                CreateField(Local(0), 8, 32, "ISLL"),
                CreateField(Local(0), 12, 32, "ISLH"),
                If(Less(SizeOf(Local(0)), 18), Return(Buffer(Words(InvalidInput)))),
                CreateField(Local(0), 16, 16, "ISTY"),
                Store("ISBL", "SBLO"),
                Store("ISBH", "SBHI"),
                Store("ISLL", "SLLO"),
                Store("ISLH", "SLHI"),
                Store("ISTY", "STYP"),
                Add("SCNT", 1, "SCNT"),
                Return(Buffer(Words(0, 1)))),
            If(Equal(Argument(2), 4),
                If(Either(Call("LOWB", Local(0), 0), Call("LOWB", Local(0), 8)), Return(Buffer(Words(InvalidInput, 0, 0, 0)))),
                Call("EDEL", Local(1), Local(2)),
                Add("CCNT", 1, "CCNT"),
                Return(Concatenate(Buffer(Words(0, 0)), Call("QWB", Subtract(Local(2), Local(1)), 0)))),
            If(Equal(Argument(2), 7),
                If(Not(Less("ECNT", NvdimmErrorRegisters.InjectionLimit)), Return(Buffer(Words(InvalidInput)))),
                Call("EDEL", Local(1), Local(2)),
                Call("EADD", Local(1), Subtract(Local(2), Local(1))),
                Add("ICNT", 1, "ICNT"),
                If(Greater(SizeOf(Local(0)), 16), If(And(Call("LOWB", Local(0), 16), 1), Notify(Root, UncorrectableError))),
                Return(Buffer(Words(0)))),
            If(Equal(Argument(2), 8), Call("EDEL", Local(1), Local(2)), Return(Buffer(Words(0)))),
            Return(Buffer(Words(1)))),
        Return(NothingKnown));
}
