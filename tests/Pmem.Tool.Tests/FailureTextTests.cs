using System.Runtime.Versioning;

namespace Pmem.Tool.Tests;

/// <summary>What the runtime and the system say is said in words of the tool, with what to do.</summary>
[SupportedOSPlatform("linux")]
public sealed class FailureTextTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("--seed takes a whole number up to 2147483647, not 'abc'", "platform power-cut x --seed abc")]
    [InlineData("--seed takes a whole number up to 2147483647, not '4000000000'", "platform power-cut x --seed 4000000000")]
    [InlineData("--media-temperature takes a number, not 'warm'", "platform inject x --media-temperature warm")]
    [InlineData("--endurance takes a whole number, not '1e3'", "platform inject x --endurance 1e3")]
    public void A_value_of_the_wrong_kind_is_named_with_its_option(string says, string line)
    {
        ToolResult result = ToolRunner.Run(line.Split(' '));
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"pmem: {says}\n", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_cannot_be_opened_are_named_with_what_to_do()
    {
        string file = _files.File("nfit.aml");
        Assert.Equal(0, ToolRunner.Run("nfit", "build", file, "--size", "64MiB").ExitCode);
        Assert.Equal($"pmem: there is no file {file}.old\n", ToolRunner.Fail("nfit", "lint", file + ".old"));
        string folder = _files.File("nowhere");
        Assert.Equal($"pmem: there is no folder {folder} that {folder}/nfit.aml could be in: make it first, or name another place\n", ToolRunner.Fail("nfit", "lint", $"{folder}/nfit.aml"));
        Assert.Equal($"pmem: {Path.GetDirectoryName(file)} is a folder: name a file\n", ToolRunner.Fail("nfit", "lint", Path.GetDirectoryName(file)!));
        using FileStream held = File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Equal($"pmem: {file} is in use by another process: wait for its end, or end it\n", ToolRunner.Fail("nfit", "lint", file));
    }

    [Theory]
    [InlineData("No space left on device : '{0}'", "there is no space left for {0}: make room on its file system, or choose another")]
    [InlineData("Read-only file system : '{0}'", "{0} is on a file system that is read-only: choose another, or mount it for writing")]
    [InlineData("Disk quota exceeded : '{0}'", "your quota leaves no space for {0}: make room, or choose another file system")]
    [InlineData("Input/output error : '{0}'", "the device under {0} cannot be read or written: the system's log (dmesg) says more")]
    [InlineData("Permission denied : '{0}'", "{0} cannot be opened: permission denied (rw-r-----); ask its owner, or run the command as a user who may")]
    [InlineData("Stale file handle : '{0}'", "{0}: stale file handle")]
    [InlineData("The file '{0}' already exists.", "{0} is there already: take another name, or remove it")]
    [InlineData("a sentence of ours", "a sentence of ours")]
    public void What_the_system_says_becomes_a_sentence(string said, string becomes)
    {
        string path = _files.File("some file");
        File.WriteAllBytes(path, []);
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("640", 8));
        Assert.Equal(becomes.Replace("{0}", path, StringComparison.Ordinal), FailureText.Of(new IOException(said.Replace("{0}", path, StringComparison.Ordinal))));
    }

    [Fact]
    public void A_platform_whose_state_cannot_be_written_is_named_by_its_folder()
    {
        string folder = _files.File("vm");
        Pmem.Emulation.VirtualPlatform.Create(folder, new Pmem.Emulation.VirtualPlatformOptions { Capacity = 64 << 20 }).Dispose();
        string state = Path.Combine(folder, "platform.state");
        File.SetUnixFileMode(state, UnixFileMode.UserRead);
        Assert.Equal(
            $"the platform in {folder} cannot be opened, for its state cannot be written (permission denied, r--------): ask its owner, copy its folder, or look at a capture of it ('pmem capture')",
            FailureText.Of(new PmemException($"cannot open {state}: Permission denied (errno 13); open it read-only or copy-on-write, or change its permissions")));
        Assert.StartsWith($"{folder}/x cannot be reached", FailureText.Of(new PmemException($"cannot create {folder}/x: Permission denied (errno 13)")), StringComparison.Ordinal);
        Assert.Equal($"{folder}/x is on a file system that is read-only: choose another, or mount it for writing", FailureText.Of(new PmemException($"cannot open {folder}/x: Read-only file system (errno 30)")));
    }

    [Fact]
    public void A_file_about_which_nothing_can_be_found_out_is_no_failure_of_its_own()
    {
        string loop = _files.File("loop");
        File.CreateSymbolicLink(loop, _files.File("back"));
        File.CreateSymbolicLink(_files.File("back"), loop);
        string said = $"cannot open {loop}: Permission denied (errno 13)";
        Assert.Equal(said, FailureText.Of(new PmemException(said)));
        foreach (string path in (string[])["", "\0", loop])
        {
            foreach (Exception failure in (Exception[])[new UnauthorizedAccessException($"Access to the path '{path}' is denied."), new DirectoryNotFoundException($"Could not find a part of the path '{path}'."), new FileNotFoundException($"there is no file {path}"), new IOException($"Is a directory : '{path}'")])
                Assert.NotEmpty(FailureText.Of(failure));
        }
    }

    [Fact]
    public void A_file_that_is_not_whole_yet_is_called_by_its_name()
    {
        string path = _files.File("x.capture");
        Assert.StartsWith($"there is no space left for {path}:", FailureText.Of(new IOException($"No space left on device : '{_files.File(".x.capture.pmem-partial-")}{Guid.NewGuid():n}'")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_user_may_not_open_is_said_with_its_permissions()
    {
        string path = _files.File("secret");
        File.WriteAllBytes(path, []);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal($"{path} cannot be opened: permission denied (rw-------); ask its owner, or run the command as a user who may", FailureText.Of(new UnauthorizedAccessException($"Access to the path '{path}' is denied.")));
        Assert.Equal($"{path}.new cannot be reached or made: permission denied; ask the owner of its folder, or run the command as a user who may", FailureText.Of(new UnauthorizedAccessException($"Access to the path '{path}.new' is denied.")));
    }
}
