namespace Pmem.Objects.Layout;

/// <summary>Flags in an object's header.</summary>
internal static class ObjectFlags
{
    public const ushort None = 0;

    /// <summary>Made by the store for itself: the root object, log extensions. Not visited by first and next.</summary>
    public const ushort Internal = 0x8000;
}
