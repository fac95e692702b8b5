using System.Text.RegularExpressions;

namespace Pmem.Platform.Tests;

/// <summary>Tables of docs/formats.</summary>
internal static class FormatPage
{
    /// <summary>Cells of the first table under a heading.</summary>
    public static IEnumerable<string[]> Rows(string page, string heading)
    {
        string text = File.ReadAllText(Path.Combine(Root(), "docs", "formats", page));
        int start = text.IndexOf(heading + "\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"{page} has no heading {heading}");
        bool inTable = false;
        foreach (string line in text[start..].Split('\n'))
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

    /// <summary>Compares a byte table with the fields of a layout class.</summary>
    public static void Compare(string page, string heading, Type layout, int size)
    {
        var fields = layout.GetFields().ToDictionary(field => field.Name, field => (LayoutField)field.GetValue(null)!, StringComparer.Ordinal);
        int next = 0;
        foreach (string[] cells in Rows(page, heading))
        {
            int offset = int.Parse(cells[0]);
            int length = int.Parse(cells[1]);
            Assert.Equal(next, offset);
            next = offset + length;
            if (!cells[2].StartsWith('`'))
                continue;
            string name = cells[2].Trim('`');
            Assert.True(fields.Remove(name, out LayoutField field), $"no field {name}");
            Assert.Equal((offset, length), (field.Offset, field.Length));
        }

        Assert.Equal(size, next);
        Assert.Empty(fields.Keys);
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository");
    }
}
