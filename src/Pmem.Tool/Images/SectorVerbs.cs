using System.CommandLine;
using Pmem.Blocks.Layout;
using Pmem.Platform.Images;
using Pmem.Tool.Btt;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Images;

/// <summary><c>pmem image flatten</c>, <c>unflatten</c> and <c>convert</c>.</summary>
internal static class SectorVerbs
{
    public static Command CreateFlatten()
    {
        Argument<string> source = ImageCommand.SourceArgument("A sector-mode namespace (BTT).");
        Argument<string> target = ImageCommand.TargetArgument();
        Option<bool> skip = SkipOption();
        var common = new ImageCommand.Common();
        var command = new Command("flatten", """
            Write what users of a sector-mode namespace see as a plain disk image.

            Exit codes: 0 all of it, 1 some sectors could not be read (--skip-bad), 2 nothing was written.

            Example: pmem image flatten sector.img disk.img
            """) { source, target, skip };
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var progress = new ProgressLine();
            SectorImageResult result = SectorImage.Flatten(common.Window(parsed, parsed.GetValue(source)!), parsed.GetValue(target)!, parsed.GetValue(skip), common.Options(parsed, progress, cancellation));
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, parsed.GetValue(target)!, result));
        });
        return command;
    }

    public static Command CreateUnflatten()
    {
        Argument<string> source = ImageCommand.SourceArgument("A disk image.");
        Argument<string> target = ImageCommand.TargetArgument();
        var layout = new LayoutOptions();
        var common = new ImageCommand.Common();
        var command = new Command("unflatten", """
            Make a sector-mode namespace (BTT) that holds a disk image.

            Example: pmem image unflatten disk.img sector.img --version 1.1 --sector-size 512
            """) { source, target };
        layout.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var progress = new ProgressLine();
            SectorImageResult result = SectorImage.Unflatten(common.Window(parsed, parsed.GetValue(source)!), parsed.GetValue(target)!, layout.Read(parsed, null, null), common.Options(parsed, progress, cancellation));
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, parsed.GetValue(target)!, result));
        });
        return command;
    }

    public static Command CreateConvert()
    {
        Argument<string> source = ImageCommand.SourceArgument("A sector-mode namespace (BTT).");
        Argument<string> target = ImageCommand.TargetArgument();
        Option<bool> skip = SkipOption();
        var layout = new LayoutOptions();
        var common = new ImageCommand.Common();
        var command = new Command("convert", """
            Make a sector-mode namespace of another version or with other sectors that holds the same disk. What is not given stays.
            Kernels take 2.0 with version 1.2 labels only, and 1.1 without labels or with version 1.1 labels only.

            Exit codes: 0 all of it, 1 some sectors could not be read (--skip-bad), 2 nothing was written.

            Example: pmem image convert sector.img sector11.img --version 1.1
            """) { source, target, skip };
        layout.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var progress = new ProgressLine();
            ImageWindow window = common.Window(parsed, parsed.GetValue(source)!);
            (BttFormat format, int sectorSize) = SectorImage.Describe(window);
            SectorImageResult result = SectorImage.Convert(window, parsed.GetValue(target)!, layout.Read(parsed, format, sectorSize), parsed.GetValue(skip), common.Options(parsed, progress, cancellation));
            progress.Dispose();
            return Task.FromResult(Print(common, parsed, parsed.GetValue(target)!, result));
        });
        return command;
    }

    private static Option<bool> SkipOption() => new("--skip-bad") { Description = "Zeros where a sector cannot be read; otherwise the first one ends it." };

    private static int Print(ImageCommand.Common common, ParseResult parsed, string path, SectorImageResult result)
    {
        int code = result.BadSectorCount == 0 ? Program.Success : Program.NotConsistent;
        if (!common.IsJson(parsed))
        {
            foreach (long sector in result.BadSectors)
                Console.Error.WriteLine($"sector {sector} could not be read: zeros");
            if (result.BadSectorCount > result.BadSectors.Count)
                Console.Error.WriteLine($"and {result.BadSectorCount - result.BadSectors.Count} more");
            string what = result.To is { } to
                ? $"sector namespace {BttFile.VariantName(to)}, {result.Size} bytes, sectors of {result.SectorSize} bytes, {result.DiskSize} bytes of data"
                : $"disk of {result.DiskSize} bytes, from {BttFile.VariantName(result.From)} with sectors of {result.SectorSize} bytes";
            Console.WriteLine($"{path}: {what}{(common.IsDryRun(parsed) ? " (dry run: nothing was written)" : string.Empty)}");
            return code;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("path", path);
            writer.WriteBoolean("dryRun", common.IsDryRun(parsed));
            writer.WriteString("from", result.From is null ? "disk" : BttFile.VariantName(result.From));
            writer.WriteString("to", result.To is null ? "disk" : BttFile.VariantName(result.To));
            writer.WriteNumber("size", result.Size);
            writer.WriteNumber("sectorSize", result.SectorSize);
            writer.WriteNumber("diskSize", result.DiskSize);
            writer.WriteNumber("badSectorCount", result.BadSectorCount);
            writer.WriteStartArray("badSectors");
            foreach (long sector in result.BadSectors)
                writer.WriteNumberValue(sector);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        return code;
    }

    /// <summary>The options that say how a namespace shall be.</summary>
    private sealed class LayoutOptions
    {
        private readonly Option<string?> _version = new("--version", "-V") { Description = "2.0 (labels 1.2), 1.1 (no labels, or labels 1.1), or pmdk (a bare table of libpmemblk)." };
        private readonly Option<string?> _sector = new("--sector-size") { Description = "Bytes of a sector: 512, 520, 528, 4096, 4104, 4160 or 4224 for Linux." };
        private readonly Option<string?> _size = new("--size", "-s") { Description = "Bytes of the namespace; as few as possible if not given." };
        private readonly Option<string?> _uuid = new("--uuid", "-u") { Description = "Uuid of the table; made if not given." };
        private readonly Option<string?> _parent = new("--parent-uuid") { Description = "Uuid of the namespace's label; without it any namespace is accepted." };

        public void AddTo(Command command)
        {
            command.Add(_version);
            command.Add(_sector);
            command.Add(_size);
            command.Add(_uuid);
            command.Add(_parent);
        }

        public SectorImageLayout Read(ParseResult parsed, BttFormat? format, int? sectorSize)
        {
            format = parsed.GetValue(_version) switch
            {
                null => format ?? BttFormat.Uefi20,
                "2.0" => BttFormat.Uefi20,
                "1.1" => BttFormat.Linux11,
                "pmdk" => BttFormat.Pmdk,
                { } text => throw new PmemException($"'{text}' is not a version: write 2.0, 1.1 or pmdk"),
            };
            long size = parsed.GetValue(_sector) is { } sector ? InfoBlockFile.ParseNumber(sector, 0) : sectorSize ?? 4096;
            if (size is < 1 or > BttLayout.MaximumBlockSize || (format != BttFormat.Pmdk && size is not (512 or 520 or 528 or 4096 or 4104 or 4160 or 4224)))
                throw new PmemException($"{size} is not the size of a sector: Linux accepts 512, 520, 528, 4096, 4104, 4160 and 4224");
            return new SectorImageLayout(
                format,
                (int)size,
                parsed.GetValue(_size) is { } bytes ? InfoBlockFile.ParseNumber(bytes, 0) : null,
                ImageCommand.ParseUuid(parsed.GetValue(_uuid)),
                ImageCommand.ParseUuid(parsed.GetValue(_parent)) ?? Guid.Empty);
        }
    }
}
