using System.CommandLine;

namespace Pmem.Tool.Btt;

/// <summary><c>pmem btt</c>: block translation tables.</summary>
internal static class BttCommand
{
    public static Command Create() =>
        new("btt", """
            Check, repair and show block translation tables: sector-mode namespaces of Linux and UEFI, and the tables in block pools.

            Examples:
              pmem btt check namespace.img
              pmem btt dump namespace.img --json
              pmem btt repair namespace.img --backup namespace.before
            """)
        {
            BttCheckVerb.Create(),
            BttRepairVerb.Create(),
            BttDumpVerb.Create(),
        };
}
