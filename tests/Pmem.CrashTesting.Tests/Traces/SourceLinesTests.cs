using System.Diagnostics;
using System.Runtime.CompilerServices;
using Pmem.CrashTesting.Traces;

namespace Pmem.CrashTesting.Tests.Traces;

/// <summary>Calls are named as the source has them.</summary>
public sealed class SourceLinesTests
{
    [Fact]
    public void A_lambda_is_named_by_the_method_that_holds_it()
    {
        Func<string> here = () => Here();
        int captured = here().Length;
        Func<string> capturing = () => Here() + captured.ToString()[..0];
        Assert.Equal("SourceLinesTests.A_lambda_is_named_by_the_method_that_holds_it", here());
        Assert.Equal("SourceLinesTests.A_lambda_is_named_by_the_method_that_holds_it", capturing());
    }

    [Fact]
    public void A_local_function_is_named_with_the_method_that_holds_it()
    {
        Assert.Equal("SourceLinesTests.A_local_function_is_named_with_the_method_that_holds_it.Local", Local());
        static string Local() => Here();
    }

    [Fact]
    public async Task An_async_method_is_named_itself()
    {
        await Task.Yield();
        Assert.Equal("SourceLinesTests.An_async_method_is_named_itself", Here());
    }

    [Fact]
    public void An_iterator_is_named_itself()
    {
        Assert.Equal("SourceLinesTests.Iterator", Iterator().Single());
        static IEnumerable<string> Nested() => Iterator();
        Assert.Single(Nested());
    }

    private static IEnumerable<string> Iterator()
    {
        yield return Here();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Here() => SourceLines.Name(new StackFrame(1).GetMethod()!);
}
