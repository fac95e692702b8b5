using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>ndctl's commands on DIMMs: enabling, disabling, and the label storage areas. They end with 0 when nothing fitted, with 1 when nothing succeeded.</summary>
internal static class NdctlDimms
{
    private static readonly NdctlOption[] s_base =
    [
        new('b', "bus", "only DIMMs on this bus", "bus-id"),
        new('v', "verbose", "say more"),
    ];

    private static readonly NdctlOption[] s_extent =
    [
        .. s_base,
        new('s', "size", "bytes of the area to work on", "n") { IsNumber = true },
        new('O', "offset", "where in the area to begin", "n") { IsNumber = true },
    ];

    public static NdctlVerb Enable { get; } = new("enable-dimm", Usage("enable-dimm", "[<options>]"), s_base,
        // A kernel that finds the key unlocks a DIMM when the driver takes it.
        arguments => Each(arguments, (platform, dimm) => Say(dimm, platform.EnableDimm(dimm)), "enabled", "nmem", (source, dimm) => NdctlKeys.Of(source)?.Unlock(source.Platform, dimm)));

    public static NdctlVerb Disable { get; } = new("disable-dimm", Usage("disable-dimm", "[<options>]"), s_base, arguments => Each(arguments, (platform, dimm) =>
    {
        PlatformResult<DimmView> result = platform.DisableDimm(dimm);
        if (result.Error != PlatformError.InUse)
            return Say(dimm, result);
        Console.Error.WriteLine($"{dimm} is active, skipping...");
        return Errno.Busy;
    }, "disabled", "nmem"));

    public static NdctlVerb Zero { get; } = new("zero-labels", Usage("zero-labels", "[<options>]"), s_extent, arguments => Each(arguments, (platform, dimm) => Change(platform, dimm, labels =>
    {
        (int offset, int length) = Extent(arguments, labels.Size);
        labels.Write(offset, new byte[length]);
        return Errno.None;
    }), "zeroed", "nmem"));

    public static NdctlVerb Read { get; } = new("read-labels", Usage("read-labels", "[-o <filename>]"),
    [
        .. s_extent,
        new('o', "output", "write the area here", "output-file"),
        new('j', "json", "print what is in it as JSON"),
        new('u', "human", "print JSON for people"),
        new('I', "index", "only the index blocks"),
    ],
    ReadLabels);

    public static NdctlVerb Write { get; } = new("write-labels", "write-labels <nmem> [-i <filename>]",
    [
        .. s_extent,
        new('i', "input", "read the area from here", "input-file"),
    ],
    WriteLabels);

    public static NdctlVerb Init { get; } = new("init-labels", Usage("init-labels", "[<options>]"),
    [
        .. s_base,
        new('f', "force", "also where there are index blocks"),
        new('V', "label-version", "1.1 or 1.2 (1.1)", "version-number"),
    ],
    InitLabels);

    public static NdctlVerb Check { get; } = new("check-labels", Usage("check-labels", "[<options>]"), s_base, arguments => Each(arguments, (platform, dimm) =>
    {
        PlatformResult<ILabelStorage> labels = platform.OpenLabels(dimm);
        if (labels.Value is not { } storage)
            return Say(dimm, labels);
        LabelArea area = LabelArea.Read(storage);
        if (arguments.Has('v') && area.Current is null)
            Console.Error.WriteLine($"{dimm}: {area.Indexes.Select(index => index.Problem?.ToString()).FirstOrDefault(problem => problem is not null) ?? "no index block"}");
        return area.Current is null ? Errno.NoDeviceOrAddress : Errno.None;
    }, "successfully verified", "nmem label"));

    private static string Usage(string verb, string rest) => $"{verb} <nmem0> [<nmem1>..<nmemN>] {rest}";

    /// <summary>Does something to every DIMM that is named.</summary>
    private static int Each(NdctlArguments arguments, Func<IPlatform, string, Errno> act, string done, string what, Action<PlatformSource, string>? first = null)
    {
        if (Names(arguments) is not { } names)
            return arguments.Help();
        using PlatformSource source = NdctlProgram.Open();
        int count = 0;
        bool hasFailed = false;
        foreach (DimmView dimm in Chosen(source.Platform, arguments, names))
        {
            first?.Invoke(source, dimm.Name);
            if (act(source.Platform, dimm.Name) == Errno.None)
                count++;
            else
                hasFailed = true;
        }

        return Finish(count, hasFailed, done, what);
    }

    private static int Finish(int count, bool hasFailed, string done, string what)
    {
        Console.Error.WriteLine($"{done} {count} {what}{(count > 1 ? "s" : string.Empty)}");
        return count > 0 || !hasFailed ? 0 : 1;
    }

    /// <summary>The names of DIMMs on the command line; null when none of them is one.</summary>
    public static string[]? Names(NdctlArguments arguments)
    {
        if (arguments.Operands.Contains("all", StringComparer.Ordinal))
            return ["all"];
        foreach (string name in arguments.Operands.Where(name => !IsName(name)))
            Console.Error.WriteLine($"'{name}' is not a valid dimm name");
        string[] names = [.. arguments.Operands.Where(IsName)];
        return names.Length == 0 ? null : names;
    }

    private static bool IsName(string name) => name.StartsWith("nmem", StringComparison.Ordinal) && NameFilter.NumberOf(name) >= 0;

