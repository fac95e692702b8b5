using System.Text.RegularExpressions;
using Pmem.Emulation;
using Pmem.Emulation.Guest;
using Pmem.Platform.Model;
using Pmem.Tool.Persona.Ndctl;
using Pmem.Tool.Platforms.Listing;

namespace Interop.Guest;

/// <summary>ndctl in a guest and <c>pmem list</c> outside read the same files and say the same, key by key: DIMMs as images of QEMU's, and sets with tables of ours.</summary>
public sealed partial class GuestListTests : IDisposable
{
    private const string Nodes = "the kernel numbers nodes by the SRAT of the machine that it runs on";

    // QEMU lists its devices in an order of its own, by which Linux numbers regions: in the guest R0 is the number of the region on the first DIMM, and so on.
    private const string Number = """
        for r in /sys/bus/nd/devices/region*; do
          m=$(cut -d, -f1 $r/mapping0)
          slot=$(( $(cat /sys/bus/nd/devices/$m/nfit/handle) - 1 ))
          n=${r##*region}
          eval R$slot=$n
          echo "map $n $slot"
        done

        """;

    /// <summary>Command lines of <c>ndctl list</c>.</summary>
    private static readonly string[] s_commands =
    [
        "", "-N", "-D", "-R", "-B", "-BN", "-DR", "-RN", "-DN", "-BDRN", "-i", "-Di", "-Ri", "-RNi", "-BDRNi", "-c", "-RNc", "-X", "-NX", "-C", "-RC", "-M", "-RNM", "-DH", "-DF",
        "-u", "-Du", "-DRu", "-RNu", "-BDRNiu", "-v", "-vv", "-vvv", "-vu", "-vvvu", "-r region0", "-r 1 -N", "-r all", "-r region3 -RN", "-r nosuch", "-d nmem1", "-d 2 -RN", "-d nmem99 -N",
        "-n namespace0.1", "-n 0.2", "-n namespace0.1 -R", "-n 1.0 -D", "-m fsdax", "-m sector", "-m raw -i", "-m dax", "-m devdax -u", "-t pmem -R", "-t blk -R", "-b ACPI.NFIT", "-b ndbus0 -D",
        "-b 0 -R", "-b e820", "-r region0 -RNi -u",
        "-F", "-H", "-DHF", "-DHFi", "-DHFu", "-DHFu -d nmem1", "-Dv", "-Rv", "-Bv", "-BF", "-BFu", "-BDRNHFMXC", "-BDRNHFMXCi", "-BDRNHFMXCiu", "-NXv", "-NXu", "-NXi -m dax", "-X -i", "-X -m fsdax", "-RX",
        "-RM", "-RMu", "-RNMu", "-DRM", "-DRNMiu", "-Mu", "-Mi", "-iu", "-cu", "-Xc", "-RNc -m fsdax", "-RCu", "-NC", "-vv -r region1", "-v -m devdax", "-vvv -d nmem1", "-vvu -n namespace0.1",
        "-r 0x1 -R", "-r 01 -R", "-r region1,region2", "-r 'region0 region1' -R", "-r 'region1 0' -R", "-r '0 region1' -R", "-r 'region3 all' -R", "-r region0x", "-d all", "-d nmem1,nmem2 -D",
        "-d 'nmem0 nmem5' -D", "-d 0x2 -R", "-d nmem1 -n namespace0.1", "-D -r region0", "-D -n namespace0.1", "-DR -d nmem1", "-DRN -d nmem3 -i", "-n all", "-n sec", "-n namespace0.1,namespace0.2",
        "-n 'namespace0.0 1.0'", "-n 'namespace0.0 namespace1.0' -RN", "-n region0", "-b all", "-b 'e820 ACPI.NFIT' -B", "-b ACPI.NFIT,ndbus0 -B", "-b ACPI.NFIT -DRN -r region1 -i", "-U all -R",
        "-U -1 -R", "-U 99 -R", "-U 99 -N", "-m safe", "-m memory -u", "-m FSDAX -RN -r region1", "-m raw -RN -r region3", "-m raw -N -r region0", "-RN -t pmem -b ACPI.NFIT", "-t blk", "-t pmem -N -m sector",
    ];

    private static readonly string[] s_commandsForImages = ["", "-RNi", "-X", "-u", "-DRu", "-BDRN", "-vvv", "-r region$R0", "-r $R1 -N", "-n namespace$R0.1", "-n $R1.0 -D", "-m raw -i"];

