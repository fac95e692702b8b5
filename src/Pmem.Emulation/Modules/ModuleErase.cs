namespace Pmem.Emulation.Modules;

/// <summary>What of a module's content is to go.</summary>
public enum ModuleErase
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Media: labels stay (Intel's functions 24 and 28).</summary>
    Media,

    /// <summary>Media and labels (function 25).</summary>
    Everything,
}

/// <summary>Which functions a module answers.</summary>
public enum ModuleFamily
{
    /// <summary>Intel's.</summary>
    Intel,

    /// <summary>HPE's first.</summary>
    Hpe1,

    /// <summary>Microsoft's.</summary>
    Microsoft,

    /// <summary>Hyper-V's.</summary>
    HyperV,
}
