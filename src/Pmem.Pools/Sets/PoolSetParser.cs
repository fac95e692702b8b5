using System.Text;

namespace Pmem.Pools.Sets;

/// <summary>
/// The grammar of set files, line by line as PMDK reads it (docs/formats/poolsets.md has the table). What is an error there is one here, on the
/// same line and with the same words; where C goes on with nonsense (sizes that overflow, a NUL in the text) this stops.
/// </summary>
internal sealed class PoolSetParser(string path)
{
    private const string FirstLine = "the first line must be exactly 'PMEMPOOLSET'";
    private const string OnlyReplica = "exactly 'REPLICA' expected";
    private const string InvalidToken = "invalid token found in the current line";
    private const string RemoteExpected = "address of remote node and descriptor of remote pool set expected";
    private const string WrongSize = "incorrect format of size";
    private const string CannotReadSize = "cannot determine size of a part";
    private const string AbsolutePathExpected = "incorrect path (must be an absolute one)";
    private const string RelativePathExpected = "incorrect descriptor (must be a relative path)";
    private const string NoSetParts = "no pool set parts";
    private const string NoReplicaParts = "no replica parts";
    private const string UnexpectedParts = "unexpected parts for remote replica";
    private const string UnknownOption = "unknown option";
    private const string OptionExpected = "missing option name";
    private const string Mixed = "cannot mix directories and files in a set";
    private const string SameDirectory = "cannot use the same directory twice";

    private readonly List<Draft> _replicas = [];
    private PoolSetOptions _options;
    private bool _directoryBased;
    private int _line;

    // PMDK counts the parts since the last local REPLICA line, across remote replicas.
    private int _parts;

    private sealed class Draft
    {
        public List<PoolSetPart> Parts { get; } = [];

        public List<PoolSetDirectory> Directories { get; } = [];

        public PoolSetRemote? Remote { get; init; }
    }

    /// <summary>Parses the whole text.</summary>
    public PoolSetFile Parse(ReadOnlySpan<byte> text)
    {
        _line = 1;
        if (!TakeLine(ref text, out ReadOnlySpan<byte> first) || !first.SequenceEqual("PMEMPOOLSET\n"u8))
            throw Error(FirstLine, "PMEMPOOLSET", first);
        _replicas.Add(new Draft());
        for (_line = 2; TakeLine(ref text, out ReadOnlySpan<byte> line); _line++)
        {
            if (line.Contains((byte)0))
                throw Error(InvalidToken, "text", line);
            if (line.EndsWith("\n"u8))
                line = line[..^1];
            if (line.IsEmpty || line[0] == '#')
                continue;
            int comment = line.IndexOf((byte)'#');
            ParseLine(comment < 0 ? line : line[..comment]);
        }

        if (_parts == 0)
            throw Error(_replicas.Count == 1 ? NoSetParts : NoReplicaParts, "a size and a path", "the end of the file"u8);
        return new PoolSetFile(path, _options, [.. _replicas.Select(draft => new PoolSetReplica(draft.Parts, draft.Directories, draft.Remote))]);
    }

    /// <summary>Cuts the next line off, with its line feed; a carriage return before that is dropped.</summary>
    private static bool TakeLine(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> line)
    {
        int end = text.IndexOf((byte)'\n');
        line = end < 0 ? text : text[..(end + 1)];
        text = text[line.Length..];
        if (line.EndsWith("\r\n"u8))
        {
            byte[] unix = line[..^1].ToArray();
            unix[^1] = (byte)'\n';
            line = unix;
        }

        return !line.IsEmpty;
    }

