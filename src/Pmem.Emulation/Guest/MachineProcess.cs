using System.Globalization;

namespace Pmem.Emulation.Guest;

/// <summary>A process of QEMU that has the files of a platform, told from others that get its id later.</summary>
/// <param name="Id">Its id; 0 before it is known.</param>
/// <param name="Started">When it started, in ticks since the system did (proc(5), starttime).</param>
/// <param name="Boot">Which start of the system that was.</param>
internal sealed record MachineProcess(int Id, ulong Started, string Boot)
{
    private const int StateField = 0;
    private const int StartField = 19;

    /// <summary>A machine that is about to start.</summary>
    public static MachineProcess Unknown { get; } = new(0, 0, string.Empty);

    /// <summary>Whether it runs.</summary>
    public bool IsRunning() => Id != 0 && Of(Id) == this;

    /// <summary>The process with an id; <see cref="Unknown"/> when there is none, or this system does not tell.</summary>
    public static MachineProcess Of(int id)
    {
        try
        {
            // The name of the program is in parentheses, and may have any characters.
            string stat = File.ReadAllText($"/proc/{id}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[StateField] is "Z" or "X"
                ? Unknown
                : new MachineProcess(id, ulong.Parse(fields[StartField], CultureInfo.InvariantCulture), File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Unknown;
        }
    }
}
