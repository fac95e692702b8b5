using Pmem.Platform.Model;

namespace Pmem.Platform.Dsm;

/// <summary>Calls a function of one module; the answer is bytes, whatever status is in them.</summary>
/// <param name="function">Number of the function.</param>
/// <param name="input">What it takes.</param>
/// <param name="outputSize">Bytes that it gives at most.</param>
public delegate PlatformResult<byte[]> ModuleCall(int function, ReadOnlySpan<byte> input, int outputSize);

/// <summary>
/// Sends firmware to a module by Intel's functions 12 to 16, in their order: information, start, pieces, end, question for the outcome. The module keeps the version that it
/// runs until all of the image arrived and was found good; whoever is interrupted begins again. Not more than one update of a module at a time.
/// </summary>
public static class IntelFirmwareUpdate
{
    /// <summary>Bytes of the answer of function 12.</summary>
    public const int InfoSize = 44;

    private const int Info = 12;
    private const int Start = 13;
    private const int Send = 14;
    private const int Finish = 15;
    private const int Query = 16;
    private const int StatusSize = 4;
    private const int Tries = 3;
    private const uint MaximumPiece = 64 << 10;
    private const uint MaximumMicroseconds = 600_000_000;

    // Extended statuses of functions 13, 15 and 16.
    private const ushort StartBusy = 1;
    private const ushort QueryBusy = 2;
    private const ushort BadImage = 3;
    private const byte Abort = 1;

