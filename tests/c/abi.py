"""Looks at the shared library as it is shipped: what it exports, needs, and is called.

usage: abi.py LIBRARY HEADER
"""

import pathlib
import re
import subprocess
import sys

failed = 0


def check(holds, what):
    global failed
    if not holds:
        failed += 1
        print(f"FAIL abi: {what}", file=sys.stderr)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def without_comments(source):
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", "", source)


def declared(header):
    """Names of the functions that a header declares."""
    return set(re.findall(r"\b(wmlb_\w+)\s*\((?!\*)[^;{]*\)\s*;", without_comments(header)))


def main(library, header):
    names = declared(pathlib.Path(header).read_text())
    check(len(names) > 30, f"only {len(names)} functions found in the header")

    symbols = [line.split() for line in output("nm", "-D", "--defined-only", library).splitlines()]
    exported = {fields[-1].split("@")[0] for fields in symbols}
    strange = sorted(name for name in exported if not name.startswith("wmlb_"))
    check(not strange, f"exported, but not ours: {strange}")
    check(not exported - names, f"exported, not in the header: {sorted(exported - names)}")
    check(not names - exported, f"in the header, not exported: {sorted(names - exported)}")
    kinds = {fields[-2] for fields in symbols}
    check(kinds == {"T"}, f"only functions are exported, not {kinds}")

    dynamic = output("readelf", "--dynamic", "--wide", library)
    entries = re.findall(r"0x\w+ \((\w+)\)\s+(.*)", dynamic)
    values = {}
    for tag, value in entries:
        values.setdefault(tag, []).append(value)

    def bracketed(tag):
        return [re.search(r"\[(.*)\]", value).group(1) for value in values.get(tag, [])]

    check(bracketed("SONAME") == ["libwmlb.so.1"], f"SONAME is {bracketed('SONAME')}")
    needed = bracketed("NEEDED")
    allowed = re.compile(r"(libgcc_s|libc|libm|libpthread|libdl|ld-linux[-\w]*)\.so\.\d+$")
    check(needed and all(allowed.match(name) for name in needed), f"NEEDED is {needed}")
    flags = " ".join(values.get("FLAGS", []) + values.get("FLAGS_1", []))
    check("NODELETE" in flags.split(), f"no NODELETE among the flags: {flags}")
    check("BIND_NOW" in flags.split() or "BIND_NOW" in values, f"no BIND_NOW: {flags}")
    for tag in ("RPATH", "RUNPATH", "TEXTREL"):
        check(tag not in values, f"there is a {tag}")

    segments = output("readelf", "--segments", "--wide", library)
    check(re.search(r"^\s*GNU_RELRO\s", segments, re.MULTILINE), "no GNU_RELRO")
    stack = re.search(r"^\s*GNU_STACK\s+(?:0x\w+\s+){5}(\S+)", segments, re.MULTILINE)
    check(stack and "E" not in stack.group(1), "the stack is executable")
    both = re.findall(r"^\s*LOAD\s.*\s(RWE)\s", segments, re.MULTILINE)
    check(not both, "a segment is both writable and executable")

    print(f"abi: {len(exported)} functions exported, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
