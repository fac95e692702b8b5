namespace Pmem.Emulation.Guest;

/// <summary>What a guest printed on its console. A script cuts its output into sections with lines that begin with <see cref="Marker"/>.</summary>
public sealed class GuestConsole
{
    /// <summary>Begins a line that names a section: <c>@@name</c>.</summary>
    public const string Marker = "@@";

    internal const string EndLine = $"{Marker}end";

    private readonly Lazy<IReadOnlyDictionary<string, string>> _sections;

    /// <summary>Takes what was printed.</summary>
    public GuestConsole(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Text = text.Replace("\r", string.Empty, StringComparison.Ordinal);
        _sections = new Lazy<IReadOnlyDictionary<string, string>>(() => Cut(Text));
    }

    /// <summary>Everything, with lines ended by a line feed alone.</summary>
    public string Text { get; }

    /// <summary>The text of each section; what comes before the first is <c>boot</c>, and of two sections of one name the later counts.</summary>
    public IReadOnlyDictionary<string, string> Sections => _sections.Value;

    /// <summary>With which code the script ended; null if it did not come to its end.</summary>
    public int? ExitCode
    {
        get
        {
            string? last = Text.Split('\n').LastOrDefault(line => line.StartsWith($"{EndLine} ", StringComparison.Ordinal));
            return int.TryParse(last?[(EndLine.Length + 1)..], out int code) ? code : null;
        }
    }

    private static Dictionary<string, string> Cut(string text)
    {
        var sections = new Dictionary<string, string>(StringComparer.Ordinal);
        string name = "boot";
        var lines = new List<string>();
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(Marker, StringComparison.Ordinal))
            {
                lines.Add(line);
                continue;
            }

            sections[name] = string.Join('\n', lines);
            name = line[Marker.Length..].Trim();
            lines.Clear();
        }

        sections[name] = string.Join('\n', lines);
        return sections;
    }
}
