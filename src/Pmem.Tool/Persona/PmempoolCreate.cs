using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool create</c>.</summary>
internal static class PmempoolCreate
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["size"] = 's', ["verbose"] = 'v', ["help"] = 'h', ["max-size"] = 'M', ["inherit"] = 'i', ["mode"] = 'm', ["write-layout"] = 'w', ["layout"] = 'l', ["force"] = 'f', ["clear-bad-blocks"] = 'b',
    };

    public static int Run(string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhi:s:Mm:l:wfb", s_names);
        if (parsed.Problem is not null)
            return Pmempool.Usage("create", parsed.Problem);
        bool verbose = false;
        bool largest = false;
        bool force = false;
        bool write = false;
        long size = 0;
        var mode = (UnixFileMode)Convert.ToInt32("664", 8);
        string? layout = null;
        PoolSummary? model = null;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case 'h':
                    return Pmempool.ShowHelp("create");
                case 'v':
                    verbose = true;
                    break;
                case 's' when !ByteSize.TryParse(value!, out size) || size == 0:
                    return Pmempool.Error($"invalid size value specified '{value}'");
                case 'm':
                    if (value!.Length is 0 or > 4 || value.Any(digit => digit is < '0' or > '7'))
                        return Pmempool.Error($"invalid mode value specified '{value}'");
                    mode = (UnixFileMode)(Convert.ToInt32(value, 8) & Convert.ToInt32("777", 8));
                    break;
                case 'M':
                    largest = true;
                    break;
                case 'i':
                    model = PoolSummary.Of(value!);
                    break;
                case 'l':
                    layout = value;
                    break;
                case 'f':
                    force = true;
                    break;
                case 'w':
                    write = true;
                    break;
            }
        }

        IReadOnlyList<string> operands = parsed.Operands;
        if (operands.Count == 0 || (operands.Count == 1 && model is null))
            return Pmempool.Usage("create");
        string path = operands[Math.Min(operands.Count, 3) - 1];
        PoolKind kind = model?.Header.Kind ?? PoolKind.Object;
        if (operands.Count > 1 && !TryParseKind(operands[0], out kind))
            return Pmempool.Error($"'{operands[0]}' -- unknown pool type");
        long blockSize = model?.BlockSize ?? 0;
        if (kind == PoolKind.Block && operands.Count < 3 && model is null)
            return Pmempool.Error("blk pool requires <bsize> argument");
        if (operands.Count > 2 && kind != PoolKind.Block)
            return Pmempool.Error($"invalid option specified for {Pmempool.TypeName(kind)} pool type -- block size");
        if (operands.Count > 2 && !ByteSize.TryParse(operands[1], out blockSize))
            return Pmempool.Error($"cannot parse '{operands[1]}' as block size");
        if (layout is { Length: >= 1024 })
            return Pmempool.Error("Layout name is too long, maximum number of characters (including the terminating null byte) is 1024");
        if (layout is not null && kind != PoolKind.Object)
            return Pmempool.Error($"option [-l|--layout] is not supported for: {Pmempool.TypeName(kind)}");
        if (size != 0 && largest)
            return Pmempool.Error("-M|--max-size option cannot be used with -s|--size option");
        size = size != 0 ? size : largest ? new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace & -PoolFile.PageSize : model?.Size ?? 0;
        if (size == 0 && verbose)
            Console.WriteLine("No size option passed - picking minimum pool size.");
        size = size != 0 ? size : PoolFile.MinimumSize(kind);
        if (size < PoolFile.MinimumSize(kind))
            return Pmempool.Error($"size must be >= {PoolFile.MinimumSize(kind)} bytes");
        if (force && File.Exists(path))
            PoolRemoval.Remove(path);
        layout ??= model?.Layout ?? string.Empty;
        if (verbose)
            Tell(path, kind, size, mode, blockSize, layout);
        return Create(path, kind, size, mode, (int)Math.Min(blockSize, int.MaxValue), layout, write);
    }

    private static int Create(string path, PoolKind kind, long size, UnixFileMode mode, int blockSize, string layout, bool write)
    {
        if (File.Exists(path) && new FileInfo(path).Length > 0)
        {
            Console.Error.WriteLine($"error: '{path}' -- Non-empty file detected");
            return Pmempool.Error("creating pool file failed");
        }

        switch (kind)
        {
            case PoolKind.Log:
                PersistentLog.Create(path, size, new PersistentLogOptions { Mode = mode }).Dispose();
                break;
            case PoolKind.Block:
                using (BlockPool pool = BlockPool.Create(path, blockSize, size, new BlockDeviceOptions { Mode = mode }))
                {
                    // As pmempool forces the layout: a block is written, then zeroed again.
                    if (write)
                    {
                        pool.Write(0, new byte[pool.BlockSize]);
                        pool.Zero(0);
                    }
                }

                break;
            default:
                ObjectStore.Create(path, layout, size, new ObjectStoreOptions { Mode = mode }).Dispose();
                break;
        }

        return 0;
    }

    private static void Tell(string path, PoolKind kind, long size, UnixFileMode mode, long blockSize, string layout)
    {
        Console.WriteLine($"Creating pool: {path}\n\ttype  : {Pmempool.TypeName(kind)}\n\tsize  : {Pmempool.Size(size, 2)}\n\tmode  : 0{Convert.ToString((int)mode, 8)}");
        if (kind == PoolKind.Block)
            Console.WriteLine($"\tbsize : {blockSize}");
        if (kind == PoolKind.Object)
            Console.WriteLine($"\tlayout: '{layout}'");
    }

    private static bool TryParseKind(string text, out PoolKind kind)
    {
        kind = text switch
        {
            "log" => PoolKind.Log,
            "blk" => PoolKind.Block,
            _ => PoolKind.Object,
        };
        return text is "log" or "blk" or "obj";
    }
}
