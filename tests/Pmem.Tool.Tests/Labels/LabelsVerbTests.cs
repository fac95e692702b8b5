using System.Text.Json;
using Pmem.Platform;
using Pmem.Platform.Labels;

namespace Pmem.Tool.Tests.Labels;

public sealed class LabelsVerbTests : IDisposable
{
    private const int AreaSize = 128 << 10;
    private const long ImageMemory = 16 << 20;
    private static readonly Guid s_uuid = Guid.Parse("3e5b6c57-47c7-4cc0-8e46-66861ce62d45");

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Show_lists_index_blocks_and_labels()
    {
        JsonElement show = ToolRunner.Json(0, "labels", "show", Labelled());
        Assert.Equal("1.2", show.GetProperty("version").GetString());
        Assert.Equal(2, show.GetProperty("index").GetArrayLength());
        JsonElement[] labels = [.. show.GetProperty("labels").EnumerateArray()];
        Assert.Equal(["stale", "active"], labels.Select(label => label.GetProperty("state").GetString()));
        Assert.All(labels, label => Assert.Equal(s_uuid.ToString(), label.GetProperty("uuid").GetString()));
        Assert.Equal("data", labels[1].GetProperty("name").GetString());
        Assert.Equal(0xba90120012b4dcUL, labels[1].GetProperty("cookie").GetUInt64());
        Assert.Equal(NvdimmGuids.PersistentMemory.ToString(), labels[1].GetProperty("type").GetString());
        Assert.Contains("\"data\"", ToolRunner.Run("labels", "show", Labelled()).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_is_read_at_its_end()
    {
        string path = _files.File("nvdimm.img");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(ImageMemory);
            file.Position = ImageMemory;
            file.Write(File.ReadAllBytes(Labelled()));
        }

        JsonElement show = ToolRunner.Json(0, "labels", "show", path, "--label-size", "128K");
        Assert.Equal(ImageMemory, show.GetProperty("offset").GetInt64());
        JsonElement check = ToolRunner.Json(0, "labels", "check", path, "--label-size", "128K");
        Assert.Contains("slot 0", check.GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
        ToolRunner.Json(1, "labels", "show", path, "--label-size", "64K");
        Assert.Contains("--label-size", ToolRunner.Fail("labels", "show", Sized(65 << 20)), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_notes_what_no_update_leaves_and_what_was_destroyed()
    {
        string path = Labelled();
        byte[] area = File.ReadAllBytes(path);
        Assert.DoesNotContain("sequence", string.Join('\n', Notes(path)), StringComparison.Ordinal);

        // Both blocks say the same, and a slot is in use that nobody wrote.
        var geometry = LabelAreaGeometry.Compute(area.Length, LabelFormat.Efi12);
        IndexBlock used = LabelArea.Parse(area).Current!.Successor([9], []);
        for (int i = 0; i < 2; i++, used = used.Successor([], []))
        {
            Span<byte> block = area.AsSpan(geometry.IndexOffset(used.Position), geometry.IndexSize);
            used.Write(block, geometry);
            block[20] = 1;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(block[64..], Pmem.Pools.Fletcher64.ComputeWithHole(block, 64));
        }

        string odd = _files.File("odd");
        File.WriteAllBytes(odd, area);
        Assert.Contains(Notes(odd), note => note.Contains("sequence number 1", StringComparison.Ordinal));
        Assert.Contains(Notes(odd), note => note.Contains("slot 9 is in use and holds nothing", StringComparison.Ordinal));

        // Every label freed: its bytes are still there.
        LabelArea before = LabelArea.Parse(File.ReadAllBytes(path));
        byte[] destroyed = before.Bytes.ToArray();
        IndexBlock freed = before.Current!.Successor([], before.Slots.Where(slot => slot.State == LabelSlotState.Active).Select(slot => slot.Slot));
        freed.Write(destroyed.AsSpan(geometry.IndexOffset(freed.Position), geometry.IndexSize), geometry);
        string empty = _files.File("empty");
        File.WriteAllBytes(empty, destroyed);
        Assert.Contains(Notes(empty), note => note.Contains("destroyed", StringComparison.Ordinal));

        static string[] Notes(string file)
        {
            using var document = JsonDocument.Parse(ToolRunner.Run("labels", "check", file, "--json").Output);
            return [.. document.RootElement.GetProperty("notes").EnumerateArray().Select(note => note.GetString()!)];
        }
    }

    [Fact]
    public void Check_gives_a_verdict_for_each_label()
    {
        string path = Labelled();
        JsonElement good = ToolRunner.Json(0, "labels", "check", path);
        Assert.Equal("accepted", good.GetProperty("labels")[0].GetProperty("verdict").GetString());
        Assert.Equal("enabled", good.GetProperty("region").GetString());
        JsonElement moved = ToolRunner.Json(1, "labels", "check", path, "--cookie", "0x5");
        Assert.Equal("hidden", moved.GetProperty("labels")[0].GetProperty("verdict").GetString());
        PoolFixture.Patch(path, 512 + 256 + 20, "x"u8);
        JsonElement bad = ToolRunner.Json(1, "labels", "check", path);
        Assert.Equal("ignored", bad.GetProperty("labels")[0].GetProperty("verdict").GetString());
        Assert.Contains("checksum", bad.GetProperty("labels")[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("raw", ToolRunner.Json(1, "labels", "check", Sized(AreaSize)).GetProperty("region").GetString());
    }

    [Fact]
    public void Init_and_zero_leave_labels_in_use_alone_without_force()
    {
        string path = Labelled();
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("--force", ToolRunner.Fail("labels", "init", path), StringComparison.Ordinal);
        Assert.Contains("--force", ToolRunner.Fail("labels", "zero", path), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal("1.1", ToolRunner.Json(0, "labels", "init", path, "--force", "--label-version", "1.1").GetProperty("version").GetString());
        ToolRunner.Json(0, "labels", "zero", path);
        Assert.All(File.ReadAllBytes(path), b => Assert.Equal(0, b));
        Assert.Contains("1.2", ToolRunner.Fail("labels", "init", path, "--label-version", "1.3"), StringComparison.Ordinal);
    }

    [Fact]
    public void Repair_brings_back_a_destroyed_namespace()
    {
        string path = Labelled();
        LabelArea area = LabelArea.Parse(File.ReadAllBytes(path));
        Write(path, area, LabelUpdate.Remove([area], s_uuid));
        Assert.Empty(ToolRunner.Json(0, "labels", "check", path).GetProperty("labels").EnumerateArray());
        JsonElement dry = ToolRunner.Json(0, "labels", "repair", path, "--restore", s_uuid.ToString(), "--dry-run");
        Assert.False(dry.GetProperty("changed").GetBoolean());
        Assert.Empty(ToolRunner.Json(0, "labels", "check", path).GetProperty("labels").EnumerateArray());
        Assert.Equal(1, ToolRunner.Json(0, "labels", "repair", path, "--restore", s_uuid.ToString()).GetProperty("writes").GetInt32());
        Assert.Single(ToolRunner.Json(0, "labels", "check", path).GetProperty("labels").EnumerateArray());
        ToolRunner.Json(1, "labels", "repair", path, "--restore", Guid.Empty.ToString());
        Assert.Contains("uuid", ToolRunner.Fail("labels", "repair", path, "--restore", "x"), StringComparison.Ordinal);
    }

    [Fact]
    public void Repair_follows_a_moved_DIMM_and_rebuilds_lost_index_blocks()
    {
        string path = Labelled();
        ToolRunner.Json(0, "labels", "repair", path, "--cookie", "0x77");
        Assert.Equal("accepted", ToolRunner.Json(0, "labels", "check", path, "--cookie", "77").GetProperty("labels")[0].GetProperty("verdict").GetString());
        PoolFixture.Patch(path, 0, new byte[512]);
        Assert.Equal("raw", ToolRunner.Json(1, "labels", "check", path).GetProperty("region").GetString());
        Assert.Contains("rebuilt", ToolRunner.Json(0, "labels", "repair", path).GetProperty("actions")[0].GetString(), StringComparison.Ordinal);
        ToolRunner.Json(0, "labels", "check", path, "--cookie", "77");
    }

    [Theory]
    [InlineData("init")]
    [InlineData("zero")]
    public void What_is_no_label_area_is_not_written_over(string verb)
    {
        // An image whose area was not named: media, labels behind them.
        string image = _files.File("image");
        using (FileStream file = File.Create(image))
        {
            file.SetLength(1 << 20);
            file.Write("somebody's data"u8);
        }

        byte[] before = File.ReadAllBytes(image);
        string refused = ToolRunner.Fail("labels", verb, image);
        Assert.Contains("--label-size", refused, StringComparison.Ordinal);
        Assert.Contains("--force", refused, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(image));
        Assert.Equal(0, ToolRunner.Run("labels", verb, image, "--label-size", "128KiB").ExitCode);
        Assert.Equal(before[..4096], File.ReadAllBytes(image)[..4096]);

        // Labels whose index blocks are lost can still be brought back.
        string area = Labelled();
        PoolFixture.Patch(area, 0, new byte[512]);
        Assert.Contains("'pmem labels repair'", ToolRunner.Fail("labels", verb, area), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("labels", verb, area, "--force").ExitCode);
        Assert.Contains("is a folder", ToolRunner.Fail("labels", verb, Path.GetDirectoryName(area)!), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_one_sentence_with_a_remedy() => Assert.Contains("truncate", ToolRunner.Fail("labels", "init", _files.File("none")), StringComparison.Ordinal);

    [Fact]
    public void Json_is_as_documented()
    {
        string path = Labelled();
        PoolFixture.Patch(path, 512 + 20, "x"u8);
        JsonPage.Compare("## `pmem labels show", ToolRunner.Json(0, "labels", "show", path));
        byte[] torn = File.ReadAllBytes(path);
        torn[256] = 0;
        File.WriteAllBytes(path, torn);
        PoolFixture.Patch(path, 512 + 256 + 20, "x"u8);
        JsonPage.Compare("## `pmem labels show", ToolRunner.Json(0, "labels", "show", path));
        JsonPage.Compare("## `pmem labels check", ToolRunner.Json(1, "labels", "check", path));
        JsonPage.Compare("## `pmem labels repair", ToolRunner.Json(0, "labels", "repair", path));
    }

    private string Labelled()
    {
        string path = Sized(AreaSize);
        var label = new NamespaceLabel { Uuid = s_uuid, Name = "data", LabelCount = 1, SetCookie = 0xba90120012b4dc, LbaSize = 512, RawSize = (ulong)ImageMemory, Type = NvdimmGuids.PersistentMemory };
        LabelArea area = LabelArea.Parse(File.ReadAllBytes(path));
        Write(path, area, LabelUpdate.Put([area], [label]));
        return path;
    }

    private string Sized(long size)
    {
        string path = _files.File($"area-{Guid.NewGuid():n}");
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    private static void Write(string path, LabelArea area, LabelUpdate update)
    {
        using PersistentMap map = PersistentMap.Open(path);
        update.Apply([new MappedLabelStorage(map, 0, area.Size)]);
    }
}
