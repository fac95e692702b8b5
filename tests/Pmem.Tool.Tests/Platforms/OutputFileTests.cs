using Pmem.Emulation;
using Pmem.Platform.Model;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>What a verb writes because an option names it never costs a user something else: a platform's files, what is read, or a file that nobody gave leave to replace.</summary>
public sealed class OutputFileTests : IDisposable
{
    private static readonly string[] s_writers =
        ["dimm labels read nmem0", "namespace read-infoblock namespace0.0", "nfit from-running", "dimm window read nmem0 --dpa 0x1000", "capture"];

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Output_never_replaces_a_file_of_a_platform_even_with_force()
    {
        string folder = Make("vm");
        string link = _files.File("link.img");
        File.CreateSymbolicLink(link, Path.Combine(folder, "dimm-0.img"));
        var wrong = new List<string>();
        string before = Fingerprint(folder);
        foreach (string line in s_writers)
        {
            foreach (string output in (string[])[Path.Combine(folder, "dimm-0.img"), Path.Combine(folder, "platform.state"), link])
            {
                ToolResult result = ToolRunner.Run([.. line.Split(' '), "--platform", folder, "--output", output, "--force"]);
                if (result.ExitCode != 2 || !result.Error.Contains("a file of the platform", StringComparison.Ordinal))
                    wrong.Add($"{line} to {output}: {result}");
            }
        }

        foreach (string line in (string[])["read-labels nmem0", "read-infoblock namespace0.0"])
        {
            ToolResult result = ToolRunner.Run(["ndctl", "--platform", folder, .. line.Split(' '), "-o", Path.Combine(folder, "dimm-0.img")]);
            if (result.ExitCode == 0 || !result.Error.Contains("a file of the platform", StringComparison.Ordinal))
                wrong.Add($"ndctl {line}: {result}");
        }

        Assert.Contains("a file of the platform", ToolRunner.Fail("nfit", "build", Path.Combine(folder, "dimm-0.img"), "--size", "1GiB", "--force"), StringComparison.Ordinal);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(before, Fingerprint(folder));
    }

    [Fact]
    public void Output_never_replaces_the_capture_that_is_read()
    {
        string folder = Make("vm");
        string capture = _files.File("vm.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", capture);
        byte[] before = File.ReadAllBytes(capture);
        foreach (string line in (string[])["dimm labels read nmem0", "namespace read-infoblock namespace0.0", "nfit from-running", "capture"])
            Assert.Contains("is what is read here", ToolRunner.Fail([.. line.Split(' '), "--platform", capture, "--output", capture, "--force"]), StringComparison.Ordinal);
        foreach (string line in (string[])["read-labels nmem0", "read-infoblock namespace0.0"])
            Assert.NotEqual(0, ToolRunner.Run(["ndctl", "--platform", capture, .. line.Split(' '), "-o", capture]).ExitCode);
        Assert.Equal(before, File.ReadAllBytes(capture));
    }

    [Fact]
    public void A_second_backup_does_not_replace_the_first_without_force()
    {
        string folder = Make("vm");
        foreach (string line in s_writers)
        {
            string output = _files.File("backup");
            File.WriteAllText(output, "the first");
            Assert.Contains("is there already", ToolRunner.Fail([.. line.Split(' '), "--platform", folder, "--output", output]), StringComparison.Ordinal);
            Assert.Equal("the first", File.ReadAllText(output));
            ToolResult result = ToolRunner.Run([.. line.Split(' '), "--platform", folder, "--output", output, "--force"]);
            Assert.True(result.ExitCode == 0, result.ToString());
            Assert.NotEqual("the first", File.ReadAllText(output));
            File.Delete(output);
        }
    }

    [Fact]
    public void Info_blocks_are_not_written_over_captures_and_states()
    {
        string folder = Make("vm");
        string capture = _files.File("vm.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", capture);
        string before = Fingerprint(folder);
        byte[] captured = File.ReadAllBytes(capture);
        Assert.Contains("is a capture", ToolRunner.Fail("infoblock", "write", capture), StringComparison.Ordinal);
        Assert.Contains("the state of the platform", ToolRunner.Fail("infoblock", "write", Path.Combine(folder, "platform.state")), StringComparison.Ordinal);
        Assert.Equal(captured, File.ReadAllBytes(capture));
        Assert.Equal(before, Fingerprint(folder));
        Assert.Equal(0, ToolRunner.Run("platform", "show", folder).ExitCode);
    }

