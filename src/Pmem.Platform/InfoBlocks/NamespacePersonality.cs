using Pmem.Blocks.Layout;

namespace Pmem.Platform.InfoBlocks;

/// <summary>What a namespace is to its users; ndctl's modes.</summary>
public enum NamespaceMode
{
    /// <summary>A block device without atomicity of sectors and without DAX.</summary>
    Raw,

    /// <summary>A block device whose sectors are written all or nothing: a BTT.</summary>
    Sector,

    /// <summary>A block device whose file systems map persistent memory.</summary>
    Fsdax,

    /// <summary>A character device that is persistent memory.</summary>
    Devdax,
}

/// <summary>
/// What Linux decides a namespace is, and why: it looks for a BTT, then for a PFN block, then for a DAX block, and takes what is left for raw
/// (<c>nd_pmem_probe</c>). A block that is not intact, of another parent, or not of the class the label names, does not count, and the namespace
/// silently becomes raw.
/// </summary>
public sealed class NamespacePersonality
{
    private const int Page = 4096;
    private const string Poisoned = "the media of the page are poisoned, and a kernel that cannot read it looks no further";

    private const string LacksCopy = ", and in the arena's last page is no copy of it: a reconfiguration to sector mode was cut off before it wrote them, or both were lost";
    private const string MakeAnew = "'pmem namespace reconfigure --mode sector' makes the table anew, and finishes a reconfiguration that was cut off. Blocks of an old table are lost by that: save the bytes first, if they are wanted. "
        + "'pmem btt repair' has nothing to bring back";

    private readonly List<string> _reasons = [];

    /// <summary>The first bytes of a namespace that <see cref="Probe"/> looks at.</summary>
    public const int HeadSize = 8192;

    /// <summary>What it is.</summary>
    public NamespaceMode Mode { get; private set; }

    /// <summary>Whether it can be enabled. A PFN or DAX block that a kernel cannot honour keeps it from being enabled at all, unless raw mode is forced.</summary>
    public bool CanBeEnabled { get; private set; } = true;

    /// <summary>The PFN or DAX block, or null.</summary>
    public PfnInfoBlock? Pfn { get; private set; }

    /// <summary>The first BTT info block, or null.</summary>
    public BttInfo? Btt { get; private set; }

    /// <summary>Why, a sentence for each thing looked for.</summary>
    public IReadOnlyList<string> Reasons => _reasons;

    /// <summary>What would make it what it was meant to be; empty when it is, or when nothing says that it was meant to be something else.</summary>
    public string Remedy { get; private set; } = string.Empty;

    /// <summary>Decides.</summary>
    /// <param name="head">The first 8192 bytes of the namespace, fewer if it has fewer.</param>
    /// <param name="class">What the label says; <see cref="NamespaceClass.None"/> without labels.</param>
    /// <param name="uuid">Uuid of the namespace; empty without labels.</param>
    /// <param name="start">System physical address.</param>
    /// <param name="size">Bytes of the namespace.</param>
    /// <param name="badPages">Pages of the head whose media cannot be read because of an error: bit 0 the first, bit 1 the second. Their bytes do not count.</param>
    /// <param name="lacksTableCopy">Whether it is known that no copy of a BTT info block is there, so that a lost one cannot be brought back.</param>
    public static NamespacePersonality Probe(ReadOnlySpan<byte> head, NamespaceClass @class, Guid uuid, ulong start, ulong size, int badPages = 0, bool lacksTableCopy = false)
    {
        var found = new NamespacePersonality();
        if (size < Page || (ulong)head.Length < Math.Min(size, HeadSize))
        {
            found.CanBeEnabled = size >= Page;
            found._reasons.Add(size < Page ? $"{size} bytes are less than a page" : "its first bytes cannot be read");
            found.Remedy = size < Page ? "destroy it, and create a larger one" : "bring back the module that has them, or make them readable again: 'pmem namespace clear-errors'";
            return found;
        }

        if (@class == NamespaceClass.Unknown)
        {
            found._reasons.Add("its label names an abstraction that nobody knows: raw");
            found.Remedy = "use it with the system that made it, or give it a mode: 'pmem namespace reconfigure', which loses what it holds";
            return found;
        }

        if (!found.ProbeBtt(head, @class, uuid, size, badPages, lacksTableCopy) && !found.ProbePfn(head, @class, uuid, start, size, badPages))
        {
            found._reasons.Add("nothing else is looked for: raw");
            if (found.Remedy.Length == 0 && @class != NamespaceClass.None)
                found.Remedy = $"its label says {@class.ToString().ToUpperInvariant()}: write the info block anew, 'pmem infoblock write'";
        }

        return found;
    }

