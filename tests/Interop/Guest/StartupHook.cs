using System.Runtime.InteropServices;
using Pmem.Tool;

/// <summary>
/// Our program as a server, for guests: there it starts in seconds and not in milliseconds, so a script of many commands starts it once. The runtime calls this before
/// <c>Main</c>, as DOTNET_STARTUP_HOOKS says, and finds it by its name. Each line of standard input is a command, its arguments separated by tabs; what it printed is in
/// a file afterwards, and its exit code goes into a pipe.
/// </summary>
#pragma warning disable MA0047, CA1050 // the runtime looks for it outside of namespaces
internal static partial class StartupHook
#pragma warning restore MA0047, CA1050
{
    public const string Output = "/tmp/pmem.output";
    public const string Codes = "/tmp/pmem.codes";
    private const int WriteOnly = 1;
    private const int ReadWrite = 2;
    private const int CreateAndTruncate = 0x240;
    private const int OwnerOnly = 0x180;

    public static void Initialize()
    {
        using var commands = new StreamReader(Console.OpenStandardInput());
        int codes = Open(Codes, ReadWrite, 0);
        while (commands.ReadLine() is { } line)
        {
            Redirect(Open(Output, WriteOnly | CreateAndTruncate, OwnerOnly));
            byte[] code = System.Text.Encoding.ASCII.GetBytes($"{Program.Main(line.Split('\t'))}\n");
            _ = Write(codes, code, code.Length);
        }

        Environment.Exit(0);
    }

    private static void Redirect(int file)
    {
        _ = Duplicate(file, 1);
        _ = Duplicate(file, 2);
        _ = Close(file);

        // The runtime keeps copies of the descriptors that it began with.
        Console.SetOut(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        Console.SetError(new StreamWriter(Console.OpenStandardError()) { AutoFlush = true });
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, byte[] bytes, nint length);
}
