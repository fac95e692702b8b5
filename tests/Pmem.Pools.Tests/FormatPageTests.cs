using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Pmem.Pools.Tests;

/// <summary>The byte tables in docs/formats/pools.md say what the structures are.</summary>
public class FormatPageTests
{
    private static readonly string s_page = Page("pools.md");

    internal static string Page(string name) => File.ReadAllText(Path.Combine(Root(), "docs", "formats", name));

    [Fact]
    public void Header_table_is_the_structure() => Compare<PoolHeader>("## Header", PoolHeader.Size);

    [Fact]
    public void Shutdown_state_table_is_the_structure() => Compare<ShutdownState>("## Shutdown state", ShutdownState.Size);

    [Fact]
    public void Kinds_table_is_the_constants()
    {
        int rows = 0;
        foreach (string[] cells in Rows("# Pool files"))
        {
            PoolKind kind = Enum.Parse<PoolKind>(cells[0]);
            string signature = cells[1].Trim('`').Replace("\\0", "\0", StringComparison.Ordinal);
            Assert.Equal(PoolHeader.SignatureOf(kind), MemoryMarshal.Read<ulong>(System.Text.Encoding.ASCII.GetBytes(signature)));
            Assert.Equal(PoolHeader.MajorOf(kind), uint.Parse(cells[2]));
            Assert.Equal(PoolFile.MinimumSize(kind), long.Parse(cells[3]));
            rows++;
        }

        Assert.Equal(3, rows);
    }

    private static void Compare<T>(string heading, int size)
        where T : unmanaged
    {
        Assert.Equal(size, Unsafe.SizeOf<T>());
        var fields = typeof(T).GetFields().Where(f => !f.IsLiteral).ToDictionary(f => f.Name, StringComparer.Ordinal);
        int next = 0;
        foreach (string[] cells in Rows(heading))
        {
            int offset = int.Parse(cells[0]);
            int length = int.Parse(cells[1]);
            Assert.Equal(next, offset);
            next = offset + length;
            if (!cells[2].StartsWith('`'))
                continue;
            string name = cells[2].Trim('`');
            Assert.True(fields.Remove(name, out System.Reflection.FieldInfo? field), $"no field {name}");
            Assert.Equal(offset, (int)Marshal.OffsetOf<T>(name));
            Type type = field.FieldType.IsEnum ? field.FieldType.GetEnumUnderlyingType() : field.FieldType;
            Assert.Equal(length, Marshal.SizeOf(type));
        }

        Assert.Equal(size, next);
        Assert.Empty(fields.Keys);
    }

    private static IEnumerable<string[]> Rows(string heading)
    {
        int start = s_page.IndexOf(heading + "\n", StringComparison.Ordinal);
        if (start < 0)
            start = s_page.IndexOf(heading, StringComparison.Ordinal);
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
