using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Vm;

/// <summary>Guests at the command line, with a program in QEMU's place that prints and writes as a guest would. Real guests are in tests/Interop.</summary>
public sealed class VmVerbTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _bin;
    private readonly string _temporary;

    public VmVerbTests()
    {
        _bin = Directory.CreateDirectory(_files.File("bin")).FullName;
        _temporary = Directory.CreateDirectory(_files.File("temporary")).FullName;
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_guest_is_prepared_from_a_kernel_and_programs_of_the_host()
    {
        Fake("busybox", "exit 0");
        JsonElement made = Json(0, "vm", "prepare", _files.File("guest"), "--kernel", Kernel());
        JsonPage.Compare("## `pmem vm prepare", made);
        Assert.Equal("6.1.0-1-test", made.GetProperty("release").GetString());
        Assert.Equal(["initrd.gz", "vmlinuz"], Directory.GetFileSystemEntries(_files.File("guest")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("apt-get install", Fail("vm", "prepare", _files.File("guest"), "--kernel", Kernel(), "--program", "program-of-nobody"), StringComparison.Ordinal);
        Assert.Contains("no package or folder", Fail("vm", "prepare", _files.File("guest"), "--kernel", "none.deb"), StringComparison.Ordinal);
        Assert.Contains("--kernel PACKAGE.deb", Fail("vm", "prepare", _files.File("guest"), "--kernel", _bin), StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFileSystemEntries(_files.File("guest")).Length);
    }

    [Fact]
    public void A_preparation_that_failed_leaves_nothing_behind()
    {
        Fail("vm", "prepare", _files.File("new/guest"), "--kernel", "none.deb");
        Assert.False(Directory.Exists(_files.File("new")));
        string mine = Directory.CreateDirectory(_files.File("mine")).FullName;
        Fail("vm", "prepare", Path.Combine(mine, "guest"), "--kernel", "none.deb");
        Fail("vm", "prepare", mine, "--kernel", "none.deb");
        Assert.Empty(Directory.GetFileSystemEntries(mine));
    }

    [Fact]
    public async Task QEMU_ends_with_a_tool_that_is_killed_and_a_pool_on_the_platform_is_in_use_until_then()
    {
        string platform = Platform("--dimms", "2", "--ways", "2");
        ToolRunner.Json(0, "namespace", "create", "--platform", platform);
        (string id, string refused) = (_files.File("id"), _files.File("refused"));
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv (util-linux) is not installed");
        Qemu($"echo $$ > {id}.new; mv {id}.new {id}; while [ ! -e {refused} ]; do sleep 0.1; done; kill -KILL $PPID; exec sleep 60");
        Task<ToolResult> run = Task.Run(() => Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true"));
        for (int i = 0; i < 300 && !File.Exists(id); i++)
            await Task.Delay(100, TestContext.Current.CancellationToken);
        string message = Fail("pool", "info", $"{platform}:namespace0.0");
        await File.WriteAllTextAsync(refused, string.Empty, TestContext.Current.CancellationToken);
        Assert.Contains("a guest ('pmem vm run') or another command has the platform", message, StringComparison.Ordinal);
        await run.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        string process = $"/proc/{(await File.ReadAllTextAsync(id, TestContext.Current.CancellationToken)).Trim()}/stat";
        for (int i = 0; i < 100 && IsRunning(process); i++)
            await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(IsRunning(process));
        ToolRunner.Json(0, "platform", "show", platform);
        Qemu("echo '@@end 0'");
        Assert.Equal(0, Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true").ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(_temporary));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void A_platform_on_which_QEMU_still_runs_is_refused_though_its_tool_was_killed(string dimms)
    {
        string platform = Platform("--dimms", dimms, "--ways", dimms);
        string id = _files.File("id");
        Fake("setpriv", "exit 1");
        Qemu($"while ! grep -aq 'Id.: '$$, {platform}/platform.state; do sleep 0.1; done; echo $$ > {id}; kill -KILL $PPID; exec sleep 60");
        Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true");
        string process = File.ReadAllText(id).Trim();
        try
        {
            foreach (string[] verb in (string[][])
            [
                ["vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true"],
                ["platform", "power-cut", platform],
                ["platform", "inject", platform, "--fatal", "true"],
                ["namespace", "create", "--platform", platform],
            ])
                Assert.Contains($"'kill {process}'", Fail(verb), StringComparison.Ordinal);
        }
        finally
        {
            using var qemu = Process.GetProcessById(int.Parse(process, CultureInfo.InvariantCulture));
            qemu.Kill();
            for (int i = 0; i < 100 && IsRunning($"/proc/{process}/stat"); i++)
                Thread.Sleep(50);
        }

        Assert.Equal(0, ToolRunner.Json(0, "platform", "power-cut", platform).GetProperty("dimms")[0].GetProperty("dirtyShutdowns").GetInt32());
    }

    [Fact]
    public void What_a_script_prints_is_the_output_and_how_it_ends_the_exit_code()
    {
        string platform = Platform("--dimms", "2", "--ways", "2");
        Qemu("echo hello; echo '@@end 0'; echo 'reboot: Power down'");
        ToolResult result = Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "echo hello");
        Assert.Equal((0, "hello\n"), (result.ExitCode, result.Output));
        Qemu("echo hello; echo '@@end 4'");
        JsonElement failed = Json(1, "vm", "run", "--platform", platform, "--guest", Guest(), "--command", "exit 4");
        JsonPage.Compare("## `pmem vm run", failed);
        Assert.Equal((4, "hello\n"), (failed.GetProperty("exitCode").GetInt32(), failed.GetProperty("output").GetString()));
        Assert.Contains("ended with code 4", Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "exit 4").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("echo '@@end 0'", 0)]
    [InlineData("exit 1", 2)]
    public void What_a_guest_wrote_is_on_the_dimms_of_its_set_also_when_it_failed(string end, int exitCode)
    {
        string platform = Platform("--dimms", "2", "--ways", "2", "--line", "4KiB");
        // The guest's memory is the file whose backend is called sets; the second line of the set is on the second DIMM.
        Qemu($"""
            for a in "$@"; do case "$a" in *id=sets*) f="$(echo "$a" | sed 's/.*mem-path=//; s/,.*//')"; printf abcd | dd of="$f" bs=1 seek=4096 conv=notrunc 2>/dev/null;; esac; done
            {end}
            """);
        Assert.Equal(exitCode, Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true").ExitCode);
        using FileStream dimm = File.OpenRead(Path.Combine(platform, "dimm-1.img"));
        byte[] bytes = new byte[4];
        dimm.ReadExactly(bytes);
        Assert.Equal("abcd", Encoding.ASCII.GetString(bytes));
        Assert.False(File.Exists(Path.Combine(platform, "guest.memory")));
    }

    [Fact]
    public void DIMMs_that_are_sets_by_themselves_become_devices_in_their_places()
    {
        string platform = Platform("--dimms", "2");
        string seen = _files.File("seen");
        Qemu($"echo \"$@\" > {seen}; echo '@@end 0'");
        Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--device", "nvdimm", "--persistence", "cpu", "--", "-one", "-two");
        string arguments = File.ReadAllText(seen);
        Assert.Matches("dimm-0.img.*slot=0,label-size=131072.*dimm-1.img.*slot=1,label-size=131072.* -one -two", arguments);
        Assert.Contains("nvdimm-persistence=cpu", arguments, StringComparison.Ordinal);
        Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--device", "virtio-pmem");
        Assert.Contains("virtio-pmem-pci", File.ReadAllText(seen), StringComparison.Ordinal);
        Run("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true");
        Assert.Contains("-acpitable", File.ReadAllText(seen), StringComparison.Ordinal);
        ToolRunner.Json(0, "platform", "inject", platform, "--dimm", "0", "--swap", "1");
        Assert.Contains("in the place of another", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--device", "nvdimm"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_or_missing_is_one_sentence_with_a_remedy()
    {
        string platform = Platform("--dimms", "2", "--ways", "2");
        Qemu("echo '@@end 0'");
        Assert.Contains("vm prepare", Fail("vm", "run", "--platform", platform, "--command", "true"), StringComparison.Ordinal);
        Assert.Contains("vm prepare", Fail("vm", "run", "--platform", platform, "--guest", _bin, "--command", "true"), StringComparison.Ordinal);
        Assert.Contains("initial RAM disk", Fail("vm", "run", "--platform", platform, "--kernel", "k", "--initrd", "none", "--command", "true"), StringComparison.Ordinal);
        Assert.Contains("terminal", Fail("vm", "run", "--platform", platform, "--guest", Guest()), StringComparison.Ordinal);
        Assert.Contains("interleaved over 2", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--device", "nvdimm"), StringComparison.Ordinal);
        Assert.Contains("write nvdimm", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--device", "cxl"), StringComparison.Ordinal);
        Assert.Contains("mem-ctrl or cpu", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--persistence", "adr"), StringComparison.Ordinal);
        Qemu("exec sleep 60");
        Assert.Contains("within 1 seconds", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true", "--timeout", "1"), StringComparison.Ordinal);
    }

    // The tool stands still for longer than a program is usually given to end in.
    [Theory]
    [InlineData("TERM", "sleep 0.3; kill -STOP $tool; sleep 3; kill -CONT $tool")]
    [InlineData("INT", "true")]
    [InlineData("HUP", "true")]
    public void A_guest_that_is_interrupted_is_stopped_and_what_it_stored_is_kept(string signal, string meanwhile)
    {
        string platform = Platform("--dimms", "2", "--ways", "2", "--size", "512MiB");
        Qemu($$"""
            for a in "$@"; do case "$a" in *id=sets*) f="$(echo "$a" | sed 's/.*mem-path=//; s/,.*//')"; printf abcd | dd of="$f" bs=1 conv=notrunc 2>/dev/null;; esac; done
            tool=$PPID
            ({{meanwhile}}) </dev/null >/dev/null 2>&1 &
            kill -{{signal}} $tool; exec sleep 60
            """);
        Assert.Contains("power cut", Fail("vm", "run", "--platform", platform, "--guest", Guest(), "--command", "true"), StringComparison.Ordinal);
        using FileStream dimm = File.OpenRead(Path.Combine(platform, "dimm-0.img"));
        Assert.Equal('a', dimm.ReadByte());
        Assert.Empty(Directory.GetFileSystemEntries(_temporary));
        Assert.False(File.Exists(Path.Combine(platform, "guest.memory")));
    }

    [Theory]
    [InlineData("vm")]
    [InlineData("vm prepare")]
    [InlineData("vm run")]
    public void Help_has_examples(string command)
    {
        ToolResult result = ToolRunner.Run([.. command.Split(' '), "--help"]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Examples:", result.Output, StringComparison.Ordinal);
    }

    // A process that ended may wait for its parent to be told.
    private static bool IsRunning(string stat)
    {
        try
        {
            return !File.ReadAllText(stat).Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private string Platform(params string[] options)
    {
        string folder = _files.File("vm");
        string[] size = options.Contains("--size") ? [] : ["--size", "16MiB"];
        ToolRunner.Json(0, ["platform", "create", folder, .. size, .. options]);
        return folder;
    }

    private string Kernel()
    {
        string root = _files.File("kernel");
        Directory.CreateDirectory(Path.Combine(root, "boot"));
        Directory.CreateDirectory(Path.Combine(root, "lib/modules/6.1.0-1-test/kernel"));
        File.WriteAllText(Path.Combine(root, "boot/vmlinuz-6.1.0-1-test"), "an image");
        File.WriteAllText(Path.Combine(root, "lib/modules/6.1.0-1-test/kernel/libnvdimm.ko"), "\0depends=\0");
        return root;
    }

    private string Guest()
    {
        string folder = Directory.CreateDirectory(_files.File("prepared")).FullName;
        File.WriteAllText(Path.Combine(folder, "vmlinuz"), "an image");
        File.WriteAllText(Path.Combine(folder, "initrd.gz"), "a disk");
        return folder;
    }

    private void Qemu(string program) => Fake("qemu-system-x86_64", program);

    private void Fake(string name, string program)
    {
        string path = Path.Combine(_bin, name);
        File.WriteAllText(path, $"#!/bin/sh\n{program}\n");
        using Process process = Process.Start("chmod", ["+x", path]);
        process.WaitForExit();
    }

    private ToolResult Run(params string[] arguments) => ToolRunner.RunAs(["env", "--default-signal", $"PATH={_bin}:/usr/bin:/bin", $"TMPDIR={_temporary}"], arguments);

    private string Fail(params string[] arguments) => ToolRunner.Failed(Run(arguments));

    private JsonElement Json(int exitCode, params string[] arguments)
    {
        ToolResult result = Run([.. arguments, "--json"]);
        Assert.True(result.ExitCode == exitCode, $"ended with {result.ExitCode}: {result.Error}{result.Output}");
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }
}