    /// <summary>Sends an image.</summary>
    /// <param name="dimm">Name of the module, for messages.</param>
    /// <param name="call">Calls its functions.</param>
    /// <param name="image">The image.</param>
    /// <param name="options">How; arming is the caller's.</param>
    /// <returns>What the module found in the image.</returns>
    /// <exception cref="OperationCanceledException">It was given up; the module was told.</exception>
    public static PlatformResult<FirmwareQueryOutput> Run(string dimm, ModuleCall call, ReadOnlyMemory<byte> image, FirmwareUpdateOptions options)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(options);
        PlatformResult<FirmwareInfoOutput> told = Ask<FirmwareInfoOutput>(dimm, call, Info, null, InfoSize);
        if (told.Value is not { } info)
            return told.As<FirmwareQueryOutput>();
        if (info is not { Status: 0, HasAnswer: true } || info.MaximumSendLength == 0)
            return Refused($"{dimm} does not say how it takes firmware (status {info.Status}, {info.ExtendedStatus})");
        if (image.Length == 0)
            return PlatformResult<FirmwareQueryOutput>.Refused(PlatformError.BadValue, "the image of the firmware is empty", "take the file that the vendor of the module gives");
        if (image.Length > info.StorageSize)
            return PlatformResult<FirmwareQueryOutput>.Refused(PlatformError.NoSpace, $"the image has {image.Length} bytes, and {dimm} takes {info.StorageSize} at most", "take the file that the vendor of the module gives");
        PlatformResult<DsmNumberOutput> begun = Begin(dimm, call, options.Force);
        if (begun.Value is not { } start)
            return begun.As<FirmwareQueryOutput>();
        bool isFinished = false;
        try
        {
            if (SendAll(dimm, call, start.Value, image, (int)Math.Min(info.MaximumSendLength, MaximumPiece), options) is { } refusal)
                return refusal;
            PlatformResult<DsmStatus> ended = Ask<DsmStatus>(dimm, call, Finish, new FirmwareFinishInput { Context = start.Value }, StatusSize);
            if (ended.Value is not { } end)
                return ended.As<FirmwareQueryOutput>();
            isFinished = true;
            return end.Status switch
            {
                0 => Await(dimm, call, start.Value, info, options.Cancellation),
                (ushort)IntelStatus.FunctionSpecific when end.ExtendedStatus == BadImage => Rejected(dimm),
                (ushort)IntelStatus.Retry => PlatformResult<FirmwareQueryOutput>.Refused(PlatformError.Busy, $"{dimm} is busy with something else, such as a scrub", "wait for its end: 'pmem scrub wait'"),
                _ => Refused($"{dimm} did not take the end of the update (status {end.Status}, {end.ExtendedStatus})"),
            };
        }
        finally
        {
            if (!isFinished)
                Ask<DsmStatus>(dimm, call, Finish, new FirmwareFinishInput { Flags = Abort, Context = start.Value }, StatusSize);
        }
    }

    /// <summary>Starts an update; forced, whatever was begun before is given up.</summary>
    private static PlatformResult<DsmNumberOutput> Begin(string dimm, ModuleCall call, bool force)
    {
        for (int i = 1; ; i++)
        {
            PlatformResult<DsmNumberOutput> told = Ask<DsmNumberOutput>(dimm, call, Start, null, StatusSize + sizeof(uint));
            if (told.Value is not { Status: not 0 } refused)
                return told;
            bool isBusy = refused is { Status: (ushort)IntelStatus.FunctionSpecific, ExtendedStatus: StartBusy };
            if (!isBusy)
                return Refused($"{dimm} does not begin an update (status {refused.Status}, {refused.ExtendedStatus})").As<DsmNumberOutput>();
            if (!force || i == Tries)
                return PlatformResult<DsmNumberOutput>.Refused(PlatformError.Busy, $"{dimm} is busy with another update of its firmware", "wait for its end, or force this one");
            Ask<DsmStatus>(dimm, call, Finish, new FirmwareFinishInput { Flags = Abort, Context = refused.Value }, StatusSize);
        }
    }

    private static PlatformResult<FirmwareQueryOutput>? SendAll(string dimm, ModuleCall call, uint context, ReadOnlyMemory<byte> image, int piece, FirmwareUpdateOptions options)
    {
        for (int at = 0; at < image.Length; at += piece)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            int length = Math.Min(piece, image.Length - at);
            PlatformResult<DsmStatus> told = Ask<DsmStatus>(dimm, call, Send, new FirmwareDataInput { Context = context, Offset = (uint)at, Data = image.Slice(at, length).ToArray() }, StatusSize);
            if (told.Value is not { } sent)
                return told.As<FirmwareQueryOutput>();
            if (sent.Status != 0)
                return Refused($"{dimm} did not take {length} bytes at {at} of the image (status {sent.Status}, {sent.ExtendedStatus})");
            options.Progress?.Report((double)(at + length) / image.Length);
        }

        return null;
    }

    private static PlatformResult<FirmwareQueryOutput> Await(string dimm, ModuleCall call, uint context, FirmwareInfoOutput info, CancellationToken cancellation)
    {
        var pause = TimeSpan.FromMicroseconds(Math.Clamp(info.QueryIntervalMicroseconds, 100, 1_000_000));
        var patience = TimeSpan.FromMicroseconds(Math.Min(info.MaximumQueryMicroseconds, MaximumMicroseconds));
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            PlatformResult<FirmwareQueryOutput> told = Ask<FirmwareQueryOutput>(dimm, call, Query, new FirmwareQueryInput { Context = context }, StatusSize + sizeof(ulong));
            if (told.Value is not { } answer)
                return told;
            if (answer.Status == 0)
                return answer.Revision != 0 ? told : Refused($"{dimm} took the image, and has no new version");
            if (answer is not { Status: (ushort)IntelStatus.FunctionSpecific, ExtendedStatus: QueryBusy })
                return answer is { Status: (ushort)IntelStatus.FunctionSpecific, ExtendedStatus: BadImage } ? Rejected(dimm) : Refused($"the update of {dimm} failed (status {answer.Status}, {answer.ExtendedStatus})");
            if (System.Diagnostics.Stopwatch.GetElapsedTime(began) > patience)
                return Refused($"{dimm} did not end the update in the time that it said");
            cancellation.WaitHandle.WaitOne(pause);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static PlatformResult<T> Ask<T>(string dimm, ModuleCall call, int function, DsmPayload? input, int size)
        where T : DsmOutput, new()
    {
        PlatformResult<byte[]> told = call(function, input is null ? [] : input.ToBytes(), size);
        if (told.Value is not { } bytes)
            return told.As<T>();
        try
        {
            return PlatformResult<T>.Done(DsmPayload.Parse<T>(bytes));
        }
        catch (PmemFormatException strange)
        {
            return PlatformResult<T>.Refused(PlatformError.Failed, $"function {function} of {dimm} gave an answer that it cannot give: {strange.Message}", "ask the vendor of the module");
        }
    }

    private static PlatformResult<FirmwareQueryOutput> Rejected(string dimm) =>
        PlatformResult<FirmwareQueryOutput>.Refused(PlatformError.BadValue, $"{dimm} rejected the image: it is damaged, or not for this module", "take the file that the vendor of the module gives");

    private static PlatformResult<FirmwareQueryOutput> Refused(string message) => PlatformResult<FirmwareQueryOutput>.Refused(PlatformError.Failed, message, "try again, or ask the vendor of the module");
}
