namespace Pmem.Emulation.Tests;

/// <summary>Which ranges of a set lie on poison, beside a search byte by byte.</summary>
public sealed class PoisonPlaceTests
{
    private const int Line = 16;
    private const int Lines = 5;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_range_is_poisoned_when_one_of_its_bytes_is(int ways)
    {
        const int Seed = 11;
        var random = new Random(Seed);
        var set = new VirtualSet { Start = 0, Dimms = [.. Enumerable.Range(0, ways).Reverse()], LineSize = Line, SizePerDimm = Line * Lines, DpaStarts = [.. Enumerable.Range(0, ways).Select(way => 100L * way)] };
        long size = (long)Line * Lines * ways;
        int poisoned = 0;
        for (int round = 0; round < 20; round++)
        {
            VirtualDimm[] dimms = [.. Enumerable.Range(0, ways).Select(number => new VirtualDimm
            {
                File = "none",
                Handle = 1,
                SerialNumber = 1,
                Capacity = 1 << 20,
                LabelSize = 0,
                Poison = [.. Enumerable.Range(0, random.Next(3)).Select(_ => new PoisonedRange((100L * (ways - 1 - number)) + random.Next(Line * Lines), 1 + random.Next(24)))],
            })];
            int[] before = new int[size + 1]; // bytes that are poisoned, of all before an offset
            for (long at = 0; at < size; at++)
            {
                (int dimm, long dpa) = InterleavedMemory.Translate(set, at);
                before[at + 1] = before[at] + (dimms[dimm].Poison.Any(range => range.Dpa <= dpa && dpa < range.Dpa + range.Length) ? 1 : 0);
            }

            for (long offset = 0; offset < size; offset++)
            {
                for (long length = 0; length <= size - offset; length++)
                {
                    bool expected = before[offset + length] > before[offset];
                    Assert.True(expected == InterleavedMemory.IsPoisoned(dimms, set, offset, length), $"seed {Seed}, round {round}: {offset}+{length}");
                    poisoned += expected ? 1 : 0;
                }
            }
        }

        Assert.NotEqual(0, poisoned);
    }
}
