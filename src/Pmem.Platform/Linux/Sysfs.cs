using System.Text;
using Microsoft.Win32.SafeHandles;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>
/// Files in which a kernel shows its devices, below a root folder of choice. Devices come and go while they are read: what is not there, or may not be read, is null.
/// </summary>
internal class Sysfs(string root)
{
    public const string Devices = "sys/bus/nd/devices";

    private const int MaximumLength = 1 << 20;
    private const int ErrorAccess = 13;
    private const int ErrorNotPermitted = 1;
    private const int ErrorNoDevice = 6;
    private const int ErrorBusy = 16;
    private const int ErrorInvalid = 22;
    private const int ErrorNoSpace = 28;

    /// <summary>Told of every write that was taken; null for nobody.</summary>
    public Action<string, string>? Written { get; init; }

    public string Root => root;

    public string PathOf(string path) => Path.Combine(root, path);

    /// <summary>Names of the devices of the bus, such as <c>region0</c>, by number.</summary>
    /// <param name="prefix">Such as <c>region</c>.</param>
    public IReadOnlyList<string> Names(string prefix) =>
        [.. List(Devices).Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name[prefix.Length..].All(c => char.IsAsciiDigit(c) || c == '.')).OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal)];

    /// <summary>The bus below which a device is; the first one where the folder of devices does not tell.</summary>
    public virtual string BusOf(string device)
    {
        try
        {
            string? target = new DirectoryInfo(PathOf($"{Devices}/{device}")).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
            return target?.Split(Path.DirectorySeparatorChar).LastOrDefault(part => IsNumbered(part, "ndbus")) ?? (Names("ndbus") is [{ } first, ..] ? first : BusView.First);
        }
        catch (IOException)
        {
            return BusView.First;
        }
    }

    protected static bool IsNumbered(string name, string prefix) => name.Length > prefix.Length && name.StartsWith(prefix, StringComparison.Ordinal) && name.AsSpan(prefix.Length).IndexOfAnyExceptInRange('0', '9') < 0;

    public virtual bool Exists(string path) => Path.Exists(PathOf(path));

    /// <summary>The text of an attribute, without the end of its line.</summary>
    public virtual string? Read(string path)
    {
        try
        {
            // Attributes say that they have 4096 bytes, and have what they have.
            using FileStream file = File.OpenRead(PathOf(path));
            using var reader = new StreamReader(file);
            char[] text = new char[MaximumLength];
            int length = reader.ReadBlock(text);
            return new string(text, 0, length).Trim();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="IOException">It is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public virtual byte[] ReadBytes(string path) => File.ReadAllBytes(PathOf(path));

    /// <summary>Names in a folder.</summary>
    public virtual IReadOnlyList<string> List(string path)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(PathOf(path)).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal)];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The first name in a folder.</summary>
    public string? First(string path) => List(path) is [{ } first, ..] ? first : null;

    /// <summary>Writes an attribute, in one call as kernels want it; a refusal says which attribute, and why as far as the kernel says it.</summary>
    public virtual PlatformResult<string> Write(string path, string value)
    {
        try
        {
            using (SafeFileHandle file = File.OpenHandle(PathOf(path), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                RandomAccess.Write(file, Encoding.UTF8.GetBytes($"{value}\n"), 0);
            Written?.Invoke(path, value);
            return PlatformResult<string>.Done(value);
        }
        catch (UnauthorizedAccessException)
        {
            return PlatformResult<string>.Refused(PlatformError.NoPermission, $"{PathOf(path)} may not be written", "run as root");
        }
        catch (IOException refused)
        {
            (PlatformError error, string remedy) = Meaning(refused.HResult);
            return PlatformResult<string>.Refused(error, $"the kernel does not take '{value}' for {PathOf(path)}: {refused.Message}", remedy);
        }
    }

    private static (PlatformError Error, string Remedy) Meaning(int number) => number switch
    {
        ErrorAccess or ErrorNotPermitted => (PlatformError.NoPermission, "run as root"),
        ErrorBusy => (PlatformError.Busy, "stop what uses it, or wait"),
        ErrorNoSpace => (PlatformError.NoSpace, "destroy a namespace, or take a smaller size"),
        ErrorNoDevice => (PlatformError.RegionUnusable, "look into the kernel's log"),
        ErrorInvalid => (PlatformError.BadValue, "look into the kernel's log"),
        _ => (PlatformError.Failed, "look into the kernel's log"),
    };
}
