using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>The label storage area of a DIMM, through the kernel, in pieces that its firmware takes.</summary>
internal sealed class LinuxLabelStorage(string device, int size, int transfer) : ILabelStorage
{
    public int Size => size;

    public static LinuxLabelStorage? Open(string device) => DeviceCall.ReadLabelSize(device) is (int size, int transfer) ? new LinuxLabelStorage(device, size, transfer) : null;

    public void Read(int offset, Span<byte> destination)
    {
        for (int at = 0; at < destination.Length; at += transfer)
            DeviceCall.ReadLabels(device, offset + at, destination.Slice(at, Math.Min(transfer, destination.Length - at))).Demand();
    }

    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        for (int at = 0; at < source.Length; at += transfer)
            DeviceCall.WriteLabels(device, offset + at, source.Slice(at, Math.Min(transfer, source.Length - at))).Demand();
    }
}
