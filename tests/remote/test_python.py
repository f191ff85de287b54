"""The Python package with a bucket in place of a folder: it is the one of this tree."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import proxy
import servers
import test_remote

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "bindings/python/src"))

import wmlb  # noqa: E402

CREDENTIALS = ("someid", "somesecret")


class Python(test_remote.Stores):
    server = servers.SeaweedFS

    def bucket(self, through=None, **settings):
        return wmlb.Bucket(self.url(through), credentials=CREDENTIALS, **settings)

    def test_a_backup_comes_back(self):
        bucket = self.bucket(device="d")
        self.assertEqual(wmlb.backup(self.small, bucket).licenses, 3)
        with self.assertRaises(wmlb.BackupExistsError):
            wmlb.backup(self.small, bucket)
        self.assertEqual(wmlb.verify(bucket).licenses, 3)
        self.assertEqual(len(wmlb.list_backup(bucket)), 3)
        self.assertEqual(wmlb.backup_info(bucket).licenses, 3)
        self.assertEqual(wmlb.compare(self.small, bucket), [])
        wmlb.backup(self.large, bucket, overwrite=True)
        new, old = sorted(wmlb.generations(bucket), key=lambda one: -one.size)
        self.assertEqual((bool(new.kept_by), bool(old.kept_by)), (True, False))
        target = tempfile.mkdtemp(dir=self.folder)
        wmlb.restore(self.bucket(device="d", generation=str(old.path)), target)
        self.assert_same(self.small, target)
        [device] = wmlb.devices(bucket)
        self.assertEqual((device.name, device.backups), ("d", 2))
        self.assertEqual(wmlb.forget_in_bucket(bucket, "last=1"), [])
        with proxy.Proxy(self.running.port, clock=test_remote.DAY + 60) as later:
            late = self.bucket(later, device="d")
            [gone] = wmlb.forget_in_bucket(late, "last=1", dry_run=True)
            self.assertEqual((gone.kind, gone.name), ("generation", str(old.path)))
            wmlb.backup(self.small, late, overwrite=True, keep="last=1")
        self.assertEqual(len(wmlb.generations(bucket)), 1)

    def test_an_address_is_enough(self):
        os.environ.update(AWS_ACCESS_KEY_ID="someid", AWS_SECRET_ACCESS_KEY="somesecret")
        self.addCleanup(os.environ.pop, "AWS_ACCESS_KEY_ID")
        self.addCleanup(os.environ.pop, "AWS_SECRET_ACCESS_KEY")
        asyncio.run(wmlb.backup_async(self.small, self.url()))
        self.assertEqual(asyncio.run(wmlb.verify_async(self.url())).licenses, 3)
        [device] = wmlb.devices(self.url())
        self.assertRegex(device.name, "^[0-9a-f]{32}$")

    def test_a_restorer_goes_from_place_to_place(self):
        here = tempfile.mkdtemp(dir=self.folder)
        with wmlb.Restorer(self.small) as restorer:
            restorer.backup(self.bucket(device="a"))
            restorer.backup(here)
            restorer.backup(self.bucket(device="b"))
            self.assertEqual(os.listdir(here), [wmlb.BACKUP_FILE_NAME])
            self.assertEqual([one.name for one in restorer.devices(self.bucket())], ["a", "b"])
            self.assertEqual(restorer.verify(here).licenses, 3)
        shutil.rmtree(here)

    def test_another_thread_cancels_what_waits_for_a_server(self):
        with proxy.Proxy(self.running.port, pause=30) as between, wmlb.Restorer() as restorer:
            def cancel():
                while not between.requests:
                    time.sleep(0.01)
                restorer.cancel()

            for call in (restorer.verify, restorer.devices):
                between.requests.clear()
                thread = threading.Thread(target=cancel)
                thread.start()
                with self.assertRaises(wmlb.CanceledError):
                    call(self.bucket(between, device="d"))
                thread.join()
            between.pause = 0


class Failures(unittest.TestCase):
    def test_what_fails_is_said(self):
        url = f"s3://bucket?endpoint=http://127.0.0.1:{servers.free_port()}&deadline=1"
        bucket = wmlb.Bucket(url, device="d", credentials=CREDENTIALS)
        for call in (wmlb.verify, wmlb.devices, wmlb.generations, wmlb.list_backup):
            with self.assertRaisesRegex(wmlb.WmlbError, "no answer before the deadline"):
                call(bucket)
        self.assertNotIn("somesecret", repr(bucket))
        for wrong in ("s3://someid:somesecret@bucket", "s3://bucket?x=1"):
            with self.assertRaises(wmlb.InvalidArgumentError) as raised:
                wmlb.devices(wrong)
            self.assertNotIn("somesecret", str(raised.exception))
        with self.assertRaises(wmlb.UnsupportedError):
            wmlb.forget(url, "last=1")

    def test_without_the_library(self):
        code = "import wmlb\ntry:\n wmlb.devices('s3://bucket')\nexcept wmlb.UnsupportedError as no:\n print(no)"
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.join(servers.DIST, "libwmlb.so.1"), os.path.join(folder, "libwmlb.so.1"))
            paths = {"PYTHONPATH": sys.path[0], "LD_LIBRARY_PATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
            said = subprocess.run([sys.executable, "-c", code], env={**os.environ, **paths},
                                  check=True, text=True, stdout=subprocess.PIPE).stdout
        self.assertIn("libwmlb-remote", said)


if __name__ == "__main__":
    unittest.main()
