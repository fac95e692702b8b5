using System.Security.Cryptography;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>Which key of a DIMM.</summary>
internal enum NdctlKeyKind
{
    User,
    UserOld,
    Master,
    MasterOld,
}

/// <summary>
/// Keys of DIMMs: with ndctl they are sealed blobs in <c>/etc/ndctl/keys</c>, which a kernel opens in its key ring. A virtual platform has no kernel: the files are in the folder
/// <c>keys</c> of the platform, under ndctl's names, and hold the 32 bytes of the passphrase, readable by their owner alone.
/// </summary>
internal sealed class NdctlKeys
{
    private const string FolderName = "keys";
    private const string MasterKeyFile = "nvdimm-master.blob";
    private readonly string _folder;

    private NdctlKeys(string folder) => _folder = folder;

    /// <summary>Keys of a platform; null where a kernel has them.</summary>
    public static NdctlKeys? Of(PlatformSource source) => source.Virtual is { } made ? new NdctlKeys(Path.Combine(made.Folder, FolderName)) : null;

    /// <summary>Keys in a folder of choice.</summary>
    public static NdctlKeys In(string folder) => new(folder);

    /// <summary>Unlocks a DIMM whose key is there.</summary>
    public void Unlock(IPlatform platform, string dimm)
    {
        if (platform.GetSecurity(dimm).Value?.State == DimmSecurityState.Locked && TryLoad(NdctlKeyKind.User, IdOf(platform, dimm), quiet: true) is { } key)
            platform.ChangeSecurity(dimm, new SecurityRequest(SecurityOperation.Unlock) { Current = key });
    }

    public static string IdOf(IPlatform platform, string dimm) => platform.GetDimms().First(view => view.Name == dimm).Id;

    public string PathOf(NdctlKeyKind kind, string id) => Path.Combine(_folder, $"{kind switch
    {
        NdctlKeyKind.UserOld => "nvdimm-old",
        NdctlKeyKind.Master => "nvdimm-master",
        NdctlKeyKind.MasterOld => "nvdimm-master-old",
        _ => "nvdimm",
    }}_{id}_{Environment.MachineName}.blob");

    /// <summary>Reads a key; says why it cannot.</summary>
    public Passphrase? TryLoad(NdctlKeyKind kind, string id, bool quiet = false)
    {
        string path = PathOf(kind, id);
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (bytes.Length == Passphrase.Size)
                return Passphrase.FromBytes(bytes);
            if (!quiet)
                Console.Error.WriteLine("Invalid blob file size");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            if (!quiet)
                Console.Error.WriteLine($"failed to open file {path}: {Reason(gone)}");
        }

        return null;
    }

    /// <summary>Makes a key; null when there is one already, which is said.</summary>
    public Passphrase? Create(NdctlKeyKind kind, string id)
    {
        string path = PathOf(kind, id);
        if (File.Exists(path))
        {
            Console.Error.WriteLine($"{path} already exists!");
            return null;
        }

        byte[] key = RandomNumberGenerator.GetBytes(Passphrase.Size);
        key[0] |= 1;
        Directory.CreateDirectory(_folder);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(path, options))
        {
            file.Write(key);

            // The key is safe before a DIMM is locked with it.
            file.Flush(flushToDisk: true);
        }

        PersistentMap.SyncDirectory(_folder);
        return Passphrase.FromBytes(key);
    }

    public bool Has(NdctlKeyKind kind, string id) => File.Exists(PathOf(kind, id));

    /// <summary>Puts a key into the place of the old one.</summary>
    public bool Move(NdctlKeyKind from, NdctlKeyKind to, string id)
    {
        try
        {
            File.Move(PathOf(from, id), PathOf(to, id), overwrite: true);
            return true;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"rename failed from {PathOf(from, id)} to {PathOf(to, id)}: {Reason(failed)}");
            return false;
        }
    }

    public void Delete(NdctlKeyKind kind, string id) => File.Delete(PathOf(kind, id));

    /// <summary><c>load-keys</c>: says which keys are there. There is no key ring to put them into; who needs one reads it.</summary>
    public int Load(bool hasHandle)
    {
        if (!hasHandle && !File.Exists(Path.Combine(_folder, "tpm.handle")))
            Console.Error.WriteLine("No TPM handle discovered.");
        string master = Path.Combine(_folder, MasterKeyFile);
        if (File.Exists(master))
            Console.WriteLine("nvdimm master key loaded.");
        string[] files = Directory.Exists(_folder) ? Directory.GetFiles(_folder, "nvdimm_*.blob") : [];
        Console.WriteLine($"{files.Count(path => new FileInfo(path).Length == Passphrase.Size)} nvdimm keys loaded");
        return 0;
    }

    private static string Reason(Exception e) => e is FileNotFoundException or DirectoryNotFoundException ? "No such file or directory" : e is UnauthorizedAccessException ? "Permission denied" : e.Message;
}
