using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>What a function of <c>_DSM</c> takes or gives: a buffer with fields.</summary>
public abstract class DsmPayload : BinaryStructure
{
    private protected DsmPayload()
    {
    }

    /// <summary>Reads a payload.</summary>
    /// <typeparam name="T">The payload of one function.</typeparam>
    /// <param name="bytes">The buffer.</param>
    /// <exception cref="PmemFormatException">A field is missing, or bytes are left that the function does not have.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> bytes)
        where T : DsmPayload, new()
    {
        var payload = new T();
        payload.ReadFrom(bytes, typeof(T).Name);
        return payload;
    }
}

/// <summary>The input of functions that take nothing.</summary>
public sealed class DsmNothing : DsmPayload
{
    internal override void Visit<T>(ref T fields)
    {
        // There are no fields.
    }
}

/// <summary>A payload that is known as bytes only.</summary>
public sealed class DsmBytes : DsmPayload
{
    /// <summary>The bytes.</summary>
    public byte[] Data = [];

    internal override void Visit<T>(ref T fields) => fields.Rest("data", ref Data);
}

/// <summary>
/// What a function gives: a status, and with it the fields of its answer. Firmware that fails may give the status alone
/// (<see cref="HasAnswer"/> is then false), and may append bytes (<see cref="Trailing"/>).
/// </summary>
public abstract class DsmOutput : DsmPayload
{
    /// <summary>Status: 0 is success; the other values depend on the family.</summary>
    public ushort Status;

    /// <summary>Extended status: its meaning depends on the function.</summary>
    public ushort ExtendedStatus;

    /// <summary>Whether the fields of the answer are there.</summary>
    public bool HasAnswer = true;

    /// <summary>Bytes behind the answer.</summary>
    public byte[] Trailing = [];

    private protected DsmOutput()
    {
    }

    internal sealed override void Visit<T>(ref T fields)
    {
        fields.UInt16("status", ref Status);
        fields.UInt16("extendedStatus", ref ExtendedStatus);
        if (fields.Optional(FirstField, ref HasAnswer))
            VisitAnswer(ref fields);
        fields.Rest("trailing", ref Trailing);
    }

    /// <summary>Name of the first field of the answer.</summary>
    private protected abstract string FirstField { get; }

    internal abstract void VisitAnswer<T>(ref T fields)
        where T : IFieldVisitor, allows ref struct;
}

/// <summary>The output of functions that give a status alone.</summary>
public sealed class DsmStatus : DsmOutput
{
    /// <summary>A status without an answer.</summary>
    public DsmStatus() => HasAnswer = false;

    private protected override string FirstField => "answer";

    internal override void VisitAnswer<T>(ref T fields)
    {
        // There is no answer: what follows is trailing.
    }
}
