using Pmem.Platform.Captures;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Platform.Translation;

namespace Pmem.Emulation.Tests;

/// <summary>What is read from a capture is what the platform was.</summary>
public sealed class CaptureTests : IDisposable
{
    private const ulong MiB = 1 << 20;

    private readonly string _folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-capture-{Guid.NewGuid():n}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_capture_stands_in_for_its_platform()
    {
        using VirtualPlatform platform = Make();
        using PlatformEvidence live = platform.GetEvidence();
        byte[] bytes = Pack(live);
        using Capture capture = Capture.Parse(bytes);
        PlatformEvidence packed = capture.Evidence;
        Assert.Empty(capture.Omitted);
        Assert.Equal(live.NfitBytes, packed.NfitBytes);
        Assert.Equal(live.Source, packed.Source);
        Assert.Equal(live.Platform.GetRegions().Select(Text), packed.Platform.GetRegions().Select(Text));
        Assert.Equal(platform.Platform.GetRegions().Select(Text), packed.Platform.GetRegions().Select(Text));
        Assert.Equal(platform.Platform.GetDimms().Select(dimm => $"{dimm.Name} {dimm.Id} {dimm.LabelFormat} {dimm.AvailableSlots} {dimm.IsEnabled}"), packed.Platform.GetDimms().Select(dimm => $"{dimm.Name} {dimm.Id} {dimm.LabelFormat} {dimm.AvailableSlots} {dimm.IsEnabled}"));
        Assert.Equal(platform.Platform.GetHealth("nmem1").Demand(), packed.Platform.GetHealth("nmem1").Demand());
        Assert.Equal(512UL, packed.Platform.GetErrors().Demand().Bytes);
        foreach (KernelVersion kernel in KernelVersions.All)
            Assert.Equal(PlatformExplainer.Predict(live, kernel).Explanations, PlatformExplainer.Predict(packed, kernel).Explanations);

        // Places, blocks of the table among them; a capture knows files by their names alone.
        var before = new AddressTranslator(live);
        var after = new AddressTranslator(packed);
        for (ulong block = 0; block < 50; block++)
            Assert.Equal(before.FromBlock("Sector", block).What, after.FromBlock("Sector", block).What);
        Assert.Equal(before.FromNamespace("Fsdax", 5000).SystemAddress, after.FromNamespace("Fsdax", 5000).SystemAddress);
        Assert.Equal("dimm-0.img", after.FromFile("dimm-0.img", 0).Module!.File);
    }

