using System.Runtime.Versioning;
using System.Text.Json;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

/// <summary>Pools and set files behind symbolic links, named as a user names them: from the folder they stand in.</summary>
[SupportedOSPlatform("linux")]
public sealed class LinkedPoolTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public LinkedPoolTests()
    {
        // The folder itself is reached through a link, and the links in it climb: only who follows as the kernel does finds the files.
        Directory.CreateDirectory(_pools.File("far/real"));
        Directory.CreateSymbolicLink(_pools.File("dir"), "far/real");
    }

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData("link")]
    [InlineData("./link")]
    [InlineData("dir/link")]
    public void A_pool_behind_a_link_is_shown_checked_resized_and_removed(string link)
    {
        string pool = _pools.Closed("far/a.pool");
        Link(link, "a.pool");
        Assert.Equal(PoolFixture.Size, Json("info", link).GetProperty("size").GetInt64());
        Assert.True(Json("check", link).GetProperty("consistent").GetBoolean());
        Assert.Equal(PoolFixture.Size * 2, Json("resize", link, "32MiB").GetProperty("newSize").GetInt64());
        Assert.Equal(PoolFixture.Size * 2, new FileInfo(pool).Length);
        Assert.Equal(link, Json("rm", link).GetProperty("removed")[0].GetString());
        Assert.False(Path.Exists(_pools.File(link)));
        Assert.True(File.Exists(pool));
    }

    [Theory]
    [InlineData("link")]
    [InlineData("./link")]
    [InlineData("dir/link")]
    public void A_set_file_behind_a_link_is_read_whole_and_written_where_it_is(string link)
    {
        // What a reader of the first bytes takes for the part is another file: that must stay.
        string set = _pools.File("far/a.set");
        string decoy = _pools.File("part");
        File.WriteAllText(decoy, "not a part");
        File.WriteAllLines(set, ["PMEMPOOLSET", $"16M {_pools.File("part-a")}", $"16M {_pools.File("part-b")}"]);
        ToolRunner.Json(0, "pool", "create", "obj", set);
        Link(link, "a.set");
        Assert.Equal(2, Json("info", link).GetProperty("set").GetProperty("replicas")[0].GetProperty("parts").GetArrayLength());
        Assert.True(Json("check", link).GetProperty("consistent").GetBoolean());
        Assert.Equal((48 << 20) - 4096, Json("resize", link, $"{(48 << 20) - 4096}").GetProperty("newSize").GetInt64());
        Assert.NotNull(new FileInfo(_pools.File(link)).LinkTarget);
        Assert.Contains($"{32 << 20} {_pools.File("part-b")}", File.ReadAllText(set), StringComparison.Ordinal);
        Assert.Equal([_pools.File("part-a"), _pools.File("part-b")], Json("rm", link).GetProperty("removed").EnumerateArray().Select(file => file.GetString()!));
        Assert.False(File.Exists(_pools.File("part-a")) || File.Exists(_pools.File("part-b")));
        Assert.True(File.Exists(decoy) && File.Exists(set));
    }

    [Fact]
    public void The_name_of_a_link_target_does_not_cut_a_set_file()
    {
        // The target's name is as long as the text up to 'part': who takes the link's length for the file's names another file.
        string part = _pools.File("part");
        string cut = $"PMEMPOOLSET\n16M {part}";
        string set = _pools.File(new string('s', cut.Length));
        File.WriteAllText(set, $"{cut}-a\n");
        File.CreateSymbolicLink(_pools.File("link"), Path.GetFileName(set));
        Assert.Equal([$"{part}-a"], PoolRemoval.FilesOf(_pools.File("link")));
    }

    /// <summary>A link to a file of the folder "far".</summary>
    private void Link(string link, string target) =>
        File.CreateSymbolicLink(_pools.File(link), link.StartsWith("dir/", StringComparison.Ordinal) ? $"../{target}" : $"far/{target}");

    private JsonElement Json(params string[] arguments)
    {
        ToolResult result = ToolRunner.RunAs(["env", "-C", _pools.File(".")], ["pool", .. arguments, "--json"]);
        Assert.True(result.ExitCode == 0, $"ended with {result.ExitCode}: {result.Error}{result.Output}");
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }
}
