namespace Pmem.Tool.Health;

/// <summary>How often commands look.</summary>
internal static class Polling
{
    private const double Longest = 24 * 60 * 60;

    /// <summary>The time between two looks.</summary>
    /// <exception cref="PmemException">It is not one.</exception>
    public static TimeSpan Parse(double seconds) => seconds is > 0 and <= Longest ? TimeSpan.FromSeconds(seconds) : throw new PmemException($"{seconds} is no number of seconds between looks: give more than 0, at most a day");
}
