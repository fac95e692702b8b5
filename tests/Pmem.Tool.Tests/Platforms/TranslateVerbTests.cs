using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

public sealed class TranslateVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_place_goes_in_by_any_form_and_comes_out_in_all()
    {
        string folder = _files.File("vm1");
        Assert.Equal(0, ToolRunner.Run("platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "64MiB").ExitCode);
        Assert.Equal(0, ToolRunner.Run("namespace", "create", "--platform", folder, "--mode", "sector", "--size", "32M", "--name", "log").ExitCode);
        JsonElement place = ToolRunner.Json(0, "translate", "--platform", folder, "--namespace", "log", "--block", "3");
        JsonPage.Compare("## `pmem translate --json", place);
        Assert.Equal("data", place.GetProperty("kind").GetString());
        Assert.Equal(3UL * 4096, place.GetProperty("namespace").GetProperty("deviceOffset").GetUInt64());
        foreach (string[] form in (string[][])
        [
            ["--address", $"{place.GetProperty("address").GetUInt64()}"],
            ["--dimm", place.GetProperty("module").GetProperty("dev").GetString()!, "--dpa", $"0x{place.GetProperty("module").GetProperty("dpa").GetUInt64():x}"],
            ["--file", Path.GetFileName(place.GetProperty("module").GetProperty("file").GetString()!), "--offset", $"{place.GetProperty("module").GetProperty("fileOffset").GetUInt64()}"],
            ["--region", "region0", "--badblock", $"{place.GetProperty("region").GetProperty("badblock").GetUInt64()}"],
            ["--device", "pmem0s", "--badblock", "24"],
        ])
            Assert.Equal(place.ToString(), ToolRunner.Json(0, ["translate", "--platform", folder, .. form]).ToString());
        JsonElement label = ToolRunner.Json(0, "translate", "--platform", folder, "--file", "dimm-1.img", "--offset", "64MiB");
        JsonPage.Compare("## `pmem translate --json", label);
        Assert.Equal("labelIndex", label.GetProperty("kind").GetString());
        Assert.Contains("block 3 of namespace0.0", ToolRunner.Run("translate", "--platform", folder, "--namespace", "log", "--block", "3").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_alone_are_what_QEMU_would_make_of_them()
    {
        string image = _files.File("nv0.img");
        using (FileStream file = File.Create(image))
            file.SetLength(32 << 20);
        JsonElement place = ToolRunner.Json(0, "translate", image, "--label-size", "128KiB", "--device", "pmem0", "--offset", "0x1000");
        Assert.Equal(0x1_0000_1000UL, place.GetProperty("address").GetUInt64());
        Assert.Equal("labelArea", ToolRunner.Json(0, "translate", image, "--label-size", "128KiB", "--file", "nv0.img", "--offset", $"{(32 << 20) - 5}").GetProperty("kind").GetString());
        Assert.Contains("one form", ToolRunner.Fail("translate", image), StringComparison.Ordinal);
        Assert.Contains("PMEM_PLATFORM", ToolRunner.Fail("translate", "--address", "5"), StringComparison.Ordinal);
        Assert.Contains("region0 at 0x100000000", ToolRunner.Fail("translate", image, "--address", "5"), StringComparison.Ordinal);
    }
}
