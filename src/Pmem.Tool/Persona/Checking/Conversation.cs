namespace Pmem.Tool.Persona.Checking;

/// <summary>How far a check is, or how it ended, as libpmempool counts.</summary>
internal enum CheckState
{
    Consistent,
    NotConsistent,
    AskQuestions,
    ProcessAnswers,
    Repaired,
    CannotRepair,
    Error,
}

/// <summary>What was asked for.</summary>
internal sealed record CheckRequest
{
    public required string Path { get; init; }

    public string? Backup { get; init; }

    public bool Repair { get; init; }

    public bool Yes { get; init; }

    public bool DryRun { get; init; }

    public bool Advanced { get; init; }

    /// <summary>0 with <c>-q</c>, 1, or 2 with <c>-v</c>.</summary>
    public int Level { get; init; } = 1;

    /// <summary>Whether nothing is written to the pool.</summary>
    public bool ChangesNothing => !Repair || DryRun;
}

/// <summary>
/// What a check says and asks. Messages of a step come out when the step ends or must wait for answers: first what it says, then what is wrong, then
/// the questions; what was agreed to is done after all of them are answered.
/// </summary>
internal sealed class Conversation(Terminal terminal, CheckRequest request)
{
    public const string RequiresAdvanced = "the following error can be fixed using PMEMPOOL_CHECK_ADVANCED flag";

    private readonly Queue<string> _says = new();
    private readonly Queue<Question> _questions = new();
    private readonly Queue<Question> _answered = new();
    private string? _problem;

    public CheckRequest Request { get; } = request;

    public CheckState State { get; set; }

    /// <summary>Whether the check ends, whatever its state.</summary>
    public bool IsOver { get; private set; }

    public bool HasAnswers => _answered.Count > 0;

    public bool IsStopped => State is CheckState.Error or CheckState.CannotRepair or CheckState.NotConsistent;

    public void Say(string message)
    {
        if (Request.Level > 1)
            _says.Enqueue(message);
    }

    /// <summary>Says what is wrong.</summary>
    public void Fail(string message) => _problem = message;

    /// <summary>Says what is wrong, and that this is how it is.</summary>
    public void Fail(CheckState state, string message)
    {
        State = state;
        Fail(message);
    }

    /// <summary>Says what is wrong, and ends the check.</summary>
    public void End(CheckState state, string? message = null)
    {
        State = state;
        IsOver = true;
        if (message is not null)
            Fail(message);
    }

    /// <summary>Ends the check as it is.</summary>
    public void End() => IsOver = true;

    /// <summary>Asks whether to mend something; false when nothing may be mended, so that it is only said.</summary>
    /// <param name="message">The problem, and behind <c>.|</c> the question.</param>
    /// <param name="fix">Mends it; false when that fails.</param>
    public bool Ask(string message, Func<bool> fix)
    {
        string[] parts = message.Split(".|");
        if (!Request.Repair)
        {
            Fail(parts[0]);
            return false;
        }

        if (Request.Yes)
        {
            if (parts.Length > 1)
                Say(parts[0]);
            State = CheckState.ProcessAnswers;
            _answered.Enqueue(new Question(message, fix) { IsAgreed = true });
            return true;
        }

        State = CheckState.AskQuestions;
        _questions.Enqueue(new Question(string.Join(". ", parts), fix));
        return true;
    }

    /// <summary>Does what was agreed to; false when that, or an answer, stops the check.</summary>
    public bool Carry(bool stopsOnNo = true)
    {
        while (_answered.TryDequeue(out Question? question))
        {
            if (!question.IsAgreed)
            {
                if (stopsOnNo || !question.IsDenied)
                {
                    Fail(CheckState.NotConsistent, "cannot complete repair, reverting changes");
                    return false;
                }

                State = CheckState.Repaired;
                continue;
            }

            if (!question.Fix())
            {
                State = CheckState.CannotRepair;
                return false;
            }

            if (State == CheckState.Error)
                return false;
            State = CheckState.Repaired;
        }

        return true;
    }

    /// <summary>Brings out what a step said, and puts its questions.</summary>
    public void Flush()
    {
        ShowWhatIsSaid();
        if (_problem is not null && Request.Level > 0)
            terminal.Out.Write($"{_problem}\n");
        _problem = null;
        if (State != CheckState.AskQuestions)
            return;
        while (_questions.TryDequeue(out Question? question))
        {
            char answer = terminal.Ask(question.Text);
            question.IsAgreed = answer == 'y';
            question.IsDenied = answer == 'n';
            if (!question.IsAgreed && !question.IsDenied)
                Say("Answer must be either yes or no");
            _answered.Enqueue(question);
            ShowWhatIsSaid();
        }

        State = CheckState.ProcessAnswers;
    }

    private void ShowWhatIsSaid()
    {
        while (_says.TryDequeue(out string? message))
            terminal.Out.Write($"{message}\n");
    }

    private sealed record Question(string Text, Func<bool> Fix)
    {
        public bool IsAgreed { get; set; }

        public bool IsDenied { get; set; }
    }
}
