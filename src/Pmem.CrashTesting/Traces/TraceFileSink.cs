using System.Globalization;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Traces;

/// <summary>
/// Writes a trace file for each map of this process that anything is stored to. Every event is handed to the operating system before the
/// program goes on, so that the file holds all of them even when the process is killed; such a file only lacks its end.
/// </summary>
internal sealed class TraceFileSink : ITraceSink
{
    /// <summary>Environment variable with the first file's path.</summary>
    public const string PathVariable = "PMEM_CRASH_RECORD";

    private const int MaximumFiles = 10_000;

    private readonly string _path;
    private readonly Dictionary<PersistentMap, Recording> _recordings = [];

    private TraceFileSink(string path) => _path = path;

    /// <summary>Records all maps that are made from now on, until the process ends or the result is disposed.</summary>
    public static IDisposable Attach(string path)
    {
        var sink = new TraceFileSink(path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => sink.FinishAll();
        return PersistenceTrace.Attach(sink);
    }

    /// <summary>The path of one of several files: <c>x.pmtrace</c>, <c>x-2.pmtrace</c> and so on.</summary>
    public static string PathOf(string path, int number) => number == 1
        ? path
        : Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}"));

    void ITraceSink.OnMap(PersistentMap map)
    {
        if (map.IsReadOnly || map.IsCopyOnWrite)
            return;
        if (map.Length > TraceFormat.MaximumImage)
        {
            Console.Error.WriteLine($"pmem crash record: {map.Path ?? "a map"} has {map.Length >> 20} MiB and is not recorded: at most {TraceFormat.MaximumImage >> 20} MiB are");
            return;
        }

        lock (_recordings)
            _recordings[map] = new Recording(this, map);
    }

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        Recording? recording;
        lock (_recordings)
            _recordings.Remove(map, out recording);
        recording?.Dispose();
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        // Each recording hears of it itself; so with the rest.
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length)
    {
    }

    void ITraceSink.OnFence(PersistentMap map)
    {
    }

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length)
    {
    }

    void ITraceSink.OnMark(string name)
    {
    }

    private void FinishAll()
    {
        Recording[] all;
        lock (_recordings)
        {
            all = [.. _recordings.Values];
            _recordings.Clear();
        }

        foreach (Recording recording in all)
            recording.Dispose();
    }

    private FileStream? Open()
    {
        for (int number = 1; number <= MaximumFiles; number++)
        {
            string path = PathOf(_path, number);
            try
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another map's, or another process's: the next number then.
            }
        }

        return null;
    }

    /// <summary>One map and its file.</summary>
    private sealed class Recording : IDisposable
    {
        private readonly TraceFileSink _sink;
        private readonly PersistentMap _map;
        private readonly TraceRecorder _recorder;
        private readonly Lock _gate = new();
        private TraceWriter? _writer;
        private TraceFingerprint? _fingerprint;
        private FileStream? _file;
        private bool _isOver;

        public Recording(TraceFileSink sink, PersistentMap map)
        {
            _sink = sink;
            _map = map;
            _recorder = new TraceRecorder(map, captureStacks: true, output: Write);
        }

        /// <summary>Ends the file in order.</summary>
        public void Dispose()
        {
            _recorder.Stop();
            _recorder.Dispose();
            lock (_gate)
            {
                _isOver = true;
                if (_writer is null)
                    return;
                _writer.Finish(_fingerprint!.Value);
                _writer.Dispose();
                _file!.Dispose();
                _writer = null;
            }
        }

        private void Write(TraceEvent item)
        {
            lock (_gate)
            {
                if (_isOver)
                    return;
                try
                {
                    // A map that is only read leaves no file.
                    if (_writer is null && (_file = _sink.Open()) is not null)
                    {
                        _fingerprint = new TraceFingerprint(_recorder.Initial, _map.Granularity);
                        _writer = new TraceWriter(_file, _recorder.Initial, _map.Granularity);
                    }

                    _fingerprint?.Add(item);
                    _writer?.Write(item);
                    _writer?.Flush();
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // The program under test goes on; the trace ends here.
                    Console.Error.WriteLine($"pmem crash record: the trace cannot be written any further: {e.Message}");
                    _isOver = true;
                    _writer = null;
                    _file?.Dispose();
                }
            }
        }
    }
}
