#!/usr/bin/env python3
"""The interface as a compiler sees it: functions, constants, and how structs are laid out.

    layout.py [HEADER]      prints it, as tests/abi/1.0.txt has it
    layout.py --for i686    prints how structs are laid out there, as tests/abi/1.0-i686.txt has it
"""

import argparse
import os
import re
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Those change with each release.
VERSION = re.compile(r"WMLB_VERSION(_|$)")


def without_comments(source):
    source = re.sub(r"/\*.*?\*/", " ", source, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", source)


def declarations(header):
    """Functions by name, with all that a caller sees of them."""
    found = re.findall(r"^(\w[\w *]*?\*?\b(wmlb_\w+)\s*\((?!\*)[^;{}]*\))\s*;", header, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for text, name in found}


def structs(header):
    """Name and declaration of the members of each struct, in order."""
    found = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \w+;", header, re.DOTALL):
        members = [part.strip() for part in body.split(";") if part.strip()]
        found[name] = [((re.search(r"\(\*(\w+)\)", part) or re.search(r"(\w+)$", part)).group(1),
                        re.sub(r"\s+", " ", part))
                       for part in members]
    return found


def constants(header):
    names = re.findall(r"^#define (WMLB_\w+) +\S", header, re.MULTILINE)
    return [name for name in names if not VERSION.match(name)]


def measured(header_path, header):
    lines = []
    for name in constants(header):
        lines.append('_Generic((%s), char *: text("%s", (intptr_t)(%s)), '
                     'default: number("%s", (intptr_t)(%s)));' % (name, name, name, name, name))
    for name, members in structs(header).items():
        lines.append('printf("struct %s %%zu\\n", sizeof(%s));' % (name, name))
        for member, text in members:
            lines.append('printf("member %s.%s %%zu %%zu %s\\n", offsetof(%s, %s), '
                         "sizeof(((%s *)0)->%s));"
                         % (name, member, text, name, member, name, member))
    program = """#include <stdio.h>
#include "%s"
static void text(const char *name, intptr_t value)
{ printf("constant %%s \\"%%s\\"\\n", name, (const char *)value); }
static void number(const char *name, intptr_t value)
{ printf("constant %%s %%lld\\n", name, (long long)value); }
int main(void) { %s return 0; }
""" % (os.path.abspath(header_path), "\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "layout")
        subprocess.run(["gcc", "-std=c11", "-x", "c", "-", "-o", out], input=program, text=True,
                       check=True)
        return subprocess.run([out], check=True, capture_output=True, text=True).stdout.splitlines()


# The names that clang has for other processors. Those of 64 bits are all alike, those of 32 not.
PROCESSORS = {
    "armv7": "armv7-linux-gnueabihf", "i686": "i686-linux-gnu", "aarch64": "aarch64-linux-gnu",
    "riscv64gc": "riscv64-linux-gnu", "s390x": "s390x-linux-gnu",
}


def laid_out(header_path, processor):
    """The lines of structs as they are for another processor: from what clang makes of numbers,
    which needs neither a C library nor a machine of that kind."""
    with open(header_path) as file:
        header = without_comments(file.read())
    words, values = [], []
    for name, members in structs(header).items():
        words.append("struct %s %%d" % name)
        values.append("sizeof(%s)" % name)
        for member, text in members:
            words.append("member %s.%s %%d %%d %s" % (name, member, text))
            values += ["offsetof(%s, %s)" % (name, member),
                       "sizeof(((%s *)0)->%s)" % (name, member)]
    # No number is 0, which assemblers are told of in other ways.
    program = '#include "%s"\nconst unsigned int values[] = {%s};\n' % (
        os.path.abspath(header_path), ", ".join(value + " + 1" for value in values))
    made = subprocess.run(["clang", "-target", PROCESSORS[processor], "-std=c11", "-ffreestanding",
                           "-S", "-x", "c", "-", "-o", "-"],
                          input=program, text=True, check=True, stdout=subprocess.PIPE).stdout
    numbers = iter([int(number) - 1 for number in re.findall(r"\.(?:long|word)\s+(\d+)", made)])
    lines = sorted(each % tuple(next(numbers) for _ in range(each.count("%d"))) for each in words)
    assert next(numbers, None) is None
    return lines


def interface(header_path):
    with open(header_path) as file:
        # A function is the same whether compilers warn about a dropped result or not.
        header = re.sub(r"\bWMLB_NODISCARD\s+(?=\w)", "", without_comments(file.read()))
    callbacks = re.findall(r"typedef [^;{}]*\(\*wmlb_\w+\)[^;]*;", header)
    lines = ["function " + text for text in declarations(header).values()]
    lines += ["callback " + re.sub(r"\s+", " ", text)[len("typedef "):-1] for text in callbacks]
    return sorted(lines + measured(header_path, header))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("header", nargs="?", default=os.path.join(ROOT, "include/wmlb.h"))
    parser.add_argument("--for", dest="processor", choices=PROCESSORS)
    given = parser.parse_args()
    print("\n".join(laid_out(given.header, given.processor) if given.processor
                    else interface(given.header)))
