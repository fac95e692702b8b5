using System.Globalization;
using System.Text;

namespace Pmem.CrashTesting;

/// <summary>An image that a crash can leave.</summary>
/// <param name="Point">Number of events before the crash.</param>
/// <param name="Choices">What survived: pairs of line offset and choice, for lines with more than the guaranteed content; empty for a process kill.</param>
/// <param name="Acknowledged">Names of the marks before the crash.</param>
/// <param name="IsPowerLoss">Power loss, or only the death of the process.</param>
public sealed record CrashImage(int Point, IReadOnlyList<(long Line, long Choice)> Choices, IReadOnlyList<string> Acknowledged, bool IsPowerLoss)
{
    /// <summary>What failed.</summary>
    public CrashKind Kind { get; init; } = IsPowerLoss ? CrashKind.PowerLoss : CrashKind.ProcessKill;

    /// <summary>Operations that had begun when the crash came.</summary>
    public int OperationsBegun { get; init; }

    /// <summary>Operations that were acknowledged when the crash came.</summary>
    public int OperationsAcknowledged { get; init; }

    /// <summary>One line that names the image within its trace; <see cref="Parse"/> reads it.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Kind switch
        {
            CrashKind.ProcessKill => "process killed",
            CrashKind.PowerLoss => "power loss",
            _ => "power loss without ADR",
        });
        text.Append(CultureInfo.InvariantCulture, $" {(IsPowerLoss ? "before" : "after")} event {(IsPowerLoss ? Point : Point - 1)}");
        if (IsPowerLoss)
        {
            text.Append(':');
            foreach ((long line, long choice) in Choices)
                text.Append(CultureInfo.InvariantCulture, $" 0x{line:x}={choice}");
        }

        return text.ToString();
    }

    /// <summary>The compact form that replays take: kind, point, and the lines that are not at their guaranteed content.</summary>
    public string ToReplay()
    {
        char kind = Kind switch { CrashKind.ProcessKill => 'k', CrashKind.PowerLoss => 'p', _ => 'a' };
        return string.Create(CultureInfo.InvariantCulture, $"{kind}{Point}") + string.Concat(Choices.Select(c => string.Create(CultureInfo.InvariantCulture, $",{c.Line:x}={c.Choice}")));
    }

    /// <summary>Reads what <see cref="ToReplay"/> wrote.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static CrashImage Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Trim().Split(',');
        CrashKind kind = parts[0].Length == 0 ? default : parts[0][0] switch
        {
            'k' => CrashKind.ProcessKill,
            'p' => CrashKind.PowerLoss,
            'a' => CrashKind.PowerLossWithoutAdr,
            _ => throw Malformed(text),
        };
        if (parts[0].Length < 2 || !int.TryParse(parts[0].AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int point))
            throw Malformed(text);
        var choices = new List<(long, long)>();
        foreach (string part in parts[1..])
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !long.TryParse(part.AsSpan(0, equals), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long line)
                || !long.TryParse(part.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long choice))
            {
                throw Malformed(text);
            }

            choices.Add((line, choice));
        }

        return new CrashImage(point, choices, [], kind != CrashKind.ProcessKill) { Kind = kind };
    }

    private static FormatException Malformed(string text) => new($"'{text}' names no image: expected k, p or a, the crash point, and pairs of line and choice, such as p17,0=1,400=2");
}

/// <summary>An image on which the check failed.</summary>
/// <param name="Image">The image.</param>
/// <param name="Cause">What the check threw.</param>
public sealed record CrashFailure(CrashImage Image, Exception Cause);

/// <summary>What an exploration did.</summary>
/// <param name="Points">Crash points.</param>
/// <param name="Images">Different images that were checked.</param>
/// <param name="Exhaustive">Whether every image that can be was checked: no crash point had to be sampled, and no limit ended the exploration.</param>
/// <param name="Failure">The failure at the earliest crash point, or null.</param>
public sealed record ExplorationResult(int Points, int Images, bool Exhaustive, CrashFailure? Failure)
{
    /// <summary>Images that were built and had been seen before.</summary>
    public long Duplicates { get; init; }

    /// <summary>Images that the model allows, over all crash points; an estimate where it is astronomical.</summary>
    public double LegalImages { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Whether the time budget ended it.</summary>
    public bool IsOutOfTime { get; init; }

    /// <summary>Throws when an image failed.</summary>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
            throw new InvalidOperationException($"{failure.Image}: {failure.Cause.Message}", failure.Cause);
    }
}

/// <summary>Recovers an image and throws when the result is not what it must be.</summary>
/// <param name="image">The bytes; valid during the call.</param>
/// <param name="crash">Which crash left them.</param>
public delegate void CrashCheck(ReadOnlySpan<byte> image, CrashImage crash);
