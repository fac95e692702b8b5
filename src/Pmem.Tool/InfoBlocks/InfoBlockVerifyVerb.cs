using System.CommandLine;
using Pmem.Platform;
using Pmem.Platform.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.InfoBlocks;

/// <summary><c>pmem infoblock verify</c>.</summary>
internal static class InfoBlockVerifyVerb
{
    public static Command Create()
    {
        Argument<string> file = InfoBlockFile.FileArgument();
        Option<string?> offset = InfoBlockFile.OffsetOption();
        Option<string?> size = InfoBlockFile.SizeOption();
        var start = new Option<string?>("--start") { Description = "System physical address of the namespace; PFN and DAX blocks depend on it. 0 if not given, and of a capture what it says." };
        var parent = new Option<string?>("--parent-uuid", "-p") { Description = "Uuid of the namespace; what the block says if not given." };
        var label = new Option<NamespaceClass>("--class") { Description = "What the label's abstraction says: None, Btt, Btt2, Pfn, Dax, Unknown.", DefaultValueFactory = _ => NamespaceClass.None };
        Option<string?> space = InfoBlockFile.NamespaceOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("verify", """
            Say what a kernel decides that a namespace is, and why. Never changes a byte.

            Exit codes: 0 it has an info block that counts and can be honoured (there may be warnings), 1 not, 2 the file cannot be read.

            Example: pmem infoblock verify namespace.img --start 0x100000000
            """) { file, offset, size, start, parent, label, space, json };
        command.SetAction(parsed =>
        {
            InfoBlockFile area = InfoBlockFile.Read(parsed.GetValue(file)!, parsed.GetValue(offset), parsed.GetValue(size), parsed.GetValue(space));
            Guid? uuid = parsed.GetValue(parent) is not { } text ? null : Guid.TryParse(text, out Guid value) ? value : throw new PmemException($"'{text}' is not a uuid");
            return Run(area, (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(start), (long)area.Start), uuid ?? ParentOf(area), parsed.GetValue(label), parsed.GetValue(json));
        });
        return command;
    }

    private static Guid ParentOf(InfoBlockFile file)
    {
        foreach (int position in (ReadOnlySpan<int>)[0, 4096])
        {
            if (file.FindBtt(position) is { } info)
                return NetworkGuid.Read(Pmem.Blocks.Layout.BttInfo.ParentUuidOf(in info));
        }

        return file.FindPfn(out _)?.ParentUuid ?? Guid.Empty;
    }

    private static int Run(InfoBlockFile file, ulong start, Guid uuid, NamespaceClass label, bool json)
    {
        // A BTT 2.0 counts only with its abstraction: one that is there is taken to have it, unless a label is named.
        NamespaceClass taken = label == NamespaceClass.None && file.FindBtt(0) is { Major: 2 } ? NamespaceClass.Btt2 : label;
        NamespacePersonality found = NamespacePersonality.Probe(file.Head, taken, uuid, start, (ulong)file.Size);
        IReadOnlyList<LintFinding> findings = InfoBlockLint.Examine(file.Head, taken, uuid, start, (ulong)file.Size);
        bool valid = found.CanBeEnabled && found.Mode != NamespaceMode.Raw;
        string mode = found.Mode.ToString().ToLowerInvariant();
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", file.Path);
                writer.WriteNumber("offset", file.Offset);
                writer.WriteNumber("size", file.Size);
                writer.WriteBoolean("valid", valid);
                writer.WriteString("mode", mode);
                writer.WriteBoolean("enabled", found.CanBeEnabled);
                writer.WriteString("class", taken.ToString().ToLowerInvariant());
                writer.WriteStartArray("reasons");
                foreach (string reason in found.Reasons)
                    writer.WriteStringValue(reason);
                writer.WriteEndArray();
                LintOutput.WriteJson(writer, findings);
                writer.WriteEndObject();
            });
        }
        else
        {
            LintOutput.WriteText(findings);
            foreach (string reason in found.Reasons)
                Console.WriteLine(reason);
            Console.WriteLine($"{file.Path}: {(found.CanBeEnabled ? mode : $"{mode}, and cannot be enabled")}");
        }

        return valid ? Program.Success : Program.NotConsistent;
    }
}
