using System.Text;

namespace Pmem.Tool.Persona;

/// <summary>Standard input, output and error of the persona, whose output is bytes: a signature or a name on media need not be text.</summary>
internal sealed class Terminal : IDisposable
{
    public Terminal(Stream output, Stream error, TextReader input, bool asksPerson)
    {
        Bytes = output;
        Out = new RawTextWriter(output);
        Error = new RawTextWriter(error);
        Input = input;
        AsksPerson = asksPerson;
    }

    /// <summary>Standard output as bytes; <see cref="Out"/> is to be flushed before.</summary>
    public Stream Bytes { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    public TextReader Input { get; }

    /// <summary>Whether a person types the answers, so that they need not be echoed.</summary>
    public bool AsksPerson { get; }

    public static Terminal OfProcess() => new(Console.OpenStandardOutput(), Console.OpenStandardError(), Console.In, !Console.IsInputRedirected);

    /// <summary>Bytes as a string that <see cref="Out"/> writes as these bytes.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (byte value in bytes)
            text.Append(value < 0x80 ? (char)value : (char)(RawTextWriter.FirstRaw + value));
        return text.ToString();
    }

    /// <summary>Says what is wrong as pmempool does; returns its exit code.</summary>
    public int Fail(string message)
    {
        Error.Write($"error: {message}\n");
        return 1;
    }

    /// <summary>Asks until the answer is yes or no; a question mark when input ends.</summary>
    public char Ask(string question)
    {
        char answer = '\0';
        while (answer == '\0')
        {
            Out.Write($"{question} [Y/n] ");
            Out.Flush();
            string? line = Input.ReadLine();
            if (line is null)
                Fail("input is empty");
            answer = line switch
            {
                null => '?',
                "" => 'y',
                _ when line[1..] is "" or "es" && char.ToLowerInvariant(line[0]) == 'y' => 'y',
                _ when line[1..] is "" or "o" && char.ToLowerInvariant(line[0]) == 'n' => 'n',
                _ => '\0',
            };
        }

        if (!AsksPerson)
            Out.Write($"{answer}\n");
        return answer;
    }

    public void Dispose()
    {
        Out.Dispose();
        Error.Dispose();
    }

    /// <summary>UTF-8, except that a character from U+DC80 to U+DCFF is the byte from 0x80 to 0xFF.</summary>
    private sealed class RawTextWriter(Stream target) : TextWriter
    {
        public const int FirstRaw = 0xDC00;

        private readonly byte[] _buffer = new byte[1 << 16];
        private int _used;
        private char _high;

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            if (_used > _buffer.Length - 8)
                Send();
            if (value < 0x80)
                _buffer[_used++] = (byte)value;
            else if (char.IsHighSurrogate(value))
                _high = value;
            else if (_high == 0 && value is >= (char)(FirstRaw + 0x80) and <= (char)(FirstRaw + 0xFF))
                _buffer[_used++] = (byte)value;
            else
                Encode(value);
        }

        public override void Write(string? value)
        {
            foreach (char each in value ?? string.Empty)
                Write(each);
        }

        public override void WriteLine(string? value)
        {
            Write(value);
            Write('\n');
        }

        public override void WriteLine() => Write('\n');

        public override void Flush()
        {
            Send();
            target.Flush();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                Flush();
            base.Dispose(disposing);
        }

        private void Encode(char value)
        {
            ReadOnlySpan<char> whole = _high == 0 ? [value] : [_high, value];
            _used += Encoding.UTF8.GetBytes(whole, _buffer.AsSpan(_used));
            _high = '\0';
        }

        private void Send()
        {
            target.Write(_buffer.AsSpan(0, _used));
            _used = 0;
        }
    }
}
