using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests.Fuzz;

/// <summary>Info blocks, maps and flogs mutated by the thousand: what is opened works or says why not, and nothing else happens.</summary>
public sealed class MutantTests
{
    private const int Mutants = 12_000;
    private const int BlockSize = 4096;

    [Theory]
    [InlineData(1, BttVariant.Pmdk, true)]
    [InlineData(2, BttVariant.Pmdk, false)]
    [InlineData(3, BttVariant.Linux11, true)]
    [InlineData(4, BttVariant.Uefi20, false)]
    public void Every_mutant_opens_or_says_why_not(int seed, BttVariant variant, bool keepsChecksum)
    {
        var random = new Random(seed);
        var format = BttFormat.Of(variant);
        long length = BttLayout.MinimumArena + format.InitialOffset;
        using var map = PersistentMap.CreateAnonymous(length, StoreGranularity.Byte);
        using (BlockTranslationTable made = BlockTranslationTable.Create(map, 0, length, format, BlockSize))
        {
            for (uint i = 0; i < 300; i++)
                made.Write(i % 50, TestPools.Content(BlockSize, i % 50, i));
        }

        BttInfo info = map.Read<BttInfo>(format.InitialOffset);
        (long At, byte[] Bytes)[] sound =
        [
            .. new[] { (0L, BttInfo.Size), ((long)info.MapOffset, 4096), ((long)info.FlogOffset, 4096), ((long)info.InfoOffset, BttInfo.Size) }
                .Select(part => (format.InitialOffset + part.Item1, map.GetSpan(format.InitialOffset + part.Item1, part.Item2).ToArray())),
        ];
        int opened = 0;
        int refused = 0;
        byte[] block = new byte[BlockSize];
        for (int i = 0; i < Mutants; i++)
        {
            foreach ((long at, byte[] bytes) in sound)
                map.Copy(at, bytes, CopyHints.NoFlush);
            Mutate(map, random, sound, keepsChecksum);
            try
            {
                if (i % 16 == 0)
                {
                    BttChecker.Check(map, 0, length);
                    BttRepair.Repair(map, 0, length, new BttRepairOptions { AcceptLoss = random.Next(2) == 0 });
                }

                using BlockTranslationTable table = BlockTranslationTable.Open(map, 0, length);
                opened++;
                for (int j = 0; j < 4; j++)
                    Use(table, random, block.AsSpan(0, Math.Min(table.BlockSize, block.Length)));
            }
            catch (PmemException e)
            {
                refused++;
                Assert.False(string.IsNullOrWhiteSpace(e.Message), $"seed {seed}, mutant {i}");
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, mutant {i}: {e}");
            }
        }

        // Both outcomes must occur, or the mutations are too weak or too strong.
        Assert.True(opened > Mutants / 50 && refused > Mutants / 500, $"{opened} opened, {refused} refused");
    }

    private static void Use(BlockTranslationTable table, Random random, Span<byte> block)
    {
        if (table.BlockSize != block.Length)
            return;
        long number = random.Next(4) == 0 ? table.BlockCount - 1 : random.NextInt64(Math.Min(60, table.BlockCount));
        try
        {
            table.TryRead(number, block);
            switch (random.Next(3))
            {
                case 0:
                    table.Write(number, block);
                    break;
                case 1:
                    table.Zero(number);
                    break;
                default:
                    table.SetError(number);
                    break;
            }
        }
        catch (PmemException)
        {
            // A map entry or an arena that is refused when it is used.
        }
    }

    private static void Mutate(PersistentMap map, Random random, (long At, byte[] Bytes)[] parts, bool keepsChecksum)
    {
        int count = random.Next(1, 5);
        bool hitsInfo = false;
        for (int i = 0; i < count; i++)
        {
            int part = random.Next(parts.Length);
            hitsInfo |= part is 0 or 3;
            int at = part is 0 or 3 ? random.Next(10) == 0 ? random.Next(4096) & ~7 : random.Next(30) * 4 : random.Next(1024) * 4;
            uint value = random.Next(5) switch
            {
                0 => 0,
                1 => uint.MaxValue,
                2 => (uint)random.Next(70_000),
                3 => 1u << random.Next(32),
                _ => (uint)random.NextInt64(1L << 32),
            };
            if (at + 4 <= parts[part].Bytes.Length)
                map.Store(parts[part].At + at, value);
        }

        // With a right checksum the fields themselves are tried; the same in both places, or only in one.
        if (!keepsChecksum || !hitsInfo)
            return;
        BttInfo info = map.Read<BttInfo>(parts[0].At);
        info.Checksum = info.ComputeChecksum();
        map.Store(parts[0].At, info);
        if (random.Next(2) == 0)
            map.Store(parts[3].At, info);
    }

    [Fact]
    public void Random_bytes_are_no_table()
    {
        var random = new Random(9);
        byte[] bytes = new byte[BttInfo.Size];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            BttInfo info = BttInfo.Read(bytes);
            Assert.NotNull(BttInfoValidation.FindProblem(in info, 0, 1L << 40, parentUuid: null, blockSize: 0));
            info.Signature = BttInfo.ExpectedSignature;
            info.Major = 2;
            info.Minor = 0;
            info.Checksum = info.ComputeChecksum();
            Assert.NotNull(BttInfoValidation.FindProblem(in info, 0, 1L << 40, parentUuid: null, blockSize: 0));
        }
    }
}
