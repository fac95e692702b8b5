using Pmem.Pools.Sets;

namespace Pmem.Pools.Tests.Sets;

public sealed class HeaderJournalTests
{
    [Fact]
    public void Headers_come_back_as_they_were()
    {
        HeaderJournal.Entry[] entries = [new(0, 0, Header(1), Header(5)), new(2, 7, Header(2), Header(6))];
        Assert.Equal(entries, HeaderJournal.Decode(HeaderJournal.Encode(entries)));
    }

    [Fact]
    public void A_journal_that_is_not_complete_says_nothing()
    {
        byte[] whole = HeaderJournal.Encode([new(0, 1, Header(3), Header(5)), new(1, 0, Header(4), Header(6))]);
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
            byte[] bytes = new byte[random.Next(3) * 8200 + 8 + random.Next(3)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0 && bytes.Length % 4 == 0)
                BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 8), Fletcher64.Compute(bytes.AsSpan(0, bytes.Length - 8)));
            Assert.All(HeaderJournal.Decode(bytes), entry => Assert.True(entry.Replica >= 0 && entry.Part >= 0));
        }
    }

    [Theory]
    [InlineData("before", true)]
    [InlineData("after", true)]
    [InlineData("torn", true)]
    [InlineData("foreign", false)]
    [InlineData("one word", false)]
    [InlineData("short", false)]
    public void Only_a_header_that_the_journal_knows_is_overwritten(string there, bool finishes)
    {
        using var folder = new PoolFolder();
        string set = folder.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n2M {folder.File("a")}\n2M {folder.File("b")}\n");
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(set));
        (PoolHeader before, PoolHeader after) = (Header(1), Header(2));
        byte[] bytes = PoolHeader.Bytes(in before).ToArray();
        switch (there)
        {
            case "after":
                PoolHeader.Bytes(in after).CopyTo(bytes);
                break;
            case "torn":
                PoolHeader.Bytes(in after).Slice(512, 1024).CopyTo(bytes.AsSpan(512));
                break;
            case "foreign":
                new Random(77).NextBytes(bytes);
                break;
            case "one word":
                bytes[1000] ^= 1;
                break;
        }

        File.WriteAllBytes(folder.File("a"), [.. PoolHeader.Bytes(in before), .. new byte[8192]]);
        File.WriteAllBytes(folder.File("b"), there == "short" ? bytes[..4095] : [.. bytes, .. new byte[8192]]);
        string journal = HeaderJournal.PathOf(layout);
        File.WriteAllBytes(journal, HeaderJournal.Encode([new(0, 0, before, after), new(0, 1, before, after)]));
        byte[][] files = [File.ReadAllBytes(folder.File("a")), File.ReadAllBytes(folder.File("b"))];
        if (finishes)
        {
            HeaderJournal.Finish(layout);
            Assert.Equal(PoolHeader.Bytes(in after), File.ReadAllBytes(folder.File("a")).AsSpan(0, PoolHeader.Size));
            Assert.Equal(PoolHeader.Bytes(in after), File.ReadAllBytes(folder.File("b")).AsSpan(0, PoolHeader.Size));
            Assert.False(File.Exists(journal));
            return;
        }

        PmemException refused = Assert.Throws<PmemException>(() => HeaderJournal.Finish(layout));
        Assert.Contains($"part 1 ({folder.File("b")})", refused.Message, StringComparison.Ordinal);
        Assert.Contains(journal, refused.Message, StringComparison.Ordinal);
        Assert.Equal(files, [File.ReadAllBytes(folder.File("a")), File.ReadAllBytes(folder.File("b"))]);
        Assert.True(File.Exists(journal));
    }

    [Fact]
    public void A_shutdown_state_that_the_pool_got_since_stays()
    {
        using var folder = new PoolFolder();
        string set = folder.File("a.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n2M {folder.File("a")}\n");
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(set));
        PoolHeader before = Header(1);
        PoolHeader after = before with { Compat = ~before.Compat };
        PoolHeader present = before;
        present.ShutdownState = Header(3).ShutdownState;
        File.WriteAllBytes(folder.File("a"), [.. PoolHeader.Bytes(in present), .. new byte[8192]]);
        File.WriteAllBytes(HeaderJournal.PathOf(layout), HeaderJournal.Encode([new(0, 0, before, after)]));
        HeaderJournal.Finish(layout);
        PoolHeader found = PoolHeader.Read(File.ReadAllBytes(folder.File("a")));
        Assert.Equal((after.Compat, present.ShutdownState.Checksum), (found.Compat, found.ShutdownState.Checksum));

        // One that the change itself touches is the old or the new one, or the header is another's.
        PoolHeader cleared = after;
        cleared.ShutdownState = default;
        File.WriteAllBytes(folder.File("a"), [.. PoolHeader.Bytes(in present), .. new byte[8192]]);
        File.WriteAllBytes(HeaderJournal.PathOf(layout), HeaderJournal.Encode([new(0, 0, before, cleared)]));
        Assert.Throws<PmemException>(() => HeaderJournal.Finish(layout));
    }

    private static PoolHeader Header(int seed)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        new Random(seed).NextBytes(bytes);
        return PoolHeader.Read(bytes);
    }
}
