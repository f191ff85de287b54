"""The Node package and the C# binding with a bucket in place of a folder: those of this tree. What
is tested is in bindings/, in their languages; here are the server, and what they are run with."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import proxy
import servers
import test_remote

HERE = os.path.dirname(os.path.abspath(__file__))


COMPILE = ["mcs", "-langversion:7.2", "-warn:4", "-warnaserror"]


class Bindings(test_remote.Stores):
    server = servers.SeaweedFS

    def passes(self, command, passed, cwd, **environment):
        """The command, which has tests of its own, with what they need in its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.prefix = "PREFIX"
        with proxy.Proxy(self.running.port, clock=test_remote.DAY + 60) as later:
            given = {
                "STORE_URL": self.url(), "LATER_URL": self.url(later), "HOME": "/nonexistent",
                "SMALL": self.small, "LARGE": self.large, "FREE_PORT": str(servers.free_port()),
                "LIBRARY": os.path.realpath(os.path.join(servers.DIST, "libwmlb.so.1")),
            }  # fmt: skip
            ran = subprocess.run(
                command, env={**kept, **given, **environment}, cwd=cwd, text=True, timeout=300,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertRegex(ran.stdout, passed)

    def test_node(self):
        folder = os.path.join(servers.MADE, "node")
        if not os.path.isdir(os.path.join(folder, "node_modules/koffi")):
            self.skipTest("koffi cannot be had here, or Node")
        shutil.copy(os.path.join(HERE, "bindings/bucket.test.js"), folder)
        self.passes(["node", "--test", "--test-reporter=tap", "bucket.test.js"],
                    re.compile(r"^# pass [1-9].*^# fail 0$", re.DOTALL | re.MULTILINE), folder)

    def test_csharp(self):
        if not (shutil.which("mcs") and shutil.which("mono")):
            self.skipTest("mono cannot be had here")
        folder = tempfile.mkdtemp(dir=self.folder)
        sources = glob.glob(os.path.join(HERE, "../../bindings/csharp/src/*.cs"))
        library, program = (os.path.join(folder, name) for name in ("Wmlb.dll", "Buckets.exe"))
        subprocess.run([*COMPILE, "-target:library", f"-out:{library}", *sources], check=True)
        own = [os.path.join(HERE, name) for name in ("bindings/Buckets.cs", "../../bindings/csharp/tests/Runner.cs")]
        subprocess.run([*COMPILE, f"-reference:{library}", f"-out:{program}", *own], check=True)
        self.passes(["mono", program, tempfile.mkdtemp(dir=folder)],
                    re.compile(r"^C#: [1-9]\d* passed, 0 failed$", re.MULTILINE), folder,
                    AWS_ACCESS_KEY_ID="someid", AWS_SECRET_ACCESS_KEY="somesecret")
        alone = tempfile.mkdtemp(dir=folder)
        os.symlink(os.path.join(servers.DIST, "libwmlb.so"), os.path.join(alone, "libwmlb.so"))
        self.passes(["mono", program, folder, "WithoutTheLibrary"],
                    re.compile(r"^C#: 1 passed, 0 failed$", re.MULTILINE), folder,
                    LD_LIBRARY_PATH=alone)
