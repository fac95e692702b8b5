using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// <c>ndctl write-infoblock</c>, to files also without any platform. Like ndctl it writes what is asked for, also a block that no kernel would take: that is what the command is there for.
/// </summary>
internal static class NdctlInfoBlockWriting
{
    private const ulong PageSize = 4096;
    private const ulong PageStructSize = 64;
    private const ulong Subsection = 2 << 20;
    private const ulong Reserve = 8192;

    public static NdctlVerb Verb { get; } = new("write-infoblock", "write-infoblock <namespace> [<options>]",
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
    Run);

    private static int Run(NdctlArguments arguments)
    {
        List<string> problems = NdctlDefaults.Problems(arguments, isInfoBlock: true);
        bool isToFile = arguments.Has('o') || arguments.Has('c');
        if (arguments.Operands.Count == 0 && !isToFile)
            problems.Add("specify a namespace to write-infoblock, or \"all\"");
        problems.AddRange(NdctlDefaults.Extra(arguments, 1));
        if (arguments.Operands.Count > 0 && isToFile)
            problems.Add("specify only one of a namespace filter, --output, or --stdout");
        if (arguments.Has('c') && !arguments.Has('s'))
            problems.Add("--size required with --stdout");
        if (problems.Count > 0)
            return arguments.Fail(problems);
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

    private static Errno ToFile(NdctlArguments arguments)
    {
        string? path = arguments.Has('c') ? null : arguments.Value('o');
        ulong size = Number(arguments, 's') ?? (ulong)(path is not null && File.Exists(path) ? LinkedFile.LengthOf(path) : 0);
        if (path is not null)
            OutputFile.DemandForeign(path, PlatformSource.PathOf(NdctlProgram.PlatformPath));
        try
        {
            if (Make(arguments, Number(arguments, 'a') ?? Subsection, Number(arguments, 'O') ?? 0, size, Guid.Empty) is not { } bytes)
                return Errno.NoDeviceOrAddress;
            using Stream output = path is null ? Console.OpenStandardOutput() : new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write);
            output.Write(bytes);
            return Errno.None;
        }
        catch (Exception failed) when (path is not null && failed is IOException or UnauthorizedAccessException)
        {
            NdctlText.Error($"failed to open: {path}\n");
            return Errnos.Of(failed, path!);
        }
    }

    private static Errno ToNamespace(IPlatform platform, NamespaceView space, NdctlArguments arguments)
    {
        if (space.IsEnabled)
        {
            Console.Error.WriteLine($"write-infoblock: {space.Name} enabled, must be disabled");
            return Errno.Busy;
        }

        ulong size = Number(arguments, 's') ?? space.RawSize;

        // A namespace that is disabled has no personality from which an alignment would be taken.
        ulong align = Number(arguments, 'a') ?? PageSize;
        if (size % align != 0)
        {
            NdctlText.Error($"--size={arguments.Value('s')} not aligned to {arguments.Value('a') ?? $"{align}"}\n");
            return Errno.InvalidArgument;
        }

        if (Make(arguments, align, space.Start + (Number(arguments, 'O') ?? 0), size, space.RawUuid) is not { } bytes)
            return Errno.NoDeviceOrAddress;
        using PersistentMap map = platform.OpenRaw(space.Name, readOnly: false);
        map.Copy(0, bytes);
        return Errno.None;
    }

    /// <summary>8 KiB: a page of zeros and the block; null when the namespace is too small for it, which is said.</summary>
    private static byte[]? Make(NdctlArguments arguments, ulong alignment, ulong start, ulong size, Guid parent)
    {
        bool isDevice = arguments.Value('M') != "mem";
        ulong unit = Math.Max(alignment, Subsection);
        ulong pad = RoundUp(start, unit) - start;
        ulong truncate = (start + size) % unit;
        ulong offset = RoundUp(start + Reserve + (isDevice && size >= Reserve ? PageStructSize * ((size - Reserve) / PageSize) : 0), unit) - start;
        if (size < Reserve || offset >= size)
        {
            NdctlText.Error("unable to satisfy requested alignment\n");
            return null;
        }

        var block = new PfnInfoBlock
        {
            Kind = NameFilter.ModeOf(arguments.Value('m') ?? "fsdax") == NamespaceMode.Devdax ? PfnKind.Dax : PfnKind.Pfn,
            Uuid = arguments.Value('u') is { } given ? Guid.ParseExact(given, "D") : Guid.NewGuid(),
            ParentUuid = arguments.Value('p') is { } named ? Guid.ParseExact(named, "D") : parent,
            DataOffset = offset,
            PageFrames = unchecked(size - offset - truncate - pad) / PageSize,
            Mode = isDevice ? PageMapMode.Device : PageMapMode.Memory,
            StartPad = unchecked((uint)pad),
            EndTruncate = unchecked((uint)truncate),
            Alignment = alignment,
        };
        byte[] bytes = new byte[NamespacePersonality.HeadSize];
        block.Write(bytes.AsSpan(PfnInfoBlock.Position));
        return bytes;
    }

    private static ulong RoundUp(ulong value, ulong unit) => unchecked(value + unit - 1) & ~(unit - 1);

    private static ulong? Number(NdctlArguments arguments, char letter) => arguments.Value(letter) is { } text && NdctlSize.TryParse(text, out ulong value) ? value : null;
}
