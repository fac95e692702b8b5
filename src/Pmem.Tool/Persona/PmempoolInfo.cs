using System.Globalization;
using System.Text;
using Pmem.Pools;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool info</c>: headers, and statistics and data of logs.</summary>
internal static class PmempoolInfo
{
    private const string Unsupported = "RSlOtEoAaHZCTbpmgBzeuxV";

    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["version"] = 'V', ["verbose"] = 'v', ["help"] = 'h', ["human"] = 'n', ["force"] = 'f', ["data"] = 'd', ["headers-hex"] = 'x', ["stats"] = 's', ["range"] = 'r', ["bad-blocks"] = 'k', ["walk"] = 'w',
    };

    public static int Run(string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhnf:ezuF:L:c:dmxVw:gBsr:lRS:OECZHT:bot:aAp:k:", s_names);
        if (parsed.Problem is not null)
            return Pmempool.Usage("info", parsed.Problem);
        int human = 0;
        bool statistics = false;
        bool data = false;
        bool forced = false;
        ByteRanges? ranges = ByteRanges.All;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case 'h':
                    return Pmempool.ShowHelp("info");
                case 'n':
                    human = 1;
                    break;
                case 's':
                    statistics = true;
                    break;
                case 'd':
                    data = true;
                    break;
                case 'f':
                    forced = true;
                    break;
                case 'r' when !ByteRanges.TryParse(value!, out ranges):
                    return Pmempool.Error($"cannot parse range: '{value}'");
                case var other when Unsupported.Contains(other, StringComparison.Ordinal):
                    return Pmempool.Error($"option -{other} is not supported here; 'pmem pool info' and 'pmem pool objects' show more");
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage("info");
        string path = parsed.Operands[0];
        if (!File.Exists(path))
        {
            Console.Error.WriteLine($"{path}: No such file or directory");
            return 1;
        }

        PoolHeader header = PoolFile.ReadHeader(path) ?? default;
        if (header.Kind is not { } kind)
            return Pmempool.Error($"{path}: unknown pool type -- '{Signature(header)}'");
        if (!forced && header.Checksum != header.ComputeChecksum())
            return Pmempool.Error($"{path}: invalid checksum");
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        Console.WriteLine("Part file:");
        Field("path", path);
        Field("type", PersistentMap.IsDeviceDax(path) ? "device dax" : "regular file");
        Field("size", Pmempool.Size(map.Length, human));
        Header(in header);
        switch (kind)
        {
            case PoolKind.Log:
                Log(map, human, statistics, data ? ranges : null);
                break;
            case PoolKind.Object:
                Objects(map);
                break;
            default:
                Blocks(path, map);
                break;
        }

        return 0;
    }

    private static void Header(in PoolHeader header)
    {
        Title("POOL Header");
        Field("Signature", Signature(header));
        Field("Major", $"{header.Major}");
        Field("Mandatory features", Features((uint)header.Incompat));
        Field("Not mandatory features", $"0x{(uint)header.Compat:x}");
        Field("Forced RO", $"0x{(uint)header.ReadOnlyCompat:x}");
        Field("Pool set UUID", $"{header.PoolSetUuid}");
        Field("UUID", $"{header.Uuid}");
        Field("Previous part UUID", $"{header.PreviousPartUuid}");
        Field("Next part UUID", $"{header.NextPartUuid}");
        Field("Previous replica UUID", $"{header.PreviousReplicaUuid}");
        Field("Next replica UUID", $"{header.NextReplicaUuid}");
        DateTimeOffset created = DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(header.CreationTime, 253402300799)).ToLocalTime();
        Field("Creation Time", created.ToString("ddd MMM dd yyyy HH:mm:ss", CultureInfo.InvariantCulture));
        Field("Alignment Descriptor", $"0x{header.AlignmentDescriptor:x16}{(header.AlignmentDescriptor == PoolHeader.AlignmentDescriptorX64 ? "[OK]" : "[wrong! should be 0x000007f737777310]")}");
        Field("Class", header.MachineClass == 2 ? "64" : $"0x{header.MachineClass:x}");
        Field("Data", header.Data == 1 ? "2's complement, little endian" : $"0x{header.Data:x}");
        Field("Machine", header.Machine switch { 62 => "AMD X86-64", 183 => "Aarch64", _ => $"0x{header.Machine:x}" });
        Field("Last shutdown", header.ShutdownState.Dirty == 0 ? "clean" : "dirty");
        Field("Checksum", Checksum(header.Checksum, header.ComputeChecksum()));
    }

    private static void Log(PersistentMap map, int human, bool statistics, ByteRanges? dumped)
    {
        ulong start = map.ReadUInt64(4096);
        ulong end = map.ReadUInt64(4104);
        ulong write = map.ReadUInt64(4112);
        bool valid = write >= start && write <= end;
        Title("PMEM LOG Header");
        Field("Start offset", $"0x{start:x}");
        Field("Write offset", $"0x{write:x} [{(valid ? "OK" : "ERROR")}]");
        Field("End offset", $"0x{end:x}");
        if (!valid || end > (ulong)map.Length || start > end)
            return;
        long total = (long)(end - start);
        long used = (long)(write - start);
        if (statistics && total > 0)
        {
            Title("PMEM LOG Statistics");
            Field("Total", Pmempool.Size(total, human));
            Field("Available", $"{Pmempool.Size(total - used, human)} [{Percent(100.0 - (used * 100.0 / total))}]");
            Field("Used", $"{Pmempool.Size(used, human)} [{Percent(used * 100.0 / total)}]");
        }

        if (dumped is null || used == 0)
            return;
        Title("PMEMLOG data");
        foreach ((long first, long last) in dumped.Within(used))
        {
            byte[] bytes = new byte[last - first + 1];
            map.CheckedRead((long)start + first, bytes);
            HexDump.Write(Console.Out, (long)start + first, bytes);
            Console.WriteLine(new string('-', 78));
        }
    }

    private static void Objects(PersistentMap map)
    {
        const int Descriptor = 4096;
        const int DescriptorSize = 2048;
        const int ChecksumPosition = 2040;
        ReadOnlySpan<byte> name = map.GetSpan(Descriptor, 1024);
        int end = name.IndexOf((byte)0);
        Title("PMEM OBJ Header");
        Field("Layout", Encoding.UTF8.GetString(end < 0 ? name : name[..end]));
        Field("Lanes offset", $"0x{map.ReadUInt64(0x1400):x}");
        Field("Number of lanes", $"{map.ReadUInt64(0x1408)}");
        Field("Heap offset", $"0x{map.ReadUInt64(0x1410):x}");
        Field("Heap size", $"{map.ReadUInt64(0x1820)}");
        Field("Checksum", Checksum(map.ReadUInt64(Descriptor + ChecksumPosition), Fletcher64.ComputeWithHole(map.GetSpan(Descriptor, DescriptorSize), ChecksumPosition)));
        Field("Root offset", $"0x{map.ReadUInt64(0x1800):x}");
    }

    private static void Blocks(string path, PersistentMap map)
    {
        Title("PMEM BLK Header");
        Field("Block size", $"{map.Read<uint>(4096)}");
        Field("Is zeroed", map.Read<uint>(4100) != 0 ? "true" : "false");
        if (!map.GetSpan(8192, 16).SequenceEqual("BTT_ARENA_INFO\0\0"u8))
            Console.WriteLine("\n<No BTT layout>");
        else
            Console.WriteLine($"\n'pmem btt' shows the arenas of {path}");
    }

    private static string Signature(in PoolHeader header) => Encoding.ASCII.GetString(BitConverter.GetBytes(header.Signature)).TrimEnd('\0');

    private static string Features(uint incompat)
    {
        if (incompat == 0)
            return "0x0";
        List<string> names = [];
        foreach ((uint bit, string name) in (ReadOnlySpan<(uint, string)>)[(1, "SINGLEHDR"), (2, "CKSUM_2K"), (4, "SHUTDOWN_STATE")])
        {
            if ((incompat & bit) != 0)
                names.Add(name);
        }

        if ((incompat & ~7u) != 0)
            names.Add("?UNKNOWN_FLAG?");
        return $"0x{incompat:x} [{string.Join(", ", names)}]";
    }

    private static string Checksum(ulong stored, ulong computed) => stored == computed ? $"0x{stored:x} [OK]" : $"0x{stored:x} [wrong! should be: 0x{computed:x}]";

    private static string Percent(double percent) => percent switch
    {
        > 0.0 and < 0.0001 => $"{percent.ToString("0.000000e+00", CultureInfo.InvariantCulture)} %",
        >= 100.0 or < double.Epsilon => string.Create(CultureInfo.InvariantCulture, $"{percent:0} %"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{percent:0.000000} %"),
    };

    private static void Title(string title) => Console.WriteLine($"\n{title}:");

    private static void Field(string name, string value) => Console.WriteLine($"{name,-25}: {value}");
}