    /// <summary>The DIMMs that the names mean, on the bus that is meant.</summary>
    public static IEnumerable<DimmView> Chosen(IPlatform platform, NdctlArguments arguments, string[] names) =>
        names.SelectMany(name => platform.GetDimms().Where(dimm => NameFilter.Matches(name, dimm.Name) && NameFilter.MatchesBus(arguments.Value('b'), platform, dimm.Bus)));

    private static Errno Say<T>(string dimm, PlatformResult<T> result)
        where T : class
    {
        if (!result.Succeeded)
            Console.Error.WriteLine($"{dimm}: {result.Message}; {result.Remedy}");
        return Errnos.Of(result.Error);
    }

    private static Errno Change(IPlatform platform, string dimm, Func<ILabelStorage, Errno> change)
    {
        PlatformResult<ILabelStorage> labels = platform.OpenLabels(dimm, readOnly: false);
        if (labels.Value is { } storage)
            return change(storage);
        if (labels.Error != PlatformError.InUse)
            return Say(dimm, labels);
        Console.Error.WriteLine($"{dimm}: regions active, abort label write");
        return Errno.Busy;
    }

    private static (int Offset, int Length) Extent(NdctlArguments arguments, int size)
    {
        long offset = arguments.Number('O') ?? 0;
        long length = arguments.Number('s') is { } given and > 0 ? given : size - offset;
        return offset >= 0 && length >= 0 && offset + length <= size
            ? ((int)offset, (int)length)
            : throw new PmemException($"the area has {size} bytes, and so not {length} at {offset}; choose others with --size and --offset");
    }

    private static int InitLabels(NdctlArguments arguments)
    {
        string version = arguments.Value('V') ?? "1.1";
        if (version is not ("1.1" or "v1.1" or "1.2" or "v1.2"))
        {
            Console.Error.WriteLine($"'{version}' is not a valid label version");
            return Finish(0, hasFailed: true, "initialized", "nmem");
        }

        return Each(arguments, (platform, dimm) => Change(platform, dimm, labels =>
        {
            LabelArea area = LabelArea.Read(labels);
            if (area.Current is not null && !arguments.Has('f'))
            {
                Console.Error.WriteLine($"{dimm}: error: labels already initialized");
                return Errno.Busy;
            }

            LabelUpdate.Initialize(area, version.EndsWith("1.1", StringComparison.Ordinal) ? LabelFormat.Efi11 : LabelFormat.Efi12).Apply([labels]);
            return Errno.None;
        }), "initialized", "nmem");
    }

    private static int WriteLabels(NdctlArguments arguments)
    {
        if (Names(arguments) is not { } names)
            return arguments.Help();
        using PlatformSource source = NdctlProgram.Open();
        DimmView[] chosen = [.. Chosen(source.Platform, arguments, names)];
        if (chosen.Length > 1)
            return arguments.Fail("write-labels only supports writing a single dimm\n");
        if (NdctlProgram.TryOpen(arguments.Value('i') ?? "-", () => arguments.Value('i') is { } path ? File.OpenRead(path) : Console.OpenStandardInput(), out _) is not { } opened)
            return Finish(0, hasFailed: true, "wrote", "nmem");
        using Stream input = opened;
        bool hasFailed = chosen.Length > 0 && Change(source.Platform, chosen[0].Name, labels =>
        {
            (int offset, int length) = Extent(arguments, labels.Size);
            byte[] bytes = new byte[length];
            int read = input.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
            labels.Write(offset, bytes.AsSpan(0, read));
            return Errno.None;
        }) != Errno.None;
        return Finish(hasFailed ? 0 : chosen.Length, hasFailed, "wrote", "nmem");
    }

    private static int ReadLabels(NdctlArguments arguments)
    {
        bool isJson = arguments.Has('j') || arguments.Has('u');
        if (isJson && (arguments.Number('s') is > 0 || arguments.Number('O') is > 0))
            return arguments.Complain("--size and --offset are incompatible with --json");
        if (arguments.Has('I') && arguments.Number('s') is > 0)
            return arguments.Complain("pick either --size, or --index, not both");
        if (Names(arguments) is not { } names)
            return arguments.Help();
        using PlatformSource source = NdctlProgram.Open();
        if (NdctlProgram.TryOpen(arguments.Value('o') ?? "-", () => NdctlProgram.Output(arguments.Value('o')), out _) is not { } opened)
            return Finish(0, hasFailed: true, "read", "nmem");
        using Stream output = opened;
        var found = new List<LabelJson.Source>();
        int count = 0;
        bool hasFailed = false;
        foreach (DimmView dimm in Chosen(source.Platform, arguments, names))
        {
            PlatformResult<ILabelStorage> labels = source.Platform.OpenLabels(dimm.Name);
            hasFailed |= !labels.Succeeded;
            if (labels.Value is not { } storage)
            {
                Say(dimm.Name, labels);
                continue;
            }

            LabelArea area = LabelArea.Read(storage);
            if (isJson)
            {
                found.Add(new LabelJson.Source(dimm.Name, area));
            }
            else
            {
                (int offset, int length) = arguments.Has('I') ? (0, LabelJson.IndexBytes(area)) : Extent(arguments, area.Size);
                output.Write(area.Bytes.Slice(offset, length));
            }

            count++;
        }

        if (LabelJson.Print(found, arguments.Has('I'), arguments.Has('u'), isTerminal: !arguments.Has('o') && !Console.IsOutputRedirected) is { Length: > 0 } text)
            output.Write(System.Text.Encoding.UTF8.GetBytes($"{text}\n"));
        return Finish(count, hasFailed, "read", "nmem");
    }
}
