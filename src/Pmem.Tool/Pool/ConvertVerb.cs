using System.CommandLine;
using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool convert</c>.</summary>
internal static class ConvertVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("convert", """
            Say whether a pool has the present layout, and if not, how it gets it. Never changes a byte of it.

            Exit codes: 0 the layout is the present one, 1 it is not, 2 the file cannot be read.

            Example: pmem pool convert old.pool
            """) { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        PoolHeader header = PoolFile.ReadHeader(path) ?? throw new PmemException($"{path} is not a pool: it is shorter than a header");
        PoolKind kind = header.Kind ?? throw new PmemException($"{path} is not a pool: its signature is 0x{header.Signature:x16}");
        uint present = PoolHeader.MajorOf(kind);
        string advice = header.Major == present
            ? "it has the present layout: there is nothing to convert"
            : header.Major > present
                ? "a newer program made it: use that program"
                : kind == PoolKind.Object && header.Major is >= 1 and <= 5
                    ? $"layout {header.Major} keeps what a crash interrupted in logs that only the PMDK version that wrote them can finish: open and close it there, run pmdk-convert --to 1.12 on it, and check it here"
                    : "there never was such a layout: 'pmem pool repair' says whether the header is damaged";
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteNumber("major", header.Major);
                writer.WriteNumber("present", present);
                writer.WriteString("advice", advice);
                writer.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine($"{path}: layout {header.Major} of {InfoVerb.TypeName(kind)} pools, the present one is {present}; {advice}");
        }

        return header.Major == present ? Program.Success : Program.NotConsistent;
    }
}
