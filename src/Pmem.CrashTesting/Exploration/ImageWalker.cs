using Pmem.CrashTesting.Model;

namespace Pmem.CrashTesting.Exploration;

/// <summary>Walks along a trace and shows, at each crash point, any of its images: patched line by line, with its hash at hand.</summary>
internal sealed class ImageWalker : IDisposable
{
    private readonly Trace _trace;
    private readonly PersistencyModel _model;
    private readonly List<string> _marks = [];
    private readonly CrashKind _kind;
    private readonly bool _ownsBuffer;
    private readonly List<(long Line, byte[] Content)> _undo = [];
    private readonly HashSet<long> _remembered = [];
    private string[]? _marksNow;
    private ImageHash _hash;
    private IReadOnlyList<PendingLine> _lines = [];
    private long[] _choices = [];
    private int _begun;
    private int _acknowledged;

    /// <summary>Starts with the trace's initial image, in a buffer of its own.</summary>
    public ImageWalker(Trace trace, CrashKind kind)
        : this(trace, kind, new ImageBuffer(trace.Initial, trace.Granularity)) => _ownsBuffer = true;

    /// <summary>Starts with the image that a buffer shows. Disposing the walker does not take the changes back.</summary>
    public ImageWalker(Trace trace, CrashKind kind, ImageBuffer buffer)
    {
        _trace = trace;
        _kind = kind;
        Buffer = buffer;

        // A line that has no pending stores is always shown as it is guaranteed, so the buffer is the model's memory.
        _model = new PersistencyModel(buffer.Image.Length, (line, content) => buffer.Image.Slice((int)line, content.Length).CopyTo(content), trace.Granularity, kind);
    }

    public ImageBuffer Buffer { get; }

    /// <summary>Events before the crash.</summary>
    public int Point { get; private set; }

    /// <summary>Lines with a choice at this point.</summary>
    public IReadOnlyList<PendingLine> Lines => _lines;

    /// <summary>Hash of how the image that is shown differs from the initial one.</summary>
    public ImageHash Hash => _hash;

    /// <summary>Marks and acknowledged operations: images are told apart by it, too, because more is demanded of them.</summary>
    public int Demands => _marks.Count + (_acknowledged << 12) + (_begun << 22);

    /// <summary>Goes on to a later point, with every line at its guaranteed content.</summary>
    public void MoveTo(int point)
    {
        ShowGuaranteed();
        for (; Point < point; Point++)
        {
            TraceEvent item = _trace.Events[Point];
            _model.Apply(item);
            if (item.Kind == TraceEventKind.Mark)
            {
                _marks.Add(item.Name!);
                _marksNow = null;
            }
            else if (item is { Kind: TraceEventKind.Note, Note: Tracing.TraceNote.OperationBegin })
            {
                _begun++;
            }
            else if (item is { Kind: TraceEventKind.Note, Note: Tracing.TraceNote.OperationEnd })
            {
                _acknowledged++;
            }
        }

        foreach ((long line, byte[] content) in _model.Changes)
            Patch(line, content);
        _model.ForgetChanges();
        _lines = _model.Pending;
        if (_choices.Length < _lines.Count)
            _choices = new long[_lines.Count * 2];
        else
            Array.Clear(_choices);
    }

    /// <summary>The choice of a line.</summary>
    public long this[int line] => _choices[line];

    /// <summary>Chooses a content for a line.</summary>
    public void Choose(int line, long choice)
    {
        if (_choices[line] == choice)
            return;
        _choices[line] = choice;
        Patch(_lines[line].Offset, _lines[line].GetContent(choice));
    }

    /// <summary>Every line with nothing, or everything, of what is not guaranteed.</summary>
    public void ChooseAll(bool everything)
    {
        for (int i = 0; i < _lines.Count; i++)
            Choose(i, everything ? _lines[i].Everything : 0);
    }

    /// <summary>Shows an image by name; false when a line or a choice does not exist at this point.</summary>
    public bool TryChoose(CrashImage image)
    {
        if (!image.IsPowerLoss)
        {
            ChooseAll(everything: true);
            return true;
        }

        ChooseAll(everything: false);
        foreach ((long offset, long choice) in image.Choices)
        {
            int index = IndexOf(offset);
            if (index < 0 || choice < 0 || choice >= _lines[index].Choices)
                return false;
            Choose(index, choice);
        }

        return true;
    }

    public int IndexOf(long offset)
    {
        for (int i = 0; i < _lines.Count; i++)
        {
            if (_lines[i].Offset == offset)
                return i;
        }

        return -1;
    }

    /// <summary>The name of the image that is shown.</summary>
    public CrashImage Name(bool isPowerLoss)
    {
        var choices = new List<(long, long)>();
        if (isPowerLoss)
        {
            for (int i = 0; i < _lines.Count; i++)
            {
                if (_choices[i] != 0)
                    choices.Add((_lines[i].Offset, _choices[i]));
            }
        }

        return Name(choices, isPowerLoss);
    }

    public CrashImage Name(List<(long Line, long Choice)> choices, bool isPowerLoss) => new(Point, choices, _marksNow ??= [.. _marks], isPowerLoss)
    {
        Kind = isPowerLoss ? _kind : CrashKind.ProcessKill,
        OperationsBegun = _begun,
        OperationsAcknowledged = _acknowledged,
    };

    /// <summary>Gives up the buffer, or puts back what it showed at the begin when it is somebody else's.</summary>
    public void Dispose()
    {
        if (_ownsBuffer)
        {
            Buffer.Dispose();
            return;
        }

        Buffer.Reset();
        foreach ((long line, byte[] content) in _undo)
            Buffer.Patch(line, content);
    }

    private void ShowGuaranteed()
    {
        for (int i = 0; i < _lines.Count; i++)
            Choose(i, 0);
    }

    private void Patch(long offset, ReadOnlySpan<byte> content)
    {
        Buffer.Reset();
        ReadOnlySpan<byte> now = Buffer.Image.Slice((int)offset, content.Length);
        if (!_ownsBuffer && _remembered.Add(offset))
            _undo.Add((offset, now.ToArray()));
        _hash = _hash.Without(offset, now).With(offset, content);
        Buffer.Patch(offset, content);
    }
}
