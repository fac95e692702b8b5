using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Pools;

namespace Pmem.Platform.Tests.InfoBlocks;

/// <summary>What kernel 6.1 decided when it was asked (docs/formats/infoblocks.md), and what we say it decides.</summary>
public sealed class PersonalityTests
{
    private const ulong MiB = 1 << 20;
    private const ulong Size = 64 * MiB;
    private const ulong Start = 0x1_0000_0000;
    private static readonly Guid s_uuid = Guid.Parse("99999999-2222-3333-4444-555555555555");
    private static readonly PfnInfoBlock s_good = PfnInfoBlock.Compute(PfnKind.Pfn, PageMapMode.Device, Start, Size, 2 * MiB, Guid.NewGuid(), s_uuid);
    private static readonly PfnInfoBlock s_dax = PfnInfoBlock.Compute(PfnKind.Dax, PageMapMode.Device, Start, Size, 2 * MiB, Guid.NewGuid(), s_uuid);

    private static readonly Dictionary<string, (PfnInfoBlock Block, string Result)> s_rows = new(StringComparer.Ordinal)
    {
        ["as written"] = (s_good, "Fsdax"),
        ["parent"] = (s_good with { ParentUuid = Guid.NewGuid() }, "Raw"),
        ["mode 0"] = (s_good with { Mode = PageMapMode.None }, "Raw"),
        ["mode 3"] = (s_good with { Mode = (PageMapMode)3 }, "Raw"),
        ["data offset past the end"] = (s_good with { DataOffset = Size }, "refused"),
        ["data offset not aligned"] = (s_good with { DataOffset = s_good.DataOffset + 4096 }, "refused"),
        ["data offset not a page"] = (s_good with { DataOffset = s_good.DataOffset + 512, Alignment = 512 }, "refused"),
        ["alignment larger than the namespace"] = (s_good with { Alignment = 128 * MiB }, "refused"),
        ["page size 8192"] = (s_good with { PageSize = 8192 }, "refused"),
        ["page structure 32"] = (s_good with { PageStructSize = 32 }, "refused"),
        ["start pad 4096"] = (s_good with { StartPad = 4096, DataOffset = s_good.DataOffset - 4096 }, "refused"),
        ["end truncate 4096"] = (s_good with { EndTruncate = 4096 }, "refused"),
        ["devdax alignment 65536"] = (s_dax with { Alignment = 65536 }, "refused"),
        ["minor 9"] = (s_good with { Minor = 9 }, "Fsdax"),
        ["major 2"] = (s_good with { Major = 2 }, "Fsdax"),
        ["flags"] = (s_good with { Flags = 1 }, "Fsdax"),
        ["pages 0"] = (s_good with { PageFrames = 0 }, "Fsdax"),
        ["pages huge"] = (s_good with { PageFrames = ulong.MaxValue }, "Fsdax"),
        ["fsdax alignment 65536"] = (s_good with { Alignment = 65536 }, "Fsdax"),
        ["alignment 0"] = (s_good with { Alignment = 0 }, "Fsdax"),
        ["page structure 128"] = (s_good with { PageStructSize = 128 }, "Fsdax"),
        ["both pads 2 MiB"] = (s_good with { StartPad = (uint)(2 * MiB), EndTruncate = (uint)(2 * MiB) }, "Fsdax"),
    };

