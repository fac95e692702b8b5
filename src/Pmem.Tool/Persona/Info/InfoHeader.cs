using Pmem.Pools;

namespace Pmem.Tool.Persona.Info;

/// <summary>The pool header.</summary>
internal static class InfoHeader
{
    private const int BitsPerAlignment = 4;

    private static readonly string[] s_alignments =
        ["  char", "  short", "  int", "  long", "  long long", "  size_t", "  os_off_t", "  float", "  double", "  long double", "  void *"];

    public static void Write(LeveledOutput output, InfoOptions options, PersistentMap map, bool isPart)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        map.CheckedRead(0, bytes);
        PoolHeader header = PoolHeader.Read(bytes);
        output.Title(1, "POOL Header");
        output.HexDump(options.LevelOf('x'), bytes, 0, separate: true);
        int end = bytes.AsSpan(0, sizeof(ulong)).IndexOf((byte)0);
        output.Field(1, "Signature", $"{Terminal.Text(bytes.AsSpan(0, end < 0 ? sizeof(ulong) : end))}{(isPart ? " [part file]" : string.Empty)}");
        output.Field(1, "Major", $"{(int)header.Major}");
        output.Field(1, "Mandatory features", Features((uint)header.Incompat));
        output.Field(1, "Not mandatory features", $"0x{(uint)header.Compat:x}");
        output.Field(1, "Forced RO", $"0x{(uint)header.ReadOnlyCompat:x}");
        output.Field(1, "Pool set UUID", Uuid(bytes, 24));
        output.Field(1, "UUID", Uuid(bytes, 40));
        output.Field(1, "Previous part UUID", Uuid(bytes, 56));
        output.Field(1, "Next part UUID", Uuid(bytes, 72));
        output.Field(1, "Previous replica UUID", Uuid(bytes, 88));
        output.Field(1, "Next replica UUID", Uuid(bytes, 104));
        output.Field(1, "Creation Time", InfoText.Time(header.CreationTime));
        WriteAlignments(output, header.AlignmentDescriptor);
        output.Field(1, "Class", header.MachineClass == PoolHeader.MachineClass64 ? "64" : "unknown");
        output.Field(1, "Data", header.Data switch { 1 => "2's complement, little endian", 2 => "2's complement, big endian", _ => "unknown" });
        output.Field(1, "Machine", header.Machine switch { 62 => "AMD X86-64", 183 => "Aarch64", 21 => "PPC64", 243 => "RISCV", _ => $"unknown {header.Machine}" });
        output.Field(1, "Last shutdown", header.ShutdownState.Dirty == 0 ? "clean" : "dirty");
        output.Field(1, "Checksum", InfoText.Checksum(header.Checksum, header.ComputeChecksum()));
    }

    private static string Uuid(byte[] bytes, int at) => $"{new Guid(bytes.AsSpan(at, 16))}";

    private static void WriteAlignments(LeveledOutput output, ulong found)
    {
        const ulong Ours = PoolHeader.AlignmentDescriptorX64;
        output.Field(1, "Alignment Descriptor", found == Ours ? $"0x{found:x16}[OK]" : $"0x{found:x16} [wrong! should be 0x{Ours:x16}]");
        for (int i = 0; i < s_alignments.Length; i++)
        {
            ulong here = Alignment(found, i);
            ulong wanted = Alignment(Ours, i);
            string verdict = found == Ours ? string.Empty : here == wanted ? " [OK]" : $" [wrong! should be {wanted,2}]";
            output.Field(2, s_alignments[i], $"{here,2}{verdict}");
        }
    }

    private static ulong Alignment(ulong descriptor, int index) => 1 + (descriptor >> (index * BitsPerAlignment) & ((1 << BitsPerAlignment) - 1));

    private static string Features(uint incompat)
    {
        if (incompat == 0)
            return "0x0";
        var names = new List<string>();
        foreach ((uint bit, string name) in (ReadOnlySpan<(uint, string)>)[(1, "SINGLEHDR"), (2, "CKSUM_2K"), (4, "SHUTDOWN_STATE")])
        {
            if ((incompat & bit) != 0)
                names.Add(name);
        }

        if ((incompat & ~7u) != 0)
            names.Add("?UNKNOWN_FLAG?");
        return $"0x{incompat:x} [{string.Join(", ", names)}]";
    }
}
