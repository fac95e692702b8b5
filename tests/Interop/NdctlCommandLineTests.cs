using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Interop;

/// <summary>
/// The same command lines to ndctl and to <c>pmem ndctl</c> where there are no NVDIMMs: which options there are, what is a mistake, and whatever works on files alone. They end with the same
/// code, print the same bytes, and say the same (of a usage its errors and its first line).
/// </summary>
public sealed partial class NdctlCommandLineTests : IDisposable
{
    private const string Uuid = "11111111-2222-3333-4444-555555555555";

    private static readonly string[] s_mistakes =
    [
        "", "-v", "-h", "--help", "--version", "version", "--foo", "--list", "nosuch", "list --list-opts", "create-namespace --list-opts", "inject-smart --list-opts", "list --list-cmds",
        "list -reg", "list -Buses", "list -force", "list -no-human", "list --verbose --no-verbose", "list -", "list -- foo", "list foo bar", "list --hum", "list --region=", "list -U 0x0", "list -U -1",
        "list -U x", "list -m x", "list -t x", "list --human=1", "list --no-bus=x", "list --bus", "list -DZ",
        "create-namespace -t blk", "create-namespace -t x -m y -s z", "create-namespace -m sector -M mem", "create-namespace -m memory -M dev", "create-namespace -m raw -M foo", "create-namespace -s 1Q",
        "create-namespace -a 3", "create-namespace -a foo", "create-namespace -u foo", "create-namespace -l foo", "create-namespace -t blk -m fsdax", "create-namespace a b", "create-namespace --size",
        "create-namespace --no-size", "create-namespace --auto", "create-namespace -c", "create-namespace -e namespace0.0", "create-namespace --no-autolabel --autolabel",
        "enable-namespace", "enable-namespace a b c", "destroy-namespace all", "check-namespace all", "check-namespace -L x", "clear-errors", "clear-errors all", "disable-namespace namespace0.0",
        "enable-region", "enable-region a b c", "enable-region -t x all", "disable-region all", "enable-dimm", "enable-dimm x", "enable-dimm x nmem0", "disable-dimm nmem0", "zero-labels -s foo all",
        "read-labels --size= nmem0", "read-labels -j -s 5 all", "read-labels -I -s 5 all", "read-labels -o /nosuch/x all", "write-labels -i /nosuch nmem0", "init-labels -V 1.3 all", "check-labels all",
        "inject-error", "inject-error namespace0.0", "inject-error -t -d namespace0.0", "inject-error -t -S namespace0.0", "inject-error -B foo -n 1 x", "inject-error -B 1 -n 1 a b", "inject-error -t x",
        "inject-smart", "inject-smart nmem0", "inject-smart -m 5 nmem0", "inject-smart -m 5 --media-temperature-uninject nmem0", "inject-smart -f -F nmem0", "inject-smart -N -U nmem0", "inject-smart -N a b",
        "update-firmware nmem0", "update-firmware -A -D nmem0", "update-firmware --no-arm nmem0", "update-firmware --no-disarm nmem0", "update-firmware -f /nosuch nmem0", "activate-firmware", "start-scrub x",
        "wait-scrub -p foo", "wait-scrub", "setup-passphrase", "setup-passphrase nmem0", "sanitize-dimm", "sanitize-dimm nmem0", "load-keys foo", "wait-overwrite nmem0", "freeze-security all",
        "monitor", "monitor foo bar", "monitor -D foo", "monitor -D dimm-health-state,dimm-unclean-shutdown", "monitor -l /nosuch/x", "monitor -c /nosuch", "monitor -p foo", "monitor -l standard -d nmem0",
        "monitor -l log", "monitor -c config",
    ];

    private static readonly string[] s_infoBlocks =
    [
        "read-infoblock -i nothing", "read-infoblock -i nothing -j", "read-infoblock -i nothing -u -V", "read-infoblock -i /nosuch", "read-infoblock -i short -j", "read-infoblock -i .",
        "read-infoblock -i pfn -o /nosuch/x", "read-infoblock -i pfn -o .", "read-infoblock -i pfn x", "read-infoblock a b", "read-infoblock all",
        "read-infoblock -i pfn", "read-infoblock -i pfn -j", "read-infoblock -i pfn -u", "read-infoblock -i pfn -jV", "read-infoblock -i dax -j", "read-infoblock -i dax -u",
        "read-infoblock -i badsum -j", "read-infoblock -i badsum -jV", "read-infoblock -i old -j", "read-infoblock -i btt1 -j", "read-infoblock -i btt2 -u", "read-infoblock -i both -j",
        "read-infoblock -i both -jV", "read-infoblock -i both -o /dev/stdout -u",
        "write-infoblock", "write-infoblock -c", "write-infoblock a b", "write-infoblock -o x y", "write-infoblock -c -s foo -O bar -a 3 -m raw -M x -u y -p z", "write-infoblock -o /nosuch/x -s 1G",
        "write-infoblock -o . -s 1G", "write-infoblock -c -s 0", "write-infoblock -c -s 4k", "write-infoblock -c -s 8k", "write-infoblock -c -s 2M", "write-infoblock -c -s 1G -a 1G",
        .. from size in (string[])["16M", "1000000000", "1G", "1T"]
           from rest in (string[])["", "-m devdax", "-m Fsdax -M mem", "-M mem -a 4k", "-a 64k", "-a 16M -O 1M", "-O 0x12345", $"-p 21111111-2222-3333-4444-555555555555 -O 3k -m dax"]
           select $"write-infoblock -c -s {size} -u {Uuid} {rest}",
    ];

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Options_and_mistakes_are_those_of_ndctl()
    {
        File.WriteAllText(Path.Combine(_folder, "config"), "# nothing\n[monitor]\ndimm = nmem3 nmem4\nlog = standard\ndimm-event = dimm-health-state\n");
        Compare(s_mistakes);
    }

