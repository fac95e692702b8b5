namespace Pmem.Platform.Model;

/// <summary>
/// A machine with NVDIMMs, real or virtual: its DIMMs, its regions, and the namespaces into which regions are divided. Views are snapshots; take them again after a
/// change. Changes of labels and info blocks are durable at return, and a crash leaves the old namespaces or the new ones.
/// </summary>
public interface IPlatform
{
    /// <summary>Who provides it: <c>ACPI.NFIT</c>, or a folder.</summary>
    string Provider { get; }

    /// <summary>The DIMMs as they are now.</summary>
    IReadOnlyList<DimmView> GetDimms();

    /// <summary>The regions as they are now, with their namespaces.</summary>
    IReadOnlyList<RegionView> GetRegions();

    /// <summary>Creates and enables a namespace (<c>ndctl create-namespace</c>).</summary>
    PlatformResult<NamespaceView> CreateNamespace(NamespaceRequest request);

    /// <summary>Destroys a namespace (<c>ndctl destroy-namespace</c>). Its labels stay in free slots until these are used again.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="force">Also when it is enabled.</param>
    PlatformResult<NamespaceView> DestroyNamespace(string name, bool force = false);

    /// <summary>Makes a namespace another one of the same place (<c>ndctl create-namespace -e</c>); what it held is lost. Size and name stay unless given.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="request">What it shall be; the region is that of the namespace.</param>
    /// <param name="force">Also when it is enabled.</param>
    PlatformResult<NamespaceView> ReconfigureNamespace(string name, NamespaceRequest request, bool force = false);

    /// <summary>Enables a namespace.</summary>
    PlatformResult<NamespaceView> EnableNamespace(string name);

    /// <summary>Disables a namespace.</summary>
    PlatformResult<NamespaceView> DisableNamespace(string name);
}
