using System.Text.Json;

namespace Interop.Guest;

/// <summary><c>pmem io copy</c> beside daxio on devices of equal size under an unmodified kernel.</summary>
public sealed class GuestRawCopyTests(GuestProgram guest)
{
    [Theory]
    [InlineData("copy.zero")]
    [InlineData("copy.whole")]
    [InlineData("copy.seek")]
    [InlineData("copy.skip")]
    [InlineData("copy.zero-part")]
    [InlineData("copy.out")]
    public void The_same_copy_by_us_and_by_daxio_leaves_the_same_bytes(string section) => guest.Text(section);

    [Fact]
    public void Both_refuse_a_place_behind_the_device()
    {
        Assert.Contains("lies behind them", guest.Text("copy.room", 2), StringComparison.Ordinal);
        Assert.Contains("offset beyond device size", guest.Text("copy.their-room", 1), StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_blocks_of_a_device_are_found_and_cleared_before_they_are_written()
    {
        int[] before = Sectors("bad.before");
        Assert.Equal(2, before.Length);
        Assert.Equal(before, Sectors("bad.still"));

        // Whole pages: sectors 64 and 65 are in the ninth.
        JsonElement found = guest.Json("bad.dry-run").GetProperty("badBlocks")[0];
        Assert.Equal((64 * 512, 4096), (found.GetProperty("offset").GetInt32(), found.GetProperty("length").GetInt32()));
        Assert.Equal(0, guest.Json("bad.left").GetProperty("badBlocks").GetArrayLength());
        Assert.Equal(found.GetRawText(), guest.Json("bad.clear").GetProperty("badBlocks")[0].GetRawText());
        Assert.Equal(before[1..], Sectors("bad.then"));
        guest.Text("bad.theirs");
        Assert.Empty(Sectors("bad.none"));
    }

    [Fact]
    public void A_device_with_bad_blocks_is_no_place_for_a_pool_that_is_only_looked_at() =>
        Assert.DoesNotContain("internal error", guest.Answer("bad.check").Text, StringComparison.Ordinal);

    [Fact]
    public void The_program_started_by_itself_does_the_same() => Assert.Contains("4 KiB (4096) copied", guest.Text("bad.once"), StringComparison.Ordinal);

    /// <summary>First sectors of the ranges in a list of the kernel.</summary>
    private int[] Sectors(string section) =>
        [.. guest.Text(section).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => int.Parse(line.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))];
}
