"""The shortest program in each language that makes a backup, tells its progress and can be
canceled: short/. It is run to its end, and canceled, and its lines are counted."""

import glob
import os
import re
import subprocess
import sys

import hosts

# What is not counted: imports, declarations of C's functions, lines of nothing but brackets.
NOT_COUNTED = re.compile(
    r"""\s*($|[{})\];]+$|import\ |using\ |\#include|require\ |use\ |local\ wmlb|<\?php|package\.path
        |const\ .*require|\$ffi->attach|my\ \$ffi|static\ NativeLibrary)""", re.X)
# Ruby's module, and Java's function, stand for the declarations that a package would have.
DECLARATIONS = re.compile(r"^module.*?^end\n|^    static int call.*?^    }\n", re.M | re.S)


def path(name):
    return os.path.join(hosts.HERE, "short", name)


def csharp(work):
    program = os.path.join(work, "Backup.exe")
    sources = sorted(glob.glob(os.path.join(hosts.ROOT, "bindings/csharp/src/*.cs")))
    hosts.built("mcs", "-langversion:7.2", "-nowarn:1591", "-out:" + program, path("backup.cs"), *sources)
    return ["mono", program]


def java(work):
    hosts.built("javac", "-cp", "/usr/share/java/jna.jar", "-d", work, path("Backup.java"))
    return ["java", "-cp", "/usr/share/java/jna.jar:" + work, "Backup"]


# Of a host: its program, and how that is started.
PROGRAMS = {
    "C": ("backup.c", lambda work: hosts.compiled(work, "cc", "c11", path("backup.c"))),
    "C++": ("backup.cpp", lambda work: hosts.compiled(work, "c++", "c++17", path("backup.cpp"))),
    "Python": ("backup.py", lambda work: [sys.executable, path("backup.py")]),
    "asyncio": ("asynchronous.py", lambda work: [sys.executable, path("asynchronous.py")]),
    "C#": ("backup.cs", csharp),
    "Node": ("backup.js", lambda work: ["node", path("backup.js")]),
    "LuaJIT": ("backup.lua", lambda work: ["luajit", path("backup.lua")]),
    "Ruby": ("backup.rb", lambda work: ["ruby", path("backup.rb")]),
    "PHP": ("backup.php", lambda work: ["php", "-d", "ffi.enable=1", path("backup.php")]),
    "Perl": ("backup.pl", lambda work: ["perl", path("backup.pl")]),
    "Java": ("Backup.java", java),
}


def lines(name):
    with open(path(name)) as file:
        text = DECLARATIONS.sub("", file.read())
    return sum(1 for line in text.splitlines() if not NOT_COUNTED.match(line))


def run(host, work, folders):
    """What is wrong with the host's program, or None. folders: with a store of many events."""
    command = PROGRAMS[host.name][1](work)
    declarations = hosts.declarations(work)
    environment = {
        **host.environment, "WMLB_DECLARATIONS": declarations,
        "NODE_PATH": os.path.join(hosts.NODE, "node_modules"),
    }

    def ends(folder, *stop):
        done = subprocess.run(
            [*command, folders.store, folder, *stop], env=environment, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout.splitlines()

    canceled = os.path.join(folders.backups, "canceled")
    saved = os.path.join(folders.backups, "saved")
    code, begun = ends(canceled, "stop")
    if code != 1 or os.path.exists(os.path.join(canceled, "licenses.wmlb")):
        return "canceled, it ends with %d" % code
    code, told = ends(saved)
    if code != 0 or told[0] != begun[0] or len(told) < 1500 or not os.path.exists(os.path.join(saved, "licenses.wmlb")):
        return "it ends with %d after %d lines" % (code, len(told))
    if lines(PROGRAMS[host.name][0]) > 15:
        return "it has %d lines" % lines(PROGRAMS[host.name][0])
    return None
