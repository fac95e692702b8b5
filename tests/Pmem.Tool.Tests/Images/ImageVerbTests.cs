using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Images;

/// <summary><c>pmem image</c> at the command line.</summary>
public sealed class ImageVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_disk_goes_through_namespaces_of_both_versions_and_comes_back()
    {
        string disk = Disk();
        JsonElement made = ToolRunner.Json(0, "image", "unflatten", disk, _files.File("ns"), "--sector-size", "512");
        JsonPage.Compare("## `pmem image flatten", made);
        Assert.Equal("uefi-2.0", made.GetProperty("to").GetString());
        Assert.Equal(0, ToolRunner.Run("btt", "check", _files.File("ns")).ExitCode);
        Assert.Equal(512, ToolRunner.Json(0, "image", "convert", _files.File("ns"), _files.File("ns11"), "--version", "1.1").GetProperty("sectorSize").GetInt32());
        Assert.StartsWith(_files.File("back"), ToolRunner.Run("image", "flatten", _files.File("ns11"), _files.File("back")).Output, StringComparison.Ordinal);
        Assert.True(File.ReadAllBytes(_files.File("back")).AsSpan().StartsWith(File.ReadAllBytes(disk)));
        Assert.Contains("exists already", ToolRunner.Fail("image", "flatten", _files.File("ns11"), _files.File("back")), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("image", "flatten", _files.File("ns11"), _files.File("back"), "--force").ExitCode);
Assert.Contains("are no sector-mode namespace", ToolRunner.Fail("image", "flatten", disk, _files.File("none")), StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_is_wrapped_shown_relocated_and_unwrapped()
    {
        string image = Disk();
        string space = _files.File("ns");
        Assert.Contains("nothing was written", ToolRunner.Run("image", "wrap", image, space, "--dry-run").Output, StringComparison.Ordinal);
        Assert.False(File.Exists(space));
        JsonElement made = ToolRunner.Json(0, "image", "wrap", image, space, "--align", "1GiB");
        JsonPage.Compare("## `pmem image wrap", made);
        Assert.Equal(0, ToolRunner.Run("infoblock", "verify", space).ExitCode);
        Assert.Contains("name a file", ToolRunner.Fail("image", "relocate", space, "--base", "0x140200000"), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("image", "relocate", space, _files.File("moved"), "--base", "0x140200000").ExitCode);
        Assert.Equal(0, ToolRunner.Run("image", "unwrap", _files.File("moved"), _files.File("back"), "--size", new FileInfo(image).Length.ToString(System.Globalization.CultureInfo.InvariantCulture)).ExitCode);
        Assert.Equal(File.ReadAllBytes(image), File.ReadAllBytes(_files.File("back")));
    }

    [Fact]
    public void What_makes_no_sense_is_told()
    {
        string image = Disk();
        Assert.Contains("TARGET", ToolRunner.Fail("image", "wrap", image), StringComparison.Ordinal);
        Assert.Contains("TARGET", ToolRunner.Fail("image", "wrap", image, _files.File("ns"), "--in-place"), StringComparison.Ordinal);
        Assert.Contains("alignment", ToolRunner.Fail("image", "wrap", image, _files.File("ns"), "--align", "3MiB"), StringComparison.Ordinal);
        Assert.Contains("uuid", ToolRunner.Fail("image", "wrap", image, _files.File("ns"), "--uuid", "x"), StringComparison.Ordinal);
        Assert.Contains("version", ToolRunner.Fail("image", "unflatten", image, _files.File("ns"), "--version", "3"), StringComparison.Ordinal);
        Assert.Contains("are enough", ToolRunner.Fail("image", "unflatten", image, _files.File("ns"), "--size", "1MiB"), StringComparison.Ordinal);
        Assert.Contains("info block signature", ToolRunner.Fail("image", "unwrap", image, _files.File("ns")), StringComparison.Ordinal);
        Assert.Contains("no file", ToolRunner.Fail("image", "unwrap", _files.File("nothing"), _files.File("ns")), StringComparison.Ordinal);
        Assert.Contains("no window", ToolRunner.Fail("image", "wrap", image, _files.File("ns"), "--offset", "1TiB"), StringComparison.Ordinal);
    }

    private string Disk()
    {
        byte[] bytes = new byte[(3 << 20) + 512];
        new Random(5).NextBytes(bytes.AsSpan(0, 1 << 20));
        string path = _files.File("disk");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
