using System.CommandLine;
using System.Text.Json;
using Pmem.Platform.Model;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Platforms;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Health;

/// <summary><c>pmem inject-error</c>: makes sectors of namespaces unreadable, with the options of <c>ndctl inject-error</c>.</summary>
internal static class InjectErrorCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAMESPACE") { Description = "Such as namespace0.0, or a friendly name." };
        var block = new Option<string?>("--block", "-B") { Description = "First block of 512 bytes, from the start of the data." };
        var count = new Option<string?>("--count", "-n") { Description = "Blocks." };
        var uninject = new Option<bool>("--uninject", "-d") { Description = "Take errors back. What the system knows of them it forgets only when they are cleared." };
        var status = new Option<bool>("--status", "-t") { Description = "Show what was injected." };
        var quiet = new Option<bool>("--no-notify", "-N") { Description = "Do not tell the system: it finds the errors at the next scrub." };
        var saturate = new Option<bool>("--saturate", "-S") { Description = "Make whole blocks unreadable, rather than the first 256 bytes of each." };
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("inject-error", """
            Make data of a namespace unreadable, take that back, or show what was injected. Prints what the system knows of then.

            Examples:
              pmem inject-error namespace0.0 --block 8 --count 2 --platform vm1
              pmem inject-error namespace0.0 --block 8 --count 2 --uninject --platform vm1
              pmem inject-error namespace0.0 --status --platform vm1 --json
            """) { name, block, count, uninject, status, quiet, saturate, platform, json };
        command.SetAction(parsed =>
        {
            bool asks = parsed.GetValue(status);
            if (asks && (parsed.GetValue(block) is not null || parsed.GetValue(count) is not null || parsed.GetValue(uninject) || parsed.GetValue(saturate)))
                throw new PmemException("--status goes with none of --block, --count, --uninject and --saturate");
            if (!asks && (parsed.GetValue(block) is null || parsed.GetValue(count) is null))
                throw new PmemException("say where: --block and --count");
            string space = parsed.GetValue(name)!;
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            space = NamespaceMedia.NameOf(source.Platform, space);
            if (asks)
            {
                Show(source.Platform.GetInjectedErrors(space).Demand(), parsed.GetValue(json), "injected");
                return Program.Success;
            }

            var injection = new ErrorInjection((ulong)InfoBlockFile.ParseNumber(parsed.GetValue(block), 0), (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(count), 0))
            {
                Notify = !parsed.GetValue(quiet),
                Saturate = parsed.GetValue(saturate),
            };
            (parsed.GetValue(uninject) ? source.Platform.UninjectError(space, injection) : source.Platform.InjectError(space, injection)).Demand();
            MediaErrors known = source.Platform.GetErrors(space).Demand();
            if (parsed.GetValue(uninject) && known.Ranges.Count > 0)
                Console.Error.WriteLine($"pmem: the system still knows of bad blocks: 'pmem namespace clear-errors {space}' clears them");
            Show(known, parsed.GetValue(json), "bad");
            return Program.Success;
        });
        return command;
    }

    private static void Show(MediaErrors errors, bool json, string word)
    {
        IReadOnlyList<BadSectorRange> blocks = errors.Blocks;
        ulong sectors = blocks.Aggregate(0UL, (sum, block) => sum + block.Count);
        if (json)
        {
            JsonOutput.Write(writer => WriteJson(writer, errors.Scope, sectors, blocks));
            return;
        }

        Console.WriteLine($"{errors.Scope}: {sectors} {word} block(s)");
        foreach (BadSectorRange block in blocks)
            Console.WriteLine($"    {block.Offset} to {block.Offset + block.Count - 1}{(block.Dimms.Count > 0 ? $"  {string.Join(", ", block.Dimms)}" : string.Empty)}");
    }

    private static void WriteJson(Utf8JsonWriter writer, string scope, ulong sectors, IReadOnlyList<BadSectorRange> blocks)
    {
        writer.WriteStartObject();
        writer.WriteString("dev", scope);
        writer.WriteNumber("badblock_count", sectors);
        writer.WriteStartArray("badblocks");
        foreach (BadSectorRange block in blocks)
        {
            writer.WriteStartObject();
            writer.WriteNumber("offset", block.Offset);
            writer.WriteNumber("length", block.Count);
            writer.WriteStartArray("dimms");
            foreach (string dimm in block.Dimms)
                writer.WriteStringValue(dimm);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
