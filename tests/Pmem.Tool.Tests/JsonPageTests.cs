using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Tests;

/// <summary>docs/formats/json.md names every member that the tool prints, with its type, and no other.</summary>
public sealed partial class JsonPageTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Info_is_as_documented()
    {
        string path = _pools.Closed();
        JsonElement valid = ToolRunner.Json(0, "pool", "info", path);
        Compare("## `pmem pool info", [valid], except: "problem");
        PoolFixture.Patch(path, 150, "x"u8);
        Assert.Equal(JsonValueKind.String, ToolRunner.Json(1, "pool", "info", path).GetProperty("problem").ValueKind);
        Compare("## `pmem pool info", [ToolRunner.Json(0, "pool", "create", "obj", _pools.File("new.pool"))], except: "problem");
    }

    [Fact]
    public void Check_is_as_documented()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 150, "x"u8);
        Compare("## `pmem pool check", [ToolRunner.Json(1, "pool", "check", path)]);
    }

    [Fact]
    public void Objects_are_as_documented() => Compare("## `pmem pool objects", ToolRunner.Json(0, "pool", "objects", _pools.Closed()).EnumerateArray());

    [Fact]
    public void Recover_is_as_documented() => Compare("## `pmem pool recover", [ToolRunner.Json(0, "pool", "recover", _pools.Crashed())]);

    [Fact]
    public void Nfit_lint_is_as_documented()
    {
        string table = _pools.File("nfit.aml");
        Assert.Equal(0, ToolRunner.Run("nfit", "build", table, "--size", "64MiB", "--base", "0x100001000").ExitCode);
        Compare("## `pmem nfit lint", ToolRunner.Json(0, "nfit", "lint", table).EnumerateArray());
    }

    [Fact]
    public void Info_of_a_log_is_as_documented() => Compare("## Logs: `pmem pool info", [ToolRunner.Json(0, "pool", "create", "log", _pools.File("new.log")).GetProperty("log")]);

    [Fact]
    public void Info_of_blocks_is_as_documented() => Compare("## Block pools: `pmem pool info", [ToolRunner.Json(0, "pool", "create", "blk", _pools.File("new.blk")).GetProperty("blocks")]);

    [Fact]
    public void Sets_are_as_documented()
    {
        string one = _pools.File("one.set");
        string two = _pools.File("two.set");
        File.WriteAllText(one, $"PMEMPOOLSET\n8M {_pools.File("a")}\n");
        File.WriteAllText(two, $"PMEMPOOLSET\n8M {_pools.File("a")}\nREPLICA\n8M {_pools.File("b")}\n");
        Compare("## Pool sets: `pmem pool info", [ToolRunner.Json(0, "pool", "create", "obj", one).GetProperty("set")]);
        Compare("## `pmem pool transform", [ToolRunner.Json(0, "pool", "transform", one, two)]);
        File.Delete(_pools.File("b"));
        Compare("## `pmem pool sync", [ToolRunner.Json(0, "pool", "sync", two)]);
    }

    [Fact]
    public void Repair_is_as_documented()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 0x1808, "\x03"u8);
        PoolFixture.Patch(path, 16, "\x66"u8);
        JsonElement repair = ToolRunner.Json(0, "pool", "repair", path);
        Assert.NotEqual(0, repair.GetProperty("mends").GetArrayLength());
        PoolFixture.Truncate(path, 9 << 20);
        Compare("## `pmem pool repair", [ToolRunner.Json(1, "pool", "repair", path)]);
    }

    [Fact]
    public void Dump_is_as_documented()
    {
        ToolResult objects = ToolRunner.Run("pool", "dump", _pools.Closed(), "--data", "--json");
        Compare("## `pmem pool dump FILE --json` of an object pool", objects.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement));
        string log = _pools.File("new.log");
        using (Pmem.Logs.PersistentLog made = Pmem.Logs.PersistentLog.Create(log, 2 << 20))
            made.Append(new byte[5000]);
        ToolResult chunks = ToolRunner.Run("pool", "dump", log, "--json");
        Compare("## `pmem pool dump FILE --json` of a log", chunks.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement));
    }

    [Fact]
    public void Feature_resize_rm_and_convert_are_as_documented()
    {
        string path = _pools.Closed();
        Compare("## `pmem pool feature", [ToolRunner.Json(0, "pool", "feature", path)]);
        Compare("## `pmem pool convert", [ToolRunner.Json(0, "pool", "convert", path)]);
        File.WriteAllText(_pools.File("types.json"), """{ "root": {}, "types": { "7": { "foundByWalking": true }, "8": { "foundByWalking": true } } }""");
        Compare("## `pmem pool copy", [ToolRunner.Json(0, "pool", "copy", path, _pools.File("copy.pool"), "--types", _pools.File("types.json"))]);
        Compare("## `pmem pool resize", [ToolRunner.Json(0, "pool", "resize", path, "17MiB")]);
        Compare("## `pmem pool rm", [ToolRunner.Json(0, "pool", "rm", path)]);
    }

    [Fact]
    public void Io_copy_is_as_documented() => Compare("## `pmem io copy", [ToolRunner.Json(0, "io", "copy", "--zero", "--len", "1MB", "--output", _pools.File("zeros"))]);

    [Fact]
    public void Crash_verbs_are_as_documented()
    {
        using var files = new Crash.CrashFixture();
        string trace = files.Flag(isRight: false);
        Compare("## `pmem crash explore", [ToolRunner.Json(1, "crash", "explore", trace, "--check", Crash.CrashFixture.Check)]);
        Compare("## `pmem crash lint", [ToolRunner.Json(1, "crash", "lint", files.NeverFlushed())]);
        Compare("## `pmem crash replay", [ToolRunner.Json(1, "crash", "replay", trace, "p4,400=1", "--out", files.File("x.img"), "--check", "false {image}")]);
        Assert.Equal(0, ToolRunner.Run("crash", "export", trace, "-o", files.File("x.log")).ExitCode);
        Compare("## `pmem crash import", [ToolRunner.Json(0, "crash", "import", files.File("x.log"), "-o", files.File("y.pmtrace"))]);
        string tool = Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll");
        ToolResult recorded = ToolRunner.Run("crash", "record", "-o", files.File("r.pmtrace"), "--json", "--", tool, "pool", "create", "log", files.File("new.pool"), "--size", "2MiB");
        using var document = JsonDocument.Parse(recorded.Output);
        Compare("## `pmem crash record", [document.RootElement]);
    }

    [Fact]
    public void Examples_on_the_page_are_JSON()
    {
        int examples = 0;
        foreach (Match block in CodeBlock().Matches(Page()))
        {
            using var document = JsonDocument.Parse(block.Groups["json"].Value);
            examples++;
        }

        Assert.InRange(examples, 5, 100);
    }

    private static void Compare(string heading, IEnumerable<JsonElement> values, string? except = null)
    {
        Dictionary<string, string> documented = Documented(heading);
        if (except is not null)
            Assert.True(documented.Remove(except));
        int count = 0;
        foreach (JsonElement value in values)
        {
            var printed = new Dictionary<string, string>(StringComparer.Ordinal);
            Collect(value, string.Empty, printed);
            Assert.Equal(documented.Keys.Order(StringComparer.Ordinal), printed.Keys.Order(StringComparer.Ordinal));
            foreach ((string member, string type) in printed)
                Assert.StartsWith(type, documented[member], StringComparison.Ordinal);
            count++;
        }

        Assert.NotEqual(0, count);
    }

    private static void Collect(JsonElement value, string prefix, Dictionary<string, string> members)
    {
        foreach (JsonProperty property in value.EnumerateObject())
        {
            string name = prefix + property.Name;
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    Collect(property.Value, name + ".", members);
                    break;
                case JsonValueKind.Array:
                    members[name] = "array";
                    foreach (JsonElement item in property.Value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object))
                        Collect(item, name + "[].", members);
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    members[name] = "boolean";
                    break;
                default:
                    members[name] = property.Value.ValueKind == JsonValueKind.Number ? "number" : "string";
                    break;
            }
        }
    }

    private static Dictionary<string, string> Documented(string heading)
    {
        string page = Page();
        int start = page.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"no heading {heading}");
        int end = page.IndexOf("\n## ", start, StringComparison.Ordinal);
        var members = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match row in Row().Matches(end < 0 ? page[start..] : page[start..end]))
            members.Add(row.Groups["name"].Value, row.Groups["type"].Value);
        return members;
    }

    private static string Page()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return File.ReadAllText(Path.Combine(folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "docs", "formats", "json.md"));
    }

    [GeneratedRegex(@"^\| `(?<name>[^`]+)` \| (?<type>[^|]+) \|", RegexOptions.Multiline, 1000)]
    private static partial Regex Row();

    [GeneratedRegex("```json\n(?<json>.*?)```", RegexOptions.Singleline, 1000)]
    private static partial Regex CodeBlock();
}
