using System.CommandLine;
using Pmem.Objects;
using Pmem.Objects.Conversion;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool convert</c>.</summary>
internal static class ConvertVerb
{
    private const string Locks = "--locks-are-aligned";

    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var locks = new Option<bool>(Locks) { Description = "For layouts 1 and 2: the program keeps no locks in the pool, or all of them lie on multiples of 8." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("convert", """
            Bring an object pool of an older layout (PMDK 1.0 to 1.6) to the present one, in place. No process may have it open.
            What a crash left in its logs is finished or rolled back. A conversion that was interrupted is finished by doing it again.

            Exit codes: 0 it has the present layout (in a dry run: it can get it), 1 it cannot be converted, 2 the file cannot be read or written.

            Example: pmem pool convert old.pool --backup old.before
            """) { file, locks, json };
        var change = ChangeOptions.Add(command);
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            parsed.GetValue(file)!, change.IsDryRun(parsed), change.Backup(parsed, parsed.GetValue(file)!), parsed.GetValue(locks), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, bool dryRun, string? backup, bool locks, bool json, CancellationToken cancellation)
    {
        NamespacePath.Refuse(path, space => $"copy it to a file with 'pmem io copy --input {space} --output FILE', convert that, and copy it back");
        PoolHeader header = PoolFile.ReadHeader(path) ?? throw new PmemException($"{path} is not a pool: it is shorter than a header");
        PoolKind kind = header.Kind ?? throw new PmemException($"{path} is not a pool: its signature is 0x{header.Signature:x16}");
        uint present = PoolHeader.MajorOf(kind);
        (StoreConversionResult? result, string advice) = kind == PoolKind.Object && header.Major is >= 1 and <= 6
            ? Convert(path, new PoolRepairOptions { DryRun = dryRun, BackupPath = backup, Cancellation = cancellation }, locks)
            : (null, Judge(header.Major, present));
        uint major = result?.From ?? header.Major;
        bool good = result is not null || header.Major == present;
        if (!json)
        {
            Console.WriteLine($"{path}: layout {major} of {InfoVerb.TypeName(kind)} pools, the present one is {present}; {advice}");
            return good ? Program.Success : Program.NotConsistent;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("path", path);
            writer.WriteNumber("major", major);
            writer.WriteNumber("present", present);
            writer.WriteString("advice", advice);
            writer.WriteBoolean("dryRun", dryRun);
            writer.WriteBoolean("converted", result is { IsChanged: true } && !dryRun);
            writer.WriteNumber("finished", result?.Finished ?? 0);
            writer.WriteNumber("rolledBack", result?.RolledBack ?? 0);
            writer.WriteEndObject();
        });
        return good ? Program.Success : Program.NotConsistent;
    }

    /// <summary>Converts; without a result the text says why it cannot be done.</summary>
    private static (StoreConversionResult? Result, string Advice) Convert(string path, PoolRepairOptions options, bool locks)
    {
        using var progress = new ProgressLine();
        StoreConversionResult result;
        try
        {
            result = ObjectStore.Convert(path, options with { Progress = progress }, locks);
        }
        catch (PmemFormatException problem)
        {
            return (null, $"it cannot be converted: {problem.Message}");
        }
        catch (LocksNotAssuredException problem)
        {
            return (null, $"{problem.Message} ({Locks})");
        }

        if (!result.IsChanged)
            return (result, Judge(result.From, result.To));
        string done = options.DryRun ? "it can be converted (dry run: nothing was changed)" : "it was converted";
        string recovered = result.Finished + result.RolledBack == 0 ? string.Empty : $"; {result.Finished} operation(s) finished, {result.RolledBack} transaction(s) rolled back";
        return (result, done + recovered);
    }

    private static string Judge(uint major, uint present) => major == present
        ? "it has the present layout: there is nothing to convert"
        : major > present
            ? "a newer program made it: use that program"
            : "there never was such a layout: 'pmem pool repair' says whether the header is damaged";
}
