namespace Pmem.Objects.Logs;

/// <summary>The checksum of undo entries.</summary>
internal static class UndoEntry
{
    /// <summary>Chains the checksum of an entry with the generation of its log: the same bytes do not count in another generation.</summary>
    public static ulong Seal(ulong checksum, ulong generation)
    {
        uint low = (uint)checksum;
        uint high = (uint)(checksum >> 32);
        low += (uint)generation;
        high += low;
        low += (uint)(generation >> 32);
        high += low;
        return ((ulong)high << 32) | low;
    }
}
