using System.Text.Json;

namespace Pmem.Tool.Tests.Pool;

public sealed class ObjectsVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Every_object_is_listed_in_heap_order()
    {
        string path = _pools.Closed();
        JsonElement[] objects = [.. ToolRunner.Json(0, "pool", "objects", path).EnumerateArray()];
        Assert.Equal(3, objects.Length);
        long[] offsets = [.. objects.Select(o => o.GetProperty("offset").GetInt64())];
        Assert.Equal(offsets.Order(), offsets);
        Assert.Equal(3, offsets.Distinct().Count());

        JsonElement root = Assert.Single(objects, o => o.GetProperty("root").GetBoolean());
        Assert.Equal(ToolRunner.Json(0, "pool", "info", path).GetProperty("root").GetProperty("offset").GetInt64(), root.GetProperty("offset").GetInt64());
        Assert.InRange(root.GetProperty("usableSize").GetInt64(), 64, 128);
        Assert.True(root.GetProperty("internal").GetBoolean());

        JsonElement small = Assert.Single(objects, o => o.GetProperty("typeNumber").GetUInt64() == 7);
        Assert.InRange(small.GetProperty("usableSize").GetInt64(), 100, 128);
        Assert.False(small.GetProperty("internal").GetBoolean());
        JsonElement large = Assert.Single(objects, o => o.GetProperty("typeNumber").GetUInt64() == 8);
        Assert.InRange(large.GetProperty("usableSize").GetInt64(), 300_000, 300_000 + (256 << 10));
    }

    [Fact]
    public void An_unfinished_allocation_is_not_listed()
    {
        string path = _pools.Crashed();
        Assert.DoesNotContain(ToolRunner.Json(0, "pool", "objects", path).EnumerateArray(), o => o.GetProperty("typeNumber").GetUInt64() == 99);
        Assert.Contains("Recovery is pending", ToolRunner.Run("pool", "objects", path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_has_a_line_for_each_object()
    {
        ToolResult result = ToolRunner.Run("pool", "objects", _pools.Closed());
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(5, result.Output.TrimEnd().Split('\n').Length);
        Assert.EndsWith("3 objects\n", result.Output, StringComparison.Ordinal);
        Assert.Single(result.Output.Split('\n'), line => line.EndsWith("root", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_pool_has_no_objects()
    {
        string path = _pools.File("empty.pool");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "obj", path).ExitCode);
        Assert.Equal(0, ToolRunner.Json(0, "pool", "objects", path).GetArrayLength());
    }

    [Fact]
    public void A_damaged_pool_is_refused_with_the_place()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 0x1408, "x"u8);
        Assert.Contains("expected", ToolRunner.Fail("pool", "objects", path), StringComparison.Ordinal);
    }
}
