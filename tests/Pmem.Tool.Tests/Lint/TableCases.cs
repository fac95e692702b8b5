using System.Buffers.Binary;
using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Lint;

/// <summary>Block translation tables and info blocks made to have one fault each.</summary>
internal static class TableCases
{
    public const string Parent = "3e5b6c57-47c7-4cc0-8e46-66861ce62d45";
    private const string Stranger = "11111111-2222-4333-8444-555555555555";
    private const int Checksum = 4088;
    private const int FreshBlock = 30;

    /// <summary>A table of version 2.0 with blocks of 512 bytes, found by <c>pmem btt check</c>.</summary>
    public static readonly (string Name, string Rule, string Severity, int ExitCode, Action<byte[]> Spoil)[] Tables =
    [
        ("info is not its copy", "info-copy", "error", 1, table => table[InfoOf(table).InfoOffset + 100] ^= 1),
        ("info lost", "info-primary", "error", 1, table => table[0] ^= 1),
        ("info and copy lost", "info-both", "error", 1, table =>
        {
            table[InfoOf(table).InfoOffset] ^= 1;
            table[0] ^= 1;
        }),
        ("layout is not the computed one", "info-layout", "note", 0, table => Info(table, 60, 4, (ulong)InfoOf(table).ExternalBlocks - 1)),
        ("two blocks of one place", "map-duplicate", "error", 1, table => Map(table, 1, Entry(table, 0))),
        ("block that nothing names", "lost", "error", 1, table => Map(table, 1, Entry(table, 0))),
        ("map entry outside", "map-range", "error", 1, table => Map(table, 0, 0xC0000000 | 0x3fffffff)),
        ("lane all zero", "flog", "error", 1, table => Lane(table, 40).Clear()),
        ("sequence pair of a lane", "flog", "error", 1, table => Lane(table, 40)[12] = Lane(table, 40)[28] = 2),
        ("other half outside", "flog-other-half", "error", 1, table => Lane(table, 40)[19] = 0xff),
        ("(0,2) padding", "flog-legacy", "note", 0, ToLegacy),
        ("padding of both kinds", "flog-padding", "error", 1, table => Lane(table, 40)[44] = 1),
        ("pending recovery", "pending", "note", 0, Interrupt),
        ("error flag", "error-flag", "error", 1, table => Info(table, 48, 4, 1)),
        ("fewer than 256 lanes", "info-lanes", "error", 1, table => Info(table, 72, 4, 255)),
        ("arenas chain", "info-fields", "error", 1, table => Info(table, 80, 8, 1 << 20)),
    ];

