"""The wmlb command with a bucket in place of a folder."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import proxy
import servers
import test_remote

COMMAND = os.path.join(servers.MADE, "wmlb")
KEYS = {"AWS_ACCESS_KEY_ID": "someid", "AWS_SECRET_ACCESS_KEY": "somesecret"}
DAY = test_remote.DAY


def heed_interruption():
    """As at a terminal: what a shell begins beside itself ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [COMMAND, *arguments], env={**kept, "HOME": "/nonexistent", **KEYS, **environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interruption,
    )  # fmt: skip


def wmlb(*arguments, **environment):
    """Its exit code, and what it said."""
    process = begin(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


class Command(test_remote.Stores):
    server = servers.SeaweedFS

    def done(self, *arguments, code=0, **environment):
        returned, out, err = wmlb(*arguments, **environment)
        self.assertEqual(returned, code, out + err)
        return out

    def rows(self, *arguments):
        return json.loads(self.done(*arguments, "--json"))

    def test_all_commands_take_it_from_there(self):
        url = self.url()
        self.assertIn("backed up 3 licenses", self.done("backup", "-s", self.small, url))
        code, _, err = wmlb("backup", "-s", self.small, url)
        self.assertEqual((code, "--replace" in err), (4, True), err)
        self.done("verify", url)
        self.assertEqual(len(self.rows("list", url)), 3)
        self.assertEqual(self.rows("info", url)["licenses"], 3)
        name = "license 01"
        with open(os.path.join(self.small, name), "rb") as file:
            [found] = [line["size"] for line in self.rows("list", "--only", name, url)]
            self.assertEqual(found, len(file.read()))
        self.assertEqual(self.done("diff", "-s", self.small, url), "")
        self.done("diff", "-s", self.large, url, code=7)
        [device] = self.rows("devices", url)
        [generation] = self.rows("generations", url)
        self.assertEqual((device["generation"], device["backups"]), (generation["path"], 1))
        target = tempfile.mkdtemp(dir=self.folder)
        self.done("restore", "-s", target, url)
        self.assert_same(self.small, target)
        self.assertIn("would restore", self.done("restore", "--dry-run", "-s", target, url))

    def test_generations(self):
        url, target = self.url(), tempfile.mkdtemp(dir=self.folder)
        self.done("backup", "-d", "d", "-s", self.small, url)
        between = time.time()
        while int(time.time()) <= int(between) + 1:
            time.sleep(0.05)
        self.done("backup", "-d", "d", "--force", "-s", self.large, url)
        new, old = self.rows("generations", "-d", "d", url)
        self.assertGreater(new["size"], old["size"])
        self.done("restore", "-d", "d", "--generation", old["path"], "-s", target, url)
        self.assert_same(self.small, target)
        shutil.rmtree(target)
        self.done("restore", "-d", "d", "--at", f"@{int(between)}", "-s", target, url)
        self.assert_same(self.small, target)
        code, _, err = wmlb("verify", "-d", "d", "--at", "2000-01-01", url)
        self.assertEqual((code, "no backup from then" in err), (1, True), err)
        # What is younger than a day stays.
        self.assertEqual(self.rows("forget", "-d", "d", "--keep", "last=1", url), [])
        with proxy.Proxy(self.running.port, clock=DAY + 60) as later:
            late = self.url(later)
            [told] = self.rows("forget", "-n", "-d", "d", "--keep", "last=1", late)
            self.assertEqual((told["path"], told["kind"]), (old["path"], "generation"))
            self.assertEqual(len(self.rows("generations", "-d", "d", url)), 2)
            self.done("backup", "-d", "d", "--force", "--keep", "last=1", "-s", self.small, late)
        self.assertEqual(len(self.rows("generations", "-d", "d", url)), 1)

    def test_backups_of_one_second(self):
        for number in range(5):
            self.done("backup", "-d", "d", "--force", "-s", self.large if number == 4 else self.small, self.url())
        newest = self.rows("generations", "-d", "d", self.url())[0]
        self.assertGreater(newest["size"], 10**7)
        with proxy.Proxy(self.running.port, clock=DAY + 60) as later:
            self.assertEqual(len(self.rows("forget", "-d", "d", "--keep", "last=1", self.url(later))), 4)
        [left] = self.rows("generations", "-d", "d", self.url())
        self.assertEqual(left["path"], newest["path"])

    def test_a_sample(self):
        self.done("backup", "-d", "d", "-s", self.large, self.url())
        with proxy.Proxy(self.running.port) as between:
            said = self.done("verify", "-d", "d", "--sample", "5%", self.url(between))
            self.assertRegex(said, r"^verified \d+ licenses? of 40 \(")
            # Of 20 MB: the end, and a part of 3 MiB at the most.
            self.assertLess(between.bytes, 6 << 20)
        self.assertRegex(self.done("verify", "-d", "d", "--sample", "100%", self.url()),
                         r"^verified 40 licenses \(")
        [key] = [key for key in self.keys() if "/g/" in key]
        _, whole = self.running.request("GET", f"/{servers.BUCKET}/{key}")

        def damage(*places):
            content = bytearray(whole)
            for place in places:
                content[place] ^= 1
            status, _ = self.running.request("PUT", f"/{servers.BUCKET}/{key}", bytes(content))
            self.assertEqual(status, 200)

        damage(len(whole) // 2)
        self.done("verify", "-d", "d", "--sample", "100%", self.url(), code=6)
        # No part is smaller than the distance.
        damage(*range(100_000, len(whole) - 100_000, 100_000))
        for _ in range(3):
            self.done("verify", "-d", "d", "--sample", "5%", self.url(), code=6)

    def test_an_interruption_ends_it(self):
        with proxy.Proxy(self.running.port, pause=30) as between:
            for arguments in (["backup", "-s", self.small], ["devices"], ["verify"]):
                process = begin(*arguments, self.url(between))
                while not between.requests and process.poll() is None:
                    time.sleep(0.01)
                end = time.monotonic() + 5
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 130, out + err)
                self.assertLess(time.monotonic(), end)
                between.requests.clear()
            between.pause = 0


class Usage(unittest.TestCase):
    """What needs no server."""

    def assert_says(self, code, words, *arguments, **environment):
        returned, out, err = wmlb(*arguments, **environment)
        self.assertEqual((returned, words in err), (code, True), out + err)
        self.assertNotIn("somesecret", out + err)

    def test_what_is_not_for_buckets(self):
        url = "s3://bucket?endpoint=http://127.0.0.1:1"
        self.assert_says(2, "--all", "backup", "--all", url)
        self.assert_says(2, "--verify", "backup", "--verify", url)
        self.assert_says(2, "--at and --generation", "verify", "-t", "@1", "-g", "x", url)
        self.assert_says(2, "--device", "verify", "-d", "x", "/nonexistent")
        self.assert_says(2, "s3://bucket/prefix", "devices", "/nonexistent")
        self.assert_says(2, "a path is needed", "verify", "https://bucket/")
        self.assert_says(2, "a path is needed", "list", "--store", "s3://bucket")
        self.assert_says(2, "not an address", "devices", "s3://someid:somesecret@bucket/")
        self.assert_says(2, "not an address", "devices", "s3://bucket?x=1")
        self.assert_says(2, "device", "verify", "--device", "../x", url)

    def test_what_fails_is_said(self):
        url = f"s3://bucket?endpoint=http://127.0.0.1:{servers.free_port()}&deadline=1"
        self.assert_says(1, "no answer before the deadline", "devices", url)
        self.assert_says(1, "no answer before the deadline", "verify", "--device", "d", url)

    def test_without_the_library(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.join(servers.DIST, "libwmlb.so.1"), os.path.join(folder, "libwmlb.so.1"))
            self.assert_says(1, "not installed", "devices", "s3://bucket", LD_LIBRARY_PATH=folder)
            code, out, _ = wmlb("--version", LD_LIBRARY_PATH=folder)
            self.assertEqual((code, out[:5]), (0, "wmlb "))


if __name__ == "__main__":
    unittest.main()
