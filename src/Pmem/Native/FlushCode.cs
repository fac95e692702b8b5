using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Pmem.Native;

/// <summary>Which instruction writes a cache line back.</summary>
internal enum FlushInstruction
{
    /// <summary>None is available or allowed: maps use msync.</summary>
    None,

    /// <summary>CLFLUSH: evicts, and is ordered by itself.</summary>
    ClFlush,

    /// <summary>CLFLUSHOPT: evicts, needs a fence.</summary>
    ClFlushOpt,

    /// <summary>CLWB: writes back and may keep the line, needs a fence.</summary>
    ClWb,

    /// <summary>Arm64 DC CVAC: cleans to the point of coherency.</summary>
    DcCvac,

    /// <summary>Arm64 DC CVAP: cleans to the point of persistence.</summary>
    DcCvap,
}

/// <summary>The machine code of <c>void flush(byte* address, nuint length)</c>, length at least 1: one flush instruction a line, no fence.</summary>
internal static class FlushCode
{
    /// <summary>The code for an instruction and calling convention.</summary>
    public static byte[] For(FlushInstruction instruction, Architecture architecture, bool windows) => (instruction, architecture, windows) switch
    {
        (FlushInstruction.DcCvac or FlushInstruction.DcCvap, Architecture.Arm64, _) => Arm64(instruction),
        (_, Architecture.X64, false) => X64(instruction, [0x48, 0x8D, 0x04, 0x37, 0x48, 0x83, 0xE7, 0xC0], 0x37, 0x3F, [0x48, 0x83, 0xC7, 0x40, 0x48, 0x39, 0xC7]),
        (_, Architecture.X64, true) => X64(instruction, [0x48, 0x8D, 0x04, 0x11, 0x48, 0x83, 0xE1, 0xC0], 0x31, 0x39, [0x48, 0x83, 0xC1, 0x40, 0x48, 0x39, 0xC1]),
        _ => [],
    };

    // lea rax,[addr+len]; and addr,-64; L: flush [addr]; add addr,64; cmp addr,rax; jb L; ret
    private static byte[] X64(FlushInstruction instruction, byte[] prologue, byte clwbOperand, byte clflushOperand, byte[] advance)
    {
        byte[] flush = instruction switch
        {
            FlushInstruction.ClWb => [0x66, 0x0F, 0xAE, clwbOperand],
            FlushInstruction.ClFlushOpt => [0x66, 0x0F, 0xAE, clflushOperand],
            _ => [0x0F, 0xAE, clflushOperand],
        };
        byte back = unchecked((byte)-(flush.Length + advance.Length + 2));
        return [.. prologue, .. flush, .. advance, 0x72, back, 0xC3];
    }

    private static byte[] Arm64(FlushInstruction instruction)
    {
        uint[] words =
        [
            0x8B010001, // add  x1, x0, x1
            0xD53B0022, // mrs  x2, ctr_el0
            0xD3504C42, // ubfx x2, x2, #16, #4    log2 of words in the smallest data line
            0xD2800083, // mov  x3, #4
            0x9AC22062, // lsl  x2, x3, x2
            0xD1000443, // sub  x3, x2, #1
            0x8A230000, // bic  x0, x0, x3
            instruction == FlushInstruction.DcCvap ? 0xD50B7C20 : 0xD50B7A20, // L: dc cvap|cvac, x0
            0x8B020000, // add  x0, x0, x2
            0xEB01001F, // cmp  x0, x1
            0x54FFFFA3, // b.lo L
            0xD65F03C0, // ret
        ];
        byte[] code = new byte[words.Length * sizeof(uint)];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(code.AsSpan(i * sizeof(uint)), words[i]);
        return code;
    }
}
