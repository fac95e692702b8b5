using System.CommandLine;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Health;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary><c>pmem dimm security</c>: passphrases of DIMMs, locks, and erasing. Passphrases come from files or are typed.</summary>
internal static class DimmSecurityCommand
{
    private const string CurrentOption = "--passphrase-file";
    private const string NextOption = "--new-passphrase-file";

    public static Command Create() =>
        new("security", """
            Show and change the security of DIMMs. A DIMM with a passphrase is locked after a power cycle: its media and labels cannot be reached before it is
            unlocked. A passphrase has at most 32 bytes; it is read from a file ('-' is standard input) or typed, and never given on the command line.

            Examples:
              pmem dimm security setup nmem0 --new-passphrase-file secret --platform vm1
              pmem platform power-cut vm1
              pmem dimm security unlock nmem0 --passphrase-file secret --platform vm1
              pmem region disable region0 --platform vm1 && pmem dimm security erase nmem0 --passphrase-file secret --force --platform vm1
            """)
        {
            ShowVerb(),
            Verb(new("setup", "Set a passphrase where there is none. From the next power cycle on the DIMM is locked until it is unlocked.", SecurityOperation.SetPassphrase) { HasMaster = true, TakesNew = true, Example = "--new-passphrase-file secret" }),
            Verb(new("update", "Set another passphrase.", SecurityOperation.SetPassphrase) { HasMaster = true, TakesNew = true, TakesCurrent = true, Example = "--passphrase-file secret --new-passphrase-file other" }),
            Verb(new("remove", "Remove the passphrase: the DIMM is never locked.", SecurityOperation.RemovePassphrase) { TakesCurrent = true, Example = "--passphrase-file secret" }),
            Verb(new("freeze", "Let nothing of the security be changed before the next power cycle.", SecurityOperation.Freeze)),
            Verb(new("unlock", "Unlock a DIMM until the next power cycle.", SecurityOperation.Unlock) { TakesCurrent = true, Example = "--passphrase-file secret" }),
            Verb(new("erase", "Erase the media of a DIMM by forgetting their key. Content and passphrase are lost; labels stay, and their namespaces are raw.", SecurityOperation.Erase) { HasMaster = true, TakesCurrent = true, Example = "--passphrase-file secret --force" }),
            Verb(new("overwrite", "Overwrite media and labels of a DIMM. It goes on after the command; 'pmem dimm security wait' waits for its end.", SecurityOperation.Overwrite) { TakesCurrent = true, Example = "--passphrase-file secret --force --wait" }),
            WaitVerb(),
        };

