namespace Pmem.Platform;

/// <summary>How bad a finding is.</summary>
public enum LintSeverity
{
    /// <summary>Worth knowing; nothing breaks.</summary>
    Info,

    /// <summary>Something will not be as its author most likely wanted.</summary>
    Warning,

    /// <summary>Persistent memory will be missing, unsafe or wrong.</summary>
    Error,
}

/// <summary>One fault that a lint found.</summary>
/// <param name="Rule">Name of the rule, stable across versions: docs/formats has the catalogue.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Offset">Offset in bytes of the structure or field from the start of what was examined; -1 when no single place is meant.</param>
/// <param name="Message">What is wrong, with the numbers.</param>
/// <param name="Effect">What an operating system will do about it.</param>
public sealed record LintFinding(string Rule, LintSeverity Severity, long Offset, string Message, string Effect);
