using Pmem.Pools;

namespace Pmem.Logs.Tests;

/// <summary>Headers and descriptors mutated by the thousand: an open gives a whole log or a typed exception, and check agrees.</summary>
public class FuzzTests
{
    private const int Mutants = 20_000;
    private const int Fields = 4120;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_mutant_opens_or_says_why_not(int seed)
    {
        var random = new Random(seed);
        using PersistentMap map = PersistentMap.CreateAnonymous(PersistentLog.MinimumPoolSize);
        PersistentLog made = PersistentLog.Create(map);
        made.Append(LogFolder.Pattern(500));
        byte[] valid = map.GetSpan(0, 8192).ToArray();
        byte[] bytes = new byte[8192];
        byte[] content = new byte[64];
        int opened = 0;
        for (int i = 0; i < Mutants; i++)
        {
            valid.CopyTo(bytes, 0);
            Mutate(random, bytes);
            map.Copy(0, bytes);
            bool consistent = PersistentLog.Check(map).IsConsistent;
            try
            {
                // The log is not disposed: that would take the map along.
                PersistentLog log = PersistentLog.Open(map);
                Assert.True(consistent, $"seed {seed}, mutant {i}: opened, but not consistent");
                Assert.InRange(log.Length, 0, log.Capacity);
                log.Read(Math.Max(0, log.Length - 64), content);
                if (!log.IsReadOnly && log.FreeBytes > 0)
                    log.Append([1]);
                opened++;
            }
            catch (PmemFormatException)
            {
                Assert.False(consistent, $"seed {seed}, mutant {i}: consistent, but refused");
            }
            catch (PmemException)
            {
                // The shutdown state is no matter of the format.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, mutant {i}: {e}");
            }
        }

        // Both outcomes must occur, or the mutations are too weak or too strong.
        Assert.InRange(opened, Mutants / 50, Mutants - (Mutants / 50));
    }

    private static void Mutate(Random random, byte[] bytes)
    {
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(4) switch
            {
                0 => random.Next(144),
                1 => random.Next(PoolHeader.ShutdownStatePosition, 4096),
                2 => random.Next(4096, Fields),
                _ => random.Next(bytes.Length),
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
                    random.NextBytes(bytes.AsSpan(at, Math.Min(random.Next(1, 9), bytes.Length - at)));
                    break;
            }
        }

        if (random.Next(3) != 0)
        {
            PoolHeader header = PoolHeader.Read(bytes);
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(PoolHeader.ChecksumPosition), header.ComputeChecksum());
        }
    }
}
