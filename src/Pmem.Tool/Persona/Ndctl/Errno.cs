using Pmem.Platform.Model;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>Errors of the system that ndctl ends with: Linux's numbers.</summary>
internal enum Errno
{
    None = 0,
    NotPermitted = 1,
    IoError = 5,
    NoDeviceOrAddress = 6,
    Busy = 16,
    NoDevice = 19,
    InvalidArgument = 22,
    NoSpace = 28,
    NotSupported = 95,
}

/// <summary>Numbers and words of errors.</summary>
internal static class Errnos
{
    /// <summary>The exit code: the number is returned negative, and cut.</summary>
    public static int Code(this Errno error) => -(int)error & 0xff;

    /// <summary>The C library's word for it.</summary>
    public static string Text(this Errno error) => error switch
    {
        Errno.NotPermitted => "Operation not permitted",
        Errno.IoError => "Input/output error",
        Errno.NoDeviceOrAddress => "No such device or address",
        Errno.Busy => "Device or resource busy",
        Errno.NoDevice => "No such device",
        Errno.InvalidArgument => "Invalid argument",
        Errno.NoSpace => "No space left on device",
        Errno.NotSupported => "Operation not supported",
        _ => "Success",
    };

    /// <summary>What the kernel or ndctl would end with where a platform refuses.</summary>
    public static Errno Of(PlatformError error) => error switch
    {
        PlatformError.None => Errno.None,
        PlatformError.NotFound or PlatformError.RegionUnusable or PlatformError.CannotEnable => Errno.NoDeviceOrAddress,
        PlatformError.NoSpace or PlatformError.NoSlots => Errno.NoSpace,
        PlatformError.InUse or PlatformError.Busy => Errno.Busy,
        PlatformError.NoLabels or PlatformError.NotSupported => Errno.NotSupported,
        PlatformError.NoPermission => Errno.NotPermitted,
        PlatformError.Failed => Errno.IoError,
        _ => Errno.InvalidArgument,
    };
}
