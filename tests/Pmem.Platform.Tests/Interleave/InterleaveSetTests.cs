using Pmem.Platform.Acpi;
using Pmem.Platform.Interleave;
using Pmem.Platform.Tests.Acpi;

namespace Pmem.Platform.Tests.Interleave;

/// <summary>System addresses and DIMM addresses, both ways.</summary>
public class InterleaveSetTests
{
    [Fact]
    public void The_simplest_set_alternates_by_lines()
    {
        var set = InterleaveSet.Of(SampleNfit.Set(4), 1);
        foreach (ulong offset in (ulong[])[0, 100, 4096, 5000, 3 * 4096, (4 * 4096) + 7, (512UL << 20) - 1])
        {
            Assert.True(set.TryToDimm(SampleNfit.SpaBase + offset, out DimmAddress found));
            Assert.Equal(SampleNfit.Module((int)(offset / 4096 % 4)).Handle, found.Handle);
            Assert.Equal((offset / (4096 * 4) * 4096) + (offset % 4096), found.Dpa);
            Assert.Equal(4096 - (offset % 4096), found.Contiguous);
        }

        Assert.False(set.TryToDimm(SampleNfit.SpaBase - 1, out _));
        Assert.False(set.TryToDimm(SampleNfit.SpaBase + (512UL << 20), out _));
        Assert.False(set.TryToSystem(SampleNfit.Module(0).Handle, 128UL << 20, out _, out _));
        Assert.False(set.TryToSystem(SampleNfit.Module(7).Handle, 0, out _, out _));
    }

    [Fact]
    public void A_set_begins_where_its_modules_have_room()
    {
        NfitModule[] modules = [SampleNfit.Module(0), SampleNfit.Module(1)];
        Nfit nfit = new NfitBuilder().AddSet(1UL << 32, modules[..1], 1 << 20).AddSet(2UL << 32, modules, 1 << 20, lineSize: 256).Build();
        var set = InterleaveSet.Of(nfit, 2);
        Assert.True(set.TryToDimm((2UL << 32) + 512 + 3, out DimmAddress found));
        Assert.Equal(new DimmAddress(modules[0].Handle, (1 << 20) + 256 + 3, 253), found);
        Assert.True(set.TryToSystem(modules[1].Handle, 256 + 3, out ulong address, out ulong contiguous));
        Assert.Equal(((2UL << 32) + 512 + 256 + 3, 253ul), (address, contiguous));
    }

    [Fact]
    public void Modules_without_interleaving_follow_one_another()
    {
        var set = new InterleaveSet(1 << 30, 3 << 20, [Plain(1, 0, 1 << 20), Plain(2, 1 << 20, 2 << 20)]);
        Assert.True(set.TryToDimm((1 << 30) + (1 << 20) - 1, out DimmAddress last));
        Assert.Equal(new DimmAddress(new(1), (1 << 20) - 1, 1), last);
        Assert.True(set.TryToDimm((1 << 30) + (1 << 20), out DimmAddress first));
        Assert.Equal(new DimmAddress(new(2), 0, 2 << 20), first);
    }

    [Fact]
    public void Any_table_translates_one_to_one_and_as_ACPI_computes_it()
    {
        var random = new Random(61);
        for (int round = 0; round < 300; round++)
        {
            int ways = random.Next(1, 9);
            int lines = random.Next(1, 9);
            uint lineSize = (uint)random.Next(1, 5) * 64;
            ulong repetitions = (ulong)random.Next(1, 5);
            ulong size = (ulong)lines * lineSize * repetitions;
            // The lines of one repetition, dealt to the DIMMs at random: with and without a region offset.
            uint[] deck = [.. Enumerable.Range(0, ways * lines).Select(i => (uint)i)];
            random.Shuffle(deck);
            InterleaveMember[] members = [.. Enumerable.Range(0, ways).Select(way =>
            {
                uint[] mine = deck[(way * lines)..((way + 1) * lines)];
                uint start = random.Next(2) == 0 ? 0 : mine.Min();
                return new InterleaveMember(new((uint)way + 1), (ulong)random.Next(1000) * 4096, size, start * lineSize, (ushort)ways, lineSize, [.. mine.Select(line => line - start)]);
            })];
            ulong length = size * (ulong)ways;
            var set = new InterleaveSet(0x1000_0000, length, members);
            var seen = new HashSet<(uint, ulong)>();
            for (ulong place = 0; place < length; place += lineSize)
            {
                ulong address = 0x1000_0000 + place + (ulong)random.Next((int)lineSize);
                Assert.True(set.TryToDimm(address, out DimmAddress found));
                Assert.True(seen.Add((found.Handle.Value, (found.Dpa - members[(int)found.Handle.Value - 1].DpaBase) / lineSize)));
                Assert.True(set.TryToSystem(found.Handle, found.Dpa, out ulong back, out ulong contiguous));
                Assert.Equal(address, back);
                Assert.Equal(found.Contiguous, contiguous);
                InterleaveMember member = members[(int)found.Handle.Value - 1];
                ulong offset = found.Dpa - member.DpaBase;
                ulong line = offset / lineSize;
                Assert.Equal(address, 0x1000_0000 + member.RegionOffset + (member.LineOffsets[(int)(line % (ulong)lines)] * lineSize)
                    + (line / (ulong)lines * ((ulong)lines * (ulong)ways * lineSize)) + (offset % lineSize));
            }

            Assert.Equal((int)(length / lineSize), seen.Count);
        }
    }

