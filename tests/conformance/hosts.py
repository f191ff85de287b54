"""The hosts: how the driver of each language is made and started, and what it needs.

A need is a command or file, and the package of Debian it is in.
"""

import collections
import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target"))
LIBRARY = os.environ.get("WMLB_LIBRARY") or os.path.join(TARGET, "dist/libwmlb.so.1")

Host = collections.namedtuple("Host", "name command environment")
# ci: whether tests/run.sh runs it. make: gives the command, from the folder to work in.
Kind = collections.namedtuple("Kind", "make ci needs")

ALL = {}


class Missing(Exception):
    """What a host needs is not there."""


def host(name, *needs, ci=False):
    def add(make):
        ALL[name] = Kind(make, ci, needs)
        return make

    return add


def driver(name):
    return os.path.join(HERE, "drivers", name)


def built(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s\n%s" % (" ".join(command), done.stdout))


def compiled(work, compiler, standard, source):
    program = os.path.join(work, os.path.basename(source).replace(".", "-"))
    built(
        compiler, "-std=" + standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1",
        "-I" + os.path.join(ROOT, "include"), source, "-o", program,
        "-L" + work, "-lwmlb", "-pthread",
    )
    return [program]


@host("C", ("cc", "gcc"), ci=True)
def c(work):
    return compiled(work, "cc", "c11", driver("driver.c"))


@host("C++", ("c++", "g++"), ci=True)
def cpp(work):
    return compiled(work, "c++", "c++17", driver("driver.cpp"))


def declarations(work):
    """The header as tools of other languages read it, after a preprocessor."""
    path = os.path.join(work, "wmlb.i")
    if not os.path.exists(path):
        empty = os.path.join(work, "empty")
        os.makedirs(empty, exist_ok=True)
        for name in ("stddef.h", "stdint.h"):
            open(os.path.join(empty, name), "w").close()
        built(
            "cc", "-E", "-P", "-nostdinc", "-I" + empty, "-DWMLB_NODISCARD=",
            os.path.join(ROOT, "include/wmlb.h"), "-o", path,
        )
    return path


@host("LuaJIT", ("luajit", "luajit"), ci=True)
def luajit(work):
    return ["luajit", driver("driver.lua"), os.path.join(ROOT, "bindings/lua")]


def python(*arguments):
    return [sys.executable, driver("driver.py"), *arguments]


@host("Python", ci=True)
def python_threads(work):
    return python()


@host("asyncio", ci=True)
def python_asyncio(work):
    return python("asyncio")


@host("sub-interpreter", ci=True)
def python_interpreter(work):
    """As Kodi gives each add-on one."""
    try:
        import _xxsubinterpreters  # noqa: F401
    except ImportError:
        raise Missing("this Python does not make them by itself")
    return python("interpreter")


@host("C#", ("mono", "mono-runtime"), ("mcs", "mono-mcs"), ci=True)
def csharp(work):
    program = os.path.join(work, "Driver.exe")
    sources = sorted(glob.glob(os.path.join(ROOT, "bindings/csharp/src/*.cs")))
    built("mcs", "-langversion:7.2", "-nowarn:1591", "-out:" + program, driver("Driver.cs"), *sources)
    return ["mono", program]


NODE = os.path.join(TARGET, "node")


@host(
    "Node", ("node", "nodejs"), ("npm", "npm"),
    (os.path.join(NODE, "node_modules/koffi"), "koffi of npm"), ci=True,
)
def node(work):
    return ["env", "NODE_PATH=" + os.path.join(NODE, "node_modules"), "node", driver("driver.js")]


@host("Ruby", ("ruby", "ruby"), ci=True)
def ruby(work):
    return ["ruby", driver("driver.rb"), os.path.join(work, "libwmlb.so.1")]


@host("PHP", ("php", "php-cli"))
def php(work):
    return ["php", "-d", "ffi.enable=1", driver("driver.php"), declarations(work)]


@host("Perl", ("perl", "perl"), ("/usr/share/doc/libffi-platypus-perl", "libffi-platypus-perl"))
def perl(work):
    return ["perl", driver("driver.pl")]


@host(
    "Java", ("java", "default-jre-headless"), ("javac", "default-jdk-headless"),
    ("/usr/share/java/jna.jar", "libjna-java"),
)
def java(work):
    """With JNA: the JDK's own foreign functions are final from 22 on."""
    built("javac", "-cp", "/usr/share/java/jna.jar", "-d", work, driver("Driver.java"))
    return ["java", "-cp", "/usr/share/java/jna.jar:" + work, "Driver"]


@host("R", ("Rscript", "r-base-core"), ("cc", "gcc"))
def r(work):
    """With functions in C between: R has no other way."""
    library = os.path.join(work, "driver_r.so")
    built(
        "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-I/usr/share/R/include",
        "-I" + os.path.join(ROOT, "include"), driver("driver_r.c"), "-o", library, "-L" + work,
        "-lwmlb",
    )
    return ["Rscript", "--vanilla", driver("driver.R"), library]


@host("Erlang", ("escript", "erlang-base"), ("cc", "gcc"))
def erlang(work):
    """Through a port: what a port runs is the driver of C."""
    return ["escript", driver("driver.escript"), compiled(work, "cc", "c11", driver("driver.c"))[0]]


def is_there(need):
    return os.path.exists(need) if need.startswith("/") else shutil.which(need) is not None


def missing(kind):
    return [package for need, package in kind.needs if not is_there(need)]


def install(kinds):
    packages = {package for kind in kinds for package in missing(kind)}
    of_npm = {package for package in packages if package.endswith(" of npm")}
    of_debian = sorted(packages - of_npm)
    if of_debian and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        options = ["--quiet", "--yes", "--no-install-recommends"]
        for command in (["update", "--quiet"], ["install", *options, *of_debian]):
            subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL)
    if of_npm and is_there("npm"):
        names = [package.split()[0] for package in of_npm]
        subprocess.run(
            ["npm", "install", "--silent", "--no-save", "--prefix", NODE, *names],
            stdout=subprocess.DEVNULL,
        )


def prepare(work, names, everything, may_install):
    """(hosts that can run, {name: why it cannot})"""
    library = os.path.realpath(LIBRARY)
    for name in ("libwmlb.so", "libwmlb.so.1"):
        os.symlink(library, os.path.join(work, name))
    chosen = {
        name: kind for name, kind in ALL.items()
        if (name in names if names else everything or kind.ci)
    }
    unknown = set(names) - set(ALL)
    if unknown:
        sys.exit("There is no host %s; there are %s" % (", ".join(unknown), ", ".join(ALL)))
    if may_install:
        install(chosen.values())
    environment = {
        **os.environ, "LD_LIBRARY_PATH": work, "WMLB_LIBRARY": os.path.join(work, "libwmlb.so.1"),
        "LC_ALL": "C.UTF-8", "PYTHONPATH": os.path.join(ROOT, "bindings/python/src"),
    }
    ready, left_out = [], {}
    for name, kind in chosen.items():
        try:
            if missing(kind):
                raise Missing("there is no " + ", ".join(missing(kind)))
            ready.append(Host(name, kind.make(work), environment))
        except Missing as problem:
            left_out[name] = str(problem)
    return ready, left_out
