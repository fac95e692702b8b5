using System.Buffers;

namespace Pmem.Blocks;

/// <summary>Scatter and gather: pieces that hold whole blocks are used as they are; a block that lies in several pieces goes through a rented buffer.</summary>
internal static class PieceCopier
{
    public static void Read(IBlockDevice device, long block, IReadOnlyList<Memory<byte>> destinations)
    {
        int size = device.BlockSize;
        DemandWhole(Sum(destinations), size);
        byte[]? rented = null;
        try
        {
            int kept = 0; // bytes of a block in the rented buffer that still have to be given out
            for (int i = 0; i < destinations.Count; i++)
            {
                Span<byte> piece = destinations[i].Span;
                if (kept > 0)
                    piece = Give(rented!, ref kept, size, piece);
                int whole = piece.Length - (piece.Length % size);
                if (whole > 0)
                {
                    device.Read(block, piece[..whole]);
                    block += whole / size;
                    piece = piece[whole..];
                }

                if (piece.Length > 0)
                {
                    rented ??= ArrayPool<byte>.Shared.Rent(size);
                    device.Read(block++, rented.AsSpan(0, size));
                    kept = size;
                    Give(rented, ref kept, size, piece);
                }
            }
        }
        finally
        {
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public static void Write(IBlockDevice device, long block, ReadOnlySequence<byte> source)
    {
        int size = device.BlockSize;
        DemandWhole(source.Length, size);
        byte[]? rented = null;
        try
        {
            int have = 0; // bytes of an incomplete block in the rented buffer
            foreach (ReadOnlyMemory<byte> memory in source)
            {
                ReadOnlySpan<byte> piece = memory.Span;
                if (have > 0)
                {
                    int take = Math.Min(size - have, piece.Length);
                    piece[..take].CopyTo(rented.AsSpan(have));
                    piece = piece[take..];
                    have += take;
                    if (have < size)
                        continue;
                    device.Write(block++, rented.AsSpan(0, size));
                    have = 0;
                }

                int whole = piece.Length - (piece.Length % size);
                if (whole > 0)
                    device.Write(block, piece[..whole]);
                block += whole / size;
                if (whole < piece.Length)
                {
                    rented ??= ArrayPool<byte>.Shared.Rent(size);
                    piece[whole..].CopyTo(rented);
                    have = piece.Length - whole;
                }
            }
        }
        finally
        {
            if (rented is not null)
                ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static Span<byte> Give(byte[] rented, scoped ref int kept, int size, Span<byte> piece)
    {
        int part = Math.Min(kept, piece.Length);
        rented.AsSpan(size - kept, part).CopyTo(piece);
        kept -= part;
        return piece[part..];
    }

    private static long Sum(IReadOnlyList<Memory<byte>> pieces)
    {
        long sum = 0;
        for (int i = 0; i < pieces.Count; i++)
            sum += pieces[i].Length;
        return sum;
    }

    private static void DemandWhole(long bytes, int size)
    {
        if (bytes % size != 0)
            throw new ArgumentOutOfRangeException(nameof(bytes), $"pieces of {bytes} bytes together are not a whole number of blocks of {size} bytes");
    }
}
