using System.Diagnostics;
using Pmem.Emulation;

namespace Interop.Guest;

/// <summary>
/// The same commands to ndctl in a guest and to <c>pmem ndctl</c> on a copy of the same DIMMs: they end with the same code, say the same last line, and print the same JSON.
/// One boot.
/// </summary>
public sealed class GuestPersonaTests : IDisposable
{
    private const string Uuid = "11111111-2222-3333-4444-555555555555";

    private static readonly string[] s_commands =
    [
        "create-namespace -s 17M",
        "create-namespace -s 1M",
        "create-namespace -s 1M -m raw",
        "create-namespace -m sector -l 1000",
        "create-namespace -m raw -l 1000",
        "create-namespace -a 64k",
        "create-namespace -m sector -a 4k",
        "create-namespace -m raw -a 4k",
        "create-namespace -r nosuch",
        "create-namespace -r nosuch -c",
        "create-namespace -t blk",
        "create-namespace -n 0123456789012345678901234567890123456789012345678901234567890123456789",
        "create-namespace -c -m raw -s 32M",
        "list -RN",
        "destroy-namespace all",
        "destroy-namespace all -f",
        "destroy-namespace all -f",
        "create-namespace -c -f -s 17M",
        $"create-namespace -m fsdax -s 64M -n data -u {Uuid}",
        "create-namespace -m sector -s 32M -l 512",
        "create-namespace -m devdax -s 64M -a 4k -M mem",
        "create-namespace -m raw -s 16M -r region0",
        "create-namespace -m raw -s 16M -r region7",
        "create-namespace -s 512M",
        "create-namespace -m blk",
        "create-namespace -m sector -M dev",
        "list -RNi",
        "destroy-namespace namespace0.1",
        "destroy-namespace namespace0.9",
        "disable-namespace namespace0.9",
        "disable-namespace namespace0.1",
        "disable-namespace namespace0.1",
        "check-namespace namespace0.1",
        "check-namespace namespace0.0",
        "enable-namespace namespace0.1",
        "create-namespace -e namespace0.1 -m raw",
        "create-namespace -e namespace0.9 -m raw -f",
        "create-namespace -e namespace0.1 -m fsdax -f",
        "list -RNi",
        "clear-errors namespace0.0",
        "read-infoblock namespace0.0 -j",
        "disable-namespace namespace0.0",
        "read-infoblock namespace0.0 -j",
        "read-infoblock namespace0.0 -u",
        "read-infoblock namespace0.0 -V -j",
        "write-infoblock namespace0.0 -s 63M -a 2M",
        "write-infoblock namespace0.0 -s 33M -a 16M",
        "read-infoblock namespace0.0 -j",
        "write-infoblock namespace0.0 -M mem -a 16M",
        "read-infoblock namespace0.0 -j -V",
        "write-infoblock namespace0.0 -m devdax",
        "read-infoblock namespace0.0 -u",
        "write-infoblock namespace0.0 -a 2M",
        "read-infoblock namespace0.0 -j",
        "write-infoblock namespace0.0 -s 1M -a 4k",
        "enable-namespace namespace0.0",
        "list -N",
        "write-infoblock namespace0.0",
        "create-namespace -e namespace0.0 -m raw -M mem -f",
        "create-namespace -e namespace0.0 -s 17M -f",
        "create-namespace -e namespace0.0 -a 64k -f",
        "check-namespace all",
        "disable-namespace all",
        "disable-namespace all",
        "read-infoblock all -j",
        "enable-namespace all",
        "enable-namespace all",
        "write-infoblock -c -m fsdax",
        "read-labels nmem0 -j -I",
        "read-labels nmem9 -j",
        "check-labels nmem0 nmem1",
        "zero-labels nmem0",
        "init-labels nmem0",
        "disable-dimm nmem0",
        "disable-region region7",
        "disable-region all",
        "disable-dimm all",
        "enable-region region0",
        "enable-dimm nmem0 nmem1",
        "init-labels nmem0",
        "init-labels -V 9 nmem0",
        "zero-labels all",
        "check-labels nmem0",
        "init-labels -V 1.2 all",
        "read-labels -I -j all",
        "enable-region all",
        "list -DRNi",
        "inject-error namespace0.0",
        "inject-smart nmem0",
        "freeze-security nmem0",
        "freeze-security nmem9",
        "setup-passphrase nmem0",
        "remove-passphrase nmem0",
        "sanitize-dimm -o -m nmem0",
        "sanitize-dimm",
        "wait-overwrite nmem0",
        "update-firmware nmem0",
        "update-firmware -f /nowhere nmem0",
        "enable-namespace",
        "nonsense",
    ];

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_same_commands_do_say_and_end_the_same()
    {
        string theirs = Path.Combine(_folder, "theirs");
        string ours = Path.Combine(_folder, "ours");
        var options = new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 128 << 20 };
        VirtualPlatform.Create(ours, options).Dispose();
        IReadOnlyDictionary<string, string> guest;
        using (var platform = VirtualPlatform.Create(theirs, options))
        {
            string script = "dmesg -n 1\n" + string.Concat(s_commands.Select((command, i) => $"ndctl {command} >/tmp/out 2>/tmp/err </dev/null; rc=$?; echo @@code{i}; echo $rc; echo @@err{i}; cat /tmp/err; echo @@out{i}; cat /tmp/out\n"));
            guest = GuestMachine.Run(platform.ExportGuest(cancellation: TestContext.Current.CancellationToken), script);
            platform.DiscardGuest();
        }

        var masked = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["uuid"] = "a new one for each info block",
            ["parent_uuid"] = "a new one for each namespace",
            ["numa_node"] = "the kernel numbers nodes by the SRAT of the machine that it runs on",
            ["target_node"] = "as numa_node",
            ["seq"] = "how often an index block was written is an affair of whoever writes it",
        };
        var differences = new List<string>();
        for (int i = 0; i < s_commands.Length; i++)
        {
            (int code, string output, string error) = Run(ours, s_commands[i]);
            string what = $"ndctl {s_commands[i]}";
            if (guest[$"code{i}"].Trim() != $"{code}" || LastLine(guest[$"err{i}"]) != LastLine(error))
                differences.Add($"{what}: ndctl ends with {guest[$"code{i}"].Trim()}, {guest[$"err{i}"].Trim()}; pmem with {code}, {error.Trim()}");
            if (!output.StartsWith(' ') && !guest[$"out{i}"].StartsWith(' '))
                ListComparison.Compare(what, guest[$"out{i}"], output, masked, differences);
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    // Of a usage the first line of the error counts: its help is in other words.
    private static string LastLine(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length == 0 ? string.Empty : lines.Any(line => line.StartsWith(" usage:", StringComparison.Ordinal)) ? lines[0] : lines[^1];
    }

    private static (int Code, string Output, string Error) Run(string folder, string command)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.dll"), "ndctl", "--platform", folder, .. command.Split(' ')]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
