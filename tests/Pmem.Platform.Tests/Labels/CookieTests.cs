using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

/// <summary>Numbers that a kernel showed (<c>set_cookie</c>) for known DIMMs.</summary>
public sealed class CookieTests
{
    [Fact]
    public void Cookie_of_the_first_slot_of_QEMU()
    {
        InterleaveSetCookie cookie = AreaBuilder.Region(1).Cookie;
        Assert.Equal(0x00ba90120012b4dcUL, cookie.Version12);
        Assert.Equal(0x002468ac00123456UL, cookie.Version11);
        Assert.Equal(cookie.Version11, cookie.Alternate);
    }

    [Fact]
    public void Cookie_of_a_set_of_two()
    {
        InterleaveSetCookie cookie = AreaBuilder.Region(2).Cookie;
        Assert.Equal(0xbc2ede224e872315UL, cookie.Version12);
        Assert.Equal(0x8910400222441001UL, cookie.Version11);
    }

    [Fact]
    public void Cookie_of_a_CXL_region() => Assert.Equal(0xbbef22546688aaccUL, InterleaveSetCookie.ComputeCxl([(0, 0x1122334455667788)]).Version12);

    [Fact]
    public void Order_of_the_table_does_not_matter()
    {
        InterleaveSetMember[] members = [new(0x3000, 3, 1, 2, 3), new(0, 1, 1, 2, 3), new(0x10000, 4, 1, 2, 3), new(0x100, 9, 1, 2, 3)];
        Assert.Equal(InterleaveSetCookie.Compute(members), InterleaveSetCookie.Compute([.. members.Reverse()]));
    }

    [Fact]
    public void Old_kernels_sorted_offsets_by_their_bytes()
    {
        // 0x10000 is 00 00 01 in memory and comes before 0x3000, 00 30.
        InterleaveSetMember a = new(0x3000, 3, 0, 0, 0);
        InterleaveSetMember b = new(0x10000, 4, 0, 0, 0);
        InterleaveSetCookie cookie = InterleaveSetCookie.Compute([a, b]);
        Assert.NotEqual(cookie.Version11, cookie.Alternate);
        Assert.True(cookie.Accepts(cookie.Alternate, LabelFormat.Efi12));
        Assert.False(cookie.Accepts(cookie.Version11, LabelFormat.Efi12));
        Assert.True(cookie.Accepts(cookie.Version11, LabelFormat.Efi11));
        Assert.Equal(cookie.Version12, cookie.For(null));
    }
}
