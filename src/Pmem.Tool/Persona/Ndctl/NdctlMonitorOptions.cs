using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// What <c>ndctl monitor</c> watches and where it writes: options, and lines <c>key = value</c> of the file that <c>--config-file</c> names. What a file says is watched besides what
/// options say; of its log the option is preferred. ndctl's own file in <c>/etc</c> is about the machine's DIMMs and is not read.
/// </summary>
/// <param name="Filter">Which DIMMs.</param>
/// <param name="Events">Names of events; null for all.</param>
/// <param name="Log">Where to write; null for the standard error output.</param>
internal sealed record NdctlMonitorOptions(ListOptions Filter, string? Events, string? Log)
{
    /// <summary>Reads options and file.</summary>
    /// <returns>Null when the file cannot be read, which is said.</returns>
    public static NdctlMonitorOptions? Read(NdctlArguments arguments, out Errno error)
    {
        error = Errno.None;
        var options = new NdctlMonitorOptions(
            new ListOptions { Dimms = true, Idle = true, Bus = arguments.Value('b'), Region = arguments.Value('r'), Dimm = arguments.Value('d'), Namespace = arguments.Value('n') }, arguments.Value('D'), arguments.Value('l'));
        if (arguments.Value('c') is not { } path)
            return options;
        try
        {
            return File.ReadLines(path).Aggregate(options, (sum, line) => sum.With(line));
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{path} cannot be opened");
            error = Errnos.Of(failed, path);
            return null;
        }
    }

    private NdctlMonitorOptions With(string line)
    {
        string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
        if (parts is not [{ Length: > 0 } key, { Length: > 0 } value] || key.StartsWith('#'))
            return this;
        return key switch
        {
            "bus" => this with { Filter = Filter with { Bus = Both(Filter.Bus, value) } },
            "dimm" => this with { Filter = Filter with { Dimm = Both(Filter.Dimm, value) } },
            "region" => this with { Filter = Filter with { Region = Both(Filter.Region, value) } },
            "namespace" => this with { Filter = Filter with { Namespace = Both(Filter.Namespace, value) } },
            "dimm-event" => this with { Events = Both(Events, value) },
            "log" => this with { Log = Log ?? value },
            _ => this,
        };
    }

    private static string Both(string? first, string second) => first is null ? second : $"{first} {second}";
}
