using System.CommandLine;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Health;

/// <summary><c>pmem inject-smart</c>: lets DIMMs pretend something of their health, with the options of <c>ndctl inject-smart</c>.</summary>
internal static class InjectSmartCommand
{
    public static Command Create()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: false);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var media = new Option<double?>("--media-temperature", "-m") { Description = "Pretend this temperature of the media, in degrees Celsius." };
        var mediaLimit = new Option<double?>("--media-temperature-threshold", "-M") { Description = "Raise the alarm above this temperature." };
        Option<string?> mediaAlarm = Alarm("--media-temperature-alarm");
        Option<bool> mediaBack = Flag("--media-temperature-uninject", "Take the pretended temperature of the media back.");
        var controller = new Option<double?>("--ctrl-temperature", "-c") { Description = "Pretend this temperature of the controller, in degrees Celsius." };
        var controllerLimit = new Option<double?>("--ctrl-temperature-threshold", "-C") { Description = "Raise the alarm above this temperature." };
        Option<string?> controllerAlarm = Alarm("--ctrl-temperature-alarm");
        Option<bool> controllerBack = Flag("--ctrl-temperature-uninject", "Take the pretended temperature of the controller back.");
        var spares = new Option<int?>("--spares", "-s") { Description = "Pretend that so many percent of spare capacity are left." };
        var sparesLimit = new Option<int?>("--spares-threshold", "-S") { Description = "Raise the alarm below so many percent." };
        Option<string?> sparesAlarm = Alarm("--spares-alarm");
        Option<bool> sparesBack = Flag("--spares-uninject", "Take the pretended spares back.");
        var fatal = new Option<bool>("--fatal", "-f") { Description = "Pretend that the DIMM is broken." };
        var fatalBack = new Option<bool>("--fatal-uninject", "-F") { Description = "Take that back." };
        var unsafeShutdown = new Option<bool>("--unsafe-shutdown", "-U") { Description = "Pretend that the last shutdown was dirty; at the next power cut it is one." };
        Option<bool> unsafeBack = Flag("--unsafe-shutdown-uninject", "Take that back.");
        var all = new Option<bool>("--uninject-all", "-N") { Description = "Take everything back that is pretended." };
        var command = new Command("inject-smart", """
            Let DIMMs pretend something of their health, and set their alarms. What is pretended stays until it is taken back.

            Examples:
              pmem inject-smart nmem0 --media-temperature 90 --platform vm1
              pmem inject-smart nmem0 --spares 5 --spares-threshold 20 --spares-alarm on --platform vm1
              pmem inject-smart all --uninject-all --platform vm1
            """)
        {
            names, media, mediaLimit, mediaAlarm, mediaBack, controller, controllerLimit, controllerAlarm, controllerBack,
            spares, sparesLimit, sparesAlarm, sparesBack, fatal, fatalBack, unsafeShutdown, unsafeBack, all, platform, json,
        };
        command.SetAction(parsed =>
        {
            bool everything = parsed.GetValue(all);
            var injection = new HealthInjection
            {
                MediaTemperature = parsed.GetValue(media),
                MediaTemperatureThreshold = parsed.GetValue(mediaLimit),
                MediaTemperatureAlarm = IsOn(parsed.GetValue(mediaAlarm)),
                UninjectMediaTemperature = everything || parsed.GetValue(mediaBack),
                ControllerTemperature = parsed.GetValue(controller),
                ControllerTemperatureThreshold = parsed.GetValue(controllerLimit),
                ControllerTemperatureAlarm = IsOn(parsed.GetValue(controllerAlarm)),
                UninjectControllerTemperature = everything || parsed.GetValue(controllerBack),
                Spares = parsed.GetValue(spares),
                SparesThreshold = parsed.GetValue(sparesLimit),
                SparesAlarm = IsOn(parsed.GetValue(sparesAlarm)),
                UninjectSpares = everything || parsed.GetValue(sparesBack),
                Fatal = parsed.GetValue(fatal) ? true : everything || parsed.GetValue(fatalBack) ? false : null,
                UnsafeShutdown = parsed.GetValue(unsafeShutdown) ? true : everything || parsed.GetValue(unsafeBack) ? false : null,
            };
            Demand(injection, parsed.GetValue(fatal) && (everything || parsed.GetValue(fatalBack)), parsed.GetValue(unsafeShutdown) && (everything || parsed.GetValue(unsafeBack)));
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            IReadOnlyList<DimmView> dimms = DimmSelection.Choose(source.Platform, parsed.GetValue(names) ?? []);
            foreach (DimmView dimm in dimms)
                source.Platform.InjectHealth(dimm.Name, injection).Demand();
            SmartCommand.Show(source.Platform, [.. source.Platform.GetDimms().Where(dimm => dimms.Any(chosen => chosen.Name == dimm.Name))], parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static void Demand(HealthInjection injection, bool fatalBoth, bool unsafeBoth)
    {
        if (injection == new HealthInjection())
            throw new PmemException("say what to pretend, which alarm to set, or what to take back; 'pmem inject-smart --help' lists it");
        string? both = injection.MediaTemperature is not null && injection.UninjectMediaTemperature ? "media-temperature"
            : injection.ControllerTemperature is not null && injection.UninjectControllerTemperature ? "ctrl-temperature"
            : injection.Spares is not null && injection.UninjectSpares ? "spares"
            : fatalBoth ? "fatal" : unsafeBoth ? "unsafe-shutdown" : null;
        if (both is not null)
            throw new PmemException($"{both} cannot be pretended and taken back at once");
    }

    private static Option<string?> Alarm(string name) => new(name) { Description = "Whether the alarm is raised: on or off." };

    private static Option<bool> Flag(string name, string what) => new(name) { Description = what };

    private static bool? IsOn(string? word) => word switch
    {
        null => null,
        "on" => true,
        "off" => false,
        _ => throw new PmemException($"'{word}' is neither on nor off"),
    };
}
