using System.Text;
using System.Text.RegularExpressions;
using Pmem;
using Pmem.Pools;
using Pmem.Pools.Tests.Sets;

namespace Interop;

/// <summary>The same set files through PMDK's parser and ours: the same verdict, rule and line.</summary>
public sealed partial class SetGrammarTests : IDisposable
{
    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_table_of_right_and_wrong_texts_is_PMDKs() =>
        Compare([.. SetTexts.Wrong.Select(row => row.Text), .. SetTexts.Right.Select(row => row.Text)]);

    [Fact]
    public void Random_texts_get_the_same_verdict()
    {
        const int Seed = 77;
        var random = new Random(Seed);
        string[] texts = new string[4000];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = SetTexts.Random(random);

        // What does not start as a set file is a pool file to C; sizes of more than 63 bits wrap around there and are errors here.
        Compare([.. texts.Where(text => text.StartsWith(PoolSetFile.Signature, StringComparison.Ordinal) && !LongNumber().IsMatch(text))]);
    }

    private void Compare(string[] texts)
    {
        string program = Peers.Program("open_verdict");
        string[] paths = new string[texts.Length];
        for (int i = 0; i < texts.Length; i++)
        {
            paths[i] = Path.Combine(_folder, $"{i}.set");
            File.WriteAllText(paths[i], texts[i]);
        }

        string[] verdicts = Peers.Succeed(program, [], string.Join('\n', paths) + "\n").TrimEnd('\n').Split('\n');
        Assert.Equal(texts.Length, verdicts.Length);
        int wrong = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            string ours = "right";
            try
            {
                _ = PoolSetFile.Read(paths[i]);
            }
            catch (PmemFormatException problem)
            {
                ours = Rule().Match(problem.What).Value;
                wrong++;
            }

            // Behind a right text comes what opening says of parts that do not exist.
            Match theirs = Rule().Match(verdicts[i]);
            Assert.True(ours == (theirs.Success ? theirs.Value : "right"), $"{Encoding.UTF8.GetByteCount(texts[i])} bytes {texts[i].ReplaceLineEndings("\\n")}: C says '{verdicts[i]}', we say '{ours}'");
        }

        Assert.True(wrong > texts.Length / 10, "hardly a text was wrong");
    }

    [GeneratedRegex(@"\[.*:\d+\]$")]
    private static partial Regex Rule();

    [GeneratedRegex(@"\d{10}")]
    private static partial Regex LongNumber();
}
