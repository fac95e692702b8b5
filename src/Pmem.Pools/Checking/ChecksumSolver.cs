using System.Buffers.Binary;

namespace Pmem.Pools.Checking;

/// <summary>
/// Finds the one 32-bit word whose damage made a Fletcher-64 checksum wrong.
/// </summary>
/// <remarks>
/// A word that is too large by d makes the first sum too large by d and the second by d times the word's distance from the end. So the two
/// differences name both the word and its right value; where several words fit (d has a high power of two as a factor), each is offered, and
/// the caller keeps those that make sense.
/// </remarks>
public static class ChecksumSolver
{
    private const int WordSize = sizeof(uint);

    /// <summary>Every word that could be the only wrong one, with the value that makes the checksum right.</summary>
    /// <param name="data">The whole structure.</param>
    /// <param name="covered">How many bytes of it, from the start, the checksum covers; what follows counts as zero.</param>
    /// <param name="checksumPosition">Where the checksum is, when it lies in the covered bytes (it counts as zero); -1 otherwise.</param>
    /// <param name="checksum">The checksum as it is stored.</param>
    public static IEnumerable<(int Position, uint Value)> FindWrongWord(byte[] data, int covered, int checksumPosition, ulong checksum)
    {
        ArgumentNullException.ThrowIfNull(data);
        ulong computed = checksumPosition >= 0
            ? Fletcher64.ComputeWithHole(data.AsSpan(0, covered), checksumPosition)
            : Fletcher64.ComputeSkipping(data, covered);
        uint low = (uint)checksum - (uint)computed;
        uint high = (uint)(checksum >> 32) - (uint)(computed >> 32);
        if (low == 0)
            yield break; // right, or the checksum itself is wrong
        int end = checksumPosition >= 0 ? covered : data.Length;
        for (int position = 0; position < covered; position += WordSize)
        {
            if (checksumPosition >= 0 && position >= checksumPosition && position < checksumPosition + sizeof(ulong))
                continue;
            uint weight = (uint)(end - position) / WordSize;
            if (low * weight == high)
                yield return (position, BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(position)) + low);
        }
    }
}
