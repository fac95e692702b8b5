using System.Buffers.Binary;
using Pmem.Platform.Dsm;

namespace Pmem.Platform.Acpi;

/// <summary>
/// The health registers behind a module's methods of Intel's family (<see cref="NvdimmDevice.HealthAddress"/>): the answers to functions 1 and 2 as they are given, whether
/// function 10 latched the shutdown status, what function 18 injected, and the answer to function 19. The layout is this library's own.
/// </summary>
public sealed record NvdimmHealthRegisters
{
    internal const int SmartSize = 132;
    internal const int ThresholdsSize = 12;

    /// <summary>Where the answer to function 19 is.</summary>
    internal const int SecurityPosition = 0xb0;
    internal const int SecuritySize = 12;

    /// <summary>Bit of the flags: what is true is kept beside what is said.</summary>
    internal const uint TruthKept = 0x8000_0000;

    private const int LatchPosition = 0x98;
    private const int FlagsPosition = 0x9c;
    private const int TruthPosition = 0xa0;
    private const int InjectedPosition = 0xaa;

    /// <summary>What the module says of its health.</summary>
    public required IntelSmartOutput Smart { get; init; }

    /// <summary>At which values it raises alarms.</summary>
    public required IntelThresholdsOutput Thresholds { get; init; }

    /// <summary>Whether the shutdown status is latched, so that an unsafe shutdown will be counted.</summary>
    public bool IsLatched { get; init; }

    /// <summary>Injected media temperature in sixteenths of a degree, null for none.</summary>
    public ushort? InjectedMediaTemperature { get; init; }

    /// <summary>Injected spares in percent, null for none.</summary>
    public byte? InjectedSpares { get; init; }

    /// <summary>Whether a fatal error is injected.</summary>
    public bool IsFatalInjected { get; init; }

    /// <summary>Whether an unsafe shutdown is injected.</summary>
    public bool IsUnsafeShutdownInjected { get; init; }

    /// <summary>What the module says when nothing is injected; null for <see cref="Smart"/>. Its alarms are not kept: they follow from the rest.</summary>
    public IntelSmartOutput? Truth { get; init; }

    /// <summary>The state of its security. A locked module gives no labels; freezing (function 23) sets bit 3 where a passphrase is set and the module is not locked.</summary>
    public SecurityStateOutput Security { get; init; } = new();

    /// <summary>Reads the registers.</summary>
    /// <param name="bytes">At least <see cref="NvdimmDevice.HealthRegistersSize"/> bytes.</param>
    /// <exception cref="PmemFormatException">There are fewer bytes.</exception>
    public static NvdimmHealthRegisters Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < NvdimmDevice.HealthRegistersSize)
            throw new PmemFormatException("health registers", 0, $"{NvdimmDevice.HealthRegistersSize} bytes", $"{bytes.Length}");
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FlagsPosition..]);
        return new NvdimmHealthRegisters
        {
            Smart = DsmPayload.Parse<IntelSmartOutput>(bytes[..SmartSize]),
            Thresholds = DsmPayload.Parse<IntelThresholdsOutput>(bytes.Slice((int)NvdimmDevice.ThresholdsPosition, ThresholdsSize)),
            IsLatched = BinaryPrimitives.ReadUInt32LittleEndian(bytes[LatchPosition..]) != 0,
            InjectedMediaTemperature = (flags & 1) != 0 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[InjectedPosition..]) : null,
            InjectedSpares = (flags & 2) != 0 ? bytes[InjectedPosition + 2] : null,
            IsFatalInjected = (flags & 4) != 0,
            IsUnsafeShutdownInjected = (flags & 8) != 0,
            Truth = (flags & TruthKept) == 0 ? null : ReadTruth(bytes),
            Security = DsmPayload.Parse<SecurityStateOutput>(bytes.Slice(SecurityPosition, SecuritySize)),
        };
    }

    /// <summary>The registers as bytes.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[NvdimmDevice.HealthRegistersSize];
        Smart.WriteTo(bytes);
        Thresholds.WriteTo(bytes.AsSpan((int)NvdimmDevice.ThresholdsPosition));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(LatchPosition), IsLatched ? 1u : 0);
        uint flags = (InjectedMediaTemperature is null ? 0u : 1) | (InjectedSpares is null ? 0u : 2) | (IsFatalInjected ? 4u : 0) | (IsUnsafeShutdownInjected ? 8u : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FlagsPosition), flags | (Truth is null ? 0 : TruthKept));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(InjectedPosition), InjectedMediaTemperature ?? 0);
        bytes[InjectedPosition + 2] = InjectedSpares ?? 0;
        Security.WriteTo(bytes.AsSpan(SecurityPosition));
        if (Truth is not { } truth)
            return bytes;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(TruthPosition), truth.MediaTemperature);
        bytes[TruthPosition + 2] = truth.SparesPercentage;
        bytes[TruthPosition + 3] = truth.Health;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(TruthPosition + 4), truth.ShutdownCount);
        bytes[TruthPosition + 8] = truth.LastShutdownStatus;
        return bytes;
    }

    private static IntelSmartOutput ReadTruth(ReadOnlySpan<byte> bytes)
    {
        IntelSmartOutput truth = DsmPayload.Parse<IntelSmartOutput>(bytes[..SmartSize]);
        truth.MediaTemperature = BinaryPrimitives.ReadUInt16LittleEndian(bytes[TruthPosition..]);
        truth.SparesPercentage = bytes[TruthPosition + 2];
        truth.Health = bytes[TruthPosition + 3];
        truth.ShutdownCount = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(TruthPosition + 4)..]);
        truth.LastShutdownStatus = bytes[TruthPosition + 8];
        return truth;
    }
}
