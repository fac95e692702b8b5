namespace Bank;

/// <summary>A bank that is killed again and again, and never loses a cent.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        BankOptions options;
        try
        {
            options = BankOptions.Parse(args);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine($"Bank: {e.Message}");
            return 2;
        }

        if (options.ShowHelp)
        {
            Console.WriteLine(BankOptions.Help);
            return 0;
        }

        try
        {
            return options.WorkerRound is { } round ? Worker.Run(options, round) : new Supervisor(options).Run();
        }
        catch (Exception e) when (e is Pmem.PmemException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"Bank: {e.Message}");
            return 2;
        }
    }
}
