using System.Runtime.InteropServices;

namespace Pmem.Native;

/// <summary>
/// Makes machine code callable. The pages are never writable and executable at once: on Linux the code is written to a memory file and
/// mapped read-execute (which also synchronises the instruction cache on Arm), on Windows the pages change from RW to RX.
/// </summary>
internal static unsafe class ExecutableCode
{
    /// <summary>Said by the switch or the variable, for systems that forbid executable memory in ways that show only when the code is called.</summary>
    public static bool IsForbidden { get; } =
        (AppContext.TryGetSwitch("Pmem.NoExecutableMemory", out bool on) && on) || Environment.GetEnvironmentVariable("PMEM_NO_EXECUTABLE_MEMORY") == "1";

    /// <summary>Address of the code, or null where the system forbids executable memory.</summary>
    public static byte* TryLoad(ReadOnlySpan<byte> code)
    {
        if (IsForbidden)
            return null;
        if (OperatingSystem.IsLinux())
            return TryLoadLinux(code);
        return OperatingSystem.IsWindows() ? TryLoadWindows(code) : null;
    }

    private static byte* TryLoadLinux(ReadOnlySpan<byte> code)
    {
        const uint CloseOnExec = 1;
        int fd = Libc.MemoryFile("pmem-code", CloseOnExec);
        if (fd < 0)
            return null;
        try
        {
            // SAFETY: the span is pinned for the call, and only its length is written.
            fixed (byte* bytes = code)
            {
                if (Libc.Write(fd, bytes, (nuint)code.Length) != code.Length)
                    return null;
            }

            byte* address = Libc.Map(null, (nuint)code.Length, Libc.ProtRead | Libc.ProtExec, Libc.MapPrivate, fd, 0);
            return address == Libc.MapFailed ? null : address;
        }
        finally
        {
            _ = Libc.Close(fd);
        }
    }

    private static byte* TryLoadWindows(ReadOnlySpan<byte> code)
    {
        byte* address = Kernel32.VirtualAlloc(null, (nuint)code.Length, Kernel32.MemCommitReserve, Kernel32.PageReadWrite);
        if (address is null)
            return null;
        code.CopyTo(new Span<byte>(address, code.Length));
        if (!Kernel32.VirtualProtect(address, (nuint)code.Length, Kernel32.PageExecuteRead, out _))
            return null;
        _ = Kernel32.FlushInstructionCache(Kernel32.CurrentProcess, address, (nuint)code.Length);
        return address;
    }
}
