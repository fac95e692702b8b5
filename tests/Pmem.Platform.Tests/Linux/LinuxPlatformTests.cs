using System.Text.Json;
using Pmem.Platform.Acpi;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Platform.Tests.Linux;

/// <summary>A running Linux as seen through its attributes, recorded in a guest; ndctl's list of the same moment is the judge.</summary>
public sealed class LinuxPlatformTests : IDisposable
{
    private static readonly JsonElement s_list = Load();
    private readonly RecordedMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void DIMMs_are_those_that_ndctl_lists()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(s_list.GetProperty("provider").GetString(), platform.Provider);
        IReadOnlyList<DimmView> dimms = platform.GetDimms();
        Assert.Equal(Sorted("dimms").Select(dimm => (dimm.GetProperty("dev").GetString()!, dimm.GetProperty("id").GetString()!, dimm.GetProperty("handle").GetUInt32(), dimm.GetProperty("phys_id").GetUInt16())), dimms.Select(dimm => (dimm.Name, dimm.Id, dimm.Handle.Value, dimm.PhysicalId)));
        Assert.All(dimms, dimm => Assert.Equal(dimm.Id, dimm.Details.Control!.Id));
        Assert.Equal(Sorted("dimms").Select(dimm => dimm.GetProperty("health").GetProperty("shutdown_count").GetInt64()), dimms.Select(dimm => dimm.Details.DirtyShutdowns!.Value));
        Assert.Equal([64UL << 20, 32UL << 20, 32UL << 20, 16UL << 20], dimms.Take(4).Select(dimm => dimm.Capacity));
        Assert.All(dimms, dimm => Assert.Equal(("intel", true, 1), (dimm.Details.CommandFamily, dimm.IsEnabled, dimm.Details.Control!.RevisionId)));
        _machine.Set("nmem1/nfit/flags", "not_armed flush_fail ");
        _machine.Set("nmem1/security", "locked");
        DimmDetails details = _machine.Look().GetDimms()[1].Details;
        Assert.Equal((NfitStateFlags.NotArmed | NfitStateFlags.FlushFailed, DimmSecurityState.Locked), (details.Flags, details.Security!.State));
    }

    [Fact]
    public void Each_bus_has_its_own_regions_and_DIMMs()
    {
        Assert.Equal([("ndbus0", "ACPI.NFIT")], _machine.Look().GetBuses().Select(bus => (bus.Name, bus.Provider)));

        // What 'memmap=64M!4G' adds: memory without DIMMs and labels, on a bus without firmware.
        _machine.AddDeclaredMemory("ndbus1", "region9", 4UL << 30, 64 << 20);
        LinuxPlatform platform = _machine.Look();
        IReadOnlyList<BusView> buses = platform.GetBuses();
        Assert.Equal([("ndbus0", "ACPI.NFIT"), ("ndbus1", "e820")], buses.Select(bus => (bus.Name, bus.Provider)));
        Assert.Equal(ScrubState.NotSupported, buses[1].Scrub.State);
        Assert.Equal(_machine.Look().GetScrub(), buses[0].Scrub);
        Assert.All(platform.GetDimms(), dimm => Assert.Equal("ndbus0", dimm.Bus));
        RegionView declared = Assert.Single(platform.GetRegions(), region => region.Bus == "ndbus1");
        Assert.Equal(("region9", RegionState.LabelLess, 4UL << 30), (declared.Name, declared.State, declared.Start));
        Assert.Equal("namespace9.0", Assert.Single(declared.Namespaces).Name);
    }

    [Fact]
    public void Regions_are_those_that_ndctl_lists()
    {
        foreach ((JsonElement known, RegionView region) in Sorted("regions").Zip(_machine.Look().GetRegions()))
        {
            Assert.Equal(
                (known.GetProperty("dev").GetString(), known.GetProperty("size").GetUInt64(), known.GetProperty("align").GetUInt64(), known.GetProperty("available_size").GetUInt64(), known.GetProperty("max_available_extent").GetUInt64(), known.GetProperty("iset_id").GetUInt64()),
                (region.Name, region.Size, region.Alignment, region.AvailableSize, region.MaximumExtent, region.SetCookie));
            Assert.Equal((RegionState.Enabled, PersistenceDomain.MemoryController, 0), (region.State, region.Domain!.Value, region.NumaNode!.Value));
            Assert.Equal(
                known.GetProperty("mappings").EnumerateArray().Select(mapping => (mapping.GetProperty("dimm").GetString()!, mapping.GetProperty("offset").GetUInt64(), mapping.GetProperty("length").GetUInt64(), mapping.GetProperty("position").GetInt32())).OrderBy(mapping => mapping.Item1, StringComparer.Ordinal),
                region.Mappings.Select(mapping => (mapping.Dimm, mapping.Offset, mapping.Length, mapping.Position)).OrderBy(mapping => mapping.Dimm, StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Namespaces_are_those_that_ndctl_lists()
    {
        JsonElement[] known = [.. Sorted("regions").SelectMany(region => region.GetProperty("namespaces").EnumerateArray()).Where(space => space.GetProperty("size").GetUInt64() > 0).OrderBy(space => space.GetProperty("dev").GetString(), StringComparer.Ordinal)];
        NamespaceView[] spaces = [.. _machine.Look().GetRegions().SelectMany(region => region.Namespaces)];
        Assert.Equal(5, spaces.Length);
        foreach ((JsonElement expected, NamespaceView space) in known.Zip(spaces))
        {
            string Text(string key) => expected.TryGetProperty(key, out JsonElement value) ? value.ToString() : string.Empty;
            Assert.Equal((Text("dev"), Text("mode"), Text("size"), Text("uuid"), Text("name")), (space.Name, space.Mode.ToString().ToLowerInvariant(), $"{space.Size}", $"{space.Uuid}", space.FriendlyName));
            Assert.Equal(Text("raw_uuid").Length > 0 ? Text("raw_uuid") : Text("uuid"), $"{space.RawUuid}");
            Assert.Equal(Text("state") == "disabled", !space.IsEnabled);
            Assert.Equal(Text("sector_size").Length > 0 ? Text("sector_size") : "0", $"{space.SectorSize}");
            Assert.Equal(Text("align").Length > 0 ? Text("align") : "0", $"{space.Alignment}");
            Assert.Equal(Text("map") == "dev" ? PageMapMode.Device : PageMapMode.None, space.Map);
            if (space.IsEnabled)
                Assert.Equal(space.Mode == NamespaceMode.Devdax ? expected.GetProperty("daxregion").GetProperty("devices")[0].GetProperty("chardev").GetString() : Text("blockdev"), space.Device);
        }

        Assert.Equal((0x44000000UL, 2UL << 20), (spaces[2].Start, spaces[2].DataOffset));
    }

    [Fact]
    public void Bad_blocks_of_a_region_are_errors_of_its_namespaces()
    {
        _machine.Set("region1/badblocks", "4104 8\n65536 1");
        LinuxPlatform platform = _machine.Look();
        Assert.Equal([(0x44201000UL, 4096UL), (0x46000000UL, 512UL)], platform.GetErrors().Demand().Ranges.Select(range => (range.Address, range.Length)));
        BadSectorRange block = Assert.Single(platform.GetErrors("namespace1.0").Demand().Blocks);
        Assert.Equal((8UL, 8UL), (block.Offset, block.Count));
        Assert.Equal([4104UL, 65536UL], platform.GetErrors("region1").Demand().Blocks.Select(bad => bad.Offset));
        Assert.Empty(platform.GetErrors("namespace1.1").Demand().Ranges);
        _machine.Set("region1/resource", "0x0");
        Assert.Equal(PlatformError.NoPermission, platform.GetErrors().Error);
    }

    [Fact]
    public void Errors_are_told_by_DIMM_where_the_table_can_be_read()
    {
        var builder = new NfitBuilder();
        builder.AddSet(0x40000000, [Module(0)], 64 << 20).AddSet(0x44000000, [Module(1), Module(2)], 32 << 20);
        Directory.CreateDirectory(Path.GetDirectoryName(_machine.PathOf(LinuxPlatform.TablePath))!);
        File.WriteAllBytes(_machine.PathOf(LinuxPlatform.TablePath), builder.Build().ToBytes());
        _machine.Set("region1/badblocks", "8 1");
        LinuxPlatform platform = _machine.Look();
        DimmRange part = Assert.Single(Assert.Single(platform.GetErrors().Demand().Ranges).Parts);
        Assert.Equal(("nmem2", 0UL, 512UL), (part.Dimm, part.Dpa, part.Length));
        Assert.Single(platform.GetErrors("nmem2").Demand().Ranges);
        Assert.Empty(platform.GetErrors("nmem1").Demand().Ranges);
        Assert.True(NfitScan.Read(platform.ReadTable()).Entries.Count > 0);
    }

    [Fact]
    public void Scrubs_are_the_attribute_of_the_bus()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(ScrubState.NotSupported, platform.GetScrub().State);
        Assert.Equal(PlatformError.NotSupported, platform.StartScrub().Error);
        _machine.Set("ndbus0/nfit/scrub", "3+");
        Assert.Equal((ScrubState.Active, 3L), (platform.GetScrub().State, platform.GetScrub().Finished));
        _machine.Set("ndbus0/nfit/scrub", "4");
        Assert.Equal((ScrubState.Idle, 4L), (platform.GetScrub().State, platform.GetScrub().Finished));
        platform.StartScrub().Demand();
        Assert.Equal(("ndbus0/nfit/scrub", "1"), _machine.Writes[^1]);
        Assert.Equal(PlatformError.NotSupported, platform.StopScrub().Error);
    }

    [Fact]
    public void A_scrub_is_started_on_every_bus_that_can_or_on_the_one_that_is_named()
    {
        _machine.AddDeclaredMemory("ndbus1", "region9", 4UL << 30, 64 << 20);
        _machine.AddDeclaredMemory("ndbus2", "region10", 8UL << 30, 64 << 20);
        foreach (string bus in (string[])["ndbus0", "ndbus2"])
        {
            Directory.CreateDirectory(_machine.Attribute($"{bus}/nfit"));
            _machine.Set($"{bus}/nfit/scrub", "2");
        }

        LinuxPlatform platform = _machine.Look();
        platform.StartScrub().Demand();
        Assert.Equal([("ndbus0/nfit/scrub", "1"), ("ndbus2/nfit/scrub", "1")], _machine.Writes);
        platform.StartScrub("ndbus2").Demand();
        Assert.Equal(("ndbus2/nfit/scrub", "1"), _machine.Writes[^1]);
        Assert.Equal(3, _machine.Writes.Count);
        Assert.Equal(PlatformError.NotSupported, platform.StartScrub("ndbus1").Error);
        Assert.Equal(PlatformError.NotFound, platform.StartScrub("ndbus7").Error);
        _machine.Set("ndbus0/nfit/scrub", "3");
        _machine.Set("ndbus2/nfit/scrub", "2+");
        Assert.Equal((ScrubState.Active, 5L), (platform.GetScrub().State, platform.GetScrub().Finished));
    }

    [Fact]
    public void What_only_devices_tell_is_refused_where_they_cannot_be_opened()
    {
        LinuxPlatform platform = _machine.Look();
        Assert.Equal(PlatformError.NotSupported, platform.GetHealth("nmem0").Error);
        Assert.Equal(PlatformError.NotFound, platform.GetHealth("nmem9").Error);
        Assert.Equal(PlatformError.NotSupported, platform.InjectError("namespace0.0", new ErrorInjection(0)).Error);
        Assert.Equal(PlatformError.NotSupported, platform.OpenBlockDevice("namespace0.1").Error);
        Assert.Equal(PlatformError.NoLabels, platform.OpenLabels("nmem0").Error);
        Assert.Equal(PlatformError.InUse, platform.OpenLabels("nmem0", readOnly: false).Error);
        Assert.Contains("/dev/pmem1", Assert.Throws<PmemException>(() => platform.OpenNamespace("namespace1.0")).Message, StringComparison.Ordinal);
        Assert.Contains("no NVDIMM firmware table", Assert.Throws<PmemException>(platform.ReadTable).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_without_NVDIMMs_is_empty_and_says_so()
    {
        var platform = new LinuxPlatform(_machine.PathOf("nowhere"));
        Assert.False(platform.IsPresent);
        Assert.Empty(platform.GetDimms());
        Assert.Empty(platform.GetRegions());
        Assert.Equal(PlatformError.NotFound, platform.CreateNamespace(new NamespaceRequest()).Error);
    }

    private static NfitModule Module(int i) => new() { Handle = new NfitDeviceHandle(i == 0 ? 0x1u : (uint)(i << 4) + 1), SerialNumber = (uint)i };

    private static JsonElement[] Sorted(string category) => [.. s_list.GetProperty(category).EnumerateArray().OrderBy(item => item.GetProperty("dev").GetString(), StringComparer.Ordinal)];

    private static JsonElement Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Linux", "guest-list.json")));
        return document.RootElement[0].Clone();
    }
}