    [Fact]
    public void Files_of_a_platform_in_use_are_not_changed()
    {
        string folder = Make("vm");
        string dimm = Path.Combine(folder, "dimm-0.img");
        string before = Fingerprint(folder);
        string[] lines = ["labels zero @ --label-size 128KiB --force", "labels init @ --label-size 128KiB --force", "labels repair @ --label-size 128KiB", "infoblock write @", "btt repair @", "image wrap @ --in-place"];
        using (VirtualPlatform.Open(folder))
        {
            foreach (string line in lines)
                Assert.Contains("is in use", ToolRunner.Fail([.. line.Split(' ').Select(word => word == "@" ? dimm : word)]), StringComparison.Ordinal);
        }

        Assert.Equal(before, Fingerprint(folder));
        Assert.Equal(0, ToolRunner.Run("labels", "zero", dimm, "--label-size", "128KiB", "--force").ExitCode);
        Assert.NotEqual(before, Fingerprint(folder));
    }

    [Fact]
    public void Files_that_a_guest_has_yet_to_be_written_back_to_are_not_changed()
    {
        string folder = Make("vm");
        using (VirtualPlatform platform = VirtualPlatform.Open(folder))
            platform.ExportGuest(cancellation: TestContext.Current.CancellationToken);
        Assert.Contains("what a guest wrote", ToolRunner.Fail("labels", "zero", Path.Combine(folder, "dimm-0.img"), "--label-size", "128KiB", "--force"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_or_folder_of_the_wrong_kind_is_answered_with_the_right_one()
    {
        string folder = Make("vm");
        string dimm = Path.Combine(folder, "dimm-0.img");
        Assert.Contains("is a folder: name the file", ToolRunner.Fail("dimm", "security", "setup", "nmem0", "--new-passphrase-file", folder, "--platform", folder), StringComparison.Ordinal);
        Assert.Contains("no option --passphrase-file here", ToolRunner.Fail("dimm", "security", "setup", "nmem0", "--passphrase-file", "pa", "--platform", folder), StringComparison.Ordinal);
        Assert.Contains("is a file, and a platform is made in a folder", ToolRunner.Fail("platform", "create", dimm), StringComparison.Ordinal);
        foreach (string line in (string[])["platform show", "list --platform", "explain --platform", "capture -o x.capture --platform"])
            Assert.Contains($"name its folder, {folder}", ToolRunner.Fail([.. line.Split(' '), dimm]), StringComparison.Ordinal);
        foreach (string line in (string[])["explain", "labels check", "labels repair", "infoblock show", "btt check", "nfit lint"])
            Assert.Equal($"pmem: {folder} is the folder of a platform: name it with --platform, or one of its files\n", ToolRunner.Fail([.. line.Split(' '), folder]));
        ToolResult persona = ToolRunner.Run("ndctl", "--platform", folder, "write-labels", "nmem0", "-i", Path.Combine(folder, "none", "x"));
        Assert.Contains("No such file or directory", persona.Error, StringComparison.Ordinal);
        string capture = _files.File("vm.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", capture);
        Assert.Contains($"'pmem explain' with --platform {capture}", ToolRunner.Fail("platform", "show", capture), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("image wrap DIMM --in-place", "namespace create")]
    [InlineData("infoblock write DIMM --mode sector", "--size")]
    [InlineData("infoblock write DIMM", "--size")]
    [InlineData("pool create obj DIMM --force", "namespace0.0")]
    [InlineData("pool rm DIMM", "a pool file")]
    [InlineData("pool rm --force STATE", "a pool file")]
    [InlineData("io copy --zero --output STATE", "the platform alone writes")]
    public void Verbs_on_pools_and_images_leave_the_files_of_a_platform_alone(string line, string instead)
    {
        string folder = Make("vm");
        string before = Fingerprint(folder);
        byte[] state = File.ReadAllBytes(Path.Combine(folder, "platform.state"));
        string said = ToolRunner.Fail([.. line.Split(' ').Select(word => word.Replace("DIMM", Path.Combine(folder, "dimm-0.img"), StringComparison.Ordinal).Replace("STATE", Path.Combine(folder, "platform.state"), StringComparison.Ordinal))]);
        Assert.Contains(instead, said, StringComparison.Ordinal);
        Assert.Equal(before, Fingerprint(folder));
        Assert.Equal(state, File.ReadAllBytes(Path.Combine(folder, "platform.state")));
    }

    private static string Fingerprint(string folder) => string.Join('\n', Directory.GetFiles(folder, "*.img").Order(StringComparer.Ordinal).Select(file => $"{file} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))}"));

    private string Make(string name)
    {
        string folder = _files.File(name);
        using var platform = VirtualPlatform.Create(folder, new VirtualPlatformOptions { Dimms = 1, Ways = 1, Capacity = 64 << 20 });
        platform.Platform.CreateNamespace(new NamespaceRequest { Size = 32 << 20 }).Demand();
        return folder;
    }
}
