using System.Runtime.Versioning;
using System.Security.Cryptography;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>
/// Changes with a backup, killed between any two steps and done again in the same words: the second run finishes, and the backup is what was there before
/// the first.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class BackupCrashTests : IDisposable
{
    private static readonly string[] s_lines = ["8M a", "9M b", "REPLICA", "18M c"];

    private static readonly Dictionary<string, (string Pool, Action<StoreFolder> Break, Action<StoreFolder, string> Change)> s_changes = new()
    {
        ["resize a file"] = ("pool", Nothing, (folder, backup) => ObjectStore.Resize(folder.File("pool"), 20 << 20, With(backup))),
        ["shrink a file"] = ("pool", Nothing, (folder, backup) => ObjectStore.Resize(folder.File("pool"), 12 << 20, With(backup))),
        ["repair a file"] = ("pool", folder => Flip(folder.File("pool"), 26), (folder, backup) => ObjectStore.Repair(folder.File("pool"), With(backup))),
        ["recover a file"] = ("pool", Nothing, (folder, backup) => ObjectStore.Recover(folder.File("pool"), With(backup))),
        ["toggle in a file"] = ("pool", Nothing, (folder, backup) => PoolFeatureSwitch.Set(folder.File("pool"), PoolFeature.CheckBadBlocks, false, With(backup))),
        ["remove a file"] = ("pool", Nothing, (folder, backup) => PoolRemoval.Run(folder.File("pool"), new PoolRemovalOptions { BackupPath = backup })),
        ["replace a file"] = ("pool", Nothing, (folder, backup) => Replace(folder.File("pool"), 9 << 20, backup)),
        ["resize a set"] = ("a.set", Nothing, (folder, backup) => ObjectStore.Resize(folder.File("a.set"), 24 << 20, With(backup))),
        ["repair a set"] = ("a.set", folder => Flip(folder.File("b"), 26), (folder, backup) => ObjectStore.Repair(folder.File("a.set"), With(backup))),
        ["recover a set"] = ("a.set", Nothing, (folder, backup) => ObjectStore.Recover(folder.File("a.set"), With(backup))),
        ["toggle in a set"] = ("a.set", Nothing, (folder, backup) => PoolFeatureSwitch.Set(folder.File("a.set"), PoolFeature.CheckBadBlocks, false, With(backup))),
        ["sync a missing part"] = ("a.set", folder => File.Delete(folder.File("b")), (folder, backup) => PoolSync.Run(folder.File("a.set"), new PoolSyncOptions { BackupPath = backup })),
        ["sync a broken part"] = ("a.set", folder => Flip(folder.File("c"), 26), (folder, backup) => PoolSync.Run(folder.File("a.set"), new PoolSyncOptions { BackupPath = backup })),
        ["add a replica"] = ("a.set", folder => folder.Write("to.set", [.. s_lines, "REPLICA", "19M d"]), Transform),
        ["remove a replica"] = ("a.set", folder => folder.Write("to.set", s_lines[..2]), Transform),
        ["remove headers"] = ("a.set", folder => folder.Write("to.set", ["OPTION SINGLEHDR", .. s_lines]), Transform),
        ["remove a set"] = ("a.set", Nothing, (folder, backup) => PoolRemoval.Run(folder.File("a.set"), new PoolRemovalOptions { BackupPath = backup, SetFileToo = true })),
        ["replace a set"] = ("a.set", Nothing, (folder, backup) => Replace(folder.File("a.set"), 0, backup)),
    };

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Changes => [.. s_changes.Keys];

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_killed_change_is_finished_in_the_same_words_and_its_backup_stays_that_of_the_first_run(string name)
    {
        (string pool, Action<StoreFolder> damage, Action<StoreFolder, string> change) = s_changes[name];
        string path = pool == "pool" ? _folder.File(pool) : _folder.Write(pool, s_lines);
        using (ObjectStore store = ObjectStore.Create(path, "backup", pool == "pool" ? 16 << 20 : 0))
            store.Map.Fill((long)store.Allocate(1_500_000, 1).Offset, 7, 1_500_000);
        damage(_folder);
        string[] before = Hashes(_folder.Root, pool);
        using var snapshots = new FolderSnapshots(_folder, every: name.StartsWith("replace", StringComparison.Ordinal) ? 400 : 20);
        change(_folder, _folder.File("backup"));
        snapshots.Take();
        snapshots.Dispose();
        string[] after = Names(_folder);
        Assert.Equal(before, BackedUp(_folder, pool));
        Assert.InRange(snapshots.Taken.Count, 3, 60);
        int kept = 0;
        int half = 0;
        foreach (StoreFolder crash in snapshots.Taken.SkipLast(1))
        {
            using (crash)
            {
                bool isMade = File.Exists(crash.File("backup")) || Directory.Exists(crash.File("backup"));
                kept += isMade ? 1 : 0;
                half += Directory.GetFileSystemEntries(crash.Root, "*.pmem-partial-*").Length > 0 ? 1 : 0;
                change(crash, crash.File("backup"));
                Assert.Equal(before, BackedUp(crash, pool));

                // No note lies there, nor what the killed run had not finished, nor anything else.
                Assert.Equal(string.Join(' ', after), string.Join(' ', Names(crash)));
                Judge(name, crash);
            }
        }

        Assert.True(kept > 0 && half > 0, "no run was killed in the backup, or none behind it");
        using StoreFolder done = snapshots.Taken[^1];
        if (!name.StartsWith("remove a ", StringComparison.Ordinal) && !File.Exists(done.File("to.set")))
            Assert.Contains("exists already", Assert.Throws<IOException>(() => change(done, done.File("backup"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backup_of_another_pool_or_of_a_finished_change_is_not_taken_for_that_of_this_one()
    {
        string path = _folder.File("pool");
        string other = _folder.File("other");
        ObjectStore.Create(path, "backup", 8 << 20).Dispose();
        ObjectStore.Create(other, "backup", 8 << 20).Dispose();
        Assert.Throws<OperationCanceledException>(() => ObjectStore.Resize(path, 12 << 20, With(_folder.File("backup")) with { Progress = new Stopper() }));
        Assert.True(File.Exists(_folder.File("backup")));
        Assert.Throws<IOException>(() => ObjectStore.Resize(other, 12 << 20, With(_folder.File("backup"))));
        ObjectStore.Resize(path, 12 << 20, With(_folder.File("backup")));
        Assert.Throws<IOException>(() => ObjectStore.Resize(path, 16 << 20, With(_folder.File("backup"))));
        Assert.Equal(12 << 20, new FileInfo(path).Length);
        Assert.Equal(8 << 20, new FileInfo(_folder.File("backup")).Length);
    }

    [Fact]
    public void A_file_that_has_the_name_of_a_note_and_is_none_stays()
    {
        string path = _folder.File("pool");
        ObjectStore.Create(path, "backup", 8 << 20).Dispose();
        File.WriteAllText(_folder.File(".backup.pmem-unfinished"), "mine");
        Assert.Contains("in the way", Assert.Throws<IOException>(() => ObjectStore.Recover(path, With(_folder.File("backup")))).Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_folder.File(".backup.pmem-unfinished")));
    }

    private static void Nothing(StoreFolder folder)
    {
        // The pool is as it should be.
    }

    private static PoolRepairOptions With(string backup) => new() { BackupPath = backup };

    private static void Transform(StoreFolder folder, string backup) => PoolTransform.Run(folder.File("a.set"), folder.File("to.set"), new PoolSyncOptions { BackupPath = backup });

    private static void Replace(string path, long size, string backup)
    {
        PoolFile.PlanCreation(path, PoolKind.Object, size, replace: true);
        PoolRemoval.MakeRoom(path, new PoolRemovalOptions { BackupPath = backup });
        ObjectStore.Create(path, "new", size).Dispose();
        PoolBackup.Finish(backup);
    }

    private static void Judge(string name, StoreFolder folder)
    {
        string set = folder.File(File.Exists(folder.File("to.set")) ? "to.set" : "a.set");
        string path = File.Exists(folder.File("pool")) ? folder.File("pool") : set;
        if (name.StartsWith("remove a ", StringComparison.Ordinal) && name != "remove a replica")
        {
            Assert.False(File.Exists(path), path);
            return;
        }

        PoolCheckResult check = ObjectStore.Check(path);
        Assert.True(check.IsConsistent, string.Join('\n', check.Problems));
        Assert.Empty(check.ReplicaDifferences);
        using ObjectStore store = ObjectStore.Open(path);
        Assert.Equal(name.StartsWith("replace", StringComparison.Ordinal) ? 0 : 1, store.EnumerateObjects().Count(item => item.TypeNumber == 1 && !item.IsInternal));
    }

    private static void Flip(string path, long offset)
    {
        using FileStream file = new(path, FileMode.Open);
        file.Position = offset;
        int value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 1));
    }

    private static string[] Names(StoreFolder folder) => [.. Directory.GetFiles(folder.Root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder.Root, file)).Order(StringComparer.Ordinal)];

    /// <summary>The parts that there are, by name.</summary>
    private static string[] Hashes(string folder, string pool) =>
        [.. Directory.GetFiles(folder).Where(file => pool == "pool" ? Path.GetFileName(file) == pool : Path.GetFileName(file).Length == 1).Order(StringComparer.Ordinal).Select(Hash)];

    private static string[] BackedUp(StoreFolder folder, string pool) => pool == "pool"
        ? [Hash(folder.File("backup")).Replace("backup ", "pool ", StringComparison.Ordinal)]
        : [.. Directory.GetFiles(folder.File("backup")).Where(file => !file.EndsWith(".set", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(file => Hash(file)[5..])];

    private static string Hash(string file) => $"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}";

    /// <summary>Ends the work when the file is being lengthened, which is behind the backup.</summary>
    private sealed class Stopper : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value)
        {
            if (value.Activity.StartsWith("lengthening", StringComparison.Ordinal))
                throw new OperationCanceledException();
        }
    }
}
