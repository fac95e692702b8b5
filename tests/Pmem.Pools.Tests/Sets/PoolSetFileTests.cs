using System.Text;

namespace Pmem.Pools.Tests.Sets;

public sealed class PoolSetFileTests : IDisposable
{
    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int, string> Wrong => [.. SetTexts.Wrong.Select(row => (row.Rule, row.Line, row.Text))];

    public static TheoryData<string, string> Right => [.. SetTexts.Right.Select(row => (row.Reads, row.Text))];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_line_is_named_with_its_rule_and_number(string rule, int line, string text)
    {
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => PoolSetFile.Parse(Encoding.UTF8.GetBytes(text), "a.set"));
        Assert.StartsWith($"a.set [{rule}:{line}]: expected ", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_of_rules_on_the_page_is_the_parsers()
    {
        string[] ofDirectories = ["cannot mix directories and files in a set", "cannot use the same directory twice"];
        string page = FormatPageTests.Page("poolsets.md").Split("### What is an error")[1].Split("\n## ")[0];
        IEnumerable<string> rules = page.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);
        Assert.Equal(SetTexts.Wrong.Select(row => row.Rule).Concat(ofDirectories).Distinct().Order(StringComparer.Ordinal), rules.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Right))]
    public void A_right_text_says_options_and_replicas(string reads, string text) =>
        Assert.Equal(reads, SetTexts.Describe(PoolSetFile.Parse(Encoding.UTF8.GetBytes(text), "a.set")));

    [Fact]
    public void Sizes_that_C_wraps_around_are_wrong_here()
    {
        foreach (string size in (string[])["-5", "-1M", "18446744073709551616", "99999999999P", "9223372036854775808"])
        {
            PmemFormatException problem = Assert.Throws<PmemFormatException>(() => PoolSetFile.Parse(Encoding.UTF8.GetBytes($"PMEMPOOLSET\n{size} /none/a\n"), "a.set"));
            Assert.Contains("incorrect format of size:2", problem.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_NUL_is_no_text() =>
        Assert.Throws<PmemFormatException>(() => PoolSetFile.Parse("PMEMPOOLSET\n8M /none/a\0b\n"u8, "a.set"));

    [Fact]
    public void Lines_are_remembered()
    {
        PoolSetFile set = PoolSetFile.Parse("PMEMPOOLSET\n# c\n8M /none/a\nREPLICA\n\n9M /none/b\n"u8, "a.set");
        Assert.Equal(3, set.Replicas[0].Parts[0].Line);
        Assert.Equal(6, set.Replicas[1].Parts[0].Line);
    }

    [Fact]
    public void Folders_make_a_set_directory_based_and_mix_with_nothing()
    {
        string first = Directory.CreateDirectory(_folder.File("one")).FullName;
        string second = Directory.CreateDirectory(_folder.File("two")).FullName;
        Directory.CreateSymbolicLink(_folder.File("link"), first);
        PoolSetFile set = Parse($"OPTION SINGLEHDR\n1G {first}\n2G {second}/\n");
        Assert.True(set.IsDirectoryBased);
        Assert.Equal([1L << 30, 2L << 30], set.Replicas[0].Directories.Select(d => d.Reservation));
        foreach (string text in (string[])[
            $"8M {_folder.File("file")}\n1G {first}\n",
            $"1G {first}\n8M {_folder.File("file")}\n",
            $"8M {_folder.File("file")}\nREPLICA\n1G {first}\n",
            $"1G {first}\nREPLICA\n8M {_folder.File("file")}\n",
            $"1G {first}\nREPLICA node set\n"])
        {
            Assert.Contains("cannot mix directories and files in a set", Assert.Throws<PmemFormatException>(() => Parse(text)).Message, StringComparison.Ordinal);
        }

        foreach (string text in (string[])[$"1G {first}\n1G {first}/\n", $"1G {first}\nREPLICA\n1G {_folder.File("link")}\n"])
            Assert.Contains("cannot use the same directory twice", Assert.Throws<PmemFormatException>(() => Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_recognised_by_its_first_eleven_bytes()
    {
        string path = _folder.File("some");
        Assert.False(PoolSetFile.IsPoolSet(path));
        File.WriteAllText(path, "PMEMPOOLSE");
        Assert.False(PoolSetFile.IsPoolSet(path));
        File.WriteAllText(path, "PMEMPOOLSETS and more");
        Assert.True(PoolSetFile.IsPoolSet(path));
        Assert.Throws<FileNotFoundException>(() => PoolSetFile.Read(_folder.File("missing")));
    }

    [Fact]
    public void A_set_file_that_is_too_long_is_refused_unread()
    {
        string path = _folder.File("long");
        using (FileStream file = File.Create(path))
        {
            file.Write("PMEMPOOLSET\n"u8);
            file.SetLength(PoolSetFile.MaximumLength + 1);
        }

        Assert.Throws<PmemFormatException>(() => PoolSetFile.Read(path));
    }

    [Fact]
    public void Any_bytes_give_a_set_or_a_format_error()
    {
        const int Seed = 20240611;
        var random = new Random(Seed);
        int right = 0;
        for (int i = 0; i < 40_000; i++)
        {
            byte[] text = Encoding.UTF8.GetBytes(SetTexts.Random(random));
            if (text.Length > 0 && random.Next(3) == 0)
                text[random.Next(text.Length)] = (byte)random.Next(256);
            try
            {
                PoolSetFile set = PoolSetFile.Parse(text, "fuzz");
                Assert.All(set.Replicas, replica => Assert.True(replica.Remote is not null || replica.Parts.Count > 0, $"seed {Seed}, text {i}"));
                right++;
            }
            catch (PmemFormatException)
            {
                // The other legal outcome.
            }
        }

        Assert.InRange(right, 500, 20_000);
    }

    private PoolSetFile Parse(string lines) => PoolSetFile.Parse(Encoding.UTF8.GetBytes("PMEMPOOLSET\n" + lines), _folder.File("a.set"));
}
