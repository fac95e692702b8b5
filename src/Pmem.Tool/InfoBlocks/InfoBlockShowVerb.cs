using System.CommandLine;
using System.Text;
using System.Text.Json;
using Pmem.Blocks.Layout;
using Pmem.Platform;
using Pmem.Platform.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.InfoBlocks;

/// <summary><c>pmem infoblock show</c>: the members are those of <c>ndctl read-infoblock -j</c>.</summary>
internal static class InfoBlockShowVerb
{
    public static Command Create()
    {
        Argument<string> file = InfoBlockFile.FileArgument();
        Option<string?> offset = InfoBlockFile.OffsetOption();
        Option<string?> space = InfoBlockFile.NamespaceOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", "Show the intact info blocks at the start of a namespace. Never changes a byte.\n\nExample: pmem infoblock show namespace.img --json") { file, offset, space, json };
        command.SetAction(parsed =>
        {
            InfoBlockFile area = InfoBlockFile.Read(parsed.GetValue(file)!, parsed.GetValue(offset), size: null, parsed.GetValue(space));
            List<(string Name, object Value)[]> blocks = Find(area);
            if (parsed.GetValue(json))
                JsonOutput.Write(writer => WriteJson(writer, blocks));
            else
                WriteText(area, blocks);
            return blocks.Count == 0 ? Program.NotConsistent : Program.Success;
        });
        return command;
    }

    /// <summary>Members in ndctl's order; hexadecimal where ndctl's are for people.</summary>
    internal static List<(string Name, object Value)[]> Find(InfoBlockFile file)
    {
        var blocks = new List<(string, object)[]>();
        foreach (BttFormat format in (BttFormat[])[BttFormat.Uefi20, BttFormat.Linux11])
        {
            if (file.FindBtt(format.InitialOffset) is { } info)
                blocks.Add(Describe(file, in info));
        }

        if (file.FindPfn(out _) is { } pfn)
            blocks.Add(Describe(file, pfn));
        return blocks;
    }

    internal static void WriteJson(Utf8JsonWriter writer, IEnumerable<(string Name, object Value)[]> blocks)
    {
        writer.WriteStartArray();
        foreach ((string Name, object Value)[] block in blocks)
        {
            writer.WriteStartObject();
            foreach ((string name, object value) in block)
            {
                if (value is ulong number)
                    writer.WriteNumber(name, number);
                else
                    writer.WriteString(name, (string)value);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    internal static void WriteText(InfoBlockFile file, List<(string Name, object Value)[]> blocks)
    {
        foreach ((string Name, object Value)[] block in blocks)
        {
            foreach ((string name, object value) in block)
                Console.WriteLine($"{name,-18}{value}");
            Console.WriteLine();
        }

        Console.WriteLine(blocks.Count switch
        {
            0 => $"{file.Path}: no intact info block at {file.Offset}; 'pmem infoblock verify' says what is there",
            1 => $"{file.Path}: 1 info block",
            _ => $"{file.Path}: {blocks.Count} info blocks",
        });
    }

    private static (string, object)[] Describe(InfoBlockFile file, in BttInfo info) =>
    [
        ("file", file.Path),
        ("signature", "BTT_ARENA_INFO"),
        ("uuid", NetworkGuid.Read(BttInfo.UuidOf(in info)).ToString()),
        ("parent_uuid", NetworkGuid.Read(BttInfo.ParentUuidOf(in info)).ToString()),
        ("flags", (ulong)info.Flags),
        ("version", $"{info.Major}.{info.Minor}"),
        ("external_lbasize", (ulong)info.ExternalBlockSize),
        ("external_nlba", (ulong)info.ExternalBlocks),
        ("internal_lbasize", (ulong)info.InternalBlockSize),
        ("internal_nlba", (ulong)info.InternalBlocks),
        ("nfree", (ulong)info.FreeBlocks),
        ("infosize", (ulong)info.InfoSize),
        ("nextoff", info.NextOffset),
        ("dataoff", info.DataOffset),
        ("mapoff", info.MapOffset),
        ("logoff", info.FlogOffset),
        ("info2off", info.InfoOffset),
    ];

    private static (string, object)[] Describe(InfoBlockFile file, PfnInfoBlock block) =>
    [
        ("file", file.Path),
        ("signature", Encoding.ASCII.GetString(PfnInfoBlock.SignatureOf(block.Kind)[..15])),
        ("uuid", block.Uuid.ToString()),
        ("parent_uuid", block.ParentUuid.ToString()),
        ("flags", (ulong)block.Flags),
        ("version", $"{block.Major}.{block.Minor}"),
        ("dataoff", block.DataOffset),
        ("npfns", block.PageFrames),
        ("mode", (ulong)block.Mode),
        ("start_pad", (ulong)block.StartPad),
        ("end_trunc", (ulong)block.EndTruncate),
        ("align", block.Alignment),
        ("page_size", (ulong)block.PageSize),
        ("page_struct_size", (ulong)block.PageStructSize),
    ];
}
