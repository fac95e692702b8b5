using System.CommandLine;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm</c>: the DIMMs of a platform.</summary>
internal static class DimmCommand
{
    public static Command Create() =>
        new("dimm", """
            Show DIMMs, enable and disable them, read and write their label storage areas and media (block windows), lock, erase and update them: --platform DIR, or the environment variable PMEM_PLATFORM.

            Examples:
              pmem dimm show --platform vm1
              pmem dimm show nmem0 --all --platform vm1
              pmem dimm labels read nmem0 --platform vm1
              pmem dimm security show --platform vm1
              pmem dimm window read nmem0 --dpa 0x1000 --platform vm1
              pmem region disable region0 --platform vm1 && pmem dimm disable nmem0 --platform vm1
            """)
        {
            DimmShowVerb.Create(),
            Switch("enable", "Enable a DIMM; its regions stay as they are.", (platform, name) => platform.EnableDimm(name)),
            Switch("disable", "Disable a DIMM whose regions are disabled.", (platform, name) => platform.DisableDimm(name)),
            DimmLabelsCommand.Create(),
            DimmSecurityCommand.Create(),
            DimmFirmwareCommand.Create(),
            DimmWindowCommand.Create(),
        };

    public static Argument<string> NameArgument() => new("DIMM") { Description = "Such as nmem0." };

    private static Command Switch(string verb, string what, Func<IPlatform, string, PlatformResult<DimmView>> act)
    {
        Argument<string> name = NameArgument();
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(verb, $"{what}\n\nExample: pmem dimm {verb} nmem0 --platform vm1") { name, folder, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            DimmView dimm = act(source.Platform, parsed.GetValue(name)!).Demand();
            Console.WriteLine(parsed.GetValue(json) ? NdctlJson.Print(DimmJson.Make(dimm, health: null, new ListOptions())) : $"{dimm.Name}: {(dimm.IsEnabled ? "enabled" : "disabled")}");
            return Program.Success;
        });
        return command;
    }
}
