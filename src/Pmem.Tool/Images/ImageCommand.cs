using System.CommandLine;
using Pmem.Platform.Images;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Images;

/// <summary><c>pmem image</c>: disks and file system images as namespaces, and back.</summary>
internal static class ImageCommand
{
    public static Command Create() =>
        new("image", """
            Make namespaces of file system images and disks, and turn namespaces into each other. Files only: no device, no root.
            The output appears under its name when it is complete and durable; what is read is never changed (but by wrap --in-place).

            Examples:
              pmem image wrap root.ext4 nvdimm.img
              pmem image unflatten disk.img sector.img --sector-size 4096
              pmem image flatten sector.img disk.img
              pmem image convert sector.img labels11.img --version 1.1
            """)
        {
            FsdaxVerbs.CreateWrap(),
            FsdaxVerbs.CreateUnwrap(),
            FsdaxVerbs.CreateRelocate(),
            SectorVerbs.CreateFlatten(),
            SectorVerbs.CreateUnflatten(),
            SectorVerbs.CreateConvert(),
        };

    public static Argument<string> SourceArgument(string what) => new("SOURCE") { Description = what };

    public static Argument<string> TargetArgument() => new("TARGET") { Description = "The file to write." };

    public static Guid? ParseUuid(string? text) =>
        text is null ? null : Guid.TryParse(text, out Guid uuid) ? uuid : throw new PmemException($"'{text}' is not a uuid; write one such as 3f2504e0-4f89-11d3-9a0c-0305e82c3301");

    /// <summary>The options that all verbs have.</summary>
    public sealed class Common
    {
        private readonly Option<string?> _offset = new("--offset", "-O") { Description = "Where it begins in SOURCE." };
        private readonly Option<string?> _length = new("--length", "-l") { Description = "Bytes of it in SOURCE; to the end of the file if not given." };
        private readonly Option<bool> _force = new("--force", "-f") { Description = "Replace TARGET when it exists." };
        private readonly Option<bool> _dryRun = new("--dry-run", "-n") { Description = "Tell what would be written, and write nothing." };
        private readonly Option<bool> _json = PoolCommand.JsonOption();

        public void AddTo(Command command)
        {
            command.Add(_offset);
            command.Add(_length);
            command.Add(_force);
            command.Add(_dryRun);
            command.Add(_json);
        }

        public ImageWindow Window(ParseResult parsed, string path) =>
            new(path, InfoBlockFile.ParseNumber(parsed.GetValue(_offset), 0), parsed.GetValue(_length) is { } text ? InfoBlockFile.ParseNumber(text, 0) : null);

        public bool IsWindow(ParseResult parsed) => parsed.GetValue(_offset) is not null || parsed.GetValue(_length) is not null;

        public bool IsDryRun(ParseResult parsed) => parsed.GetValue(_dryRun);

        public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

        public ImageOptions Options(ParseResult parsed, ProgressLine progress, CancellationToken cancellation)
        {
            if (parsed.GetValue<string?>("TARGET") is { } target)
                OutputFile.DemandForeign(target, parsed.GetValue<string?>("SOURCE"));
            return new() { Overwrite = parsed.GetValue(_force), DryRun = parsed.GetValue(_dryRun), Progress = progress, Cancellation = cancellation };
        }
    }
}
