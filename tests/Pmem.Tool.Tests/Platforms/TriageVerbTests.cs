using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Platforms;

public sealed class TriageVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_platform_is_explained_captured_and_read_from_the_capture()
    {
        string folder = Make();
        JsonElement[] explained = [.. ToolRunner.Json(0, "explain", "--platform", folder, "--kernel", "all").EnumerateArray()];
        Assert.Equal(["5.10", "6.1", "6.12"], explained.Select(kernel => kernel.GetProperty("kernel").GetString()));
        Assert.All(explained, kernel => JsonPage.Compare("## `pmem explain --json", kernel));

        string file = _files.File("vm1.capture");
        JsonElement captured = ToolRunner.Json(0, "capture", "--platform", folder, "-o", file);
        JsonPage.Compare("## `pmem capture --json", captured);
        Assert.Contains("already", ToolRunner.Fail("capture", "--platform", folder, "-o", file), StringComparison.Ordinal);
        string copy = _files.File("copy.capture");
        Assert.Contains("what is read here", ToolRunner.Fail("capture", "--platform", file, "-o", file, "--force"), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("capture", "--platform", file, "-o", copy).ExitCode);
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(copy));

        // What is read from the capture is what is read from the platform.
        foreach (string[] verb in (string[][])[["explain"], ["namespace", "list"], ["namespace", "advise", "--mode", "raw"], ["translate", "--region", "region0", "--offset", "4096"]])
            Assert.Equal(Without(folder, ToolRunner.Json(0, [.. verb, "--platform", folder]).ToString()), ToolRunner.Json(0, [.. verb, "--platform", file]).ToString());
        Assert.Contains("nobody may change", ToolRunner.Fail("namespace", "create", "--platform", file, "--size", "32M"), StringComparison.Ordinal);

        // So are tables, label areas and info blocks.
        Assert.Equal(2, ToolRunner.Json(0, "labels", "show", file, "--dimm", "nmem0").GetProperty("labels").EnumerateArray().Count(label => label.GetProperty("state").GetString() == "active"));
        Assert.Equal(0, ToolRunner.Run("labels", "check", file).ExitCode);
        Assert.Contains("nmem0", ToolRunner.Fail("labels", "show", file, "--dimm", "nmem9"), StringComparison.Ordinal);
        Assert.Equal("NVDIMM_PFN_INFO", ToolRunner.Json(0, "infoblock", "show", file, "--namespace", "namespace0.0").EnumerateArray().First().GetProperty("signature").GetString());
        Assert.Equal(0, ToolRunner.Run("infoblock", "verify", file, "--namespace", "namespace0.0", "--class", "Pfn").ExitCode);
        Assert.Contains("namespace0.1", ToolRunner.Fail("infoblock", "show", file), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("nfit", "lint", file).ExitCode);
        Assert.Contains("128", ToolRunner.Run("nfit", "show", file).Output, StringComparison.Ordinal);

        // The index blocks are lost.
        using (FileStream image = File.OpenWrite(Path.Combine(folder, "dimm-0.img")))
        {
            image.Position = 128 << 20;
            image.Write(new byte[512]);
        }

        ToolResult exposed = ToolRunner.Run("explain", Path.Combine(folder, "dimm-0.img"), "--label-size", "128KiB");
        Assert.Equal(1, exposed.ExitCode);
        Assert.Contains("one raw device over everything", exposed.Output, StringComparison.Ordinal);
        Assert.Contains("remedy: ", exposed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Advice_needs_no_platform()
    {
        JsonElement advice = ToolRunner.Json(1, "namespace", "advise", "--ways", "6", "--size", "100GiB").EnumerateArray().Single();
        JsonPage.Compare("## `pmem namespace advise --json", advice);
        Assert.Equal((false, 96UL << 20), (advice.GetProperty("legal").GetBoolean(), advice.GetProperty("unit").GetUInt64()));
        ulong larger = advice.GetProperty("largerSize").GetUInt64();
        JsonElement legal = ToolRunner.Json(0, "namespace", "advise", "--ways", "6", "--size", $"{larger}").EnumerateArray().Single();
        Assert.True(legal.GetProperty("legal").GetBoolean());
        Assert.Equal(advice.GetProperty("usableSize").GetUInt64(), legal.GetProperty("usableSize").GetUInt64());
        Assert.Contains("100663296", ToolRunner.Run("namespace", "advise", "--ways", "6", "--size", "100GiB").Output, StringComparison.Ordinal);
        Assert.Contains("4096, 2097152 or 1073741824", ToolRunner.Fail("namespace", "advise", "--ways", "1", "--size", "1GiB", "--align", "64KiB"), StringComparison.Ordinal);
        Assert.Contains("--size", ToolRunner.Fail("namespace", "advise", "--ways", "1"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_looked_at_is_refused_in_one_sentence()
    {
        string file = _files.File("no.capture");
        File.WriteAllText(file, "not a capture at all");
        Assert.Contains("capture", ToolRunner.Fail("explain", "--platform", file), StringComparison.Ordinal);
        Assert.Contains("5.10, 6.1, 6.12", ToolRunner.Fail("explain", "--platform", file, "--kernel", "2.4"), StringComparison.Ordinal);
        Assert.Contains("Linux 5.18", ToolRunner.Run("explain", "--differences").Output, StringComparison.Ordinal);
    }

    private string Make()
    {
        string folder = _files.File("vm1");
        Assert.Equal(0, ToolRunner.Run("platform", "create", folder, "--size", "128MiB").ExitCode);
        Assert.Equal(0, ToolRunner.Run("namespace", "create", "--platform", folder, "--size", "32M", "--name", "data").ExitCode);
        Assert.Equal(0, ToolRunner.Run("namespace", "create", "--platform", folder, "--mode", "sector", "--size", "32M", "--name", "log").ExitCode);
        return folder;
    }

    // A capture knows files by their names alone.
    private static string Without(string folder, string text) => text.Replace(folder + "/", string.Empty, StringComparison.Ordinal);

    [Fact]
    public void A_capture_cannot_be_changed_and_no_verb_says_it_was()
    {
        string folder = _files.File("vm7");
        ToolRunner.Json(0, "platform", "create", folder, "--size", "64M");
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--size", "32M");
        string file = _files.File("vm7.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", file);
        foreach (string[] change in (string[][])
        [
            ["region", "disable", "region0"], ["region", "enable", "region0"], ["namespace", "disable", "namespace0.0"], ["namespace", "enable", "namespace0.0"],
            ["namespace", "create"], ["namespace", "destroy", "namespace0.0", "--force"], ["namespace", "reconfigure", "namespace0.0", "--mode", "devdax", "--force"],
            ["dimm", "disable", "nmem0"], ["dimm", "enable", "nmem0"], ["inject-smart", "nmem0", "--spares", "5"],
        ])
            Assert.Contains("a capture, which nobody may change", ToolRunner.Fail([.. change, "--platform", file]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_DIMM_keeps_its_identity_in_evidence_and_in_captures()
    {
        string folder = _files.File("vm9");
        JsonElement made = ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--size", "64M");
        string[] ids = [.. made.GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetProperty("id").GetString()!)];
        ToolRunner.Json(0, "platform", "inject", folder, "--dimm", "1", "--lost", "true");
        string file = _files.File("vm9.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", file);
        foreach (string source in (string[])[folder, file])
        {
            Assert.Equal(ids, ToolRunner.Json(1, "explain", "--platform", source)[0].GetProperty("dimms").EnumerateArray().Select(dimm => dimm.GetProperty("id").GetString()!));
            Assert.Equal(ids, ToolRunner.Json(1, "smart", "--platform", source).EnumerateArray().Select(dimm => dimm.GetProperty("id").GetString()!));
        }

        Assert.Equal(ToolRunner.Run("list", "-DH", "--json", "--platform", folder).Output, ToolRunner.Run("list", "-DH", "--json", "--platform", file).Output);
    }

    [Fact]
    public void Images_of_an_interleaved_set_are_not_taken_for_modules_alone()
    {
        string folder = _files.File("vm8");
        ToolRunner.Json(0, "platform", "create", folder, "--dimms", "2", "--ways", "2", "--size", "64M");
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--size", "64M");
        string[] images = [Path.Combine(folder, "dimm-0.img"), Path.Combine(folder, "dimm-1.img")];
        foreach (string[] verb in (string[][])[["explain", .. images], ["explain", images[1]], ["translate", .. images, "--address", "0x100000000"]])
        {
            string error = ToolRunner.Fail(verb);
            Assert.Contains("set of 2", error, StringComparison.Ordinal);
            Assert.Contains("--nfit", error, StringComparison.Ordinal);
            Assert.DoesNotContain("repair", error, StringComparison.Ordinal);
        }

        string table = _files.File("vm8.nfit");
        ToolRunner.Json(0, "nfit", "from-running", "--platform", folder, "--output", table);
        Assert.Contains("namespace0.0", ToolRunner.Run(["explain", "--nfit", table, .. images]).Output, StringComparison.Ordinal);
    }
}
