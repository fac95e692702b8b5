using System.Runtime.InteropServices;

namespace Pmem.Objects;

/// <summary>
/// A mutex that lives in an object, 64 bytes, 8-byte aligned (PMDK <c>PMEMmutex</c>). Its state is volatile: it is free after each open of the
/// pool, whatever was held at a crash. Use it through <see cref="ObjectStore.Lock"/> or <see cref="Transaction.Lock"/>; not recursive, not fair.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct PersistentMutex
{
    /// <summary>The run in which the state is valid.</summary>
    internal ulong RunId;
}
