using System.Text.Json;
using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.Labels;

namespace Interop.Guest;

/// <summary>Both platforms, booted once for all tests; only when a test asks for them, so that they are skipped where the peers are missing.</summary>
public sealed class GuestPlatforms : IDisposable
{
    private readonly Dictionary<NvdimmMethods, GuestPlatform> _platforms = [];

    public void Dispose()
    {
        foreach (GuestPlatform platform in _platforms.Values)
            platform.Dispose();
    }

    internal GuestPlatform With(NvdimmMethods methods)
    {
        if (!_platforms.TryGetValue(methods, out GuestPlatform? platform))
            _platforms[methods] = platform = new GuestPlatform(methods);
        return platform;
    }
}

/// <summary>An unmodified Linux kernel boots with our NFIT and SSDT, and ndctl agrees with what we described.</summary>
public sealed class GuestNfitTests(GuestPlatforms platforms) : IClassFixture<GuestPlatforms>
{
    public static TheoryData<NvdimmMethods> Both => [NvdimmMethods.Intel, NvdimmMethods.Microsoft];

    [Theory]
    [MemberData(nameof(Both))]
    public void Linux_finds_each_module_with_its_identity(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        JsonElement[] dimms = platform.Dimms();
        Assert.Equal(GuestPlatform.Modules, dimms.Length);
        for (int i = 0; i < dimms.Length; i++)
        {
            Assert.Equal(platform.Module(i).Handle.Value, dimms[i].GetProperty("handle").GetUInt32());
            Assert.Equal(platform.Module(i).PhysicalId, dimms[i].GetProperty("phys_id").GetUInt16());
            Assert.Equal(platform.Nfit.Of<NfitControlRegion>().ElementAt(i).Id, dimms[i].GetProperty("id").GetString());
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Linux_makes_a_region_of_each_set_with_positions_as_interleaved(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        JsonElement[] regions = platform.Regions();
        var names = platform.Dimms().ToDictionary(dimm => dimm.GetProperty("dev").GetString()!, dimm => dimm.GetProperty("handle").GetUInt32(), StringComparer.Ordinal);
        Assert.Equal(GuestPlatform.Ways.Length, regions.Length);
        int first = 0;
        for (int set = 0; set < regions.Length; set++)
        {
            Assert.Equal("pmem", regions[set].GetProperty("type").GetString());
            Assert.Equal(GuestPlatform.SetSize, regions[set].GetProperty("size").GetUInt64());
            JsonElement[] mappings = [.. regions[set].GetProperty("mappings").EnumerateArray().OrderBy(mapping => mapping.GetProperty("position").GetInt32())];
            Assert.Equal(GuestPlatform.Ways[set], mappings.Length);
            for (int position = 0; position < mappings.Length; position++)
            {
                Assert.Equal(platform.Module(first + position).Handle.Value, names[mappings[position].GetProperty("dimm").GetString()!]);
                Assert.Equal(position, mappings[position].GetProperty("position").GetInt32());
                Assert.Equal(GuestPlatform.SetSize / (ulong)mappings.Length, mappings[position].GetProperty("length").GetUInt64());
            }

            first += mappings.Length;
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Interleave_set_cookies_and_addresses_are_those_we_compute(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        string[] lines = platform.Sections["sysfs"].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int first = 0;
        for (int set = 0; set < GuestPlatform.Ways.Length; set++)
        {
            string[] words = lines[set].Split(' ');
            var members = Enumerable.Range(0, GuestPlatform.Ways[set])
                .Select(i => new InterleaveSetMember((ulong)i * 4096, platform.Module(first + i).SerialNumber, platform.Module(first + i).VendorId, platform.Module(first + i).ManufacturingDate, platform.Module(first + i).ManufacturingLocation!.Value));
            Assert.Equal($"0x{InterleaveSetCookie.Compute([.. members]).Version12:x}", words[1]);
            Assert.Equal($"0x{GuestPlatform.SetBase(set):x}", words[2]);
            Assert.Equal($"{set + 1}", words[3]);
            first += GuestPlatform.Ways[set];
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void What_is_predicted_is_what_Linux_made(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        using var evidence = new PlatformEvidence("guest", platform.Nfit.ToBytes(), Enumerable.Range(0, GuestPlatform.Modules).Select(i => new ModuleEvidence(platform.Module(i).Handle, GuestPlatform.SetSize) { Labels = platform.Labels(i) }));
        KernelPrediction prediction = PlatformExplainer.Predict(evidence, KernelVersion.Linux61);
        Assert.Equal(
            platform.Regions().Select(region => $"{region.GetProperty("dev")} {region.GetProperty("type")} {region.GetProperty("size")} {region.GetProperty("iset_id")} {region.GetProperty("persistence_domain")}"),
            prediction.Regions.Select(region => $"{region.Name} {region.Type} {region.View.Size} {region.View.SetCookie} {region.PersistenceDomain}"));
        Assert.Equal(platform.Sections["sysfs"].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[^1]), prediction.Regions.Select(region => region.DeepFlush == true ? '1' : '0'));
        Assert.Equal(platform.Dimms().Select(dimm => $"{dimm.GetProperty("dev")} {dimm.GetProperty("id")}").Order(StringComparer.Ordinal), prediction.Dimms.Where(dimm => dimm.IsEnabled).Select(dimm => $"{dimm.Name} {dimm.Id}"));
        Assert.Equal(
            platform.Json("after").EnumerateArray().Select(made => $"{made.GetProperty("dev")} {made.GetProperty("mode")} {made.GetProperty("size")} {made.GetProperty("uuid")} {made.GetProperty("name")} {made.GetProperty("blockdev")}").Order(StringComparer.Ordinal),
            prediction.Regions.SelectMany(region => region.View.Namespaces).Select(space => $"{space.Name} {space.Mode.ToString().ToLowerInvariant()} {space.Size} {space.Uuid} {space.FriendlyName} {space.Device}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(NvdimmMethods.Intel, "memory_controller")]
    [InlineData(NvdimmMethods.Microsoft, "cpu_cache")]
    public void The_capabilities_are_the_persistence_domain(NvdimmMethods methods, string domain) =>
        Assert.All(platforms.With(methods).Regions(), region => Assert.Equal(domain, region.GetProperty("persistence_domain").GetString()));

    [Fact]
    public void A_deep_flush_writes_to_a_flush_hint_of_each_module()
    {
        GuestPlatform platform = platforms.With(NvdimmMethods.Intel);
        Assert.All(platform.Sections["sysfs"].Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith(" 1", line, StringComparison.Ordinal));
        for (int module = 0; module < GuestPlatform.Modules; module++)
            Assert.True(platform.Hint(module, 0) + platform.Hint(module, 1) is 1 or 2, $"module {module}");
    }

    [Fact]
    public void Health_comes_through_the_methods_of_Intel()
    {
        JsonElement[] dimms = platforms.With(NvdimmMethods.Intel).Dimms();
        for (int i = 0; i < dimms.Length; i++)
        {
            JsonElement health = dimms[i].GetProperty("health");
            Assert.Equal(i == 3 ? "non-critical" : "ok", health.GetProperty("health_state").GetString());
            Assert.Equal(28.5, health.GetProperty("temperature_celsius").GetDouble());
            Assert.Equal(30.0, health.GetProperty("controller_temperature_celsius").GetDouble());
            Assert.Equal(75, health.GetProperty("spares_percentage").GetInt32());
            Assert.Equal(5, health.GetProperty("life_used_percentage").GetInt32());
            Assert.Equal(85.0, health.GetProperty("temperature_threshold").GetDouble());
            Assert.Equal(40, health.GetProperty("spares_threshold").GetInt32());
            Assert.Equal("clean", health.GetProperty("shutdown_state").GetString());
            Assert.Equal(i + 3, health.GetProperty("shutdown_count").GetInt32());
        }
    }

    [Fact]
    public void Health_comes_through_the_methods_of_Microsoft() => Assert.All(platforms.With(NvdimmMethods.Microsoft).Dimms(), dimm =>
    {
        JsonElement health = dimm.GetProperty("health");
        Assert.Equal("ok", health.GetProperty("health_state").GetString());
        Assert.Equal(40.0, health.GetProperty("temperature_celsius").GetDouble());
        Assert.Equal(5, health.GetProperty("life_used_percentage").GetInt32());
    });

    [Theory]
    [MemberData(nameof(Both))]
    public void Labels_that_Linux_writes_through_our_methods_are_read_back(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        Dictionary<string, JsonElement> namespaces = platform.Json("after").EnumerateArray().Where(ns => ns.TryGetProperty("name", out _))
            .ToDictionary(ns => ns.GetProperty("name").GetString()!, StringComparer.Ordinal);
        int first = 0;
        for (int set = 0; set < GuestPlatform.Ways.Length; set++)
        {
            Assert.True(namespaces.TryGetValue($"set {set}", out JsonElement made), platform.Sections["create"]);
            Assert.Equal(32 << 20, made.GetProperty("size").GetInt64());
            for (int position = 0; position < GuestPlatform.Ways[set]; position++)
            {
                LabelArea area = platform.Labels(first + position);
                LabelSlot slot = Assert.Single(area.Slots, slot => slot.State == LabelSlotState.Active);
                Assert.Equal($"set {set}", slot.Label!.Name);
                Assert.Equal(made.GetProperty("uuid").GetGuid(), slot.Label.Uuid);
                Assert.Equal((position, GuestPlatform.Ways[set]), (slot.Label.Position, slot.Label.LabelCount));
            }

            first += GuestPlatform.Ways[set];
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Neither_ACPI_nor_the_driver_complains(NvdimmMethods methods) =>
        Assert.DoesNotMatch("(?i)error|warn|fail|unknown|disabling|exception", platforms.With(methods).Sections["kernel"]);

    [Theory]
    [MemberData(nameof(Both))]
    public void The_lint_has_no_findings_in_what_Linux_accepts(NvdimmMethods methods)
    {
        GuestPlatform platform = platforms.With(methods);
        Assert.Empty(NfitLint.Examine(platform.Nfit.ToBytes(), new NfitLintOptions { Devices = [.. Enumerable.Range(0, GuestPlatform.Modules).Select(i => platform.Module(i).Handle)] }));
    }
}
