using System.IO.Compression;
using System.Text.Json;
using Pmem.Platform.Captures;
using Pmem.Tool.Persona.Ndctl;
using Pmem.Tool.Platforms.Listing;

namespace Interop.Guest;

/// <summary>Our program and ndctl on the same running kernel at the same moment: what they list, what DIMMs tell, and namespaces that we make and ndctl sees.</summary>
public sealed class GuestLinuxPlatformTests(GuestProgram guest)
{
    private static readonly Dictionary<string, string> s_nothing = [];

    [Fact]
    public void Lists_are_equal_key_by_key()
    {
        var differences = new List<string>();
        for (int i = 0; i < GuestProgram.Lists.Length; i++)
            ListComparison.Compare($"list {GuestProgram.Lists[i]}", guest.Text($"list{i}.theirs"), guest.Text($"list{i}.ours"), s_nothing, differences);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void A_DIMM_tells_both_the_same_of_its_health()
    {
        // It asks for attention: the code says so.
        JsonElement ours = guest.Json("smart", 1)[0].GetProperty("health");
        JsonElement theirs = guest.Json("their-smart")[0].GetProperty("health");
        Assert.Equal(theirs.EnumerateObject().Select(member => member.Name), ours.EnumerateObject().Select(member => member.Name));
        foreach (JsonProperty member in theirs.EnumerateObject())
        {
            JsonElement found = ours.GetProperty(member.Name);
            if (member.Value.ValueKind == JsonValueKind.Number)
                Assert.Equal(member.Value.GetDouble(), found.GetDouble());
            else
                Assert.Equal(member.Value.GetRawText(), found.GetRawText());
        }

        Assert.Equal(["0x0001", "0x0002", "0x0003"], guest.Text("dimms").Split('\n').Select(line => line.Trim().Split(' ')[0]).Where(word => word.StartsWith("0x", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_scrub_is_started_and_waited_for()
    {
        JsonElement before = guest.Json("scrub.before");
        guest.Json("scrub.start");
        JsonElement after = guest.Json("scrub.wait");
        Assert.Equal(("idle", "idle"), (before.GetProperty("scrub_state").GetString(), after.GetProperty("scrub_state").GetString()));
        Assert.Equal(before.GetProperty("finished").GetInt32() + 1, after.GetProperty("finished").GetInt32());
        Assert.Equal($"{after.GetProperty("finished")}", guest.Text("scrub.after"));
    }

    [Theory]
    [InlineData("create")]
    [InlineData("sector")]
    [InlineData("devdax")]
    [InlineData("raw")]
    [InlineData("enable")]
    public void Ndctl_sees_a_namespace_that_we_made(string section)
    {
        JsonElement ours = guest.Json($"space.{section}");
        JsonElement theirs = guest.Json($"space.{section}.theirs")[0];
        Assert.Equal(("ours", true), (theirs.GetProperty("name").GetString(), ours.GetProperty("enabled").GetBoolean()));
        foreach (string same in (string[])["dev", "mode", "size", "uuid"])
            Assert.Equal(theirs.GetProperty(same).GetRawText(), ours.GetProperty(same).GetRawText());
        Assert.Equal(ours.GetProperty("device").GetString(), (theirs.TryGetProperty("blockdev", out JsonElement block) ? block : theirs.GetProperty("chardev")).GetString());
        Assert.False(theirs.TryGetProperty("state", out _));
    }

    [Fact]
    public void Ndctl_sees_that_a_namespace_is_disabled_and_gone()
    {
        guest.Json("space.disable");
        Assert.Equal("disabled", guest.Json("space.disable.theirs")[0].GetProperty("state").GetString());
        guest.Json("space.destroy");
        Assert.DoesNotContain("ours", guest.Text("space.destroy.theirs"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_injected_error_is_listed_alike_and_cleared_when_nobody_uses_the_namespace()
    {
        Assert.Contains("is in use: it is mounted on /mnt/f", guest.Text("inject.busy", 2), StringComparison.Ordinal);
        guest.Json("inject");
        var differences = new List<string>();
        ListComparison.Compare("list -M", guest.Text("inject.theirs"), guest.Text("inject.ours"), s_nothing, differences);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.Contains("\"offset\":70000", guest.Text("inject.ours"), StringComparison.Ordinal);
        guest.Json("inject.clear");
        Assert.Empty(guest.Text("inject.cleared"));
    }

    [Fact]
    public void A_capture_of_the_kernel_is_read_elsewhere()
    {
        Assert.Equal(3, guest.Json("capture").GetProperty("dimms").GetInt32());
        string folder = Peers.NewFolder();
        try
        {
            string file = Path.Combine(folder, "capture");
            using (var packed = new MemoryStream(Convert.FromBase64String(guest.Text("capture.bytes"))))
            using (var bytes = new GZipStream(packed, CompressionMode.Decompress))
            using (FileStream target = File.Create(file))
                bytes.CopyTo(target);
            using Capture capture = Capture.Open(file);
            ListOptions options = NdctlList.Read(NdctlArguments.Parse(NdctlList.Verb, ["-DR"])!);
            var differences = new List<string>();
            ListComparison.Compare("list -DR", guest.Text("capture.list"), new PlatformListing(capture.Platform, options).Print(), s_nothing, differences);
            Assert.True(differences.Count == 0, string.Join('\n', differences));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_namespaces_in_use_are_is_explained_as_the_kernel_has_them()
    {
        JsonElement prediction = guest.Json("explain", guest.Answer("explain").Code)[0];
        JsonElement[] ours = [.. prediction.GetProperty("regions").EnumerateArray().SelectMany(region => region.GetProperty("namespaces").EnumerateArray())];
        JsonElement[] theirs = [.. guest.Json("explain.theirs").EnumerateArray()];
        Assert.NotEmpty(theirs);
        Assert.Equal(
            theirs.Select(space => (space.GetProperty("mode").GetString(), space.GetProperty("size").GetUInt64())).Order(),
            ours.Select(space => (space.GetProperty("mode").GetString(), space.GetProperty("size").GetUInt64())).Order());
        Assert.DoesNotContain("namespace-unread", guest.Answer("explain").Text, StringComparison.Ordinal);
    }
}
