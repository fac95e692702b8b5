using Pmem.CrashTesting.Linting;

namespace Pmem.CrashTesting.Traces;

/// <summary>How a pmemcheck log is read.</summary>
public sealed record PmemcheckImportOptions
{
    /// <summary>The registered file that the trace is about, by its path or the end of it; null for the first.</summary>
    public string? File { get; init; }

    /// <summary>What the file held when the log began; bytes behind its end are zero.</summary>
    public ReadOnlyMemory<byte> Initial { get; init; }

    /// <summary>Bytes of the largest file that is accepted; 2047 MiB unless told.</summary>
    public long MaximumSize { get; init; } = TraceFormat.MaximumImage;
}

/// <summary>What was read from a pmemcheck log.</summary>
/// <param name="Trace">What was done to the file.</param>
/// <param name="File">The file.</param>
/// <param name="OtherFiles">Other registered files; what was done to them is left out.</param>
/// <param name="Findings">Flushes of memory that belongs to no registered file (PMC012).</param>
/// <param name="IgnoredStores">Stores to other files, or to memory that belongs to none.</param>
public sealed record PmemcheckImport(Trace Trace, string File, IReadOnlyList<string> OtherFiles, IReadOnlyList<LintFinding> Findings, int IgnoredStores);
