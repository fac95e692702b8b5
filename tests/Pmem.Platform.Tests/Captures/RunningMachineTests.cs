using Pmem.Platform.Acpi;
using Pmem.Platform.Captures;
using Pmem.Platform.Explaining;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;
using Pmem.Platform.Tests.Acpi;
using Pmem.Platform.Tests.Linux;
using Pmem.Platform.Tests.Model;

namespace Pmem.Platform.Tests.Captures;

/// <summary>A folder that looks as the file system of a running Linux does.</summary>
public sealed class RunningMachineTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pmem-machine-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_a_kernel_shows_is_captured_and_read_again()
    {
        byte[] nfit = SampleNfit.Set().ToBytes();
        byte[] ssdt = NvdimmSsdt.Build([new NvdimmDevice { Handle = SampleNfit.Module(0).Handle }, new NvdimmDevice { Handle = SampleNfit.Module(1).Handle }]);
        Write("sys/firmware/acpi/tables/NFIT", nfit);
        Write("sys/firmware/acpi/tables/SSDT1", ssdt);
        Write("sys/firmware/acpi/tables/SSDT2", [1, 2, 3]);
        Write("sys/devices/nd/region0/size", "536870912\n"u8);
        Write("sys/devices/nd/region0/namespace0.0/mode", "raw\n"u8);
        Write("sys/devices/nd/region0/noise", [0, 1, 2]);

        // The kernel's numbers need not be those of the handles.
        Write("sys/devices/nd/nmem7/nfit/handle", "0x1\n"u8);
        Write("sys/devices/nd/nmem3/nfit/handle", "0x11\n"u8);
        string devices = Path.Combine(_root, "sys/bus/nd/devices");
        Directory.CreateDirectory(devices);
        foreach (string name in (string[])["region0", "nmem7", "nmem3"])
            Directory.CreateSymbolicLink(Path.Combine(devices, name), Path.Combine(_root, "sys/devices/nd", name));
        Directory.CreateSymbolicLink(Path.Combine(_root, "sys/devices/nd/region0/subsystem"), devices);

        var labels = new MemoryLabels(4096);
        LabelUpdate.Initialize(LabelArea.Parse(labels.Bytes), LabelFormat.Efi11).Apply([labels]);
        (Pmem.Platform.Evidence.PlatformEvidence evidence, IReadOnlyDictionary<string, string> texts) = RunningMachine.Read(_root, name => name switch
        {
            "nmem3" => labels,
            _ => throw new PmemException("refused"),
        });
        using var stream = new MemoryStream();
        using (evidence)
            Capture.Write(stream, evidence, texts);
        using Capture capture = Capture.Parse(stream.ToArray());
        Assert.Equal(nfit, capture.Evidence.NfitBytes);
        Assert.Equal([SampleNfit.Module(0).Handle, SampleNfit.Module(1).Handle], capture.Evidence.Devices!);
        Assert.Single(capture.Evidence.Ssdts);
        Assert.Equal("536870912", capture.Texts["bus/nd/devices/region0/size"]);
        Assert.Equal("raw", capture.Texts["bus/nd/devices/region0/namespace0.0/mode"]);
        Assert.Equal(4, capture.Texts.Count);
        Assert.Equal([null, LabelFormat.Efi11], capture.Evidence.Modules.Select(module => module.Labels?.Format));
    }

    [Fact]
    public void A_capture_of_a_machine_lists_what_the_machine_lists_and_changes_nothing()
    {
        using var machine = new RecordedMachine();
        machine.AddDeclaredMemory("ndbus1", "region9", 4UL << 30, 64 << 20);
        machine.Set("region0/badblocks", "8 2");
        string tables = machine.PathOf("sys/firmware/acpi/tables");
        Directory.CreateDirectory(tables);
        File.WriteAllBytes(Path.Combine(tables, "NFIT"), new NfitBuilder().AddSet(4UL << 32, [new NfitModule { Handle = new NfitDeviceHandle(1), SerialNumber = 1 }], 64 << 20).Build().ToBytes());
        using var stream = new MemoryStream();
        var labels = new MemoryLabels(4096);
        (Pmem.Platform.Evidence.PlatformEvidence evidence, IReadOnlyDictionary<string, string> texts) = RunningMachine.Read(machine.PathOf(string.Empty), _ => labels);
        using (evidence)
            Capture.Write(stream, evidence, texts);
        using Capture capture = Capture.Parse(stream.ToArray());
        LinuxPlatform live = machine.Look();
        IPlatform packed = capture.Platform;
        Assert.Equal(live.Provider, packed.Provider);
        Assert.Equal(Text(live.GetBuses()), Text(packed.GetBuses()));
        Assert.Equal(Text(live.GetDimms()), Text(packed.GetDimms()));
        Assert.Equal(Text(live.GetRegions()), Text(packed.GetRegions()));
        Assert.Equal(Text(live.GetErrors().Demand()), Text(packed.GetErrors().Demand()));
        Assert.True(packed.OpenLabels("nmem0").Succeeded);

        string name = packed.GetRegions().SelectMany(region => region.Namespaces).First(space => space.IsEnabled).Name;
        (bool Succeeded, string Message)[] changes =
        [
            Of(packed.CreateNamespace(new NamespaceRequest())), Of(packed.DestroyNamespace(name, force: true)), Of(packed.DisableNamespace(name)), Of(packed.ClearErrors(name)),
            Of(packed.InjectHealth("nmem0", new HealthInjection())), Of(packed.OpenLabels("nmem0", readOnly: false)), Of(packed.DisableRegion("region0")),
        ];
        Assert.All(changes, change => Assert.False(change.Succeeded));
        Assert.All(changes, change => Assert.Contains("nobody may change", change.Message, StringComparison.Ordinal));
        Assert.Empty(machine.Writes);

        static (bool, string) Of<T>(PlatformResult<T> result)
            where T : class => (result.Succeeded, result.Message);
        static string Text<T>(T value) => System.Text.Json.JsonSerializer.Serialize(value);
    }

    [Fact]
    public void A_namespace_in_use_is_explained_as_the_kernel_has_it()
    {
        const ulong Base = 4UL << 32;
        Write("sys/firmware/acpi/tables/NFIT", new NfitBuilder().AddSet(Base, [new NfitModule { Handle = new NfitDeviceHandle(1), SerialNumber = 1 }], 64 << 20).Build().ToBytes());
        foreach ((string path, string text) in ((string, string)[])
        [
            ("nmem0/nfit/handle", "0x1"), ("region0/size", "67108864"), ("region0/resource", $"0x{Base:x}"), ("region0/nstype", "4"),
            ("region0/namespace0.0/size", "67108864"), ("region0/namespace0.0/resource", $"0x{Base:x}"), ("region0/namespace0.0/mode", "memory"), ("region0/namespace0.0/holder", "pfn0.0"),
            ("region0/pfn0.0/size", "65011712"), ("region0/pfn0.0/resource", $"0x{Base + 0x200000:x}"), ("region0/pfn0.0/mode", "pmem"), ("region0/pfn0.0/align", "2097152"),
            ("region0/pfn0.0/uuid", "0a44cbb9-be6c-491d-be7a-49d1b2a4d1ed"), ("region0/pfn0.0/block/pmem0/size", "126976"),
        ])
            Write($"sys/devices/nd/ndbus0/{path}", System.Text.Encoding.UTF8.GetBytes($"{text}\n"));
        string devices = Path.Combine(_root, "sys/bus/nd/devices");
        Directory.CreateDirectory(devices);
        foreach (string name in (string[])["ndbus0", "ndbus0/nmem0", "ndbus0/region0", "ndbus0/region0/namespace0.0", "ndbus0/region0/pfn0.0"])
        {
            Directory.CreateSymbolicLink(Path.Combine(devices, Path.GetFileName(name)), Path.Combine(_root, "sys/devices/nd", name));
            Directory.CreateSymbolicLink(Path.Combine(_root, "sys/devices/nd", name, "driver"), Path.Combine(_root, "sys/devices/nd"));
        }

        (Pmem.Platform.Evidence.PlatformEvidence evidence, IReadOnlyDictionary<string, string> texts) = RunningMachine.Read(_root, _ => null);
        using var stream = new MemoryStream();
        using (evidence)
        {
            Explained(evidence);
            Capture.Write(stream, evidence, texts);
        }

        using Capture capture = Capture.Parse(stream.ToArray());
        Explained(capture.Evidence);

        // The kernel that was asked knows; what is to be predicted without it stays unknown.
        using var silent = new MemoryStream();
        Capture.Write(silent, capture.Evidence);
        using Capture without = Capture.Parse(silent.ToArray());
        Assert.Contains(PlatformExplainer.Predict(without.Evidence, KernelVersion.Linux61).Explanations, explanation => explanation.Rule == "namespace-unread");

        static void Explained(Pmem.Platform.Evidence.PlatformEvidence evidence)
        {
            KernelPrediction prediction = PlatformExplainer.Predict(evidence, KernelVersion.Linux61);
            NamespaceView space = Assert.Single(prediction.Regions[0].View.Namespaces);
            Assert.Equal((NamespaceMode.Fsdax, PageMapMode.Device, 65011712UL, 2097152UL, "pmem0"), (space.Mode, space.Map, space.Size, space.Alignment, space.Device));
            Assert.DoesNotContain(prediction.Explanations, explanation => explanation.Rule == "namespace-unread");
            Assert.Contains(prediction.Explanations, explanation => explanation.Rule == "namespace-shown");
        }
    }

    [Fact]
    public void A_machine_without_NVDIMMs_says_so()
    {
        Directory.CreateDirectory(Path.Combine(_root, "sys/firmware/acpi/tables"));
        Assert.Contains("no NVDIMMs", Assert.Throws<PmemException>(() => RunningMachine.Read(_root)).Message, StringComparison.Ordinal);
    }

    private void Write(string name, ReadOnlySpan<byte> content)
    {
        string path = Path.Combine(_root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }
}