    [Fact]
    public void Info_blocks_are_those_of_ndctl_byte_for_byte()
    {
        Write("nothing", new byte[8192]);
        Write("short", new byte[8000]);
        byte[] pfn = Make("-u", Uuid);
        Write("pfn", pfn);
        Write("dax", Make("-u", Uuid, "-m", "devdax", "-M", "mem", "-O", "1M"));
        Write("badsum", Changed(pfn, bytes => bytes[5000] = 1));
        Write("old", Changed(pfn, bytes => bytes[4096 + 54] = 0));
        byte[] btt = new byte[4096];
        "BTT_ARENA_INFO"u8.CopyTo(btt);
        for (int i = 16; i < 120; i++)
            btt[i] = (byte)(i % 7);
        BinaryPrimitives.WriteUInt16LittleEndian(btt.AsSpan(52), 1);
        BinaryPrimitives.WriteUInt16LittleEndian(btt.AsSpan(54), 2);
        Write("btt1", [.. new byte[4096], .. btt]);
        Write("btt2", [.. btt, .. new byte[4096]]);
        Write("both", [.. btt, .. pfn[4096..]]);
        Compare(s_infoBlocks);
    }

    [Fact]
    public void Commands_have_the_options_of_ndctl()
    {
        foreach (string command in Run("ndctl", [], ["--list-cmds"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Except(["version", "help"], StringComparer.Ordinal))
        {
            // Of init-labels ndctl repeats options, and of activate-firmware it leaves out a space.
            string[] theirs = [.. OptionsOf(Run("ndctl", [], [command, "-h"]).Error).Distinct(StringComparer.Ordinal)];
            Assert.Equal(theirs, OptionsOf(Ours([command, "-h"]).Error));
        }
    }

    private static string[] OptionsOf(string help) => [.. OptionPattern.Matches(help).Select(match => match.Value)];

    private static byte[] Changed(byte[] bytes, Action<byte[]> change)
    {
        byte[] copy = [.. bytes];
        change(copy);
        return copy;
    }

    private byte[] Make(params string[] options)
    {
        Run("ndctl", [], ["write-infoblock", "-o", "made", "-s", "1G", .. options]);
        return File.ReadAllBytes(Path.Combine(_folder, "made"));
    }

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(Path.Combine(_folder, name), bytes);

    private void Compare(string[] commands)
    {
        Assert.SkipWhen(Directory.Exists("/sys/bus/nd/devices") && Directory.EnumerateFileSystemEntries("/sys/bus/nd/devices").Any(), "this machine has NVDIMMs");
        string[] differences = [.. commands.AsParallel().AsOrdered().WithDegreeOfParallelism(2).Select(Difference).OfType<string>()];
        Assert.True(differences.Length == 0, string.Join('\n', differences));
    }

    private string? Difference(string command)
    {
        string[] arguments = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Answer theirs = Run("ndctl", [], arguments);
        Answer ours = Ours(arguments);
        return theirs with { Error = Said(theirs.Error) } == ours with { Error = Said(ours.Error) } ? null : $"ndctl {command}\n  ndctl {theirs with { Error = Said(theirs.Error) }}\n  pmem  {ours with { Error = Said(ours.Error) }}";
    }

    // Help is in other words.
    private static string Said(string error) => error.IndexOf(" usage: ", StringComparison.Ordinal) is var at and >= 0 ? error[..(error.IndexOf('\n', at) is var end and >= 0 ? end : error.Length)] : error;

    private Answer Ours(string[] arguments) => Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll"), "ndctl"], arguments);

    private Answer Run(string program, string[] before, string[] arguments)
    {
        var start = new ProcessStartInfo(program == "ndctl" ? Peers.Tool("ndctl") : program, [.. before, .. arguments]) { WorkingDirectory = _folder, UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = System.Text.Encoding.Latin1 };
        start.Environment.Remove("PMEM_PLATFORM");
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Answer(process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    [GeneratedRegex("^    (-., |    )--[a-z-]+( <[^>]*>)?", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex OptionPattern { get; }

    private sealed record Answer(int Code, string Output, string Error);
}
