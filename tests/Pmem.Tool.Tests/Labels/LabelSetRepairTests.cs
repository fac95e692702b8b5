using System.Text.Json;

namespace Pmem.Tool.Tests.Labels;

/// <summary>Labels of all DIMMs of a set, repaired together.</summary>
public sealed class LabelSetRepairTests : IDisposable
{
    private const int Media = 128 << 20;
    private const int AreaSize = 128 << 10;

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_destroyed_namespace_comes_back_on_all_DIMMs_at_once()
    {
        string folder = Make(out string uuid);
        Assert.Equal(0, ToolRunner.Run("namespace", "destroy", "namespace0.0", "--platform", folder, "--force").ExitCode);
        string[] images = [Path.Combine(folder, "dimm-0.img"), Path.Combine(folder, "dimm-1.img")];
        JsonElement dry = ToolRunner.Json(0, ["labels", "repair", .. images, "--label-size", "128KiB", "--restore", uuid, "--dry-run"]);
        Assert.Equal((2, false), (dry.GetProperty("actions").GetArrayLength(), dry.GetProperty("changed").GetBoolean()));
        Assert.Empty(Namespaces(folder));

        // The order of the files is that of the labels they hold, however they are named.
        JsonPage.Compare("## `pmem labels repair", ToolRunner.Json(0, ["labels", "repair", images[1], images[0], "--label-size", "128KiB", "--restore", uuid]));
        Assert.Equal([uuid], Namespaces(folder));
        Assert.Equal(0, ToolRunner.Run("namespace", "destroy", "namespace0.0", "--platform", folder, "--force").ExitCode);
        JsonPage.Compare("## `pmem labels repair", ToolRunner.Json(0, "labels", "repair", "--platform", folder, "--restore", uuid));
        Assert.Equal([uuid], Namespaces(folder));
        Assert.Contains("nothing to repair", ToolRunner.Run("labels", "repair", "--platform", folder).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_update_that_reached_one_DIMM_alone_is_completed()
    {
        string folder = Make(out string uuid);
        Assert.Equal(0, ToolRunner.Run("namespace", "destroy", "namespace0.0", "--platform", folder, "--force").ExitCode);
        string[] images = [Path.Combine(folder, "dimm-0.img"), Path.Combine(folder, "dimm-1.img")];
        Assert.Equal(0, ToolRunner.Run("labels", "repair", images[0], "--label-size", "128KiB", "--restore", uuid).ExitCode);
        JsonElement broken = ToolRunner.Json(1, "explain", "--platform", folder).EnumerateArray().Single();
        Assert.Equal("disabled", broken.GetProperty("regions")[0].GetProperty("state").GetString());
        Assert.Equal(0, ToolRunner.Run(["labels", "repair", .. images, "--label-size", "128KiB"]).ExitCode);
        Assert.Equal([uuid], Namespaces(folder));
    }

    [Fact]
    public void A_set_follows_its_data_to_other_DIMMs()
    {
        string folder = Make(out string uuid);
        foreach (int dimm in (int[])[0, 1])
        {
            byte[] area = Area(folder, dimm);
            using FileStream file = File.OpenWrite(Path.Combine(folder, $"dimm-{dimm + 2}.img"));
            file.Position = Media;
            file.Write(area);
        }

        Assert.Single(Namespaces(folder));
        JsonElement moved = ToolRunner.Json(0, "labels", "repair", "--platform", folder, "--region", "region1", "--move");
        Assert.Contains("region1: ", moved.GetProperty("actions")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal([uuid, uuid], Namespaces(folder));
    }

    [Fact]
    public void What_is_not_one_set_is_refused()
    {
        string folder = Make(out _);
        string[] images = [.. Enumerable.Range(0, 4).Select(dimm => Path.Combine(folder, $"dimm-{dimm}.img"))];
        Assert.Contains("no label says", ToolRunner.Fail("labels", "repair", images[2], images[3], "--label-size", "128KiB"), StringComparison.Ordinal);
        Assert.Contains("each DIMM of one set once", ToolRunner.Fail("labels", "repair", images[0], images[0], "--label-size", "128KiB"), StringComparison.Ordinal);
        Assert.Contains("--platform", ToolRunner.Fail("labels", "repair"), StringComparison.Ordinal);
        Assert.Contains("--cookie", ToolRunner.Fail("labels", "repair", images[0], images[1], "--label-size", "128KiB", "--move"), StringComparison.Ordinal);
        Assert.Contains("region7", ToolRunner.Fail("labels", "repair", "--platform", folder, "--region", "region7"), StringComparison.Ordinal);
    }

    private string Make(out string uuid)
    {
        string folder = _files.File("vm1");
        Assert.Equal(0, ToolRunner.Run("platform", "create", folder, "--dimms", "4", "--ways", "2", "--size", "128MiB").ExitCode);
        JsonElement made = ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--region", "region0", "--size", "32M", "--name", "data");
        uuid = made.GetProperty("rawUuid").GetString()!;
        return folder;
    }

    private static byte[] Area(string folder, int dimm)
    {
        byte[] area = new byte[AreaSize];
        using FileStream file = File.OpenRead(Path.Combine(folder, $"dimm-{dimm}.img"));
        file.Position = Media;
        file.ReadExactly(area);
        return area;
    }

    private static string[] Namespaces(string folder) => [.. ToolRunner.Json(0, "namespace", "list", "--platform", folder).EnumerateArray().Select(space => space.GetProperty("rawUuid").GetString()!)];
}
