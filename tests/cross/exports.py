"""exports.py DIST TARGET: what a shared library gives and takes. It exports nothing but wmlb_*,
needs nothing but the C library, and with glibc none that is newer than 2.17, or than the first that
the processor had."""

import os
import re
import subprocess
import sys

dist, target = sys.argv[1:]
library = os.path.join(dist, "libwmlb.so")


def readelf(option):
    return subprocess.run(["readelf", "--wide", option, library], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


exported = set()
for line in readelf("--dyn-syms").splitlines():
    words = line.split()
    if len(words) >= 8 and words[6].isdigit() and words[4] in ("GLOBAL", "WEAK"):
        exported.add(words[7].partition("@")[0])
strays = sorted(name for name in exported if not name.startswith("wmlb_"))
versions = {tuple(map(int, version.split(".")))
            for version in re.findall(r"GLIBC_([0-9.]+)", readelf("--version-info"))}
needed = sorted(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic")))
soname = re.findall(r"\(SONAME\).*\[(.*)\]", readelf("--dynamic"))
print("exports %d names; needs %s; glibc %s; %d bytes" % (
    len(exported), ", ".join(needed), ".".join(map(str, max(versions, default=()))) or "-",
    os.path.getsize(library)))
assert not strays, strays
assert "wmlb_backup_licenses" in exported
# Systems for this processor have pages of 4, 16 and 64 KiB.
if target.startswith("aarch64"):
    aligned = re.findall(r"^  LOAD .* (0x[0-9a-f]+)$", readelf("--program-headers"), re.M)
    assert aligned and all(int(each, 16) >= 1 << 16 for each in aligned), aligned
assert soname == ["libwmlb.so.1"], soname
assert all(re.match(r"lib(c|m|dl|pthread|rt|util|c\.musl-\w+)\.so|ld-(linux|musl)|ld64\.so", name)
           for name in needed), needed
oldest = (2, 27) if target.startswith("riscv64") else (2, 17)
assert "musl" in target or max(versions) <= oldest, versions
