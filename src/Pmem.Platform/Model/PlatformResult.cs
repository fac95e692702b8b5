using System.Diagnostics.CodeAnalysis;

namespace Pmem.Platform.Model;

/// <summary>Why an operation on a platform was refused.</summary>
public enum PlatformError
{
    /// <summary>It was not refused.</summary>
    None,

    /// <summary>There is no region or namespace of the name.</summary>
    NotFound,

    /// <summary>No free range is large enough.</summary>
    NoSpace,

    /// <summary>A DIMM has no label slot to spare.</summary>
    NoSlots,

    /// <summary>The size is not a legal one; a legal one is suggested.</summary>
    BadSize,

    /// <summary>The alignment is not possible for the mode, or at the address.</summary>
    BadAlignment,

    /// <summary>The sector size is not possible for the mode.</summary>
    BadSectorSize,

    /// <summary>The namespace is enabled: it may be in use.</summary>
    InUse,

    /// <summary>The region cannot be used: its labels are refused, or it is read-only.</summary>
    RegionUnusable,

    /// <summary>The region has no labels, and cannot have any.</summary>
    NoLabels,

    /// <summary>The namespace's info block cannot be honoured.</summary>
    CannotEnable,

    /// <summary>The platform cannot do it; the message says why.</summary>
    NotSupported,

    /// <summary>The caller has no right to do it.</summary>
    NoPermission,

    /// <summary>Something else is under way that it would disturb.</summary>
    Busy,

    /// <summary>The range is not, or not wholly, within what it was meant for.</summary>
    BadAddress,

    /// <summary>A value is not one that there can be.</summary>
    BadValue,

    /// <summary>The hardware, or the kernel, failed to do it.</summary>
    Failed,

    /// <summary>The security of the DIMM does not let it: it is locked or frozen, or there is no passphrase.</summary>
    SecurityState,

    /// <summary>The passphrase is not that of the DIMM.</summary>
    WrongPassphrase,
}

/// <summary>The result of an operation on a platform: a value, or why not and what to do.</summary>
/// <typeparam name="T">Of the value.</typeparam>
/// <param name="Value">The value; null when refused.</param>
/// <param name="Error">Why it was refused.</param>
/// <param name="Message">One sentence that says what was refused, and why.</param>
/// <param name="Remedy">What would do.</param>
/// <param name="SuggestedSize">A size that would do, where the size is to blame.</param>
public sealed record PlatformResult<T>(T? Value, PlatformError Error, string Message, string Remedy, ulong? SuggestedSize = null)
    where T : class
{
    /// <summary>Whether it was done.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    public bool Succeeded => Error == PlatformError.None;

    /// <summary>The value.</summary>
    /// <exception cref="PmemException">It was refused; the message says why and what to do.</exception>
    public T Demand() => Value ?? throw new PmemException($"{Message}; {Remedy}");

    /// <summary>A result that has a value.</summary>
    public static PlatformResult<T> Done(T value) => new(value, PlatformError.None, string.Empty, string.Empty);

    /// <summary>A refusal.</summary>
    public static PlatformResult<T> Refused(PlatformError error, string message, string remedy, ulong? size = null) => new(null, error, message, remedy, size);

    /// <summary>The same refusal of another operation.</summary>
    public PlatformResult<TOther> As<TOther>()
        where TOther : class => new(null, Error, Message, Remedy, SuggestedSize);
}
