using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Native;

/// <summary>
/// Copies from memory that may be gone (poison, or a truncated file) without dying of SIGBUS.
///
/// Managed code must not run in a signal handler, so handler and copy are machine code. Short copies go 64 bytes at a time, whose loads overlap (a
/// <c>rep movsb</c> of cold lines waits for its own start); what is left, and long copies, are one <c>rep movsb</c>. When the faulting instruction is in the loop,
/// the handler goes on with the <c>rep movsb</c>, which finds the very byte; when it is that one, it moves the saved instruction pointer behind it, so that the
/// copy ends early with the count of bytes left in rcx. Every other fault goes on to the handler that was there before, the runtime's.
/// </summary>
internal static unsafe class SafeCopy
{
    private const int SigBus = 7;
    private const int ActionSize = 152; // struct sigaction of glibc, x86-64

    // Places in the code below.
    private const int LoopStart = 18;
    private const int LoopEnd = 62;
    private const int BytesStart = 68;

    // rdi destination, rsi source, rdx count; returns the bytes not copied.
    private static ReadOnlySpan<byte> CopyCode =>
    [
        0x48, 0x89, 0xD1,                          // mov rcx, rdx
        0x48, 0x81, 0xFA, 0x00, 0x08, 0x00, 0x00,  // cmp rdx, 2048
        0x77, 0x38,                                // ja bytes
        0x48, 0x83, 0xE9, 0x40,                    // sub rcx, 64
        0x72, 0x2C,                                // jb less
        0x0F, 0x10, 0x06,                          // loop: movups xmm0, [rsi]
        0x0F, 0x10, 0x4E, 0x10,                    // movups xmm1, [rsi + 16]
        0x0F, 0x10, 0x56, 0x20,                    // movups xmm2, [rsi + 32]
        0x0F, 0x10, 0x5E, 0x30,                    // movups xmm3, [rsi + 48]
        0x0F, 0x11, 0x07,                          // movups [rdi], xmm0
        0x0F, 0x11, 0x4F, 0x10,                    // movups [rdi + 16], xmm1
        0x0F, 0x11, 0x57, 0x20,                    // movups [rdi + 32], xmm2
        0x0F, 0x11, 0x5F, 0x30,                    // movups [rdi + 48], xmm3
        0x48, 0x83, 0xC6, 0x40,                    // add rsi, 64
        0x48, 0x83, 0xC7, 0x40,                    // add rdi, 64
        0x48, 0x83, 0xE9, 0x40,                    // sub rcx, 64
        0x73, 0xD4,                                // jae loop
        0x48, 0x83, 0xC1, 0x40,                    // less: add rcx, 64
        0x74, 0x02,                                // jz done
        0xF3, 0xA4,                                // bytes: rep movsb
        0x48, 0x89, 0xC8,                          // done: mov rax, rcx
        0xC3,                                      // ret
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
            0x48, 0x8D, 0x0D, 0, 0, 0, 0,           // lea rcx, [rip + bytes]
            0x48, 0x39, 0xC8,                       // cmp rax, rcx
            0x75, 0x09,                             // jne vector
            0x48, 0x83, 0x82, 0xA8, 0, 0, 0, 0x02,  // add qword [rdx + 0xA8], 2
            0xC3,                                   // ret
            0x73, 0x1B,                             // vector: jae other
            0x4C, 0x8D, 0x05, 0, 0, 0, 0,           // lea r8, [rip + loop]
            0x4C, 0x39, 0xC0,                       // cmp rax, r8
            0x72, 0x0F,                             // jb other
            0x48, 0x8D, 0x0D, 0, 0, 0, 0,           // lea rcx, [rip + less]
            0x48, 0x89, 0x8A, 0xA8, 0, 0, 0,        // mov [rdx + 0xA8], rcx
            0xC3,                                   // ret
            0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0,     // other: mov rax, previous
            0xFF, 0xE0,                             // jmp rax
        ];
        Point(handler, 10, BytesStart);
        Point(handler, 33, LoopStart);
        Point(handler, 45, LoopEnd);
        const int PreviousAt = 59;
        BitConverter.TryWriteBytes(handler.AsSpan(PreviousAt), previous);
        return handler;
    }

    /// <summary>Sets the four bytes at the end of an instruction to the distance from behind them to a place in the copy.</summary>
    private static void Point(byte[] handler, int at, int place) => BitConverter.TryWriteBytes(handler.AsSpan(at), place - (CopyCode.Length + at + sizeof(int)));
}
