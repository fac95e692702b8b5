using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Pmem.Emulation.Guest;

namespace Pmem.Emulation.Tests.Guest;

[Collection("programs")]
public sealed class GuestKernelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-kernel-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Modules_come_after_those_that_they_need_and_built_in_ones_not_at_all()
    {
        GuestKernel kernel = Make("6.1.0-9-amd64");
        Module("6.1.0-9-amd64", "top.ko", "left,right-side");
        Module("6.1.0-9-amd64", "left.ko", "bottom");
        Module("6.1.0-9-amd64", "right-side.ko", "bottom,inside");
        Module("6.1.0-9-amd64", "bottom.ko", "");
        File.WriteAllText(Path.Combine(kernel.ModuleFolder, "modules.builtin"), "kernel/drivers/inside.ko\n");
        string[] order = [.. kernel.ReadModules(["top", "bottom", "inside"]).Select(module => module.Name)];
        Assert.Equal(4, order.Length);
        Assert.Equal("bottom", order[0]);
        Assert.Equal("top", order[3]);
        Assert.True(kernel.HasModule("right_side") && kernel.HasModule("inside") && !kernel.HasModule("other"));
        Assert.Contains("6.1.0-9-amd64 has no module other", Assert.Throws<PmemException>(() => kernel.ReadModules(["other"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Modules_that_need_each_other_end_and_come_once()
    {
        GuestKernel kernel = Make("6.1");
        Module("6.1", "a.ko", "b");
        Module("6.1", "b.ko", "a");
        Assert.Equal(["b", "a"], kernel.ReadModules(["a"]).Select(module => module.Name));
    }

    [Theory]
    [InlineData("gz")]
    [InlineData("xz")]
    [InlineData("zst")]
    public void Compressed_modules_are_unpacked(string extension)
    {
        GuestKernel kernel = Make("6.12");
        string path = Module("6.12", "a.ko", "");
        byte[] content = File.ReadAllBytes(path);
        if (extension == "gz")
        {
            using var stream = new GZipStream(File.Create($"{path}.gz"), CompressionLevel.Fastest);
            stream.Write(content);
        }
        else
        {
            string tool = extension == "xz" ? "xz" : "zstd";
            if (HostProgram.Find(tool) is not { } found)
            {
                Assert.Skip($"{tool} is not installed");
                return;
            }

            using Process process = Process.Start(found, ["-q", "-k", path]);
            process.WaitForExit();
        }

        File.Delete(path);
        Assert.Equal(content, kernel.ReadModules(["a"]).Single().Content);
    }

    [Fact]
    public void The_newest_kernel_that_has_modules_is_taken()
    {
        Make("6.1.0-9-amd64");
        GuestKernel newest = Make("6.1.0-49-amd64");
        File.WriteAllText(Path.Combine(_folder, "boot", "vmlinuz-7.0"), "an image without modules");
        Assert.Equal(newest.Image, GuestKernel.Open(_folder).Image);
        Assert.Equal("6.1.0-49-amd64", GuestKernel.Open(_folder).Release);
        Assert.Contains("vm prepare", Assert.Throws<PmemException>(() => GuestKernel.Open(Path.Combine(_folder, "lib"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_list_that_is_cut_off_has_no_end_to_run_past() =>
        Assert.Equal(["a", "b_c"], GuestKernel.DependenciesOf("license=GPL\0depends=a,b-c"u8));

    private GuestKernel Make(string release)
    {
        string modules = Directory.CreateDirectory(Path.Combine(_folder, "lib", "modules", release)).FullName;
        string boot = Directory.CreateDirectory(Path.Combine(_folder, "boot")).FullName;
        string image = Path.Combine(boot, $"vmlinuz-{release}");
        File.WriteAllText(image, "an image");
        return new GuestKernel(image, modules);
    }

    private string Module(string release, string name, string depends)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "lib", "modules", release, "kernel")).FullName;
        string path = Path.Combine(folder, name);
        File.WriteAllBytes(path, Encoding.ASCII.GetBytes($"\u007fELF\0license=GPL\0depends={depends}\0name={name}\0"));
        return path;
    }
}
