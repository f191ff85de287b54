// What all tests of the binding are run with, here and with a bucket (tests/remote/bindings).

using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

[AttributeUsage(AttributeTargets.Method)]
internal sealed class TestAttribute : Attribute
{
    /// <summary>Whether it runs only where it is asked for by its name.</summary>
    public bool OnlyByName { get; set; }
}

internal sealed class Failed : Exception
{
    public Failed(string message) : base(message)
    {
    }
}

internal static class Runner
{
    /// <summary>Runs the tests of a type, or those of these names, and counts them; the result is
    /// that of the program.</summary>
    public static int Run(Type tests, params string[] chosen)
    {
        int passed = 0;
        int failed = 0;
        foreach (MethodInfo method in tests.GetMethods(
            BindingFlags.Static | BindingFlags.NonPublic))
        {
            var told = method.GetCustomAttribute<TestAttribute>();
            if (told == null
                || !(chosen.Length > 0 ? chosen.Contains(method.Name) : !told.OnlyByName))
            {
                continue;
            }
            try
            {
                method.Invoke(null, null);
                passed++;
            }
            catch (TargetInvocationException problem)
            {
                failed++;
                Console.WriteLine("FAIL " + method.Name + ": " + problem.InnerException);
            }
        }
        Console.WriteLine("C#: {0} passed, {1} failed", passed, failed);
        return failed == 0 ? 0 : 1;
    }

    public static void Equal<T>(T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
        {
            throw new Failed("expected " + expected + ", found " + found);
        }
    }
}
