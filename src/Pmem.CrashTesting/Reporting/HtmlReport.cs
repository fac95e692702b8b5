namespace Pmem.CrashTesting.Reporting;

internal static class HtmlReport
{
    public static string Create(CrashReport report) => report.ToString();
}
