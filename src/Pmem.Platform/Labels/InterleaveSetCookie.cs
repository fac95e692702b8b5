using System.Buffers.Binary;
using Pmem.Pools;

namespace Pmem.Platform.Labels;

/// <summary>One DIMM of an interleave set, as far as the cookie knows it. Numbers are those of the NFIT, not byte-swapped.</summary>
/// <param name="RegionOffset">Offset of the DIMM's first line in the range (region mapping structure).</param>
/// <param name="SerialNumber">Serial number (control region structure).</param>
/// <param name="VendorId">Vendor id.</param>
/// <param name="ManufacturingDate">Manufacturing date; enters even when it is not marked valid.</param>
/// <param name="ManufacturingLocation">Manufacturing location.</param>
public readonly record struct InterleaveSetMember(ulong RegionOffset, uint SerialNumber, ushort VendorId, ushort ManufacturingDate, byte ManufacturingLocation);

/// <summary>
/// The number that ties labels to the DIMMs they were written on: a checksum of the members of the interleave set. A label with another one is
/// not shown by a kernel, but its place stays taken. 0 is not valid.
/// </summary>
/// <param name="Version12">For labels of version 1.2.</param>
/// <param name="Version11">For labels of version 1.1.</param>
/// <param name="Alternate">What old kernels computed for 1.1; accepted on reading.</param>
public readonly record struct InterleaveSetCookie(ulong Version12, ulong Version11, ulong Alternate)
{
    /// <summary>Computes the cookies of a set (Linux <c>acpi_nfit_init_interleave_set</c>).</summary>
    public static InterleaveSetCookie Compute(IReadOnlyList<InterleaveSetMember> members)
    {
        InterleaveSetMember[] sorted = [.. members.OrderBy(member => member.RegionOffset)];
        // Old kernels compared the offset's bytes in memory order.
        InterleaveSetMember[] byBytes = [.. members.OrderBy(member => BinaryPrimitives.ReverseEndianness(member.RegionOffset))];
        return new InterleaveSetCookie(Sum(sorted, WriteVersion12, 48), Sum(sorted, WriteVersion11, 16), Sum(byBytes, WriteVersion11, 16));
    }

    /// <summary>The cookie of a CXL region, for both versions: offset and 64-bit serial number of each device in the order of targets.</summary>
    public static InterleaveSetCookie ComputeCxl(IReadOnlyList<(ulong DpaOffset, ulong SerialNumber)> targets)
    {
        byte[] record = new byte[16 * targets.Count];
        for (int i = 0; i < targets.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(16 * i), targets[i].DpaOffset);
            BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan((16 * i) + 8), targets[i].SerialNumber);
        }

        ulong cookie = Fletcher64.Compute(record);
        return new InterleaveSetCookie(cookie, cookie, cookie);
    }

    /// <summary>The cookie that Linux expects: by the version of the index block on mapping 0; 1.2 when there is none yet.</summary>
    public ulong For(LabelFormat? format) => format == LabelFormat.Efi11 ? Version11 : Version12;

    /// <summary>Whether Linux accepts a label's cookie.</summary>
    /// <param name="cookie">The label's.</param>
    /// <param name="format">Form of the area on mapping 0.</param>
    public bool Accepts(ulong cookie, LabelFormat? format) => cookie == For(format) || cookie == Alternate;

    private static ulong Sum(InterleaveSetMember[] members, Action<Memory<byte>, InterleaveSetMember> write, int size)
    {
        byte[] records = new byte[size * members.Length];
        for (int i = 0; i < members.Length; i++)
            write(records.AsMemory(i * size, size), members[i]);
        return Fletcher64.Compute(records);
    }

    private static void WriteVersion12(Memory<byte> record, InterleaveSetMember member)
    {
        Span<byte> bytes = record.Span;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, member.RegionOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], member.SerialNumber);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], member.VendorId);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], member.ManufacturingDate);
        bytes[16] = member.ManufacturingLocation;
    }

    private static void WriteVersion11(Memory<byte> record, InterleaveSetMember member)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(record.Span, member.RegionOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(record.Span[8..], member.SerialNumber);
    }
}
