using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary><c>ndctl list</c>.</summary>
internal static class NdctlList
{
    public static NdctlVerb Verb { get; } = new("list", "list [<options>]",
    [
        new('b', "bus", "only what is on this bus", "bus-id"),
        new('r', "region", "only what is in this region", "region-id"),
        new('d', "dimm", "only what this DIMM has a part in", "dimm-id"),
        new('n', "namespace", "only this namespace", "namespace-id"),
        new('m', "mode", "only namespaces in this mode", "namespace-mode"),
        new('t', "type", "only regions of this type", "region-type"),
        new('U', "numa-node", "only what is on this node", "numa node"),
        new('B', "buses", "show buses"),
        new('D', "dimms", "show DIMMs"),
        new('F', "firmware", "with their firmware"),
        new('H', "health", "with their health"),
        new('R', "regions", "show regions"),
        new('N', "namespaces", "show namespaces (default)"),
        new('X', "device-dax", "with their DAX devices"),
        new('C', "capabilities", "with what regions can do"),
        new('i', "idle", "show also what is disabled or empty"),
        new('c', "configured", "show also what is disabled"),
        new('M', "media-errors", "with media errors"),
        new('u', "human", "print numbers for people"),
        new('v', "verbose", "show more; up to three times"),
    ],
    Run);

    public static ListOptions Read(NdctlArguments arguments) => new()
    {
        Bus = arguments.Value('b'),
        Region = arguments.Value('r'),
        Dimm = arguments.Value('d'),
        Namespace = arguments.Value('n'),
        Mode = arguments.Value('m'),
        Type = arguments.Value('t'),
        NumaNode = arguments.Value('U'),
        Buses = arguments.Has('B'),
        Dimms = arguments.Has('D'),
        Firmware = arguments.Has('F'),
        Health = arguments.Has('H'),
        Regions = arguments.Has('R'),
        Namespaces = arguments.Has('N'),
        DeviceDax = arguments.Has('X'),
        Capabilities = arguments.Has('C'),
        Idle = arguments.Has('i'),
        Configured = arguments.Has('c'),
        MediaErrors = arguments.Has('M'),
        Human = arguments.Has('u'),
        Verbose = arguments.Count('v'),
    };

    private static int Run(NdctlArguments arguments)
    {
        if (arguments.Operands.Count > 0)
            return arguments.Fail(arguments.Operands.Select(operand => $"unknown parameter \"{operand}\""));
        ListOptions options = Read(arguments);
        if (options.FindProblem() is { } problem)
        {
            NdctlText.Error($"{problem}\n");
            return Errno.InvalidArgument.Code();
        }

        using PlatformSource source = NdctlProgram.Open();
        string text = new PlatformListing(source.Platform, options).Print();
        if (text.Length > 0)
            Console.Out.WriteLine(text);
        return 0;
    }
}
