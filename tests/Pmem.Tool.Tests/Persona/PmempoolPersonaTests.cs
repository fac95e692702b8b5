using System.Buffers.Binary;
using Pmem.Logs;

namespace Pmem.Tool.Tests.Persona;

/// <summary>'pmem pmempool …' says and does what pmempool 1.12 says and does, on the same files.</summary>
public sealed class PmempoolPersonaTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("--version")]
    [InlineData("--help")]
    [InlineData("help")]
    [InlineData("help check")]
    [InlineData("help bogus")]
    [InlineData("bogus")]
    [InlineData("create --help")]
    [InlineData("info --help")]
    [InlineData("dump --help")]
    [InlineData("check --help")]
    [InlineData("rm --help")]
    [InlineData("feature --help")]
    [InlineData("create")]
    [InlineData("create obj")]
    [InlineData("create bogus x")]
    [InlineData("create blk x")]
    [InlineData("create log 512 x")]
    [InlineData("create -s 1M log x")]
    [InlineData("create -s bogus log x")]
    [InlineData("check")]
    [InlineData("check -z x")]
    [InlineData("check absent")]
    [InlineData("check -d x")]
    [InlineData("check -b y x")]
    [InlineData("dump")]
    [InlineData("info")]
    [InlineData("info absent")]
    [InlineData("rm")]
    [InlineData("rm absent")]
    [InlineData("rm -f absent")]
    [InlineData("feature")]
    [InlineData("feature -q BOGUS x")]
    public void Usage_help_and_mistakes_are_the_same(string command) => Compare(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    [Theory]
    [InlineData("info")]
    [InlineData("info -n -s")]
    [InlineData("info -d")]
    [InlineData("check")]
    [InlineData("check -v")]
    [InlineData("check -rvy")]
    [InlineData("dump")]
    [InlineData("dump -r 3-20")]
    [InlineData("dump --range=100-")]
    [InlineData("dump -b")]
    [InlineData("dump -c 100")]
    [InlineData("feature -q CKSUM_2K")]
    [InlineData("feature -q SINGLEHDR")]
    [InlineData("feature -e SINGLEHDR")]
    public void A_log_is_shown_checked_and_dumped_the_same(string command)
    {
        string path = _pools.File("some.log");
        using (PersistentLog log = PersistentLog.Create(path, 2 << 20))
            log.Append([.. Enumerable.Range(0, 1000).Select(i => (byte)i)]);
        Compare([.. command.Split(' '), path]);
    }

    [Theory]
    [InlineData("info")]
    [InlineData("info -n")]
    [InlineData("check -v")]
    [InlineData("dump")]
    public void An_object_pool_is_shown_and_checked_the_same(string command) => Compare([.. command.Split(' '), _pools.Closed()]);

    [Theory]
    [InlineData(4096, 0x500, "check")]
    [InlineData(4096, 0x500, "check -v")]
    [InlineData(4096, 0x500, "check -r -y -v")]
    [InlineData(4104, 0x500, "check -r -y")]
    [InlineData(4112, 0x500, "check -r -y -v")]
    [InlineData(4112, -1, "check -q")]
    [InlineData(16, 0x58, "check -v")]
    [InlineData(16, 0x58, "check -r -y -v")]
    [InlineData(160, 0x58, "check -r -y -v")]
    [InlineData(4096, 0x500, "check -r")]
    public void A_broken_log_gets_the_same_verdict_and_the_same_repair(long offset, long value, string command)
    {
        string path = _pools.File("broken.log");
        using (PersistentLog log = PersistentLog.Create(path, 2 << 20))
            log.Append("some bytes"u8);
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        PoolFixture.Patch(path, offset, bytes);
        byte[] broken = File.ReadAllBytes(path);
        (int code, string output, string _) = Real([.. command.Split(' '), path]);
        byte[] theirs = File.ReadAllBytes(path);
        File.WriteAllBytes(path, broken);
        ToolResult ours = ToolRunner.Run(["pmempool", .. command.Split(' '), path]);
        Assert.Equal(output, ours.Output);
        Assert.Equal(code, ours.ExitCode);
        Assert.Equal(theirs, File.ReadAllBytes(path));
    }

    [Fact]
    public void Pools_are_created_and_removed_the_same()
    {
        foreach (string command in (string[])["create -v -s 4M log", "create -v --layout=bank obj", "create -v -m 600 blk 512"])
        {
            string path = _pools.File("new.pool");
            (int code, string output, string _) = Real([.. command.Split(' '), path]);
            UnixFileMode mode = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);
            long length = new FileInfo(path).Length;
            Real(["rm", path]);
            ToolResult ours = ToolRunner.Run(["pmempool", .. command.Split(' '), path]);
            Assert.Equal(output, ours.Output);
            Assert.Equal(code, ours.ExitCode);
            Assert.Equal(length, new FileInfo(path).Length);
            if (!OperatingSystem.IsWindows())
                Assert.Equal(mode, File.GetUnixFileMode(path));
            Compare(["check", "-v", path], skipOutput: command.Contains("blk", StringComparison.Ordinal));
            Compare(["create", "log", path]);
            Assert.Equal($"removed '{path}'\n", ToolRunner.Run("pmempool", "rm", "-v", path).Output);
        }
    }

    private static void Compare(string[] arguments, bool skipOutput = false)
    {
        (int code, string output, string error) = Real(arguments);
        RawResult ours = PersonaComparison.Ours(arguments);
        Assert.Equal(code, ours.ExitCode);
        if (skipOutput)
            return;
        Assert.Equal(output, ours.Output);
        Assert.Equal(error, ours.Error);
    }

    private static (int Code, string Output, string Error) Real(string[] arguments)
    {
        RawResult real = PersonaComparison.Real(arguments);
        return (real.ExitCode, real.Output, real.Error);
    }
}