    private static Command ShowVerb()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: true);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("show", "Show the security of DIMMs.\n\nExample: pmem dimm security show --platform vm1") { names, platform, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(platform));
            Show(source.Platform, [.. DimmSelection.Choose(source.Platform, parsed.GetValue(names) ?? []).Select(dimm => dimm.Name)], parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static Command Verb(SecurityVerb verb)
    {
        bool erases = verb.Operation is SecurityOperation.Erase or SecurityOperation.Overwrite;
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: false);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var current = new Option<string?>(CurrentOption) { Description = erases ? "The file with the passphrase, '-' for standard input; not needed where none is set." : "The file with the passphrase, '-' for standard input; asked for if not given." };
        var next = new Option<string?>(NextOption) { Description = "The file with the new passphrase, '-' for standard input; asked for if not given." };
        var master = new Option<bool>("--master", "-m") { Description = "The master passphrase, with which content can be erased when the other is lost." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Tell whether the DIMM's state lets it, and change nothing." };
        var force = new Option<bool>("--force", "-f") { Description = "Without asking." };
        var wait = new Option<bool>("--wait", "-w") { Description = "Wait for the end." };
        var command = new Command(verb.Name, $"{verb.Help}\n\nExample: pmem dimm security {verb.Name} nmem0 {verb.Example}{(verb.Example.Length > 0 ? " " : string.Empty)}--platform vm1") { names, platform, dryRun, json };
        foreach ((bool has, Option option) in new (bool, Option)[] { (verb.TakesCurrent, current), (verb.TakesNew, next), (verb.HasMaster, master), (erases, force), (verb.Operation == SecurityOperation.Overwrite, wait) })
        {
            if (has)
                command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                bool isMaster = verb.HasMaster && parsed.GetValue(master);
                var asked = new SecurityRequest(verb.Operation) { IsMaster = isMaster };
                string[] dimms = Prepare(parsed.GetValue(platform), parsed.GetValue(names)!, verb, asked, out bool anyPassphrase);
                if (parsed.GetValue(dryRun))
                {
                    Console.WriteLine($"{string.Join(", ", dimms)}: {verb.Name} is possible; nothing was changed");
                    return Program.Success;
                }

                if (erases && !parsed.GetValue(force))
                    Confirm(verb.Name, dimms);
                string kind = isMaster ? "master passphrase" : "passphrase";
                string? currentFile = verb.TakesCurrent ? parsed.GetValue(current) : null;
                bool needsCurrent = verb.TakesCurrent && (!erases || isMaster || anyPassphrase || currentFile is not null);
                SecurityRequest request = asked with
                {
                    Current = needsCurrent ? PassphraseInput.Read(currentFile, kind, CurrentOption, isNew: false) : null,
                    Next = verb.TakesNew ? PassphraseInput.Read(parsed.GetValue(next), $"new {kind}", NextOption, isNew: true) : null,
                };
                using (PlatformSource source = PlatformSource.Open(parsed.GetValue(platform)))
                {
                    foreach (string dimm in dimms)
                        source.Platform.ChangeSecurity(dimm, request).Demand();
                    if (verb.Operation != SecurityOperation.Overwrite || !parsed.GetValue(wait))
                    {
                        Show(source.Platform, dimms, parsed.GetValue(json));
                        return Program.Success;
                    }
                }

                return Wait(parsed.GetValue(platform), dimms, TimeSpan.FromMilliseconds(200), parsed.GetValue(json), cancellation);
            },
            cancellation));
        return command;
    }

    private static Command WaitVerb()
    {
        Argument<string[]> names = DimmSelection.Argument(mayBeEmpty: true);
        Option<string?> platform = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var poll = new Option<double>("--poll") { Description = "Seconds between two looks.", DefaultValueFactory = _ => 0.2 };
        var command = new Command("wait", "Wait until no DIMM is being overwritten. Ctrl-C ends waiting, not the overwrite.\n\nExample: pmem dimm security wait nmem0 --platform vm1") { names, platform, poll, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                string[] dimms;
                using (PlatformSource source = PlatformSource.Open(parsed.GetValue(platform)))
                {
                    source.DemandAlive("waited for", "'pmem dimm security show'");
                    dimms = [.. DimmSelection.Choose(source.Platform, parsed.GetValue(names) ?? []).Select(dimm => dimm.Name)];
                }

                return Wait(parsed.GetValue(platform), dimms, Polling.Parse(parsed.GetValue(poll)), parsed.GetValue(json), cancellation);
            },
            cancellation));
        return command;
    }

    /// <summary>All DIMMs are judged before one is changed, and before somebody has to type.</summary>
    private static string[] Prepare(string? path, string[] names, SecurityVerb verb, SecurityRequest asked, out bool anyPassphrase)
    {
        using PlatformSource source = PlatformSource.Open(path);
        anyPassphrase = false;
        IReadOnlyList<DimmView> dimms = DimmSelection.Choose(source.Platform, names);
        foreach (DimmView dimm in dimms)
        {
            DimmSecurity security = source.Platform.GetSecurity(dimm.Name).Demand();
            asked.Judge(dimm.Name, security).Demand();
            bool isSet = asked.IsMaster ? security.HasMasterPassphrase == true : security.State != DimmSecurityState.Disabled;
            anyPassphrase |= isSet;
            if (verb.Operation == SecurityOperation.SetPassphrase && security.HasMasterPassphrase is not null && isSet != verb.TakesCurrent)
                throw new PmemException($"{dimm.Name} has {(isSet ? "a" : "no")} {(asked.IsMaster ? "master " : string.Empty)}passphrase: use 'pmem dimm security {(isSet ? "update" : "setup")}'");
            RegionView? user = asked.Erases ? source.Platform.GetRegions().FirstOrDefault(region => region.State != Platform.Labels.RegionState.Disabled && region.Mappings.Any(mapping => mapping.Dimm == dimm.Name)) : null;
            if (user is not null)
                throw new PmemException($"{dimm.Name} is in use: {user.Name} is enabled, and all of its content would be lost; disable it first: 'pmem region disable {user.Name}'");
        }

        return [.. dimms.Select(dimm => dimm.Name)];
    }

    private static void Confirm(string verb, string[] dimms)
    {
        if (Console.IsInputRedirected)
            throw new PmemException($"all content of {string.Join(", ", dimms)} would be lost: say --force to {verb} without being asked");
        Console.Error.Write($"All content of {string.Join(", ", dimms)} will be lost. Type yes to {verb}: ");
        if (Console.ReadLine() != "yes")
            throw new PmemException("nothing was changed");
    }

    private static int Wait(string? path, string[] dimms, TimeSpan pause, bool json, CancellationToken cancellation)
    {
        using var progress = new ProgressLine();
        while (true)
        {
            // Not for longer than a look is the platform kept from others.
            using (PlatformSource source = PlatformSource.Open(path))
            {
                DimmSecurity[] states = [.. dimms.Select(dimm => source.Platform.GetSecurity(dimm).Demand())];
                if (Array.TrueForAll(states, state => state.State != DimmSecurityState.Overwrite))
                {
                    progress.Dispose();
                    Show(source.Platform, dimms, json);
                    return Program.Success;
                }

                progress.Report(new Pmem.Pools.Checking.PoolProgress("overwrite", (long)(states.Min(state => state.OverwriteProgress ?? 1) * 100), 100));
            }

            cancellation.WaitHandle.WaitOne(pause);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static void Show(IPlatform platform, IReadOnlyList<string> dimms, bool json)
    {
        (string Name, PlatformResult<DimmSecurity> Security)[] found = [.. dimms.Select(dimm => (dimm, platform.GetSecurity(dimm)))];
        if (json)
        {
            Console.WriteLine(NdctlJson.Print(new JsonArray([.. found.Select(dimm => Describe(dimm.Name, dimm.Security))])));
            return;
        }

        foreach ((string name, PlatformResult<DimmSecurity> security) in found)
            Console.WriteLine(security.Value is { } its ? $"{name}: {Sentence(its)}" : security.Message);
    }

    private static JsonObject Describe(string name, PlatformResult<DimmSecurity> told)
    {
        var json = new JsonObject { ["dev"] = name };
        if (told.Value is not { } security)
        {
            json["problem"] = told.Message;
            return json;
        }

        json["security"] = security.State.ToString().ToLowerInvariant();
        json["security_frozen"] = security.IsFrozen;
        foreach ((string member, bool? value) in new[] { ("master_passphrase", security.HasMasterPassphrase), ("attempts_exhausted", security.IsExhausted), ("master_attempts_exhausted", security.IsMasterExhausted) })
        {
            if (value is { } known)
                json[member] = known;
        }

        if (security.OverwriteProgress is { } part)
            json["overwrite_progress"] = part;
        return json;
    }

    private static string Sentence(DimmSecurity security) => string.Join(", ", new[]
    {
        security.State switch
        {
            DimmSecurityState.Disabled => "no passphrase",
            DimmSecurityState.Locked => "locked",
            DimmSecurityState.Overwrite => $"being overwritten{(security.OverwriteProgress is { } part ? $", {part:P0} done" : string.Empty)}",
            DimmSecurityState.Frozen => "frozen",
            _ => "passphrase set, unlocked",
        },
        security.IsExhausted == true ? "takes no passphrase before the next power cycle" : security.IsFrozen && security.State != DimmSecurityState.Frozen ? "frozen" : string.Empty,
        security.HasMasterPassphrase == true ? "master passphrase set" : string.Empty,
        security.IsMasterExhausted == true ? "takes no master passphrase before the next power cycle" : string.Empty,
    }.Where(part => part.Length > 0));

    /// <summary>A verb that changes something.</summary>
    private sealed record SecurityVerb(string Name, string Help, SecurityOperation Operation)
    {
        public bool TakesCurrent { get; init; }

        public bool TakesNew { get; init; }

        public bool HasMaster { get; init; }

        public string Example { get; init; } = string.Empty;
    }
}
