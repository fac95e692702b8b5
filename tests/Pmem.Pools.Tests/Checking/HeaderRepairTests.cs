using Pmem.CrashTesting;
using Pmem.Pools.Checking;

namespace Pmem.Pools.Tests.Checking;

public class HeaderRepairTests
{
    private static readonly byte[] s_valid = HeaderImage.Valid();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_word_of_a_field_is_restored_as_it_was(bool short2K)
    {
        byte[] valid = [.. s_valid];
        if (!short2K)
            valid[16] = 0;
        HeaderImage.Seal(valid);
        var random = new Random(1);
        int restored = 0;
        int tried = 0;
        for (int at = 0; at < 144; at += 4)
        {
            for (int i = 0; i < 40; i++)
            {
                byte[] broken = [.. valid];
                if (i < 32)
                    broken[at + (i / 8)] ^= (byte)(1 << (i % 8));
                else
                    random.NextBytes(broken.AsSpan(at, 4));
                byte[] mended = Repair(broken, out List<PoolMend> mends, out bool valued);
                Assert.True(valued, $"word at {at}, damage {i}");
                Assert.Null(PoolValidation.FindProblem(PoolHeader.Read(mended), PoolKind.Log));
                Assert.NotEmpty(mends);
                restored += mended.AsSpan().SequenceEqual(valid) ? 1 : 0;
                tried++;
            }
        }

        // What is left are flips of high bits in words that nothing else confirms: several words explain the checksum equally.
        Assert.True(restored >= tried * 9 / 10, $"{restored} of {tried} exactly");
    }

    [Fact]
    public void Damage_in_several_fields_is_mended_field_by_field()
    {
        byte[] broken = [.. s_valid];
        "BROKEN!"u8.CopyTo(broken);
        broken[8] = 9;
        broken[16] = 0x17;
        broken[70] ^= 1;
        broken[137] = 2;
        byte[] mended = Repair(broken, out List<PoolMend> mends, out bool valid);
        Assert.True(valid);
        PoolHeader header = PoolHeader.Read(mended);
        Assert.Null(PoolValidation.FindProblem(in header, PoolKind.Log));
        Assert.Equal(new Guid(HeaderImage.Uuid), header.NextPartUuid);
        Assert.Equal([0, 8, 16, 128, 40, 4088], mends.Select(m => m.Problem.Offset));
        Assert.All(mends, mend => Assert.True(mend.IsMended));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_unknown_feature_is_cleared_only_if_the_rest_is_known(bool sound)
    {
        foreach (int at in (int[])[16, 20])
        {
            byte[] broken = [.. s_valid];
            broken[at] |= 0x40;
            HeaderImage.Seal(broken);
            byte[] mended = Repair(broken, out List<PoolMend> mends, out bool valid, () => sound);
            Assert.Equal(sound, valid);
            Assert.Equal(sound ? s_valid : broken, mended);
            Assert.Equal(sound, Assert.Single(mends).IsMended);
        }
    }

    [Theory]
    [InlineData(8, 2, "newer")]
    [InlineData(0, (byte)'p', "another kind")]
    [InlineData(142, 21, "machine")]
    [InlineData(60, 1, "set")]
    [InlineData(16, 7, "set")]
    public void What_a_program_sealed_is_not_overruled(int at, byte value, string obstacle)
    {
        byte[] broken = [.. s_valid];
        broken[at] = value;
        HeaderImage.Seal(broken);
        Assert.Equal(broken, Repair(broken, out List<PoolMend> mends, out bool valid));
        Assert.False(valid);
        Assert.Contains(obstacle, Assert.Single(mends).Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void Uuids_that_no_majority_confirms_are_left()
    {
        byte[] broken = [.. s_valid];
        for (int at = 40; at < 104; at += 16)
            broken[at] = (byte)at;
        Assert.Equal(broken, Repair(broken, out List<PoolMend> mends, out bool valid));
        Assert.False(valid);
        Assert.Contains("set", Assert.Single(mends).Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_of_zeros_is_left()
    {
        Repair(new byte[4096], out List<PoolMend> mends, out bool valid);
        Assert.False(valid);
        Assert.False(Assert.Single(mends).IsMended);
    }

    [Fact]
    public void Random_bytes_are_mended_or_left_but_never_half()
    {
        var random = new Random(7);
        byte[] bytes = new byte[4096];
        for (int i = 0; i < 2000; i++)
        {
            s_valid.CopyTo(bytes, 0);
            for (int n = random.Next(1, 6); n > 0; n--)
                random.NextBytes(bytes.AsSpan(random.Next(150), random.Next(1, 20)));
            byte[] mended = Repair(bytes, out List<PoolMend> mends, out bool valid);
            if (valid)
                Assert.Null(PoolValidation.FindProblem(PoolHeader.Read(mended), PoolKind.Log));
            else
                Assert.True(mended.AsSpan().SequenceEqual(bytes) && mends.Exists(m => !m.IsMended), $"mutant {i}");
        }
    }

    [Fact]
    public void A_repair_that_crashed_anywhere_is_finished_by_the_next()
    {
        byte[][] broken = [[.. s_valid], [.. s_valid], [.. s_valid]];
        broken[0][16] |= 0x10; // unknown feature, checksum wrong
        broken[1][16] |= 0x10; // unknown feature, sealed
        HeaderImage.Seal(broken[1]);
        "XXXX"u8.CopyTo(broken[2]); // several fields
        broken[2][9] = 3;
        broken[2][75] ^= 4;
        foreach (byte[] bytes in broken)
        {
            using PersistentMap map = PersistentMap.CreateAnonymous(8192);
            map.Copy(0, bytes);
            var mends = new List<PoolMend>();
            using var recorder = new TraceRecorder(map);
            Assert.True(HeaderRepair.Run(map, PoolKind.Log, () => true, mends));
            Trace trace = recorder.Stop();
            Assert.Equal(-1, recorder.FindUntracedStore());
            byte[] expected = map.GetSpan(0, 4096).ToArray();
            ExplorationResult result = CrashExplorer.Explore(
                trace,
                (image, _) => Assert.Equal(expected, Repair(image[..4096].ToArray(), out List<PoolMend> _, out bool _)),
                cancellation: TestContext.Current.CancellationToken);
            result.ThrowIfFailed();
            Assert.True(result.Exhaustive && result.Images > 1, $"{result.Images} images");
        }
    }

    private static byte[] Repair(byte[] bytes, out List<PoolMend> mends, out bool valid, Func<bool>? sound = null)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        map.Copy(0, bytes);
        mends = [];
        valid = HeaderRepair.Run(map, PoolKind.Log, sound ?? (() => true), mends);
        return map.GetSpan(0, 4096).ToArray();
    }
}
