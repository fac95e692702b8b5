using System.CommandLine;
using Pmem.Emulation;
using Pmem.Platform.Captures;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms;

/// <summary>
/// Where a platform comes from: <c>--platform PATH</c>, or else the environment variable <c>PMEM_PLATFORM</c>, names the folder of a virtual platform, a capture, or a
/// folder with a copy of <c>sys</c>; without either it is the running Linux.
/// </summary>
internal sealed class PlatformSource : IDisposable
{
    /// <summary>The environment variable that names a platform where no option does.</summary>
    public const string Variable = "PMEM_PLATFORM";

    private const int Tries = 40;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private readonly IDisposable? _owned;

    private PlatformSource(string name, IPlatform platform, IDisposable? owned)
    {
        Name = name;
        Platform = platform;
        _owned = owned;
    }

    /// <summary>What people would call it: the path.</summary>
    public string Name { get; }

    /// <summary>The platform.</summary>
    public IPlatform Platform { get; }

    /// <summary>The platform with its power cord; null when it is not a virtual one.</summary>
    public VirtualPlatform? Virtual => _owned as VirtualPlatform;

    /// <summary>The capture that it is read from; null when it is none.</summary>
    public Capture? Capture => _owned as Capture;

    /// <summary>Refuses a capture, in which nothing ever happens.</summary>
    /// <param name="what">What cannot be done, such as <c>watched</c>.</param>
    /// <param name="instead">What shows what is in it.</param>
    /// <exception cref="PmemException">It is one.</exception>
    public void DemandAlive(string what, string instead)
    {
        if (Capture is not null)
            throw new PmemException($"{Name} is a capture: nothing happens in it that could be {what}; {instead} shows what was when it was taken");
    }

    /// <summary>The option that names a platform.</summary>
    public static Option<string?> Option() => new("--platform", "-p") { Description = $"The folder of the platform, or a capture of one; {Variable} if not given, and this machine if that is not set." };

    /// <summary>The path that the option or the environment names; null for this machine.</summary>
    /// <param name="path">What the option said; null for nothing.</param>
    public static string? PathOf(string? path) => (path ?? Environment.GetEnvironmentVariable(Variable)) is { Length: > 0 } named ? named : null;

    /// <summary>Opens the platform that the option or the environment names. The caller disposes it, which keeps what was disabled.</summary>
    /// <param name="path">What the option said; null for nothing.</param>
    /// <param name="mayBeEmpty">Whether a machine without NVDIMMs will do.</param>
    /// <exception cref="PmemException">There is none, or another process has it.</exception>
    public static PlatformSource Open(string? path, bool mayBeEmpty = false)
    {
        return PathOf(path) is { } named ? OpenPath(named) : OpenMachine(mayBeEmpty);
    }

    /// <summary>Opens a file where a platform is meant: a capture. The caller disposes it.</summary>
    /// <exception cref="PmemException">It is none.</exception>
    public static Capture OpenCapture(string path)
    {
        if (LinkedFile.IsRegular(path) && !Capture.LooksLike(path) && VirtualPlatform.FolderOf(path) is { } folder)
            throw new PmemException($"{path} is a file of a platform: name its folder, {folder}");
        return Capture.Open(path);
    }

    /// <summary>The platform with its power cord.</summary>
    /// <exception cref="PmemException">It is not a virtual one.</exception>
    public VirtualPlatform DemandVirtual() => Virtual ?? throw new PmemException(Capture is null
        ? $"{Name} is no virtual platform: take the folder of one"
        : $"{Name} is a capture, and no virtual platform: 'pmem list', 'pmem dimm show', 'pmem smart' and 'pmem explain' with --platform {Name} show what is in it");

    /// <inheritdoc/>
    public void Dispose() => _owned?.Dispose();

    // Other forms of platforms in files are told apart here.
    private static PlatformSource OpenPath(string path) => File.Exists(path) ? OpenFile(path)
        : new LinuxPlatform(path) is { IsPresent: true } copied ? new PlatformSource(path, copied, null)
        : OpenFolder(path);

    private static PlatformSource OpenMachine(bool mayBeEmpty)
    {
        var machine = new LinuxPlatform();
        return mayBeEmpty || machine.IsPresent
            ? new PlatformSource("this machine", machine, null)
            : throw new PmemException($"this machine has no NVDIMMs; say which platform: --platform DIR, or set {Variable}");
    }

    private static PlatformSource OpenFile(string path)
    {
        Capture capture = OpenCapture(path);
        return new PlatformSource(path, capture.Platform, capture);
    }

    private static PlatformSource OpenFolder(string path)
    {
        // Others hold a folder for the time of one look, such as 'pmem monitor'.
        for (int i = 1; ; i++)
        {
            try
            {
                VirtualPlatform made = VirtualPlatform.Open(path);
                return new PlatformSource(path, made.Platform, made);
            }
            catch (PmemException inUse) when (inUse.IsBusy && i < Tries)
            {
                Thread.Sleep(s_pause);
            }
            catch (PmemException inUse) when (inUse.IsBusy)
            {
                throw new PmemException($"{path} is in use: a guest ('pmem vm run') or another command has the platform; wait for its end, or power the guest off", inUse) { IsBusy = true };
            }
        }
    }
}
