namespace Pmem.Pools;

/// <summary>The common header of every PMDK pool part, 4096 bytes.</summary>
public struct PoolHeader
{
}
