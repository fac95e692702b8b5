using Pmem.Platform.Acpi;
using Pmem.Platform.Captures;
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
