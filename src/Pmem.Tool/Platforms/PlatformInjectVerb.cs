using System.CommandLine;
using System.Globalization;
using Pmem.Emulation;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary><c>pmem platform inject</c>.</summary>
internal static class PlatformInjectVerb
{
    public static Command Create()
    {
        Argument<string?> folder = PlatformCommand.FolderArgument();
        var dimm = new Option<int>("--dimm", "-d") { Description = "Number of the DIMM.", DefaultValueFactory = _ => 0 };
        var poison = new Option<string?>("--poison") { Description = "Make media unreadable from this DIMM physical address." };
        var address = new Option<string?>("--address") { Description = "Make media unreadable from this system physical address." };
        var length = new Option<string>("--length") { Description = "Bytes, for --poison and --address.", DefaultValueFactory = _ => "256" };
        var clear = new Option<bool>("--clear") { Description = "Make the range readable again instead." };
        var temperature = new Option<double?>("--media-temperature") { Description = "Degrees Celsius." };
        var controller = new Option<double?>("--controller-temperature") { Description = "Degrees Celsius." };
        var life = new Option<int?>("--life-used") { Description = "Life used, in percent." };
        var endurance = new Option<long?>("--endurance") { Description = "How often a block of 64 KiB can be written before its life is used." };
        var spares = new Option<int?>("--spares") { Description = "Spare capacity that is left, in percent." };
        var fatal = new Option<bool?>("--fatal") { Description = "A fatal error was seen (true or false)." };
        var armed = new Option<bool?>("--armed") { Description = "Whether what is written survives (true or false)." };
        var lost = new Option<bool?>("--lost") { Description = "The DIMM is not there (true or false)." };
        var save = new Option<bool?>("--save-failed") { Description = "The last save to media failed (true or false)." };
        var restore = new Option<bool?>("--restore-failed") { Description = "The last restore from media failed (true or false)." };
        var tear = new Option<string?>("--tear-labels") { Description = "WRITES or WRITES:BYTES: as many writes of labels go through, and of the next as many bytes (0 if not given), as if power failed in it; once." };
        var swap = new Option<int?>("--swap") { Description = "Swap the DIMM with the one of this number." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("inject", """
            Break a DIMM, or mend it.

            Examples:
              pmem platform inject vm1 --dimm 0 --poison 0x1000 --length 4096
              pmem platform inject vm1 --dimm 1 --spares 0 --media-temperature 95
              pmem platform inject vm1 --dimm 0 --restore-failed true
              pmem platform inject vm1 --tear-labels 1:20
            """) { folder, dimm, poison, address, length, clear, temperature, controller, spares, life, endurance, fatal, armed, lost, save, restore, tear, swap, json };
        command.SetAction(parsed =>
        {
            Option[] faults = [poison, address, temperature, controller, spares, life, endurance, fatal, armed, lost, save, restore, tear, swap];
            if (!Array.Exists(faults, fault => IsGiven(parsed, fault)))
                throw new PmemException($"say what to break or to mend: {string.Join(", ", faults.Select(fault => fault.Name))}");
            if (IsGiven(parsed, poison) && IsGiven(parsed, address))
                throw new PmemException("--poison is an address of one DIMM, --address one of the system: give one of them");
            if ((parsed.GetValue(clear) || IsGiven(parsed, length)) && !IsGiven(parsed, poison) && !IsGiven(parsed, address))
                throw new PmemException("--clear and --length are of a range: say which with --poison or --address");
            (int Writes, int Bytes)? torn = parsed.GetValue(tear) is { } text ? ParseTear(text) : null;
            using var source = PlatformSource.Open(parsed.GetValue(folder));
            VirtualPlatform platform = source.DemandVirtual();
            int number = parsed.GetValue(dimm);
            long bytes = InfoBlockFile.ParseNumber(parsed.GetValue(length), 0);
            if (bytes <= 0)
                throw new PmemException("a range has at least one byte");
            if (parsed.GetValue(poison) is { } dpa)
                Change(platform, parsed.GetValue(clear), number, InfoBlockFile.ParseNumber(dpa, 0), bytes);
            if (parsed.GetValue(address) is { } at)
                Change(platform, parsed.GetValue(clear), (ulong)InfoBlockFile.ParseNumber(at, 0), bytes);
            if (torn is var (writes, arrive))
                platform.TearLabelWritesOnce(number, writes, arrive);
            if (parsed.GetValue(swap) is { } other)
                platform.Swap(number, other);
            platform.Inject(number, before => before with
            {
                MediaTemperature = parsed.GetValue(temperature) ?? before.MediaTemperature,
                ControllerTemperature = parsed.GetValue(controller) ?? before.ControllerTemperature,
                LifeUsed = parsed.GetValue(life) ?? before.LifeUsed,
                Endurance = parsed.GetValue(endurance) ?? before.Endurance,
                Spares = parsed.GetValue(spares) ?? before.Spares,
                IsFatal = parsed.GetValue(fatal) ?? before.IsFatal,
                IsNotArmed = !(parsed.GetValue(armed) ?? !before.IsNotArmed),
                IsLost = parsed.GetValue(lost) ?? before.IsLost,
                SaveFailed = parsed.GetValue(save) ?? before.SaveFailed,
                RestoreFailed = parsed.GetValue(restore) ?? before.RestoreFailed,
            });
            PlatformCommand.Print(platform, parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static (int Writes, int Bytes) ParseTear(string text)
    {
        string[] parts = text.Split(':');
        return parts.Length <= 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int writes) && int.TryParse(parts.ElementAtOrDefault(1) ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out int bytes)
            ? (writes, bytes)
            : throw new PmemException($"'{text}' is not WRITES or WRITES:BYTES, such as 1:20");
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static void Change(VirtualPlatform platform, bool clear, int dimm, long dpa, long bytes)
    {
        if (clear)
            platform.ClearPoison(dimm, dpa, bytes);
        else
            platform.InjectPoison(dimm, dpa, bytes);
    }

    private static void Change(VirtualPlatform platform, bool clear, ulong address, long bytes)
    {
        if (clear)
            platform.ClearPoison(address, bytes);
        else
            platform.InjectPoison(address, bytes);
    }
}
