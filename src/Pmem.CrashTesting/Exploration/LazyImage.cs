using System.Runtime.InteropServices;
using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// Explores a crash point by deciding what survived of a line only when it is read.
///
/// Recovery runs on the guaranteed image. A read of a pending line divides the line's possible contents into classes with equal bytes in
/// the range read, minus the bytes that recovery has overwritten; one class is taken, and the line is narrowed to it. The classes taken are
/// the path; when the run ends, the last decision that has another class takes it and recovery runs again, until no decision has another.
/// Each run stands for all images that agree with what it read.
/// </summary>
internal sealed class LazyImage : IMapObserver
{
    private const int LineSize = PersistencyModel.LineSize;

    private readonly ImageWalker _walker;
    private readonly List<Decision> _path = [];
    private readonly Dictionary<long, Undecided> _lines = [];
    private int _depth;
    private bool _patching;
    private PersistentMap? _map;

    private LazyImage(ImageWalker walker) => _walker = walker;

    private struct Decision
    {
        public int Class;
        public int Classes;
    }

    /// <summary>Runs all paths, at most <paramref name="budget"/>; returns whether these were all.</summary>
    public static bool Explore(ImageWalker walker, IImageVisitor visitor, int budget)
    {
        walker.ChooseAll(everything: false);
        if (walker.Lines.Any(l => l.Choices > 1 << 16))
            return ImageEnumeration.Sample(walker, visitor, budget, (ulong)walker.Point);
        var lazy = new LazyImage(walker);
        do
        {
            if (budget-- == 0 || !visitor.VisitLazily(walker, lazy))
                return false;
        }
        while (lazy.Advance());
        return true;
    }

    /// <summary>Runs a check on the current path.</summary>
    public void Run(Action<CrashState> check, CrashState state)
    {
        _depth = 0;
        _lines.Clear();
        foreach (PendingLine line in _walker.Lines)
            _lines.Add(line.Offset, new Undecided(line));
        _map = state.Map;
        _map.Observe(this);
        try
        {
            check(state);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new LazyFailureException(Name(), e);
        }
        finally
        {
            if (_map.Length > 0)
                _map.Observe(null);
        }
    }

    public bool OnRead(long offset, long length, bool survivesPoison)
    {
        if (_patching)
            return true;
        long end = offset + length;
        if (length > LineSize * (long)_lines.Count)
        {
            foreach (Undecided line in _lines.Values.OrderBy(l => l.Line.Offset))
            {
                if (line.Line.Offset + line.Line.Length > offset && line.Line.Offset < end)
                    Decide(line, Math.Max(offset, line.Line.Offset), Math.Min(end, line.Line.Offset + line.Line.Length));
            }

            return true;
        }

        for (long at = offset & -LineSize; at < end; at += LineSize)
        {
            if (_lines.TryGetValue(at, out Undecided? line))
                Decide(line, Math.Max(offset, at), Math.Min(end, at + line.Line.Length));
        }

        return true;
    }

    public void OnWrite(long offset, long length)
    {
        if (_patching)
            return;
        long end = offset + length;
        for (long at = offset & -LineSize; at < end; at += LineSize)
        {
            if (!_lines.TryGetValue(at, out Undecided? line))
                continue;
            for (long i = Math.Max(offset, at); i < Math.Min(end, at + LineSize); i++)
                line.Written |= 1UL << (int)(i - at);
        }
    }

    // The next path: the last decision with another class takes it, those behind it are made anew.
    private bool Advance()
    {
        while (_path.Count > 0)
        {
            ref Decision last = ref CollectionsMarshal.AsSpan(_path)[^1];
            if (++last.Class < last.Classes)
                return true;
            _path.RemoveAt(_path.Count - 1);
        }

        return false;
    }

    private void Decide(Undecided line, long from, long to)
    {
        if (line.Alive.Count < 2)
            return;
        int first = (int)(from - line.Line.Offset);
        int last = (int)(to - line.Line.Offset);
        var classes = new List<List<int>>();
        foreach (int candidate in line.Alive)
        {
            List<int>? same = classes.Find(c => Agree(line, c[0], candidate, first, last));
            if (same is null)
                classes.Add([candidate]);
            else
                same.Add(candidate);
        }

        if (classes.Count < 2)
            return;
        if (_depth == _path.Count)
            _path.Add(new Decision { Class = 0, Classes = classes.Count });
        line.Alive = classes[Math.Min(_path[_depth++].Class, classes.Count - 1)];
        Show(line);
    }

    private static bool Agree(Undecided line, int a, int b, int first, int last)
    {
        ReadOnlySpan<byte> one = line.Line.GetContent(a);
        ReadOnlySpan<byte> other = line.Line.GetContent(b);
        for (int i = first; i < last; i++)
        {
            if (one[i] != other[i] && (line.Written & (1UL << i)) == 0)
                return false;
        }

        return true;
    }

    private void Show(Undecided line)
    {
        _patching = true;
        ReadOnlySpan<byte> content = line.Line.GetContent(line.Alive[0]);
        for (int i = 0; i < content.Length; i++)
        {
            if ((line.Written & (1UL << i)) == 0)
                _map!.Store(line.Line.Offset + i, content[i]);
        }

        _patching = false;
    }

    private CrashImage Name()
    {
        var choices = new List<(long, long)>();
        foreach (Undecided line in _lines.Values.OrderBy(l => l.Line.Offset))
        {
            if (line.Alive[0] != 0)
                choices.Add((line.Line.Offset, line.Alive[0]));
        }

        return _walker.Name(choices, isPowerLoss: true);
    }

    private sealed class Undecided(PendingLine line)
    {
        public PendingLine Line { get; } = line;

        public List<int> Alive { get; set; } = [.. Enumerable.Range(0, (int)line.Choices)];

        public ulong Written { get; set; }
    }
}

/// <summary>A check failed on an image that was decided while it was read: carries the image's name.</summary>
internal sealed class LazyFailureException : Exception
{
    public LazyFailureException()
    {
    }

    public LazyFailureException(string message)
        : base(message)
    {
    }

    public LazyFailureException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public LazyFailureException(CrashImage image, Exception inner)
        : base(inner.Message, inner) => Image = image;

    public CrashImage Image { get; } = new(0, [], [], IsPowerLoss: true);
}
