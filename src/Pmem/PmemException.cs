namespace Pmem;

/// <summary>The root of every exception this stack throws about persistent memory.</summary>
public class PmemException : Exception
{
    /// <summary>Creates the exception with a message that says what failed, where, and what to do.</summary>
    public PmemException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public PmemException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether what was asked for is in use by another process, or by another map of this one, so that a later try may do.</summary>
    public bool IsBusy { get; init; }
}

/// <summary>Bytes on media are not what the format requires: says where, what was expected and what was found.</summary>
public sealed class PmemFormatException : PmemException
{
    /// <summary>Creates the exception for one field.</summary>
    /// <param name="what">The structure or field, in the field's own terms.</param>
    /// <param name="offset">Offset in bytes from the start of the pool or map; -1 when no single place is meant.</param>
    /// <param name="expected">What the format requires.</param>
    /// <param name="found">What is there.</param>
    public PmemFormatException(string what, long offset, string expected, string found)
        : base(offset >= 0 ? $"{what} at offset 0x{offset:x}: expected {expected}, found {found}" : $"{what}: expected {expected}, found {found}")
    {
        What = what;
        Offset = offset;
        Expected = expected;
        Found = found;
    }

    /// <summary>The structure or field that is wrong.</summary>
    public string What { get; }

    /// <summary>Offset in bytes from the start of the pool or map; -1 when no single place is meant.</summary>
    public long Offset { get; }

    /// <summary>What the format requires.</summary>
    public string Expected { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }
}

/// <summary>A range of media cannot be read: poison, or the file behind the map was cut.</summary>
public sealed class MediaErrorException : PmemException
{
    /// <summary>Creates the exception for a range.</summary>
    /// <param name="offset">First unreadable byte, from the start of the map.</param>
    /// <param name="length">Length in bytes of the request from that byte on.</param>
    public MediaErrorException(long offset, long length)
        : base($"media error: {length} bytes at offset 0x{offset:x} cannot be read (poison, or the file was truncated); restore them from a replica or a backup")
    {
        Offset = offset;
        Length = length;
    }

    /// <summary>Creates the exception for a range of a file that the system knows to be bad.</summary>
    /// <param name="message">What happened, where and what to do.</param>
    /// <param name="range">The range, from the start of the file.</param>
    public MediaErrorException(string message, BadBlock range)
        : base(message)
    {
        Offset = range.Offset;
        Length = range.Length;
    }

    /// <summary>First unreadable byte, from the start of the map.</summary>
    public long Offset { get; }

    /// <summary>Length in bytes of the request from that byte on.</summary>
    public long Length { get; }
}

/// <summary>No free space of the wanted size is left in the pool.</summary>
public sealed class OutOfSpaceException : PmemException
{
    /// <summary>Creates the exception.</summary>
    public OutOfSpaceException(string message)
        : base(message)
    {
    }
}
