namespace Pmem.Platform.Acpi;

/// <summary>The 32-bit name of a DIMM in the NFIT, which is also its <c>_ADR</c> in the namespace (ACPI, "NFIT Device Handle").</summary>
/// <param name="Value">The number as stored.</param>
public readonly record struct NfitDeviceHandle(uint Value)
{
    private const int NodeShift = 16;
    private const uint NodeMask = 0xfff;

    /// <summary>Composes a handle.</summary>
    /// <param name="node">Node controller, 0 to 4095.</param>
    /// <param name="socket">Socket in the node controller, 0 to 15.</param>
    /// <param name="memoryController">Memory controller in the socket, 0 to 15.</param>
    /// <param name="channel">Channel of the memory controller, 0 to 15.</param>
    /// <param name="dimm">DIMM number in the channel, 0 to 15.</param>
    /// <exception cref="ArgumentOutOfRangeException">A part does not fit its field.</exception>
    public static NfitDeviceHandle Create(int node, int socket, int memoryController, int channel, int dimm)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)node, NodeMask, nameof(node));
        return new(((uint)node << NodeShift) | Nibble(socket, nameof(socket)) << 12 | Nibble(memoryController, nameof(memoryController)) << 8
            | Nibble(channel, nameof(channel)) << 4 | Nibble(dimm, nameof(dimm)));
    }

    /// <summary>DIMM number in the channel (bits 3–0).</summary>
    public int Dimm => (int)(Value & 0xf);

    /// <summary>Channel of the memory controller (bits 7–4).</summary>
    public int Channel => (int)((Value >> 4) & 0xf);

    /// <summary>Memory controller in the socket (bits 11–8).</summary>
    public int MemoryController => (int)((Value >> 8) & 0xf);

    /// <summary>Socket in the node controller (bits 15–12).</summary>
    public int Socket => (int)((Value >> 12) & 0xf);

    /// <summary>Node controller (bits 27–16).</summary>
    public int Node => (int)((Value >> NodeShift) & NodeMask);

    /// <summary>Whether the reserved bits 31–28 are clear.</summary>
    public bool IsValid => Value >> 28 == 0;

    /// <summary>Parses <c>0x11</c> or <c>17</c>.</summary>
    public static bool TryParse(string text, out NfitDeviceHandle handle)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool read = Fields.FieldText.TryParse(text, out ulong value) && value <= uint.MaxValue;
        handle = read ? new((uint)value) : default;
        return read;
    }

    /// <summary>The handle as ndctl prints it: <c>0x11</c>.</summary>
    public override string ToString() => $"0x{Value:x}";

    private static uint Nibble(int value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)value, 0xfu, name);
        return (uint)value;
    }
}
