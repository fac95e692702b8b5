using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iced.Intel;
using Pmem.Native;

namespace Pmem.Tests.Native;

/// <summary>The machine code is what it is meant to be.</summary>
public sealed class FlushCodeTests
{
    [Theory]
    [InlineData("ClWb", false, "lea rax,[rdi+rsi]|and rdi,0FFFFFFFFFFFFFFC0h|clwb [rdi]|add rdi,40h|cmp rdi,rax|jb short 8|ret")]
    [InlineData("ClFlushOpt", false, "lea rax,[rdi+rsi]|and rdi,0FFFFFFFFFFFFFFC0h|clflushopt [rdi]|add rdi,40h|cmp rdi,rax|jb short 8|ret")]
    [InlineData("ClFlush", false, "lea rax,[rdi+rsi]|and rdi,0FFFFFFFFFFFFFFC0h|clflush [rdi]|add rdi,40h|cmp rdi,rax|jb short 8|ret")]
    [InlineData("ClWb", true, "lea rax,[rcx+rdx]|and rcx,0FFFFFFFFFFFFFFC0h|clwb [rcx]|add rcx,40h|cmp rcx,rax|jb short 8|ret")]
    [InlineData("ClFlushOpt", true, "lea rax,[rcx+rdx]|and rcx,0FFFFFFFFFFFFFFC0h|clflushopt [rcx]|add rcx,40h|cmp rcx,rax|jb short 8|ret")]
    [InlineData("ClFlush", true, "lea rax,[rcx+rdx]|and rcx,0FFFFFFFFFFFFFFC0h|clflush [rcx]|add rcx,40h|cmp rcx,rax|jb short 8|ret")]
    public void X64_code_flushes_line_by_line(string instruction, bool windows, string expected)
    {
        byte[] code = FlushCode.For(Enum.Parse<FlushInstruction>(instruction), Architecture.X64, windows);
        var decoder = Decoder.Create(64, code);
        var formatter = new MasmFormatter();
        var lines = new List<string>();
        while (decoder.IP < (ulong)code.Length)
        {
            var output = new StringOutput();
            formatter.Format(decoder.Decode(), output);
            lines.Add(output.ToStringAndReset());
        }

        Assert.Equal(expected, string.Join('|', lines).Replace("byte ptr ", string.Empty, StringComparison.Ordinal).Replace("zmmword ptr ", string.Empty, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DcCvac", 0xD50B7A20)]
    [InlineData("DcCvap", 0xD50B7C20)]
    public void Arm64_code_cleans_line_by_line(string instruction, uint clean)
    {
        byte[] code = FlushCode.For(Enum.Parse<FlushInstruction>(instruction), Architecture.Arm64, windows: false);
        uint[] words = new uint[code.Length / 4];
        for (int i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(code.AsSpan(i * 4));
        Assert.Equal(0xD53B0022U, words[1]); // mrs x2, ctr_el0
        Assert.Equal(clean, words[7]);
        Assert.Equal(0x54FFFFA3U, words[10]); // b.lo back to the clean: three instructions
        Assert.Equal(0xD65F03C0U, words[^1]); // ret
    }

    [Fact]
    public void This_machine_has_an_instruction() => Assert.True(CpuCache.IsAvailable);
}
