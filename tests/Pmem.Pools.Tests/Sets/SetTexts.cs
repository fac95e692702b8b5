using System.Text;

namespace Pmem.Pools.Tests.Sets;

/// <summary>Texts of set files and what they are, shared by our tests and those that ask PMDK.</summary>
public static class SetTexts
{
    /// <summary>Texts that are wrong: the rule that PMDK names, the line, the text.</summary>
    public static readonly (string Rule, int Line, string Text)[] Wrong =
    [
        ("the first line must be exactly 'PMEMPOOLSET'", 1, "PMEMPOOLSET"),
        ("the first line must be exactly 'PMEMPOOLSET'", 1, "PMEMPOOLSET \n8M /none/a\n"),
        ("the first line must be exactly 'PMEMPOOLSET'", 1, "PMEMPOOLSETS\n8M /none/a\n"),
        ("the first line must be exactly 'PMEMPOOLSET'", 1, "PMEMPOOLSET#\n8M /none/a\n"),
        ("no pool set parts", 2, "PMEMPOOLSET\n"),
        ("no pool set parts", 4, "PMEMPOOLSET\n# nothing\n\n"),
        ("no pool set parts", 2, "PMEMPOOLSET\nREPLICA\n8M /none/a\n"),
        ("no pool set parts", 3, "PMEMPOOLSET\nOPTION SINGLEHDR\n"),
        ("no replica parts", 4, "PMEMPOOLSET\n8M /none/a\nREPLICA\n"),
        ("no replica parts", 4, "PMEMPOOLSET\n8M /none/a\nREPLICA\nREPLICA\n8M /none/b\n"),
        ("no replica parts", 3, "PMEMPOOLSET\nREPLICA node set\n"),
        ("exactly 'REPLICA' expected", 3, "PMEMPOOLSET\n8M /none/a\nREPLICAS\n8M /none/b\n"),
        ("address of remote node and descriptor of remote pool set expected", 3, "PMEMPOOLSET\n8M /none/a\nREPLICA \n8M /none/b\n"),
        ("address of remote node and descriptor of remote pool set expected", 3, "PMEMPOOLSET\n8M /none/a\nREPLICA node\n"),
        ("address of remote node and descriptor of remote pool set expected", 3, "PMEMPOOLSET\n8M /none/a\nREPLICA\tnode # set\n"),
        ("incorrect descriptor (must be a relative path)", 3, "PMEMPOOLSET\n8M /none/a\nREPLICA node /set\n"),
        ("invalid token found in the current line", 3, "PMEMPOOLSET\n8M /none/a\nREPLICA node set more\n"),
        ("unexpected parts for remote replica", 4, "PMEMPOOLSET\n8M /none/a\nREPLICA node set\n8M /none/b\n"),
        ("invalid token found in the current line", 2, "PMEMPOOLSET\n8M\n"),
        ("invalid token found in the current line", 2, "PMEMPOOLSET\n8M /none/a b\n"),
        ("invalid token found in the current line", 2, "PMEMPOOLSET\n  \n8M /none/a\n"),
        ("invalid token found in the current line", 2, "PMEMPOOLSET\n # comment\n8M /none/a\n"),
        ("invalid token found in the current line", 2, "PMEMPOOLSET\n\r"),
        ("invalid token found in the current line", 3, "PMEMPOOLSET\r\n8M /none/a\r\n8M #/none/b\r\n"),
        ("incorrect path (must be an absolute one)", 2, "PMEMPOOLSET\n8M none/a\n"),
        ("incorrect path (must be an absolute one)", 2, "PMEMPOOLSET\n OPTION SINGLEHDR\n8M /none/a\n"),
        ("incorrect path (must be an absolute one)", 2, "PMEMPOOLSET\n/none/a 8M\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n0 /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8m /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8k /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8kiB /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8KB /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8.5M /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n0x800000 /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\nM /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8Mx /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n8E /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\nauto /none/a\n"),
        ("incorrect format of size", 2, "PMEMPOOLSET\n16777216T /none/a\n"),
        ("cannot determine size of a part", 2, "PMEMPOOLSET\nAUTO /none/a\n"),
        ("missing option name", 2, "PMEMPOOLSET\nOPTION\n8M /none/a\n"),
        ("missing option name", 3, "PMEMPOOLSET\n8M /none/a\nOPTION # SINGLEHDR\n"),
        ("unknown option", 2, "PMEMPOOLSET\nOPTION SINGLEHDRS\n8M /none/a\n"),
        ("unknown option", 2, "PMEMPOOLSET\nOPTION singlehdr\n8M /none/a\n"),
        ("unknown option", 2, "PMEMPOOLSET\nOPTION SINGLEHDR NONE\n8M /none/a\n"),
        ("unknown option", 2, "PMEMPOOLSET\nOPTIONS SINGLEHDR\n8M /none/a\n"),
    ];

