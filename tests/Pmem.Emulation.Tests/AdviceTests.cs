using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Tests;

/// <summary>Advice is what creating then gives.</summary>
public sealed class AdviceTests : IDisposable
{
    private const ulong MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-advice-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(1, LabelFormat.Efi12)]
    [InlineData(2, LabelFormat.Efi11)]
    [InlineData(3, LabelFormat.Efi12)]
    [InlineData(4, LabelFormat.Efi12)]
    [InlineData(6, LabelFormat.Efi12)]
    [InlineData(12, LabelFormat.Efi11)]
    public void What_is_advised_is_what_is_made(int ways, LabelFormat format)
    {
        int seed = 1000 + ways;
        var random = new Random(seed);
        using VirtualPlatform platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = ways, Ways = ways, Capacity = 4L << 30, LineSize = 1 << 20, LabelFormat = format });
        int legal = 0;
        for (int i = 0; i < 60; i++)
        {
            NamespaceMode mode = (NamespaceMode)random.Next(4);
            bool hasPages = mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
            ulong alignment = random.Next(6) switch
            {
                0 => 1UL << 30,
                1 or 2 => 4096,
                _ => 2 * MiB,
            };
            var request = new NamespaceRequest
            {
                Mode = mode,
                Alignment = hasPages ? alignment : null,
                Map = random.Next(2) == 0 ? PageMapMode.Device : PageMapMode.Memory,
                SectorSize = mode == NamespaceMode.Sector ? random.Next(2) == 0 ? 512 : 4096 : null,
                Size = random.Next(5) == 0 ? (ulong)random.NextInt64(1 << 28) : (ulong)random.Next(1, 20) * 16 * MiB * (ulong)(random.Next(2) == 0 ? ways : 1) * (hasPages && alignment == 1UL << 30 ? 64UL : 1UL),
            };
            RegionAdvice advice;
            using (PlatformEvidence evidence = platform.GetEvidence())
                advice = RegionAdvice.For(evidence.Regions[0], request);
            PlatformResult<NamespaceView> made = platform.Platform.CreateNamespace(request);
            string what = $"seed {seed}, {i}: {request} {advice} {made.Message}";
            if (made.Value is { } space)
            {
                legal++;
                Assert.True(advice.Advice.IsLegal && advice.Refusal.Length == 0, what);
                Assert.True((advice.Start, advice.Advice.UsableSize) == (space.Start, space.Size), $"{what} {space}");
                platform.Platform.DestroyNamespace(random.Next(3) == 0 ? space.Name : platform.Platform.GetRegions()[0].Namespaces[0].Name, force: true).Demand();
                continue;
            }

            Assert.True(made.Error == PlatformError.NoSpace || !advice.Advice.IsLegal, what);
            if (made.Error == PlatformError.BadSize)
                TryNeighbours(platform, request, advice, what);
        }

        Assert.True(legal > 10, $"{legal}");
    }

    /// <summary>The sizes that are advised instead are legal.</summary>
    private static void TryNeighbours(VirtualPlatform platform, NamespaceRequest request, RegionAdvice advice, string what)
    {
        foreach (ulong size in (ulong[])[advice.Advice.SmallerSize, advice.Advice.LargerSize])
        {
            if (size == 0)
                continue;
            Assert.Equal(0UL, size % advice.Advice.Unit);
            PlatformResult<NamespaceView> made = platform.Platform.CreateNamespace(request with { Size = size });
            Assert.True(made.Succeeded || made.Error == PlatformError.NoSpace || request.Alignment == 1UL << 30, $"{what}: {size}: {made.Message}");
            if (made.Value is { } space)
                platform.Platform.DestroyNamespace(space.Name, force: true).Demand();
        }
    }
}
