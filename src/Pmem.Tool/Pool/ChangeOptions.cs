using System.CommandLine;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary>The options that are the same in every verb that changes or makes something: <c>--dry-run</c> and, where there is something to lose, <c>--backup</c>.</summary>
internal sealed class ChangeOptions
{
    private readonly Option<bool> _dryRun;
    private readonly Option<string?>? _backup;

    private ChangeOptions(Option<bool> dryRun, Option<string?>? backup)
    {
        _dryRun = dryRun;
        _backup = backup;
    }

    /// <summary>Both options of a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="what">What is copied, in the help text.</param>
    /// <param name="backupLetter">Whether <c>-b</c> is the backup; elsewhere it has the meaning that a peer's users know.</param>
    /// <param name="peerLetter">Whether <c>-d</c> is a dry run too, as in pmempool's verb of that name.</param>
    public static ChangeOptions Add(Command command, string what = "the pool", bool backupLetter = true, bool peerLetter = false)
    {
        var backup = new Option<string?>("--backup", backupLetter ? ["-b"] : [])
        {
            Description = $"Copy {what} here before anything is changed: a new file, or a new folder for a set. A run that was interrupted is finished with the same backup.",
        };
        var options = new ChangeOptions(DryRunOption(peerLetter), backup);
        command.Add(options._dryRun);
        command.Add(backup);
        return options;
    }

    /// <summary>The option of a verb that makes something new, and never replaces anything.</summary>
    public static ChangeOptions AddDryRun(Command command)
    {
        var options = new ChangeOptions(DryRunOption(peerLetter: false), backup: null);
        command.Add(options._dryRun);
        return options;
    }

    public bool IsDryRun(ParseResult parsed) => parsed.GetValue(_dryRun);

    /// <summary>The backup that is wanted, or null; says so when one is there already that this run will keep.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="subject">What is backed up.</param>
    /// <exception cref="PmemException">A dry run is wanted too.</exception>
    public string? Backup(ParseResult parsed, string subject)
    {
        if (_backup is null || parsed.GetValue(_backup) is not { } backup)
            return null;
        if (IsDryRun(parsed))
            throw new PmemException("a dry run changes nothing, so it needs no backup: leave out --backup");
        NewFile.DemandFolder(backup, "the backup");
        if (BackupMark.IsUnfinished(backup, subject))
        {
            DateTime made = Directory.Exists(backup) ? Directory.GetLastWriteTime(backup) : File.GetLastWriteTime(backup);
            Console.Error.WriteLine($"pmem: the backup {backup} of {made:yyyy-MM-dd HH:mm:ss} is that of a run that did not finish; it is kept as it is");
        }

        return backup;
    }

    private static Option<bool> DryRunOption(bool peerLetter) => new("--dry-run", peerLetter ? ["-n", "-d"] : ["-n"]) { Description = "Tell what would be done, and change nothing." };
}
