using System.CommandLine;

namespace Pmem.Tool.InfoBlocks;

/// <summary><c>pmem infoblock</c>: info blocks in files.</summary>
internal static class InfoBlockCommand
{
    public static Command Create() =>
        new("infoblock", """
            Show, write and verify the info blocks (BTT, PFN, DAX) that make a namespace sector, fsdax or devdax.

            Examples:
              pmem infoblock show namespace.img --json
              pmem infoblock write namespace.img --mode fsdax --size 256MiB --start 0x100000000
              pmem infoblock verify namespace.img --start 0x100000000
            """)
        {
            InfoBlockShowVerb.Create(),
            InfoBlockWriteVerb.Create(),
            InfoBlockVerifyVerb.Create(),
        };
}
