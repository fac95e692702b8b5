namespace Pmem.Platform.Images;

/// <summary>Copies of files in which pages of zeros stay holes.</summary>
internal static class SparseCopy
{
    private const int Chunk = 1 << 20;
    private const int Page = 4096;

    /// <summary>Copies bytes to a file that has only zeros where they go. Not durable before the caller flushes.</summary>
    public static void Copy(FileStream source, long from, FileStream target, long to, long length, ImageOptions options)
    {
        byte[] buffer = new byte[Chunk];
        for (long done = 0; done < length; done += Chunk)
        {
            options.Step("copying", done, length);
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(Chunk, length - done));
            source.Position = from + done;
            source.ReadExactly(part);
            WriteNonZero(target, to + done, part);
        }
    }

    private static void WriteNonZero(FileStream target, long at, ReadOnlySpan<byte> bytes)
    {
        for (int start = 0; start < bytes.Length;)
        {
            bool isData = HasData(bytes, start);
            int end = start;
            while (end < bytes.Length && HasData(bytes, end) == isData)
                end = Math.Min(bytes.Length, end + Page);
            if (isData)
            {
                target.Position = at + start;
                target.Write(bytes[start..end]);
            }

            start = end;
        }
    }

    private static bool HasData(ReadOnlySpan<byte> bytes, int start) => bytes[start..Math.Min(bytes.Length, start + Page)].ContainsAnyExcept((byte)0);
}
