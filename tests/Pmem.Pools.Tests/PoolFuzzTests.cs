namespace Pmem.Pools.Tests;

/// <summary>Headers mutated by the thousand: an open gives a pool or a typed exception, and a refused header is not written to.</summary>
public class PoolFuzzTests
{
    private const int Mutants = 40_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public unsafe void Every_mutated_header_opens_or_says_why_not(int seed)
    {
        var random = new Random(seed);
        using PersistentMap map = PersistentMap.CreateAnonymous(PoolFolder.LogSize);
        byte[] valid = HeaderImage.Valid();
        byte[] bytes = new byte[PoolHeader.Size];
        int opened = 0;
        for (int i = 0; i < Mutants; i++)
        {
            valid.CopyTo(bytes, 0);
            Mutate(random, bytes);
            map.Copy(0, bytes);
            PoolKind kind = random.Next(8) == 0 ? PoolKind.Object : PoolKind.Log;
            try
            {
                // The pool is not disposed: that would take the map along.
                PoolFile pool = PoolFile.Attach(map, kind);
                Assert.Equal(kind, pool.Kind);
                opened++;
            }
            catch (PmemException e)
            {
                Assert.False(string.IsNullOrWhiteSpace(e.Message), $"seed {seed}, mutant {i}");
                Assert.True(map.GetSpan(0, PoolHeader.Size).SequenceEqual(bytes), $"seed {seed}, mutant {i}: a refused header was written");
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, mutant {i}: {e}");
            }
        }

        // Both outcomes must occur, or the mutations are too weak or too strong.
        Assert.InRange(opened, Mutants / 50, Mutants - (Mutants / 50));
    }

    [Fact]
    public void Random_bytes_always_read_as_a_value()
    {
        var random = new Random(3);
        byte[] bytes = new byte[PoolHeader.Size];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            PoolHeader header = PoolHeader.Read(bytes);
            Assert.NotNull(PoolValidation.FindProblem(in header, kind: null));
            Assert.NotNull(PoolFeatures.Names(in header));
        }
    }

    private static void Mutate(Random random, byte[] bytes)
    {
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            // Half of the strikes go to the fields, which fill 150 of the 4096 bytes.
            int at = random.Next(4) switch
            {
                0 => random.Next(24),
                1 => random.Next(24, 144),
                2 => random.Next(4024, 4096),
                _ => random.Next(4096),
            };
            switch (random.Next(3))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                default:
                    random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 17), bytes.Length - at)));
                    break;
            }
        }

        if (random.Next(3) != 0)
            HeaderImage.Seal(bytes);
    }
}
