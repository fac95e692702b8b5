using System.CommandLine;

namespace Pmem.Tool.Labels;

/// <summary><c>pmem labels</c>: label storage areas in files.</summary>
internal static class LabelsCommand
{
    public static Command Create() =>
        new("labels", """
            Show, check, initialise, repair and zero label storage areas in files: bare areas, or images of QEMU's nvdimm device.

            Examples:
              pmem labels show area.bin
              pmem labels check nvdimm.img --label-size 128KiB --json
              pmem labels init area.bin --label-version 1.2
              pmem labels repair area.bin --dry-run
              pmem labels zero area.bin --force
            """)
        {
            LabelsShowVerb.Create(),
            LabelsCheckVerb.Create(),
            LabelsInitVerb.Create(),
            LabelsRepairVerb.Create(),
            LabelsZeroVerb.Create(),
        };
}
