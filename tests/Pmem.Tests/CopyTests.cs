namespace Pmem.Tests;

/// <summary>Copies and fills are byte-exact for every size, alignment and hint.</summary>
public sealed class CopyTests
{
    private const int Guard = 200;

    private static readonly CopyHints[] s_hints =
    [
        CopyHints.None, CopyHints.NoDrain, CopyHints.NonTemporal, CopyHints.Temporal, CopyHints.WriteCombining, CopyHints.WriteBack, CopyHints.NoFlush,
        CopyHints.NonTemporal | CopyHints.NoDrain, CopyHints.WriteCombining | CopyHints.NoDrain,
    ];

    public static TheoryData<StoreGranularity> Granularities => [.. Enum.GetValues<StoreGranularity>()];

    [Theory]
    [MemberData(nameof(Granularities))]
    public void A_copy_changes_its_range_and_nothing_else(StoreGranularity granularity)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192, granularity);
        byte[] source = new byte[1024];
        new Random(1).NextBytes(source);
        byte[] expected = new byte[8192];
        foreach (CopyHints hints in s_hints)
        {
            for (int size = 0; size <= 300; size += size < 70 ? 1 : 13)
            {
                for (int skew = 0; skew < 66; skew += 7)
                {
                    Array.Fill(expected, (byte)0xEE);
                    map.Fill(0, 0xEE, 8192, CopyHints.NoFlush);
                    int at = Guard + skew;
                    source.AsSpan(skew % 5, size).CopyTo(expected.AsSpan(at));
                    map.Copy(at, source.AsSpan(skew % 5, size), hints);
                    map.Drain();
                    Assert.True(expected.AsSpan().SequenceEqual(map.GetSpan(0, 8192)), $"{hints}, size {size}, skew {skew}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Granularities))]
    public void A_fill_changes_its_range_and_nothing_else(StoreGranularity granularity)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192, granularity);
        byte[] expected = new byte[8192];
        foreach (CopyHints hints in s_hints)
        {
            foreach (int size in (int[])[0, 1, 7, 63, 64, 65, 128, 200, 256, 300, 1000, 4096])
            {
                for (int skew = 0; skew < 66; skew += 11)
                {
                    Array.Fill(expected, (byte)1);
                    map.Fill(0, 1, 8192, CopyHints.NoFlush);
                    expected.AsSpan(Guard + skew, size).Fill(0x5A);
                    map.Fill(Guard + skew, 0x5A, size, hints);
                    map.Drain();
                    Assert.True(expected.AsSpan().SequenceEqual(map.GetSpan(0, 8192)), $"{hints}, size {size}, skew {skew}");
                }
            }
        }
    }

    [Fact]
    public void A_move_of_overlapping_ranges_is_as_if_through_a_buffer()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        byte[] content = new byte[8192];
        new Random(2).NextBytes(content);
        foreach (int distance in (int[])[-300, -64, -63, -1, 0, 1, 63, 64, 128, 300, 2000])
        {
            foreach (int size in (int[])[1, 64, 100, 256, 1000])
            {
                map.Copy(0, content);
                byte[] expected = [.. content];
                content.AsSpan(3000, size).CopyTo(expected.AsSpan(3000 + distance));
                map.Move(3000 + distance, 3000, size, CopyHints.NonTemporal);
                Assert.True(expected.AsSpan().SequenceEqual(map.GetSpan(0, 8192)), $"distance {distance}, size {size}");
            }
        }
    }

    [Fact]
    public void Large_copies_are_exact()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8 << 20);
        byte[] source = new byte[3 << 20];
        new Random(3).NextBytes(source);
        map.Copy(12345, source);
        Assert.True(source.AsSpan().SequenceEqual(map.GetSpan(12345, source.Length)));
        map.Copy(4 << 20, source.AsSpan(1), CopyHints.Temporal);
        Assert.True(source.AsSpan(1).SequenceEqual(map.GetSpan(4 << 20, source.Length - 1)));
    }
}
