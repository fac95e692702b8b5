using System.CommandLine;
using System.Formats.Tar;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pmem.Emulation;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>A capture stands in for its platform in every command that reads, and is refused with the reason by all others. The tables here have a row for each command.</summary>
public sealed partial class CaptureVerbTests : IDisposable
{
    private const string Same = "the same as of the platform";
    private const string Works = "works";
    private const string Evidence = "a capture, which nobody may change";
    private const string Capture = "is a capture";
    private const string Refused = "refused for what it is, or for the state of the DIMM";
    private const string None = "takes no platform";

    /// <summary>Groups whose commands are about platforms, or files that may be captures.</summary>
    private static readonly string[] s_groups =
        ["nfit", "labels", "platform", "namespace", "translate", "region", "dimm", "list", "explain", "capture", "smart", "scrub", "inject-error", "inject-smart", "monitor", "infoblock", "btt"];

    /// <summary>Command lines, and what comes of them; <c>@</c> is the platform or the capture, which otherwise <c>--platform</c> names.</summary>
    private static readonly (string Line, string Outcome)[] s_commands =
    [
        ("list -BDRNi -HFM -vv --json", Same),
        ("list -RNX -M --table", Same),
        ("dimm show --all", Same),
        ("dimm show --json", Same),
        ("dimm labels read nmem0 --json", Same),
        ("dimm labels check nmem1", Same),
        ("dimm labels check nmem1 --json", Same),
        ("namespace list --json", Same),
        ("namespace check namespace0.1 --json", Same),
        ("namespace check namespace0.2", Same),
        ("namespace check namespace0.3 --json", Same),
        ("namespace read-infoblock namespace0.0 --json", Same),
        ("namespace read-infoblock namespace0.1", Same),
        ("namespace advise --mode raw --json", Same),
        ("region list --json", Same),
        ("smart --json", Same),
        ("scrub status --json", Same),
        ("inject-error namespace0.0 --status --json", Same),
        ("nfit from-running --json", Same),
        ("explain --json", Same),
        ("translate --namespace namespace0.1 --block 17 --json", Same),
        ("translate --region region0 --offset 4096", Same),
        ("capture -o copy", Works),
        ("nfit show @", Works),
        ("nfit lint @", Works),
        ("labels show @ --dimm nmem1", Works),
        ("labels check @ --dimm nmem1", Works),
        ("infoblock show @ --namespace namespace0.0", Works),
        ("infoblock verify @ --namespace namespace0.0 --class Pfn", Works),
        ("btt check @ --namespace namespace0.1", Works),
        ("btt dump @ --namespace namespace0.1 --flog --map 0-9", Works),
        ("monitor --looks 1", Capture),
        ("platform show @", Capture),
        ("scrub wait", Capture),
        ("labels init @ --force", Capture),
        ("labels repair @", Capture),
        ("labels zero @", Capture),
        ("btt repair @", Capture),
        ("namespace create --size 32M", Evidence),
        ("namespace destroy namespace0.0 --force", Evidence),
        ("namespace reconfigure namespace0.0 --mode devdax --force", Evidence),
        ("namespace enable namespace0.2", Evidence),
        ("namespace disable namespace0.0", Evidence),
        ("namespace clear-errors namespace0.0", Evidence),
        ("namespace write-infoblock namespace0.2", Evidence),
        ("namespace check namespace0.1 --repair", Evidence),
        ("region enable region0", Evidence),
        ("region disable region0", Evidence),
        ("dimm enable nmem0", Evidence),
        ("dimm disable nmem0", Evidence),
        ("dimm labels write nmem0 --input @", Evidence),
        ("dimm labels init nmem0 --force", Evidence),
        ("dimm labels zero nmem0", Evidence),
        ("scrub start", Evidence),
        ("scrub stop", Evidence),
        ("inject-error namespace0.0 --block 1 --count 1", Evidence),
        ("inject-error namespace0.0 --block 1 --count 1 --uninject", Evidence),
        ("inject-smart nmem0 --spares 5", Evidence),
        ("dimm security show --json", Same),
        ("dimm security wait", Capture),
        ("dimm security setup nmem0 --new-passphrase-file @", Refused),
        ("dimm security update nmem0 --passphrase-file @ --new-passphrase-file @", Refused),
        ("dimm security remove nmem0 --passphrase-file @", Refused),
        ("dimm security freeze nmem0", Refused),
        ("dimm security unlock nmem0 --passphrase-file @", Refused),
        ("dimm security erase nmem0 --force", Refused),
        ("dimm security overwrite nmem0 --force", Refused),
        ("dimm window read nmem0 --dpa 0x1000", Refused),
        ("dimm window write nmem0 --dpa 0x1000 --input @", Refused),
        ("dimm firmware show --json", Same),
        ("dimm firmware update nmem0 --image @", Refused),
        ("dimm firmware activate", Evidence),
        ("dimm firmware make-image", None),
        ("nfit build", None),
        ("infoblock write @", Capture),
        ("platform create", None),
        ("platform power-cut", None),
        ("platform inject", None),
    ];

