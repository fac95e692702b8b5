using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Pmem.Emulation;

namespace Pmem.Tool;

/// <summary>
/// Failures in one sentence of ours each, that says what to do: what the runtime says names its types and parameters, and what the system says is a word or two.
/// </summary>
internal static partial class FailureText
{
    private const string ReadOnly = "Read-only file system";

    /// <summary>A failure that a verb met. What cannot be found out about its file is left out: this never fails itself.</summary>
    public static string Of(Exception failure)
    {
        try
        {
            return Describe(failure);
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FirstLine(failure.Message);
        }
    }

    private static string Describe(Exception failure) => failure switch
    {
        PmemException => OfMap(FirstLine(failure.Message)),
        FileNotFoundException when FolderIn(failure.Message) is { } folder => OfFolder(folder),
        FileNotFoundException { FileName: { } file } when IsOfTheRuntime(failure) => $"there is no file {file}",
        DirectoryNotFoundException when PathIn(failure) is { } path => Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder)
            ? $"there is no folder {folder} that {path} could be in: make it first, or name another place"
            : $"there is no folder {path}",
        UnauthorizedAccessException when PathIn(failure) is { } path => Denied(path),
        PathTooLongException => "a name is longer than the file system takes: choose a shorter one",
        IOException io => OfInput(io),
        OperationCanceledException => "cancelled",
        ArgumentException { ParamName: { } name } => FirstLine(failure.Message).Replace($" (Parameter '{name}')", string.Empty, StringComparison.Ordinal),
        _ => FirstLine(failure.Message),
    };

    /// <summary>What is wrong with a command line.</summary>
    public static string Of(ParseError error)
    {
        string[] parts = error.Message.Split('\'');
        return parts is ["Cannot parse argument ", var value, _, var name, " as expected type ", var type, ..] ? $"{name} takes {KindOf(type)}, not '{value}'" : error.Message;
    }

    /// <summary>The first line of a message: what follows is for programmers.</summary>
    public static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();

    private static string KindOf(string type) =>
        type.Contains("Int", StringComparison.Ordinal) ? $"a whole number{(type.Contains("Int32", StringComparison.Ordinal) ? $" up to {int.MaxValue}" : string.Empty)}"
        : type.Contains("Double", StringComparison.Ordinal) ? "a number"
        : "a value";

    private static bool IsOfTheRuntime(Exception failure) => failure.Message.StartsWith("Could not find", StringComparison.Ordinal);

    /// <summary>What the library says of a file that it may not map speaks to programs, which choose how to open it.</summary>
    private static string OfMap(string message)
    {
        if (NotOpened().Match(message) is not { Success: true } found)
            return message;
        string path = found.Groups["path"].Value;
        if (!VirtualPlatform.IsState(path))
            return found.Groups["why"].Value == ReadOnly ? OnReadOnly(path) : Denied(path);
        return $"the platform in {VirtualPlatform.FolderOf(path)} cannot be opened, for its state cannot be written ({(found.Groups["why"].Value == ReadOnly || OperatingSystem.IsWindows() ? "its file system is read-only" : $"permission denied, {Text(File.GetUnixFileMode(path))}")}): ask its owner, copy its folder, or look at a capture of it ('pmem capture')";
    }

    private static string OfInput(IOException failure)
    {
        string message = FirstLine(failure.Message);
        if (message.EndsWith("because it is being used by another process.", StringComparison.Ordinal) && PathIn(failure) is { } used)
            return $"{used} is in use by another process: wait for its end, or end it";
        if (message.StartsWith("The file '", StringComparison.Ordinal) && message.EndsWith("already exists.", StringComparison.Ordinal) && PathIn(failure) is { } there)
            return $"{there} is there already: take another name, or remove it";

        // What the system said, and of which file: "No space left on device : '/mnt/x'".
        if (message.IndexOf(" : '", StringComparison.Ordinal) is var colon && (colon <= 0 || !message.EndsWith('\'')))
            return message == "Broken pipe" ? "nobody reads the output any more" : message;
        string path = Named(message[(colon + 4)..^1]);
        return message[..colon] switch
        {
            "No space left on device" => $"there is no space left for {path}: make room on its file system, or choose another",
            "Disk quota exceeded" => $"your quota leaves no space for {path}: make room, or choose another file system",
            "File too large" => $"{path} becomes larger than its file system, or your limit (ulimit -f), takes: choose another, or raise the limit",
            ReadOnly => OnReadOnly(path),
            "Input/output error" => $"the device under {path} cannot be read or written: the system's log (dmesg) says more",
            "Is a directory" => OfFolder(path),
            "Not a directory" => $"a part of {path} is a file where a folder must be: name another place",
            "Text file busy" => $"{path} is a program that runs: wait for its end",
            "Too many levels of symbolic links" => $"the symbolic links of {path} lead in a circle: name the file itself",
            "Too many open files" => $"{path} cannot be opened beside so many others: raise the limit (ulimit -n)",
            "Permission denied" or "Operation not permitted" => Denied(path),
            var said => $"{path}: {char.ToLowerInvariant(said[0])}{said[1..]}",
        };
    }

    /// <summary>A folder where a file is meant: that of a platform has its own option.</summary>
    private static string OfFolder(string path) => VirtualPlatform.FolderOf(Path.Combine(path, "any")) is null ? $"{path} is a folder: name a file" : $"{path} is the folder of a platform: name it with --platform, or one of its files";

    private static string? FolderIn(string message)
    {
        const string None = "there is no file ";
        return message.StartsWith(None, StringComparison.Ordinal) && message[None.Length..].Split(';')[0] is var path && Directory.Exists(path) ? path : null;
    }

    private static string OnReadOnly(string path) => $"{path} is on a file system that is read-only: choose another, or mount it for writing";

    private static string Denied(string path)
    {
        path = Named(path);
        if (Directory.Exists(path))
            return OfFolder(path);
        string mode = !OperatingSystem.IsWindows() && File.Exists(path) ? $" ({Text(File.GetUnixFileMode(path))})" : string.Empty;
        return mode.Length > 0
            ? $"{path} cannot be opened: permission denied{mode}; ask its owner, or run the command as a user who may"
            : $"{path} cannot be reached or made: permission denied; ask the owner of its folder, or run the command as a user who may";
    }

    private static string Text(UnixFileMode mode) => string.Create(9, (int)mode, static (text, bits) =>
    {
        for (int i = 0; i < text.Length; i++)
            text[i] = (bits & (1 << (text.Length - 1 - i))) != 0 ? "rwx"[i % 3] : '-';
    });

    /// <summary>A file as it shall be called: until it is whole it has another name.</summary>
    private static string Named(string path) => Partial().Match(path) is { Success: true } found ? $"{found.Groups["folder"].Value}{found.Groups["name"].Value}" : path;

    [GeneratedRegex(@"^cannot (open|create) (?<path>.+): (?<why>Permission denied|Read-only file system) \(errno \d+\)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex NotOpened();

    [GeneratedRegex(@"^(?<folder>.*/)?\.(?<name>[^/]+)\.pmem-partial-[0-9a-f]{32}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Partial();

    private static string? PathIn(Exception failure) => failure.Message.IndexOf('\'', StringComparison.Ordinal) is var first and >= 0 && failure.Message.LastIndexOf('\'') is var last && last > first + 1 ? failure.Message[(first + 1)..last] : null;
}
