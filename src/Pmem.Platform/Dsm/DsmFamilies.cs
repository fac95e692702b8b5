namespace Pmem.Platform.Dsm;

/// <summary>GUIDs that choose a family of functions of the method <c>_DSM</c>.</summary>
public static class DsmFamilies
{
    /// <summary>The NVDIMM root device, revision 1: address range scrub, clear error, translate, inject.</summary>
    public static readonly Guid Root = new("2f10e7a4-9e91-11e4-89d3-123b93f75cba");

    /// <summary>Intel's functions of the root device, revision 1: firmware activation.</summary>
    public static readonly Guid IntelRoot = new("c7d8acd4-2df8-4b82-9f65-a325335af149");

    /// <summary>Intel's functions of a module (Linux's family 0): revision 1 up to function 10, revision 2 above.</summary>
    public static readonly Guid Intel = new("4309ac30-0d11-11e4-9191-0800200c9a66");

    /// <summary>HPE's first family of functions (1).</summary>
    public static readonly Guid Hpe1 = new("9002c334-acf3-4c0e-9642-a235f0d53bc6");

    /// <summary>HPE's second family of functions (2).</summary>
    public static readonly Guid Hpe2 = new("5008664b-b758-41a0-a03c-27c2f2d04f7e");

    /// <summary>Microsoft's functions of NVDIMM-N modules (3).</summary>
    public static readonly Guid Microsoft = new("1ee68b36-d4bd-4a1a-9a16-4f8e53d46e05");

    /// <summary>Hyper-V's functions of virtual modules (4).</summary>
    public static readonly Guid HyperV = new("5746c5f2-a9a2-4264-ad0e-e4ddc9e09e80");

    /// <summary>The families of modules in the order of Linux's numbers for them.</summary>
    public static IReadOnlyList<(Guid Guid, string Name)> OfModules { get; } =
        [(Intel, "intel"), (Hpe1, "hpe1"), (Hpe2, "hpe2"), (Microsoft, "msft"), (HyperV, "hyperv")];
}
