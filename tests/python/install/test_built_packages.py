"""Packages that are built from the library of these tests, installed and used.

Debian's take minutes, and are built with WMLB_FULL=1. WMLB_PACKAGES is the folder in which
packaging/all.sh has made packages: Debian's packages there are tried then.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

import support
import wmlb_ctypes as w
from install.test_packages import PACKAGING, VERSION, Case, need_cargo, need_tool, run, text

DIST = os.path.dirname(os.path.abspath(w.LIBRARY))
NODE_MODULES = os.path.join(w.ROOT, os.environ.get("CARGO_TARGET_DIR", "target"),
                            "node/node_modules")
CONSUMERS = os.path.join(w.ROOT, "tests/consumers")
MACHINE = os.uname().machine
TARGET = MACHINE + "-unknown-linux-gnu"
RIDS = ("linux-x64", "linux-arm64", "linux-musl-x64")
PACKAGES = os.environ.get("WMLB_PACKAGES")
# The library is not what is tested.
QUICKLY = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
           "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
# In a system that is a copy as far as it is changed.
INSTALL = r"""set -eu
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work /mnt/root /mnt/upper/packages
cp "$1"/*.deb /mnt/upper/packages/
rm -f /mnt/upper/packages/*-dbgsym_*
cp "$2" /mnt/upper/packages/consumer.c
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work none /mnt/root
mount -t proc none /mnt/root/proc
chroot /mnt/root sh -euc '
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    cd /packages
    dpkg --install *.deb
    wmlb --version
    mkdir store
    echo license >store/license
    wmlb backup --quiet --store store backups
    /usr/bin/python3 -c "import wmlb; print(wmlb.__file__)"
    cc consumer.c $(pkg-config --cflags --libs wmlb) -o consumer
    ./consumer
    flags=$(pkg-config --static --cflags --libs wmlb | sed s/-lwmlb/-l:libwmlb.a/)
    cc consumer.c $flags -o consumer
    ./consumer
    wmlb verify --quiet backups
    test ! -e /etc/systemd/user/timers.target.wants/wmlb-backup.timer
    dpkg --purge libwmlb1 libwmvcore1 libwmlb-dev wmlb python3-wmlb
    test ! -e /usr/bin/wmlb
'
"""


class NuGet(Case):
    def test_package(self):
        need_cargo()
        need_tool("mcs")
        run(os.path.join(PACKAGING, "nupkg.py"), self.folder, *(rid + "=" + DIST for rid in RIDS))
        package = zipfile.ZipFile(self.path("Wmlb.%s.nupkg" % VERSION))
        self.assertIsNone(package.testzip())
        package.extractall(self.path("in"))
        space = "{http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd}"
        told = {each.tag.replace(space, ""): each.text for each in
                ElementTree.fromstring(package.read("Wmlb.nuspec")).find(space + "metadata")}
        self.assertEqual((told["id"], told["version"], told["license"], told["readme"]),
                         ("Wmlb", VERSION, "MIT OR Apache-2.0", "README.md"))
        for each in ("authors", "description", "copyright", "tags"):
            self.assertTrue(told[each], each)
        # Each part has a type, and the relations lead to parts.
        names = set(package.namelist())
        types = package.read("[Content_Types].xml").decode()
        for name in names - {"[Content_Types].xml"}:
            end = name.rpartition(".")[2]
            self.assertTrue('Extension="%s"' % end in types or '"/%s"' % name in types, name)
        for target in re.findall('Target="/([^"]*)"', package.read("_rels/.rels").decode()):
            self.assertIn(target, names)
        # .NET looks for the library of its own system there.
        for rid in RIDS:
            self.assertEqual(package.read("runtimes/%s/native/libwmlb.so" % rid),
                             support.read(w.LIBRARY))
        self.use(self.path("in"))

    def test_no_such_system(self):
        """.NET would never look there."""
        done = subprocess.run([os.path.join(PACKAGING, "nupkg.py"), self.folder,
                               "linux-x86_64=" + DIST], stderr=subprocess.PIPE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"linux-x64", done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def use(self, package):
        """Mono looks for the library where .NET would have put it."""
        support.write(self.path("Consumer.cs"), b"""class Consumer {
            [System.Runtime.InteropServices.DllImport("wmlb")]
            static extern uint wmlb_abi_version();
            static void Main() {
                using (var restorer = new Wmlb.Restorer { StorePath = "/store" })
                    System.Console.WriteLine(wmlb_abi_version() + " " + restorer.StorePath);
            } }""")
        shutil.copy(os.path.join(package, "lib/net472/Wmlb.dll"), self.folder)
        shutil.copy(os.path.join(package, "runtimes/linux-x64/native/libwmlb.so"), self.folder)
        run("mcs", "-reference:" + self.path("Wmlb.dll"), "-out:" + self.path("Consumer.exe"),
            self.path("Consumer.cs"))
        said = run("mono", self.path("Consumer.exe"),
                   env={**os.environ, "LD_LIBRARY_PATH": self.folder})
        self.assertEqual(said, "1 /store\n")


class Npm(Case):
    def test_package(self):
        need_cargo()
        need_tool("npm")
        name = run("sh", os.path.join(PACKAGING, "npm.sh"), self.folder, "linux-x64=" + DIST,
                   "linux-musl-arm64=" + DIST).strip()
        run("tar", "-xf", self.path(name), "-C", self.folder)
        package = self.path("package")
        for each in ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt", "README.md", "index.d.ts"):
            self.assertTrue(os.path.getsize(os.path.join(package, each)), each)
        for platform in ("linux-x64", "linux-musl-arm64"):
            self.assertEqual(
                support.read(os.path.join(package, "lib", platform, "libwmlb.so.1")),
                support.read(w.LIBRARY))
        self.use(package)

    def use(self, package):
        """Node finds the library that is in it."""
        if not os.path.isdir(os.path.join(NODE_MODULES, "koffi")):
            self.skipTest("tests/conformance/run.py --install has fetched no koffi yet")
        script = """require(process.argv[1]).stores();
            console.log(process.report.getReport().sharedObjects.filter((each) =>
                each.endsWith("/libwmlb.so.1")).join());"""
        environment = {**os.environ, "NODE_PATH": NODE_MODULES, "HOME": self.folder}
        environment.pop("WMLB_LIBRARY", None)
        said = run("node", "-e", script, package, env=environment)
        self.assertEqual(said.strip(), os.path.join(package, "lib/linux-x64/libwmlb.so.1"))


class Release(Case):
    def test_archive(self):
        """As packaging/cross.sh leaves a target, with a source that is no more than a file."""
        need_cargo()
        built = self.path("target", TARGET, "dist")
        shutil.copytree(DIST, built, symlinks=True)
        run("cc", "-pthread", "-D_FILE_OFFSET_BITS=64", "-I" + os.path.join(w.ROOT, "include"),
            *glob.glob(os.path.join(w.ROOT, "cli/*.c")), "-L" + built, "-lwmlb",
            "-Wl,-rpath,$ORIGIN:$ORIGIN/../lib", "-o", os.path.join(built, "wmlb"))
        support.write(self.path("source"), b"source")
        out = self.path("out")
        run("sh", os.path.join(PACKAGING, "release.sh"), out, TARGET,
            env={**os.environ, "CARGO_TARGET_DIR": self.path("target"),
                 "WMLB_SOURCE": self.path("source"), "XZ_OPT": "-0"})
        name = "wmlb-%s-%s" % (VERSION, TARGET)
        said = run("sha256sum", "--check", "SHA256SUMS", cwd=out)
        for each in ("libwmlb-1.0.0.tar.xz", name + ".tar.xz", name + ".cdx.json"):
            self.assertIn(each + ": OK", said)
        run("tar", "-xf", os.path.join(out, name + ".tar.xz"), "-C", self.folder)
        self.assertEqual(run(self.path(name, "bin/wmlb"), "--version", env={}), "wmlb 1.0.0\n")
        for each in ("lib/libwmlb.so", "lib/libwmlb.a", "include/wmlb.h", "THIRD-PARTY.txt",
                     "sbom.cdx.json", "LICENSE-MIT", "share/man/man1/wmlb.1"):
            self.assertTrue(os.path.exists(self.path(name, each)), each)
        run("cc", os.path.join(CONSUMERS, "consumer.c"), "-I" + self.path(name, "include"),
            "-L" + self.path(name, "lib"), "-lwmlb", "-o", self.path("consumer"))
        sums = {hashlib.sha512(b"source").hexdigest(), hashlib.sha256(b"source").hexdigest()}
        for above, _, names in os.walk(os.path.join(out, "recipes")):
            for each in names:
                content = support.read(os.path.join(above, each)).decode()
                self.assertNotIn("@SHA", content)
                self.assertIn(VERSION, content)
                sums -= {each for each in sums if each in content}
        self.assertEqual(sums, set())


class Source(Case):
    def test_without_a_network(self):
        """Its crates are all: a project of CMake's builds it with nothing that cargo has."""
        if not os.environ.get("WMLB_FULL"):
            self.skipTest("it packs 100 MB: WMLB_FULL=1")
        support.need_root()
        need_cargo()
        run("sh", os.path.join(PACKAGING, "source.sh"), self.folder,
            env={**os.environ, "XZ_OPT": "-0"})
        run("tar", "-xf", self.path("libwmlb-%s.tar.xz" % VERSION), "-C", self.folder)
        tree = self.path("libwmlb-" + VERSION)
        os.mkdir(self.path("cargo"))
        # The crates of other systems, too.
        environment = {**os.environ, **QUICKLY, "CARGO_HOME": self.path("cargo")}
        run("unshare", "--net", "cargo", "fetch", "--locked", "--offline", cwd=tree,
            env=environment)
        with open(os.path.join(tree, "THIRD-PARTY.txt"), encoding="utf-8") as file:
            self.assertIn("blake3 ", file.read())
        need_tool("cmake")
        run("cmake", "-S", os.path.join(CONSUMERS, "subproject-cmake"), "-B", self.path("out"),
            "-DWMLB_SOURCE=" + tree)
        run("unshare", "--net", "cmake", "--build", self.path("out"), env=environment)
        assert_both_run(self, self.path("out"))


def assert_both_run(case, folder):
    for name in ("consumer", "consumer-static"):
        program = os.path.join(folder, name)
        case.assertEqual(run(program, env={}), VERSION + "\n")
        needed = "libwmlb.so.1" in run("readelf", "--dynamic", program)
        case.assertEqual(needed, name == "consumer")


class FromSource(Case):
    """Projects that have the library's source in theirs; what cargo would build is there."""

    def test_cmake(self):
        need_tool("cmake")
        run("cmake", "-S", os.path.join(CONSUMERS, "subproject-cmake"), "-B", self.folder,
            "-DWMLB_SOURCE=" + w.ROOT, "-DWMLB_DIST=" + DIST)
        run("cmake", "--build", self.folder)
        assert_both_run(self, self.folder)

    def test_meson(self):
        need_tool("meson")
        os.makedirs(self.path("source/subprojects"))
        shutil.copy(os.path.join(CONSUMERS, "subproject-meson/meson.build"), self.path("source"))
        shutil.copy(os.path.join(CONSUMERS, "consumer.c"), self.path("source"))
        os.symlink(w.ROOT, self.path("source/subprojects/wmlb"))
        run("meson", "setup", self.path("out"), self.path("source"), "-Dwmlb:dist=" + DIST)
        run("meson", "compile", "-C", self.path("out"))
        assert_both_run(self, self.path("out"))


class Debian(Case):
    def test_packages(self):
        if not PACKAGES and not os.environ.get("WMLB_FULL"):
            self.skipTest("it takes minutes: WMLB_FULL=1")
        support.need_root()
        for tool in ("dh", "dh_python3", "lintian", "dpkg-buildpackage"):
            need_tool(tool)
        folder = os.path.join(PACKAGES, "debian") if PACKAGES else self.build()
        changes, = glob.glob(os.path.join(folder, "*.changes"))
        # No bug asks for it.
        said = run("lintian", "--allow-root", "--fail-on=warning",
                   "--suppress-tags=initial-upload-closes-no-bugs", changes)
        self.assertEqual(said, "")
        said = run("unshare", "--mount", "sh", "-c", INSTALL, "sh", folder,
                   os.path.join(CONSUMERS, "consumer.c"), env={"PATH": os.environ["PATH"]})
        for words in ("wmlb 1.0.0\n", "\n1.0.0\n1.0.0\n", "/usr/lib/python3/dist-packages/wmlb"):
            self.assertIn(words, said)

    def build(self):
        need_cargo()
        # Debian's own tools are for Debian's own Python.
        path = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.path.dirname(shutil.which("cargo"))
        run("sh", os.path.join(PACKAGING, "deb.sh"), self.path("out"),
            env={**os.environ, "WMLB_DIST": DIST, "PATH": path})
        return self.path("out")


if __name__ == "__main__":
    unittest.main()
