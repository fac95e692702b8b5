using System.Text.Json;

namespace Pmem.Tool;

/// <summary>Writes JSON objects, one a line.</summary>
internal sealed class JsonLines(Stream target) : IDisposable
{
    private readonly Utf8JsonWriter _writer = new(target);

    /// <summary>Starts an object; its members go to the result.</summary>
    public Utf8JsonWriter Begin()
    {
        _writer.WriteStartObject();
        return _writer;
    }

    /// <summary>Ends the object and the line.</summary>
    public void End()
    {
        _writer.WriteEndObject();
        _writer.Flush();
        _writer.Reset();
        target.WriteByte((byte)'\n');
    }

    public void Dispose() => _writer.Dispose();
}
