using Pmem.Platform.Acpi;
using Pmem.Platform.Captures;
using Pmem.Platform.Labels;
using Pmem.Platform.Tests.Acpi;
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
