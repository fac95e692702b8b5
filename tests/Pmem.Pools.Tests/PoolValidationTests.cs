using System.Buffers.Binary;

namespace Pmem.Pools.Tests;

/// <summary>One rule of §2.5 broken at a time, then two: the verdict is that of the earlier rule.</summary>
public class PoolValidationTests
{
    /// <summary>The rules in order: how to break each, where the verdict points, and a word of it.</summary>
    internal static readonly (string Name, Action<byte[]> Break, long Offset, string Word)[] Rules =
    [
        ("major 0", b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(8), 0), 8, "invalid major version"),
        ("signature", b => b[0] = (byte)'X', 0, "wrong pool type"),
        ("major", b => BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(8), 2), 8, "expected 1, found 2"),
        ("incompat", b => b[16] |= 8, 16, "unsafe to continue"),
        ("checksum", b => b[4088] ^= 1, 4088, "checksum"),
        ("architecture", b => b[142] ^= 1, 128, "architecture flags"),
        ("part uuid", b => b[56] ^= 1, 56, "part uuid"),
        ("single header", b => b[16] |= 1, 16, "SINGLEHDR"),
        ("replica uuid", b => b[88] ^= 1, 88, "replica uuid"),
    ];

    public static TheoryData<string> Names => [.. Rules.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_broken_rule_has_its_verdict(string name)
    {
        (_, Action<byte[]> breakRule, long offset, string word) = Rules.Single(r => r.Name == name);
        byte[] bytes = Broken(breakRule, name == "checksum");
        PmemFormatException problem = Find(bytes)!;
        Assert.NotNull(problem);
        Assert.Equal(offset, problem.Offset);
        Assert.Contains(word, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_broken_rules_the_earlier_one_is_named()
    {
        for (int first = 0; first < Rules.Length; first++)
        {
            for (int second = first + 1; second < Rules.Length; second++)
            {
                // A bad major number cannot be both 0 and 2.
                if (Rules[first].Name == "major 0" && Rules[second].Name == "major")
                    continue;
                byte[] bytes = HeaderImage.Valid();
                Rules[first].Break(bytes);
                Rules[second].Break(bytes);
                HeaderImage.Seal(bytes);
                if (Rules[first].Name == "checksum" || Rules[second].Name == "checksum")
                    bytes[4088] ^= 1;
                PmemFormatException? problem = Find(bytes);
                Assert.True(problem is not null && problem.Offset == Rules[first].Offset, $"{Rules[first].Name} + {Rules[second].Name}: {problem?.Message}");
                Assert.Contains(Rules[first].Word, problem!.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(128, 8)]
    [InlineData(136, 1)]
    [InlineData(137, 1)]
    [InlineData(138, 4)]
    [InlineData(142, 2)]
    public void Every_byte_of_the_architecture_flags_counts(int offset, int size)
    {
        for (int i = 0; i < size; i++)
        {
            byte[] bytes = Broken(b => b[offset + i] ^= 0x40);
            Assert.Equal(128, Find(bytes)!.Offset);
        }
    }

    [Theory]
    [InlineData(56)]
    [InlineData(72)]
    public void Both_neighbours_of_a_lone_part_are_itself(int offset)
    {
        for (int i = 0; i < 16; i++)
            Assert.Equal(56, Find(Broken(b => b[offset + i] ^= 0x80))!.Offset);
    }

    [Theory]
    [InlineData(88)]
    [InlineData(104)]
    public void Both_neighbours_of_a_lone_replica_are_itself(int offset)
    {
        for (int i = 0; i < 16; i++)
            Assert.Equal(88, Find(Broken(b => b[offset + i] ^= 0x80))!.Offset);
    }

    [Fact]
    public void Every_bit_of_the_first_half_is_covered_by_the_checksum()
    {
        byte[] bytes = HeaderImage.Valid();
        for (int bit = 0; bit < 2048 * 8; bit++)
        {
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            Assert.NotNull(Find(bytes));
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
        }
    }

    [Fact]
    public void Unused_bytes_may_be_anything_when_the_checksum_matches()
    {
        byte[] bytes = Broken(b =>
        {
            b.AsSpan(144, 1904).Fill(0xA5);
            b.AsSpan(2048, 1976).Fill(0x5A);
        });
        Assert.Null(Find(bytes));
    }

    [Fact]
    public void Unknown_compat_bits_are_ignored() => Assert.Null(Find(Broken(b => b[15] = 0x80)));

    [Fact]
    public void Unknown_ro_compat_bits_are_no_problem_of_the_header() => Assert.Null(Find(Broken(b => b[20] = 1)));

    [Fact]
    public void A_page_of_zeros_is_reported_as_major_0() => Assert.Contains("invalid major version", Find(new byte[4096])!.Message, StringComparison.Ordinal);

    [Fact]
    public void Another_kind_of_pool_is_the_wrong_type()
    {
        PoolHeader header = PoolHeader.Read(HeaderImage.Valid(PoolKind.Block));
        Assert.Contains("wrong pool type", PoolValidation.FindProblem(in header, PoolKind.Log)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_older_layout_says_how_to_convert_it()
    {
        byte[] bytes = HeaderImage.Valid(PoolKind.Object);
        bytes[8] = 5;
        PoolHeader header = PoolHeader.Read(bytes);
        Assert.Contains("pmem pool convert", PoolValidation.FindProblem(in header, PoolKind.Object)!.Message, StringComparison.Ordinal);
    }

    private static byte[] Broken(Action<byte[]> breakRule, bool afterSeal = false)
    {
        byte[] bytes = HeaderImage.Valid();
        breakRule(bytes);
        if (!afterSeal)
            HeaderImage.Seal(bytes);
        return bytes;
    }

    private static PmemFormatException? Find(byte[] bytes)
    {
        PoolHeader header = PoolHeader.Read(bytes);
        return PoolValidation.FindProblem(in header, PoolKind.Log);
    }
}
