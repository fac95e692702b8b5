using System.Globalization;
using System.Text;
using Pmem;
using Pmem.Objects;

namespace Interop;

/// <summary>Reads the pool of peers/obj_list.c: a singly linked list and two PMDK lists whose links lie inside the objects.</summary>
internal static class ListDump
{
    private const int Count = 32;
    private const int Sum = 40;
    private const int FirstList = 112;
    private const int SecondList = 192;
    private const int FirstLinks = 8;
    private const int SecondLinks = 40;
    private const int Tag = 72;

    /// <summary>The same text as <c>obj_list dump</c>.</summary>
    public static string Of(ObjectStore store)
    {
        PersistentMap map = store.Map;
        long root = store.RootOffset;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"root size={store.RootSize} count={map.ReadUInt64(root + Count)} sum={map.ReadUInt64(root + Sum):x16}\n");
        for (ObjectId node = map.Read<ObjectId>(root); !node.IsNull; node = map.Read<ObjectId>((long)node.Offset))
        {
            long at = (long)node.Offset;
            string name = Encoding.ASCII.GetString(map.GetSpan(at + 32, 24)).TrimEnd('\0');
            text.Append(CultureInfo.InvariantCulture, $"node {map.ReadUInt64(at + 16)} {map.ReadUInt64(at + 24):x16} {name} type={store.GetTypeNumber(node)} usable={store.GetUsableSize(node)}\n");
        }

        foreach (long at in Walk(map, root + FirstList, FirstLinks, forward: true))
            text.Append(CultureInfo.InvariantCulture, $"la {map.ReadUInt64(at)} {map.ReadUInt64(at + Tag):x16}\n");
        foreach (long at in Walk(map, root + FirstList, FirstLinks, forward: false))
            text.Append(CultureInfo.InvariantCulture, $"la-rev {map.ReadUInt64(at)}\n");
        foreach (long at in Walk(map, root + SecondList, SecondLinks, forward: true))
            text.Append(CultureInfo.InvariantCulture, $"lb {map.ReadUInt64(at)} {map.ReadUInt64(at + Tag):x16}\n");
        int[] types = new int[3];
        for (ObjectId id = store.First(); !id.IsNull; id = store.Next(id))
            types[store.GetTypeNumber(id) switch { 1 => 0, 2 => 1, _ => 2 }]++;
        text.Append(CultureInfo.InvariantCulture, $"objects node={types[0]} entry={types[1]} other={types[2]}\nmutex lock rc=0\n");
        return text.ToString();
    }

    /// <summary>Objects of a circular list; the links hold the next object's id, then the previous one's.</summary>
    private static IEnumerable<long> Walk(PersistentMap map, long head, int links, bool forward)
    {
        long first = (long)map.Read<ObjectId>(head).Offset;
        if (first == 0)
            yield break;
        long start = forward ? first : Step(first);
        long at = start;
        do
        {
            yield return at;
            at = Step(at);
        }
        while (at != start);

        long Step(long from) => (long)map.Read<ObjectId>(from + links + (forward ? 0 : 16)).Offset;
    }
}
