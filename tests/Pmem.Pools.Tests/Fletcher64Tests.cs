namespace Pmem.Pools.Tests;

public class Fletcher64Tests
{
    private static readonly byte[] s_bytes = RandomBytes(3 * 4096);

    [Fact]
    public void Every_length_gives_what_the_definition_gives()
    {
        for (int length = 0; length <= 4096 + 256; length += 4)
            Assert.Equal(Reference(s_bytes.AsSpan(0, length)), Fletcher64.Compute(s_bytes.AsSpan(0, length)));
    }

    [Fact]
    public void Every_alignment_gives_the_same_sum()
    {
        for (int shift = 0; shift < 64; shift++)
        {
            foreach (int length in (ReadOnlySpan<int>)[4, 28, 32, 60, 64, 68, 128, 132, 256, 1000, 4096])
                Assert.Equal(Reference(s_bytes.AsSpan(shift, length)), Fletcher64.Compute(s_bytes.AsSpan(shift, length)));
        }
    }

    [Fact]
    public void Sums_wrap_without_losing_the_weights()
    {
        byte[] ones = new byte[1 << 20];
        ones.AsSpan().Fill(0xFF);
        Assert.Equal(Reference(ones), Fletcher64.Compute(ones));
    }

    [Fact]
    public void A_sum_continues_from_a_seed_at_every_cut()
    {
        Span<byte> data = s_bytes.AsSpan(0, 640);
        ulong whole = Reference(data);
        for (int cut = 0; cut <= data.Length; cut += 4)
            Assert.Equal(whole, Fletcher64.Compute(data[cut..], Fletcher64.Compute(data[..cut])));
    }

    [Fact]
    public void A_hole_counts_as_zero_wherever_it_is()
    {
        for (int length = 8; length <= 256; length += 4)
        {
            for (int hole = 0; hole <= length - 8; hole += 4)
            {
                byte[] zeroed = s_bytes.AsSpan(0, length).ToArray();
                zeroed.AsSpan(hole, 8).Clear();
                Assert.Equal(Reference(zeroed), Fletcher64.ComputeWithHole(s_bytes.AsSpan(0, length), hole));
            }
        }
    }

    [Fact]
    public void Skipped_bytes_count_as_zero()
    {
        for (int skip = 0; skip <= 4096; skip += 124)
        {
            byte[] zeroed = s_bytes.AsSpan(0, 4096).ToArray();
            zeroed.AsSpan(skip).Clear();
            Assert.Equal(Reference(zeroed), Fletcher64.ComputeSkipping(s_bytes.AsSpan(0, 4096), skip));
        }
    }

    [Fact]
    public void Appended_zeros_are_words_of_zero()
    {
        byte[] padded = new byte[1024];
        s_bytes.AsSpan(0, 100).CopyTo(padded);
        Assert.Equal(Reference(padded), Fletcher64.AppendZeros(Reference(s_bytes.AsSpan(0, 100)), (1024 - 100) / 4));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(66)]
    [InlineData(4095)]
    public void A_part_of_a_word_has_no_checksum(int length) => Assert.Throws<ArgumentException>(() => Fletcher64.Compute(new byte[length]));

    [Fact]
    public void The_open_shutdown_state_of_an_ordinary_file_sums_to_the_known_value()
    {
        byte[] state = new byte[64];
        state[16] = 1;
        Assert.Equal(0x0000000C00000001UL, Fletcher64.ComputeWithHole(state, 56));
    }

    [Fact]
    public void Summing_allocates_nothing()
    {
        ulong sum = Fletcher64.ComputeWithHole(s_bytes, 8);

        // A collection in between charges the thread for the rest of its allocation buffer: one round without must be clean.
        long least = long.MaxValue;
        for (int round = 0; round < 10 && least != 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
                sum ^= Fletcher64.ComputeWithHole(s_bytes, 8);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.NotEqual(ulong.MaxValue, sum);
    }

    private static ulong Reference(ReadOnlySpan<byte> data)
    {
        uint low = 0;
        uint high = 0;
        for (int i = 0; i < data.Length; i += 4)
        {
            low += (uint)(data[i] | (data[i + 1] << 8) | (data[i + 2] << 16) | (data[i + 3] << 24));
            high += low;
        }

        return ((ulong)high << 32) | low;
    }

    private static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(20).NextBytes(bytes);
        return bytes;
    }
}