    private bool ProbeBtt(ReadOnlySpan<byte> head, NamespaceClass @class, Guid uuid, ulong size, int badPages, bool lacksTableCopy)
    {
        if (@class is NamespaceClass.Pfn or NamespaceClass.Dax)
            return false;
        BttFormat format = @class == NamespaceClass.Btt2 ? BttFormat.Uefi20 : BttFormat.Linux11;
        if (size < (ulong)BttLayout.MinimumArena)
        {
            _reasons.Add($"no BTT: {size} bytes are less than {BttLayout.MinimumArena}");
            Remedy = @class == NamespaceClass.None ? string.Empty : "a sector namespace has at least 16 MiB: create a larger one";
            return false;
        }

        if ((badPages & (1 << (format.InitialOffset / Page))) != 0)
        {
            Mend(@class, $"no BTT {format.Major}.{format.Minor} at offset {format.InitialOffset}: {Poisoned}{(lacksTableCopy ? LacksCopy : string.Empty)}", $"clear the error; then {(lacksTableCopy ? MakeAnew : "'pmem btt repair' brings the info block back from its copy in the arena's last page")}");
            return false;
        }

        BttInfo info = BttInfo.Read(head.Slice(format.InitialOffset, BttInfo.Size));
        string where = $"{format.Major}.{format.Minor} at offset {format.InitialOffset}";
        if (info.Signature != BttInfo.ExpectedSignature)
            Mend(@class, $"no BTT {where}: no signature{(lacksTableCopy ? LacksCopy : string.Empty)}", lacksTableCopy ? MakeAnew : "'pmem btt repair' brings the info block back from its copy in the arena's last page");
        else if (BttInfo.ParentUuidOf(in info).ContainsAnyExcept((byte)0) && NetworkGuid.Read(BttInfo.ParentUuidOf(in info)) != uuid)
            Mend(NamespaceClass.Btt, $"no BTT {where}: its parent is {NetworkGuid.Read(BttInfo.ParentUuidOf(in info))}, not this namespace", "bring back the label of that namespace, 'pmem labels repair --restore UUID', or write the info block for this one");
        else if (!info.IsIntact)
            Mend(NamespaceClass.Btt, $"no BTT {where}: the info block's checksum is wrong{(lacksTableCopy ? LacksCopy : "; its copy is in the arena's last page, where 'pmem btt repair' finds it")}", lacksTableCopy ? MakeAnew : "'pmem btt repair' brings the info block back from its copy");
        else if (info.Major != format.Major || info.Minor != format.Minor)
            Mend(NamespaceClass.Btt, $"no BTT {where}: the info block there is of version {info.Major}.{info.Minor}", "the label's abstraction names another version: write the label that fits, or convert the table");
        else
        {
            Btt = info;
            Mode = NamespaceMode.Sector;
            _reasons.Add($"BTT {where}, sectors of {info.ExternalBlockSize} bytes{((info.Flags & BttInfo.ErrorFlag) != 0 ? "; the error flag is set" : string.Empty)}");
            return true;
        }

        return false;
    }

    private bool ProbePfn(ReadOnlySpan<byte> head, NamespaceClass @class, Guid uuid, ulong start, ulong size, int badPages)
    {
        if (@class is NamespaceClass.Btt or NamespaceClass.Btt2)
            return false;
        if (head.Length < PfnInfoBlock.Position + PfnInfoBlock.Size)
        {
            Mend(@class, "no PFN or DAX block: the namespace ends before it", "create a larger namespace");
            return false;
        }

        if ((badPages & (1 << (PfnInfoBlock.Position / Page))) != 0)
        {
            Mend(@class, $"no PFN or DAX block: {Poisoned}", "clear the error; then 'pmem namespace write-infoblock' writes it anew: with the same mode, map and alignment, data are where they were");
            return false;
        }

        PfnInfoBlock? block = PfnInfoBlock.TryParse(head[PfnInfoBlock.Position..], out FormatProblem? problem);
        if (block is null)
        {
            Mend(problem!.What.EndsWith("checksum", StringComparison.Ordinal) ? NamespaceClass.Pfn : @class, $"no PFN or DAX block: {problem}", "'pmem infoblock write' writes it anew: with the same alignment and map, data are where they were");
            return false;
        }

        string name = block.Kind == PfnKind.Pfn ? "PFN" : "DAX";
        if (@class != NamespaceClass.None && @class != (block.Kind == PfnKind.Pfn ? NamespaceClass.Pfn : NamespaceClass.Dax))
            Mend(NamespaceClass.Pfn, $"the {name} block does not count: the label says {@class.ToString().ToUpperInvariant()}", "write the label that fits the block, or the block that fits the label: 'pmem infoblock write'");
        else if (block.ParentUuid != uuid)
            Mend(NamespaceClass.Pfn, $"the {name} block does not count: its parent is {block.ParentUuid}, not this namespace", "bring back the label of that namespace, 'pmem labels repair --restore UUID', or write the block for this one");
        else if (block.Mode is not (PageMapMode.Memory or PageMapMode.Device))
            Mend(NamespaceClass.Pfn, $"the {name} block does not count: page structures are kept nowhere (mode {(uint)block.Mode})", "write the block with a map: 'pmem infoblock write --map dev'");
        else
        {
            Pfn = block;
            Mode = block.Kind == PfnKind.Pfn ? NamespaceMode.Fsdax : NamespaceMode.Devdax;
            FormatProblem? refusal = block.FindRefusal(start, size);
            CanBeEnabled = refusal is null;
            Remedy = refusal is null ? string.Empty : "put it back to the address it was made for, write the block for this one ('pmem infoblock write'), or force raw mode to save the data";
            _reasons.Add(refusal is null ? $"{name} block 1.{block.Minor}, alignment {block.Alignment}" : $"{name} block that no kernel can honour, so that the namespace cannot be enabled: {refusal}");
            return true;
        }

        return false;
    }

    /// <summary>A reason with a remedy, if anything says that the namespace was meant to be something.</summary>
    private void Mend(NamespaceClass meant, string reason, string remedy)
    {
        _reasons.Add(reason);
        if (meant != NamespaceClass.None)
            Remedy = remedy;
    }
}
