using Pmem.Pools;

namespace Pmem.Tool.Pool.Details;

/// <summary>The details of a pool of any kind, as it lies on media; nothing is recovered for it.</summary>
internal static class PoolDetails
{
    private const int LogDescriptor = 4096;

    /// <summary>Writes what was asked for; false when something could not be followed to its end.</summary>
    public static bool Write(DetailSink sink, PoolView pool, DetailOptions options)
    {
        PersistentMap map = pool.Maps[options.Replica];
        if (map.Length < PoolHeader.Size)
            return false;
        PoolHeader header = ReadHeader(map, out byte[] bytes);
        bool whole = !options.Headers || sink.Section("poolHeader", () => WriteHeader(sink, in header, bytes, options.Hex));
        return header.Kind switch
        {
            PoolKind.Object => new ObjectDetails(sink, map, options).Write() && whole,
            PoolKind.Block => new TableDetails(sink, map, options).Write() && whole,
            PoolKind.Log => WriteLog(sink, map, options) && whole,
            _ => whole,
        };
    }

    private static PoolHeader ReadHeader(PersistentMap map, out byte[] bytes)
    {
        bytes = new byte[PoolHeader.Size];
        map.CheckedRead(0, bytes);
        return PoolHeader.Read(bytes);
    }

    private static void WriteHeader(DetailSink sink, in PoolHeader header, byte[] bytes, bool hex)
    {
        sink.Field("type", InfoVerb.TypeName(header.Kind));
        sink.Field("major", header.Major);
        sink.Field("compat", (uint)header.Compat);
        sink.Field("incompat", (uint)header.Incompat);
        sink.Field("readOnlyCompat", (uint)header.ReadOnlyCompat);
        sink.Field("poolsetUuid", $"{header.PoolSetUuid}");
        sink.Field("uuid", $"{header.Uuid}");
        sink.Field("previousPart", $"{header.PreviousPartUuid}");
        sink.Field("nextPart", $"{header.NextPartUuid}");
        sink.Field("previousReplica", $"{header.PreviousReplicaUuid}");
        sink.Field("nextReplica", $"{header.NextReplicaUuid}");
        sink.Field("creationTime", header.CreationTime);
        sink.Offset("alignments", header.AlignmentDescriptor);
        sink.Field("machineClass", header.MachineClass);
        sink.Field("dataEncoding", header.Data);
        sink.Field("machine", header.Machine);
        Checksum(sink, header.Checksum, header.ComputeChecksum());
        if (hex)
            sink.Bytes("bytes", 0, bytes);
    }

    /// <summary>A checksum and whether it is right.</summary>
    public static void Checksum(DetailSink sink, ulong stored, ulong computed)
    {
        sink.Field("checksum", $"0x{stored:x16}");
        sink.Field("checksumValid", stored == computed);
    }

    private static bool WriteLog(DetailSink sink, PersistentMap map, DetailOptions options)
    {
        bool whole = true;
        byte[] words = new byte[3 * sizeof(ulong)];
        if (map.Length < LogDescriptor + words.Length)
            return false;
        map.CheckedRead(LogDescriptor, words);
        ulong start = BitConverter.ToUInt64(words, 0);
        ulong end = BitConverter.ToUInt64(words, 8);
        ulong write = BitConverter.ToUInt64(words, 16);
        if (options.Headers || options.Statistics)
        {
            whole &= sink.Section("logDescriptor", () =>
            {
                sink.Offset("startOffset", start);
                sink.Offset("endOffset", end);
                sink.Offset("writeOffset", write);
                Demand(map, start, end, write);
                sink.Field("used", write - start);
                sink.Field("free", end - write);
            });
        }

        if (options.Data)
            whole &= sink.Section("content", () => WriteContent(sink, map, options, start, end, write));
        return whole;
    }

    private static void WriteContent(DetailSink sink, PersistentMap map, DetailOptions options, ulong start, ulong end, ulong write)
    {
        const int Piece = 4096;
        Demand(map, start, end, write);
        sink.List("pieces", options.Range.Within((long)(write - start)).SelectMany(range => Cut(range, Piece)), piece =>
        {
            byte[] bytes = new byte[piece.Length];
            map.CheckedRead((long)start + piece.At, bytes);
            sink.Field("position", piece.At);
            sink.Bytes("bytes", (ulong)piece.At, bytes);
        });
    }

    private static void Demand(PersistentMap map, ulong start, ulong end, ulong write)
    {
        if (start > write || write > end || end > (ulong)map.Length)
            throw new PmemFormatException("log offsets", LogDescriptor, $"start, write and end in this order, up to {map.Length}", $"{start}, {write} and {end}");
    }

    private static IEnumerable<(long At, int Length)> Cut((long First, long Last) range, int piece)
    {
        for (long at = range.First; at <= range.Last; at += piece)
            yield return (at, (int)Math.Min(piece, range.Last - at + 1));
    }
}
