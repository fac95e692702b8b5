using System.Buffers.Binary;

namespace Pmem.Pools.Sets;

/// <summary>
/// How many bytes of a replica an object pool uses, as its descriptor says; libpmempool looks at the same three fields. Floor 2 owns the rest
/// of that structure.
/// </summary>
internal static class ObjectPoolSize
{
    private const int DescriptorPosition = PoolHeader.Size;
    private const int DescriptorSize = 2048;
    private const int ChecksumPosition = 2040;
    private const int HeapOffsetPosition = 0x410;
    private const int HeapSizePosition = 0x820;
    private const int BytesNeeded = DescriptorPosition + HeapSizePosition + sizeof(ulong);

    /// <summary>Offset of the heap and its size together; null when the descriptor is not valid, or the pool of another kind.</summary>
    public static long? Read(PersistentMap map)
    {
        byte[] bytes = new byte[BytesNeeded];
        if (map.Length < bytes.Length || !map.TryRead(0, bytes) || PoolHeader.Read(bytes.AsSpan(0, PoolHeader.Size)).Kind != PoolKind.Object)
            return null;
        Span<byte> descriptor = bytes.AsSpan(DescriptorPosition);
        if (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[ChecksumPosition..]) != Fletcher64.ComputeWithHole(descriptor[..DescriptorSize], ChecksumPosition))
            return null;
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(descriptor[HeapOffsetPosition..]);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(descriptor[HeapSizePosition..]);
        return offset > long.MaxValue / 2 || size > long.MaxValue / 2 ? null : (long)(offset + size);
    }

    /// <summary>The same for the first part of a replica; null also when it cannot be read.</summary>
    public static long? Read(ReplicaLayout replica)
    {
        try
        {
            if (!File.Exists(LinkedFile.RealPath(replica.Parts[0].Path)) || LinkedFile.LengthOf(replica.Parts[0].Path) < BytesNeeded)
                return null;
            using PersistentMap map = PersistentMap.Open(replica.Parts[0].Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Length = 2 * PoolFile.PageSize });
            return Read(map);
        }
        catch (PmemException)
        {
            return null;
        }
    }
}
