using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests.Layout;

/// <summary>The byte tables in docs/formats/blocks.md say what the structures are, and the list of rules is that of the checker.</summary>
public sealed partial class FormatPageTests
{
    private static readonly string s_root = Root();
    private static readonly string s_page = File.ReadAllText(Path.Combine(s_root, "docs", "formats", "blocks.md"));

    [Fact]
    public void Info_block_table_is_the_structure() => Compare<BttInfo>("### Info block", BttInfo.Size);

    [Fact]
    public void Flog_table_is_the_structure() => Compare<FlogHalf>("### Flog", BttLayout.FlogHalfSize);

    [Fact]
    public void Pool_table_is_the_constants()
    {
        string[][] rows = [.. Rows("## Block pools")];
        int[] offsets = [.. rows.Select(cells => int.Parse(cells[0]))];
        Assert.Equal([0, BlockPool.BlockSizePosition, BlockPool.IsZeroedPosition, 4104, BlockPool.DataPosition], offsets);
        for (int i = 0; i < rows.Length - 1; i++)
            Assert.Equal(offsets[i + 1], offsets[i] + int.Parse(rows[i][1]));
        Assert.Contains($"{BlockPool.DataPointerPosition}", rows[3][3], StringComparison.Ordinal);
    }

    [Fact]
    public void Variant_table_is_the_constants()
    {
        int rows = 0;
        foreach (string[] cells in Rows("## Variants"))
        {
            var format = BttFormat.Of(Enum.Parse<BttVariant>(cells[0].Trim('`')));
            Assert.Equal(
                [$"{format.Major}.{format.Minor}", $"{format.InitialOffset}", $"{format.InternalAlignment}", format.FlogHasFlags ? "yes" : "no", format.InitialReadsMedia ? "media" : "zeros"],
                cells[1..]);
            rows++;
        }

        Assert.Equal(Enum.GetValues<BttVariant>().Length, rows);
    }

    [Fact]
    public void Every_rule_of_the_checker_is_on_the_page()
    {
        string source = File.ReadAllText(Path.Combine(s_root, "src", "Pmem.Blocks", "Checking", "BttChecker.cs"));
        string[] used = [.. Rule().Matches(source).Select(match => match.Groups["rule"].Value).Append("map-duplicate").Append("map-range").Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(used, Rows("## Checking").Select(cells => cells[0].Trim('`')).Order(StringComparer.Ordinal));
    }

    private static void Compare<T>(string heading, int size)
        where T : unmanaged
    {
        Assert.Equal(size, Unsafe.SizeOf<T>());
        var fields = typeof(T).GetFields(BindingFlags.Public | BindingFlags.Instance).ToDictionary(field => field.Name, StringComparer.Ordinal);
        int next = 0;
        foreach (string[] cells in Rows(heading))
        {
            int offset = int.Parse(cells[0]);
            Assert.Equal(next, offset);
            next = offset + int.Parse(cells[1]);
            if (!cells[2].StartsWith('`'))
                continue;
            string name = cells[2].Trim('`');
            Assert.True(fields.Remove(name, out FieldInfo? field), $"no field {name}");
            Assert.Equal(offset, field.GetCustomAttribute<FieldOffsetAttribute>()!.Value);
            Assert.Equal(int.Parse(cells[1]), field.FieldType == typeof(UInt128) ? 16 : Marshal.SizeOf(field.FieldType));
        }

        Assert.Equal(size, next);
        Assert.Empty(fields.Keys);
    }

    private static IEnumerable<string[]> Rows(string heading)
    {
        int start = s_page.IndexOf(heading + "\n", StringComparison.Ordinal);
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

            if (Ruler().IsMatch(line))
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

    [GeneratedRegex("""Add\(\s*"(?<rule>[a-z-]+)",""", RegexOptions.None, 1000)]
    private static partial Regex Rule();

    [GeneratedRegex("^[|-]+$", RegexOptions.None, 1000)]
    private static partial Regex Ruler();
}
