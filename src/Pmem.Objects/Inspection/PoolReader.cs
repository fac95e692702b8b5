using System.Buffers.Binary;

namespace Pmem.Objects.Inspection;

/// <summary>Reads of a pool that may be damaged: what lies outside it or cannot be read is an exception, never the end of the process.</summary>
internal static class PoolReader
{
    public static ulong ReadWord(this PersistentMap map, long offset)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        map.ReadBytes(offset, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public static void ReadBytes(this PersistentMap map, long offset, Span<byte> destination)
    {
        map.Demand(offset, destination.Length);
        map.CheckedRead(offset, destination);
    }

    public static byte[] ReadBytes(this PersistentMap map, long offset, int length)
    {
        map.Demand(offset, length);
        byte[] bytes = new byte[length];
        map.CheckedRead(offset, bytes);
        return bytes;
    }

    public static void Demand(this PersistentMap map, long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > map.Length - length)
            throw new PmemFormatException("offset", offset, $"{length} bytes inside the pool of {map.Length}", $"0x{offset:x}");
    }
}
