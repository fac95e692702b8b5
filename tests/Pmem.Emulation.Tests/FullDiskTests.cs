using System.Diagnostics;
using System.Runtime.Versioning;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>DIMMs are sparse: on a full disk, what would be stored to a hole is refused before. Needs the right to mount a file system.</summary>
[SupportedOSPlatform("linux")]
public sealed class FullDiskTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string _disk = Path.Combine(Path.GetTempPath(), $"pmem-full-{Guid.NewGuid():n}");
    private readonly bool _mounted;

    public FullDiskTests()
    {
        Directory.CreateDirectory(_disk);
        _mounted = Run("mount", "-t", "tmpfs", "-o", "size=8M", "none", _disk);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_does_not_fit_is_refused_and_leaves_everything_as_it_was(int ways)
    {
        if (!_mounted)
            Assert.Skip("no file system can be mounted here");
        using (VirtualPlatform made = VirtualPlatform.Create(Platform, Options(ways)))
        {
            string name = made.Platform.CreateNamespace(new NamespaceRequest { Size = 32 * MiB }).Demand().Name;
            Fill();
            Demand(Assert.Throws<OutOfSpaceException>(() => made.Platform.CreateNamespace(new NamespaceRequest { Size = 64 * MiB, Mode = NamespaceMode.Sector })));
            Demand(Assert.Throws<OutOfSpaceException>(() => made.OpenNamespace(name)));
            Assert.Equal(name, Assert.Single(made.Platform.GetRegions()[0].Namespaces).Name);
            made.OpenNamespace(name, readOnly: true).Dispose();

            // The state has its space from the start.
            made.Inject(0, dimm => dimm with { Spares = 50 });
            made.PowerCut(1);
        }

        using VirtualPlatform again = VirtualPlatform.Open(Platform);
        Assert.Equal(50, again.Dimms[0].Spares);
        Assert.Single(again.Platform.GetRegions()[0].Namespaces);
    }

    [Theory]
    [InlineData(8 * MiB)]
    [InlineData((8 * MiB) - 4096)]
    [InlineData((6 * MiB) - (64 << 10))]
    public void A_platform_that_does_not_fit_is_not_left_half_made(long filled)
    {
        if (!_mounted)
            Assert.Skip("no file system can be mounted here");
        File.WriteAllBytes(Path.Combine(_disk, "fill"), new byte[filled]);
        Assert.Throws<OutOfSpaceException>(() => VirtualPlatform.Create(Platform, Options(ways: 2)));
        Assert.False(Directory.Exists(Platform));
    }

    public void Dispose()
    {
        if (_mounted)
            Run("umount", _disk);
        Directory.Delete(_disk, recursive: true);
    }

    private string Platform => Path.Combine(_disk, "vm");

    private static VirtualPlatformOptions Options(int ways) => new() { Dimms = ways, Ways = ways, Capacity = 128 * MiB };

    private static void Demand(OutOfSpaceException refused)
    {
        Assert.Contains("no space is left", refused.Message, StringComparison.Ordinal);
        Assert.Contains("bytes are free", refused.Message, StringComparison.Ordinal);
    }

    private void Fill()
    {
        using FileStream fill = File.Create(Path.Combine(_disk, "fill"));
        byte[] page = new byte[4096];
        try
        {
            while (true)
                fill.Write(page);
        }
        catch (IOException)
        {
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
