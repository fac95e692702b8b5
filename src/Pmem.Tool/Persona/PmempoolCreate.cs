using System.Text;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Objects.Inspection;
using Pmem.Pools;
using Pmem.Tool.Persona.Info;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool create</c>.</summary>
internal sealed class PmempoolCreate
{
    private const int MaximumLayout = 1024;
    private const int RegularFile = 0x8000;
    private const int DefaultMode = 0x1B4;

    private static readonly PoolOption[] s_table =
    [
        new("size", 's', PoolTypes.All),
        new("verbose", 'v', PoolTypes.All),
        new("help", 'h', PoolTypes.All),
        new("max-size", 'M', PoolTypes.All),
        new("inherit", 'i', PoolTypes.All),
        new("mode", 'm', PoolTypes.All),
        new("write-layout", 'w', PoolTypes.Block),
        new("layout", 'l', PoolTypes.Object),
        new("force", 'f', PoolTypes.All),
        new("clear-bad-blocks", 'b', PoolTypes.All),
    ];

    private static readonly Dictionary<string, char> s_names = s_table.ToDictionary(option => option.Name, option => option.Letter, StringComparer.Ordinal);

    private readonly Terminal _terminal;
    private readonly Dictionary<char, string?> _given = [];
    private readonly bool _exists;
    private readonly string _path;
    private ulong _largest;
    private Parameters _wanted = new(PoolTypes.Unknown, 0, DefaultMode, 0, string.Empty);

    private PmempoolCreate(Terminal terminal, string path)
    {
        _terminal = terminal;
        _path = path;
        _exists = File.Exists(path);
    }

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhi:s:Mm:l:wfb", s_names);
        IReadOnlyList<string> operands = parsed.Operands;
        var create = new PmempoolCreate(terminal, operands.Count == 0 ? string.Empty : operands[Math.Min(operands.Count, 3) - 1]);
        foreach (GivenOption given in parsed.Options)
        {
            if (create.Take(given) is { } end)
                return end;
        }

