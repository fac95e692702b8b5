using System.CommandLine;
using Pmem.Blocks;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Platform.Captures;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.InfoBlocks;

namespace Pmem.Tool.Btt;

/// <summary>A namespace with a table in a file, from an offset for a size; or a block pool.</summary>
internal sealed class BttFile(string path, long offset, long? size)
{
    private string? _captured;

    public string Path { get; } = path;

    public long Offset { get; } = offset;

    public static Argument<string> FileArgument() => new("FILE") { Description = "A namespace, a file that holds one, or a block pool." };

    public static Option<string?> OffsetOption() => new("--offset", "-O") { Description = "Where the namespace begins in the file." };

    public static Option<string?> SizeOption() => new("--size", "-s") { Description = "Bytes of the namespace; to the end of the file if not given." };

    public static Option<string?> NamespaceOption() => new("--namespace", "-n") { Description = "The file is a capture, and this the namespace that is meant, such as namespace0.0." };

    /// <summary>A table in a file, or one of a capture, of which users' data are not known.</summary>
    public static BttFile ToRead(string path, string? offset, string? size, string? name)
    {
        if (!File.Exists(path) || !Capture.LooksLike(path))
            return name is null ? Of(path, offset, size) : throw new PmemException($"{path} is no capture, of which --namespace would name a namespace");
        if (offset is not null || size is not null)
            throw new PmemException($"{path} is a capture: its namespaces have places, and --offset and --size are for other files");
        using var capture = Capture.Open(path);
        NamespaceView[] spaces = [.. capture.Evidence.Platform.GetRegions().SelectMany(region => region.Namespaces).Where(space => space.Mode == NamespaceMode.Sector || space.Class is NamespaceClass.Btt or NamespaceClass.Btt2)];
        NamespaceView? space = spaces.FirstOrDefault(known => known.Name == name || (name is null && spaces.Length == 1));
        return space is null
            ? throw new PmemException($"{path} is a capture: say which namespace with a table, --namespace {string.Join(", ", spaces.Select(known => known.Name).DefaultIfEmpty("(there is none)"))}")
            : new BttFile(path, 0, (long)space.RawSize) { _captured = space.Name };
    }

    public static BttFile Of(string path, string? offset, string? size)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}");
        if (Capture.LooksLike(path))
            throw new PmemException($"{path} is a capture, which nobody may change: do it on the platform itself");
        return new BttFile(path, InfoBlockFile.ParseNumber(offset, 0), size is null ? null : InfoBlockFile.ParseNumber(size, 0));
    }

    /// <summary>Whether the file is a block pool whose header can be believed; its table is then the one that is meant.</summary>
    public bool IsPool =>
        Offset == 0 && size is null && PoolFile.ReadHeader(Path) is { Kind: PoolKind.Block } header && PoolValidation.FindProblem(in header, PoolKind.Block) is null;

    /// <summary>Bytes of the namespace in a map of the file.</summary>
    public long LengthIn(PersistentMap map)
    {
        long length = size ?? map.Length - Offset;
        if (length < BttLayout.MinimumArena || Offset > map.Length - length || (Offset & 63) != 0)
            throw new PmemException($"{Path} has {map.Length} bytes, and no namespace of {length} bytes at {Offset}: a table needs at least 16MiB, and starts at a multiple of 64");
        return length;
    }

    public BttCheckResult Check(PersistentMap map, PoolCheckOptions options) =>
        IsPool ? BlockPool.CheckTable(map, options) : BttChecker.Check(map, Offset, LengthIn(map), new BttCheckOptions { Progress = options.Progress, Cancellation = options.Cancellation });

    public PersistentMap OpenToRead()
    {
        if (_captured is null)
            return OpenFile();
        using var capture = Capture.Open(Path);
        return capture.Evidence.Platform.OpenRaw(_captured, readOnly: true, force: true);
    }

    private PersistentMap OpenFile() => PersistentMap.Open(Path, new PersistentMapOptions { Access = MapAccess.ReadOnly });

    public static string VariantName(BttFormat? format) => format?.Variant switch
    {
        BttVariant.Pmdk => "pmdk-1.1",
        BttVariant.Linux11 => "linux-1.1",
        BttVariant.Uefi20 => "uefi-2.0",
        _ => "unknown",
    };
}
