using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pmem.Objects;
using Pmem.Tool.Tests.Persona;

namespace Pmem.Tool.Tests.Pool;

/// <summary>The details of 'pmem pool info' are what is on media, and agree with what pmempool counts.</summary>
public sealed class InfoDetailTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Statistics_of_an_object_pool_are_those_that_pmempool_counts()
    {
        string path = _pools.File("a.pool");
        PersonaPools.Objects(path);
        JsonElement statistics = ToolRunner.Json(0, "pool", "info", path, "--stats").GetProperty("statistics");
        string theirs = PersonaComparison.Real(["info", "-s", path]).Output;
        // pmempool leaves the root object out; it is the only one of type 0.
        Assert.Equal(Number(theirs, "Number of objects") + 1, statistics.GetProperty("objects").GetInt64());
        JsonElement[] types = [.. statistics.GetProperty("types").EnumerateArray().Skip(1)];
        Assert.Equal(Matches(theirs, "Type number"), types.Select(type => type.GetProperty("typeNumber").GetInt64()));
        Assert.Equal(Number(theirs, "Number of bytes"), types.Sum(type => type.GetProperty("bytes").GetInt64()));
        JsonElement zone = statistics.GetProperty("zones")[0];
        Assert.Equal(Matches(theirs, "Unit size"), zone.GetProperty("classes").EnumerateArray().Select(each => each.GetProperty("unitSize").GetInt64()));
        Assert.Equal(Matches(theirs, "Used bytes"), zone.GetProperty("classes").EnumerateArray().Select(each => each.GetProperty("usedBytes").GetInt64()));
        JsonElement some = ToolRunner.Json(0, "pool", "info", path, "--stats", "--types", "77-79").GetProperty("statistics");
        Assert.Equal([77, 79], some.GetProperty("types").EnumerateArray().Select(type => type.GetProperty("typeNumber").GetInt64()));
    }

    [Fact]
    public void The_heap_map_covers_every_chunk_once()
    {
        string path = _pools.File("a.pool");
        PersonaPools.Objects(path);
        JsonElement zone = ToolRunner.Json(0, "pool", "info", path, "--heap", "--bitmaps").GetProperty("heapMap").GetProperty("zone")[0];
        long next = 0;
        foreach (JsonElement chunk in zone.GetProperty("chunk").EnumerateArray())
        {
            Assert.Equal(next, chunk.GetProperty("index").GetInt64());
            next += chunk.GetProperty("size").GetInt64();
            if (chunk.GetProperty("type").GetString() == "run")
                Assert.Equal((chunk.GetProperty("units").GetInt32() + 63) / 64, chunk.GetProperty("bitmap").GetString()!.Split(' ').Length);
        }

        Assert.Equal(zone.GetProperty("chunks").GetInt64(), next);
        JsonElement first = ToolRunner.Json(0, "pool", "info", path, "--heap", "--range", "0").GetProperty("heapMap").GetProperty("zone")[0].GetProperty("chunk");
        Assert.Equal(1, first.GetArrayLength());
    }

    [Fact]
    public void Lanes_show_what_an_interrupted_transaction_left()
    {
        string path = _pools.Crashed();
        byte[] before = File.ReadAllBytes(path);
        JsonElement lanes = ToolRunner.Json(0, "pool", "info", path, "--lanes", "--pending").GetProperty("lanes");
        JsonElement lane = Assert.Single(lanes.GetProperty("lane").EnumerateArray());
        Assert.True(lane.GetProperty("pending").GetBoolean());
        Assert.Contains(lane.GetProperty("undo").EnumerateArray(), entry => entry.GetProperty("operation").GetString() == "copy" && entry.GetProperty("length").GetInt64() == 64);
        Assert.Equal(3, ToolRunner.Json(0, "pool", "info", path, "--lanes", "--range", "5-6,1000").GetProperty("lanes").GetProperty("lane").GetArrayLength());
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void The_table_map_and_flog_of_a_block_pool_are_shown()
    {
        string path = _pools.File("a.blk");
        PersonaPools.Blocks(path);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path, "--table", "--map", "--flog", "--stats", "--headers", "--range", "3-9");
        JsonElement arena = Assert.Single(info.GetProperty("table").GetProperty("arena").EnumerateArray());
        Assert.True(arena.GetProperty("valid").GetBoolean() && arena.GetProperty("copyEqual").GetBoolean());
        Assert.Equal(["normal", "initial", "normal", "initial", "zero", "initial", "bad"], arena.GetProperty("map").EnumerateArray().Select(entry => entry.GetProperty("state").GetString()));
        Assert.Equal(256, arena.GetProperty("flog").GetArrayLength());
        Assert.Equal(512, info.GetProperty("descriptor").GetProperty("blockSize").GetInt32());
        JsonElement statistics = info.GetProperty("statistics");
        Assert.Equal(3, statistics.GetProperty("normal").GetInt64());
        Assert.Equal(arena.GetProperty("externalBlocks").GetInt64(), new[] { "initial", "normal", "zero", "bad" }.Sum(state => statistics.GetProperty(state).GetInt64()));
    }

    [Fact]
    public void Text_has_the_same_sections_and_sets_have_replicas()
    {
        string set = _pools.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n8M {_pools.File("p")}\nREPLICA\n8M {_pools.File("q")}\n");
        ObjectStore.Create(set, "x", 0).Dispose();
        ToolResult all = ToolRunner.Run("pool", "info", set, "--all", "--hex", "--replica", "1", "--range", "0-1");
        Assert.Equal(0, all.ExitCode);
        foreach (string section in (string[])["poolHeader:", "descriptor:", "heapHeader:", "lanes:", "heapMap:", "statistics:", "00001000  78 00"])
            Assert.Contains(section, all.Output, StringComparison.Ordinal);
        Assert.Contains("no replica 2", ToolRunner.Fail("pool", "info", set, "--lanes", "--replica", "2"), StringComparison.Ordinal);
        Assert.Contains("is not a range", ToolRunner.Fail("pool", "info", set, "--lanes", "--range", "x"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_content_of_a_log_is_shown_by_range()
    {
        string path = _pools.File("a.log");
        PersonaPools.Log(path);
        JsonElement content = ToolRunner.Json(0, "pool", "info", path, "--data", "--range", "100-109,5000-").GetProperty("content").GetProperty("pieces");
        byte[] log = File.ReadAllBytes(path)[8192..];
        Assert.Equal(log[100..110], content[0].GetProperty("bytes").GetProperty("data").GetBytesFromBase64());
        Assert.Equal(log[5000..5433], content[1].GetProperty("bytes").GetProperty("data").GetBytesFromBase64());
    }

    [Fact]
    public void A_block_dump_is_pmempools()
    {
        string path = _pools.File("a.blk");
        PersonaPools.Blocks(path);
        string ours = _pools.File("ours");
        string theirs = _pools.File("theirs");
        Assert.Equal(0, ToolRunner.Run("pool", "dump", path, "--raw", "--range", "0-8,10-50,40000", "--output", ours).ExitCode);
        Assert.Equal(0, PersonaComparison.Real(["dump", "-b", "-o", theirs, "-r", "40000,0-8", path]).ExitCode);
        byte[] pool = File.ReadAllBytes(ours);
        byte[] some = File.ReadAllBytes(theirs);
        Assert.Equal(512 * (9 + 41 + 1), pool.Length);
        byte[] same = [.. pool[..(9 * 512)], .. pool[^512..]];
        Assert.Equal(some, same);
        Assert.Contains("block 9 is marked as bad", ToolRunner.Run("pool", "dump", path, "--range", "8-9").Error, StringComparison.Ordinal);

        string[] lines = ToolRunner.Run("pool", "dump", path, "--json", "--range", "3-9").Output.TrimEnd().Split('\n');
        Assert.Equal(["normal", "zero", "normal", "zero", "zero", "zero", "bad"], lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("state").GetString()));
        Assert.Equal(3, ToolRunner.Run("pool", "dump", path, "--json", "--skip-zero", "--skip-error").Output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void A_log_dump_is_pmempools()
    {
        string path = _pools.File("a.log");
        PersonaPools.Log(path);
        string ours = _pools.File("ours");
        string theirs = _pools.File("theirs");
        Assert.Equal(0, ToolRunner.Run("pool", "dump", path, "--raw", "--range", "10-200,5000-", "--output", ours).ExitCode);
        Assert.Equal(0, PersonaComparison.Real(["dump", "-b", "-o", theirs, "-r", "10-200,5000-", path]).ExitCode);
        Assert.Equal(File.ReadAllBytes(theirs), File.ReadAllBytes(ours));
    }

    [Fact]
    public void Objects_are_dumped_by_type_number()
    {
        string path = _pools.Closed();
        string line = Assert.Single(ToolRunner.Run("pool", "dump", path, "--data", "--type", "7").Output.TrimEnd().Split('\n'));
        JsonElement item = JsonDocument.Parse(line).RootElement;
        Assert.Equal(7, item.GetProperty("typeNumber").GetInt32());
        Assert.Equal(item.GetProperty("usableSize").GetInt64(), item.GetProperty("data").GetBytesFromBase64().Length);
    }

    private static IEnumerable<long> Matches(string text, string field) =>
        Regex.Matches(text, $"^ +{field} +: ([0-9]+)", RegexOptions.Multiline).Select(match => long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture));

    private static long Number(string text, string field) => long.Parse(Regex.Match(text, $"^{field} +: ([0-9]+)", RegexOptions.Multiline).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
}
