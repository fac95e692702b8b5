using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pmem.Pools;

/// <summary>
/// The common header of every PMDK pool part, 4096 bytes on media (docs/formats/pools.md). Written once at creation, then only by feature
/// toggles; the shutdown state inside it has a checksum of its own.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public unsafe struct PoolHeader
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 4096;

    /// <summary>Where the shutdown state lies.</summary>
    public const int ShutdownStatePosition = 4024;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumPosition = 4088;

    /// <summary>Bytes that the checksum covers with <see cref="IncompatFeatures.Checksum2K"/>.</summary>
    public const int Checksum2KSize = 2048;

    /// <summary>Alignments of the C types on x86-64 Linux, a nibble each.</summary>
    public const ulong AlignmentDescriptorX64 = 0x000007F737777310;

    /// <summary>ELF class: 64-bit.</summary>
    public const byte MachineClass64 = 2;

    /// <summary>ELF data encoding: two's complement, little-endian.</summary>
    public const byte DataLittleEndian = 1;

    /// <summary>ELF machine: x86-64.</summary>
    public const ushort MachineX64 = 62;

    /// <summary>ELF machine: Arm 64.</summary>
    public const ushort MachineArm64 = 183;

    /// <summary>Eight bytes that say which kind of pool it is.</summary>
    [FieldOffset(0)]
    public ulong Signature;

    /// <summary>Layout version: 6 for object pools, 1 for logs and blocks.</summary>
    [FieldOffset(8)]
    public uint Major;

    /// <summary>Features that may be ignored.</summary>
    [FieldOffset(12)]
    public CompatFeatures Compat;

    /// <summary>Features that must be known.</summary>
    [FieldOffset(16)]
    public IncompatFeatures Incompat;

    /// <summary>Features that must be known to write.</summary>
    [FieldOffset(20)]
    public ReadOnlyCompatFeatures ReadOnlyCompat;

    /// <summary>The pool set's uuid, the same in all parts and replicas. Media bytes are those of <see cref="Guid"/>.</summary>
    [FieldOffset(24)]
    public Guid PoolSetUuid;

    /// <summary>This part's uuid.</summary>
    [FieldOffset(40)]
    public Guid Uuid;

    /// <summary>The part before in the ring of the replica.</summary>
    [FieldOffset(56)]
    public Guid PreviousPartUuid;

    /// <summary>The part behind in the ring of the replica.</summary>
    [FieldOffset(72)]
    public Guid NextPartUuid;

    /// <summary>Part 0 of the replica before.</summary>
    [FieldOffset(88)]
    public Guid PreviousReplicaUuid;

    /// <summary>Part 0 of the replica behind.</summary>
    [FieldOffset(104)]
    public Guid NextReplicaUuid;

    /// <summary>Creation time, seconds since 1970 UTC.</summary>
    [FieldOffset(120)]
    public ulong CreationTime;

    /// <summary>Alignments of the C types of the machine that made the pool.</summary>
    [FieldOffset(128)]
    public ulong AlignmentDescriptor;

    /// <summary>ELF class of that machine.</summary>
    [FieldOffset(136)]
    public byte MachineClass;

    /// <summary>ELF data encoding of that machine.</summary>
    [FieldOffset(137)]
    public byte Data;

    /// <summary>Zero.</summary>
    [FieldOffset(138)]
    public uint ArchitectureReserved;

    /// <summary>ELF machine number of that machine.</summary>
    [FieldOffset(142)]
    public ushort Machine;

    /// <summary>The shutdown state.</summary>
    [FieldOffset(ShutdownStatePosition)]
    public ShutdownState ShutdownState;

    /// <summary>Fletcher-64 of the header.</summary>
    [FieldOffset(ChecksumPosition)]
    public ulong Checksum;

    /// <summary>The signature of a kind of pool.</summary>
    public static ulong SignatureOf(PoolKind kind) => kind switch
    {
        PoolKind.Object => MemoryMarshal.Read<ulong>("PMEMOBJ\0"u8),
        PoolKind.Log => MemoryMarshal.Read<ulong>("PMEMLOG\0"u8),
        _ => MemoryMarshal.Read<ulong>("PMEMBLK\0"u8),
    };

    /// <summary>The layout version of a kind of pool.</summary>
    public static uint MajorOf(PoolKind kind) => kind == PoolKind.Object ? 6u : 1u;

    /// <summary>The kind that the signature says, or null.</summary>
    public readonly PoolKind? Kind
    {
        get
        {
            foreach (PoolKind kind in (ReadOnlySpan<PoolKind>)[PoolKind.Object, PoolKind.Log, PoolKind.Block])
            {
                if (Signature == SignatureOf(kind))
                    return kind;
            }

            return null;
        }
    }

    /// <summary>The checksum that the header should have.</summary>
    public readonly ulong ComputeChecksum()
    {
        int skip = Incompat.HasFlag(IncompatFeatures.Checksum2K) ? Checksum2KSize : ChecksumPosition;
        return Fletcher64.ComputeSkipping(Bytes(in this), skip);
    }

    /// <summary>Reads a header from its 4096 bytes; any bytes give a value.</summary>
    public static PoolHeader Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<PoolHeader>(bytes);

    /// <summary>The machine fields that a pool must have to be opened here.</summary>
    internal void SetArchitecture()
    {
        AlignmentDescriptor = AlignmentDescriptorX64;
        MachineClass = MachineClass64;
        Data = DataLittleEndian;
        ArchitectureReserved = 0;
        Machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? MachineArm64 : MachineX64;
    }

    /// <summary>Whether the machine fields are this machine's.</summary>
    internal readonly bool HasArchitecture()
    {
        PoolHeader expected = default;
        expected.SetArchitecture();
        return AlignmentDescriptor == expected.AlignmentDescriptor && MachineClass == expected.MachineClass && Data == expected.Data
            && ArchitectureReserved == 0 && Machine == expected.Machine;
    }

    /// <summary>The header as bytes.</summary>
    internal static ReadOnlySpan<byte> Bytes(in PoolHeader header) =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<PoolHeader, byte>(ref Unsafe.AsRef(in header)), Size);
}