    /// <summary>Texts that are right, and how they read: options, then each replica's parts.</summary>
    public static readonly (string Reads, string Text)[] Right =
    [
        ("None | 8388608 /none/a", "PMEMPOOLSET\n8M /none/a\n"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\n8M /none/a"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\r\n8M /none/a\r\n"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\n#c\n\n\t 8M \t/none/a \t# comment\n"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\n8M /none/a#glued\n"),
        ("None | 8388608 /none/a 1000 /none/b", "PMEMPOOLSET\n8M /none/a\n1kB /none/b\n"),
        ("None | 8388608 /none/a | 9000000 /none/b", "PMEMPOOLSET\n8M /none/a\nREPLICA\n9MB /none/b\n"),
        ("None | 8388608 /none/a | 9000000 /none/b", "PMEMPOOLSET\n8M /none/a\nREPLICA# the second\n9MB /none/b\n"),
        ("None | 8388608 /none/a | node:set/one", "PMEMPOOLSET\n8M /none/a\nREPLICA node set/one # far away\n"),
        ("None | 8388608 /none/a | node:set | 8388608 /none/b", "PMEMPOOLSET\n8M /none/a\nREPLICA node set\nREPLICA\n8M /none/b\n"),
        ("SingleHeader | 8388608 /none/a", "PMEMPOOLSET\nOPTION SINGLEHDR\n8M /none/a\n"),
        ("SingleHeader | 8388608 /none/a", "PMEMPOOLSET\n8M /none/a\nOPTIONSINGLEHDR\n"),
        ("SingleHeader | 8388608 /none/a", "PMEMPOOLSET\n8M /none/a\nOPTION\tSINGLEHDR SINGLEHDR\nOPTION SINGLEHDR\n"),
        ("SingleHeader, NoHeaders | 8388608 /none/a", "PMEMPOOLSET\nOPTION SINGLEHDR NOHDRS\n8M /none/a\n"),
        ("None | 1 /none/a 1 /none/b 1024 /none/c 1048576 /none/d 1073741824 /none/e 1099511627776 /none/f 1125899906842624 /none/g",
            "PMEMPOOLSET\n1 /none/a\n1B /none/b\n1K /none/c\n1M /none/d\n1G /none/e\n1T /none/f\n1P /none/g\n"),
        ("None | 1024 /none/c 1048576 /none/d 1073741824 /none/e 1099511627776 /none/f 1125899906842624 /none/g",
            "PMEMPOOLSET\n1KiB /none/c\n1MiB /none/d\n1GiB /none/e\n1TiB /none/f\n1PiB /none/g\n"),
        ("None | 1000 /none/c 1000000 /none/d 1000000000 /none/e 1000000000000 /none/f 1000000000000000 /none/g",
            "PMEMPOOLSET\n1kB /none/c\n1MB /none/d\n1GB /none/e\n1TB /none/f\n1PB /none/g\n"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\n+8M /none/a\n"),
        ("None | 8388608 /none/a", "PMEMPOOLSET\n0000000000000000000000000000008M /none/a\n"),
        ("None | 8388608 /none/a 8388608 /none/a", "PMEMPOOLSET\n8M /none/a\n8M /none/a\n"),
        ("None | 8388608 /none/ä", "PMEMPOOLSET\n8M /none/ä\n"),
    ];

    /// <summary>What a set file says, in one line.</summary>
    public static string Describe(PoolSetFile set)
    {
        var text = new StringBuilder(set.Options.ToString());
        foreach (PoolSetReplica replica in set.Replicas)
        {
            text.Append(" |");
            foreach (PoolSetPart part in replica.Parts)
                text.Append($" {part.Size} {part.Path}");
            foreach (PoolSetDirectory directory in replica.Directories)
                text.Append($" {directory.Reservation} {directory.Path}/");
            if (replica.Remote is { } remote)
                text.Append($" {remote.Node}:{remote.Descriptor}");
        }

        return text.ToString();
    }

    /// <summary>A text from pieces that the grammar knows, mostly wrong, the same for the same seed.</summary>
    public static string Random(Random random)
    {
        string[] pieces = ["PMEMPOOLSET", "REPLICA", "OPTION", "SINGLEHDR", "NOHDRS", " ", " ", "\t", "\n", "\n", "\n", "\r\n", "#", "8M", "20971520", "1.5G", "AUTO", "/none/a", "/none/b", "none/c", "node", "X", "0", "+1K"];
        var text = new StringBuilder(random.Next(10) == 0 ? string.Empty : "PMEMPOOLSET\n");
        for (int i = random.Next(12); i > 0; i--)
        {
            switch (random.Next(4))
            {
                case 0:
                    text.Append($"{1 + random.Next(99)}M /none/{(char)('a' + random.Next(26))}\n");
                    break;
                case 1:
                    text.Append(random.Next(2) == 0 ? "REPLICA\n" : "OPTION SINGLEHDR\n");
                    break;
                default:
                    text.Append(pieces[random.Next(pieces.Length)]);
                    break;
            }
        }

        return text.ToString();
    }
}
