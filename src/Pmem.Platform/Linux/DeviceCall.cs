using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Pmem.Platform.Dsm;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>Calls of a DIMM's or a bus's functions through the kernel: <c>ioctl</c> on <c>/dev/nmemN</c> and <c>/dev/ndctlN</c> (linux/ndctl.h).</summary>
internal static unsafe partial class DeviceCall
{
    private const nuint CallNumber = 0xC0404E0A;
    private const nuint LabelSizeNumber = 0xC00C4E04;
    private const nuint LabelReadNumber = 0xC00C4E05;
    private const nuint LabelWriteNumber = 0xC0084E06;
    private const nuint ClearErrorNumber = 0xC0204E04;
    private const int HeaderSize = 64;
    private const int ErrorAccess = 13;
    private const int ErrorNotPermitted = 1;
    private const int ErrorBusy = 16;
    private const int ErrorNoCommand = 25;
    private const int ErrorNotSupported = 95;

    /// <summary>Calls a function of a family.</summary>
    /// <typeparam name="T">What it gives.</typeparam>
    /// <param name="device">The device's file.</param>
    /// <param name="family">Linux's number of the family.</param>
    /// <param name="function">Number of the function.</param>
    /// <param name="input">What it takes.</param>
    /// <param name="outputSize">Bytes that it gives at most.</param>
    public static PlatformResult<T> Call<T>(string device, ulong family, ulong function, ReadOnlySpan<byte> input, int outputSize)
        where T : DsmOutput, new()
    {
        PlatformResult<byte[]> told = CallBytes(device, family, function, input, outputSize);
        if (told.Value is not { } answer)
            return told.As<T>();
        try
        {
            T output = DsmPayload.Parse<T>(answer);
            return output.Status == 0
                ? PlatformResult<T>.Done(output)
                : PlatformResult<T>.Refused(output.Status == 1 ? PlatformError.NotSupported : PlatformError.Failed, $"function {function} of {device} ended with status {output.Status}, {output.ExtendedStatus}", "ask the vendor of the firmware");
        }
        catch (PmemFormatException strange)
        {
            return PlatformResult<T>.Refused(PlatformError.Failed, $"function {function} of {device} gave an answer that it cannot give: {strange.Message}", "ask the vendor of the firmware");
        }
    }

