namespace Pmem.Tool.Platforms.Listing;

/// <summary>What to list and how: the options of <c>ndctl list</c>, whose selection rules these are.</summary>
internal sealed record ListOptions
{
    public bool Buses { get; init; }

    public bool Dimms { get; init; }

    public bool Regions { get; init; }

    public bool Namespaces { get; init; }

    /// <summary>Also what is disabled, and the empty namespace that a region keeps to be configured.</summary>
    public bool Idle { get; init; }

    /// <summary>Also what is disabled, if it has a size.</summary>
    public bool Configured { get; init; }

    public bool Health { get; init; }

    public bool Firmware { get; init; }

    public bool DeviceDax { get; init; }

    public bool MediaErrors { get; init; }

    public bool Capabilities { get; init; }

    /// <summary>Sizes with units, and handles and addresses in hexadecimal.</summary>
    public bool Human { get; init; }

    public int Verbose { get; init; }

    public string? Bus { get; init; }

    public string? Region { get; init; }

    public string? Dimm { get; init; }

    public string? Namespace { get; init; }

    public string? Mode { get; init; }

    public string? Type { get; init; }

    public string? NumaNode { get; init; }

    private bool HasCategory => Buses || Dimms || Regions || Namespaces;

    /// <summary>What is wrong with the filters, in ndctl's words; null when nothing is.</summary>
    public string? FindProblem()
    {
        if (Type is not (null or "pmem" or "blk"))
            return $"unknown type \"{Type}\" must be \"pmem\" or \"blk\"";
        if (Mode is not null && NameFilter.ModeOf(Mode) is null)
            return $"invalid mode: '{Mode}'";
        return NumaNode is null || NameFilter.TryNode(NumaNode, out _) ? null : $"invalid numa_node: '{NumaNode}'";
    }

    /// <summary>
    /// The options with what they imply. Without a category a filter chooses it, or else it is namespaces; each <c>-v</c> adds detail, and unless
    /// <c>NDCTL_LIST_LINT</c> is set also categories.
    /// </summary>
    public ListOptions Resolve(bool lint)
    {
        ListOptions result = this;
        if (!HasCategory)
        {
            result = result with { Buses = Bus is not null, Regions = Region is not null, Dimms = Dimm is not null, Mode = DeviceDax && Mode is null ? "dax" : Mode };
        }

        if (Verbose >= 3)
            result = result with { Idle = true, Firmware = true, Health = true, Capabilities = true };
        if (Verbose >= 2)
        {
            if (!lint)
                result = result with { Buses = true, Dimms = true, Regions = true };
            else if (!result.HasCategory)
                result = result with { Buses = true, Dimms = true, Regions = true, Namespaces = true };
        }

        if (Verbose >= 1)
            result = result with { MediaErrors = true, DeviceDax = true, Namespaces = result.Namespaces || !lint };
        return result.HasCategory ? result : result with { Namespaces = true };
    }
}
