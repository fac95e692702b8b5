using System.Buffers.Binary;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

/// <summary>
/// Six faults that pmempool's check does not see, planted with plain writes at the places that the formats give. The pool has objects of up to 112
/// bytes, which lie in a run of units of 128 bytes.
/// </summary>
internal static class PlantedFaults
{
    private const int Heap = 0x302000;
    private const int FirstChunkHeader = Heap + 1024 + 64;
    private const int FirstChunk = Heap + 1024 + 0x80000;
    private const int ChunkSize = 256 << 10;
    private const int Units = 2045;

    /// <summary>What each is, where check must point, and how it is planted in the bytes of a pool.</summary>
    public static readonly IReadOnlyDictionary<string, (string Where, Action<byte[]> Plant)> All = new Dictionary<string, (string, Action<byte[]>)>(StringComparer.Ordinal)
    {
        ["odd run id"] = ("run id", pool => pool[0x1808] |= 1),
        ["unknown incompat bit"] = ("incompat features", pool =>
        {
            pool[16] |= 0x80;
            PoolHeader header = PoolHeader.Read(pool.AsSpan(0, PoolHeader.Size));
            BinaryPrimitives.WriteUInt64LittleEndian(pool.AsSpan(PoolHeader.ChecksumPosition), header.ComputeChecksum());
        }),
        ["broken chunk chain"] = ("chunk", pool => BinaryPrimitives.WriteUInt32LittleEndian(pool.AsSpan(FirstChunkHeader + 4), 0x4321)),
        ["bitmap bit without object"] = ("object", pool => pool[Run(pool) + 16 + (500 / 8)] |= 1 << (500 % 8)),
        ["object header size wrong"] = ("object", pool => BinaryPrimitives.WriteUInt32LittleEndian(pool.AsSpan(UsedUnit(pool)), 0x1230)),
        ["redo entry outside the heap"] = ("redo", pool =>
        {
            // A committed internal redo log of lane 7: one entry that stores to a place beyond the pool.
            Span<byte> log = pool.AsSpan(0x2000 + (7 * 3072), 64 + 16);
            log.Clear();
            BinaryPrimitives.WriteInt64LittleEndian(log[16..], 16);
            BinaryPrimitives.WriteInt64LittleEndian(log[64..], 1L << 40);
            BinaryPrimitives.WriteInt64LittleEndian(log[72..], 0x77);
            BinaryPrimitives.WriteUInt64LittleEndian(log, Fletcher64.Compute(log));
        }),
    };

    /// <summary>Plants a fault in the file of a closed pool.</summary>
    public static void Plant(string path, string fault)
    {
        byte[] pool = File.ReadAllBytes(path);
        All[fault].Plant(pool);
        File.WriteAllBytes(path, pool);
    }

    /// <summary>The chunk that is a run of units of 128 bytes: its header is of type 4.</summary>
    private static int Run(byte[] pool) =>
        Enumerable.Range(0, 30)
            .Where(chunk => BinaryPrimitives.ReadUInt16LittleEndian(pool.AsSpan(FirstChunkHeader + (chunk * 8))) == 4)
            .Select(chunk => FirstChunk + (chunk * ChunkSize))
            .First(run => BinaryPrimitives.ReadInt64LittleEndian(pool.AsSpan(run)) == 128);

    private static int UsedUnit(byte[] pool)
    {
        int run = Run(pool);
        for (int unit = 0; unit < Units; unit++)
        {
            // The root is internal: its flag is in the upper 16 bits.
            int at = run + 0x140 + (unit * 128);
            if ((pool[run + 16 + (unit / 8)] & (1 << (unit % 8))) != 0 && BinaryPrimitives.ReadUInt16LittleEndian(pool.AsSpan(at + 6)) == 0)
                return at;
        }

        throw new InvalidOperationException("no object of the program is in the run");
    }
}
