using System.Globalization;
using System.Text.Json;
using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary>How a pool set is shown.</summary>
internal static class SetText
{
    /// <summary>The <c>set</c> member of info.</summary>
    public static void WriteJson(Utf8JsonWriter writer, PoolSetFile set)
    {
        writer.WriteStartObject("set");
        writer.WriteBoolean("singleHeader", set.Options.HasFlag(PoolSetOptions.SingleHeader));
        writer.WriteBoolean("folders", set.IsDirectoryBased);
        writer.WriteStartArray("replicas");
        foreach (IReadOnlyList<string> parts in set.PartFiles())
        {
            writer.WriteStartObject();
            writer.WriteStartArray("parts");
            foreach (string part in parts)
            {
                writer.WriteStartObject();
                writer.WriteString("path", part);
                writer.WriteNumber("size", SizeOf(part));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>The rows of info.</summary>
    public static void Write(PoolSetFile set, Action<string, string> row)
    {
        IReadOnlyList<IReadOnlyList<string>> replicas = set.PartFiles();
        string headers = set.Options.HasFlag(PoolSetOptions.SingleHeader) ? ", one header each" : string.Empty;
        row("set", $"{replicas.Count} replica(s){headers}{(set.IsDirectoryBased ? ", in folders" : string.Empty)}");
        for (int r = 0; r < replicas.Count; r++)
        {
            foreach (string part in replicas[r])
                row($"  replica {r.ToString(CultureInfo.InvariantCulture)}", $"{part}, {(File.Exists(LinkedFile.RealPath(part)) ? ByteSize.Format(SizeOf(part)) : "missing")}");
        }
    }

    private static long SizeOf(string part)
    {
        if (!File.Exists(LinkedFile.RealPath(part)))
            return 0;
        if (!PersistentMap.IsDeviceDax(part))
            return LinkedFile.LengthOf(part);
        using PersistentMap device = PersistentMap.Open(part, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return device.Length;
    }
}
