namespace Pmem.Platform.Evidence;

/// <summary>What can be read of a module's media: an image file, or what a capture kept of one. Reading never changes a byte.</summary>
public interface IModuleMedia
{
    /// <summary>Reads a range.</summary>
    /// <param name="address">DIMM physical address.</param>
    /// <param name="destination">Takes the bytes.</param>
    /// <returns>False if some of the range is not there, or was not kept.</returns>
    bool TryRead(ulong address, Span<byte> destination);
}