    /// <summary>The same of ndctl's commands; of those that are neither the same nor refused with a word of ours it is enough that the capture stays as it is.</summary>
    private static readonly (string Line, string Outcome)[] s_persona =
    [
        ("list -BDRNiHFMX -vv", Same), ("read-labels all -j", Same), ("check-labels all", Same), ("read-infoblock namespace0.2 -j", Same), ("read-infoblock namespace0.1 -j", Same), ("check-namespace namespace0.1 -f", Same),
        ("check-namespace namespace0.1", Same), ("inject-error namespace0.0 -t", Same), ("monitor", Capture), ("wait-scrub", "a capture has no scrub"),
        ("enable-namespace all", None), ("disable-namespace all", None), ("create-namespace -s 32M", Evidence), ("create-namespace -e namespace0.0 -f", Evidence), ("destroy-namespace all -f", None), ("write-infoblock namespace0.2", None),
        ("clear-errors namespace0.0", None), ("enable-region all", None), ("disable-region all", None), ("enable-dimm all", None), ("disable-dimm all", None), ("zero-labels all", None), ("write-labels nmem0 -i copy", None), ("init-labels all -f", None),
        ("inject-error namespace0.0 -B 1 -n 1", None), ("update-firmware nmem0 -A", None), ("inject-smart nmem0 -s 5", None), ("activate-firmware", None), ("start-scrub", None), ("setup-passphrase nmem0", None), ("update-passphrase nmem0", None),
        ("remove-passphrase nmem0", None), ("freeze-security nmem0", None), ("sanitize-dimm nmem0", None), ("load-keys", None), ("wait-overwrite nmem0", None),
    ];

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Every_command_has_its_row()
    {
        var known = s_commands.Select(row => row.Line).ToList();
        foreach (string command in Program.CreateCommand().Subcommands.Where(command => s_groups.Contains(command.Name)).SelectMany(command => Leaves(command, command.Name)))
            Assert.True(known.Exists(line => line == command || line.StartsWith($"{command} ", StringComparison.Ordinal)), $"say what 'pmem {command}' does with a capture");
        foreach (string name in ToolRunner.Run("ndctl", "--list-cmds").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(name => name is not ("version" or "help")))
            Assert.True(Array.Exists(s_persona, row => row.Line == name || row.Line.StartsWith($"{name} ", StringComparison.Ordinal)), $"say what 'ndctl {name}' does with a capture");
    }

