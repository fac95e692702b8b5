using Pmem.Native;

namespace Pmem;

/// <summary>A range of a file or device that cannot be read: media errors that the system knows of.</summary>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="Length">Length in bytes.</param>
public readonly record struct BadBlock(long Offset, long Length)
{
    /// <summary>First byte behind it.</summary>
    public long End => Offset + Length;
}

/// <summary>
/// Who knows which ranges of a file or device are bad, and makes them good again, without their content (libpmem2 <c>pmem2_badblock_next</c>
/// and <c>pmem2_badblock_clear</c>). <see cref="Kernel"/> is what programs use; emulated memory and tests have their own.
/// </summary>
public abstract class BadBlockSource
{
    /// <summary>
    /// What the running system knows: on Linux the bad blocks of the disk or region below, as far as they lie in the file; none elsewhere, and
    /// none of a file that does not lie on persistent memory. Thread-safe.
    /// </summary>
    public static BadBlockSource Kernel { get; } = new LinuxBadBlocks();

    /// <summary>The bad ranges of a file or device-DAX node, ascending, not overlapping, in whole blocks of the file system.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">The system does not tell.</exception>
    public abstract IReadOnlyList<BadBlock> Find(string path);

    /// <summary>
    /// Makes a range readable and writable again; durable at return. Its content is lost: a file has a fresh block there, a device what its
    /// modules put there.
    /// </summary>
    /// <exception cref="PmemException">It cannot be done, for lack of rights for instance; the message says what would help.</exception>
    public abstract void Clear(string path, BadBlock range);
}
