using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Our tool on pools that <c>pmempool</c> made, and <c>pmempool</c> on ours.</summary>
public sealed partial class PmempoolTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData("obj")]
    [InlineData("log")]
    [InlineData("blk")]
    public void A_pool_made_by_pmempool_is_shown_and_consistent(string kind)
    {
        string path = _pools.File("peer.pool");
        string[] options = kind switch { "obj" => ["--layout", "peers"], "blk" => ["512"], _ => [] };
        Pmempool(0, ["create", "-s", "20M", kind, .. options, path]);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.Equal(kind, info.GetProperty("type").GetString());
        Assert.Equal(20 << 20, info.GetProperty("size").GetInt64());
        Assert.True(ToolRunner.Json(0, "pool", "check", path).GetProperty("consistent").GetBoolean());
        Compare(path, info);
        if (kind == "obj")
        {
            Assert.Equal("peers", info.GetProperty("layout").GetString());
            Assert.Equal(0, ToolRunner.Json(0, "pool", "objects", path).GetArrayLength());
        }
    }

    [Fact]
    public void Pools_of_ours_are_accepted_by_pmempool()
    {
        string created = _pools.File("created.pool");
        JsonElement info = ToolRunner.Json(0, "pool", "create", "obj", created, "--size", "12MiB", "--layout", "ours");
        Pmempool(0, "check", created);
        Compare(created, info);

        string filled = _pools.Closed();
        Pmempool(0, "check", filled);
        Compare(filled, ToolRunner.Json(0, "pool", "info", filled));

        string recovered = _pools.Crashed();
        Assert.Equal(0, ToolRunner.Run("pool", "recover", recovered).ExitCode);
        Pmempool(0, "check", recovered);
    }

    [Fact]
    public void Both_refuse_a_header_with_a_wrong_checksum()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 150, "x"u8);
        Pmempool(1, "check", path);
        Assert.False(ToolRunner.Json(1, "pool", "check", path).GetProperty("consistent").GetBoolean());
    }

    private static void Compare(string path, JsonElement info)
    {
        Dictionary<string, string> theirs = [];
        foreach (Match line in Line().Matches(Pmempool(0, "info", path)))
            theirs.TryAdd(line.Groups["name"].Value.Trim(), line.Groups["value"].Value.Trim());
        Assert.Equal(theirs["UUID"], Property(info, "uuid"));
        Assert.Equal(theirs["Pool set UUID"], Property(info, "poolsetUuid"));
        Assert.Equal(theirs["Major"], info.GetProperty("major").GetInt32().ToString());
    }

    private static string? Property(JsonElement info, string name) => info.GetProperty(name).GetString();

    private static string Pmempool(int exitCode, params string[] arguments)
    {
        const string Program = "/usr/bin/pmempool";
        if (!File.Exists(Program))
        {
            const string Message = "pmempool is not installed; ./test.sh --with-peers installs it";
            Assert.False(Environment.GetEnvironmentVariable("PMEM_PEERS") == "required", Message);
            Assert.Skip(Message);
        }

        using var process = Process.Start(new ProcessStartInfo(Program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == exitCode, $"pmempool {string.Join(' ', arguments)} ended with {process.ExitCode}: {error}{output}");
        return output;
    }

    [GeneratedRegex("^(?<name>[^:\n]+):(?<value>.*)$", RegexOptions.Multiline, 1000)]
    private static partial Regex Line();
}
