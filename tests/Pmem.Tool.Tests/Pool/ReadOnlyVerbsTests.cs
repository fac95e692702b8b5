using System.Runtime.Versioning;

namespace Pmem.Tool.Tests.Pool;

/// <summary>What all verbs that only look have in common: the file stays as it is, and what cannot be read is said in one sentence.</summary>
[SupportedOSPlatform("linux")]
public sealed class ReadOnlyVerbsTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public static TheoryData<string> Verbs => ["info", "check", "objects"];

    public void Dispose() => _pools.Dispose();

    [Theory]
    [MemberData(nameof(Verbs))]
    public void The_file_is_not_changed_by_a_byte_nor_a_second(string verb)
    {
        foreach (string path in (string[])[_pools.Closed(), _pools.Crashed(), Damaged()])
        {
            File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddDays(10_000));
            byte[] before = File.ReadAllBytes(path);
            UnixFileMode mode = File.GetUnixFileMode(path);
            ToolRunner.Run("pool", verb, path);
            ToolRunner.Run("pool", verb, path, "--json");
            Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(path)), $"{verb} changed {path}");
            Assert.Equal(DateTime.UnixEpoch.AddDays(10_000), File.GetLastWriteTimeUtc(path));
            Assert.Equal(mode, File.GetUnixFileMode(path));
        }
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_missing_file_is_said_to_be_missing(string verb)
    {
        string path = _pools.File("absent");
        Assert.Contains($"no file {path}", ToolRunner.Fail("pool", verb, path), StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_directory_is_said_to_be_one(string verb) =>
        Assert.Contains("is a directory", ToolRunner.Fail("pool", verb, Path.GetDirectoryName(_pools.File("x"))!), StringComparison.Ordinal);

    [Theory]
    [InlineData("info", 0)]
    [InlineData("info", 4095)]
    [InlineData("objects", 0)]
    [InlineData("objects", 4096)]
    public void A_file_too_small_for_a_pool_is_said_to_be_so(string verb, int size)
    {
        string path = _pools.File("small");
        File.WriteAllBytes(path, new byte[size]);
        Assert.Contains(path, ToolRunner.Fail("pool", verb, path), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_file_that_may_only_be_read_can_be_looked_at(string verb)
    {
        string path = _pools.Crashed();
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Equal(0, ToolRunner.RunAs(Unprivileged(), "pool", verb, path).ExitCode);
    }

    [Theory]
    [InlineData("info")]
    [InlineData("check")]
    [InlineData("objects")]
    [InlineData("recover")]
    public void A_file_without_permission_is_said_to_be_so(string verb)
    {
        string path = _pools.Closed();
        File.SetUnixFileMode(path, verb == "recover" ? UnixFileMode.OtherRead : UnixFileMode.UserExecute);
        string message = ToolRunner.Failed(ToolRunner.RunAs(Unprivileged(), "pool", verb, path));
        Assert.Contains("ermission denied", message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    private string Damaged()
    {
        string path = _pools.Closed("damaged.pool");
        PoolFixture.Patch(path, 0x302000, "damaged"u8);
        return path;
    }

    /// <summary>Permissions do not bind root: give them up for the child.</summary>
    private static string[] Unprivileged()
    {
        if (Environment.UserName != "root")
            return [];
        const string SetPriv = "/usr/bin/setpriv";
        string[] prefix = [SetPriv, "--reuid=65534", "--regid=65534", "--clear-groups"];
        if (!File.Exists(SetPriv) || ToolRunner.RunAs(prefix, "--version").ExitCode != 0)
            Assert.Skip("the test runs as root, and setpriv (util-linux) cannot run the tool as somebody else");
        return prefix;
    }
}
