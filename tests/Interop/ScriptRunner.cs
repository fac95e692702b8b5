using System.Globalization;
using System.Text;
using Pmem.Objects;

namespace Interop;

/// <summary>Runs the scripts of peers/obj_script.c through Pmem.Objects.</summary>
internal sealed class ScriptRunner(string path, Pmem.StoreGranularity? granularity = null) : IDisposable
{
    public const int Slots = 4096;
    public const int DataSize = 262144;
    private const int IdSize = 16;
    private const long RootSize = (Slots * IdSize) + DataSize;

    private readonly StringBuilder _output = new();
    private readonly Stack<Transaction> _transactions = new();
    private ObjectStore? _store;
    private long _root;

    /// <summary>Runs on a store that is open.</summary>
    public ScriptRunner(ObjectStore store)
        : this(string.Empty)
    {
        _store = store;
        Attach();
    }

    /// <summary>What the dump operations wrote.</summary>
    public string Output => _output.ToString();

    public ObjectStore Store => _store!;

    public static string Run(string path, IEnumerable<string> script)
    {
        using var runner = new ScriptRunner(path);
        foreach (string line in script)
            runner.Execute(line);
        return runner.Output;
    }

    public static string Dump(ObjectStore store)
    {
        var output = new StringBuilder();
        Dump(store, output);
        return output.ToString();
    }

    public void Execute(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long a = Number(words, 1);
        long b = Number(words, 2);
        ulong c = (ulong)Number(words, 3);
        switch (words[0])
        {
            case "create":
                _store = ObjectStore.Create(path, "script", a, new ObjectStoreOptions { ForceGranularity = granularity });
                Attach();
                break;
            case "open":
                _store = ObjectStore.Open(path, "script");
                Attach();
                break;
            case "close":
                _store!.Dispose();
                break;
            case "alloc":
                Store.Allocate(ref Slot(a), b, c);
                Fill(Slot(a), a, b);
                break;
            case "zalloc":
                Store.Allocate(ref Slot(a), b, c, AllocationOptions.Zero);
                break;
            case "valloc":
                ObjectId id = Store.Allocate(b, c);
                Fill(id, a, b);
                Slot(a) = id;
                Store.Persist(ref Slot(a));
                break;
            case "free":
                Store.Free(ref Slot(a));
                break;
            case "realloc":
                Store.Reallocate(ref Slot(a), b, c);
                Fill(Slot(a), a, b);
                break;
            case "publish":
                PublishOne(a, b, c);
                break;
            case "grow":
                Store.GetRoot(a);
                Attach();
                break;
            case "dump":
                Dump(Store, _output);
                break;
            default:
                ExecuteInTransaction(words[0], a, b, c);
                break;
        }
    }

    public void Dispose() => _store?.Dispose();

    private static long Number(string[] words, int index) => index < words.Length ? long.Parse(words[index], CultureInfo.InvariantCulture) : 0;

    private static byte Pattern(long slot, long size) => (byte)((slot * 31) + (size * 7) + 1);

    private static ulong Fnv(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in bytes)
            hash = (hash ^ b) * 0x100000001b3;
        return hash;
    }

    private static void Dump(ObjectStore store, StringBuilder output)
    {
        ObjectId root = store.GetRoot(0);
        output.Append(CultureInfo.InvariantCulture, $"root {root.Offset:x} {store.RootSize}\n");
        output.Append(CultureInfo.InvariantCulture, $"data {Fnv(store.Map.GetSpan((long)root.Offset + (Slots * IdSize), DataSize)):x16}\n");
        for (int i = 0; i < Slots; i++)
        {
            ObjectId id = store.Map.Read<ObjectId>((long)root.Offset + (i * IdSize));
            if (!id.IsNull)
                output.Append(CultureInfo.InvariantCulture, $"slot {i} {id.Offset:x}\n");
        }

        for (ObjectId id = store.First(); !id.IsNull; id = store.Next(id))
            output.Append(CultureInfo.InvariantCulture, $"object {id.Offset:x} {store.GetUsableSize(id)} {store.GetTypeNumber(id)} {Fnv(store.GetSpan(id)):x16}\n");
    }

    private void Attach() => _root = (long)Store.GetRoot(RootSize).Offset;

    private ref ObjectId Slot(long index) => ref Store.Map.GetRef<ObjectId>(_root + (index * IdSize));

    private void Fill(ObjectId id, long slot, long size) => Store.Map.Fill((long)id.Offset, Pattern(slot, size), Store.GetUsableSize(id));

    private void PublishOne(long slot, long size, ulong type)
    {
        Span<PersistentAction> actions = stackalloc PersistentAction[3];
        ObjectId id = Store.Reserve(size, type, AllocationOptions.None, out actions[0]);
        Store.Map.Fill((long)id.Offset, Pattern(slot, size), actions[0].UsableSize);
        Store.SetValue(ref Store.Map.GetRef<ulong>(_root + (slot * IdSize)), id.PoolUuidLow, out actions[1]);
        Store.SetValue(ref Store.Map.GetRef<ulong>(_root + (slot * IdSize) + 8), id.Offset, out actions[2]);
        Store.Publish(actions);
    }

    private void ExecuteInTransaction(string operation, long a, long b, ulong c)
    {
        switch (operation)
        {
            case "begin":
                _transactions.Push(Store.BeginTransaction());
                break;
            case "commit":
                _transactions.Pop().Commit();
                break;
            case "abort":
                Transaction aborted = _transactions.Pop();
                Assert.Throws<TransactionAbortedException>(() => aborted.Abort());
                aborted.Dispose();
                break;
            case "end":
                _transactions.Pop().Dispose();
                break;
            case "set":
                long at = _root + (Slots * IdSize) + a;
                _transactions.Peek().Snapshot(at, b);
                Store.Map.GetSpan(at, (int)b).Fill((byte)c);
                break;
            case "talloc":
                _transactions.Peek().Snapshot(ref Slot(a));
                Slot(a) = _transactions.Peek().Allocate(b, c);
                FillObject(a, b);
                break;
            case "tfree":
                _transactions.Peek().Snapshot(ref Slot(a));
                _transactions.Peek().Free(Slot(a));
                Slot(a) = default;
                break;
            case "trealloc":
                _transactions.Peek().Snapshot(ref Slot(a));
                Slot(a) = _transactions.Peek().Reallocate(Slot(a), b, c);
                FillObject(a, b);
                break;
            default:
                throw new ArgumentException($"unknown operation {operation}", nameof(operation));
        }
    }

    private void FillObject(long slot, long size)
    {
        // Not published yet, so GetSpan would not take it for an object.
        long offset = (long)Slot(slot).Offset;
        Store.Map.GetSpan(offset, (int)Store.Heap.UsableSize(offset)).Fill(Pattern(slot, size));
    }
}
