// The binding and include/wmlb.h say the same, by the record of tests/abi.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Wmlb;
using static Runner;

internal static partial class Tests
{
    // What the binding does not offer: queues, targets, operations on the calling thread.
    private static readonly Regex NotBound = new Regex(
        @"\bwmlb_queue_\w+\(|\bwmlb_restorer_set_target\w*\(|^(struct|member) wmlb_(event|target_)"
        + @"|^constant WMLB_(TARGET_|RUN_HERE)");

    private static IEnumerable<string[]> Record(string kind)
    {
        return File.ReadAllLines(record).Where(line => !NotBound.IsMatch(line)).Select(line => line.Split(new[] { ' ' }, 2))
            .Where(line => line[0] == kind).Select(line => line[1].Split(' '));
    }

    private static Dictionary<string, string> Constants()
    {
        var found = new Dictionary<string, string>();
        Action<string, Type> add = (prefix, type) =>
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Static | BindingFlags.Public))
            {
                object value = field.GetRawConstantValue();
                string name = prefix + (type.IsEnum ? field.Name.ToUpperInvariant() : field.Name);
                found[name] = value is string ? "\"" + value + "\"" : value.ToString();
            }
        };
        add("WMLB_", typeof(HResult));
        add("WMLB_STATUS_", typeof(Status));
        add("WMLB_TYPE_", typeof(Wmlb.ValueType));
        add("WMLB_PROP_", typeof(Property));
        add("WMLB_BACKUP_", typeof(BackupFlags));
        add("WMLB_RESTORE_", typeof(RestoreFlags));
        add("WMLB_RIGHT_", typeof(Right));
        add("WMLB_KEPT_", typeof(KeptBy));
        add("WMLB_DIFFERENCE_", typeof(DifferenceKind));
        found["WMLB_RIGHT_NOT_STATED"] = found["WMLB_RIGHT_NOTSTATED"];
        found["WMLB_ALLOW_CLEAR"] = found["WMLB_RESTORE_ALLOWCLEAR"];
        Equal((uint)RestoreFlags.AllowClear, (uint)VerifyFlags.AllowClear);
        found["WMLB_BACKUP_FILE_NAME"] = "\"" + Native.BackupFileName + "\"";
        return found;
    }

    [Test]
    private static void ConstantsAreThoseOfTheHeader()
    {
        Dictionary<string, string> ours = Constants();
        int compared = 0;
        foreach (string[] constant in Record("constant"))
        {
            if (constant[0] == "WMLB_ABI_VERSION")
            {
                Equal(uint.Parse(constant[1]), Native.wmlb_abi_version());
                continue;
            }
            Check(ours.ContainsKey(constant[0]), constant[0] + " is missing");
            Equal(constant[0] + " " + constant[1], constant[0] + " " + ours[constant[0]]);
            compared++;
        }
        Check(compared > 60, "too few constants");
    }

    [Test]
    private static void StructsAreLaidOutAsInTheHeader()
    {
        int compared = 0;
        foreach (string[] layout in Record("struct"))
        {
            Type type = typeof(Native).GetNestedType(layout[0]);
            Check(type != null, layout[0] + " is missing");
            Equal(layout[0] + " " + layout[1], layout[0] + " " + Marshal.SizeOf(type));
        }
        foreach (string[] member in Record("member"))
        {
            string[] name = member[0].Split('.');
            Type type = typeof(Native).GetNestedType(name[0]);
            Equal(member[0] + " " + member[1],
                member[0] + " " + (long)Marshal.OffsetOf(type, name[1]));
            compared++;
        }
        Check(compared > 40, "too few members");
    }

    /// <summary>Bytes that a parameter takes: what a wrong one would shift.</summary>
    private static string Kind(string declared)
    {
        if (declared == "void")
        {
            return "nothing";
        }
        if (declared.Contains("*") || declared.Contains("callback"))
        {
            return "pointer";
        }
        if (declared.StartsWith("size_t"))
        {
            return "size";
        }
        return declared.StartsWith("uint32_t") ? "uint" : "int";
    }

    private static string Kind(Type type)
    {
        if (type == typeof(void))
        {
            return "nothing";
        }
        if (type == typeof(int) || type == typeof(uint))
        {
            return type == typeof(int) ? "int" : "uint";
        }
        return type == typeof(UIntPtr) ? "size" : "pointer";
    }

    private static string Kinds(MethodInfo method)
    {
        return string.Join(" ", method.GetParameters().Select(one => Kind(one.ParameterType)));
    }

    private static string Kinds(string line)
    {
        string inside = line.Substring(line.LastIndexOf(")(") >= 0
            ? line.LastIndexOf(")(") + 1 : line.IndexOf('(')).Trim('(', ')');
        return inside == "void" ? "" : string.Join(" ", inside.Split(',')
            .Select(one => Kind(one.Replace("const ", "").Trim())));
    }

    [Test]
    private static void FunctionsAreThoseOfTheHeader()
    {
        MethodInfo[] ours = typeof(Native).GetMethods(BindingFlags.Static | BindingFlags.Public);
        var known = new HashSet<string>();
        foreach (string line in Record("function").Select(words => string.Join(" ", words)))
        {
            string name = line.Substring(0, line.IndexOf('('));
            string result = name.Substring(0, name.LastIndexOfAny(new[] { ' ', '*' }) + 1);
            name = name.Substring(name.LastIndexOfAny(new[] { ' ', '*' }) + 1);
            MethodInfo method = ours.SingleOrDefault(one => one.Name == name);
            Check(method != null, name + " is missing");
            Equal(name + " " + Kinds(line), name + " " + Kinds(method));
            Equal(name + " " + Kind(result.Replace("const ", "")),
                name + " " + Kind(method.ReturnType));
            known.Add(name);
        }
        foreach (MethodInfo method in ours)
        {
            Check(known.Contains(method.Name), method.Name + " is not in the header");
        }
        Check(known.Count > 40, "too few functions");
    }

    [Test]
    private static void CallbacksAreThoseOfTheHeader()
    {
        foreach (string line in Record("callback").Select(words => string.Join(" ", words)))
        {
            string name = line.Substring(line.IndexOf("wmlb_", line.IndexOf("(*")));
            name = name.Substring("wmlb_".Length, name.IndexOf(')') - "wmlb_".Length);
            name = string.Concat(name.Split('_').Select(word =>
                char.ToUpperInvariant(word[0]) + word.Substring(1)));
            Type type = typeof(Native).GetNestedType(name);
            Check(type != null, name + " is missing");
            Equal(name + " " + Kinds(line), name + " " + Kinds(type.GetMethod("Invoke")));
        }
    }
}
