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
        CopyAreas(folder);
        Assert.Single(Namespaces(folder));
        JsonElement moved = ToolRunner.Json(0, "labels", "repair", "--platform", folder, "--region", "region1", "--move");
        Assert.Contains("region1: ", moved.GetProperty("actions")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal([uuid, uuid], Namespaces(folder));
    }

    [Fact]
    public void Remedies_for_swapped_DIMMs_do_what_they_say_as_they_are_printed()
    {
        // DIMMs in other places of sets can only be put back.
        string sets = Make(out string uuid);
        foreach ((string first, string second) in ((string, string)[])[("0", "1"), ("1", "2")])
        {
            ToolRunner.Json(0, "platform", "inject", sets, "--dimm", first, "--swap", second);

            // The same of the DIMMs that stayed: labels are not to be moved, for their set is not whole here.
            string line = Assert.Single(Lines(sets));
            Assert.Equal($"platform inject {sets} --dimm {first} --swap {second}", line);
            Type(line);
            Assert.Empty(Lines(sets));
            Assert.Equal([uuid], Namespaces(sets));
        }
    }

    [Fact]
    public void The_remedy_for_data_on_other_DIMMs_moves_their_labels_as_it_is_printed()
    {
        string folder = Make(out string uuid);
        CopyAreas(folder);
        string line = Assert.Single(Lines(folder), line => line.EndsWith(folder, StringComparison.Ordinal));
        Assert.Equal($"labels repair --region region1 --move --platform {folder}", line);
        Type(line);
        Assert.DoesNotContain(line, Lines(folder));
        Assert.Equal([uuid, uuid], Namespaces(folder));
    }

    [Fact]
    public void Remedies_for_images_in_another_order_name_the_images()
    {
        string folder = _files.File("vm3");
        Assert.Equal(0, ToolRunner.Run("platform", "create", folder, "--dimms", "2", "--size", "64MiB").ExitCode);
        ToolRunner.Json(0, "namespace", "create", "--platform", folder, "--region", "region0", "--size", "32M", "--mode", "sector");
        string[] images = [.. new[] { 1, 0 }.Select(dimm => Path.Combine(folder, $"dimm-{dimm}.img"))];
        ToolResult before = ToolRunner.Run(["explain", .. images, "--json"]);
        string line = Assert.Single(Lines(before), line => line.StartsWith("labels repair", StringComparison.Ordinal));
        Assert.StartsWith($"labels repair {images[1]} --label-size 131072 --cookie 0x", line, StringComparison.Ordinal);
        Type(line);
        Assert.Empty(Lines(ToolRunner.Run(["explain", .. images, "--json"])));
    }

    [Fact]
    public void What_a_check_of_a_file_says_to_do_names_the_file()
    {
        string folder = Make(out _);
        string image = Path.Combine(folder, "dimm-0.img");
        string said = ToolRunner.Run("labels", "check", image, "--label-size", "128KiB", "--cookie", "1").Output;
        Assert.Contains($"'pmem labels repair {image} FILE2 --label-size 131072 --cookie 0x1 --move'", said, StringComparison.Ordinal);
        Assert.Contains($"'pmem labels repair {image} --label-size 131072 --cookie 0x1'", said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repair_without_files_is_of_the_platform_that_the_environment_names()
    {
        string folder = Make(out string uuid);
        Assert.Equal(0, ToolRunner.Run("namespace", "destroy", "namespace0.0", "--platform", folder, "--force").ExitCode);
        ToolResult repair = ToolRunner.RunAs(["env", $"PMEM_PLATFORM={folder}"], "labels", "repair", "--restore", uuid);
        Assert.True(repair.ExitCode == 0, repair.Error);
        Assert.Equal([uuid], Namespaces(folder));

        // Files are of no platform but the one that an option names.
        Assert.Equal(0, ToolRunner.RunAs(["env", $"PMEM_PLATFORM={folder}"], "labels", "repair", Path.Combine(folder, "dimm-3.img"), "--label-size", "128KiB").ExitCode);
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

    /// <summary>The lines that an explanation says to type, without what is only worth knowing.</summary>
    private static string[] Lines(string folder) => Lines(ToolRunner.Run("explain", "--platform", folder, "--json"));

    private static string[] Lines(ToolResult explained)
    {
        using var document = JsonDocument.Parse(explained.Output);
        return [.. document.RootElement[0].GetProperty("explanations").EnumerateArray().Where(explanation => explanation.GetProperty("severity").GetString() != "info")
            .SelectMany(explanation => explanation.GetProperty("remedy").GetString()!.Split('\'')).Where(part => part.StartsWith("pmem ", StringComparison.Ordinal)).Select(line => line["pmem ".Length..]).Distinct()];
    }

    private static void Type(string line)
    {
        ToolResult typed = ToolRunner.Run(line.Split(' '));
        Assert.True(typed.ExitCode == 0, $"{line}: {typed.Error}{typed.Output}");
    }

    /// <summary>The labels of the first set, on the DIMMs of the second.</summary>
    private static void CopyAreas(string folder)
    {
        foreach (int dimm in (int[])[0, 1])
        {
            byte[] area = Area(folder, dimm);
            using FileStream file = File.OpenWrite(Path.Combine(folder, $"dimm-{dimm + 2}.img"));
            file.Position = Media;
            file.Write(area);
        }
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
