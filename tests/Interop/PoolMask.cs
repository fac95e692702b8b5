using System.Buffers.Binary;

namespace Interop;

/// <summary>Brings two pools to what must be equal: blanks what differs by design between two runs of one program (uuids, times, stale logs, free memory).</summary>
internal static class PoolMask
{
    private const long LanesOffset = 0x2000;
    private const long HeapOffset = 0x302000;
    private const long ChunkSize = 256 << 10;
    private const long ChunkHeaders = HeapOffset + 1024 + 64;
    private const long FirstChunk = HeapOffset + 1024 + 524288;
    private const int ChunkFree = 2;
    private const int ChunkUsed = 3;
    private const int ChunkRun = 4;

    /// <summary>The masked bytes of a closed, one-zone pool, or of a replica put together.</summary>
    public static byte[] Read(string path)
    {
        byte[] pool = File.ReadAllBytes(path);
        ulong low = 0;
        for (int i = 0; i < 8; i++)
            low = (low << 8) | (uint)(pool[24 + i] ^ pool[32 + i]); // the pool set uuid, folded as in object ids

        Clear(pool, 0x18, 0x78 - 0x18 + 8); // uuids, creation time
        Clear(pool, 0xFB8, 0x1000 - 0xFB8); // shutdown state, checksum
        Clear(pool, 0x1A20, 0x2000 - 0x1A20); // run-time pointers
        MaskLanes(pool);
        Clear(pool, HeapOffset + 32, 8); // unused, garbage in C
        MaskHeap(pool, low);
        return pool;
    }

    /// <summary>Describes the first difference, or null.</summary>
    public static string? Compare(byte[] ours, byte[] theirs)
    {
        if (ours.Length != theirs.Length)
            return $"lengths {ours.Length} and {theirs.Length}";
        int at = ours.AsSpan().CommonPrefixLength(theirs);
        if (at == ours.Length)
            return null;
        int word = at & ~7;
        ulong a = BinaryPrimitives.ReadUInt64LittleEndian(ours.AsSpan(word));
        ulong b = BinaryPrimitives.ReadUInt64LittleEndian(theirs.AsSpan(word));
        string place = word >= FirstChunk
            ? $"chunk {(word - FirstChunk) / ChunkSize} + 0x{(word - FirstChunk) % ChunkSize:x}"
            : word >= ChunkHeaders ? $"header of chunk {(word - ChunkHeaders) / 8}" : word >= LanesOffset ? $"lane {(word - LanesOffset) / 3072} + {(word - LanesOffset) % 3072}" : "header or descriptor";
        return $"0x{word:x} ({place}): ours 0x{a:x16}, C 0x{b:x16}";
    }

    private static void Clear(byte[] pool, long offset, long length) => pool.AsSpan((int)offset, (int)length).Clear();

    private static void MaskLanes(byte[] pool)
    {
        // What a retired log held is of no consequence; what counts is that none is pending, and which extensions are chained.
        for (int lane = 0; lane < 1024; lane++)
        {
            long at = LanesOffset + (lane * 3072L);
            Clear(pool, at + 64, 192);
            Clear(pool, at + 256 + 64, 640);
            Clear(pool, at + 960 + 64, 2048);
            // A redo header is zeroed by an operation that used the log; one that took the one-word shortcut leaves it fresh.
            Clear(pool, at + 16, 8);
            Clear(pool, at + 256 + 16, 8);
        }
    }

    private static void MaskHeap(byte[] pool, ulong low)
    {
        uint chunks = BinaryPrimitives.ReadUInt32LittleEndian(pool.AsSpan((int)(ChunkHeaders - 60)));
        for (uint chunk = 0; chunk < chunks;)
        {
            long header = ChunkHeaders + (chunk * 8);
            int type = BinaryPrimitives.ReadUInt16LittleEndian(pool.AsSpan((int)header));
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(pool.AsSpan((int)header + 4));
            if (type is ChunkFree or ChunkUsed)
                Clear(pool, header + 8, (size - 1) * 8L); // footers and stale headers
            long data = FirstChunk + (chunk * ChunkSize);
            if (type == ChunkFree)
                Clear(pool, data, size * ChunkSize);
            else if (type == ChunkRun)
                MaskRun(pool, data, size * ChunkSize);
            chunk += size;
        }

        // Stored ids name the pool.
        for (int at = (int)FirstChunk; at + 8 <= pool.Length; at += 8)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(pool.AsSpan(at)) == low)
                Clear(pool, at, 8);
        }

        if (chunks * ChunkSize + FirstChunk < pool.Length)
            Clear(pool, (chunks * ChunkSize) + FirstChunk, pool.Length - ((chunks * ChunkSize) + FirstChunk));
    }

    private static void MaskRun(byte[] pool, long run, long length)
    {
        // Flexible bitmaps only: what both sides write.
        long unit = (long)BinaryPrimitives.ReadUInt64LittleEndian(pool.AsSpan((int)run));
        long content = length - 16;
        long words = ((((content / unit) + 63) / 64) + 2 + 7) / 8 * 8 - 2;
        long units = (content - (words * 8)) / unit;
        long data = run + 16 + (words * 8);
        for (long i = 0; i < units; i++)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(pool.AsSpan((int)(run + 16 + (i / 64 * 8))));
            if ((word & (1UL << (int)(i % 64))) == 0)
                Clear(pool, data + (i * unit), unit);
            else
                MaskExtension(pool, data + (i * unit));
        }

        Clear(pool, data + (units * unit), run + length - (data + (units * unit)));
    }

    /// <summary>The content of log extensions, which are all internal objects but the root, is stale like that of the lanes.</summary>
    private static void MaskExtension(byte[] pool, long block)
    {
        const int RootOffsetField = 0x1800;
        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(pool.AsSpan((int)block));
        ulong type = BinaryPrimitives.ReadUInt64LittleEndian(pool.AsSpan((int)block + 8));
        long size = (long)(header & ((1UL << 48) - 1));
        bool isRoot = BinaryPrimitives.ReadInt64LittleEndian(pool.AsSpan(RootOffsetField)) == block + 16;
        if (header >> 48 == 0x8000 && type == 0 && !isRoot && size > 16 && size <= 65536)
            Clear(pool, block + 16, size - 16);
    }
}
