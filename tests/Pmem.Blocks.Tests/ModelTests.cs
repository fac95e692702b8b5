using System.Globalization;

namespace Pmem.Blocks.Tests;

/// <summary>Random operations beside a dictionary; the pool is reopened, cleanly or not, in between.</summary>
public sealed class ModelTests
{
    [Theory]
    [InlineData(512, 1)]
    [InlineData(512, 2)]
    [InlineData(4096, 3)]
    [InlineData(3, 4)]
    [InlineData(700, 5)]
    public void The_pool_behaves_like_an_array_of_blocks(int blockSize, int seed)
    {
        var random = new Random(seed);
        BlockPool pool = TestPools.New(blockSize);
        var model = new Dictionary<long, byte[]?>();
        try
        {
            for (uint step = 0; step < 3000; step++)
            {
                long block = random.Next(10) == 0 ? random.NextInt64(pool.BlockCount) : random.Next(40);
                switch (random.Next(20))
                {
                    case < 10:
                        byte[] content = TestPools.Content(blockSize, block, step);
                        pool.Write(block, content);
                        model[block] = content;
                        break;
                    case 10 or 11:
                        pool.Zero(block);
                        model[block] = new byte[blockSize];
                        break;
                    case 12:
                        pool.SetError(block);
                        model[block] = null;
                        break;
                    case 13 when step % 50 == 0:
                        BlockPool again = TestPools.Reopen(pool);
                        pool.Dispose();
                        pool = again;
                        break;
                    default:
                        Compare(pool, model, block);
                        break;
                }
            }

            foreach (long block in model.Keys)
                Compare(pool, model, block);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {e.Message}"), e);
        }
        finally
        {
            pool.Dispose();
        }
    }

    private static void Compare(BlockPool pool, Dictionary<long, byte[]?> model, long block)
    {
        byte[] buffer = new byte[pool.BlockSize];
        bool isGood = pool.TryRead(block, buffer);
        byte[]? expected = model.GetValueOrDefault(block, new byte[pool.BlockSize]);
        Assert.Equal(expected is not null, isGood);
        if (expected is not null)
            Assert.Equal(expected, buffer);
    }
}
