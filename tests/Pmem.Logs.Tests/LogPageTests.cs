using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Pmem.Logs.Layout;

namespace Pmem.Logs.Tests;

/// <summary>The byte table in docs/formats/logs.md says what the structure is.</summary>
public class LogPageTests
{
    [Fact]
    public void The_table_is_the_structure()
    {
        string[] fields = [.. typeof(LogDescriptor).GetFields().Where(f => !f.IsLiteral).Select(f => f.Name)];
        var documented = new List<string>();
        long next = 0;
        foreach (Match row in Regex.Matches(Page(), @"^\| (?<offset>\d+) \| (?<size>\S+) \| (?<field>[^|]+) \|", RegexOptions.Multiline, TimeSpan.FromSeconds(1)))
        {
            long offset = long.Parse(row.Groups["offset"].Value);
            Assert.Equal(next, offset);
            string field = row.Groups["field"].Value.Trim();
            next = row.Groups["size"].Value == "rest" ? -1 : offset + long.Parse(row.Groups["size"].Value);
            if (!field.StartsWith('`'))
                continue;
            Assert.Equal(offset, LogDescriptor.Offset + (int)Marshal.OffsetOf<LogDescriptor>(field.Trim('`')));
            documented.Add(field.Trim('`'));
        }

        Assert.Equal(-1, next);
        Assert.Equal(fields, documented);
        Assert.Equal(LogDescriptor.Size, Unsafe.SizeOf<LogDescriptor>());
        Assert.Equal(LogDescriptor.WriteOffsetField, LogDescriptor.Offset + (long)Marshal.OffsetOf<LogDescriptor>(nameof(LogDescriptor.WriteOffset)));
        Assert.Contains($"| {LogDescriptor.DataOffset} | rest |", Page(), StringComparison.Ordinal);
    }

    private static string Page()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        return File.ReadAllText(Path.Combine(folder ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "docs", "formats", "logs.md"));
    }
}
