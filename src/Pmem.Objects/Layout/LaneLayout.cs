namespace Pmem.Objects.Layout;

/// <summary>A lane on media: two redo logs and one undo log, 3072 bytes.</summary>
internal static class LaneLayout
{
    /// <summary>Bytes of a lane.</summary>
    public const int Size = 3072;

    /// <summary>Data bytes of the internal redo log: 12 entries.</summary>
    public const int InternalCapacity = 192;

    /// <summary>Data bytes of the external redo log: 40 entries.</summary>
    public const int ExternalCapacity = 640;

    /// <summary>Data bytes of the undo log.</summary>
    public const int UndoCapacity = 2048;

    public const int InternalPosition = 0;
    public const int ExternalPosition = InternalPosition + UlogHeader.Size + InternalCapacity;
    public const int UndoPosition = ExternalPosition + UlogHeader.Size + ExternalCapacity;
}
