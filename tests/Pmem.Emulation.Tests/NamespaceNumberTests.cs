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

    [Fact]
    public void A_process_that_is_killed_leaves_the_names_that_it_showed()
    {
        string killed = $"{_folder}-killed";
        try
        {
            // A start numbers anew, and nothing of that is kept.
            using (var started = VirtualPlatform.Open(_folder))
                started.PowerCut(1);
            using (var platform = VirtualPlatform.Open(_folder))
            {
                Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(platform));
                for (int writes = 0; writes < 2; writes++)
                {
                    // What a process leaves that is killed at a write of the labels, or behind it.
                    platform.TearLabelWrites(0, writes, bytes: 40);
                    string[] before = Names(platform);
                    if (writes == 0)
                        Assert.Throws<PmemException>(() => platform.Platform.DestroyNamespace("namespace0.0", force: true));
                    else
                        platform.Platform.DestroyNamespace("namespace0.0", force: true).Demand();
                    Copy(_folder, killed);
                    using var again = VirtualPlatform.Open(killed);
                    Assert.Equal(writes == 0 ? before : ["namespace0.1 C"], Names(again));
                }
            }
        }
        finally
        {
            Directory.Delete(killed, recursive: true);
        }
    }

    [Fact]
    public void Nothing_is_changed_through_a_platform_that_is_off_or_that_a_guest_has()
    {
        IPlatform off;
        using (var platform = VirtualPlatform.Open(_folder))
        {
            platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
            DemandNothingChanges(platform.Platform);
            platform.DiscardGuest();
            off = platform.Platform;
        }

        DemandNothingChanges(off);
        using var after = VirtualPlatform.Open(_folder);
        Assert.Equal(["namespace0.0 B", "namespace0.1 C"], Names(after));
    }

    private static void DemandNothingChanges(IPlatform platform)
    {
        string name = platform.GetRegions()[0].Namespaces[0].Name;
        Assert.Throws<PmemException>(() => platform.DestroyNamespace(name, force: true));
        Assert.Throws<PmemException>(() => platform.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 16 * MiB }));
        Assert.Throws<PmemException>(() => platform.OpenNamespace(name));
        Assert.Throws<PmemException>(() => platform.OpenRaw(name, readOnly: false, force: true));
        platform.OpenNamespace(name, readOnly: true).Dispose();
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
        {
            // The state is locked to who opens it as a file.
            using PersistentMap source = PersistentMap.Open(file, new PersistentMapOptions { Access = MapAccess.ReadOnly });
            File.WriteAllBytes(Path.Combine(to, Path.GetFileName(file)), source.GetSpan(0, checked((int)source.Length)));
        }
    }

    private static string[] Names(VirtualPlatform platform) => [.. platform.Platform.GetRegions()[0].Namespaces.Select(space => $"{space.Name} {space.FriendlyName}")];
}
