using System.CommandLine;
using Pmem.Pools.Checking;
using Pmem.Raw;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Io;

/// <summary><c>pmem io copy</c>.</summary>
internal static class IoCopyVerb
{
    public static Command Create()
    {
        var input = new Option<string>("--input", "-i") { Description = "File, device, or namespace of a virtual platform (vm1:namespace0.0) to read; standard input if you say nothing." };
        var output = new Option<string>("--output", "-o") { Description = "File, device, or namespace of a virtual platform to write; standard output if you say nothing." };
        var length = new Option<string>("--len", "-l") { Description = "Bytes to copy, such as 2MiB; default is what both ends have." };
        var seek = new Option<string>("--seek", "-s") { Description = "Bytes to leave alone at the start of the output; of a file that is there no more than it has." };
        var skip = new Option<string>("--skip", "-k") { Description = "Bytes to leave out at the start of the input." };
        var zero = new Option<bool>("--zero", "-z") { Description = "Write zeros to the output, and read nothing." };
        var clear = new Option<string>("--clear-bad-blocks", "-b") { Description = "yes or no: clear bad blocks in the range before it is written.", DefaultValueFactory = _ => "yes" };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("copy", """
            Copy raw bytes to or from device DAX, which cannot be read and written in other ways, or a file. What was written is durable when the
            command ends. An existing file is written in place, and is not cut.

            Exit codes: 0 done, 1 the input had fewer bytes than --len, 2 it cannot be done, or stopped on the way.

            Examples:
              pmem io copy --input /dev/dax1.0 --output backup.img --len 2MiB --skip 4096
              pmem io copy --zero --output /dev/dax1.0
              pmem io copy --input vm1:namespace0.0 --output accounts.pool
              cat backup.img | pmem io copy --output /dev/dax1.0
            """) { input, output, length, seek, skip, zero, clear, json };
        var change = ChangeOptions.Add(command, "what is in the range of the output", backupLetter: false);
        command.SetAction((parsed, cancellation) =>
        {
            if (parsed.GetValue(clear) is not ("yes" or "no"))
                return Task.FromResult(PoolCommand.Fail($"--clear-bad-blocks is yes or no, not '{parsed.GetValue(clear)}'"));
            var options = new RawCopyOptions
            {
                Skip = Size(parsed.GetValue(skip)) ?? 0,
                Seek = Size(parsed.GetValue(seek)) ?? 0,
                Length = Size(parsed.GetValue(length)),
                ClearBadBlocks = parsed.GetValue(clear) == "yes",
                DryRun = change.IsDryRun(parsed),
                BackupPath = change.Backup(parsed, parsed.GetValue(output) ?? string.Empty),
                Cancellation = cancellation,
            };
            return Task.FromResult(Run(parsed.GetValue(input), parsed.GetValue(output), parsed.GetValue(zero), options, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string? input, string? output, bool zero, RawCopyOptions options, bool json)
    {
        if (zero && output is null)
            return PoolCommand.Fail("say with --output what is to be zeroed");
        if (zero && (input is not null || options.Skip > 0))
            return PoolCommand.Fail("zeros are not read from anywhere: leave out --input and --skip");
        if (!zero && input is null && output is null)
            return PoolCommand.Fail("an input file and/or an output file must be named: --input, --output");
        if (output is null && (json || options.BackupPath is not null))
            return PoolCommand.Fail("the bytes go to standard output: leave out --json and --backup, or name an --output");

        using var progress = new ProgressLine();
        options = options with { Progress = new Forward(progress, zero ? "zeroing" : "copying") };
        using Stream standardInput = input is null && !zero ? Console.OpenStandardInput() : Stream.Null;
        using Stream standardOutput = output is null ? Console.OpenStandardOutput() : Stream.Null;
        using IDisposable? held = output is null || options.DryRun || !File.Exists(output) ? null : PlatformFile.ToChange(output);
        using var ends = new CopyEnds();
        RawEndpoint? source = zero ? null : ends.Of(input, () => standardInput, readOnly: true);
        RawEndpoint target = ends.Of(output, () => standardOutput, readOnly: options.DryRun);
        DemandReached(target, options.Seek);
        RawCopyResult result = source is null ? RawCopy.Zero(target, options) : RawCopy.Run(source, target, options);
        progress.Dispose();
        if (json)
            WriteJson(result, options.DryRun);
        else
            WriteText(output is null ? Console.Error : Console.Out, output ?? "standard output", result, zero, options.DryRun);
        return result.Missing > 0 ? Program.NotConsistent : Program.Success;
    }

    // daxio makes a hole there; a mistyped number is more likely. A file that is made anew has what was asked for.
    private static void DemandReached(RawEndpoint target, long seek)
    {
        if (target.Path is { } path && LinkedFile.IsRegular(path) && LinkedFile.LengthOf(path) is var length && seek > length)
            throw new PmemException($"{path} has {length} bytes, and {seek} lies behind them: give --seek a place in the file or at its end, or make the file longer first ('truncate -s {seek} {path}')");
    }

    private static long? Size(string? text)
    {
        if (text is null)
            return null;
        return ByteSize.TryParse(text, out long bytes) ? bytes
            : throw new PmemException(ByteSize.IsTooLarge(text) ? $"'{text}' is too large: there are no more than {long.MaxValue} bytes" : $"'{text}' is not a number of bytes; write it such as 4096, 2MiB or 1GB");
    }

    private static void WriteJson(RawCopyResult result, bool dryRun) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteBoolean("dryRun", dryRun);
        if (result.Bytes is { } bytes)
            writer.WriteNumber("bytes", bytes);
        writer.WriteNumber("missing", result.Missing);
        writer.WriteStartArray("badBlocks");
        foreach (BadBlock block in result.BadBlocks)
        {
            writer.WriteStartObject();
            writer.WriteNumber("offset", block.Offset);
            writer.WriteNumber("length", block.Length);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteText(TextWriter writer, string output, RawCopyResult result, bool zero, bool dryRun)
    {
        foreach (BadBlock block in result.BadBlocks)
            writer.WriteLine($"bad block at {block.Offset}, {block.Length} bytes: {(dryRun ? "would be cleared" : "cleared")}");
        string amount = result.Bytes is { } bytes ? ByteSize.Format(bytes) : "everything up to the end of the input";
        string verb = zero ? "zeroed" : "copied";
        writer.WriteLine(dryRun ? $"{output}: {amount} would be {verb} (dry run: nothing was changed)" : $"{output}: {amount} {verb}");
        if (result.Missing > 0)
            writer.WriteLine($"the input ended {result.Missing} bytes before the length that was asked for");
    }

    private sealed class Forward(IProgress<PoolProgress> line, string activity) : IProgress<RawCopyProgress>
    {
        public void Report(RawCopyProgress value) => line.Report(new PoolProgress(activity, value.Done, value.Total ?? 0));
    }
}
