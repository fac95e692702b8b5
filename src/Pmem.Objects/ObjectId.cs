using System.Runtime.InteropServices;

namespace Pmem.Objects;

/// <summary>A persistent pointer, 16 bytes on media: which pool, and where in it (PMDK <c>PMEMoid</c>).</summary>
/// <param name="PoolUuidLow">The pool's folded uuid, <see cref="ObjectStore.PoolUuidLow"/>.</param>
/// <param name="Offset">Offset in bytes of the user data from the start of the pool; 0 is null.</param>
[StructLayout(LayoutKind.Sequential, Pack = 8, Size = 16)]
public readonly record struct ObjectId(ulong PoolUuidLow, ulong Offset)
{
    /// <summary>The null pointer.</summary>
    public static ObjectId Null => default;

    /// <summary>Whether this points nowhere.</summary>
    public bool IsNull => Offset == 0;
}

/// <summary>A compact persistent pointer inside one pool, 8 bytes on media: the offset of an object's user data.</summary>
/// <typeparam name="T">What it points to.</typeparam>
/// <param name="Offset">Offset in bytes from the start of the pool; 0 is null.</param>
public readonly record struct ObjectRef<T>(ulong Offset)
    where T : unmanaged
{
    /// <summary>The null pointer.</summary>
    public static ObjectRef<T> Null => default;

    /// <summary>Whether this points nowhere.</summary>
    public bool IsNull => Offset == 0;
}
