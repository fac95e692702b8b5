using System.Text.Json.Nodes;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary><c>ndctl read-infoblock</c> and <c>write-infoblock</c>, with files also without any platform.</summary>
internal static class NdctlInfoBlocks
{
    private static readonly string[] s_hexMembers = ["flags", "nextoff", "dataoff", "mapoff", "logoff", "info2off", "npfns", "start_pad", "end_trunc", "align", "page_size", "page_struct_size"];

    public static NdctlVerb Read { get; } = new("read-infoblock", "read-infoblock <namespace> [<options>]",
    [
        .. NdctlNamespaces.BaseOptions,
        new('o', "output", "write it here", "output-file"),
        new('i', "input", "read it from here, not from a namespace", "input-file"),
        new('V', "verify", "only what is valid"),
        new('j', "json", "print what is in it as JSON"),
        new('u', "human", "print JSON for people"),
    ],
    RunRead);

    public static NdctlVerb Write { get; } = new("write-infoblock", "write-infoblock <namespace> [<options>]",
    [
        .. NdctlNamespaces.BaseOptions,
        new('o', "output", "write it here, not to a namespace", "output-file"),
        new('c', "stdout", "write it to standard output"),
        new('m', "mode", "fsdax or devdax (fsdax)", "operation-mode"),
        new('s', "size", "bytes of the namespace", "size"),
        new('a', "align", "alignment of data", "align"),
        new('u', "uuid", "its uuid (a new one)", "uuid"),
        new('M', "map", "page structures: mem or dev", "memmap-location"),
        new('p', "parent-uuid", "uuid of the namespace (zeros)", "parent-uuid"),
        new('O', "offset", "address of the namespace", "offset"),
    ],
    RunWrite);

    private static int RunRead(NdctlArguments arguments)
    {
        if (arguments.Operands.Count > 1)
            return arguments.Fail($"unknown extra parameter \"{arguments.Operands[1]}\"\n");
        if (arguments.Has('i') && arguments.Operands.Count > 0)
            return arguments.Fail("specify a namespace, or --input, not both\n");
        bool isJson = arguments.Has('j') || arguments.Has('u');
        using Stream output = NdctlProgram.Output(arguments.Value('o'), arguments.Value('i'));
        var blocks = new JsonArray();
        int count = 0;
        Errno error = Errno.None;
        if (arguments.Operands.Count == 0)
        {
            using Stream input = arguments.Value('i') is { } file ? File.OpenRead(file) : Console.OpenStandardInput();
            byte[] head = new byte[NamespacePersonality.HeadSize];
            int read = input.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            if (read < head.Length)
                error = Errno.IoError;
            else
                Take("file", arguments.Value('i') ?? "<stdin>", head);
        }
        else
        {
            using PlatformSource source = NdctlProgram.Open();
            string wanted = arguments.Operands[0];
            error = wanted == "all" ? Errno.None : Errno.NoDeviceOrAddress;
            foreach (NamespaceView space in NdctlNamespaces.Regions(source.Platform, arguments).SelectMany(region => region.Namespaces).Where(space => wanted == "all" || space.Name == wanted))
            {
                error = space.IsEnabled ? Errno.Busy : Errno.None;
                if (space.IsEnabled)
                {
                    Console.Error.WriteLine($"read-infoblock: {space.Name} enabled, must be disabled");
                    continue;
                }

                using PersistentMap map = source.Platform.OpenRaw(space.Name);
                Take("dev", space.Name, map.GetSpan(0, NamespacePersonality.HeadSize).ToArray());
            }
        }

        if (blocks.Count > 0)
            output.Write(System.Text.Encoding.UTF8.GetBytes($"{NdctlJson.Print(blocks)}\n"));
        if (error != Errno.None)
            Console.Error.WriteLine($"error reading infoblock data: {error.Text()}");
        NdctlText.Summary("read", count, "infoblock");
        return error.Code();

        void Take(string key, string name, byte[] head)
        {
            count++;
            if (isJson)
                AddBlocks(blocks, key, InfoBlockFile.Of(name, head), arguments.Has('u'));
            else
                output.Write(head);
        }
    }

    private static void AddBlocks(JsonArray blocks, string key, InfoBlockFile head, bool human)
    {
        foreach ((string Name, object Value)[] members in InfoBlockShowVerb.Find(head))
        {
            var json = new JsonObject { [key] = head.Path };
            foreach ((string name, object value) in members.Skip(1))
                json[name] = value is ulong number ? s_hexMembers.Contains(name, StringComparer.Ordinal) ? NdctlNumber.Hex(number, human) : JsonValue.Create(number) : JsonValue.Create((string)value);
            blocks.Add((JsonNode)json);
        }
    }

