using System.Security.Cryptography;
using System.Text.Json;
using Pmem;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Interop.Guest;

/// <summary>The platform, booted once for all tests; only when a test asks for it, so that they are skipped where the peers are missing.</summary>
public sealed class GuestVirtualPlatforms : IDisposable
{
    private GuestVirtualPlatform? _platform;

    internal GuestVirtualPlatform Platform => _platform ??= new GuestVirtualPlatform();

    public void Dispose() => _platform?.Dispose();
}

/// <summary>A virtual platform of interleaved sets, booted: the kernel and ndctl see its namespaces, health and errors, and we see what they changed.</summary>
public sealed class GuestVirtualPlatformTests(GuestVirtualPlatforms platforms) : IClassFixture<GuestVirtualPlatforms>
{
    private GuestVirtualPlatform Guest => platforms.Platform;

    [Fact]
    public void Neither_ACPI_nor_the_driver_complains() =>
        Assert.DoesNotMatch("(?i)error(?! on dev pmem)|warn|fail|unknown|disabling|exception", Guest.Sections["kernel"]);

    [Fact]
    public void A_kernel_finds_the_namespaces_and_data_that_we_laid_out()
    {
        JsonElement list = Guest.Json("list");
        Assert.Equal(Guest.Ids.Order(StringComparer.Ordinal), list.GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetProperty("id").GetString()).Order(StringComparer.Ordinal));
        JsonElement region = list.GetProperty("regions").EnumerateArray().Single(region => region.GetProperty("dev").GetString() == "region0");
        var names = region.GetProperty("namespaces").EnumerateArray().Where(space => space.TryGetProperty("name", out _))
            .ToDictionary(space => space.GetProperty("name").GetString()!, space => space.GetProperty("mode").GetString(), StringComparer.Ordinal);
        Assert.Equal(("fsdax", "raw"), (names["first"], names["raw"]));
        Assert.Equal($"{Convert.ToHexStringLower(SHA256.HashData(Guest.Data))}  /dev/pmem0.1", Guest.Sections["data"].Trim());
    }

    [Fact]
    public void We_find_what_a_guest_wrote_and_created()
    {
        using VirtualPlatform again = VirtualPlatform.Open(Guest.Folder);
        IReadOnlyList<RegionView> regions = again.Platform.GetRegions();
        Assert.Equal(["first", "raw"], regions[0].Namespaces.Select(space => space.FriendlyName));
        Assert.Equal(("fromguest", NamespaceMode.Fsdax), regions[1].Namespaces.Select(space => (space.FriendlyName, space.Mode)).Single());
        byte[] expected = [.. Guest.Data];
        expected.AsSpan(3 * 4096, 2 * 4096).Fill((byte)'x');
        expected.AsSpan(GuestVirtualPlatform.OverwrittenSector * 512, 4096).Clear();
        byte[] read = new byte[expected.Length];
        int left = GuestVirtualPlatform.InjectedSector * 512;
        using PersistentMap map = again.OpenNamespace(regions[0].Namespaces[1].Name);
        Assert.True(map.TryRead(0, read.AsSpan(0, left)));
        Assert.False(map.TryRead(left, read.AsSpan(left, 512)));
        Assert.True(map.TryRead(left + 512, read.AsSpan(left + 512)));
        Assert.True(read.AsSpan(0, left).SequenceEqual(expected.AsSpan(0, left)));
        Assert.True(read.AsSpan(left + 512).SequenceEqual(expected.AsSpan(left + 512)));
    }

    [Fact]
    public void Health_thresholds_and_dirty_shutdowns_are_what_the_platform_says()
    {
        JsonElement[] dimms = [.. Guest.Json("list").GetProperty("dimms").EnumerateArray().OrderBy(dimm => dimm.GetProperty("handle").GetInt32())];
        JsonElement health = dimms[1].GetProperty("health");
        Assert.Equal(("non-critical", 41.5, 20), (health.GetProperty("health_state").GetString(), health.GetProperty("temperature_celsius").GetDouble(), health.GetProperty("spares_percentage").GetInt32()));
        Assert.Equal((30, 85.0, 95.0), (health.GetProperty("spares_threshold").GetInt32(), health.GetProperty("temperature_threshold").GetDouble(), health.GetProperty("controller_temperature_threshold").GetDouble()));
        Assert.Equal((true, false, 5), (health.GetProperty("alarm_spares").GetBoolean(), health.GetProperty("alarm_temperature").GetBoolean(), health.GetProperty("shutdown_count").GetInt32()));
        Assert.Equal("ok", dimms[0].GetProperty("health").GetProperty("health_state").GetString());
        // The functions that ndctl uses: of the root 1 to 5 and 7 to 9, of a DIMM 1, 2, 4 to 6, 10, 17 to 19 and 23; and what a kernel counts at start.
        Assert.Equal("0x3be\n0x8e0476\n5", Guest.Sections["functions"].Trim());
    }

    [Fact]
    public void A_kernel_sees_which_DIMMs_are_locked_and_can_freeze_the_others()
    {
        // Of two sets of two, of which the first has passphrases, and of one that has a locked DIMM.
        Assert.Equal("unlocked 0\nunlocked 0\ndisabled 0\ndisabled 0\nlocked 0\ndisabled 0", Guest.Sections["security"].Trim());
        JsonElement[] dimms = [.. Guest.Json("list").GetProperty("dimms").EnumerateArray().OrderBy(dimm => dimm.GetProperty("handle").GetInt32())];
        Assert.Equal(["unlocked", "unlocked", "disabled", "disabled", "locked", "disabled"], dimms.Select(dimm => dimm.GetProperty("security").GetString()));
        Assert.Contains("lock", Guest.Sections["lock"], StringComparison.Ordinal);
        Assert.Equal("1 0", Guest.Sections["frozen"].Trim());
        using VirtualPlatform again = VirtualPlatform.Open(Guest.Folder);
        Assert.Equal([true, false, false, false, false, false], again.Platform.GetDimms().Select(dimm => dimm.Details.Security!.IsFrozen));
        Assert.Equal(DimmSecurityState.Locked, again.Platform.GetSecurity("nmem4").Demand().State);
    }

    [Fact]
    public void A_kernel_flushes_deeply_through_the_flush_hints() => Assert.Equal("1\n1", Guest.Sections["flush"].Trim());

    [Fact]
    public void An_error_of_ours_is_a_bad_block_that_cannot_be_read_until_it_is_cleared()
    {
        JsonElement bad = Assert.Single(Guest.Json("bad").GetProperty("badblocks").EnumerateArray());
        Assert.Equal(2, bad.GetProperty("length").GetInt32());
        Assert.Equal(["nmem1"], bad.GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetString()));
        Assert.Contains("Input/output error", Guest.Sections["bad-read"], StringComparison.Ordinal);
        Assert.Equal("1+0 records in\n1+0 records out", Guest.Sections["clear-read"].Trim());
    }

    [Fact]
    public void Errors_that_a_guest_injects_are_found_and_overwriting_clears_them()
    {
        Assert.Equal(["64+3"], Guest.Injected("inject"));
        Assert.Equal("idle", Guest.Json("scrub").GetProperty("scrub_state").GetString());
        Assert.Equal("64 3", Guest.Sections["scrubbed"].Trim());
        Assert.Equal("1+0 records in\n1+0 records out", Guest.Sections["overwrite"].Trim());
        Assert.Empty(Guest.Injected("uninject"));
        Assert.Equal([$"{GuestVirtualPlatform.InjectedSector}+1"], Guest.Injected("quiet"));
    }

    [Fact]
    public void Errors_that_a_guest_left_are_those_of_the_platform()
    {
        using VirtualPlatform again = VirtualPlatform.Open(Guest.Folder);
        BadRange left = Assert.Single(again.Platform.GetErrors().Demand().Ranges);
        Assert.Equal((Guest.RawStart + (GuestVirtualPlatform.InjectedSector * 512), 256UL), (left.Address, left.Length));
    }

    [Fact]
    public void Health_that_a_guest_injects_is_shown_taken_back_and_kept()
    {
        JsonElement warm = Guest.Health("smart-warm");
        Assert.Equal(("non-critical", 90.0, 20), (warm.GetProperty("health_state").GetString(), warm.GetProperty("temperature_celsius").GetDouble(), warm.GetProperty("spares_percentage").GetInt32()));
        Assert.True(warm.GetProperty("alarm_temperature").GetBoolean() && warm.GetProperty("alarm_spares").GetBoolean());
        JsonElement fatal = Guest.Health("smart-fatal");
        Assert.Equal(("fatal", 28.0, 100), (fatal.GetProperty("health_state").GetString(), fatal.GetProperty("temperature_celsius").GetDouble(), fatal.GetProperty("spares_percentage").GetInt32()));
        JsonElement settings = Guest.Health("smart-thresholds");
        Assert.Equal(("ok", 70.0, false), (settings.GetProperty("health_state").GetString(), settings.GetProperty("temperature_threshold").GetDouble(), settings.GetProperty("alarm_enabled_spares").GetBoolean()));
        JsonElement dirty = Guest.Health("smart-dirty");
        Assert.Equal(("dirty", 1), (dirty.GetProperty("shutdown_state").GetString(), dirty.GetProperty("shutdown_count").GetInt32()));

        using VirtualPlatform again = VirtualPlatform.Open(Guest.Folder);
        Assert.Equal((70.0, false, true), (again.Dimms[0].MediaTemperatureThreshold, again.Dimms[0].SparesAlarmEnabled, again.Dimms[0].Pretended is null));
        Assert.Equal(1, again.Dimms[2].GetHealth().ShutdownCount);
        Assert.True(again.Dimms[2].Pretended!.UnsafeShutdown);
    }
}
