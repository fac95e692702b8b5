namespace Pmem.Tool.Platforms.Listing;

/// <summary>Columns for people: as wide as their widest cell, numbers to the right, words that ask for attention coloured on a terminal.</summary>
internal static class TextTable
{
    private const string Gap = "  ";
    private static readonly string[] s_bad = ["fatal", "critical", "locked", "bad"];
    private static readonly string[] s_doubtful = ["non-critical", "disabled", "dirty", "not armed", "raw"];

    /// <summary>Whether colours are wanted: on a terminal, unless <c>NO_COLOR</c> is set.</summary>
    public static bool HasColors => !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    /// <summary>Writes rows under titles; columns without any text are left out.</summary>
    public static void Write(TextWriter target, IReadOnlyList<string> titles, IReadOnlyList<string[]> rows, bool colors)
    {
        int[] columns = [.. Enumerable.Range(0, titles.Count).Where(column => rows.Any(row => row[column].Length > 0))];
        int[] widths = [.. columns.Select(column => Math.Max(titles[column].Length, rows.Max(row => row[column].Length)))];
        bool[] areNumbers = [.. columns.Select(column => rows.All(row => row[column].Length == 0 || char.IsAsciiDigit(row[column][0])))];
        WriteLine(titles, cell => colors ? $"\u001b[1m{cell}\u001b[0m" : cell);
        foreach (string[] row in rows)
            WriteLine(row, cell => colors ? Paint(cell) : cell);

        void WriteLine(IReadOnlyList<string> cells, Func<string, string> paint)
        {
            for (int i = 0; i < columns.Length; i++)
            {
                string cell = cells[columns[i]];
                string blanks = new(' ', widths[i] - cell.Length);
                bool isLast = i == columns.Length - 1;
                target.Write(areNumbers[i] ? blanks + paint(cell) : isLast ? paint(cell) : paint(cell) + blanks);
                target.Write(isLast ? "\n" : Gap);
            }
        }
    }

    private static string Paint(string cell) => s_bad.Contains(cell, StringComparer.Ordinal) ? $"\u001b[31m{cell}\u001b[0m" : s_doubtful.Contains(cell, StringComparer.Ordinal) ? $"\u001b[33m{cell}\u001b[0m" : cell == "ok" ? $"\u001b[32m{cell}\u001b[0m" : cell;
}
