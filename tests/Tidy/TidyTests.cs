namespace Tidy;

/// <summary>The style guide, as far as a machine can read it.</summary>
public sealed class TidyTests
{
    [Fact]
    public void Projects_reference_only_lower_floors()
    {
        string[] projects = [.. Repository.Files.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".csproj", StringComparison.Ordinal))];
        Assert.NotEmpty(projects);
        Assert.Empty(projects.SelectMany(f => Rules.FloorViolations(Path.GetFileNameWithoutExtension(f), Repository.Read(f))));
    }

    [Fact]
    public void Files_are_short() =>
        Assert.Empty((string[])[.. Repository.Sources(string.Empty).Where(f => Rules.Lines(Repository.Read(f)) > Rules.MaximumLines)]);

    [Fact]
    public void Mapped_memory_is_written_only_on_floor_0() =>
        Assert.Empty(Repository.Sources("src/").Where(f => !f.StartsWith("src/Pmem/", StringComparison.Ordinal)).SelectMany(f => Rules.NakedWrites(Repository.Read(f)).Select(line => $"{f}: {line}")));

    [Fact]
    public void No_work_is_left_in_comments() =>
        Assert.Empty(Repository.Sources(string.Empty).SelectMany(f => Rules.BannedWords(Repository.Read(f)).Select(word => $"{f}: {word}")));

    [Fact]
    public void No_file_names_a_machine()
    {
        string[] text = [".cs", ".md", ".sh", ".props", ".csproj", ".json", ".yml", ".txt", ".c"];
        Assert.Empty((string[])[.. Repository.Files.Where(f => text.Contains(Path.GetExtension(f), StringComparer.Ordinal) && Rules.NamesMachine(Repository.Read(f)))]);
    }

    [Fact]
    public void Line_ends_are_LF() => Assert.Empty((string[])[.. Repository.Sources(string.Empty).Where(f => Repository.Read(f).Contains('\r', StringComparison.Ordinal))]);

    [Fact]
    public void Public_members_are_documented()
    {
        // CS1591 is an error, but only where the documentation file is on, and nobody may switch it off.
        Assert.Contains("<GenerateDocumentationFile>true</GenerateDocumentationFile>", Repository.Read("src/Directory.Build.props"), StringComparison.Ordinal);
        Assert.Contains("<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", Repository.Read("Directory.Build.props"), StringComparison.Ordinal);
        string[] off = ["GenerateDocumentationFile>false", "NoWarn", "#pragma warning disable CS1591"];
        Assert.Empty((string[])[.. Repository.Files.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && off.Any(word => Repository.Read(f).Contains(word, StringComparison.Ordinal)))]);
    }

    [Fact]
    public void Each_library_has_a_test_project_with_tests()
    {
        foreach (string project in Rules.Floors.Keys)
            Assert.Contains(Repository.Sources($"tests/{project}.Tests/"), f => Repository.Read(f).Contains("[Fact]", StringComparison.Ordinal));
    }

    [Fact]
    public void The_front_page_names_commands_that_exist()
    {
        string readme = Repository.Read("README.md");
        Assert.Contains("./test.sh --with-peers", readme, StringComparison.Ordinal);
        Assert.Contains("samples/Bank", readme, StringComparison.Ordinal);
        Assert.Contains("./test.sh --with-peers", Repository.Read(".ci/run"), StringComparison.Ordinal);
        foreach (string file in (string[])["pmem", "test.sh", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "samples/Bank/Bank.csproj"])
            Assert.Contains(file, Repository.Files);
    }

    [Fact]
    public void Links_between_pages_lead_somewhere()
    {
        var broken = new List<string>();
        foreach (string page in Repository.Files.Where(f => f.EndsWith(".md", StringComparison.Ordinal)))
        {
            foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(Repository.Read(page), @"\]\(([^)#:]+)(#[^)]*)?\)"))
            {
                string target = Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, match.Groups[1].Value);
                if (!File.Exists(target) && !Directory.Exists(target))
                    broken.Add($"{page}: {match.Groups[1].Value}");
            }
        }

        Assert.Empty(broken);
    }
}
