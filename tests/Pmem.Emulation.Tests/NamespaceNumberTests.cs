using System.Text.Json;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Numbers of namespaces, kept for as long as the virtual system runs.</summary>
public sealed class NamespaceNumberTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-numbers-").FullName;

    public NamespaceNumberTests()
    {
        using var platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Capacity = 64 * MiB });
        foreach (string name in (string[])["A", "B", "C"])
            platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 16 * MiB, Name = name }).Demand();
        platform.Platform.DestroyNamespace("namespace0.0", force: true).Demand();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Names_stay_when_a_platform_is_closed_and_opened()
    {
        using var platform = VirtualPlatform.Open(_folder);
        Assert.Equal(["namespace0.1 B", "namespace0.2 C"], Names(platform));
        Assert.Equal("namespace0.0", platform.Platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 16 * MiB }).Demand().Name);
    }

    [Fact]
    public void A_power_cut_numbers_anew()
    {
        using (var platform = VirtualPlatform.Open(_folder))
            platform.PowerCut(1);
        using var after = VirtualPlatform.Open(_folder);
        Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(after));
    }

    [Fact]
    public void A_guest_numbers_anew()
    {
        using (var platform = VirtualPlatform.Open(_folder))
        {
            platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
            platform.ImportGuest(cancellation: TestContext.Current.CancellationToken);
            Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(platform));
        }

        using var after = VirtualPlatform.Open(_folder);
        Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(after));
    }

    [Fact]
    public void A_state_of_before_there_were_numbers_is_opened()
    {
        using (var file = new StateFile(PersistentMap.Open(Path.Combine(_folder, StateFile.Name))))
        {
            PlatformState old = JsonSerializer.Deserialize("{}", StateJson.Default.PlatformState)!;
            file.Save(file.State! with { NamespaceNumbers = old.NamespaceNumbers });
        }

        using var platform = VirtualPlatform.Open(_folder);
        Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(platform));
    }

    private static string[] Names(VirtualPlatform platform) => [.. platform.Platform.GetRegions()[0].Namespaces.Select(space => $"{space.Name} {space.FriendlyName}")];
}
