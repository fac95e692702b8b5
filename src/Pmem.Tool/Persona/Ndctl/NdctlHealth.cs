using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>ndctl's commands that pretend: <c>inject-error</c> and <c>inject-smart</c>.</summary>
internal static class NdctlHealth
{
    // Letters of options that ndctl has only under their names.
    private const char MediaAlarm = '1';
    private const char MediaBack = '2';
    private const char ControllerAlarm = '3';
    private const char ControllerBack = '4';
    private const char SparesAlarm = '5';
    private const char SparesBack = '6';
    private const char ShutdownBack = '7';

    public static NdctlVerb InjectError { get; } = new("inject-error", "inject-error <namespace> [<options>]",
    [
        .. NdctlNamespaces.BaseOptions,
        new('B', "block", "first sector of 512 bytes", "namespace block offset (512B)"),
        new('n', "count", "sectors", "count"),
        new('d', "uninject", "take back what was injected"),
        new('t', "status", "show what is injected"),
        new('N', "no-notify", "do not tell the system"),
        new('S', "saturate", "whole sectors, not the smallest part of each"),
        new('u', "human", "print numbers for people"),
    ],
    RunInjectError);

    public static NdctlVerb InjectSmart { get; } = new("inject-smart", "inject-smart <dimm> [<options>]",
    [
        new('b', "bus", "only DIMMs on this bus", "bus-id"),
        new('v', "verbose", "say more"),
        new('u', "human", "print numbers for people"),
        new('m', "media-temperature", "pretend this temperature", "smart media temperature attribute"),
        new('M', "media-temperature-threshold", "raise the alarm above it", "set smart media temperature threshold"),
        new(MediaAlarm, "media-temperature-alarm", "on or off", "smart media temperature alarm") { IsLong = true },
        new(MediaBack, "media-temperature-uninject", "take it back") { IsLong = true },
        new('c', "ctrl-temperature", "pretend this temperature", "smart controller temperature attribute"),
        new('C', "ctrl-temperature-threshold", "raise the alarm above it", "set smart controller temperature threshold"),
        new(ControllerAlarm, "ctrl-temperature-alarm", "on or off", "smart controller temperature alarm") { IsLong = true },
        new(ControllerBack, "ctrl-temperature-uninject", "take it back") { IsLong = true },
        new('s', "spares", "pretend these spares", "smart spares attribute"),
        new('S', "spares-threshold", "raise the alarm below them", "set smart spares threshold"),
        new(SparesAlarm, "spares-alarm", "on or off", "smart spares alarm") { IsLong = true },
        new(SparesBack, "spares-uninject", "take it back") { IsLong = true },
        new('f', "fatal", "pretend a fatal error"),
        new('F', "fatal-uninject", "take it back"),
        new('U', "unsafe-shutdown", "pretend that the last shutdown was dirty"),
        new(ShutdownBack, "unsafe-shutdown-uninject", "take it back") { IsLong = true },
        new('N', "uninject-all", "take everything back"),
    ],
    RunInjectSmart);

    private static int RunInjectError(NdctlArguments arguments)
    {
        bool isStatus = arguments.Has('t');
        if (isStatus && (arguments.Has('d') || arguments.Has('B') || arguments.Has('n') || arguments.Has('S')))
            return Invalid("status is invalid with inject or uninject");
        ulong block = 0;
        ulong count = 0;
        if (arguments.Value('B') is { } first && !NdctlSize.TryParse(first, out block))
            return Invalid($"Invalid block: {first}");
        if (arguments.Value('n') is { } number && !NdctlSize.TryParse(number, out count))
            return Invalid($"Invalid count: {number}");
        if (!isStatus && !(arguments.Has('B') && arguments.Has('n')))
            return Invalid("block and count required for inject/uninject");
        if (arguments.Operands.Count == 0)
            return arguments.Fail("specify a namespace to inject error to\n");
        if (arguments.Operands.Count > 1)
            return arguments.Fail(NdctlDefaults.Extra(arguments, 1));
        using PlatformSource source = NdctlProgram.Open();
        string name = arguments.Operands[0];
        RegionView? region = NdctlNamespaces.Regions(source.Platform, arguments).FirstOrDefault(candidate => candidate.Namespaces.Any(space => space.Name == name));
        if (region is null)
        {
            NdctlText.Error($"{name}: no such namespace\n");
            return Errno.NoDeviceOrAddress.Code();
        }

        if (isStatus)
            return PrintInjected(source.Platform.GetInjectedErrors(name), arguments.Has('u'));
        var injection = new ErrorInjection(block, count) { Notify = !arguments.Has('N'), Saturate = arguments.Has('S') };
        bool takesBack = arguments.Has('d');
        PlatformResult<MediaErrors> result = takesBack ? source.Platform.UninjectError(name, injection) : source.Platform.InjectError(name, injection);
        if (!result.Succeeded)
        {
            Errno error = Errnos.Of(result.Error);
            Console.Error.WriteLine($"Unable to {(takesBack ? "uninject" : "inject")} error: {error.Text()} (-{(int)error})\n{result.Message}; {result.Remedy}");
            return error.Code();
        }

        if (takesBack)
            Console.Out.Write("Warning: Un-injecting previously injected errors here will\nnot cause the kernel to 'forget' its badblock entries. Those\nhave to be cleared through the normal process of writing\nthe affected blocks\n\n");
        var options = new ListOptions { MediaErrors = true, Human = arguments.Has('u') };
        Console.Out.WriteLine(NdctlJson.Print(NamespaceJson.Make(region.Namespaces.First(space => space.Name == name), region, new BadSectors(region, source.Platform.GetErrors(region.Name).Value), options)));
        return 0;
    }

