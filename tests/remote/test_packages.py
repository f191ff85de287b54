"""The packages for Python, Node and .NET have libwmlb-remote beside the library, and find it."""

import os
import shutil
import subprocess
import tempfile
import unittest
import zipfile

import servers
from test_install import ROOT, Built, run

PACKAGING = os.path.join(ROOT, "packaging")
# With hatchling, from bindings/python/tests/run.sh.
PYTHON = os.path.join(os.path.dirname(servers.DIST), "python-package/bin/python")
CSHARP = """class Consumer { static void Main(string[] urls) {
    using (var restorer = new Wmlb.Restorer { RestorePath = urls[0] })
        try { restorer.ListDevices(); }
        catch (Wmlb.WmlbException problem) { System.Console.WriteLine(problem.Message); } } }"""


class Packages(Built):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"s3://bucket?endpoint=http://127.0.0.1:{servers.free_port()}&deadline=1"

    def setUp(self):
        self.work = tempfile.mkdtemp(dir=self.folder)

    def assert_asks(self, *command, **environment):
        """Where no server is, that is what a program with libwmlb-remote says."""
        kept = {name: value for name, value in os.environ.items()
                if name not in ("LD_LIBRARY_PATH", "WMLB_LIBRARY")}
        said = subprocess.run([*command, self.url], env={**kept, **environment}, cwd=self.work, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120).stdout
        self.assertIn("no answer before the deadline", said)

    def test_wheel(self):
        if not os.access(PYTHON, os.X_OK):
            self.skipTest("bindings/python/tests/run.sh has made no environment yet")
        target = os.uname().machine + "-unknown-linux-gnu"
        run("sh", os.path.join(PACKAGING, "wheel.sh"), target, self.work,
            env={**os.environ, "PYTHON": PYTHON, "WMLB_DIST": self.dist})
        [wheel] = os.listdir(self.work)
        run(PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
            os.path.join(self.work, "in"), os.path.join(self.work, wheel))
        with open(os.path.join(self.work, "in/wmlb/licenses/THIRD-PARTY.txt")) as file:
            self.assertIn("rusty-s3", file.read())
        code = "import sys, wmlb\ntry: wmlb.devices(sys.argv[1])\nexcept wmlb.WmlbError as no: print(no)"
        self.assert_asks(PYTHON, "-c", code, PYTHONPATH=os.path.join(self.work, "in"))

    def test_npm(self):
        modules = os.path.join(servers.MADE, "node/node_modules")
        if not os.path.isdir(os.path.join(modules, "koffi")):
            self.skipTest("koffi cannot be had here, or Node")
        node = run("node", "-p", "process.arch").strip()
        name = run("sh", os.path.join(PACKAGING, "npm.sh"), self.work, f"linux-{node}={self.dist}").strip()
        run("tar", "-xf", os.path.join(self.work, name), "-C", self.work)
        code = "require(process.argv[1]).devices(process.argv[2]).catch((no) => console.log(no.message))"
        self.assert_asks("node", "-e", code, os.path.join(self.work, "package"), NODE_PATH=modules)

    def test_nuget(self):
        if not (shutil.which("mcs") and shutil.which("mono")):
            self.skipTest("mono cannot be had here")
        name = run(os.path.join(PACKAGING, "nupkg.py"), self.work, "linux-x64=" + self.dist).strip()
        with zipfile.ZipFile(os.path.join(self.work, name)) as package:
            package.extractall(os.path.join(self.work, "in"))
        shutil.copy(os.path.join(self.work, "in/lib/net472/Wmlb.dll"), self.work)
        with open(os.path.join(self.work, "Consumer.cs"), "w") as file:
            file.write(CSHARP)
        run("mcs", "-reference:Wmlb.dll", "Consumer.cs", cwd=self.work)
        # Mono looks for the libraries where .NET would have put them.
        self.assert_asks("mono", "Consumer.exe",
                         LD_LIBRARY_PATH=os.path.join(self.work, "in/runtimes/linux-x64/native"))


if __name__ == "__main__":
    unittest.main()
