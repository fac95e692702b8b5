using System.Text;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>What ndctl itself refuses for a region before the kernel is asked, in its order and its words.</summary>
internal static class NdctlCreateRules
{
    private const ulong PageSize = 4096;
    private const ulong HugePage = 2 << 20;
    private const ulong Smallest = 16 << 20;
    private const int NameSize = 64;

    private static readonly ulong[] s_alignments = [PageSize, HugePage, 1 << 30];
    private static readonly int[] s_tableSectors = [512, 520, 528, 4096, 4104, 4160, 4224];
    private static readonly int[] s_sectors = [512, 4096];

    /// <param name="region">Where.</param>
    /// <param name="space">What is made another one; null for a new one.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="mode">What it is to be.</param>
    /// <param name="sectorSize">Bytes of a sector, if given.</param>
    /// <returns>Why not; null for nothing against it.</returns>
    public static Rule? Find(RegionView region, NamespaceView? space, NdctlArguments arguments, NamespaceMode mode, int? sectorSize)
    {
        if (region.State == RegionState.Disabled)
            return Elsewhere($"{region.Name} is disabled: enable it first");
        ulong unit = 1;
        ulong? given = arguments.Value('s') is { } text && NdctlSize.TryParse(text, out ulong parsed, out unit) && parsed > 0 ? parsed : null;
        ulong size = given ?? space?.RawSize ?? 0;
        bool isWhole = region.State == RegionState.LabelLess;
        if (space is null)
        {
            // That namespace may hold data.
            if (isWhole)
                return Elsewhere($"{region.Name} has no labels, and so is one namespace already: make that another one, '-f -e {(region.Namespaces.Count > 0 ? region.Namespaces[0].Name : "NAMESPACE")}'");
            if (region.MaximumExtent == 0 || size > region.MaximumExtent)
                return Elsewhere($"{region.Name} has no free extent of {Math.Max(size, 1)} bytes; the largest has {region.MaximumExtent}: destroy a namespace");
            size = size == 0 ? region.MaximumExtent : size;
        }

        if (isWhole && size != region.Size)
            return new Rule("Legacy / label-less namespaces do not support sub-dividing a region\n\n  Error: Retry without -s/--size=\n", Errno.InvalidArgument);
        if (Encoding.UTF8.GetByteCount(arguments.Value('n') ?? string.Empty) >= NameSize)
            return new Rule("validate_namespace_options: alt name overflow", Errno.InvalidArgument) { IsCounted = true };
        bool hasPages = mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        ulong? wanted = arguments.Value('a') is { } align && NdctlSize.TryParse(align, out ulong alignment) ? alignment : null;
        if (wanted is not null && !hasPages)
            return new Rule($"{mode.ToString().ToLowerInvariant()} mode does not support setting an alignment\n", Errno.NoDeviceOrAddress);
        if (wanted is { } chosen && !s_alignments.Contains(chosen))
            return new Rule($"unsupported align: {arguments.Value('a')}\n", Errno.NoDeviceOrAddress);
        ulong unitOfData = wanted ?? (!hasPages ? PageSize : space?.Mode == mode ? space.Alignment : HugePage);
        return FindSize(region, mode, size, unitOfData, unit, given is not null) ?? FindSectors(region, space, arguments, mode, sectorSize, hasPages);
    }

    private static Rule? FindSize(RegionView region, NamespaceMode mode, ulong size, ulong alignment, ulong unit, bool isGiven)
    {
        if (region.Alignment > 0 && size % region.Alignment != 0)
            return new Rule($"{region.Name}: align setting is 0x{region.Alignment:x} size 0x{size:x} is misaligned", Errno.InvalidArgument) { IsCounted = true, Remedy = $"take a multiple of {region.Alignment} bytes, such as {RoundUp(size, region.Alignment)}" };
        ulong ways = (ulong)Math.Max(1, region.Mappings.Count);
        if (alignment > 0 && size % (alignment * ways) != 0)
        {
            string suffix = unit switch { 1UL << 10 => "K", 1UL << 20 => "M", 1UL << 30 => "G", 1UL << 40 => "T", _ => string.Empty };
            ulong step = Math.Max(unit, alignment) * ways;
            return new Rule($"'--size=' must align to interleave-width: {ways} and alignment: {alignment}\ndid you intend --size={RoundUp(size + 1, step) / unit}{suffix}?", Errno.InvalidArgument) { IsCounted = true };
        }

        if (size >= Smallest || mode == NamespaceMode.Raw)
            return null;
        return isGiven ? new Rule($"'--size=' must be >= 16MiB for '{mode.ToString().ToLowerInvariant()}' mode\n", Errno.InvalidArgument) : Elsewhere($"{region.Name} has {size} bytes left, and {mode.ToString().ToLowerInvariant()} mode takes {Smallest}: destroy a namespace");
    }

    private static Rule? FindSectors(RegionView region, NamespaceView? space, NdctlArguments arguments, NamespaceMode mode, int? sectorSize, bool hasPages)
    {
        bool isTable = mode == NamespaceMode.Sector;
        if (sectorSize is { } sector && !(isTable ? s_tableSectors : s_sectors).Contains(sector))
            return new Rule($"{region.Name}: does not support {(isTable ? "btt" : "namespace")} sector_size {sector}", Errno.InvalidArgument) { IsCounted = true, Remedy = $"take one of {string.Join(", ", isTable ? s_tableSectors : s_sectors)}" };
        return arguments.Has('M') && space is not null && !hasPages ? new Rule($"{space.Name}: --map= only valid for fsdax mode namespace", Errno.InvalidArgument) { IsCounted = true } : null;
    }

    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;

    private static Rule Elsewhere(string why) => new(why, Errno.NoSpace) { IsElsewhere = true };

    /// <summary>A refusal.</summary>
    /// <param name="Message">In ndctl's words.</param>
    /// <param name="Error">The error.</param>
    internal sealed record Rule(string Message, Errno Error)
    {
        /// <summary>Whether it is the last thing that is said: ndctl counts some of its messages, and then does not say that it failed.</summary>
        public bool IsCounted { get; init; }

        /// <summary>Whether another region may do.</summary>
        public bool IsElsewhere { get; init; }

        /// <summary>What would do, where ndctl does not say it.</summary>
        public string? Remedy { get; init; }

        /// <summary>Says it.</summary>
        public void Say()
        {
            if (Remedy is not null)
                Console.Error.WriteLine(Remedy);
            NdctlText.Error(IsCounted ? $"create namespace: {Message}" : Message);
        }
    }
}
