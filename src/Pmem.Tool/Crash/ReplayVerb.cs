using System.CommandLine;
using System.Globalization;
using Pmem.CrashTesting;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash replay</c>: one image of a trace.</summary>
internal static class ReplayVerb
{
    public static Command Create()
    {
        Argument<string> file = CrashCommand.TraceArgument();
        var image = new Argument<string>("IMAGE") { Description = "The image's name, as a failure prints it: p17,0=1, or with the trace's number before it, 51a7…:p17,0=1." };
        var output = new Option<string?>("--out", "-o") { Description = "Write the image to this file." };
        Option<string?> check = CrashCommand.CheckOption();
        Option<bool> checkPool = CrashCommand.CheckPoolOption();
        Option<double> timeout = CrashCommand.TimeoutOption();
        Option<bool> json = CrashCommand.JsonOption();
        var command = new Command("replay", """
            Make one image of a trace again: write it to a file, judge it, or both.

            Exit codes: 0 written, and good if it was judged, 1 not good, 2 the trace cannot be read or has no such image.

            Examples:
              pmem crash replay bank.pmtrace p17,0=1 --out failing.img
              pmem crash replay bank.pmtrace k9 --check-pool
            """) { file, image, output, check, checkPool, timeout, json };
        command.SetAction((parsed, cancellation) =>
        {
            using ImageCheck? judge = CrashCommand.CheckOf(parsed.GetValue(check), parsed.GetValue(checkPool), parsed.GetValue(timeout), cancellation);
            return Task.FromResult(Run(parsed.GetValue(file)!, parsed.GetValue(image)!, parsed.GetValue(output), judge, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string path, string name, string? output, ImageCheck? judge, bool json)
    {
        if (output is null && judge is null)
            throw new PmemException("say what to do with the image: --out FILE, --check 'COMMAND {image}', or --check-pool");
        Trace trace = CrashCommand.Load(path);
        CrashImage image = Parse(trace, path, name);
        Exception? cause = null;
        CrashImage named = image;
        void Use(CrashState state)
        {
            named = state.Crash;
            if (output is not null)
                state.Save(output);
            try
            {
                judge?.Judge(state);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                cause = e;
            }
        }

        try
        {
            if (CrashExplorer.Replay(trace, image, Use) is { } failure)
                throw new PmemException($"{output} cannot be written: {failure.Cause.Message}", failure.Cause);
        }
        catch (ArgumentException problem)
        {
            throw new PmemException($"{path}: the trace, of {trace.Events.Count} events, has no image {image.ToReplay()}", problem);
        }

        if (json)
            WriteJson(path, named, output, judge is not null, cause);
        else
            WriteText(named, output, judge is not null, cause);
        return cause is null ? Program.Success : Program.NotConsistent;
    }

    private static CrashImage Parse(Trace trace, string path, string name)
    {
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0 && (!ulong.TryParse(name.AsSpan(0, colon), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number) || number != trace.Fingerprint))
            throw new PmemException($"'{name}' is of trace {name[..colon]}, and {path} is trace {trace.Fingerprint:x16}");
        try
        {
            return CrashImage.Parse(name[(colon + 1)..]);
        }
        catch (FormatException problem)
        {
            throw new PmemException(problem.Message, problem);
        }
    }

    private static void WriteText(CrashImage image, string? output, bool judged, Exception? cause)
    {
        if (output is not null)
            Console.WriteLine($"{output}: {image}");
        if (judged)
            Console.WriteLine(cause is null ? "The image is good." : $"The image is not good: {cause.Message}");
    }

    private static void WriteJson(string path, CrashImage image, string? output, bool judged, Exception? cause) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("trace", path);
        writer.WriteString("image", image.ToReplay());
        writer.WriteNumber("point", image.Point);
        if (output is not null)
            writer.WriteString("path", output);
        if (judged)
            writer.WriteBoolean("good", cause is null);
        if (cause is not null)
            writer.WriteString("message", cause.Message);
        writer.WriteEndObject();
    });
}
