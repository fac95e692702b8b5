namespace Pmem.Objects.Types;

/// <summary>What a copy holds.</summary>
/// <param name="Objects">Objects of the program that were copied, the root not counted.</param>
/// <param name="Links">Links that were set to the new places.</param>
/// <param name="LeftOut">Objects that nothing leads to, and that were left out.</param>
/// <param name="OldChunks">Chunks that the old heap had in use.</param>
/// <param name="NewChunks">Chunks that the new heap has in use.</param>
public sealed record StoreCopyResult(long Objects, long Links, long LeftOut, long OldChunks, long NewChunks);
