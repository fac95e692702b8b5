using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Pmem.Pools.Tests;

/// <summary>A valid header as bytes, made from the format page alone (not by the code under test), to be broken field by field.</summary>
internal static class HeaderImage
{
    public static readonly byte[] Uuid = Convert.FromHexString("00112233445566778899AABBCCDDEEFF");

    public static byte[] Valid(PoolKind kind = PoolKind.Log)
    {
        byte[] bytes = new byte[4096];
        (kind switch
        {
            PoolKind.Object => "PMEMOBJ\0"u8,
            PoolKind.Log => "PMEMLOG\0"u8,
            _ => "PMEMBLK\0"u8,
        }).CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), kind == PoolKind.Object ? 6u : 1u);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), 6);
        Convert.FromHexString("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF").CopyTo(bytes, 24);
        for (int at = 40; at <= 104; at += 16)
            Uuid.CopyTo(bytes, at);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(120), 1_700_000_000);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(128), 0x000007F737777310);
        bytes[136] = 2;
        bytes[137] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(142), RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (ushort)183 : (ushort)62);
        Seal(bytes);
        return bytes;
    }

    /// <summary>Gives the header the checksum that its bytes demand.</summary>
    public static void Seal(byte[] bytes)
    {
        bool half = (bytes[16] & 2) != 0;
        uint low = 0;
        uint high = 0;
        for (int i = 0; i < 4096; i += 4)
        {
            if (i < (half ? 2048 : 4088))
                low += BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i));
            high += low;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4088), ((ulong)high << 32) | low);
    }
}
