using System.CommandLine;
using Pmem.Blocks;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.InfoBlocks;

namespace Pmem.Tool.Btt;

/// <summary>A namespace with a table in a file, from an offset for a size; or a block pool.</summary>
internal sealed class BttFile(string path, long offset, long? size)
{
    public string Path { get; } = path;

    public long Offset { get; } = offset;

    public static Argument<string> FileArgument() => new("FILE") { Description = "A namespace, a file that holds one, or a block pool." };

    public static Option<string?> OffsetOption() => new("--offset", "-O") { Description = "Where the namespace begins in the file." };

    public static Option<string?> SizeOption() => new("--size", "-s") { Description = "Bytes of the namespace; to the end of the file if not given." };

    public static BttFile Of(string path, string? offset, string? size)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}");
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

    public PersistentMap OpenToRead() => PersistentMap.Open(Path, new PersistentMapOptions { Access = MapAccess.ReadOnly });

    public static string VariantName(BttFormat? format) => format?.Variant switch
    {
        BttVariant.Pmdk => "pmdk-1.1",
        BttVariant.Linux11 => "linux-1.1",
        BttVariant.Uefi20 => "uefi-2.0",
        _ => "unknown",
    };
}
