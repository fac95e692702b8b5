using Pmem.Platform.Acpi;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>Each rule finds its fault, at its place, and tables in order have none.</summary>
public class NfitLintTests
{
    public static TheoryData<string> Cases => [.. NfitLintCases.All.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_fault_is_found_at_its_place(string name)
    {
        var @case = NfitLintCases.All.Single(c => c.Name == name);
        IReadOnlyList<LintFinding> findings = NfitLint.Examine(@case.Table(), NfitLintCases.Platform);
        LintFinding? found = findings.FirstOrDefault(f => f.Rule == @case.Rule && f.Offset == @case.Offset);
        Assert.True(found is not null, string.Join('\n', findings));
        Assert.Equal(@case.Severity, found.Severity);
        Assert.NotEmpty(found.Message);
        Assert.NotEmpty(found.Effect);
    }

    [Fact]
    public void A_finding_is_about_the_fault_alone_where_one_field_is_wrong()
    {
        foreach (string name in (string[])["checksum", "revision", "handle reserved", "ways", "twins", "hints for one", "hint not aligned", "hint in the data", "range off 2 MiB", "not armed", "sum"])
        {
            IReadOnlyList<LintFinding> findings = NfitLint.Examine(NfitLintCases.All.Single(c => c.Name == name).Table(), NfitLintCases.Platform);
            Assert.True(findings.Count(f => f.Severity == LintSeverity.Error || f.Rule == NfitLintCases.All.Single(c => c.Name == name).Rule) == 1 || name == "handle reserved", $"{name}: {string.Join('\n', findings)}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(16)]
    public void Tables_in_order_have_no_findings(int ways)
    {
        Assert.Empty(NfitLint.Examine(SampleNfit.Set(ways).ToBytes()));
        Assert.Empty(NfitLint.Examine(SampleNfit.Set(ways).ToFit()));
    }

    [Fact]
    public void A_row_of_DIMMs_without_interleaving_is_in_order()
    {
        Nfit nfit = SampleNfit.Set();
        foreach (NfitRegionMapping mapping in nfit.Of<NfitRegionMapping>())
            mapping.InterleaveIndex = 0;
        nfit.Of<NfitRegionMapping>().Last().RegionOffset = 256 << 20;
        Assert.Empty(NfitLint.Examine(nfit.ToBytes()));
    }

    [Fact]
    public void Tables_of_several_lines_tile()
    {
        // Two channels of 256 bytes in two controllers of 4 KiB: DIMM 0 has lines 0, 2 … 30 and 32 … of 64.
        Nfit nfit = SampleNfit.Set(4);
        nfit.Structures.Remove(nfit.Of<NfitInterleave>().Single());
        uint[] lines = [.. Enumerable.Range(0, 8).Select(i => (uint)(2 * i))];
        nfit.Structures.Add(new NfitInterleave { Index = 1, LineSize = 256, LineOffsets = lines }.Padded());
        ulong[] offsets = [0, 256, 4096, 4096 + 256];
        foreach ((NfitRegionMapping mapping, ulong offset) in nfit.Of<NfitRegionMapping>().Zip(offsets))
            mapping.RegionOffset = offset;
        Assert.Empty(NfitLint.Examine(nfit.ToBytes()));
    }

    [Fact]
    public void Rules_that_need_more_than_the_table_stay_silent_without_it()
    {
        string[] needing = ["device missing", "range in RAM", "unknown node"];
        foreach (string name in needing)
            Assert.DoesNotContain(NfitLint.Examine(NfitLintCases.All.Single(c => c.Name == name).Table()), f => f.Severity == LintSeverity.Error);
    }
}
