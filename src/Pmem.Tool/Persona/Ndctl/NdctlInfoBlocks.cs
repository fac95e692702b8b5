using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Pmem.Blocks.Layout;
using Pmem.Platform;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Pools;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// <c>ndctl read-infoblock</c>, of files also without any platform. Whatever has a signature is shown as it is on media; with <c>--verify</c> only what has the checksum and the parent that
/// it should have.
/// </summary>
internal static class NdctlInfoBlocks
{
    private const int SignatureLength = 16;
    private const int ChecksumPosition = 4088;

    // Members of a block in their order: where they are, how long, and whether they are hexadecimal for people.
    private static readonly (string Name, int Offset, int Length, bool IsHex)[] s_btt =
    [
        ("external_lbasize", 56, 4, false), ("external_nlba", 60, 4, false), ("internal_lbasize", 64, 4, false), ("internal_nlba", 68, 4, false), ("nfree", 72, 4, false), ("infosize", 76, 4, false),
        ("nextoff", 80, 8, true), ("dataoff", 88, 8, true), ("mapoff", 96, 8, true), ("logoff", 104, 8, true), ("info2off", 112, 8, true),
    ];

    private static readonly (string Name, int Offset, int Length, bool IsHex)[] s_pfn =
    [
        ("dataoff", 56, 8, true), ("npfns", 64, 8, true), ("mode", 72, 4, false), ("start_pad", 76, 4, true), ("end_trunc", 80, 4, true), ("align", 84, 4, true), ("page_size", 88, 4, true),
        ("page_struct_size", 92, 2, true),
    ];

    public static NdctlVerb Read { get; } = new("read-infoblock", "read-infoblock <namespace> [<options>]",
    [
        .. NdctlNamespaces.BaseOptions,
        new('o', "output", "write it here", "output-file"),
        new('i', "input", "read it from here, not from a namespace", "input-file"),
        new('V', "verify", "only what is valid"),
        new('j', "json", "print what is in it as JSON"),
        new('u', "human", "print JSON for people"),
    ],
    Run);

    private static int Run(NdctlArguments arguments)
    {
        var problems = NdctlDefaults.Extra(arguments, 1).ToList();
        if (arguments.Has('i') && arguments.Operands.Count > 0)
            problems.Add("specify a namespace, or --input, not both");
        if (problems.Count > 0)
            return arguments.Fail(problems);
        bool isJson = arguments.Has('j') || arguments.Has('u');
        if (NdctlProgram.TryOpen(arguments.Value('o') ?? "-", () => NdctlProgram.Output(arguments.Value('o'), arguments.Value('i')), out Errno error) is not { } output)
            return Finish(0, error);
        using Stream target = output;
        JsonArray? blocks = null;
        int count = 0;
        error = arguments.Operands.Count == 0 ? FromFile(arguments.Value('i'), head => Take("file", arguments.Value('i') ?? "<stdin>", head, Guid.Empty)) : FromNamespaces(arguments, arguments.Operands[0], (space, head) => Take("dev", space.Name, head, space.RawUuid));
        if (blocks is { Count: 0 })
            NdctlText.Warning("no matching devices found\n");
        if (blocks is not null)
            target.Write(System.Text.Encoding.UTF8.GetBytes($"{NdctlJson.Print(blocks)}\n"));
        return Finish(count, error);

        void Take(string key, string name, byte[] head, Guid parent)
        {
            count++;
            if (!isJson)
            {
                target.Write(head);
                return;
            }

            blocks ??= [];
            foreach (JsonObject block in Blocks(head, key, name, arguments.Has('V') ? parent : null, arguments.Has('u')))
                blocks.Add((JsonNode)block);
        }
    }

    private static int Finish(int count, Errno error)
    {
        if (error != Errno.None)
            Console.Error.WriteLine($"error reading infoblock data: {error.Text()}");
        NdctlText.Summary("read", count, "infoblock");
        return error.Code();
    }

    private static Errno FromFile(string? path, Action<byte[]> take)
    {
        try
        {
            using Stream input = path is null ? Console.OpenStandardInput() : File.OpenRead(path);
            byte[] head = new byte[NamespacePersonality.HeadSize];
            if (input.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length)
                return Errno.IoError;
            take(head);
            return Errno.None;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            return Errnos.Of(failed, path ?? string.Empty);
        }
    }

