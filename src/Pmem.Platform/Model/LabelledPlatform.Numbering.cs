using System.Globalization;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <content>
/// Numbers of namespaces. A kernel counts them when a region is enabled, and then each keeps its number: one that is destroyed leaves an idle device under it, and a new
/// one takes the device that is the seed, so that a name never comes to mean another namespace. Only number 0 is taken again, which ndctl prefers
/// (<c>region_get_namespace</c>), and one that is made another keeps its own. A region of which nothing was changed since then has no entry here: the order of its labels gives the numbers.
/// </content>
public partial class LabelledPlatform
{
    private readonly SortedDictionary<int, RegionNumbers> _numbers = [];

    /// <summary>
    /// The numbers of namespaces in regions that were changed since they were enabled, one line for each, to be kept over a restart of the program; a start of the system
    /// forgets them. A line is the number of the region, the next number to give, and <c>uuid=number</c> for each namespace.
    /// </summary>
    public IReadOnlyList<string> NamespaceNumbers
    {
        get
        {
            lock (_gate)
                return NumberLines();
        }
    }

    /// <summary>
    /// Called before labels are changed, with <see cref="NamespaceNumbers"/> as they are then: whoever keeps them before it returns has names that stay, whenever the program
    /// is killed. What it throws ends the change, of which nothing was written. It is called under the lock of the platform, and may not call the platform.
    /// </summary>
    public Action<IReadOnlyList<string>>? Changing { get; init; }

    /// <summary>Gives <see cref="NamespaceNumbers"/> to somebody while nothing changes them.</summary>
    /// <param name="act">Called under the lock of the platform; may not call the platform.</param>
    public void WithNumbers(Action<IReadOnlyList<string>> act)
    {
        ArgumentNullException.ThrowIfNull(act);
        lock (_gate)
            act(NumberLines());
    }

    /// <summary>Gives a region the numbers that it had. What is no such line changes nothing: numbers are then those of a start.</summary>
    /// <param name="line">As <see cref="NamespaceNumbers"/> gave it.</param>
    public void KeepNumbers(string line)
    {
        if (RegionNumbers.TryParse(line, out int region) is { } numbers)
        {
            lock (_gate)
                _numbers[region] = numbers;
        }
    }

    /// <summary>Numbers all namespaces anew, as the start of a system does.</summary>
    public void ForgetNumbers()
    {
        lock (_gate)
            _numbers.Clear();
    }

    /// <summary>Numbers of namespaces that a region shows, in the same order.</summary>
    private int[] NumbersOf(int region, DiscoveredNamespace[] found)
    {
        if (!_numbers.TryGetValue(region, out RegionNumbers? kept))
            return [.. Enumerable.Range(0, found.Length)];

        // One that came by another way than this platform's, such as a repair of labels, gets the number that a new one gets.
        int next = kept.Next;
        bool isZeroFree = !kept.Has(0);
        return [.. found.Select(space =>
        {
            if (kept.Find(space.Uuid) is { } number)
                return number;
            if (!isZeroFree)
                return next++;
            isZeroFree = false;
            return 0;
        })];
    }

    private string[] NumberLines() => [.. _numbers.Select(pair => pair.Value.Text(pair.Key))];

    /// <summary>Keeps the numbers as they are shown, before a change of labels.</summary>
    private RegionNumbers Freeze(int region, LabelArea?[] all)
    {
        RegionLabelVerdict verdict = Judge(_regions[region], all);
        DiscoveredNamespace[] found = verdict.State == RegionState.Enabled ? [.. verdict.Namespaces] : [];
        int[] numbers = NumbersOf(region, found);
        var frozen = new RegionNumbers(_numbers.TryGetValue(region, out RegionNumbers? kept) ? kept.Next : 1);
        for (int i = 0; i < found.Length; i++)
            frozen.Add(found[i].Uuid, numbers[i]);
        _numbers[region] = frozen;
        Changing?.Invoke(NumberLines());
        return frozen;
    }

    private sealed class RegionNumbers(int next)
    {
        private const int Maximum = 1 << 24;

        private readonly Dictionary<Guid, int> _numbers = [];

        /// <summary>More than every number that was given.</summary>
        public int Next { get; private set; } = next;

        public static RegionNumbers? TryParse(string line, out int region)
        {
            region = 0;
            string[] parts = line.Split(' ');
            if (parts.Length < 2 || !TryNumber(parts[0], out region) || !TryNumber(parts[1], out int next))
                return null;
            var numbers = new RegionNumbers(Math.Max(next, 1));
            foreach (string part in parts.Skip(2))
            {
                string[] pair = part.Split('=');
                if (pair.Length != 2 || !Guid.TryParse(pair[0], out Guid uuid) || !TryNumber(pair[1], out int number)
                    || numbers._numbers.ContainsKey(uuid) || numbers.Has(number))
                {
                    return null;
                }

                numbers.Add(uuid, number);
            }

            return numbers;
        }

        public bool Has(int number) => _numbers.ContainsValue(number);

        public int? Find(Guid uuid) => _numbers.TryGetValue(uuid, out int number) ? number : null;

        public void Add(Guid uuid, int number)
        {
            _numbers[uuid] = number;
            Next = Math.Max(Next, number + 1);
        }

        /// <summary>Gives a new namespace a number: that of the one in whose place it is, if there is one.</summary>
        public void Add(Guid uuid, Guid? replaced)
        {
            int number = replaced is { } old && _numbers.Remove(old, out int kept) ? kept : Has(0) ? Next : 0;
            Add(uuid, number);
        }

        public void Remove(Guid uuid) => _numbers.Remove(uuid);

        public string Text(int region) =>
            string.Join(' ', _numbers.OrderBy(pair => pair.Value).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key:N}={pair.Value}"))
                .Prepend(string.Create(CultureInfo.InvariantCulture, $"{region} {Next}")));

        private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < Maximum;
    }
}
