using System.Text;

namespace Pmem.Platform.Captures;

/// <summary>
/// The part of the ustar format (POSIX.1-1988) that captures use: regular files with short names, in memory. Names that lead anywhere else, links and folders
/// are refused, so that nothing that is read here can be put outside of where it belongs. Writing the same files gives the same bytes.
/// </summary>
internal static class TarArchive
{
    private const int BlockSize = 512;
    private const int NameLength = 100;
    private const int MostFiles = 100_000;
    private const int SizePosition = 124;
    private const int ChecksumPosition = 148;
    private const int TypePosition = 156;
    private const int MagicPosition = 257;
    private const int PrefixPosition = 345;
    private const int PrefixLength = 155;

    /// <summary>Whether bytes begin as an archive does.</summary>
    public static bool LooksLike(ReadOnlySpan<byte> bytes) => bytes.Length >= BlockSize && bytes.Slice(MagicPosition, 5).SequenceEqual("ustar"u8);

    /// <summary>Writes files in the order of their names.</summary>
    public static void Write(Stream target, IReadOnlyDictionary<string, byte[]> files)
    {
        byte[] header = new byte[BlockSize];
        foreach ((string name, byte[] content) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            if (FindProblem(name) is { } problem)
                throw new PmemException($"a capture cannot hold a file '{name}': {problem}");
            Array.Clear(header);
            Encoding.ASCII.GetBytes(name, header);
            Octal(header.AsSpan(100, 8), 0b110_100_100);
            Octal(header.AsSpan(108, 8), 0);
            Octal(header.AsSpan(116, 8), 0);
            Octal(header.AsSpan(SizePosition, 12), content.Length);
            Octal(header.AsSpan(136, 12), 0);
            header[TypePosition] = (byte)'0';
            "ustar\0"u8.CopyTo(header.AsSpan(MagicPosition));
            "00"u8.CopyTo(header.AsSpan(MagicPosition + 6));
            Octal(header.AsSpan(ChecksumPosition, 7), Sum(header));
            header[ChecksumPosition + 7] = (byte)' ';
            target.Write(header);
            target.Write(content);
            Array.Clear(header);
            target.Write(header, 0, (BlockSize - (content.Length % BlockSize)) % BlockSize);
        }

        Array.Clear(header);
        target.Write(header);
        target.Write(header);
    }

    /// <summary>Reads an archive. Any bytes give files or an exception.</summary>
    /// <exception cref="PmemFormatException">It is none, it is cut, or it holds something that no capture holds.</exception>
    public static Dictionary<string, ReadOnlyMemory<byte>> Read(ReadOnlyMemory<byte> bytes)
    {
        var files = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        for (int at = 0; at < bytes.Length;)
        {
            if (bytes.Length - at < BlockSize)
                throw new PmemFormatException("capture", at, $"a header of {BlockSize} bytes", $"{bytes.Length - at}");
            ReadOnlySpan<byte> header = bytes.Span.Slice(at, BlockSize);
            if (!header.ContainsAnyExcept((byte)0))
                return files;
            string name = ReadName(header, at);
            long size = ParseOctal(header.Slice(SizePosition, 12));
            at += BlockSize;
            if (size < 0 || size > bytes.Length - at)
                throw new PmemFormatException("capture entry size", at - BlockSize + SizePosition, $"at most {bytes.Length - at}", $"{size}");
            if (files.Count == MostFiles || !files.TryAdd(name, bytes.Slice(at, (int)size)))
                throw new PmemFormatException("capture entry", at - BlockSize, "one of its name, and not too many", $"'{name}'");
            at += (int)Math.Min((size + BlockSize - 1) / BlockSize * BlockSize, bytes.Length - at);
        }

        return files;
    }

    private static string ReadName(ReadOnlySpan<byte> header, int at)
    {
        if (!LooksLike(header))
            throw new PmemFormatException("capture", at + MagicPosition, "ustar", "other bytes");
        long checksum = ParseOctal(header.Slice(ChecksumPosition, 8));
        if (checksum != Sum(header))
            throw new PmemFormatException("capture header checksum", at + ChecksumPosition, $"{Sum(header)}", $"{checksum}");
        if (header[TypePosition] is not ((byte)'0' or 0))
            throw new PmemFormatException("capture entry type", at + TypePosition, "a regular file", $"{header[TypePosition]}");
        ReadOnlySpan<byte> text = header[..NameLength];
        int end = text.IndexOf((byte)0);
        string name = Encoding.Latin1.GetString(end < 0 ? text : text[..end]);
        return FindProblem(name) is null && !header.Slice(PrefixPosition, PrefixLength).ContainsAnyExcept((byte)0)
            ? name
            : throw new PmemFormatException("capture entry name", at, "a plain relative name", $"'{name}'");
    }

    private static string? FindProblem(string name)
    {
        if (name.Length is 0 or > NameLength - 1)
            return $"a name has 1 to {NameLength - 1} characters";
        if (name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-' or '/' or ':' or '@')))
            return "a character is not possible";
        return name.Split('/').Any(part => part is "" or "." or "..") ? "it leads elsewhere" : null;
    }

    private static void Octal(Span<byte> field, long value) => Encoding.ASCII.GetBytes(Convert.ToString(value, 8).PadLeft(field.Length - 1, '0'), field);

    private static long ParseOctal(ReadOnlySpan<byte> field)
    {
        long value = 0;
        foreach (byte digit in field)
        {
            if (digit is 0 or (byte)' ')
                break;
            if (digit is < (byte)'0' or > (byte)'7' || value > (long.MaxValue >> 3))
                return -1;
            value = (value << 3) + (digit - '0');
        }

        return value;
    }

    private static long Sum(ReadOnlySpan<byte> header)
    {
        long sum = 0;
        for (int i = 0; i < header.Length; i++)
            sum += i is >= ChecksumPosition and < ChecksumPosition + 8 ? ' ' : header[i];
        return sum;
    }
}
