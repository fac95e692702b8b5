using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Pmem.CrashTesting.Traces;

/// <summary>Finds the source line of a place in a method, in the portable symbols beside or inside its assembly.</summary>
internal static class SourceLines
{
    private static readonly ConcurrentDictionary<Assembly, MetadataReaderProvider?> s_symbols = new();

    public static SourceFrame Find(MethodBase method, int offset)
    {
        Assembly assembly = method.Module.Assembly;
        string name = Name(method);
        string assemblyName = assembly.GetName().Name ?? string.Empty;
        (string? file, int line) = (null, 0);
        try
        {
            if (s_symbols.GetOrAdd(assembly, Open) is { } provider)
                (file, line) = Find(provider.GetMetadataReader(), method.MetadataToken, offset);
        }
        catch (BadImageFormatException)
        {
            // Symbols of another build: the method's name is all there is.
        }

        return new SourceFrame(assemblyName, name, file, line);
    }

    /// <summary>Type and method as the source has them: lambdas, local functions, iterators and async methods by the method that holds them.</summary>
    public static string Name(MethodBase method)
    {
        Type? type = method.DeclaringType;
        string name = method.Name;
        while (type is not null && type.Name.StartsWith('<'))
        {
            if (Between(type.Name, '<', '>') is { Length: > 0 } holder)
                name = holder; // the state of an iterator or an async method
            type = type.DeclaringType;
        }

        if (name.StartsWith('<'))
        {
            string? local = name.Contains(">g__", StringComparison.Ordinal) ? Between(name[name.IndexOf(">g__", StringComparison.Ordinal)..], '_', '|')?[1..] : null;
            name = Between(name, '<', '>') + (local is null ? string.Empty : $".{local}");
        }

        return type is null ? name : $"{type.Name}.{name}";
    }

    private static string? Between(string text, char from, char to)
    {
        int start = text.IndexOf(from, StringComparison.Ordinal) + 1;
        int end = text.IndexOf(to, start);
        return end < 0 ? null : text[start..end];
    }

    private static (string? File, int Line) Find(MetadataReader reader, int token, int offset)
    {
        EntityHandle handle = MetadataTokens.EntityHandle(token);
        if (handle.Kind != HandleKind.MethodDefinition)
            return default;
        MethodDebugInformation information = reader.GetMethodDebugInformation(((MethodDefinitionHandle)handle).ToDebugInformationHandle());
        SequencePoint? best = null;
        foreach (SequencePoint point in information.GetSequencePoints())
        {
            if (point.IsHidden)
                continue;
            if (point.Offset > offset && best is not null)
                break;
            best = point;
        }

        return best is { } found ? (reader.GetString(reader.GetDocument(found.Document).Name), found.StartLine) : default;
    }

    private static MetadataReaderProvider? Open(Assembly assembly)
    {
        if (assembly.IsDynamic || string.IsNullOrEmpty(assembly.Location))
            return null;
        try
        {
            string beside = Path.ChangeExtension(assembly.Location, ".pdb");
            if (File.Exists(beside))
                return MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(beside));
            using var image = new PEReader(File.OpenRead(assembly.Location));
            foreach (DebugDirectoryEntry entry in image.ReadDebugDirectory())
            {
                if (entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb)
                    return image.ReadEmbeddedPortablePdbDebugDirectoryData(entry);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadImageFormatException)
        {
            // No symbols, no lines.
        }

        return null;
    }
}
