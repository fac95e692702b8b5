using System.CommandLine;
using Pmem.Platform.Images;
using Pmem.Platform.InfoBlocks;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Images;

/// <summary><c>pmem image wrap</c>, <c>unwrap</c> and <c>relocate</c>.</summary>
internal static class FsdaxVerbs
{
    public static Command CreateWrap()
    {
        Argument<string> source = ImageCommand.SourceArgument("The image of a file system.");
        Argument<string?> target = new("TARGET") { Description = "The namespace to write; left out with --in-place.", Arity = ArgumentArity.ZeroOrOne };
        var mode = new Option<string>("--mode", "-m") { Description = "fsdax or devdax.", DefaultValueFactory = _ => "fsdax" };
        var map = new Option<string>("--map", "-M") { Description = "Where page structures are kept: mem or dev.", DefaultValueFactory = _ => "mem" };
        var align = new Option<string>("--align", "-a") { Description = "4KiB, 2MiB or 1GiB.", DefaultValueFactory = _ => "2MiB" };
        Option<string> address = BaseOption("System physical address that the namespace will have; matters only for alignments beyond 2MiB.");
        var size = new Option<string?>("--size", "-s") { Description = "Bytes of the namespace; as few as possible if not given." };
        var uuid = new Option<string?>("--uuid", "-u") { Description = "Uuid of the info block; made if not given." };
        var parent = new Option<string?>("--parent-uuid") { Description = "Uuid of the namespace's label; leave it out without labels." };
        var inPlace = new Option<bool>("--in-place") { Description = "Let the host's file system insert room before the data, instead of copying them (ext4, XFS, f2fs)." };
        var common = new ImageCommand.Common();
        var command = new Command("wrap", """
            Make an fsdax namespace around an image, so that a guest mounts it with -o dax: an info block, room for page structures, then
            the image as it is. With --in-place no byte of data is moved; a run that was killed is finished by doing it again, and nobody
            may have the file open.

            Examples:
              mkfs.ext4 -b 4096 root.ext4 256M
              pmem image wrap root.ext4 nvdimm.img
              pmem image wrap root.ext4 --in-place
            """) { source, target, mode, map, align, address, size, uuid, parent, inPlace };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            string from = parsed.GetValue(source)!;
            string? to = parsed.GetValue(target);
            bool stays = parsed.GetValue(inPlace);
            if (stays == to is not null)
                return Task.FromResult(PoolCommand.Fail(stays ? "with --in-place there is no TARGET: leave one of them out" : "say which file to write (TARGET), or --in-place"));
            if (stays && common.IsWindow(parsed))
                return Task.FromResult(PoolCommand.Fail("--in-place wraps a whole file: leave out --offset and --length"));
            var layout = new FsdaxImageLayout(
                parsed.GetValue(mode) switch { "fsdax" => PfnKind.Pfn, "devdax" => PfnKind.Dax, { } text => throw new PmemException($"'{text}' is not a mode for an image: write fsdax or devdax"), null => PfnKind.Pfn },
                parsed.GetValue(map) switch { "mem" => PageMapMode.Memory, "dev" => PageMapMode.Device, { } text => throw new PmemException($"'{text}' is not a map: write mem or dev"), null => PageMapMode.Memory },
                (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(align), 0),
                (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(address), 0),
                parsed.GetValue(size) is { } bytes ? InfoBlockFile.ParseNumber(bytes, 0) : null,
                ImageCommand.ParseUuid(parsed.GetValue(uuid)),
                ImageCommand.ParseUuid(parsed.GetValue(parent)) ?? Guid.Empty);
            using var progress = new ProgressLine();
            ImageOptions options = common.Options(parsed, progress, cancellation);
            using IDisposable? held = stays && !common.IsDryRun(parsed) ? PlatformFile.ToChange(from) : null;
            if (stays)
                PlatformFile.DemandForeign(from, "leave out --in-place, or make namespaces in it with 'pmem namespace create --platform DIR'");
            FsdaxImageResult result = stays ? FsdaxImage.WrapInPlace(from, layout, options) : FsdaxImage.Wrap(common.Window(parsed, from), to!, layout, options);
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, to ?? from, result, $"{ModeOf(result)} namespace, {result.Size} bytes, data at {result.Block.DataOffset}, alignment {result.Block.Alignment}"));
        });
        return command;
    }

    public static Command CreateUnwrap()
    {
        Argument<string> source = ImageCommand.SourceArgument("An fsdax or devdax namespace.");
        Argument<string> target = ImageCommand.TargetArgument();
        var size = new Option<string?>("--size", "-s") { Description = "Bytes of the image; those of its file system if not given, all data if none is known." };
        var common = new ImageCommand.Common();
        var command = new Command("unwrap", """
            Write the data of an fsdax or devdax namespace as an image.

            Example: pmem image unwrap nvdimm.img root.ext4
            """) { source, target, size };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var progress = new ProgressLine();
            FsdaxImageResult result = FsdaxImage.Unwrap(
                common.Window(parsed, parsed.GetValue(source)!), parsed.GetValue(target)!, parsed.GetValue(size) is { } bytes ? InfoBlockFile.ParseNumber(bytes, 0) : null, common.Options(parsed, progress, cancellation));
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, parsed.GetValue(target)!, result, $"image of {result.Size} bytes"));
        });
        return command;
    }

    public static Command CreateRelocate()
    {
        Argument<string> source = ImageCommand.SourceArgument("An fsdax or devdax namespace.");
        Argument<string?> target = new("TARGET") { Description = "The namespace to write; needed only when data must move.", Arity = ArgumentArity.ZeroOrOne };
        Option<string> address = BaseOption("The system physical address that it shall be used at.");
        address.Required = true;
        var common = new ImageCommand.Common();
        var command = new Command("relocate", """
            Make a namespace fit for another physical address. Most fit as they are, and then nothing is written unless TARGET is given;
            alignments of 1GiB, and paddings of old kernels, tie data to an address.

            Example: pmem image relocate nvdimm.img moved.img --base 0x240000000
            """) { source, target, address };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var progress = new ProgressLine();
            string? to = parsed.GetValue(target);
            string from = parsed.GetValue(source)!;
            FsdaxImageResult result = FsdaxImage.Relocate(common.Window(parsed, from), (ulong)InfoBlockFile.ParseNumber(parsed.GetValue(address), 0), to, common.Options(parsed, progress, cancellation));
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, to ?? from, result, $"{ModeOf(result)} namespace, {result.Size} bytes, data at {result.Block.DataOffset}"));
        });
        return command;
    }

    private static Option<string> BaseOption(string what) => new("--base", "-b") { Description = what, DefaultValueFactory = _ => $"0x{FsdaxImageLayout.DefaultBase:x}" };

    private static string ModeOf(FsdaxImageResult result) => result.Block.Kind == PfnKind.Pfn ? "fsdax" : "devdax";

    private static int Print(ImageCommand.Common common, ParseResult parsed, string path, FsdaxImageResult result, string what)
    {
        if (!common.IsJson(parsed))
        {
            foreach (string note in result.Notes)
                Console.Error.WriteLine($"note: {note}");
            Console.WriteLine($"{path}: {what}{(result.FileSystem is { } system ? $", {system.Name}" : string.Empty)}{(common.IsDryRun(parsed) ? " (dry run: nothing was written)" : string.Empty)}");
            return Program.Success;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("path", path);
            writer.WriteBoolean("dryRun", common.IsDryRun(parsed));
            writer.WriteBoolean("written", result.IsWritten);
            writer.WriteNumber("size", result.Size);
            writer.WriteNumber("dataSize", result.DataSize);
            writer.WriteString("mode", ModeOf(result));
            writer.WriteNumber("dataOffset", result.Block.DataOffset);
            writer.WriteNumber("alignment", result.Block.Alignment);
            writer.WriteString("uuid", result.Block.Uuid);
            writer.WriteString("fileSystem", result.FileSystem?.Name);
            writer.WriteStartArray("notes");
            foreach (string note in result.Notes)
                writer.WriteStringValue(note);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        return Program.Success;
    }
}