    private static int PrintInjected(PlatformResult<MediaErrors> injected, bool human)
    {
        if (injected.Value is not { } errors)
        {
            Errno error = Errnos.Of(injected.Error);
            Console.Error.WriteLine($"Unable to get injection status: {error.Text()} (-{(int)error})\n{injected.Message}; {injected.Remedy}");
            return error.Code();
        }

        JsonNode[] blocks = [.. errors.Blocks.Select(block => new JsonObject { ["block"] = NdctlNumber.Hex(block.Offset, human), ["count"] = NdctlNumber.Hex(block.Count, human) })];
        if (blocks.Length > 0)
            Console.Out.WriteLine(NdctlJson.Print(new JsonObject { ["badblocks"] = new JsonArray(blocks) }));
        return 0;
    }

    private static int RunInjectSmart(NdctlArguments arguments)
    {
        foreach (char letter in (char[])['m', 'M', 'c', 'C', 's', 'S'])
        {
            if (arguments.Value(letter) is { } text && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
                return Invalid($"{text} is not a number");
        }

        foreach (char letter in (char[])[MediaAlarm, ControllerAlarm, SparesAlarm])
        {
            if (arguments.Value(letter) is { } word and not ("on" or "off"))
                return Invalid($"{word} is neither on nor off");
        }

        bool all = arguments.Has('N');
        foreach ((char given, char back, string name) in ((char, char, string)[])[('m', MediaBack, "media_temperature"), ('c', ControllerBack, "ctrl_temperature"), ('s', SparesBack, "spares"), ('f', 'F', "fatal"), ('U', ShutdownBack, "unsafe_shutdown")])
        {
            if (arguments.Has(given) && (all || arguments.Has(back)))
                return Invalid($"Cannot use {name} inject and uninject together");
        }

        var injection = new HealthInjection
        {
            MediaTemperature = Number(arguments, 'm'),
            MediaTemperatureThreshold = Number(arguments, 'M'),
            MediaTemperatureAlarm = IsOn(arguments, MediaAlarm),
            UninjectMediaTemperature = all || arguments.Has(MediaBack),
            ControllerTemperature = Number(arguments, 'c'),
            ControllerTemperatureThreshold = Number(arguments, 'C'),
            ControllerTemperatureAlarm = IsOn(arguments, ControllerAlarm),
            UninjectControllerTemperature = all || arguments.Has(ControllerBack),
            Spares = (int?)Number(arguments, 's'),
            SparesThreshold = (int?)Number(arguments, 'S'),
            SparesAlarm = IsOn(arguments, SparesAlarm),
            UninjectSpares = all || arguments.Has(SparesBack),
            Fatal = all || arguments.Has('F') ? false : arguments.Has('f') ? true : null,
            UnsafeShutdown = all || arguments.Has(ShutdownBack) ? false : arguments.Has('U') ? true : null,
        };
        if (injection == new HealthInjection())
            return Invalid("No valid operation specified");
        if (arguments.Operands.Count == 0)
            return arguments.Fail("specify a dimm for the smart operation\n");
        if (arguments.Operands.Count > 1)
            return arguments.Fail(NdctlDefaults.Extra(arguments, 1));
        using PlatformSource source = NdctlProgram.Open();
        DimmView? dimm = source.Platform.GetDimms().FirstOrDefault(candidate => NameFilter.Matches(arguments.Operands[0], candidate.Name) && NameFilter.MatchesBus(arguments.Value('b'), source.Platform, candidate.Bus));
        if (dimm is null)
        {
            NdctlText.Error($"{arguments.Operands[0]}: no such dimm\n");
            return Errno.NoDeviceOrAddress.Code();
        }

        PlatformResult<DimmHealth> result = source.Platform.InjectHealth(dimm.Name, injection);
        if (result.Value is not { } health)
        {
            NdctlText.Error($"{dimm.Name}: {result.Message}; {result.Remedy}");
            return Errnos.Of(result.Error).Code();
        }

        DimmView after = source.Platform.GetDimms().First(candidate => candidate.Name == dimm.Name);
        bool human = arguments.Has('u');
        Console.Out.WriteLine(NdctlJson.PrintArray([DimmJson.Make(after, health, new ListOptions { Human = human })], human));
        return 0;
    }

    private static double? Number(NdctlArguments arguments, char letter) => arguments.Value(letter) is { } text ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) : null;

    private static bool? IsOn(NdctlArguments arguments, char letter) => arguments.Value(letter) is { } word ? word == "on" : null;

    private static int Invalid(string message)
    {
        NdctlText.Error($"{message}\n");
        return Errno.InvalidArgument.Code();
    }
}