    [Fact]
    public void The_same_platform_gives_the_same_bytes_again_and_again()
    {
        using VirtualPlatform platform = Make();
        using PlatformEvidence live = platform.GetEvidence();
        byte[] bytes = Pack(live);
        Assert.Equal(bytes, Pack(live));
        using Capture capture = Capture.Parse(bytes);
        Assert.Equal(bytes, Pack(capture.Evidence, capture.Texts));
        using var stream = new MemoryStream(bytes);
        using var tar = new System.Formats.Tar.TarReader(stream);
        var names = new List<string>();
        while (tar.GetNextEntry() is { } entry)
            names.Add(entry.Name);
        Assert.Contains("tables/NFIT", names);
        Assert.Contains("modules/0001/labels.bin", names);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public void What_users_stored_is_not_in_it()
    {
        using VirtualPlatform platform = Make();
        byte[] secret = "a secret that nobody else may read"u8.ToArray();
        foreach (NamespaceView space in platform.Platform.GetRegions().SelectMany(region => region.Namespaces).Where(space => space.Mode != NamespaceMode.Sector).ToArray())
        {
            using PersistentMap map = platform.OpenNamespace(space.Name);
            map.Copy(0, secret);
            map.Copy(map.Length / 2, secret);
        }

        using PlatformEvidence live = platform.GetEvidence();
        byte[] bytes = Pack(live);
        Assert.True(bytes.AsSpan().IndexOf(secret) < 0);
        using Capture capture = Capture.Parse(bytes);
        Assert.Equal(live.Platform.GetRegions().Select(Text), capture.Evidence.Platform.GetRegions().Select(Text));
        Assert.Equal(Rules(live), Rules(capture.Evidence));

        static IEnumerable<string> Rules(PlatformEvidence evidence) => PlatformExplainer.Predict(evidence, KernelVersion.Linux61).Explanations.Select(explanation => $"{explanation.Rule} {explanation.Subject}");
    }

    [Fact]
    public void Nothing_of_a_capture_can_be_changed()
    {
        using VirtualPlatform platform = Make();
        using PlatformEvidence live = platform.GetEvidence();
        using Capture capture = Capture.Parse(Pack(live));
        IPlatform packed = capture.Evidence.Platform;
        Assert.Contains("nobody may change", packed.CreateNamespace(new NamespaceRequest { Region = "region1", Size = 16 * MiB }).Message, StringComparison.Ordinal);
        Assert.Contains("nobody may change", packed.InjectHealth("nmem0", new HealthInjection()).Message, StringComparison.Ordinal);
        Assert.False(packed.DisableRegion("region0").Succeeded);
        Assert.False(packed.OpenLabels("nmem0", readOnly: false).Succeeded);
    }

    [Fact]
    public void Damaged_captures_are_refused_or_read_but_never_more()
    {
        const int Seed = 5;
        var random = new Random(Seed);
        using VirtualPlatform platform = Make();
        using PlatformEvidence live = platform.GetEvidence();
        byte[] bytes = Pack(live, new Dictionary<string, string> { ["bus/nd/devices/region0/size"] = "1" });
        int read = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] mutant = [.. bytes];
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                // Mostly headers and the manifest, which is first.
                int at = random.Next(random.Next(2) == 0 ? 4096 : mutant.Length);
                mutant[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(mutant[at] ^ (1 << random.Next(8)));
            }

            if (random.Next(4) == 0)
                mutant = mutant[..random.Next(mutant.Length)];
            try
            {
                using Capture capture = Capture.Parse(mutant);
                Assert.NotNull(PlatformExplainer.Predict(capture.Evidence, KernelVersion.Linux61));
                read++;
            }
            catch (PmemException)
            {
                // Refused, with where and what.
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, mutant {i}: {e}");
            }
        }

        Assert.InRange(read, 1, 1499);
    }

    [Theory]
    [InlineData("../x", '0')]
    [InlineData("/etc/passwd", '0')]
    [InlineData("a/../../x", '0')]
    [InlineData("link", '2')]
    [InlineData("folder/", '5')]
    public void Names_that_lead_elsewhere_are_refused(string name, char type)
    {
        using var stream = new MemoryStream();
        byte[] header = new byte[512];
        System.Text.Encoding.ASCII.GetBytes(name, header);
        "0000644\00000000\00000000\000000000000\000000000000\0"u8.CopyTo(header.AsSpan(100));
        header[156] = (byte)type;
        "ustar\00000"u8[..8].CopyTo(header.AsSpan(257));
        header.AsSpan(148, 8).Fill((byte)' ');
        int sum = header.Sum(value => value);
        System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ", header.AsSpan(148));
        stream.Write(header);
        stream.Write(new byte[1024]);
        string message = Assert.Throws<PmemFormatException>(() => Capture.Parse(stream.ToArray())).Message;
        Assert.Matches("entry (name|type)", message);
    }

    private VirtualPlatform Make()
    {
        VirtualPlatform platform = VirtualPlatform.Create(_folder, new VirtualPlatformOptions { Dimms = 4, Ways = 2, Capacity = 128 << 20 });
        foreach (NamespaceMode mode in Enum.GetValues<NamespaceMode>())
            platform.Platform.CreateNamespace(new NamespaceRequest { Region = "region0", Mode = mode, Size = 32 * MiB, Name = $"{mode}" }).Demand();
        platform.InjectPoison(1, 0x100000, 512);
        platform.Inject(1, dimm => dimm with { MediaTemperature = 95, Spares = 7 });
        return platform;
    }

    private static byte[] Pack(PlatformEvidence evidence, IReadOnlyDictionary<string, string>? texts = null)
    {
        using var stream = new MemoryStream();
        Assert.Empty(Capture.Write(stream, evidence, texts));
        return stream.ToArray();
    }

    private static string Text(RegionView region) => $"{region.Name} {region.Start} {region.Size} {region.SetCookie} {region.State} {region.MaximumExtent}: "
        + string.Join(", ", region.Namespaces.Select(space => $"{space.Name} {space.Mode} {space.Size} {space.Device} {space.Uuid} {space.FriendlyName} {space.IsEnabled}"));
}