    private static int RunWrite(NdctlArguments arguments)
    {
        if (FindProblem(arguments) is { } problem)
            return arguments.Fail($"{problem}\n");
        bool isToFile = arguments.Operands.Count == 0;
        int count = 0;
        Errno error;
        if (isToFile)
        {
            error = ToFile(arguments);
            count += error == Errno.None ? 1 : 0;
        }
        else
        {
            using PlatformSource source = NdctlProgram.Open();
            string wanted = arguments.Operands[0];
            error = wanted == "all" ? Errno.None : Errno.NoDeviceOrAddress;
            foreach (NamespaceView space in NdctlNamespaces.Regions(source.Platform, arguments).SelectMany(region => region.Namespaces).Where(space => wanted == "all" || space.Name == wanted))
            {
                error = ToNamespace(source.Platform, space, arguments);
                count += error == Errno.None ? 1 : 0;
            }
        }

        if (error != Errno.None)
            Console.Error.WriteLine($"error checking infoblocks: {error.Text()}");
        NdctlText.Summary("wrote", count, "infoblock");
        return error.Code();
    }

    private static string? FindProblem(NdctlArguments arguments)
    {
        bool isToFile = arguments.Has('o') || arguments.Has('c');
        if (arguments.Operands.Count == 0 && !isToFile)
            return "specify a namespace to write-infoblock, or \"all\"";
        if (arguments.Operands.Count > 1)
            return $"unknown extra parameter \"{arguments.Operands[1]}\"";
        if (arguments.Operands.Count > 0 && isToFile)
            return "specify only one of a namespace filter, --output, or --stdout";
        if (arguments.Has('c') && !arguments.Has('s'))
            return "--size required with --stdout";
        if (arguments.Value('m') is { } mode && NameFilter.ModeOf(mode) is not (NamespaceMode.Fsdax or NamespaceMode.Devdax))
            return NameFilter.ModeOf(mode) is null ? $"invalid mode '{mode}'" : $"unsupported mode '{mode}'";
        if (arguments.Value('M') is { } map and not ("mem" or "dev"))
            return $"invalid map location '{map}'";
        foreach (char letter in (char[])['s', 'a', 'O'])
        {
            if (arguments.Value(letter) is { } number && !NdctlSize.TryParse(number, out _))
                return $"failed to parse '{number}'";
        }

        foreach (char letter in (char[])['u', 'p'])
        {
            if (arguments.Value(letter) is { } uuid && !Guid.TryParseExact(uuid, "D", out _))
                return $"failed to parse uuid: '{uuid}'";
        }

        return null;
    }

    private static Errno ToFile(NdctlArguments arguments)
    {
        ulong size = Number(arguments, 's') ?? (ulong)(File.Exists(arguments.Value('o')) ? LinkedFile.LengthOf(arguments.Value('o')!) : 0);
        byte[] bytes = Make(arguments, Number(arguments, 'O') ?? 0, size, Guid.Empty);
        if (!arguments.Has('c'))
            OutputFile.DemandForeign(arguments.Value('o')!, PlatformSource.PathOf(NdctlProgram.PlatformPath));
        using Stream output = arguments.Has('c') ? Console.OpenStandardOutput() : new FileStream(arguments.Value('o')!, FileMode.OpenOrCreate, FileAccess.Write);
        output.Write(bytes);
        return Errno.None;
    }

    private static Errno ToNamespace(IPlatform platform, NamespaceView space, NdctlArguments arguments)
    {
        if (space.IsEnabled)
        {
            Console.Error.WriteLine($"write-infoblock: {space.Name} enabled, must be disabled");
            return Errno.Busy;
        }

        byte[] bytes = Make(arguments, space.Start + (Number(arguments, 'O') ?? 0), Number(arguments, 's') ?? space.RawSize, space.RawUuid);
        using PersistentMap map = platform.OpenRaw(space.Name, readOnly: false);
        map.Copy(0, bytes);
        return Errno.None;
    }

    /// <summary>8 KiB: a page of zeros and the block.</summary>
    private static byte[] Make(NdctlArguments arguments, ulong start, ulong size, Guid parent)
    {
        PfnKind kind = NameFilter.ModeOf(arguments.Value('m') ?? "fsdax") == NamespaceMode.Devdax ? PfnKind.Dax : PfnKind.Pfn;
        PageMapMode map = arguments.Value('M') == "mem" ? PageMapMode.Memory : PageMapMode.Device;
        Guid uuid = arguments.Value('u') is { } given ? Guid.ParseExact(given, "D") : Guid.NewGuid();
        Guid owner = arguments.Value('p') is { } named ? Guid.ParseExact(named, "D") : parent;
        byte[] bytes = new byte[NamespacePersonality.HeadSize];
        PfnInfoBlock.Compute(kind, map, start, size, Number(arguments, 'a') ?? 2 << 20, uuid, owner).Write(bytes.AsSpan(PfnInfoBlock.Position));
        return bytes;
    }

    private static ulong? Number(NdctlArguments arguments, char letter) => arguments.Value(letter) is { } text && NdctlSize.TryParse(text, out ulong value) ? value : null;
}
