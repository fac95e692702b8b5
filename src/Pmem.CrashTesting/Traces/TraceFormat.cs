namespace Pmem.CrashTesting.Traces;

/// <summary>
/// Numbers of the <c>.pmtrace</c> format (docs/formats/pmtrace.md): a header, frames with a checksum each, a footer event. Addresses are
/// differences to the end of the range before; integers are LEB128, signed ones zigzag.
/// </summary>
internal static class TraceFormat
{
    public const string Magic = "PMTRACE1";
    public const int HeaderSize = 48;
    public const int FrameHeaderSize = 8;
    public const int MaximumFrame = 64 << 20;
    public const int AtomicUnit = 8;

    /// <summary>Bytes of the largest map; arrays hold no more.</summary>
    public const long MaximumImage = 2047L << 20;

    public const byte DomainCacheLine = 1;
    public const byte DomainByte = 2;
    public const byte DomainPage = 3;

    /// <summary>Set on stores that were found by comparing.</summary>
    public const byte RawFlag = 0x80;

    public const byte Store = 0x01;
    public const byte Bulk = 0x02;
    public const byte NonTemporal = 0x03;
    public const byte ReadModifyWrite = 0x04;
    public const byte Flush = 0x05;
    public const byte Fence = 0x06;
    public const byte DeepFlush = 0x07;

    /// <summary>Notes follow in the order of <see cref="Tracing.TraceNote"/>.</summary>
    public const byte FirstNote = 0x10;
    public const byte Mark = 0x1F;
    public const byte String = 0x20;
    public const byte Stack = 0x21;
    public const byte At = 0x22;
    public const byte Initial = 0x30;
    public const byte End = 0x7F;
}