    /// <summary>A namespace of 256 MiB at 4 GiB, written by <c>pmem infoblock write</c> and found by <c>pmem infoblock verify</c>.</summary>
    public static readonly (string Name, string Rule, string Severity, int ExitCode, string Written, string Verified, Action<byte[]> Spoil)[] InfoBlocks =
    [
        ("PFN checksum", "pfn-checksum", "error", 1, "", "", head => head[4096 + 60] ^= 1),
        ("PFN signature", "infoblock-missing", "error", 1, "", "--class Pfn", head => head[4096] ^= 1),
        ("PFN parent", "pfn-parent", "error", 1, "", $"--parent-uuid {Stranger}", _ => { }),
        ("PFN mode", "pfn-mode", "error", 1, "", "", head => Block(head, 72, 4, 3)),
        ("PFN block, label of DAX", "infoblock-class", "error", 1, "", "--class Dax", _ => { }),
        ("DAX block, label of PFN", "infoblock-class", "error", 1, "--mode devdax", "--class Pfn", _ => { }),
        ("PFN block, label of BTT", "infoblock-class", "error", 1, "", "--class Btt", _ => { }),
        ("data offset past the end", "pfn-data-offset", "error", 1, "", "", head => Block(head, 56, 8, 512 << 20)),
        ("data offset not aligned", "pfn-data-offset", "error", 1, "", "", head => Block(head, 56, 8, (6 << 20) + 4096)),
        ("data offset not a page", "pfn-data-offset", "error", 1, "--align 4096", "", head => Block(head, 56, 8, (6 << 20) + 512)),
        ("alignment larger than the namespace", "pfn-alignment", "error", 1, "", "", head => Block(head, 84, 4, 1 << 30)),
        ("page size", "pfn-page-size", "error", 1, "", "", head => Block(head, 88, 4, 8192)),
        ("page structure too small", "pfn-page-structure", "error", 1, "", "", head => Block(head, 92, 2, 32)),
        ("start not at 2 MiB with its pad", "pfn-start", "error", 1, "--align 4096", "", head => Block(head, 76, 4, 4096)),
        ("end not at 2 MiB", "pfn-end", "error", 1, "", "", head => Block(head, 80, 4, 4096)),
        ("alignment that devdax cannot have", "pfn-alignment", "error", 1, "--mode devdax", "", head => Block(head, 84, 4, 65536)),
        ("moved to another address", "pfn-start", "error", 1, "", "--start 0x100100000", _ => { }),
        ("minor of tomorrow", "pfn-version", "warning", 0, "", "", head => Block(head, 54, 2, 9)),
        ("major 2", "pfn-version", "warning", 0, "", "", head => Block(head, 52, 2, 2)),
        ("flags", "pfn-flags", "warning", 0, "", "", head => Block(head, 48, 4, 1)),
        ("no pages", "pfn-pages", "warning", 0, "", "", head => Block(head, 64, 8, 0)),
        ("more pages than there are", "pfn-pages", "warning", 0, "", "", head => Block(head, 64, 8, 1UL << 40)),
        ("alignment 64 KiB", "pfn-alignment", "warning", 0, "", "", head => Block(head, 84, 4, 65536)),
        ("alignment 0", "pfn-alignment", "warning", 0, "--map mem", "", head => Block(head, 84, 4, 0)),
        ("page structure of 128 bytes", "pfn-page-structure", "warning", 0, "", "", head => Block(head, 92, 2, 128)),
        ("pad at the start", "pfn-start-pad", "warning", 0, "", "", head =>
        {
            Block(head, 76, 4, 2 << 20);
            Block(head, 80, 4, 2 << 20);
        }),
        ("minor below 4", "pfn-minor", "info", 0, "", "", head => Block(head, 54, 2, 3)),
        ("BTT 2.0 and PFN", "infoblock-two", "warning", 0, "", $"--class Pfn --parent-uuid {Parent}", head =>
        {
            BttInfo info = ArenaGeometry.Compute(BttFormat.Uefi20, 256 << 20, 4096).ToInfo(BttFormat.Uefi20, 1, 0, 0);
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<BttInfo>(in info)).CopyTo(head);
        }),
        ("BTT checksum", "btt-checksum", "error", 1, "--mode sector --btt-version 1.1", "--class Btt", head => head[4096 + 60] ^= 1),
        ("BTT parent", "btt-parent", "error", 1, "--mode sector --btt-version 1.1", $"--parent-uuid {Stranger}", _ => { }),
        ("BTT 1.1, label of 2.0", "btt-version", "error", 1, "--mode sector --btt-version 1.1", "--class Btt2", _ => { }),
        ("BTT 2.0, label of 1.1", "btt-version", "error", 1, "--mode sector --btt-version 2.0", "--class Btt", _ => { }),
        ("BTT, label of PFN", "infoblock-class", "error", 1, "--mode sector --btt-version 1.1", "--class Pfn", _ => { }),
        ("BTT error flag", "btt-error-flag", "warning", 0, "--mode sector --btt-version 1.1", "", head => Block(head, 48, 4, 1)),
        ("BTT and PFN want the same page", "infoblock-missing", "error", 1, "--mode sector --btt-version 1.1", "--class Pfn", head => head.AsSpan(4096, 4096).Clear()),
    ];

    private static BttInfo InfoOf(byte[] table) => BttInfo.Read(table.AsSpan(0, BttInfo.Size));

    private static Span<byte> Lane(byte[] table, int lane) => table.AsSpan((int)InfoOf(table).FlogOffset + (lane * BttLayout.FlogEntrySize), BttLayout.FlogEntrySize);

    private static uint Entry(byte[] table, int block) => BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan((int)InfoOf(table).MapOffset + (block * 4)));

    private static void Map(byte[] table, int block, uint entry) => BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan((int)InfoOf(table).MapOffset + (block * 4)), entry);

    /// <summary>Changes a field of the info block and its copy.</summary>
    private static void Info(byte[] table, int at, int length, ulong value)
    {
        int copy = (int)InfoOf(table).InfoOffset;
        Number(table.AsSpan(0, 4096), at, length, value);
        table.AsSpan(0, 4096).CopyTo(table.AsSpan(copy));
    }

    /// <summary>Changes a field of the block at 4096.</summary>
    private static void Block(byte[] head, int at, int length, ulong value) => Number(head.AsSpan(4096, 4096), at, length, value);

    private static void Number(Span<byte> block, int at, int length, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..length].CopyTo(block[at..]);
        BinaryPrimitives.WriteUInt64LittleEndian(block[Checksum..], Fletcher64.ComputeWithHole(block, Checksum));
    }

    /// <summary>Second halves at 32, as kernels before 4.15 wrote them.</summary>
    private static void ToLegacy(byte[] table)
    {
        for (int lane = 0; lane < InfoOf(table).FreeBlocks; lane++)
        {
            Lane(table, lane)[16..32].CopyTo(Lane(table, lane)[32..]);
            Lane(table, lane)[16..32].Clear();
        }
    }

    /// <summary>A write of a block that was never written, ended between flog and map.</summary>
    private static void Interrupt(byte[] table)
    {
        Span<byte> lane = Lane(table, 40);
        uint free = BinaryPrimitives.ReadUInt32LittleEndian(lane[4..]) & 0x3fffffff;
        BinaryPrimitives.WriteUInt32LittleEndian(lane[16..], FreshBlock);
        BinaryPrimitives.WriteUInt32LittleEndian(lane[20..], FreshBlock);
        BinaryPrimitives.WriteUInt32LittleEndian(lane[24..], free);
        BinaryPrimitives.WriteUInt32LittleEndian(lane[28..], 2);
    }
}