    [Fact]
    public void Every_command_reads_a_capture_or_says_why_not()
    {
        string folder = Make();
        string file = _files.File("vm.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", file);
        byte[] before = File.ReadAllBytes(file);
        (string Line, string Outcome, bool IsPersona)[] rows = [.. s_commands.Select(row => (row.Line, row.Outcome, false)), .. s_persona.Select(row => (row.Line, row.Outcome, true))];
        rows = [.. rows.Where(row => row.Outcome != None || row.IsPersona)];
        var live = new ToolResult?[rows.Length];
        var captured = new ToolResult[rows.Length];
        Parallel.Invoke(
            () => Array.ForEach([.. Enumerable.Range(0, rows.Length)], i => live[i] = rows[i].Outcome == Same ? Run(rows[i].Line, rows[i].IsPersona, folder) : null),
            () => Array.ForEach([.. Enumerable.Range(0, rows.Length)], i => captured[i] = Run(rows[i].Line, rows[i].IsPersona, file)));
        var wrong = new List<string>();
        for (int i = 0; i < rows.Length; i++)
        {
            ToolResult found = captured[i];

            // What to do about a platform names it; about a capture there is nothing to name.
            if (rows[i].Line.StartsWith("explain", StringComparison.Ordinal))
                (found, live[i]) = (WithoutRemedies(found), WithoutRemedies(live[i]!));
            ToolResult? expected = live[i] is { } told ? told with { Output = Plain(told.Output, folder), Error = Plain(told.Error, folder) } : null;
            bool isRight = rows[i].Outcome switch
            {
                Same => expected == found,
                Works => found is { ExitCode: 0, Error: "" },
                None => true,
                Refused => found.ExitCode == 2,
                { } reason => found.ExitCode != 0 && found.Error.Contains(reason, StringComparison.Ordinal),
            };
            if (!isRight)
                wrong.Add($"{rows[i].Line}: {found.ExitCode} {found.Error}{found.Output}\n  instead of {rows[i].Outcome} {expected}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(before, File.ReadAllBytes(file));
    }

    private static ToolResult WithoutRemedies(ToolResult told) => told with { Output = Remedy().Replace(told.Output, string.Empty) };

    [GeneratedRegex("\"remedy\": \"[^\"]*\"", RegexOptions.None, 1000)]
    private static partial Regex Remedy();

    /// <summary>Captures of before lack what came later: it is not known, and nothing else is different.</summary>
    [Fact]
    public void An_old_capture_is_read_and_says_what_it_has_not()
    {
        string folder = Make();
        string file = _files.File("new.capture");
        ToolRunner.Json(0, "capture", "--platform", folder, "-o", file);
        string old = _files.File("old.capture");
        using (var reader = new TarReader(File.OpenRead(file)))
        using (var writer = new TarWriter(File.Create(old), TarEntryFormat.Ustar))
        {
            while (reader.GetNextEntry() is { } entry)
            {
                var copy = new UstarTarEntry(TarEntryType.RegularFile, entry.Name) { Mode = entry.Mode, ModificationTime = entry.ModificationTime, DataStream = entry.DataStream };
                if (entry.Name == "manifest.json")
                {
                    JsonObject manifest = JsonNode.Parse(entry.DataStream!)!.AsObject();
                    Assert.True(manifest.Remove("scrub") && manifest.Remove("activation") && manifest.Remove("disabled"));
                    foreach (JsonNode? module in manifest["modules"]!.AsArray())
                    {
                        module!.AsObject().Remove("reported");
                        Assert.True(module.AsObject().Remove("injected"));
                    }

                    copy.DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(manifest.ToJsonString()));
                }

                writer.WriteEntry(copy);
            }
        }

        Assert.Contains("nothing is known", ToolRunner.Fail("scrub", "status", "--platform", old), StringComparison.Ordinal);
        Assert.Contains("nothing is known", ToolRunner.Fail("inject-error", "namespace0.0", "--status", "--platform", old), StringComparison.Ordinal);
        Assert.DoesNotContain("scrub_state", ToolRunner.Run("list", "-B", "--platform", old).Output, StringComparison.Ordinal);
        Assert.Equal(4, ToolRunner.Json(0, "namespace", "list", "--platform", old).GetArrayLength());
        Assert.Equal(ToolRunner.Run("smart", "--platform", file), ToolRunner.Run("smart", "--platform", old));
    }

    private static IEnumerable<string> Leaves(Command command, string path) =>
        command.Subcommands.Count == 0 ? [path] : command.Subcommands.SelectMany(inner => Leaves(inner, $"{path} {inner.Name}"));

    private ToolResult Run(string line, bool isPersona, string platform)
    {
        string[] words = [.. line.Split(' ').Select(word => word == "@" ? platform : word == "copy" ? _files.File("copy") : word)];
        return isPersona ? ToolRunner.Run(["ndctl", "--platform", platform, .. words])
            : line.Contains('@', StringComparison.Ordinal) && !line.StartsWith("dimm ", StringComparison.Ordinal) ? ToolRunner.Run(words)
            : ToolRunner.Run([.. words, "--platform", platform]);
    }

    // A capture knows files by their names alone.
    private static string Plain(string text, string folder) => text.Replace(folder + "/", string.Empty, StringComparison.Ordinal);

    /// <summary>All modes, one of them disabled and one whose table is ruined; errors, some of which the system does not know; alarms.</summary>
    private string Make()
    {
        string folder = _files.File("vm");
        using var platform = VirtualPlatform.Create(folder, new VirtualPlatformOptions { Dimms = 2, Ways = 2, Capacity = 128 << 20 });
        IPlatform model = platform.Platform;
        NamespaceView data = model.CreateNamespace(new NamespaceRequest { Size = 32 << 20, Name = "data" }).Demand();
        model.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 << 20, Name = "log" }).Demand();
        model.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Raw, Size = 32 << 20 }).Demand();
        NamespaceView ruined = model.CreateNamespace(new NamespaceRequest { Mode = NamespaceMode.Sector, Size = 32 << 20, Name = "ruined" }).Demand();
        using (PersistentMap map = model.OpenRaw(ruined.Name, readOnly: false, force: true))
            map.Fill(0, 0, 4096);
        model.DisableNamespace("namespace0.2").Demand();
        model.InjectError(data.Name, new ErrorInjection(16, 2)).Demand();
        model.InjectError(data.Name, new ErrorInjection(64, 1) { Notify = false }).Demand();
        platform.Inject(1, dimm => dimm with { Spares = 5, SparesThreshold = 10, MediaTemperature = 41.5, DirtyShutdowns = 3 });
        return folder;
    }
}