    /// <summary>
    /// What is then done in the guest, and the same here; after each the lists are compared again, without empty namespaces: whether Linux makes one for a region that is enabled again
    /// depends on which of two threads is first.
    /// </summary>
    private static readonly (string Command, Func<IPlatform, bool> Act)[] s_changes =
    [
        ("disable-namespace namespace0.0", platform => platform.DisableNamespace("namespace0.0").Succeeded),
        ("disable-namespace namespace0.1", platform => platform.DisableNamespace("namespace0.1").Succeeded),
        ("disable-namespace namespace0.2", platform => platform.DisableNamespace("namespace0.2").Succeeded),
        ("enable-namespace namespace0.0", platform => platform.EnableNamespace("namespace0.0").Succeeded),
        ("disable-dimm nmem4", platform => !platform.DisableDimm("nmem4").Succeeded),
        ("disable-region region2", platform => platform.DisableRegion("region2").Succeeded),
        ("disable-dimm nmem4 nmem5", platform => platform.DisableDimm("nmem4").Succeeded && platform.DisableDimm("nmem5").Succeeded),
        ("enable-region region2", platform => !platform.EnableRegion("region2").Succeeded),
        ("enable-dimm nmem5", platform => platform.EnableDimm("nmem5").Succeeded),
        ("enable-dimm nmem4", platform => platform.EnableDimm("nmem4").Succeeded),
        ("enable-region region2", platform => platform.EnableRegion("region2").Succeeded),
        ("disable-region region0", platform => platform.DisableRegion("region0").Succeeded),
        ("enable-region region0", platform => platform.EnableRegion("region0").Succeeded),
    ];

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Ndctl_and_pmem_list_agree_on_images_of_QEMU()
    {
        string path = Path.Combine(_folder, "vm");
        ListedPlatform.Make(path, ways: 1);
        GuestNvdimm[] devices = [.. Directory.GetFiles(path, "dimm-*.img").Order(StringComparer.Ordinal).Select(image => new GuestNvdimm(image, new FileInfo(image).Length, ListedPlatform.LabelSize))];
        string output = GuestMachine.RunImages(devices, Number + Script(s_commandsForImages));
        Dictionary<string, string> numbers = NumberPattern.Matches(output).ToDictionary(match => match.Groups["guest"].Value, match => match.Groups["slot"].Value, StringComparer.Ordinal);
        Assert.Equal(devices.Length, numbers.Count);
        var masked = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["scrub_state"] = "QEMU's modules have no scrubs, and those of a platform have",
            ["health"] = "nor do they report health",
            ["firmware"] = "or firmware",
            ["security"] = "or security",
            ["phys_id"] = "QEMU gives all its modules 0",
            ["numa_node"] = Nodes,
            ["target_node"] = Nodes,
        };
        using var platform = VirtualPlatform.Open(path);
        var differences = new List<string>();
        string[] sections = output.Split(GuestMachine.Marker);
        for (int i = 0; i < s_commandsForImages.Length; i++)
        {
            string theirs = sections.Single(section => section.StartsWith($"{i}\n", StringComparison.Ordinal))[$"{i}\n".Length..];
            theirs = NamePattern.Replace(theirs, match => $"{match.Groups["before"].Value}{numbers[match.Groups["number"].Value]}");
            Compare(s_commandsForImages[i].Replace("$R", string.Empty, StringComparison.Ordinal), theirs, platform, masked, differences);
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Ndctl_and_pmem_list_agree_on_interleaved_sets()
    {
        string path = Path.Combine(_folder, "vm");
        ListedPlatform.Make(path, ways: 2);
        using var platform = VirtualPlatform.Open(path);
        platform.Inject(1, dimm => dimm with { DirtyShutdowns = 5, Spares = 20, SparesThreshold = 30, MediaTemperature = 41.5, SaveFailed = true, LifeUsed = 7 });
        platform.Inject(2, dimm => dimm with { IsNotArmed = true, LastShutdownWasDirty = true, RestoreFailed = true });

        // Not in the first megabytes of a region: Linux takes them for errors in the page structures of every namespace in it, and disables these.
        foreach (NamespaceView space in platform.Platform.GetRegions().Where(region => region.Name is "region0" or "region2").SelectMany(region => region.Namespaces))
            platform.InjectPoison(space.Start + space.DataOffset + (8 << 20) + 512, 1024);

        // At most 512 sectors side by side: Linux 6.1 counts longer runs again with each scrub.
        platform.InjectPoison(platform.Sets[4].Start + (32 << 20), 200 << 10);
        IReadOnlyDictionary<string, string> guest = GuestMachine.Run(platform.ExportGuest(cancellation: TestContext.Current.CancellationToken), "ndctl wait-scrub >/dev/null\n" + Script(s_commands) + string.Concat(s_changes.Select((change, i) => $"ndctl {change.Command} >/dev/null 2>&1\necho @@c{i}\nndctl list -DRNc\n")));
        platform.ImportGuest(cancellation: TestContext.Current.CancellationToken);
        var masked = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["firmware"] = "the tables have no methods for firmware",
            ["numa_node"] = Nodes,
            ["target_node"] = Nodes,
        };
        var differences = new List<string>();
        for (int i = 0; i < s_commands.Length; i++)
            Compare(s_commands[i], guest[$"{i}"], platform, masked, differences);
        for (int i = 0; i < s_changes.Length; i++)
        {
            Assert.True(s_changes[i].Act(platform.Platform), s_changes[i].Command);
            Compare("-DRNc", guest[$"c{i}"], platform, masked, differences, $" after {s_changes[i].Command}");
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static string Script(string[] commands) => "dmesg -n 1\n" + string.Concat(commands.Select((command, i) => $"echo @@{i}\nndctl list {command} 2>/dev/null\n"));

    private static void Compare(string command, string theirs, VirtualPlatform platform, Dictionary<string, string> masked, List<string> differences, string when = "")
    {
        ListOptions options = NdctlList.Read(NdctlArguments.Parse(NdctlList.Verb, [.. WordPattern.Matches(command).Select(word => word.Value.Trim('\''))])!);
        ListComparison.Compare($"ndctl list {command}{when}", theirs, new PlatformListing(platform.Platform, options).Print(), masked, differences);
    }

    [GeneratedRegex("'[^']*'|[^ ]+")]
    private static partial Regex WordPattern { get; }

    [GeneratedRegex("^map (?<guest>[0-9]+) (?<slot>[0-9]+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex NumberPattern { get; }

    [GeneratedRegex("(?<before>\"(region|namespace|pmem|dax)|\"id\":)(?<number>[0-9]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex NamePattern { get; }
}
