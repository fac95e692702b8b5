using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// What ndctl says of the options that create a namespace or write an info block, before it looks at any device: everything that is wrong, in its order.
/// </summary>
internal static class NdctlDefaults
{
    private const ulong PageSize = 4096;

    /// <param name="arguments">The command line.</param>
    /// <param name="isInfoBlock">Whether an info block is to be written, not a namespace created.</param>
    public static List<string> Problems(NdctlArguments arguments, bool isInfoBlock)
    {
        var problems = new List<string>();
        string? type = arguments.Value('t');
        if (type is not (null or "pmem" or "blk"))
            problems.Add($"invalid type '{type}', must be either 'pmem' or 'blk'");
        bool isNew = !arguments.Has('e');
        if (arguments.Value('m') is { } word)
        {
            NamespaceMode? mode = NameFilter.ModeOf(word);
            if (mode is null)
                problems.Add($"invalid mode '{word}'");
            else if (isInfoBlock && mode is not (NamespaceMode.Fsdax or NamespaceMode.Devdax))
                problems.Add($"unsupported mode '{word}'");
        }

        // By its word, as given: ndctl does not know a mode by its other names here.
        string? given = arguments.Value('m') ?? (isInfoBlock ? "fsdax" : !isNew ? null : type == "blk" ? "sector" : "fsdax");
        if (arguments.Value('M') is { } map)
        {
            if (map is not ("mem" or "dev"))
                problems.Add($"invalid map location '{map}'");
            if (isNew && given is not ("fsdax" or "devdax"))
                problems.Add("--map only valid for an devdax mode pmem namespace");
        }

        if (type == "blk" && given is "fsdax" or "devdax")
            problems.Add("only 'pmem' namespaces support dax operation");
        bool hasBadSize = arguments.Value('s') is { } size && !NdctlSize.TryParse(size, out _);
        if (hasBadSize)
            problems.Add($"failed to parse namespace size '{arguments.Value('s')}'");
        if (arguments.Value('O') is { } offset && !NdctlSize.TryParse(offset, out _))
            problems.Add($"failed to parse physical offset'{offset}'");
        if (arguments.Value('a') is { } text)
        {
            if (!NdctlSize.TryParse(text, out ulong align))
                problems.Add($"failed to parse namespace alignment '{text}'");
            else if (align < PageSize || !ulong.IsPow2(align))
                problems.Add($"align must be a power-of-2 greater than {PageSize}");
        }

        // ndctl looks at the size twice.
        if (hasBadSize)
            problems.Add($"failed to parse namespace size '{arguments.Value('s')}'");
        foreach (char letter in (char[])['u', 'p'])
        {
            if (arguments.Value(letter) is { } uuid && !Guid.TryParseExact(uuid, "D", out _))
                problems.Add($"failed to parse uuid: '{uuid}'");
        }

        if (arguments.Value('l') is { } sector && !(NdctlSize.TryParse(sector, out ulong bytes) && bytes <= int.MaxValue))
            problems.Add($"invalid sector size: {sector}");
        return problems;
    }

    /// <summary>Operands that nobody asked for.</summary>
    public static IEnumerable<string> Extra(NdctlArguments arguments, int wanted) => arguments.Operands.Skip(wanted).Select(operand => $"unknown extra parameter \"{operand}\"");
}