    private void ParseLine(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("OPTION"u8))
            ParseOptions(line["OPTION".Length..]);
        else if (line.StartsWith("REPLICA"u8))
            ParseReplica(line, line["REPLICA".Length..]);
        else if (_replicas[^1].Remote is not null)
            throw Error(UnexpectedParts, "REPLICA", line);
        else
            ParsePart(line);
    }

    private void ParseOptions(ReadOnlySpan<byte> rest)
    {
        if (!TakeToken(ref rest, out string name))
            throw Error(OptionExpected, "SINGLEHDR or NOHDRS", rest);
        do
        {
            _options |= name switch
            {
                "SINGLEHDR" => PoolSetOptions.SingleHeader,
                "NOHDRS" => PoolSetOptions.NoHeaders,
                _ => throw Error(UnknownOption, "SINGLEHDR or NOHDRS", name),
            };
        }
        while (TakeToken(ref rest, out name));
    }

    private void ParseReplica(ReadOnlySpan<byte> line, ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
        {
            if (_parts == 0)
                throw Error(_replicas.Count == 1 ? NoSetParts : NoReplicaParts, "a size and a path", line);
            _parts = 0;
            _replicas.Add(new Draft());
            return;
        }

        if (!IsBlank(rest[0]))
            throw Error(OnlyReplica, "REPLICA", line);
        if (!TakeToken(ref rest, out string node) || !TakeToken(ref rest, out string descriptor))
            throw Error(RemoteExpected, "REPLICA, a node and a relative path; or REPLICA alone", line);
        if (TakeToken(ref rest, out string more))
            throw Error(InvalidToken, "the end of the line", more);
        if (IsAbsolute(descriptor))
            throw Error(RelativePathExpected, "a relative path", descriptor);
        if (_directoryBased)
            throw Error(Mixed, "directories", line);
        _replicas.Add(new Draft { Remote = new PoolSetRemote(node, descriptor) });
    }

    private void ParsePart(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> rest = line;
        if (!TakeToken(ref rest, out string size) || !TakeToken(ref rest, out string part) || TakeToken(ref rest, out _))
            throw Error(InvalidToken, "a size and a path", line);
        if (!IsAbsolute(part))
            throw Error(AbsolutePathExpected, "an absolute path", part);
        long bytes;
        if (size == "AUTO")
            bytes = DeviceSize(part) ?? throw Error(CannotReadSize, "a device-DAX node where the size is AUTO", part);
        else if (!PoolSetSize.TryParse(size, out bytes) || bytes == 0)
            throw Error(WrongSize, "a number and a unit: B, K, M, G, T, P, KiB … PiB (powers of 1024), kB, MB … PB (of 1000)", size);
        if (Directory.Exists(part))
            AddDirectory(part, bytes);
        else
            AddPart(part, bytes);
        _parts++;
    }

    private void AddPart(string part, long bytes)
    {
        if (_directoryBased)
            throw Error(Mixed, "a directory", part);
        _replicas[^1].Parts.Add(new PoolSetPart(part, bytes, _line));
    }

    private void AddDirectory(string part, long bytes)
    {
        if (!_directoryBased && (_replicas[^1].Parts.Count > 0 || _replicas.Count > 1))
            throw Error(Mixed, "a file", part);
        _directoryBased = true;
        string real = RealPath(part);
        foreach (Draft replica in _replicas)
        {
            if (replica.Directories.Exists(directory => RealPath(directory.Path) == real))
                throw Error(SameDirectory, "another directory", part);
        }

        _replicas[^1].Directories.Add(new PoolSetDirectory(part, bytes, _line));
    }

    private static string RealPath(string folder)
    {
        string real = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        try
        {
            return new DirectoryInfo(real).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? real;
        }
        catch (IOException)
        {
            return real;
        }
    }

    private static long? DeviceSize(string part)
    {
        if (!PersistentMap.IsDeviceDax(part))
            return null;
        using PersistentMap device = PersistentMap.Open(part, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return device.Length;
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t';

    private static bool IsAbsolute(string part) => OperatingSystem.IsWindows() ? Path.IsPathFullyQualified(part) : part.StartsWith('/');

    private static bool TakeToken(ref ReadOnlySpan<byte> rest, out string token)
    {
        rest = rest.TrimStart(" \t"u8);
        int end = rest.IndexOfAny((byte)' ', (byte)'\t');
        token = Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
        rest = end < 0 ? default : rest[end..];
        return token.Length > 0;
    }

    private PmemFormatException Error(string rule, string expected, ReadOnlySpan<byte> found) => Error(rule, expected, Encoding.UTF8.GetString(found));

    private PmemFormatException Error(string rule, string expected, string found)
    {
        const int Longest = 200;
        string shown = found.TrimEnd('\n');
        return new PmemFormatException($"{path} [{rule}:{_line}]", -1, expected, shown.Length == 0 ? "nothing" : $"'{(shown.Length > Longest ? shown[..Longest] + "…" : shown)}'");
    }
}
