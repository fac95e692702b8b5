namespace Pmem.Raw;

/// <summary>
/// Raw copies to and from device DAX, which has no read and write calls, and files (<c>daxio</c>). Reads survive media errors; what is written to
/// a device or a file goes through a <see cref="PersistentMap"/> and is durable at return.
/// </summary>
/// <remarks>
/// <para>A copy is not atomic. One that was interrupted is done again: it writes the same bytes to the same places.</para>
/// <para>Unlike daxio it copies from file to file too, and refuses, before it writes anything, a length for which an end has no room; daxio
/// copies less. Without a length both copy what fits.</para>
/// </remarks>
public static class RawCopy
{
    private const int Piece = 4 << 20;

    /// <summary>Copies.</summary>
    /// <exception cref="FileNotFoundException">There is no such input.</exception>
    /// <exception cref="MediaErrorException">The input has a media error; what lies before it was copied.</exception>
    /// <exception cref="PmemException">A range is outside an end, or an end cannot be read or written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RawCopyResult Run(RawEndpoint input, RawEndpoint output, RawCopyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        options ??= new RawCopyOptions();
        DemandDifferent(input, output);
        using RawSource source = RawSource.Open(input, options.Skip);
        using RawTarget target = RawTarget.Open(output, options.Seek);
        long? length = LengthOf(options.Length, source.Left, target.Room, input, output);
        BadBlock[] bad = Prepare(target, length, options);
        if (options.DryRun)
            return new RawCopyResult(length, Missing: 0, bad);
        byte[] buffer = new byte[Piece];
        long done = 0;
        try
        {
            while (length is null || done < length)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(Piece, (length ?? long.MaxValue) - done);
                int got = source.Read(buffer.AsSpan(0, wanted));
                target.Write(buffer.AsSpan(0, got));
                done += got;
                options.Progress?.Report(new RawCopyProgress(done, length));
                if (got < wanted)
                    break;
            }

            target.Complete();
        }
        catch
        {
            target.Abandon();
            throw;
        }

        Finish(options);
        return new RawCopyResult(done, (options.Length ?? done) - done, bad);
    }

    /// <summary>Fills the output with zeros (daxio <c>--zero</c>); <see cref="RawCopyOptions.Skip"/> means nothing here.</summary>
    /// <exception cref="PmemException">The range is outside the output, it is a stream without a length, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RawCopyResult Zero(RawEndpoint output, RawCopyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        options ??= new RawCopyOptions();
        using RawTarget target = RawTarget.Open(output, options.Seek);
        long length = LengthOf(options.Length, target.Present, target.Room, output, output)
            ?? throw new PmemException($"{output} does not say how long it is: say with a length how much of it is to be zeroed");
        BadBlock[] bad = Prepare(target, length, options);
        if (options.DryRun)
            return new RawCopyResult(length, Missing: 0, bad);
        try
        {
            for (long done = 0; done < length;)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                int piece = (int)Math.Min(Piece, length - done);
                target.Zero(piece);
                done += piece;
                options.Progress?.Report(new RawCopyProgress(done, length));
            }

            target.Complete();
        }
        catch
        {
            target.Abandon();
            throw;
        }

        Finish(options);
        return new RawCopyResult(length, Missing: 0, bad);
    }

    private static long? LengthOf(long? wanted, long? left, long? room, RawEndpoint input, RawEndpoint output)
    {
        if (wanted is < 0)
            throw new ArgumentOutOfRangeException(nameof(wanted), "a length is not negative");
        if (wanted is null)
            return left is null ? room : Math.Min(left.Value, room ?? long.MaxValue);
        if (wanted > room)
            throw new PmemException($"{output} has room for {room} bytes there, not for {wanted}");
        return !ReferenceEquals(input, output) && wanted > left ? throw new PmemException($"{input} has {left} bytes there, not {wanted}") : wanted;
    }

    /// <summary>What comes before the first store: the backup, and bad blocks.</summary>
    private static BadBlock[] Prepare(RawTarget target, long? length, RawCopyOptions options)
    {
        if (length is { } needed)
            target.DemandRoom(needed);
        if (options.BackupPath is { } backup && !options.DryRun)
            BackUp(target, length, backup, options);
        if (!options.ClearBadBlocks || target.BadBlockPath is not { } path)
            return [];
        long end = length is { } bytes ? options.Seek + bytes : long.MaxValue;
        BadBlock[] bad = [.. options.BadBlocks.Find(path).Where(block => block.Offset < end && block.End > options.Seek)];
        if (Array.Find(bad, block => block.Offset < options.Seek || block.End > end) is { Length: > 0 } wider)
            throw new PmemException($"the bad block at {wider.Offset} of {path} reaches over the range that is written: copy to all of it, or leave bad blocks as they are");
        foreach (BadBlock block in options.DryRun ? [] : bad)
            options.BadBlocks.Clear(path, block);
        return bad;
    }

    private static void BackUp(RawTarget target, long? length, string backup, RawCopyOptions options)
    {
        if (target.Present is null)
            throw new PmemException("only the content of a file or device can be backed up");
        if (target.Present == 0)
            return;
        string subject = $"{target.Endpoint.Path ?? target.Endpoint.ToString()}#{options.Seek}+{length}";
        if (BackupMark.IsUnfinished(backup, subject))
            return;
        NewFile.Demand(backup, "the backup");
        long present = Math.Min(length ?? long.MaxValue, target.Present.Value);
        BackupMark.Begin(backup, subject);
        string partial = BackupMark.BeginCopy(backup);
        try
        {
            // Nobody else's, until it is whole and as private as what it is a copy of.
            NewFile.CreatePrivate(partial).Dispose();
            Run(target.Endpoint, RawEndpoint.Of(partial), new RawCopyOptions { Skip = options.Seek, Length = present, Progress = options.Progress, Cancellation = options.Cancellation });
            using (var file = new FileStream(partial, FileMode.Open, FileAccess.Write))
                NewFile.GiveModeOf(file, target.Endpoint.Path);
            File.Move(partial, backup);
            PersistentMap.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(backup))!);
        }
        catch
        {
            File.Delete(partial);
            BackupMark.Finish(backup);
            throw;
        }
    }

    private static void Finish(RawCopyOptions options)
    {
        if (options.BackupPath is { } backup)
            BackupMark.Finish(backup);
    }

    private static void DemandDifferent(RawEndpoint input, RawEndpoint output)
    {
        if ((input.Map is not null && ReferenceEquals(input.Map, output.Map)) || (input.Path is { } from && output.Path is { } to && File.Exists(to) && LinkedFile.AreSame(from, to)))
            throw new PmemException($"{input} is input and output at once; copy to another file first");
    }
}
