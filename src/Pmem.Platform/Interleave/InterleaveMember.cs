using Pmem.Platform.Acpi;

namespace Pmem.Platform.Interleave;

/// <summary>What one DIMM contributes to a range, with the lines that say where.</summary>
/// <param name="Handle">The DIMM.</param>
/// <param name="DpaBase">DIMM physical address of its first byte in the range.</param>
/// <param name="Size">Bytes that it contributes.</param>
/// <param name="RegionOffset">Offset of its first line in the range, in bytes.</param>
/// <param name="Ways">DIMMs in the set.</param>
/// <param name="LineSize">Bytes of a line; 0 for a DIMM whose bytes follow one another without interleaving.</param>
/// <param name="LineOffsets">Place of each line that the table describes, in lines from the region offset.</param>
public sealed record InterleaveMember(NfitDeviceHandle Handle, ulong DpaBase, ulong Size, ulong RegionOffset, ushort Ways, uint LineSize, IReadOnlyList<uint> LineOffsets);

/// <summary>An address of a DIMM.</summary>
/// <param name="Handle">The DIMM.</param>
/// <param name="Dpa">DIMM physical address.</param>
/// <param name="Contiguous">Bytes from there on that lie behind one another both in the DIMM and in the system.</param>
public readonly record struct DimmAddress(NfitDeviceHandle Handle, ulong Dpa, ulong Contiguous);
