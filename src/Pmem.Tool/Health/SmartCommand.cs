using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Health;

/// <summary><c>pmem smart</c>: what DIMMs say of their health.</summary>
internal static class SmartCommand
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static Command Create()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: true);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("smart", """
            Show what DIMMs say of their health: state, temperatures, spares, life used, alarms and their thresholds, shutdowns.

            Exit codes: 0 all are well, 1 one asks for attention, is not there, or cannot tell, 2 wrong usage.

            Examples:
              pmem smart --platform vm1
              pmem smart nmem0 --platform vm1 --json
            """) { names, platform, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            return Show(source.Platform, DimmSelection.Choose(source.Platform, parsed.GetValue(names) ?? []), parsed.GetValue(json));
        });
        return command;
    }

    /// <summary>Shows DIMMs with their health.</summary>
    /// <returns>The exit code: whether all of them are well.</returns>
    public static int Show(IPlatform platform, IReadOnlyList<DimmView> dimms, bool json)
    {
        PlatformResult<DimmHealth>[] told = [.. dimms.Select(dimm => platform.GetHealth(dimm.Name))];
        if (json)
        {
            var array = new JsonArray();
            for (int i = 0; i < dimms.Count; i++)
            {
                JsonObject dimm = DimmJson.Make(dimms[i], told[i].Value, new ListOptions { Health = true });
                if (!told[i].Succeeded)
                    dimm["problem"] = told[i].Message;
                array.Add((JsonNode)dimm);
            }

            Console.WriteLine(array.ToJsonString(s_indented));
        }
        else
        {
            for (int i = 0; i < dimms.Count; i++)
                Write(Console.Out, dimms[i], told[i]);
        }

        return Array.TrueForAll(told, health => health.Value is { State: HealthState.Ok, LastShutdownWasDirty: not true }) ? Program.Success : Program.NotConsistent;
    }

    private static void Write(TextWriter target, DimmView dimm, PlatformResult<DimmHealth> told)
    {
        target.WriteLine($"{dimm.Name}  {dimm.Id}  {(told.Value is { } known ? known.State.Text() : told.Message)}");
        if (told.Value is not { } health)
            return;
        DimmThresholds? limits = health.Thresholds;
        Line("media", Degrees(health.MediaTemperature), Limit(limits?.MediaTemperatureEnabled, "above", Degrees(limits?.MediaTemperature)), health.MediaTemperatureAlarm);
        Line("controller", Degrees(health.ControllerTemperature), Limit(limits?.ControllerTemperatureEnabled, "above", Degrees(limits?.ControllerTemperature)), health.ControllerTemperatureAlarm);
        Line("power chip", Degrees(health.PowerChipTemperature), string.Empty, null);
        Line("spares", Percent(health.Spares), Limit(limits?.SparesEnabled, "below", Percent(limits?.Spares)), health.SparesAlarm);
        Line("life used", Percent(health.LifeUsed), string.Empty, null);
        Line("last shutdown", health.LastShutdownWasDirty switch
        {
            null => null,
            true => "dirty: data may have been lost",
            false => "clean",
        }, string.Empty, null);
        Line("dirty shutdowns", health.ShutdownCount?.ToString(CultureInfo.InvariantCulture), string.Empty, null);

        void Line(string what, string? value, string limit, bool? alarm)
        {
            if (value is not null)
                target.WriteLine($"    {what,-16} {value}{limit}{(alarm == true ? "  ALARM" : string.Empty)}");
        }
    }

    private static string Limit(bool? isOn, string side, string? value) => isOn switch
    {
        null => string.Empty,
        true => $", alarm {side} {value}",
        false => ", alarm off",
    };

    private static string? Degrees(double? value) => value is { } number ? string.Create(CultureInfo.InvariantCulture, $"{number:0.##} °C") : null;

    private static string? Percent(int? value) => value is { } number ? string.Create(CultureInfo.InvariantCulture, $"{number} %") : null;
}
