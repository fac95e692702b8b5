using Pmem.Tool.Pool;

namespace Pmem.Tool.Tests.Pool;

public class ByteSizeTests
{
    [Theory]
    [InlineData("8388608", 8388608)]
    [InlineData("8388608B", 8388608)]
    [InlineData("8M", 8L << 20)]
    [InlineData("8MiB", 8L << 20)]
    [InlineData("8 MiB", 8L << 20)]
    [InlineData("64K", 64L << 10)]
    [InlineData("1GiB", 1L << 30)]
    [InlineData("2T", 2L << 40)]
    [InlineData("1P", 1L << 50)]
    [InlineData("500MB", 500_000_000)]
    [InlineData("1kB", 1000)]
    [InlineData("3GB", 3_000_000_000)]
    [InlineData("0", 0)]
    public void Units_of_the_peers_are_understood(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out long parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-8M")]
    [InlineData("8m")]
    [InlineData("8k")]
    [InlineData("0x10")]
    [InlineData("1.5G")]
    [InlineData("8MiBs")]
    [InlineData("9999999999999999999")]
    [InlineData("9999999P")]
    public void Anything_else_is_no_size(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(8 << 20, "8 MiB (8388608)")]
    [InlineData(1536, "1.5 KiB (1536)")]
    public void Sizes_are_shown_for_people_and_exactly(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
