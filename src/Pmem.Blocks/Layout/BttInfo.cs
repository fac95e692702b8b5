using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Pools;

namespace Pmem.Blocks.Layout;

/// <summary>The info block, 4096 bytes at the start of every arena, with an identical copy in the arena's last page.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct BttInfo
{
    /// <summary>Bytes on media.</summary>
    public const int Size = 4096;

    /// <summary>Where the checksum is.</summary>
    public const int ChecksumPosition = 4088;

    /// <summary>The arena had a write error: it may only be read.</summary>
    public const uint ErrorFlag = 1;

    /// <summary><c>BTT_ARENA_INFO</c> and two zeros.</summary>
    [FieldOffset(0)]
    public UInt128 Signature;

    /// <summary>Of this table, the same in all arenas.</summary>
    [FieldOffset(16)]
    public UInt128 Uuid;

    /// <summary>Of the pool set or namespace around it; zero in a namespace means any.</summary>
    [FieldOffset(32)]
    public UInt128 ParentUuid;

    /// <summary><see cref="ErrorFlag"/> or 0.</summary>
    [FieldOffset(48)]
    public uint Flags;

    /// <summary>Major version.</summary>
    [FieldOffset(52)]
    public ushort Major;

    /// <summary>Minor version.</summary>
    [FieldOffset(54)]
    public ushort Minor;

    /// <summary>Bytes of a block as users see it.</summary>
    [FieldOffset(56)]
    public uint ExternalBlockSize;

    /// <summary>Blocks that users see.</summary>
    [FieldOffset(60)]
    public uint ExternalBlocks;

    /// <summary>Bytes of a block in the data area.</summary>
    [FieldOffset(64)]
    public uint InternalBlockSize;

    /// <summary>Blocks in the data area.</summary>
    [FieldOffset(68)]
    public uint InternalBlocks;

    /// <summary>Free blocks, and flog entries.</summary>
    [FieldOffset(72)]
    public uint FreeBlocks;

    /// <summary>Bytes of the info block.</summary>
    [FieldOffset(76)]
    public uint InfoSize;

    /// <summary>From this arena to the next; 0 in the last.</summary>
    [FieldOffset(80)]
    public ulong NextOffset;

    /// <summary>From the arena's start to its data.</summary>
    [FieldOffset(88)]
    public ulong DataOffset;

    /// <summary>From the arena's start to its map.</summary>
    [FieldOffset(96)]
    public ulong MapOffset;

    /// <summary>From the arena's start to its flog.</summary>
    [FieldOffset(104)]
    public ulong FlogOffset;

    /// <summary>From the arena's start to the copy of this block.</summary>
    [FieldOffset(112)]
    public ulong InfoOffset;

    /// <summary>Fletcher-64 of the block.</summary>
    [FieldOffset(ChecksumPosition)]
    public ulong Checksum;

    /// <summary>The signature that every info block has.</summary>
    public static UInt128 ExpectedSignature { get; } = MemoryMarshal.Read<UInt128>("BTT_ARENA_INFO\0\0"u8);

    /// <summary>Reads an info block from its 4096 bytes; any bytes give a value.</summary>
    public static BttInfo Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<BttInfo>(bytes);

    /// <summary>The checksum that the block should have.</summary>
    public readonly ulong ComputeChecksum() => Fletcher64.ComputeWithHole(Bytes(in this), ChecksumPosition);

    /// <summary>Whether signature and checksum are right, which says that somebody wrote it as it is.</summary>
    public readonly bool IsIntact => Signature == ExpectedSignature && Checksum == ComputeChecksum();

    /// <summary>Whether all bytes are zero: nothing was ever written here.</summary>
    public readonly bool IsZero => !Bytes(in this).ContainsAnyExcept((byte)0);

    /// <summary>The uuid of this table as bytes on media.</summary>
    public static ReadOnlySpan<byte> UuidOf(in BttInfo info) => Bytes(in info).Slice(16, 16);

    /// <summary>The parent's uuid as bytes on media.</summary>
    public static ReadOnlySpan<byte> ParentUuidOf(in BttInfo info) => Bytes(in info).Slice(32, 16);

    /// <summary>The block as bytes.</summary>
    internal static ReadOnlySpan<byte> Bytes(in BttInfo info) =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<BttInfo, byte>(ref Unsafe.AsRef(in info)), Size);
}
