using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>ndctl's commands on firmware: <c>update-firmware</c> of DIMMs, <c>activate-firmware</c> of a bus.</summary>
internal static class NdctlFirmware
{
    public static NdctlVerb Update { get; } = new("update-firmware", "update-firmware <nmem0> [<nmem1>..<nmemN>] [<options>]",
    [
        new('b', "bus", "only DIMMs on this bus", "bus-id"),
        new('v', "verbose", "say more"),
        new('f', "firmware", "the firmware", "firmware-file"),
        new('i', "force", "also during a scrub"),
        new('A', "arm", "let it be activated (default)"),
        new('D', "disarm", "do not let it be activated"),
    ],
    RunUpdate);

    public static NdctlVerb Activate { get; } = new("activate-firmware", "activate-firmware [<bus-id> <bus-id2> ... <bus-idN>] [<options>]",
    [
        new('v', "verbose", "say more"),
        new('I', "idle", "let the platform be idle meanwhile (default)"),
        new('f', "force", "activate while the system runs"),
        new('n', "dry-run", "do everything but activate"),
    ],
    RunActivate);

    private static int RunUpdate(NdctlArguments arguments)
    {
        if (NdctlDimms.Names(arguments) is not { } names)
            return arguments.Help();
        if (arguments.Has('A') && arguments.Has('D'))
            return arguments.Complain("set either --arm, or --disarm, not both");
        if (arguments.IsUndone('D'))
            return arguments.Complain("--no-disarm syntax not supported");
        if (!arguments.Has('f') && !arguments.Has('A') && !arguments.Has('D'))
            return arguments.Complain(arguments.IsUndone('A') ? "--no-arm syntax not supported" : "require --arm, or --disarm");
        byte[]? image = null;
        if (arguments.Value('f') is { } path && !TryRead(path, out image))
            return Finish(0, hasFailed: true);
        using PlatformSource source = NdctlProgram.Open();
        var updated = new JsonArray();
        int count = 0;
        bool hasFailed = false;
        foreach (DimmView dimm in NdctlDimms.Chosen(source.Platform, arguments, names))
        {
            if (Run(source.Platform, dimm, image, arguments))
            {
                updated.Add((JsonNode)DimmJson.Make(source.Platform.GetDimms().First(view => view.Name == dimm.Name), health: null, new ListOptions { Firmware = true, Human = !Console.IsOutputRedirected }));
                count++;
            }
            else
            {
                hasFailed = true;
            }
        }

        if (updated.Count > 0)
            Console.Out.WriteLine(NdctlJson.PrintArray(updated, !Console.IsOutputRedirected));
        return Finish(count, hasFailed);
    }

    private static int Finish(int count, bool hasFailed)
    {
        Console.Error.WriteLine($"updated {count} nmem{(count > 1 ? "s" : string.Empty)}.");
        return count > 0 || !hasFailed ? 0 : 1;
    }

    private static bool Run(IPlatform platform, DimmView dimm, byte[]? image, NdctlArguments arguments)
    {
        bool arms = !arguments.Has('D') && !arguments.IsUndone('A');
        if (image is null)
        {
            if (platform.ArmFirmware(dimm.Name, arms).Succeeded)
                return true;
            return !arms || Fail(dimm.Name, "failed to arm\n");
        }

        if (dimm.Details.Firmware is not { CanUpdate: true })
            return Fail(dimm.Name, "firmware update not supported by ndctl.");
        if (platform.GetScrub().State == ScrubState.Active && !arguments.Has('i'))
            return Fail(dimm.Name, "scrub active, retry after 'ndctl wait-scrub'");
        if (image.Length == 0)
        {
            Console.Error.WriteLine("Input file size is 0.");
            return false;
        }

        if (arguments.Has('v'))
            Console.Error.WriteLine($"{dimm.Name}: uploading firmware");
        PlatformResult<DimmFirmware> result = platform.UpdateFirmware(dimm.Name, image, new FirmwareUpdateOptions { Force = arguments.Has('i'), Arm = arms });
        switch (result.Error)
        {
            case PlatformError.None:
                return true;
            case PlatformError.NoSpace:
                NdctlText.Error("Firmware file size greater than DIMM store\n");
                return false;
            case PlatformError.BadValue:
                Fail(dimm.Name, "firmware image rejected");
                return Fail(dimm.Name, "failed to finish update sequence");
            case PlatformError.Busy:
                return Fail(dimm.Name, "busy with another firmware update");
            default:
                return Fail(dimm.Name, $"update failed: {result.Message}");
        }
    }

    private static bool Fail(string dimm, string message)
    {
        NdctlText.Error($"update firmware: {dimm}: {message}");
        return false;
    }

    private static bool TryRead(string path, out byte[]? image)
    {
        image = null;
        try
        {
            image = File.ReadAllBytes(path);
            return true;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"failed to open: {path}: ({(gone is FileNotFoundException or DirectoryNotFoundException ? "No such file or directory" : "Permission denied")})");
            return false;
        }
    }

    private static int RunActivate(NdctlArguments arguments)
    {
        using PlatformSource source = NdctlProgram.Open();
        IPlatform platform = source.Platform;
        string[] wanted = arguments.Operands.Count == 0 ? ["all"] : [.. arguments.Operands];
        var error = Errno.NoDeviceOrAddress;
        var done = new JsonArray();
        foreach (BusView bus in platform.GetBuses().Where(bus => Array.Exists(wanted, name => NameFilter.Matches(name, bus.Name, bus.Provider))))
        {
            if (Activated(platform, bus, arguments) is not Errno.None and var refused)
            {
                error = refused;
                continue;
            }

            var options = new ListOptions { Firmware = true, Human = true };
            DimmView[] dimms = [.. platform.GetDimms().Where(dimm => dimm.Bus == bus.Name)];
            JsonObject json = BusJson.Make(platform.GetBuses().First(after => after.Name == bus.Name), dimms, options);
            json["dimms"] = new JsonArray([.. dimms.Select(dimm => DimmJson.Make(dimm, health: null, options))]);
            done.Add((JsonNode)json);
        }

        if (done.Count > 0)
        {
            Console.Out.WriteLine(NdctlJson.Print(done));
            return 0;
        }

        Console.Error.WriteLine($"error activating firmware: {error.Text()}");
        return error.Code();
    }

    private static Errno Activated(IPlatform platform, BusView bus, NdctlArguments arguments)
    {
        string name = $"{bus.Provider}: {bus.Name}";
        if (!platform.GetDimms().Any(dimm => dimm.Bus == bus.Name && dimm.Details.Firmware is { CanUpdate: true }))
            return Say($"{name}: has no devices that support firmware update.", Errno.NotSupported);
        if (bus.Activation is not { Method: not FirmwareActivationMethod.Reset } activation)
            return Say($"{name}: requires a platform reset to activate firmware", Errno.NotSupported);
        if (arguments.Has('n'))
            return Errno.None;
        if (activation.State is not (FirmwareActivationState.Armed or FirmwareActivationState.Overflow))
            return Say($"{name}: no devices armed", Errno.NoDeviceOrAddress);
        PlatformResult<FirmwareActivation> result = platform.ActivateFirmware(arguments.Has('f'));
        return result.Succeeded ? Errno.None : Say($"{name}: firmware activation failed ({Errnos.Of(result.Error).Text()})", Errnos.Of(result.Error));
    }

    private static Errno Say(string message, Errno error)
    {
        Console.Error.WriteLine(message);
        return error;
    }
}
