using System.CommandLine;
using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.InfoBlocks;

/// <summary><c>pmem infoblock write</c>.</summary>
internal static class InfoBlockWriteVerb
{
    private const long DefaultAlignment = 2 << 20;

    public static Command Create()
    {
        Argument<string> file = InfoBlockFile.FileArgument();
        Option<string?> offset = InfoBlockFile.OffsetOption();
        Option<string?> size = InfoBlockFile.SizeOption();
        var mode = new Option<string>("--mode", "-m") { Description = "fsdax, devdax or sector.", DefaultValueFactory = _ => "fsdax" };
        var align = new Option<string?>("--align", "-a") { Description = "Alignment of data: 4KiB, 2MiB (if not given) or 1GiB." };
        var map = new Option<string>("--map", "-M") { Description = "Where page structures are kept: dev (in the namespace) or mem.", DefaultValueFactory = _ => "dev" };
        var uuid = new Option<string?>("--uuid", "-u") { Description = "Uuid of the personality; a new one if not given." };
        var parent = new Option<string?>("--parent-uuid", "-p") { Description = "Uuid of the namespace; none, as without labels, if not given." };
        var start = new Option<string?>("--start") { Description = "System physical address of the namespace; 0 if not given." };
        var sector = new Option<int>("--sector-size", "-l") { Description = "Bytes of a sector, for --mode sector.", DefaultValueFactory = _ => 4096 };
        var version = new Option<string>("--btt-version") { Description = "1.1 or 2.0, for --mode sector.", DefaultValueFactory = _ => "1.1" };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("write", """
            Write the info block of a namespace. A file that is not there is made: 8 KiB with the block for fsdax and devdax, as ndctl makes it; the whole
            namespace for sector, whose table needs it. What the namespace held is lost.

            Example: pmem infoblock write namespace.img --mode fsdax --size 256MiB --start 0x100000000
            """) { file, offset, size, mode, align, map, uuid, parent, start, sector, version, json };
        command.SetAction(parsed =>
        {
            var request = new Request(
                parsed.GetValue(file)!, InfoBlockFile.ParseNumber(parsed.GetValue(offset), 0), InfoBlockFile.ParseNumber(parsed.GetValue(size), -1), ParseUuid(parsed.GetValue(uuid)) ?? Guid.NewGuid(), ParseUuid(parsed.GetValue(parent)) ?? Guid.Empty);
            using IDisposable? held = PlatformFile.ToChange(request.Path);
            if (parsed.GetValue(size) is null)
                PlatformFile.DemandForeign(request.Path, "its labels are behind the media; say with --offset and --size where the namespace is, or use 'pmem namespace reconfigure --platform DIR'");
            string kind = parsed.GetValue(mode)!;
            if (kind == "sector")
                WriteTable(request, parsed.GetValue(sector), parsed.GetValue(version)!);
            else
                WriteBlock(request, ParseKind(kind), ParseMap(parsed.GetValue(map)!), (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(start), 0), (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(align), DefaultAlignment));
            InfoBlockFile written = InfoBlockFile.Read(request.Path, parsed.GetValue(offset), size: null);
            List<(string Name, object Value)[]> blocks = InfoBlockShowVerb.Find(written);
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => InfoBlockShowVerb.WriteJson(writer, blocks));
            else
                InfoBlockShowVerb.WriteText(written, blocks);
            return Program.Success;
        });
        return command;
    }

    private static Guid? ParseUuid(string? text) => text is null ? null : Guid.TryParse(text, out Guid uuid) ? uuid : throw new PmemException($"'{text}' is not a uuid");

    private static PfnKind ParseKind(string mode) => mode switch
    {
        "fsdax" or "memory" => PfnKind.Pfn,
        "devdax" or "dax" => PfnKind.Dax,
        _ => throw new PmemException($"'{mode}' is not a mode with an info block: write fsdax, devdax or sector"),
    };

    private static PageMapMode ParseMap(string map) => map switch
    {
        "dev" => PageMapMode.Device,
        "mem" => PageMapMode.Memory,
        _ => throw new PmemException($"'{map}' is no place for page structures: write dev or mem"),
    };

    private static void WriteBlock(Request request, PfnKind kind, PageMapMode map, ulong start, ulong alignment)
    {
        bool isNew = !File.Exists(request.Path);
        long size = request.SizeOrRest();
        var block = PfnInfoBlock.Compute(kind, map, start, (ulong)size, alignment, request.Uuid, request.Parent);
        byte[] bytes = new byte[PfnInfoBlock.Size];
        block.Write(bytes);
        using PersistentMap file = isNew ? PersistentMap.Create(request.Path, request.Offset + NamespacePersonality.HeadSize) : PersistentMap.Open(request.Path, new PersistentMapOptions { Lock = true });
        if (file.Length < request.Offset + NamespacePersonality.HeadSize)
            throw new PmemException($"{request.Path} has {file.Length} bytes: an info block at {request.Offset} needs {NamespacePersonality.HeadSize} behind it");

        // The page before may hold a BTT 2.0, which would still be there to a kernel that looks for one.
        if (BttInfo.Read(file.GetSpan(request.Offset, BttInfo.Size)).Signature == BttInfo.ExpectedSignature)
            file.Fill(request.Offset, 0, BttInfo.Size);
        file.Copy(request.Offset + PfnInfoBlock.Position, bytes);
    }

    private static void WriteTable(Request request, int sectorSize, string version)
    {
        BttFormat format = version switch
        {
            "1.1" => BttFormat.Linux11,
            "2.0" => BttFormat.Uefi20,
            _ => throw new PmemException($"'{version}' is not a BTT version: write 1.1 or 2.0"),
        };
        bool isNew = !File.Exists(request.Path);
        long size = request.SizeOrRest();
        if (size < BttLayout.MinimumArena + format.InitialOffset)
            throw new PmemException($"a BTT {version} needs a namespace of at least {BttLayout.MinimumArena + format.InitialOffset} bytes, not {size}");
        if (request.Offset % 4096 != 0)
            throw new PmemException($"a namespace begins at a multiple of 4096, not at {request.Offset}");
        if (sectorSize is not (512 or 520 or 528 or 4096 or 4104 or 4160 or 4224))
            throw new PmemException($"sectors of {sectorSize} bytes are not possible: Linux takes 512, 520, 528, 4096, 4104, 4160 and 4224");
        if (ArenaGeometry.FindProblem(format, size - format.InitialOffset, sectorSize) is { } problem)
            throw new PmemException($"a BTT {version} of sectors of {sectorSize} bytes is not possible in {size} bytes: {problem}");
        using PersistentMap map = isNew
            ? PersistentMap.Create(request.Path, request.Offset + size, new PersistentMapOptions { Sparse = true })
            : PersistentMap.Open(request.Path, new PersistentMapOptions { Lock = true });
        if (map.Length < request.Offset + size)
            throw new PmemException($"{request.Path} has {map.Length} bytes, less than the namespace of {size} at {request.Offset}");
        BlockTranslationTable.Create(map, request.Offset, size, format, sectorSize, request.Uuid, request.Parent).Dispose();
    }

    private sealed record Request(string Path, long Offset, long Size, Guid Uuid, Guid Parent)
    {
        /// <summary>The size that was given, or to the end of the file.</summary>
        public long SizeOrRest()
        {
            if (Size >= 0)
                return Size;
            long length = File.Exists(Path) ? LinkedFile.LengthOf(Path) : 0;
            return length > Offset ? length - Offset : throw new PmemException($"say how large the namespace is: --size, since {Path} does not");
        }
    }
}
