namespace Pmem.Platform.Evidence;

/// <summary>Media of a module as a kernel reads them: not where they are known to be bad. Whoever owns the media disposes them.</summary>
internal sealed class PoisonedMedia(IModuleMedia media, IReadOnlyList<(ulong Address, ulong Length)> poison) : IModuleMedia
{
    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        foreach ((ulong first, ulong length) in poison)
        {
            // Written so that no sum can overflow.
            if (first >= address ? first - address < (ulong)destination.Length : address - first < length)
                return false;
        }

        return media.TryRead(address, destination);
    }
}
