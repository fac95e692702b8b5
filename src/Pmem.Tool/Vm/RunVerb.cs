using System.CommandLine;
using System.Runtime.InteropServices;
using Pmem.Emulation.Guest;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Vm;

/// <summary><c>pmem vm run</c>.</summary>
internal static class RunVerb
{
    public static Command Create()
    {
        Option<string?> platform = PlatformSource.Option();
        var guest = new Option<string?>("--guest", "-g") { Description = "A folder made by 'pmem vm prepare'." };
        var kernel = new Option<string?>("--kernel", "-k") { Description = "The kernel image; that of --guest if not given." };
        var initrd = new Option<string[]>("--initrd", "-i") { Description = "The initial RAM disk; may be repeated. That of --guest if not given.", DefaultValueFactory = _ => [] };
        var append = new Option<string>("--append", "-a") { Description = "More parameters for the kernel.", DefaultValueFactory = _ => string.Empty };
        var memory = new Option<string>("--memory", "-m") { Description = "Ordinary memory of the guest; with tables it has 2 GiB.", DefaultValueFactory = _ => "1GiB" };
        var device = new Option<string>("--device", "-d") { Description = "nvdimm: QEMU's devices, for DIMMs that are sets by themselves. tables: our NFIT and SSDT, with interleave sets and health. virtio-pmem: each DIMM as one raw device without labels. auto: nvdimm for a single DIMM, else tables.", DefaultValueFactory = _ => "auto" };
        var persistence = new Option<string?>("--persistence") { Description = "Persistence domain that QEMU's nvdimm devices report: mem-ctrl or cpu; that of the platform if not given." };
        var accelerator = new Option<string>("--accel") { Description = "tcg works everywhere; kvm is fast where the host has it.", DefaultValueFactory = _ => "tcg" };
        var processors = new Option<int>("--cpus") { Description = "Processors.", DefaultValueFactory = _ => 1 };
        var shell = new Option<bool>("--shell") { Description = "A shell on this terminal; so it is without --script and --command. Ctrl-A X ends the guest at once." };
        var script = new Option<string?>("--script", "-s") { Description = "A shell script that the guest runs; then it powers off." };
        var text = new Option<string?>("--command", "-c") { Description = "A command that the guest runs; then it powers off." };
        var timeout = new Option<double?>("--timeout") { Description = "Seconds after which the guest is stopped." };
        Option<bool> json = PoolCommand.JsonOption();
        var extra = new Argument<string[]>("ARGS") { Description = "More arguments for QEMU, behind --.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("run", """
            Start QEMU on the NVDIMMs of a platform. A script's output goes to standard output. What the guest wrote is in the platform when it ended, also when it was
            stopped, which to the guest is a power cut. The guest has the platform until then: no other command can open it.

            Exit codes: 0 the guest ended, and its script with 0; 1 its script ended with another code; 2 the guest could not run or did not end well.

            Examples:
              pmem vm run --platform vm1 --guest guest
              pmem vm run --platform vm1 --guest guest --command 'ndctl list -DRN'
              pmem vm run --platform vm1 --guest guest --script mount.sh --timeout 300
              pmem vm run --platform vm1 --kernel vmlinuz --initrd initrd.gz --device tables -- -smp 2
            """) { platform, guest, kernel, initrd, append, memory, device, persistence, accelerator, processors, shell, script, text, timeout, json, extra };
        command.SetAction(async (parsed, cancellation) =>
        {
            // A signal waits for the task of a verb; one that came before there is a task would end the tool at once.
            await Task.Yield();
            if (parsed.GetValue(script) is not null && parsed.GetValue(text) is not null)
                return PoolCommand.Fail("give either --script or --command");
            string? toRun = parsed.GetValue(script) is { } file ? await File.ReadAllTextAsync(file, cancellation) : parsed.GetValue(text);
            if (parsed.GetValue(shell) && toRun is not null)
                return PoolCommand.Fail("a guest has a shell, or runs a script: leave out --shell");
            if (toRun is null && parsed.GetValue(json))
                return PoolCommand.Fail("a shell prints no JSON: give --script or --command");
            if (toRun is null && Console.IsInputRedirected)
                return PoolCommand.Fail("a shell needs a terminal; give --script or --command");
            (string image, IReadOnlyList<string> disks) = Images(parsed.GetValue(guest), parsed.GetValue(kernel), parsed.GetValue(initrd)!);
            if (!TryParseDevice(parsed.GetValue(device)!, out GuestAttachment attachment))
                return PoolCommand.Fail($"'{parsed.GetValue(device)}' is no device: write nvdimm, virtio-pmem, tables or auto");
            if (parsed.GetValue(accelerator) is not ("tcg" or "kvm"))
                return PoolCommand.Fail($"'{parsed.GetValue(accelerator)}' is no accelerator: write tcg or kvm");
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            var options = new VirtualMachineOptions
            {
                Kernel = image,
                Initrd = [.. disks.Select(File.ReadAllBytes)],
                Script = toRun,
                IsInteractive = toRun is null,
                Append = parsed.GetValue(append)!,
                LowMemorySize = InfoBlockFile.ParseNumber(parsed.GetValue(memory), 0),
                Domain = ParseDomain(parsed.GetValue(persistence)),
                Accelerator = parsed.GetValue(accelerator)!,
                Processors = parsed.GetValue(processors),
                ExtraArguments = parsed.GetValue(extra)!,
                Timeout = parsed.GetValue(timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : Timeout.InfiniteTimeSpan,
            };
            return await Run(source, options, attachment, parsed.GetValue(json), cancellation);
        });
        return command;
    }

    private static async Task<int> Run(PlatformSource source, VirtualMachineOptions options, GuestAttachment attachment, bool json, CancellationToken cancellation)
    {
        // The two other signals that end a program cancel already.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
        bool ended = false;
        var lines = new List<string>();
        GuestConsole console;
        try
        {
            console = await PlatformGuest.RunAsync(source.DemandVirtual(), options, attachment, Take, progress: null, stop.Token);
        }
        catch (OperationCanceledException)
        {
            return PoolCommand.Fail("the guest was stopped, which to it was a power cut; what it had stored is in the platform");
        }

        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteNumber("exitCode", console.ExitCode ?? 0);
                writer.WriteString("output", string.Concat(lines.Select(line => $"{line}\n")));
                writer.WriteEndObject();
            });
        }
        else if (console.ExitCode is not (null or 0))
        {
            Console.Error.WriteLine($"pmem: the guest's script ended with code {console.ExitCode}");
        }

        return console.ExitCode is null or 0 ? Program.Success : Program.NotConsistent;

        // Lines of the kernel may come after the end: they are about powering off.
        void Take(string line)
        {
            ended |= line.StartsWith($"{GuestConsole.Marker}end ", StringComparison.Ordinal);
            if (ended)
                return;
            if (json)
                lines.Add(line.TrimEnd('\r'));
            else
                Console.WriteLine(line.TrimEnd('\r'));
        }
    }

    private static (string Kernel, IReadOnlyList<string> Initrd) Images(string? guest, string? kernel, string[] initrd)
    {
        (string? prepared, string? disk) = guest is null ? (null, null) : GuestFolder.Open(guest);
        kernel ??= prepared ?? throw new PmemException("say what to boot: --guest DIR (made by 'pmem vm prepare DIR'), or --kernel FILE --initrd FILE");
        if (initrd.Length == 0)
            initrd = [disk ?? throw new PmemException("say which initial RAM disk: --initrd FILE, or --guest DIR (made by 'pmem vm prepare DIR')")];
        foreach (string file in initrd)
        {
            if (!File.Exists(file))
                throw new PmemException($"there is no initial RAM disk {file}");
        }

        return (kernel, initrd);
    }

    private static bool TryParseDevice(string text, out GuestAttachment attachment)
    {
        attachment = text switch
        {
            "nvdimm" => GuestAttachment.Nvdimm,
            "virtio-pmem" => GuestAttachment.VirtioPmem,
            "tables" => GuestAttachment.Tables,
            _ => GuestAttachment.Automatic,
        };
        return text is "auto" || attachment != GuestAttachment.Automatic;
    }

    private static PersistenceDomain? ParseDomain(string? text) => text switch
    {
        null => null,
        "mem-ctrl" => PersistenceDomain.MemoryController,
        "cpu" => PersistenceDomain.CpuCache,
        _ => throw new PmemException($"'{text}' is no persistence domain of QEMU: write mem-ctrl or cpu"),
    };
}
