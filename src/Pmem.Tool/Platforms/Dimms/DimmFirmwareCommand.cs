using System.CommandLine;
using System.Text.Json.Nodes;
using Pmem.Emulation.Modules;
using Pmem.Platform.Model;
using Pmem.Tool.Health;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm firmware</c>: which version DIMMs run, sending them another, and letting it run.</summary>
internal static class DimmFirmwareCommand
{
    public static Command Create() =>
        new("firmware", """
            Show and update the firmware of DIMMs. What was sent runs after the next power cycle, or after an activation of DIMMs that are armed.

            Examples:
              pmem dimm firmware show --platform vm1
              pmem dimm firmware make-image 1.2 new.fw
              pmem dimm firmware update nmem0 --image new.fw --platform vm1
              pmem dimm firmware activate --platform vm1
            """)
        {
            ShowVerb(),
            UpdateVerb(),
            ActivateVerb(),
            MakeImageVerb(),
        };

    private static Command ShowVerb()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: true);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", "Show which firmware DIMMs run, and which waits; with --json as 'ndctl list -DF'.\n\nExample: pmem dimm firmware show --platform vm1") { names, platform, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            Show(DimmSelection.Choose(source.Platform, parsed.GetValue(names) ?? []), parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static Command UpdateVerb()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: false);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var image = new Option<string?>("--image", "-i") { Description = "The image. Without it DIMMs are only armed or disarmed." };
        var arm = new Option<bool>("--arm", "-A") { Description = "Arm the DIMM: the next activation runs what was sent. Done with an image anyway." };
        var disarm = new Option<bool>("--disarm", "-D") { Description = "Do not arm it, or take that back." };
        var force = new Option<bool>("--force", "-f") { Description = "Also during a scrub, and in place of an update that was begun and not ended." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Tell whether it could be done, and change nothing." };
        var command = new Command("update", """
            Send firmware to DIMMs, and arm them for activation. The DIMM runs what it has until then; an update that was interrupted is done again.

            Examples:
              pmem dimm firmware update nmem0 --image new.fw --platform vm1
              pmem dimm firmware update all --disarm --platform vm1
            """) { names, image, arm, disarm, force, dryRun, platform, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                if (parsed.GetValue(arm) && parsed.GetValue(disarm))
                    throw new PmemException("give --arm or --disarm, not both");
                if (parsed.GetValue(image) is null && !parsed.GetValue(arm) && !parsed.GetValue(disarm))
                    throw new PmemException("give an image with --image, or --arm, or --disarm");
                byte[]? bytes = parsed.GetValue(image) is { } file ? File.ReadAllBytes(file) : null;
                using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
                IReadOnlyList<DimmView> dimms = DimmSelection.Choose(source.Platform, parsed.GetValue(names)!);
                if (bytes is not null && dimms.FirstOrDefault(dimm => dimm.Details.Firmware is not { CanUpdate: true }) is { } fixedOne)
                    throw new PmemException($"{fixedOne.Name} has no functions to update its firmware; take one that 'pmem dimm firmware show' says can be updated");
                if (parsed.GetValue(dryRun))
                {
                    Console.WriteLine($"{string.Join(", ", dimms.Select(dimm => dimm.Name))}: {(bytes is null ? "can be switched" : $"would be sent {bytes.Length} bytes")}; nothing was changed");
                    return Program.Success;
                }

                using var progress = new ProgressLine();
                foreach (DimmView dimm in dimms)
                {
                    var options = new FirmwareUpdateOptions { Force = parsed.GetValue(force), Arm = !parsed.GetValue(disarm), Progress = new Sent(dimm.Name, progress), Cancellation = cancellation };
                    (bytes is null ? source.Platform.ArmFirmware(dimm.Name, options.Arm) : source.Platform.UpdateFirmware(dimm.Name, bytes, options)).Demand();
                }

                progress.Dispose();
                Show([.. source.Platform.GetDimms().Where(dimm => dimms.Any(chosen => chosen.Name == dimm.Name))], parsed.GetValue(json));
                return Program.Success;
            },
            cancellation));
        return command;
    }

    private static Command ActivateVerb()
    {
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var force = new Option<bool>("--force", "-f") { Description = "While the system runs, where it would rather be idle." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Tell whether it could be done, and change nothing." };
        var command = new Command("activate", "Let armed DIMMs run the firmware that was sent to them.\n\nExample: pmem dimm firmware activate --platform vm1") { force, dryRun, platform, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            if (parsed.GetValue(dryRun))
            {
                FirmwareActivation activation = source.Platform.GetFirmwareActivation().Demand();
                Console.WriteLine($"{source.Platform.Provider}: method {activation.Method.ToString().ToLowerInvariant()}, {activation.State.ToString().ToLowerInvariant()}; nothing was changed");
                return activation.State == FirmwareActivationState.Armed ? Program.Success : Program.NotConsistent;
            }

            source.Platform.ActivateFirmware(parsed.GetValue(force)).Demand();
            Show(source.Platform.GetDimms(), parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static Command MakeImageVerb()
    {
        var version = new Argument<string>("VERSION") { Description = "Up to four numbers of 16 bits with dots: 1.2." };
        var file = new Argument<string>("FILE") { Description = "The image; it must not exist." };
        var command = new Command("make-image", "Make an image of firmware that virtual DIMMs take, to try updates with.\n\nExample: pmem dimm firmware make-image 1.2 new.fw") { version, file };
        command.SetAction(parsed =>
        {
            ulong number = FirmwareImage.ToNumber(parsed.GetValue(version)!);
            if (number == 0)
                throw new PmemException($"'{parsed.GetValue(version)}' is no version: write up to four numbers with dots, such as 1.2");
            NewFile.Demand(parsed.GetValue(file)!, "the image");
            OutputFile.Write(parsed.GetValue(file)!, FirmwareImage.Create(number), force: false);
            Console.WriteLine($"{parsed.GetValue(file)}: version {FirmwareImage.ToText(number)}");
            return Program.Success;
        });
        return command;
    }

    private static void Show(IReadOnlyList<DimmView> dimms, bool json)
    {
        if (json)
            Console.WriteLine(NdctlJson.Print(new JsonArray([.. dimms.Select(dimm => DimmJson.Make(dimm, health: null, new ListOptions { Firmware = true }))])));
        else
            TextTable.Write(Console.Out, ["DIMM", "CURRENT", "NEXT", "UPDATE", "ACTIVATION"], [.. dimms.Select(Row)], TextTable.HasColors);
    }

    private static string[] Row(DimmView dimm) => dimm.Details.Firmware is { } firmware
        ? [dimm.Name, firmware.CurrentVersion, firmware.NextVersion ?? string.Empty, firmware.CanUpdate ? "yes" : "no", firmware.NeedsPowerCycle ? "needs a power cycle" : firmware.ActivateState ?? string.Empty]
        : [dimm.Name, "unknown", string.Empty, "no", string.Empty];

    private sealed class Sent(string dimm, ProgressLine line) : IProgress<double>
    {
        public void Report(double value) => line.Report(new Pmem.Pools.Checking.PoolProgress($"{dimm}: firmware", (long)(value * 100), 100));
    }
}
