namespace Pmem.Platform.InfoBlocks;

/// <summary>What a label's abstraction says may be in a namespace; a kernel looks for nothing else.</summary>
public enum NamespaceClass
{
    /// <summary>Nothing known: whatever is found.</summary>
    None,

    /// <summary>BTT 1.1.</summary>
    Btt,

    /// <summary>BTT 2.0.</summary>
    Btt2,

    /// <summary>fsdax.</summary>
    Pfn,

    /// <summary>devdax.</summary>
    Dax,

    /// <summary>An abstraction that nobody knows; the namespace is raw.</summary>
    Unknown,
}

/// <summary>Abstraction GUIDs and classes.</summary>
public static class NamespaceClasses
{
    /// <summary>The class of an abstraction GUID.</summary>
    public static NamespaceClass Of(Guid abstraction)
    {
        if (abstraction == Guid.Empty)
            return NamespaceClass.None;
        if (abstraction == NvdimmGuids.Btt1)
            return NamespaceClass.Btt;
        if (abstraction == NvdimmGuids.Btt2)
            return NamespaceClass.Btt2;
        if (abstraction == NvdimmGuids.Pfn)
            return NamespaceClass.Pfn;
        return abstraction == NvdimmGuids.Dax ? NamespaceClass.Dax : NamespaceClass.Unknown;
    }

    /// <summary>The abstraction GUID of a class; empty for none.</summary>
    public static Guid ToGuid(this NamespaceClass value) => value switch
    {
        NamespaceClass.Btt => NvdimmGuids.Btt1,
        NamespaceClass.Btt2 => NvdimmGuids.Btt2,
        NamespaceClass.Pfn => NvdimmGuids.Pfn,
        NamespaceClass.Dax => NvdimmGuids.Dax,
        _ => Guid.Empty,
    };
}
