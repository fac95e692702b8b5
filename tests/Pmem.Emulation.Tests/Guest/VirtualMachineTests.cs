using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;

namespace Pmem.Emulation.Tests.Guest;

/// <summary>A virtual machine without QEMU: a program in its place shows what it is given. Real guests are in tests/Interop.</summary>
/// <remarks>In one collection with other tests that start programs: a child of theirs would have the new program open, which then cannot be run.</remarks>
[Collection("programs")]
public sealed class VirtualMachineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-vm-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_console_is_cut_into_sections_and_ends_with_the_code_of_the_script()
    {
        var lines = new List<string>();
        GuestConsole console = await VirtualMachine.RunAsync(Options("printf 'kernel\\r\\n@@list\\r\\n[]\\r\\n@@end 3\\r\\n'") with { Script = "echo" }, lines.Add, TestContext.Current.CancellationToken);
        Assert.Equal(3, console.ExitCode);
        Assert.Equal("[]", console.Sections["list"]);
        Assert.Equal("kernel", console.Sections["boot"]);
        Assert.Equal(4, lines.Count);
    }

    [Fact]
    public async Task A_script_that_does_not_end_is_a_failure_with_what_was_printed_last()
    {
        PmemException e = await Assert.ThrowsAsync<PmemException>(() => VirtualMachine.RunAsync(Options("echo Kernel panic; echo why >&2") with { Script = "echo" }, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("Kernel panic", e.Message, StringComparison.Ordinal);
        Assert.Contains("why", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QEMU_that_fails_is_a_failure_with_its_own_words()
    {
        PmemException e = await Assert.ThrowsAsync<PmemException>(() => VirtualMachine.RunAsync(Options("echo no such device >&2; exit 1"), cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("code 1: no such device", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_that_takes_too_long_is_stopped()
    {
        using VirtualMachine machine = VirtualMachine.Start(Options("echo hangs; exec sleep 100") with { Timeout = TimeSpan.FromSeconds(1) });
        PmemException e = await Assert.ThrowsAsync<PmemException>(() => machine.WaitAsync(TestContext.Current.CancellationToken));
        Assert.Contains("did not end within 1 seconds", e.Message, StringComparison.Ordinal);
        Assert.Contains("hangs", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists($"/proc/{machine.ProcessId}") && !File.ReadAllText($"/proc/{machine.ProcessId}/stat").Contains(") Z ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_cancelled_guest_is_stopped_and_leaves_no_files()
    {
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        string seen = Path.Combine(_folder, "seen");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => VirtualMachine.RunAsync(Options($"echo $@ > {seen}; exec sleep 100"), cancellation: source.Token));
        string initrd = File.ReadAllText(seen).Split(' ').First(word => word.EndsWith("/initrd", StringComparison.Ordinal));
        Assert.False(File.Exists(initrd));
    }

    [Fact]
    public void Tables_memory_and_what_is_reserved_of_it_reach_QEMU()
    {
        string memory = Path.Combine(_folder, "a,b");
        using (FileStream file = File.Create(memory))
            file.SetLength(2L << 30);
        string text = string.Join(' ', VirtualMachine.GetArguments(
            Options("") with { MemoryFile = memory, Tables = [[1], [2]], Reserved = [new E820Range(VirtualMachineOptions.HighMemoryStart, 1 << 30, E820Type.Reserved)], Append = "one two" },
            "/f"));
        Assert.Contains("a,,b,size=2147483648", text, StringComparison.Ordinal);
        Assert.Contains("memory-backend=ram,max-ram-below-4g=1073741824 -m size=2097152K", text, StringComparison.Ordinal);
        Assert.Contains("-acpitable file=/f/table0.aml -acpitable file=/f/table1.aml", text, StringComparison.Ordinal);
        Assert.Contains("memmap=1G$4G one two", text, StringComparison.Ordinal);
        Assert.DoesNotContain("nvdimm", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_reach_QEMU_with_their_labels_and_their_persistence()
    {
        GuestMemoryDevice[] devices = [new GuestNvdimm("/d0", (64 << 20) + 4096, 4096), new GuestNvdimm("/d1", 64 << 20, 0) { IsNotArmed = true }, new GuestVirtioPmem("/d2", 64 << 20)];
        string text = string.Join(' ', VirtualMachine.GetArguments(Options("") with { Devices = devices, Domain = PersistenceDomain.CpuCache }, "/f"));
        Assert.Contains("-machine pc,nvdimm=on,nvdimm-persistence=cpu -m size=1048576K,slots=256,maxmem=8192M", text, StringComparison.Ordinal);
        Assert.Contains("memory-backend-file,id=pm0,share=on,mem-path=/d0,size=67112960 -device nvdimm,id=nv0,memdev=pm0,slot=0,label-size=4096", text, StringComparison.Ordinal);
        Assert.Contains("-device nvdimm,id=nv1,memdev=pm1,slot=1,unarmed=on", text, StringComparison.Ordinal);
        Assert.Contains("-device virtio-pmem-pci,id=vp2,memdev=pm2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_is_said_with_what_to_do()
    {
        Assert.Contains("apt-get install", Assert.Throws<PmemException>(() => VirtualMachine.Start(Options("") with { Qemu = "qemu-of-nobody" })).Message, StringComparison.Ordinal);
        Assert.Contains("pmem vm prepare", Assert.Throws<PmemException>(() => VirtualMachine.Start(Options("") with { Kernel = "/none" })).Message, StringComparison.Ordinal);
    }

    private VirtualMachineOptions Options(string program)
    {
        string qemu = Path.Combine(_folder, "qemu");
        File.WriteAllText(qemu, $"#!/bin/sh\n{program}\n");
        HostProgram.Run("chmod", ["+x", qemu]);
        string kernel = Path.Combine(_folder, "kernel");
        File.WriteAllText(kernel, "a kernel");
        return new VirtualMachineOptions { Qemu = qemu, Kernel = kernel, Initrd = [[1, 2, 3]] };
    }
}
