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

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhi:s:Mm:l:wfb", s_names);
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
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "create", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "create");
                case 'v':
                    verbose = true;
                    break;
                case 's' when !ByteSize.TryParse(value!, out size) || size == 0:
                    return terminal.Fail($"invalid size value specified '{value}'");
                case 'm':
                    if (value!.Length is 0 or > 4 || value.Any(digit => digit is < '0' or > '7'))
                        return terminal.Fail($"invalid mode value specified '{value}'");
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
            return Pmempool.Usage(terminal, "create");
        string path = operands[Math.Min(operands.Count, 3) - 1];
        PoolKind kind = model?.Header.Kind ?? PoolKind.Object;
        if (operands.Count > 1 && !TryParseKind(operands[0], out kind))
            return terminal.Fail($"'{operands[0]}' -- unknown pool type");
        long blockSize = model?.BlockSize ?? 0;
        if (kind == PoolKind.Block && operands.Count < 3 && model is null)
            return terminal.Fail("blk pool requires <bsize> argument");
        if (operands.Count > 2 && kind != PoolKind.Block)
            return terminal.Fail($"invalid option specified for {Pmempool.TypeName(kind)} pool type -- block size");
        if (operands.Count > 2 && !ByteSize.TryParse(operands[1], out blockSize))
            return terminal.Fail($"cannot parse '{operands[1]}' as block size");
        if (layout is { Length: >= 1024 })
            return terminal.Fail("Layout name is too long, maximum number of characters (including the terminating null byte) is 1024");
        if (layout is not null && kind != PoolKind.Object)
            return terminal.Fail($"option [-l|--layout] is not supported for: {Pmempool.TypeName(kind)}");
        if (size != 0 && largest)
            return terminal.Fail("-M|--max-size option cannot be used with -s|--size option");
        size = size != 0 ? size : largest ? new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace & -PoolFile.PageSize : model?.Size ?? 0;
        if (size == 0 && verbose)
            terminal.Out.Write("No size option passed - picking minimum pool size.\n");
        size = size != 0 ? size : PoolFile.MinimumSize(kind);
        if (size < PoolFile.MinimumSize(kind))
            return terminal.Fail($"size must be >= {PoolFile.MinimumSize(kind)} bytes");
        if (force && File.Exists(path))
            PoolRemoval.Remove(path);
        layout ??= model?.Layout ?? string.Empty;
        if (verbose)
            Tell(terminal, path, kind, size, mode, blockSize, layout);
        return Create(terminal, path, kind, size, mode, (int)Math.Min(blockSize, int.MaxValue), layout, write);
    }

    private static int Create(Terminal terminal, string path, PoolKind kind, long size, UnixFileMode mode, int blockSize, string layout, bool write)
    {
        if (File.Exists(path) && new FileInfo(path).Length > 0)
        {
            terminal.Error.WriteLine($"error: '{path}' -- Non-empty file detected");
            return terminal.Fail("creating pool file failed");
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

    private static void Tell(Terminal terminal, string path, PoolKind kind, long size, UnixFileMode mode, long blockSize, string layout)
    {
        terminal.Out.Write($"Creating pool: {path}\n\ttype  : {Pmempool.TypeName(kind)}\n\tsize  : {Info.InfoText.Size((ulong)size, 2)}\n\tmode  : 0{Convert.ToString((int)mode, 8)}\n");
        if (kind == PoolKind.Block)
            terminal.Out.Write($"\tbsize : {blockSize}\n");
        if (kind == PoolKind.Object)
            terminal.Out.Write($"\tlayout: '{layout}'\n");
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
