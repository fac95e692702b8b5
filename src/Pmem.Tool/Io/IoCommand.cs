using System.CommandLine;

namespace Pmem.Tool.Io;

/// <summary><c>pmem io</c>: bytes in and out of devices.</summary>
internal static class IoCommand
{
    public static Command Create() =>
        new("io", """
            Copy raw bytes to and from device DAX and files.

            Examples:
              pmem io copy --input /dev/dax1.0 --output backup.img
              pmem io copy --output /dev/dax1.0 --zero --len 2MiB
            """)
        {
            IoCopyVerb.Create(),
        };
}
