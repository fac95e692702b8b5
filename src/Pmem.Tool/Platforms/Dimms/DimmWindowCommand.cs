using System.CommandLine;
using System.Globalization;
using Pmem.Emulation;
using Pmem.Emulation.Modules;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm window</c>: the media of a virtual DIMM through a block window.</summary>
internal static class DimmWindowCommand
{
    private const int Line = 64;

    public static Command Create() =>
        new("window", """
            Read and write media of a virtual DIMM through a block window: a command register that moves an aperture to DIMM addresses, and a status register.
            Addresses and lengths are multiples of 64.

            Exit codes: 0 all is well, 1 the status register says that it is not, 2 wrong usage or an I/O error.

            Examples:
              pmem dimm window read nmem0 --dpa 0x1000 --length 4096 --platform vm1
              pmem dimm window write nmem0 --dpa 0x1000 --input sector.bin --platform vm1
            """)
        {
            ReadVerb(),
            WriteVerb(),
        };

    private static Command ReadVerb()
    {
        var length = new Option<string>("--length", "-l") { Description = "Bytes.", DefaultValueFactory = _ => "512" };
        var output = new Option<string?>("--output", "-o") { Description = "Write them to this file instead of showing them." };
        Option<bool> force = OutputFile.ForceOption();
        return Verb("read", "Read media; of what cannot be read nothing is written.", "pmem dimm window read nmem0 --dpa 0x1000 --length 4096 --platform vm1", [length, output, force], (parsed, windows, dpa, json) =>
        {
            long bytes = InfoBlockFile.ParseNumber(parsed.GetValue(length), 0);
            DemandRange(windows, dpa, bytes);
            byte[] data = new byte[bytes];
            BlockWindowStatus status = Move(windows, dpa, data.Length, write: false, (window, at, part) => window.Read(0, data.AsSpan(at, part)));
            if (status != BlockWindowStatus.None)
                return status;
            if (parsed.GetValue(output) is { } path)
                OutputFile.Write(path, data, parsed.GetValue(force), PlatformSource.PathOf(parsed.GetValue<string?>("--platform")));
            else if (!json)
                HexDump.Write(Console.Out, dpa, data);
            return status;
        });
    }

    private static Command WriteVerb()
    {
        var input = new Option<string>("--input", "-i") { Description = "The file with the bytes.", Required = true };
        return Verb("write", "Write media; durable at the end. Whole units of 256 bytes that could not be read can be read then.", "pmem dimm window write nmem0 --dpa 0x1000 --input sector.bin --platform vm1", [input], (parsed, windows, dpa, _) =>
        {
            byte[] data = File.ReadAllBytes(parsed.GetValue(input)!);
            DemandRange(windows, dpa, data.Length);
            return Move(windows, dpa, data.Length, write: true, (window, at, part) => window.Write(0, data.AsSpan(at, part)));
        });
    }

    private static Command Verb(string verb, string what, string example, Option[] options, Func<ParseResult, BlockWindows, long, bool, BlockWindowStatus> act)
    {
        Argument<string> name = DimmCommand.NameArgument();
        Option<string?> folder = PlatformSource.Option();
        var address = new Option<string>("--dpa") { Description = "DIMM physical address.", Required = true };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(verb, $"{what}\n\nExample: {example}") { name, folder, address, json };
        foreach (Option option in options)
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            string dimm = parsed.GetValue(name)!;
            if (!dimm.StartsWith("nmem", StringComparison.Ordinal) || !int.TryParse(dimm.AsSpan("nmem".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                throw new PmemException($"'{dimm}' is not a name such as nmem0");
            long dpa = InfoBlockFile.ParseNumber(parsed.GetValue(address), 0);
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            using BlockWindows windows = source.DemandVirtual().OpenBlockWindows(number);
            BlockWindowStatus status = act(parsed, windows, dpa, parsed.GetValue(json));
            Tell(dimm, dpa, status, parsed.GetValue(json));
            return status == BlockWindowStatus.None ? Program.Success : Program.NotConsistent;
        });
        return command;
    }

    /// <summary>Moves the aperture over a range, until the status register says that something failed.</summary>
    private static BlockWindowStatus Move(BlockWindows windows, long dpa, int length, bool write, Action<BlockWindow, int, int> transfer)
    {
        BlockWindow window = windows[0];
        for (int at = 0; at < length; at += windows.ApertureSize)
        {
            int part = Math.Min(windows.ApertureSize, length - at);
            window.WriteCommand(BlockWindow.Compose(dpa + at, part, write));
            if (window.Status == BlockWindowStatus.None)
                transfer(window, at, part);
            if (window.Status != BlockWindowStatus.None)
                return window.Status;
        }

        return BlockWindowStatus.None;
    }

    private static void DemandRange(BlockWindows windows, long dpa, long length)
    {
        if (dpa < 0 || dpa % Line != 0 || length <= 0 || length % Line != 0)
            throw new PmemException($"block windows move lines of {Line} bytes: take multiples of it, not 0x{dpa:x}+{length}");
        if (length > windows.Capacity - dpa || length > Array.MaxLength)
            throw new PmemException($"0x{dpa:x}+{length} is not on the DIMM, which has {windows.Capacity} bytes");
    }

    private static void Tell(string dimm, long dpa, BlockWindowStatus status, bool json)
    {
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("dimm", dimm);
                writer.WriteNumber("dpa", dpa);
                writer.WriteNumber("status", (uint)status);
                writer.WriteString("problem", Problem(status));
                writer.WriteEndObject();
            });
        }
        else if (Problem(status) is { } problem)
        {
            Console.Error.WriteLine($"pmem: {dimm}: {problem} (status 0x{(uint)status:x}); 'pmem list -DM' shows bad ranges, and writing whole units of 256 bytes mends them");
        }
    }

    private static string? Problem(BlockWindowStatus status) => status switch
    {
        BlockWindowStatus.None => null,
        BlockWindowStatus.UncorrectableError => "a part of the range cannot be read",
        _ => $"{status}",
    };
}