    private static Errno FromNamespaces(NdctlArguments arguments, string wanted, Action<NamespaceView, byte[]> take)
    {
        using PlatformSource source = NdctlProgram.Open();
        Errno error = wanted == "all" ? Errno.None : Errno.NoDeviceOrAddress;
        foreach (NamespaceView space in NdctlNamespaces.Regions(source.Platform, arguments).SelectMany(region => region.Namespaces).Where(space => wanted == "all" || space.Name == wanted))
        {
            error = space.IsEnabled ? Errno.Busy : Errno.None;
            if (space.IsEnabled)
            {
                Console.Error.WriteLine($"read-infoblock: {space.Name} enabled, must be disabled");
                continue;
            }

            using PersistentMap map = source.Platform.OpenRaw(space.Name);
            take(space, map.GetSpan(0, NamespacePersonality.HeadSize).ToArray());
        }

        return error;
    }

    /// <summary>What is in the first 8 KiB of a namespace: a BTT 1.1, a BTT 2.0, a PFN, a DAX block.</summary>
    /// <param name="head">The bytes.</param>
    /// <param name="key">The member that says whose they are.</param>
    /// <param name="name">Whose they are.</param>
    /// <param name="parent">The uuid of the namespace, empty for any: only valid blocks; null for all.</param>
    /// <param name="human">Numbers for people.</param>
    private static IEnumerable<JsonObject> Blocks(byte[] head, string key, string name, Guid? parent, bool human)
    {
        (int Position, byte[] Signature, (string, int, int, bool)[] Members)[] kinds =
        [
            (BttFormat.Linux11.InitialOffset, "BTT_ARENA_INFO\0\0"u8.ToArray(), s_btt),
            (BttFormat.Uefi20.InitialOffset, "BTT_ARENA_INFO\0\0"u8.ToArray(), s_btt),
            (PfnInfoBlock.Position, PfnInfoBlock.SignatureOf(PfnKind.Pfn).ToArray(), s_pfn),
            (PfnInfoBlock.Position, PfnInfoBlock.SignatureOf(PfnKind.Dax).ToArray(), s_pfn),
        ];
        foreach ((int position, byte[] signature, (string, int, int, bool)[] members) in kinds)
        {
            byte[] block = head[position..(position + PfnInfoBlock.Size)];
            if (block.AsSpan(0, SignatureLength).SequenceEqual(signature) && (parent is not { } wanted || IsValid(block, wanted)))
                yield return Describe(block, key, name, members, human);
        }
    }

    private static bool IsValid(ReadOnlySpan<byte> block, Guid parent) =>
        BinaryPrimitives.ReadUInt64LittleEndian(block[ChecksumPosition..]) == Fletcher64.ComputeWithHole(block, ChecksumPosition) && (parent == Guid.Empty || NetworkGuid.Read(block.Slice(32, 16)) == parent);

    private static JsonObject Describe(ReadOnlySpan<byte> block, string key, string name, (string Name, int Offset, int Length, bool IsHex)[] members, bool human)
    {
        var json = new JsonObject
        {
            [key] = name,
            ["signature"] = System.Text.Encoding.ASCII.GetString(block[..SignatureLength]).TrimEnd('\0'),
            ["uuid"] = NetworkGuid.Read(block.Slice(16, 16)).ToString(),
            ["parent_uuid"] = NetworkGuid.Read(block.Slice(32, 16)).ToString(),
            ["flags"] = NdctlNumber.Hex(BinaryPrimitives.ReadUInt32LittleEndian(block[48..]), human),
            ["version"] = $"{BinaryPrimitives.ReadUInt16LittleEndian(block[52..])}.{BinaryPrimitives.ReadUInt16LittleEndian(block[54..])}",
        };
        foreach ((string member, int offset, int length, bool isHex) in members)
        {
            ulong value = length switch
            {
                2 => BinaryPrimitives.ReadUInt16LittleEndian(block[offset..]),
                4 => BinaryPrimitives.ReadUInt32LittleEndian(block[offset..]),
                _ => BinaryPrimitives.ReadUInt64LittleEndian(block[offset..]),
            };
            json[member] = isHex ? NdctlNumber.Hex(value, human) : JsonValue.Create(value);
        }

        return json;
    }
}
