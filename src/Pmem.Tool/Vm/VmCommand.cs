using System.CommandLine;

namespace Pmem.Tool.Vm;

/// <summary><c>pmem vm</c>: guests that see the NVDIMMs of a platform.</summary>
internal static class VmCommand
{
    public static Command Create() =>
        new("vm", """
            Run guests on virtual platforms: an unmodified Linux kernel in QEMU finds the DIMMs, regions and namespaces. No root, no hardware, no disk image.

            Examples:
              pmem vm prepare guest --download
              pmem vm run --platform vm1 --guest guest --command 'ndctl list -RN'
              pmem vm run --platform vm1 --guest guest
            """)
        {
            PrepareVerb.Create(),
            RunVerb.Create(),
        };
}
