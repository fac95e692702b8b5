using Pmem.Pools.Sets;

namespace Pmem.Pools.Tests.Sets;

public sealed class HeaderJournalTests
{
    [Fact]
    public void Headers_come_back_as_they_were()
    {
        HeaderJournal.Entry[] entries = [new(0, 0, Header(1)), new(2, 7, Header(2))];
        Assert.Equal(entries, HeaderJournal.Decode(HeaderJournal.Encode(entries)));
    }

    [Fact]
    public void A_journal_that_is_not_complete_says_nothing()
    {
        byte[] whole = HeaderJournal.Encode([new(0, 1, Header(3)), new(1, 0, Header(4))]);
        for (int length = 0; length < whole.Length; length += 97)
            Assert.Empty(HeaderJournal.Decode(whole.AsSpan(0, length)));
        for (int i = 0; i < whole.Length; i += 61)
        {
            byte[] torn = [.. whole];
            torn[i] ^= 0x10;
            Assert.Empty(HeaderJournal.Decode(torn));
        }
    }

    [Fact]
    public void Any_bytes_give_a_value()
    {
        var random = new Random(9);
        for (int i = 0; i < 2000; i++)
        {
            byte[] bytes = new byte[random.Next(3) * 4104 + 8 + random.Next(3)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0 && bytes.Length % 4 == 0)
                BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 8), Fletcher64.Compute(bytes.AsSpan(0, bytes.Length - 8)));
            Assert.All(HeaderJournal.Decode(bytes), entry => Assert.True(entry.Replica >= 0 && entry.Part >= 0));
        }
    }

    private static PoolHeader Header(int seed)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        new Random(seed).NextBytes(bytes);
        return PoolHeader.Read(bytes);
    }
}
