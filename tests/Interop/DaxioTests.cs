using Pmem;
using Pmem.Raw;

namespace Interop;

/// <summary>
/// What daxio says without a device: it refuses to copy between files, which we do. What both refuse, both refuse. Bytes that it writes to a
/// device are not compared.
/// </summary>
public sealed class DaxioTests : IDisposable
{
    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Daxio_copies_no_files_and_we_do()
    {
        string daxio = Peers.Tool("daxio");
        File.WriteAllBytes(_folder.File("in"), new byte[10_000]);
        foreach (string[] arguments in (string[][])[["-i", _folder.File("in"), "-o", _folder.File("out")], ["-z", "-o", _folder.File("in")], ["-i", "/dev/zero", "-o", _folder.File("in"), "-l", "4K"]])
        {
            PeerResult result = Peers.Run(daxio, arguments);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("neither input nor output is device dax", result.Error, StringComparison.Ordinal);
        }

        Assert.Equal(10_000, RawCopy.Run(RawEndpoint.Of(_folder.File("in")), RawEndpoint.Of(_folder.File("copy"))).Bytes);
    }

    [Fact]
    public void Both_refuse_an_input_that_is_missing_and_a_directory()
    {
        string daxio = Peers.Tool("daxio");
        Assert.Equal(1, Peers.Run(daxio, ["-i", _folder.File("missing"), "-o", _folder.File("out")]).ExitCode);
        Assert.Throws<FileNotFoundException>(() => RawCopy.Run(RawEndpoint.Of(_folder.File("missing")), RawEndpoint.Of(_folder.File("out"))));
        Assert.Equal(1, Peers.Run(daxio, ["-i", "/", "-o", _folder.File("out")]).ExitCode);
        Assert.Throws<PmemException>(() => RawCopy.Run(RawEndpoint.Of("/"), RawEndpoint.Of(_folder.File("out"))));
    }
}