        if (operands.Count == 0)
            return Pmempool.Usage(terminal, "create");
        return create.Run(operands.Count > 1 ? operands[0] : null, operands.Count > 2 ? operands[1] : null);
    }

    private int? Take(GivenOption given)
    {
        _given[given.Option] = given.Value;
        switch (given.Option)
        {
            case GetOpt.Mistake:
                return Pmempool.Usage(_terminal, "create", given.Value);
            case 'h':
                return Pmempool.ShowHelp(_terminal, "create");
            case 's':
                if (!NumberRanges.TryParseSize(given.Value!, out ulong size) || size == 0)
                    return _terminal.Fail($"invalid size value specified '{given.Value}'");
                _wanted = _wanted with { Size = size };
                return null;
            case 'm':
                string digits = given.Value!.TrimStart('0');
                if (digits.Length > 3 || digits.Any(digit => digit is < '0' or > '7'))
                    return _terminal.Fail($"invalid mode value specified '{given.Value}'");
                _wanted = _wanted with { Mode = digits.Length == 0 ? 0 : Convert.ToInt32(digits, 8) };
                return null;
            default:
                return null;
        }
    }

    private int Run(string? type, string? blockSize)
    {
        Parameters? model = null;
        if (_given.TryGetValue('i', out string? inherited))
        {
            model = Inherit(inherited!);
            if (model is null)
                return _terminal.Fail($"parsing pool '{inherited}' failed");
        }

        if (type is null && model is null)
            return Pmempool.Usage(_terminal, "create");
        if (FindProblem(type, blockSize, model) is { } problem)
            return _terminal.Fail(problem);
        if (model is not null)
            Take(model);
        if (ChooseSize() is { } failure)
            return _terminal.Fail(failure);
        if (_given.ContainsKey('f') && _exists)
            PoolRemoval.Remove(_path);
        Say($"Creating pool: {_path}");
        Tell(_wanted);

        // A file that is not there has no bad blocks that pmempool could clear.
        if (_given.ContainsKey('b') && !File.Exists(_path))
            return _terminal.Fail($"'{_path}' -- clearing bad blocks failed");
        if (_given.ContainsKey('b') && !TryClearBadBlocks())
            return _terminal.Fail($"'{_path}' -- clearing bad blocks failed");
        if (_wanted.Type == PoolTypes.Btt)
            return _terminal.Fail("creating pool file failed");
        if (TryCreate() is not { } message)
            return 0;
        _terminal.Fail($"'{_path}' -- {message}");
        return _terminal.Fail("creating pool file failed");
    }

    private bool TryClearBadBlocks()
    {
        try
        {
            foreach (string file in PoolRemoval.FilesOf(_path).Where(File.Exists))
            {
                foreach (BadBlock range in BadBlockSource.Kernel.Find(file))
                    BadBlockSource.Kernel.Clear(file, range);
            }

            return true;
        }
        catch (PmemException)
        {
            return false;
        }
    }

    private Parameters? Inherit(string path)
    {
        Say($"Parsing pool: '{path}'");
        PoolFileHeader? header = PoolFileHeader.Read(_terminal, path, out string failure);
        if (header is null)
        {
            _terminal.Error.Write($"{failure}\n");
            return null;
        }

        if (header.Type == PoolTypes.Unknown)
        {
            _terminal.Fail($"'{path}' -- unknown pool type");
            return null;
        }

        using PoolView pool = PoolView.Open(path);
        string layout = header.Type == PoolTypes.Object ? Encoding.UTF8.GetString(new ObjectPoolView(pool.Maps[0]).LayoutName) : string.Empty;
        ulong size = (ulong)(pool.Set is null ? PersistentMap.LengthOf(path) : pool.Maps.Min(map => map.Length));
        int mode = OperatingSystem.IsWindows() ? DefaultMode : (int)File.GetUnixFileMode(path);
        var model = new Parameters(header.Type, size, RegularFile | mode, header.BlockSize, layout);
        Tell(model);
        return model;
    }

    private string? FindProblem(string? type, string? blockSize, Parameters? model)
    {
        string? layout = _given.GetValueOrDefault('l');
        PoolTypes kind = type switch { null => model!.Type, "log" => PoolTypes.Log, "blk" => PoolTypes.Block, "obj" => PoolTypes.Object, "btt" => PoolTypes.Btt, _ => PoolTypes.Unknown };
        if (kind == PoolTypes.Unknown)
            return $"'{type}' -- unknown pool type";
        _wanted = _wanted with { Type = kind, Layout = layout ?? string.Empty };
        if (type is not null && kind == PoolTypes.Block)
        {
            if (blockSize is null)
                return "blk pool requires <bsize> argument";
            if (!NumberRanges.TryParseSize(blockSize, out ulong size))
                return $"cannot parse '{blockSize}' as block size";
            _wanted = _wanted with { BlockSize = size };
        }

        if (type is not null && kind == PoolTypes.Object && layout is not null && Encoding.UTF8.GetByteCount(layout) >= MaximumLayout)
            return $"Layout name is too long, maximum number of characters (including the terminating null byte) is {MaximumLayout}";
        if (PoolOptionRules.FindProblem(s_table, _given.Keys.ToHashSet(), kind) is { } wrong)
            return wrong;
        if (kind != PoolTypes.Block && blockSize is not null)
            return $"invalid option specified for {PoolOptionRules.TypeName(kind)} pool type -- block size";
        bool isSet = PoolSetFile.IsPoolSet(_path);
        bool largest = _given.ContainsKey('M');
        if (isSet && _wanted.Size != 0)
            return "-s|--size cannot be used with poolset file";
        if (isSet && largest)
            return "-M|--max-size cannot be used with poolset file";
        return _wanted.Size != 0 && largest ? "-M|--max-size option cannot be used with -s|--size option" : null;
    }

    private void Take(Parameters model) => _wanted = _wanted with
    {
        Size = _given.ContainsKey('s') || _given.ContainsKey('M') ? _wanted.Size : model.Size,
        Mode = _given.ContainsKey('m') ? _wanted.Mode : model.Mode,
        BlockSize = _wanted.BlockSize != 0 ? _wanted.BlockSize : model.BlockSize,
        Layout = _given.ContainsKey('l') ? _wanted.Layout : model.Layout,
    };

    private string? ChooseSize()
    {
        ulong least = _wanted.Type switch { PoolTypes.Log => (ulong)PoolFile.MinimumSize(PoolKind.Log), PoolTypes.Block => (ulong)PoolFile.MinimumSize(PoolKind.Block), _ => (ulong)PoolFile.MinimumSize(PoolKind.Object) };
        if (_wanted.Size != 0)
            return _wanted.Size < least ? $"size must be >= {least} bytes" : null;
        if (_given.ContainsKey('M'))
        {
            Say("Maximum size option passed - getting available space of file system.");
            ulong space = (ulong)new DriveInfo(Path.GetFullPath(_path)).AvailableFreeSpace;
            if (space == 0)
                return "No space left on device";
            Say($"Available space is {InfoText.Size(space, 2)}");
            _largest = space & ~(ulong)(PoolFile.PageSize - 1);
        }
        else if (!_exists)
        {
            Say("No size option passed - picking minimum pool size.");
            _wanted = _wanted with { Size = least };
        }

        return null;
    }

    /// <summary>Makes the pool; what went wrong, in PMDK's words where it has some.</summary>
    private string? TryCreate()
    {
        bool isSet = PoolSetFile.IsPoolSet(_path);
        if (_wanted.Type == PoolTypes.Block && _wanted.BlockSize is 0)
            return "Invalid block size 0";
        if (!isSet && _wanted.Size != 0 && File.Exists(_path))
            return $"file {_path} already exists";
        if (!isSet && !File.Exists(_path) && (_wanted.Size | _largest) == 0)
            return $"open \"{_path}\": No such file or directory";
        if (!isSet && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(_path))))
            return $"open \"{_path}\": No such file or directory";
        try
        {
            Create((long)(_wanted.Size | _largest), (UnixFileMode)(_wanted.Mode & 0x1FF));
            return null;
        }
        catch (ArgumentException)
        {
            return "pool initialization failed";
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException)
        {
            const string NotEmpty = "Non-empty file detected";
            return e.Message.StartsWith(NotEmpty, StringComparison.OrdinalIgnoreCase) ? NotEmpty : e.Message.Split('\n')[0];
        }
    }

    private void Create(long size, UnixFileMode mode)
    {
        switch (_wanted.Type)
        {
            case PoolTypes.Log:
                PersistentLog.Create(_path, size, new PersistentLogOptions { Mode = mode }).Dispose();
                break;
            case PoolTypes.Block:
                CreateBlocks((int)Math.Min(_wanted.BlockSize, int.MaxValue), size, mode);
                break;
            default:
                ObjectStore.Create(_path, _wanted.Layout, size, new ObjectStoreOptions { Mode = mode }).Dispose();
                break;
        }
    }

    private void CreateBlocks(int blockSize, long size, UnixFileMode mode)
    {
        using BlockPool pool = BlockPool.Create(_path, blockSize, size, new BlockDeviceOptions { Mode = mode });
        if (!_given.ContainsKey('w'))
            return;

        // The text says 1, whichever block it is.
        Say("Writing BTT layout using block 1.");
        pool.SetError(0);
        pool.Zero(0);
    }

    private void Tell(Parameters pool)
    {
        Say($"\ttype  : {PoolOptionRules.TypeName(pool.Type)}\n\tsize  : {InfoText.Size(pool.Size, 2)}\n\tmode  : 0{Convert.ToString(pool.Mode, 8)}");
        if (pool.Type == PoolTypes.Block)
            Say($"\tbsize : {pool.BlockSize}");
        if (pool.Type == PoolTypes.Object)
            Say($"\tlayout: '{pool.Layout}'");
    }

    private void Say(string text)
    {
        if (_given.ContainsKey('v'))
            _terminal.Out.Write($"{text}\n");
    }

    private sealed record Parameters(PoolTypes Type, ulong Size, int Mode, ulong BlockSize, string Layout);
}