    public static TheoryData<string> Rows => [.. s_rows.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Verdict_is_that_of_the_kernel(string row)
    {
        (PfnInfoBlock block, string result) = s_rows[row];
        NamespacePersonality found = NamespacePersonality.Probe(Head(block), NamespaceClass.None, s_uuid, Start, Size);
        Assert.Equal(result, found.CanBeEnabled ? $"{found.Mode}" : "refused");
        Assert.NotEmpty(found.Reasons);
    }

    [Fact]
    public void The_page_lists_these_rows_and_no_others() =>
        Assert.Equal(s_rows.Select(row => $"{row.Key}: {(row.Value.Result == "refused" ? "refused" : row.Value.Result.ToLowerInvariant())}").Order(StringComparer.Ordinal), FormatPage.Rows("infoblocks.md", "## What Linux makes of a PFN or DAX block").Select(cells => $"{cells[0].Trim('`')}: {cells[1]}").Order(StringComparer.Ordinal));

    [Fact]
    public void Byte_table_is_the_layout() => FormatPage.Compare("infoblocks.md", "## PFN and DAX", typeof(PfnInfoBlockLayout), PfnInfoBlock.Size);

    [Fact]
    public void The_label_says_what_is_looked_for()
    {
        foreach (NamespaceClass value in Enum.GetValues<NamespaceClass>())
        {
            NamespaceMode fsdax = value is NamespaceClass.None or NamespaceClass.Pfn ? NamespaceMode.Fsdax : NamespaceMode.Raw;
            NamespaceMode devdax = value is NamespaceClass.None or NamespaceClass.Dax ? NamespaceMode.Devdax : NamespaceMode.Raw;
            Assert.Equal(fsdax, NamespacePersonality.Probe(Head(s_good), value, s_uuid, Start, Size).Mode);
            Assert.Equal(devdax, NamespacePersonality.Probe(Head(s_dax), value, s_uuid, Start, Size).Mode);
            Assert.Equal(value == NamespaceClass.Unknown ? NamespaceClass.None : value, NamespaceClasses.Of(value.ToGuid()));
        }
    }

    [Fact]
    public void A_moved_namespace_is_refused_and_the_reason_says_so()
    {
        NamespacePersonality found = NamespacePersonality.Probe(Head(s_good), NamespaceClass.Pfn, s_uuid, Start + (1 * MiB), Size);
        Assert.False(found.CanBeEnabled);
        Assert.Contains("moved", found.Reasons[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Namespaces_that_end_early_are_raw_or_nothing()
    {
        Assert.False(NamespacePersonality.Probe(new byte[100], NamespaceClass.None, s_uuid, Start, 100).CanBeEnabled);
        Assert.Equal(NamespaceMode.Raw, NamespacePersonality.Probe(new byte[4096], NamespaceClass.None, s_uuid, Start, 4096).Mode);
        Assert.Contains("cannot be read", NamespacePersonality.Probe(new byte[10], NamespaceClass.None, s_uuid, Start, Size).Reasons[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BttVariant.Uefi20, NamespaceClass.Btt2, NamespaceMode.Sector)]
    [InlineData(BttVariant.Uefi20, NamespaceClass.Btt, NamespaceMode.Raw)]
    [InlineData(BttVariant.Uefi20, NamespaceClass.None, NamespaceMode.Raw)]
    [InlineData(BttVariant.Linux11, NamespaceClass.Btt, NamespaceMode.Sector)]
    [InlineData(BttVariant.Linux11, NamespaceClass.None, NamespaceMode.Sector)]
    [InlineData(BttVariant.Linux11, NamespaceClass.Btt2, NamespaceMode.Raw)]
    [InlineData(BttVariant.Linux11, NamespaceClass.Pfn, NamespaceMode.Raw)]
    public void A_BTT_counts_where_its_class_has_it(BttVariant variant, NamespaceClass value, NamespaceMode mode)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(32 << 20);
        BlockTranslationTable.Create(map, 0, map.Length, BttFormat.Of(variant), 4096, parentUuid: s_uuid).Dispose();
        byte[] head = map.GetSpan(0, NamespacePersonality.HeadSize).ToArray();
        NamespacePersonality found = NamespacePersonality.Probe(head, value, s_uuid, Start, (ulong)map.Length);
        Assert.Equal(mode, found.Mode);
        Assert.Equal(mode == NamespaceMode.Sector, found.Btt is not null);
        Assert.Equal(NamespaceMode.Raw, NamespacePersonality.Probe(head, value, Guid.NewGuid(), Start, (ulong)map.Length).Mode);
        Assert.Equal(NamespaceMode.Raw, NamespacePersonality.Probe(head, value, s_uuid, Start, (16 << 20) - 4096).Mode);
        head[BttFormat.Of(variant).InitialOffset + 60] ^= 1;
        Assert.Equal(NamespaceMode.Raw, NamespacePersonality.Probe(head, value, s_uuid, Start, (ulong)map.Length).Mode);
    }

    [Fact]
    public void No_mutant_of_a_head_does_harm()
    {
        const int Seed = 77;
        const int Mutants = 100_000;
        byte[] good = Head(s_good);
        byte[] other = Head(s_dax);
        byte[] bytes = new byte[good.Length];
        var random = new Random(Seed);
        var results = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < Mutants; i++)
        {
            (random.Next(2) == 0 ? good : other).CopyTo(bytes, 0);
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                int at = 4096 + (random.Next(3) == 0 ? random.Next(4096) : random.Next(96));
                bytes[at] = random.Next(3) switch { 0 => 0, 1 => 255, _ => (byte)random.Next(256) };
            }

            if (random.Next(4) != 0)
                BitConverter.TryWriteBytes(bytes.AsSpan(4096 + 4088), Fletcher64.ComputeWithHole(bytes.AsSpan(4096, 4096), 4088));
            NamespacePersonality found = NamespacePersonality.Probe(bytes, (NamespaceClass)random.Next(6), s_uuid, random.Next(4) == 0 ? (ulong)random.NextInt64() : Start, random.Next(4) == 0 ? (ulong)random.NextInt64() : Size);
            string result = found.CanBeEnabled ? $"{found.Mode}" : "refused";
            results[result] = results.GetValueOrDefault(result) + 1;
        }

        Assert.All((string[])["Raw", "Fsdax", "Devdax", "refused"], result => Assert.True(results.GetValueOrDefault(result) > 500, $"seed {Seed}: {result} {results.GetValueOrDefault(result)}"));
    }

    private static byte[] Head(PfnInfoBlock block)
    {
        byte[] head = new byte[NamespacePersonality.HeadSize];
        block.Write(head.AsSpan(PfnInfoBlock.Position));
        return head;
    }
}