    [Fact]
    public void Contiguous_bytes_are_contiguous_on_both_sides()
    {
        var set = InterleaveSet.Of(SampleNfit.Set(2), 1);
        Assert.True(set.TryToDimm(SampleNfit.SpaBase + 4196, out DimmAddress found));
        Assert.True(set.TryToDimm(SampleNfit.SpaBase + 4196 + found.Contiguous - 1, out DimmAddress last));
        Assert.Equal((found.Handle, found.Dpa + found.Contiguous - 1), (last.Handle, last.Dpa));
    }

    [Fact]
    public void Places_that_no_module_has_are_holes()
    {
        // The second DIMM of two is missing.
        var set = new InterleaveSet(0, 8192, [new InterleaveMember(new(1), 0, 4096, 0, 2, 1024, [0])]);
        Assert.True(set.TryToDimm(2048, out DimmAddress found));
        Assert.Equal(1024ul, found.Dpa);
        Assert.False(set.TryToDimm(1024, out _));
    }

    [Fact]
    public void Tables_that_make_no_set_are_refused()
    {
        Refused(1 << 20, new InterleaveMember(new(1), 0, 8192, 0, 2, 4096, []));
        Refused(1 << 20, new InterleaveMember(new(1), 0, 8192, 0, 0, 4096, [0]));
        Refused(1 << 20, new InterleaveMember(new(1), 0, 8192, 0, 2, 4096, [3, 3]));
        Refused(8192, new InterleaveMember(new(1), 0, 8192, 0, 2, 4096, [0]));
        Refused(8192, Plain(1, 4096, 8192));
        Refused(1 << 20, new InterleaveMember(new(1), ulong.MaxValue, 8192, 0, 1, 4096, [0]));
        Refused(ulong.MaxValue, new InterleaveMember(new(1), 0, 1UL << 62, ulong.MaxValue, ushort.MaxValue, uint.MaxValue, [uint.MaxValue]));
        Assert.Throws<PmemFormatException>(() => InterleaveSet.Of(SampleNfit.Set(), 2));
        Assert.Throws<PmemFormatException>(() => InterleaveSet.Of(SampleNfit.Set(), 0));
        Nfit dangling = SampleNfit.Set();
        dangling.Of<NfitRegionMapping>().First().InterleaveIndex = 9;
        Assert.Throws<PmemFormatException>(() => InterleaveSet.Of(dangling, 1));
    }

    [Fact]
    public void Any_mutant_of_a_table_makes_a_set_that_translates_back_or_is_refused()
    {
        const int Seed = 62;
        var random = new Random(Seed);
        byte[] valid = SampleNfit.Set(4).ToFit();
        int made = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] mutant = [.. valid];
            for (int n = random.Next(1, 4); n > 0; n--)
                mutant[random.Next(mutant.Length)] = (byte)random.Next(256);
            try
            {
                var set = InterleaveSet.Of(Nfit.Parse(mutant), 1);
                made++;
                for (int probe = 0; probe < 4 && set.Length != 0; probe++)
                {
                    ulong address = set.Base + ((ulong)random.NextInt64() % set.Length);
                    // Members of a mutant may share a handle or a place; what is found must lead back to where it was found.
                    if (set.TryToDimm(address, out DimmAddress found) && set.Members.DistinctBy(m => m.Handle).Count() == set.Members.Count)
                        Assert.True(set.TryToSystem(found.Handle, found.Dpa, out ulong back, out _) && back == address, $"seed {Seed}, mutant {i}, address 0x{address:x}");
                }
            }
            catch (PmemFormatException)
            {
                // As it should be.
            }
        }

        Assert.InRange(made, 1000, 99_000);
    }

    private static InterleaveMember Plain(uint handle, ulong offset, ulong size) => new(new(handle), 0, size, offset, 1, 0, []);

    private static void Refused(ulong length, InterleaveMember member) => Assert.Throws<PmemFormatException>(() => new InterleaveSet(0, length, [member]));
}
