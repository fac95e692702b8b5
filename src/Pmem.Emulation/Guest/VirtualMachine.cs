using System.Diagnostics;
using System.Text;
using Pmem.Platform.Acpi;

namespace Pmem.Emulation.Guest;

/// <summary>
/// A QEMU process with persistent memory, a kernel and initial RAM disks. Its memory and devices are files of the host that can be looked at while it runs and afterwards.
/// QEMU ends with the process that started it, however that one ends, where util-linux' setpriv is installed.
/// </summary>
/// <remarks>Members may be called from many threads.</remarks>
public sealed class VirtualMachine : IDisposable
{
    private const int Slots = 256;
    private const long Gibibyte = 1L << 30;

    private readonly VirtualMachineOptions _options;
    private readonly MachineFolder _folder;
    private readonly HostChild _child;
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly Action<string>? _lineWritten;
    private bool _isDisposed;

    private VirtualMachine(VirtualMachineOptions options, MachineFolder folder, HostChild child, Action<string>? lineWritten)
    {
        Process process = child.Process;
        (_options, _folder, _child, _process, _lineWritten) = (options, folder, child, process, lineWritten);
        if (options.IsInteractive)
            return;
        process.OutputDataReceived += (_, line) => Keep(_output, line.Data, _lineWritten);
        process.ErrorDataReceived += (_, line) => Keep(_error, line.Data, null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Id of QEMU's process; <see cref="Stop"/> ends this one alone.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Starts QEMU.</summary>
    /// <param name="options">The machine.</param>
    /// <param name="lineWritten">Called with each line that the guest prints, from another thread.</param>
    /// <exception cref="PmemException">QEMU, the kernel or the accelerator is not there; the message says what to install.</exception>
    public static VirtualMachine Start(VirtualMachineOptions options, Action<string>? lineWritten = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        string qemu = DemandPrograms(options);
        var folder = MachineFolder.Create();
        try
        {
            WriteInitrd(options, Path.Combine(folder.Path, "initrd"));
            for (int i = 0; i < options.Tables.Count; i++)
                File.WriteAllBytes(TablePath(folder.Path, i), options.Tables[i]);
            var start = new ProcessStartInfo(qemu, GetArguments(options, folder.Path))
            {
                UseShellExecute = false,
                RedirectStandardInput = !options.IsInteractive,
                RedirectStandardOutput = !options.IsInteractive,
                RedirectStandardError = !options.IsInteractive,
            };
            var child = HostChild.Start(start);
            if (!options.IsInteractive)
                child.Process.StandardInput.Close();
            return new VirtualMachine(options, folder, child, lineWritten);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Starts a machine, waits for its end, and returns what the guest printed.</summary>
    /// <exception cref="PmemException">As <see cref="Start"/> and <see cref="WaitAsync"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the machine is stopped.</exception>
    public static async Task<GuestConsole> RunAsync(VirtualMachineOptions options, Action<string>? lineWritten = null, CancellationToken cancellation = default)
    {
        using VirtualMachine machine = Start(options, lineWritten);
        return await machine.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Waits until the guest powers off, and returns what it printed. A machine that is cancelled or takes too long is stopped first.</summary>
    /// <exception cref="PmemException">QEMU failed, the guest's script did not come to its end, or the time was over.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<GuestConsole> WaitAsync(CancellationToken cancellation = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_options.Timeout);
        try
        {
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            Stop();
            cancellation.ThrowIfCancellationRequested();
            throw new PmemException($"the guest did not end within {_options.Timeout.TotalSeconds:0} seconds and was stopped; it printed last:\n{Tail(_output)}", e);
        }

        // Ctrl-C in a terminal reaches QEMU too.
        cancellation.ThrowIfCancellationRequested();
        if (_process.ExitCode != 0)
            throw new PmemException($"QEMU ended with code {_process.ExitCode}: {Tail(_error)}{(_options.Accelerator == "kvm" ? "\nIf it is KVM that does not work here, use tcg." : string.Empty)}");
        GuestConsole console = Console();
        if (_options.Script is not null && !_options.IsInteractive && console.ExitCode is null)
            throw new PmemException($"the guest did not come to the end of its script; QEMU said: {Tail(_error)}\nand the guest printed last:\n{Tail(_output)}");
        return console;
    }

    /// <summary>Ends QEMU's process, as pulling the plug; nothing if it has ended.</summary>
    public void Stop()
    {
        try
        {
            _process.Kill();
            _process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It had ended.
        }
    }

    /// <summary>What the guest printed so far.</summary>
    public GuestConsole Console()
    {
        lock (_output)
            return new GuestConsole(_output.ToString());
    }

    /// <summary>Stops the machine if it runs, and removes its temporary files; memory and devices stay.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        Stop();
        _child.Dispose();
        _folder.Dispose();
    }

    /// <summary>Path of QEMU, when everything that a machine needs is there.</summary>
    internal static string DemandPrograms(VirtualMachineOptions options)
    {
        string qemu = HostProgram.Demand(options.Qemu);
        if (!File.Exists(options.Kernel))
            throw new PmemException($"there is no kernel {options.Kernel}: 'pmem vm prepare DIR' makes a folder with one");
        if (options.Accelerator == "kvm")
            DemandKvm();
        return qemu;
    }

    /// <summary>The arguments that QEMU is started with.</summary>
    internal static IReadOnlyList<string> GetArguments(VirtualMachineOptions options, string folder)
    {
        bool hasNvdimm = options.Devices.OfType<GuestNvdimm>().Any();
        string machine = "pc";
        if (hasNvdimm)
            machine += $",nvdimm=on,nvdimm-persistence={(options.Domain == PersistenceDomain.CpuCache ? "cpu" : "mem-ctrl")}";
        var arguments = new List<string> { "-accel", options.Accelerator };
        if (options.MemoryFile is { } memory)
        {
            long size = new FileInfo(memory).Length;
            arguments.AddRange(["-object", $"memory-backend-file,id=ram,share=on,mem-path={Path.GetFullPath(memory).Replace(",", ",,", StringComparison.Ordinal)},size={size}"]);
            arguments.AddRange(["-machine", $"{machine},memory-backend=ram,max-ram-below-4g={options.LowMemorySize}", "-m", Memory(options, size)]);
        }
        else
        {
            arguments.AddRange(["-machine", machine, "-m", Memory(options, options.LowMemorySize)]);
        }

        arguments.AddRange(["-cpu", options.Accelerator == "kvm" ? "host" : "max", "-smp", $"{options.Processors}"]);
        for (int i = 0; i < options.Devices.Count; i++)
            arguments.AddRange(options.Devices[i].GetArguments(i));
        for (int i = 0; i < options.Tables.Count; i++)
            arguments.AddRange(["-acpitable", $"file={TablePath(folder, i)}"]);
        arguments.AddRange(["-nodefaults", "-net", "none", "-vga", "none", "-display", "none", "-no-reboot"]);
        arguments.AddRange(options.IsInteractive ? ["-serial", "mon:stdio"] : ["-monitor", "none", "-serial", "stdio"]);
        arguments.AddRange(["-kernel", options.Kernel, "-initrd", Path.Combine(folder, "initrd"), "-append", Parameters(options)]);
        arguments.AddRange(options.ExtraArguments);
        return arguments;
    }

    // On a busy host the emulated timer is late, which the kernel takes for a broken one: no_timer_check. The kernel's own place must not fall into what is reserved.
    private static string Parameters(VirtualMachineOptions options)
    {
        IEnumerable<string> reserved = options.Reserved.Select(range => $"memmap={new MemmapEntry(MemmapForm.Reserved, range.Length, range.Base)}");
        return string.Join(' ', ["console=ttyS0", "quiet", "panic=-1", "no_timer_check", "nokaslr", .. reserved, .. options.Append.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    // QEMU aligns each device to 1 GiB of addresses at most; much more room than that is refused where a processor has few address bits.
    private static string Memory(VirtualMachineOptions options, long size) => options.Devices.Count == 0
        ? $"size={size / 1024}K"
        : $"size={size / 1024}K,slots={Slots},maxmem={((size / Gibibyte) + 1 + options.Devices.Sum(device => (device.Size / Gibibyte) + 2)) * 1024}M";

    private static void WriteInitrd(VirtualMachineOptions options, string path)
    {
        using FileStream file = File.Create(path);
        foreach (byte[] archive in options.Initrd)
        {
            file.Write(archive);
            // Each archive begins on a multiple of four bytes.
            file.Write(new byte[-archive.Length & 3]);
        }

        if (options.Script is null)
            return;
        using var last = new CpioArchive();
        last.AddText("run.sh", options.Script.ReplaceLineEndings("\n"));
        file.Write(last.ToArray());
    }

    private static string TablePath(string folder, int number) => Path.Combine(folder, $"table{number}.aml");

    private static void DemandKvm()
    {
        const string Device = "/dev/kvm";
        if (!File.Exists(Device))
            throw new PmemException($"{Device} is not there: this host has no KVM, or its module is not loaded; leave out --accel kvm");
        try
        {
            using FileStream _ = new(Device, FileMode.Open, FileAccess.ReadWrite);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new PmemException($"{Device} cannot be opened: join the group kvm ('sudo usermod -aG kvm $USER', then log in again), or leave out --accel kvm", e);
        }
    }

    private static string Tail(StringBuilder text)
    {
        lock (text)
            return string.Join('\n', text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(15)).Trim();
    }

    private static void Keep(StringBuilder text, string? line, Action<string>? written)
    {
        if (line is null)
            return;
        lock (text)
            text.Append(line).Append('\n');
        written?.Invoke(line);
    }
}