    /// <summary>Calls a function of a family; whatever status it ends with is in the answer.</summary>
    public static PlatformResult<byte[]> CallBytes(string device, ulong family, ulong function, ReadOnlySpan<byte> input, int outputSize)
    {
        byte[] package = new byte[HeaderSize + input.Length + outputSize];
        BinaryPrimitives.WriteUInt64LittleEndian(package, family);
        BinaryPrimitives.WriteUInt64LittleEndian(package.AsSpan(8), function);
        BinaryPrimitives.WriteInt32LittleEndian(package.AsSpan(16), input.Length);
        BinaryPrimitives.WriteInt32LittleEndian(package.AsSpan(20), outputSize);
        input.CopyTo(package.AsSpan(HeaderSize));
        if (Send(device, CallNumber, package) is { } refusal)
            return refusal.As<byte[]>();

        // The firmware says how much it had to say, which may be more than there was room for.
        uint given = BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(HeaderSize - 4));
        return PlatformResult<byte[]>.Done(package[(HeaderSize + input.Length)..(HeaderSize + input.Length + (int)Math.Min(given, (uint)outputSize))]);
    }

    /// <summary>Bytes of a DIMM's label storage area, and how many go through in one call.</summary>
    public static (int Size, int MaximumTransfer)? ReadLabelSize(string device)
    {
        byte[] package = new byte[12];
        if (Send(device, LabelSizeNumber, package) is not null || BinaryPrimitives.ReadUInt32LittleEndian(package) != 0)
            return null;
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(4));
        uint transfer = BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(8));
        return size is 0 or > Labels.LabelAreaGeometry.MaximumAreaSize || transfer == 0 ? null : ((int)size, (int)Math.Min(transfer, size));
    }

    /// <summary>Reads a part of a label storage area.</summary>
    public static PlatformResult<string> ReadLabels(string device, int offset, Span<byte> destination)
    {
        byte[] package = new byte[12 + destination.Length];
        BinaryPrimitives.WriteInt32LittleEndian(package, offset);
        BinaryPrimitives.WriteInt32LittleEndian(package.AsSpan(4), destination.Length);
        PlatformResult<string>? refusal = Send(device, LabelReadNumber, package) ?? Demand(device, BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(8)));
        package.AsSpan(12).CopyTo(destination);
        return refusal ?? PlatformResult<string>.Done(device);
    }

    /// <summary>Writes a part of a label storage area. The kernel lets nobody do it while the DIMM is part of an enabled region.</summary>
    public static PlatformResult<string> WriteLabels(string device, int offset, ReadOnlySpan<byte> source)
    {
        byte[] package = new byte[12 + source.Length];
        BinaryPrimitives.WriteInt32LittleEndian(package, offset);
        BinaryPrimitives.WriteInt32LittleEndian(package.AsSpan(4), source.Length);
        source.CopyTo(package.AsSpan(8));
        return Send(device, LabelWriteNumber, package) ?? Demand(device, BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(8 + source.Length))) ?? PlatformResult<string>.Done(device);
    }

    /// <summary>Clears errors in a range of system addresses; the kernel refuses where an active namespace is.</summary>
    public static PlatformResult<string> ClearError(string bus, AddressRange range)
    {
        byte[] package = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(package, range.Address);
        BinaryPrimitives.WriteUInt64LittleEndian(package.AsSpan(8), range.Length);
        return Send(bus, ClearErrorNumber, package) ?? Demand(bus, BinaryPrimitives.ReadUInt32LittleEndian(package.AsSpan(16))) ?? PlatformResult<string>.Done(bus);
    }

    private static PlatformResult<string>? Demand(string device, uint status) =>
        status == 0 ? null : PlatformResult<string>.Refused(PlatformError.Failed, $"the firmware behind {device} ended with status 0x{status:x}", "ask the vendor of the firmware");

    private static PlatformResult<string>? Send(string device, nuint number, byte[] package)
    {
        try
        {
            // For reading alone the kernel would let only some of the calls through.
            using SafeFileHandle file = File.OpenHandle(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            int error = 0;

            // SAFETY: the kernel reads and writes within the lengths that the package says, which are those of the array.
            fixed (byte* bytes = package)
                error = Control((int)file.DangerousGetHandle(), number, bytes) < 0 ? Marshal.GetLastPInvokeError() : 0;
            return error switch
            {
                0 => null,
                ErrorAccess or ErrorNotPermitted => NoRight(device),
                ErrorBusy => PlatformResult<string>.Refused(PlatformError.Busy, $"{device} is in use: a region or a namespace of it is enabled, or a scrub is under way", "disable these, or wait"),
                ErrorNoCommand or ErrorNotSupported => PlatformResult<string>.Refused(PlatformError.NotSupported, $"{device} does not have this function", "ask the vendor of the firmware"),
                _ => PlatformResult<string>.Refused(PlatformError.Failed, $"the kernel refused a call of {device}: {Marshal.GetPInvokeErrorMessage(error)}", "look into the kernel's log"),
            };
        }
        catch (UnauthorizedAccessException)
        {
            return NoRight(device);
        }
        catch (IOException gone)
        {
            return PlatformResult<string>.Refused(PlatformError.NotSupported, $"{device} cannot be opened: {gone.Message}", "check that /dev is there");
        }
    }

    private static PlatformResult<string> NoRight(string device) => PlatformResult<string>.Refused(PlatformError.NoPermission, $"{device} may not be opened", "run as root");

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int fd, nuint number, byte* argument);
}
