using Pmem.Platform.Model;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>Errors of the system that ndctl ends with: Linux's numbers.</summary>
internal enum Errno
{
    None = 0,
    NotPermitted = 1,
    NoEntry = 2,
    IoError = 5,
    NoDeviceOrAddress = 6,
    NoAccess = 13,
    Busy = 16,
    NoDevice = 19,
    IsDirectory = 21,
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
        Errno.NoEntry => "No such file or directory",
        Errno.IoError => "Input/output error",
        Errno.NoDeviceOrAddress => "No such device or address",
        Errno.NoAccess => "Permission denied",
        Errno.Busy => "Device or resource busy",
        Errno.NoDevice => "No such device",
        Errno.IsDirectory => "Is a directory",
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

    /// <summary>What the system said when a file could not be opened.</summary>
    public static Errno Of(Exception failed, string path) => failed switch
    {
        FileNotFoundException or DirectoryNotFoundException => Errno.NoEntry,
        UnauthorizedAccessException => Directory.Exists(path) ? Errno.IsDirectory : Errno.NoAccess,
        _ => Errno.IoError,
    };
}
