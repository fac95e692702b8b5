using System.Diagnostics;
using System.Text.Json;

namespace Pmem.Tool.Tests.Io;

/// <summary>daxio's options, on files.</summary>
public sealed class IoCopyVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_range_goes_from_file_to_file()
    {
        byte[] bytes = Random();
        File.WriteAllBytes(_files.File("in"), bytes);
        ToolResult copied = ToolRunner.Run("io", "copy", "-i", _files.File("in"), "-o", _files.File("out"), "-l", "64KiB", "-k", "1kB", "-s", "4K");
        Assert.Equal((0, $"{_files.File("out")}: 64 KiB (65536) copied\n"), (copied.ExitCode, copied.Output));
        Assert.Equal([.. new byte[4096], .. bytes[1000..66536]], File.ReadAllBytes(_files.File("out")));
        JsonElement zeroed = ToolRunner.Json(0, "io", "copy", "--zero", "--output", _files.File("out"), "--seek", "5000", "--len", "10", "--backup", _files.File("kept"));
        Assert.Equal(10, zeroed.GetProperty("bytes").GetInt64());
        Assert.Equal(new byte[10], File.ReadAllBytes(_files.File("out"))[5000..5010]);
        Assert.Equal(bytes[1904..1914], File.ReadAllBytes(_files.File("kept")));
    }

    [Fact]
    public void Standard_input_and_output_are_ends_too()
    {
        byte[] bytes = Random();
        File.WriteAllBytes(_files.File("in"), bytes);
        using Process tool = ToolRunner.Start("io", "copy", "--input", _files.File("in"), "--skip", "7");
        using var received = new MemoryStream();
        tool.StandardOutput.BaseStream.CopyTo(received);
        string told = tool.StandardError.ReadToEnd();
        tool.WaitForExit();
        Assert.True(received.ToArray().AsSpan().SequenceEqual(bytes.AsSpan(7)));
        Assert.StartsWith("standard output: ", told, StringComparison.Ordinal);

        // The runner closes standard input at once.
        ToolResult short1 = ToolRunner.Run("io", "copy", "--output", _files.File("out"), "--len", "5");
        Assert.Equal(1, short1.ExitCode);
        Assert.Contains("ended 5 bytes before", short1.Output, StringComparison.Ordinal);
        string shell = $"head -c 100000 {_files.File("in")} | dotnet {Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll")} io copy --output {_files.File("piped")} >{_files.File("told")}";
        using Process pipe = Process.Start("bash", ["-c", shell]);
        pipe.WaitForExit();
        Assert.Equal(0, pipe.ExitCode);
        Assert.Equal(bytes[..100_000], File.ReadAllBytes(_files.File("piped")));
    }

    [Fact]
    public void A_dry_run_changes_nothing()
    {
        File.WriteAllBytes(_files.File("in"), Random());
        Assert.Contains("dry run", ToolRunner.Run("io", "copy", "--input", _files.File("in"), "--output", _files.File("out"), "--dry-run").Output, StringComparison.Ordinal);
        Assert.False(File.Exists(_files.File("out")));
    }

    [Fact]
    public void A_file_is_not_written_far_behind_its_end()
    {
        byte[] bytes = Random();
        File.WriteAllBytes(_files.File("in"), bytes);
        File.WriteAllBytes(_files.File("out"), bytes);
        foreach (string[] more in (string[][])[["--input", _files.File("in")], ["--input", _files.File("in"), "--dry-run"], ["--zero", "--len", "1"]])
            Assert.Contains("200000 bytes, and 1099511627776 lies behind them", ToolRunner.Fail(["io", "copy", "--output", _files.File("out"), "--seek", "1T", .. more]), StringComparison.Ordinal);
        Assert.Contains("lies behind", ToolRunner.Fail("io", "copy", "--input", _files.File("in"), "--output", _files.File("out"), "--seek", "200001"), StringComparison.Ordinal);
        Assert.Equal(bytes, File.ReadAllBytes(_files.File("out")));
        Assert.Equal(0, ToolRunner.Run("io", "copy", "--input", _files.File("in"), "--output", _files.File("out"), "--seek", "200000").ExitCode);
        Assert.Equal([.. bytes, .. bytes], File.ReadAllBytes(_files.File("out")));
    }

    [Theory]
    [InlineData("must be named", "--len", "5")]
    [InlineData("--output", "--zero")]
    [InlineData("leave out --input", "--zero", "--output", "x", "--input", "y")]
    [InlineData("yes or no", "--output", "x", "--clear-bad-blocks", "maybe")]
    [InlineData("'1k' is not a number of bytes", "--output", "x", "--len", "1k")]
    [InlineData("no-such-file", "--input", "no-such-file", "--output", "x")]
    [InlineData("standard output", "--input", "/dev/zero", "--json")]
    [InlineData("does not say how long it is", "--zero", "--output", "/dev/null")]
    [InlineData("directory", "--input", "/")]
    public void What_cannot_be_done_says_why(string says, params string[] arguments)
    {
        Assert.Contains(says, ToolRunner.Fail(["io", "copy", .. arguments]), StringComparison.Ordinal);
        Assert.False(File.Exists("x"));
    }

    private static byte[] Random()
    {
        byte[] bytes = new byte[200_000];
        new Random(11).NextBytes(bytes);
        return bytes;
    }
}
