using System.Text.RegularExpressions;
using Pmem.Platform.Acpi;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Tests.Acpi;

/// <summary>docs/formats/nfit.md says what the structures, GUIDs and rules are.</summary>
public class NfitPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Root(), "docs", "formats", "nfit.md"));

    [Fact]
    public void Header_table_is_the_header() => Compare("## Header", new AcpiTableHeader(), 0, 40, ("reserved", 36, 4));

    [Fact]
    public void Range_table_is_the_structure() => Compare("## System physical", new NfitSpaRange { Flags = NfitSpaFlags.LocationCookieValid }, 4, 64);

    [Fact]
    public void Mapping_table_is_the_structure() => Compare("## Region mapping", new NfitRegionMapping(), 4, 48);

    [Fact]
    public void Interleave_table_is_the_structure() => Compare("## Interleave", new NfitInterleave { LineOffsets = [0] }, 4, 20);

    [Fact]
    public void Smbios_table_is_the_structure() => Compare("## SMBIOS", new NfitSmbios { Data = [1] }, 4, 9);

    [Fact]
    public void Control_region_table_is_the_structure() => Compare("## Control region", new NfitControlRegion { HasWindowFields = true }, 4, 80);

    [Fact]
    public void Window_table_is_the_structure() => Compare("## Block data window", new NfitBlockDataWindow(), 4, 40);

    [Fact]
    public void Flush_hint_table_is_the_structure() => Compare("## Flush hint", new NfitFlushHints { Addresses = [8] }, 4, 24);

    [Fact]
    public void Capabilities_table_is_the_structure() => Compare("## Platform capabilities", new NfitPlatformCapabilities(), 4, 16);

    [Fact]
    public void Range_types_are_all_there() =>
        Assert.Equal(NfitRangeType.All.Select(type => (type.Guid, type.Name)), Rows("| type GUID").Select(row => (Guid.Parse(row[0].Trim('`')), row[1])));

    [Fact]
    public void Every_rule_is_documented_with_its_severities_and_tried()
    {
        var documented = Rows("| rule |").ToDictionary(row => row[0].Trim('`'), row => row[1].Split(", ").Order().ToArray(), StringComparer.Ordinal);
        var tried = NfitLintCases.All.GroupBy(c => c.Rule, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Select(c => c.Severity.ToString().ToLowerInvariant()).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray(), StringComparer.Ordinal);
        Assert.Equal(documented.Keys.Order(StringComparer.Ordinal), tried.Keys.Order(StringComparer.Ordinal));
        foreach ((string rule, string[] severities) in documented)
            Assert.Equal(severities, tried[rule]);
    }

    [Fact]
    public void The_example_builds_a_table_without_findings()
    {
        Match example = Regex.Match(s_page, "```json\n(?<json>.*?)```", RegexOptions.Singleline, TimeSpan.FromSeconds(1));
        Assert.Empty(NfitLint.Examine(NfitJson.Parse(example.Groups["json"].Value).ToBytes()));
    }

    private static void Compare(string heading, BinaryStructure structure, int start, int size, params (string Name, int Offset, int Length)[] more)
    {
        var layout = new List<(string Name, int Offset, int Length)>();
        var measurer = new FieldMeasurer(layout);
        structure.Visit(ref measurer);
        var fields = new Queue<(string Name, int Offset, int Length)>([.. layout.Where(f => f.Length != 0), .. more.Select(m => m with { Offset = m.Offset - start })]);
        foreach (string[] row in Rows(heading))
        {
            (string name, int offset, int length) = fields.Dequeue();
            Assert.Equal(name, row[2].Trim('`'));
            Assert.Equal(offset + start, int.Parse(row[0]));
            if (int.TryParse(row[1].Split('·')[0], out int documented))
                Assert.Equal(documented, length);
        }

        Assert.Empty(fields);
        Assert.Equal(size, structure.ByteLength + start + more.Sum(m => m.Length));
    }

    private static IEnumerable<string[]> Rows(string heading)
    {
        int start = s_page.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"no heading {heading}");
        bool inTable = false;
        foreach (string line in s_page[start..].Split('\n'))
        {
            if (!line.StartsWith('|'))
            {
                if (inTable)
                    yield break;
                continue;
            }

            if (Regex.IsMatch(line, "^[|-]+$", RegexOptions.None, TimeSpan.FromSeconds(1)))
                inTable = true;
            else if (inTable)
                yield return [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
        }
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository");
    }
}
