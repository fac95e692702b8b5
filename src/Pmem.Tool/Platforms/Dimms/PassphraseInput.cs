using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary>
/// Where passphrases come from: a file, standard input, or a person who types. Never the command line, which everybody on the machine can read.
/// </summary>
internal static class PassphraseInput
{
    private const string StandardInput = "-";
    private const int MaximumFile = 4096;

    /// <summary>Reads a passphrase.</summary>
    /// <param name="file">The file; <c>-</c> for standard input, null to ask.</param>
    /// <param name="what">What is asked for.</param>
    /// <param name="option">The option that names the file.</param>
    /// <param name="isNew">Whether it is to be typed twice.</param>
    /// <exception cref="PmemException">It is none, or there is nobody to ask.</exception>
    public static Passphrase Read(string? file, string what, string option, bool isNew)
    {
        if (file is not null)
            return Parse(file == StandardInput ? ReadAll(Console.OpenStandardInput(), "standard input") : ReadFile(file));
        if (Console.IsInputRedirected)
            throw new PmemException($"the {what} is missing, and there is nobody to ask: give a file with {option}, or {option} -");
        string typed = Ask($"{what}: ");
        return !isNew || Ask($"{what} again: ") == typed ? Passphrase.FromText(typed) : throw new PmemException($"the {what} was typed in two ways; nothing was changed");
    }

    /// <summary>Text ends with its line; 32 bytes are taken as they are, because keys are any bytes.</summary>
    internal static Passphrase Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Passphrase.Size && bytes.EndsWith("\n"u8))
            bytes = bytes.EndsWith("\r\n"u8) ? bytes[..^2] : bytes[..^1];
        return Passphrase.FromBytes(bytes);
    }

    private static byte[] ReadFile(string path)
    {
        if (Directory.Exists(path))
            throw new PmemException($"{path} is a folder: name the file with the passphrase");
        using FileStream file = File.OpenRead(path);
        return ReadAll(file, path);
    }

    private static byte[] ReadAll(Stream stream, string name)
    {
        byte[] bytes = new byte[MaximumFile + 1];
        int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return length <= MaximumFile ? bytes[..length] : throw new PmemException($"{name} is too long for a passphrase: it has more than {MaximumFile} bytes");
    }

    private static string Ask(string prompt)
    {
        Console.Error.Write(prompt);
        var typed = new System.Text.StringBuilder();
        while (Console.ReadKey(intercept: true) is var key && key.Key != ConsoleKey.Enter)
        {
            if (key.Key == ConsoleKey.Backspace)
                typed.Length = Math.Max(0, typed.Length - 1);
            else if (key.KeyChar != '\0')
                typed.Append(key.KeyChar);
        }

        Console.Error.WriteLine();
        return typed.ToString();
    }
}
