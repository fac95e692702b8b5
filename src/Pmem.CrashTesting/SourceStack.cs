using System.Diagnostics;
using System.Reflection;
using Pmem.CrashTesting.Traces;

namespace Pmem.CrashTesting;

/// <summary>One call on a stack.</summary>
/// <param name="Assembly">Simple name of the assembly.</param>
/// <param name="Method">Type and method.</param>
/// <param name="File">Source file, or null when no symbols are there.</param>
/// <param name="Line">Line in it, 1 for the first; 0 when not known.</param>
public sealed record SourceFrame(string Assembly, string Method, string? File, int Line)
{
    /// <summary><c>File.cs:12</c>, or the method when the line is not known.</summary>
    public string Where => File is null ? Method : $"{Path.GetFileName(File)}:{Line}";

    /// <summary>Whether the frame is one of this library's, not the program's.</summary>
    public bool IsLibrary => Assembly is "Pmem" or "Pmem.Pools" or "Pmem.Objects" or "Pmem.Logs" or "Pmem.Blocks" or "Pmem.CrashTesting";

    /// <summary>Method and line.</summary>
    public override string ToString() => File is null ? Method : $"{Method} in {File}:line {Line}";
}

/// <summary>Where in a program something happened: the calls, innermost first, without those of the tracer. Lines are looked up when asked for.</summary>
public sealed class SourceStack
{
    private const int MaximumFrames = 12;

    private readonly (MethodBase Method, int Offset)[] _calls;
    private SourceFrame[]? _frames;

    private SourceStack((MethodBase Method, int Offset)[] calls, int place)
    {
        _calls = calls;
        Place = place;
    }

    internal SourceStack(SourceFrame[] frames)
    {
        _calls = [];
        _frames = frames;
    }

    /// <summary>The calls, innermost first.</summary>
    public IReadOnlyList<SourceFrame> Frames => _frames ??= [.. _calls.Select(c => SourceLines.Find(c.Method, c.Offset))];

    /// <summary>The innermost call that is not this library's, or the innermost of all.</summary>
    public SourceFrame? User => Frames.FirstOrDefault(f => !f.IsLibrary) ?? (Frames.Count > 0 ? Frames[0] : null);

    /// <summary>The innermost call, in this library or not: the place that made the event.</summary>
    public SourceFrame? Site => Frames.Count > 0 ? Frames[0] : null;

    /// <summary>Where in its method the innermost call is, in machine code: tells calls apart whose lines the compiler has merged.</summary>
    internal int Place { get; }

    /// <summary>Takes the stack of this thread; equal stacks are the same object.</summary>
    internal static SourceStack Capture(Dictionary<StackKey, SourceStack> known)
    {
        var trace = new StackTrace(2, fNeedFileInfo: false);
        var calls = new List<(MethodBase, int)>(MaximumFrames);
        int count = trace.FrameCount;
        int place = 0;
        for (int i = 0; i < count && calls.Count < MaximumFrames; i++)
        {
            StackFrame frame = trace.GetFrame(i)!;
            if (frame.GetMethod() is not { DeclaringType: { } type } method)
                continue; // a stub made at run time, such as reflection's: it has neither token nor source
            Assembly assembly = type.Assembly;
            if (assembly == typeof(SourceStack).Assembly)
            {
                if (calls.Count > 0)
                    break; // the test engine, which called the program
                continue;
            }

            if (calls.Count == 0 && assembly == typeof(PersistentMap).Assembly)
                continue;
            if (calls.Count == 0)
                place = frame.GetNativeOffset();
            calls.Add((method, frame.GetILOffset()));
        }

        var key = new StackKey([.. calls], place);
        if (!known.TryGetValue(key, out SourceStack? stack))
            known[key] = stack = new SourceStack([.. calls], place);
        return stack;
    }

    internal readonly struct StackKey((MethodBase Method, int Offset)[] calls, int place) : IEquatable<StackKey>
    {
        private readonly (MethodBase Method, int Offset)[] _calls = calls;
        private readonly int _place = place;

        public bool Equals(StackKey other) => _place == other._place && _calls.AsSpan().SequenceEqual(other._calls);

        public override bool Equals(object? obj) => obj is StackKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            foreach ((MethodBase method, int offset) in _calls)
            {
                hash.Add(method.MetadataToken);
                hash.Add(offset);
            }

            return hash.ToHashCode();
        }
    }
}
