using System.Globalization;
using System.Text;
using Pmem;
using Pmem.Objects;

namespace Interop;

/// <summary>Pools whose objects lie in runs of classes that a C program registered: other units, alignments and object headers than the default ones.</summary>
public sealed class AllocationClassPoolTests
{
    [Fact]
    public void Objects_of_registered_classes_are_read_and_freed()
    {
        string program = Peers.Program("obj_class");
        string check = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "pool");
            string expected = Peers.Succeed(program, [path]);
            Assert.True(ObjectStore.Check(path).IsConsistent, string.Join('\n', ObjectStore.Check(path).Problems));
            using (ObjectStore store = ObjectStore.Open(path, "classes"))
            {
                Assert.Equal(expected, Dump(store));
                int kept = 0;
                for (ObjectId id = store.First(); !id.IsNull;)
                {
                    ObjectId next = store.Next(id);
                    if (++kept % 3 != 0)
                        store.Free(id);
                    id = next;
                }

                // Ours go between theirs.
                for (int size = 1; size < 40_000; size += 777)
                    store.Allocate(size, 500, AllocationOptions.Zero);
                expected = Dump(store);
            }

            Assert.True(ObjectStore.Check(path).IsConsistent);
            Peers.Succeed(check, ["check", "-v", path]);
            Assert.Equal(expected, Peers.Succeed(program, [path, "list"]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Dump(ObjectStore store)
    {
        var output = new StringBuilder();
        for (ObjectId id = store.First(); !id.IsNull; id = store.Next(id))
            output.Append(CultureInfo.InvariantCulture, $"{id.Offset:x} {store.GetUsableSize(id)} {store.GetTypeNumber(id)}\n");
        return output.ToString();
    }
}
