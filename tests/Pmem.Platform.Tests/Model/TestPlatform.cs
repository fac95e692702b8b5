using Pmem.CrashTesting;
using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Tests.Labels;

namespace Pmem.Platform.Tests.Model;

/// <summary>A platform of DIMMs in memory: one region over all of them, whose memory is a sparse file.</summary>
internal sealed class TestPlatform : IRegionMemory, IDisposable
{
    /// <summary>The file with the memory.</summary>
    public string Path { get; } = System.IO.Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath(), $"pmem-platform-{Guid.NewGuid():n}");

    public TestPlatform(int ways, ulong dimmSize = AreaBuilder.DimmSize, LabelFormat? format = LabelFormat.Efi12, int areaSize = AreaBuilder.Size, bool labels = true)
    {
        Region = AreaBuilder.Region(ways);
        Region = Region with { Mappings = [.. Region.Mappings.Select(mapping => mapping with { Size = dimmSize })] };
        using (FileStream file = File.Create(Path))
            file.SetLength((long)Region.Size);
        Areas = [.. Enumerable.Range(0, ways).Select(_ => labels ? new MemoryLabels(areaSize) : null)];
        foreach (MemoryLabels? area in Areas)
        {
            if (format is { } wanted && area is not null)
                LabelUpdate.Initialize(LabelArea.Parse(area.Bytes), wanted).Apply([area]);
        }
    }

    public RegionDescription Region { get; }

    public MemoryLabels?[] Areas { get; }

    public bool IsReadOnly { get; init; }

    /// <summary>Memory cannot be mapped.</summary>
    public bool RefusesMaps { get; set; }

    /// <summary>A DIMM is lost: why its region is closed.</summary>
    public string? Closed { get; set; }

    /// <summary>As after a boot: nothing is remembered but what is on media.</summary>
    public LabelledPlatform Boot() => new(
        "test",
        [.. Areas.Select((area, i) => new PlatformDimm(new NfitDeviceHandle((uint)i + 1), (ushort)i, $"id-{i}", Region.Mappings[i].Size, area))],
        [new PlatformRegion(Region, [.. Enumerable.Range(0, Areas.Length)], this, PersistenceDomain.MemoryController, IsReadOnly) { Closed = Closed, ClosedRemedy = "put the DIMM back" }]);

    /// <summary>Takes a recorder of each map that is opened to be written; null for none.</summary>
    public List<TraceRecorder>? Recorders { get; set; }

    public PersistentMap Map(long offset, long length, bool readOnly = false)
    {
        if (RefusesMaps)
            throw new PmemException("too many mappings");
        var map = PersistentMap.Open(Path, new PersistentMapOptions { Offset = offset, Length = length, Access = readOnly ? MapAccess.ReadOnly : MapAccess.ReadWrite, ForceGranularity = StoreGranularity.CacheLine });
        if (!readOnly)
            Recorders?.Add(new TraceRecorder(map));
        return map;
    }

    public void Dispose() => File.Delete(Path);
}

/// <summary>A label storage area that fails after some writes, as if the power went.</summary>
internal sealed class MemoryLabels(int size) : ILabelStorage
{
    public byte[] Bytes { get; set; } = new byte[size];

    public int Size => size;

    // Of one test: others run at the same time.
    private static readonly AsyncLocal<int?> s_writesLeft = new();

    public static int WritesLeft
    {
        get => s_writesLeft.Value ?? int.MaxValue;
        set => s_writesLeft.Value = value;
    }

    public void Read(int offset, Span<byte> destination) => Bytes.AsSpan(offset, destination.Length).CopyTo(destination);

    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        if (WritesLeft-- <= 0)
            throw new PmemException("power is gone");
        source.CopyTo(Bytes.AsSpan(offset));
    }
}
