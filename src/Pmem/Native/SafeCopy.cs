using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Native;

/// <summary>
/// Copies from memory that may be gone (poison, or a truncated file) without dying of SIGBUS.
///
/// Managed code must not run in a signal handler, so handler and copy are machine code: the copy is one <c>rep movsb</c>; the handler, when
/// the faulting instruction is that one, moves the saved instruction pointer behind it and returns, so that the copy ends early with the
/// count of bytes left in rcx. Every other fault goes on to the handler that was there before, the runtime's.
/// </summary>
internal static unsafe class SafeCopy
{
    private const int SigBus = 7;
    private const int ActionSize = 152; // struct sigaction of glibc, x86-64
    private const int CopyStart = 3; // rep movsb in the code below

    // rdi destination, rsi source, rdx count; returns the bytes not copied.
    private static ReadOnlySpan<byte> CopyCode =>
    [
        0x48, 0x89, 0xD1,  // mov rcx, rdx
        0xF3, 0xA4,        // rep movsb
        0x48, 0x89, 0xC8,  // mov rax, rcx
        0xC3,              // ret
    ];

    private static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, nuint, nuint> s_copy = Install();

    /// <summary>Whether this platform has the guarded copy; if not, callers read the file instead.</summary>
    public static bool IsSupported => s_copy is not null;

    /// <summary>Copies; returns how many bytes at the end could not be read, 0 when all is well.</summary>
    public static long Copy(byte* destination, byte* source, long length)
    {
        const long Slice = 64 << 10; // no garbage collection can start while the stub runs
        for (long done = 0; done < length; done += Slice)
        {
            long part = Math.Min(Slice, length - done);
            nuint left = s_copy(destination + done, source + done, (nuint)part);
            if (left != 0)
                return length - done - part + (long)left;
        }

        return 0;
    }

    private static delegate* unmanaged[SuppressGCTransition]<byte*, byte*, nuint, nuint> Install()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return null;

        byte* old = stackalloc byte[ActionSize];
        Unsafe.InitBlock(old, 0, ActionSize);
        if (Libc.SignalAction(SigBus, null, old) != 0)
            return null;
        ulong previous = *(ulong*)old;
        if (previous <= 1)
            return null; // default or ignored: nothing to hand other faults to

        byte[] code = [.. CopyCode, .. HandlerCode(previous)];
        byte* loaded = ExecutableCode.TryLoad(code);
        if (loaded is null)
            return null;

        // Same flags and mask as the old action, other handler.
        *(ulong*)old = (ulong)(loaded + CopyCode.Length);
        return Libc.SignalAction(SigBus, old, null) == 0
            ? (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, nuint, nuint>)loaded
            : null;
    }

    // rdi signal, rsi siginfo, rdx ucontext; RIP is at ucontext + 0xA8.
    private static byte[] HandlerCode(ulong previous)
    {
        byte[] handler =
        [
            0x48, 0x8B, 0x82, 0xA8, 0, 0, 0,        // mov rax, [rdx + 0xA8]
            0x48, 0x8D, 0x0D, 0, 0, 0, 0,           // lea rcx, [rip + copy]
            0x48, 0x39, 0xC8,                       // cmp rax, rcx
            0x75, 0x09,                             // jne other
            0x48, 0x83, 0x82, 0xA8, 0, 0, 0, 0x02,  // add qword [rdx + 0xA8], 2
            0xC3,                                   // ret
            0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0,     // other: mov rax, previous
            0xFF, 0xE0,                             // jmp rax
        ];
        const int LeaEnd = 14;
        const int PreviousAt = 30;
        int displacement = CopyStart - (CopyCode.Length + LeaEnd);
        BitConverter.TryWriteBytes(handler.AsSpan(LeaEnd - sizeof(int)), displacement);
        BitConverter.TryWriteBytes(handler.AsSpan(PreviousAt), previous);
        return handler;
    }
}
