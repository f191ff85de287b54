"""libwmlb-remote against real servers, and what can happen between them and a client."""

import collections
import filecmp
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import proxy
import servers
from servers import finish, run, start

EXISTS, NOT_IMPLEMENTED, CANCELED = "0xc00d2742", "0x80004001", "0xc00d2768"
NOTHING, DENIED, TIMEOUT, NO_BACKUP = "0x00000001", "0x80070005", "0x80070102", "0x80070002"
DAY = 24 * 60 * 60
ROUNDS_AT_ONCE = 8


class Stores(unittest.TestCase):
    """A small store, a large one that takes several parts, and a server for all tests."""

    server = None

    @classmethod
    def setUpClass(cls):
        if cls.server is None:
            raise unittest.SkipTest("for the servers below")
        if not servers.has(cls.server.program):
            raise unittest.SkipTest(f"{cls.server.name} cannot be had here")
        cls.folder = tempfile.mkdtemp(prefix="wmlb-remote.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        chosen = random.Random(1)
        cls.small = os.path.join(cls.folder, "small")
        cls.large = os.path.join(cls.folder, "large")
        for store, count, size in ((cls.small, 3, 100), (cls.large, 40, 500_000)):
            os.mkdir(store)
            for number in range(count):
                with open(os.path.join(store, f"license {number:02}"), "wb") as file:
                    file.write(chosen.randbytes(size + number))
        cls.made = time.time()
        cls.running = cls.enterClassContext(cls.server())

    def setUp(self):
        self.prefix = self.id().rpartition(".")[2]

    def url(self, through=None, **settings):
        return self.running.url(self.prefix, through.port if through else None, **settings)

    def keys(self):
        return self.running.keys(self.prefix + "/")

    def uploads(self):
        return self.running.uploads(self.prefix + "/")

    def assert_good(self, result):
        self.assertEqual(result.code, "0x00000000", result.text)
        return result

    def assert_fails(self, code, result):
        self.assertEqual(result.code, code, result.text)
        return result

    def assert_same(self, store, restored):
        compared = filecmp.dircmp(store, restored)
        self.assertEqual(compared.left_list, compared.right_list)
        _, differ, errors = filecmp.cmpfiles(store, restored, compared.common, shallow=False)
        self.assertEqual((differ, errors), ([], []))

    def wait_until_old(self):
        """Until licenses are old enough to be taken from a backup that is made now."""
        while time.time() < self.made + 5:
            time.sleep(0.1)

    def restore(self, *arguments, url=None, store=None):
        target = tempfile.mkdtemp(dir=self.folder)
        result = run(url or self.url(), *arguments, "restore", target)
        self.assert_good(result)
        if store:
            self.assert_same(store, target)
        return target


    def chaos(self, kind):
        """Writers at once, of which any request meets any fault and any writer is killed: what was
        told is so, and what is there is whole. See chaos/chaos.c."""
        seconds, seed = os.environ.get("WMLB_REMOTE_CHAOS", "3"), os.environ.get("WMLB_REMOTE_SEED")
        seed = seed or str(random.randrange(1 << 32))
        folder = tempfile.mkdtemp(prefix="wmlb-chaos.", dir=servers.MEMORY)
        self.addCleanup(shutil.rmtree, folder)
        program = os.path.join(servers.MADE, "chaos")
        # What it prints is seen as it goes.
        code = subprocess.run(
            [program, str(self.running.port), seconds, seed, kind, folder, str(ROUNDS_AT_ONCE)],
            preexec_fn=servers.end_with_this(),
        ).returncode  # fmt: skip
        self.assertEqual(code, 0, f"seed {seed}")


class Honest(Stores):
    """What a server that keeps its promises is good for."""

    def test_a_backup_comes_back_whole(self):
        for name, store in (("one", self.small), ("two", self.large)):
            with self.subTest(name):
                self.assert_good(run(self.url(), "-d", name, "backup", store))
                self.assert_good(run(self.url(), "-d", name, "verify"))
                listed = self.assert_good(run(self.url(), "-d", name, "list")).told("license")
                self.assertEqual(len(listed), len(os.listdir(store)))
                self.restore("-d", name, store=store)
        self.assertEqual(self.uploads(), [])

    def test_the_device_is_this_one_where_none_is_named(self):
        self.assert_good(run(self.url(), "backup", self.small))
        self.restore(store=self.small)
        [[name, *_]] = run(self.url(), "devices").told("device")
        self.assertRegex(name, "^[0-9a-f]{32}$")

    def test_encrypted_backups(self):
        secret = {"CLIENT_PASSPHRASE": "passphrase"}
        self.assert_good(run(self.url(), "-d", "d", "backup", self.small, **secret))
        self.assert_good(run(self.url(), "-d", "d", "verify", **secret))
        self.assert_fails("0xc00d2751", run(self.url(), "-d", "d", "verify"))
        [[_, _, encrypted, _]] = run(self.url(), "-d", "d", "generations").told("generation")
        self.assertEqual(encrypted, "encrypted=1")

    def test_an_earlier_backup_is_refused_or_kept_as_a_generation(self):
        self.assert_good(run(self.url(), "-d", "d", "backup", self.small))
        refused = self.assert_fails(EXISTS, run(self.url(), "-d", "d", "backup", self.small))
        self.assertIn("exists", refused.text)
        self.assertEqual(len(self.keys()), 2)
        self.assert_good(run(self.url(), "-d", "d", "overwrite", self.large))
        self.restore("-d", "d", store=self.large)
        told = run(self.url(), "-d", "d", "generations").told("generation")
        newest = [fields[3] for fields in told]
        self.assertEqual(sorted(newest), ["newest=0", "newest=1"])
        old = told[newest.index("newest=0")][0]
        self.restore("-d", "d", "-g", old, store=self.small)
        self.assert_fails("0x80070057", run(self.url(), "-d", "d", "-g", old, "overwrite", self.small))
        [device] = run(self.url(), "devices").told("device")
        self.assertEqual((device[0], device[3]), ("d", "2"))

    def test_what_has_not_changed_is_copied_by_the_server(self):
        self.wait_until_old()
        store = os.path.join(self.folder, self.prefix)
        shutil.copytree(self.large, store)
        self.assert_good(run(self.url(), "-d", "d", "backup", self.large))
        with proxy.Proxy(self.running.port) as between:
            self.assert_good(run(self.url(between), "-d", "d", "overwrite", self.large))
            # A part has 5 MiB at least, and the first one is not as it was.
            self.assertLess(between.sent, (5 << 20) + (1 << 16))
            # And that is read before, with what tells where everything is.
            self.assertLess(between.bytes, 9 << 20)
        self.restore("-d", "d", store=self.large)
        # As much as is there of it.
        os.unlink(os.path.join(self.large, "license 20"))
        self.addCleanup(shutil.copy2, os.path.join(store, "license 20"), self.large)
        with proxy.Proxy(self.running.port) as between:
            self.assert_good(run(self.url(between), "-d", "d", "overwrite", self.large))
            self.assertLess(between.sent, 16 << 20)
        self.restore("-d", "d", store=self.large)
        # A server that does not copy gets it all.
        with proxy.Proxy(self.running.port) as between:
            between.copies = False
            self.assert_good(run(self.url(between), "-d", "d", "overwrite", self.large))
            self.assertGreater(between.sent, 18 << 20)
        self.restore("-d", "d", store=self.large)
        self.assertEqual(self.uploads(), [])

    def test_where_there_is_nothing(self):
        self.assert_fails(NO_BACKUP, run(self.url(), "-d", "d", "verify"))
        self.assertEqual(run(self.url(), "devices").told("device"), [])
        self.assertEqual(self.assert_good(run(self.url(), "-d", "d", "generations")).told("generation"), [])
        nowhere = self.url().replace(servers.BUCKET, "nobucket", 1)
        self.assert_fails("0x80070003", run(nowhere, "-d", "d", "backup", self.small))

    def test_the_probe_asks_and_leaves_nothing(self):
        self.assertEqual(self.assert_good(run(self.url(), "probe")).told("capabilities"), [["3"]])
        self.assertEqual(self.keys(), [])

    def test_one_of_twelve_wins(self):
        for number in range(2):
            device = f"d{number}"
            racing = [start(self.url(), "-d", device, "backup", self.small) for _ in range(12)]
            codes = collections.Counter(finish(client).code for client in racing)
            self.assertEqual(codes, {"0x00000000": 1, EXISTS: 11})
            self.assertEqual(len(self.running.keys(f"{self.prefix}/{device}/")), 2)
        self.restore("-d", "d0", store=self.small)

    def test_one_license_by_its_name_takes_little(self):
        self.assert_good(run(self.url(), "-d", "d", "backup", self.large))
        with proxy.Proxy(self.running.port) as between:
            target = self.restore("-d", "d", "-o", "license 07", url=self.url(between))
        self.assertEqual(os.listdir(target), ["license 07"])
        # HEAD, the end, and what has the license, which is large here.
        self.assertLessEqual(len(between.requests), 3, between.requests)
        # A part of up to 3 MiB has the license.
        self.assertLess(between.bytes, 4 << 20)

    def test_each_request_may_meet_each_fault(self):
        """Of a backup, at each of its requests."""
        for fault in proxy.FAULTS:
            for at in range(1, 30):
                prefix = f"{self.prefix}/{fault}-{at}"
                hit = []

                def choose(number, method, path, at=at, fault=fault, hit=hit):
                    if number != at:
                        return None
                    # 409 is said of HEAD alone.
                    if fault == proxy.BUSY and (method, path[-5:]) != ("PUT", "/HEAD"):
                        return None
                    hit.append((method, path))
                    return fault

                with proxy.Proxy(self.running.port, choose) as between:
                    url = self.running.url(prefix, between.port)
                    result = run(url, "-d", "d", "overwrite", self.small)
                    count = len(between.requests)
                    between.settle()
                with self.subTest(fault=fault, at=at, hit=hit):
                    self.assert_good(result)
                    self.restore("-d", "d", url=self.running.url(prefix), store=self.small)
                    self.assertEqual(len(self.running.keys(prefix + "/")), 2)
                if count <= at:
                    break

    def test_lost_answers_of_head_are_settled(self):
        """Without OVERWRITE, where a second try finds the first."""
        for fault in (proxy.FORGET, proxy.CUT, proxy.LATE, proxy.TWICE, proxy.LOSE):
            prefix = f"{self.prefix}/{fault}"
            left = [1]

            def choose(_, method, path, fault=fault, left=left):
                if method == "PUT" and path.endswith("/HEAD") and left:
                    left.pop()
                    return fault
                return None

            with proxy.Proxy(self.running.port, choose) as between:
                result = run(self.running.url(prefix, between.port), "-d", "d", "backup", self.small)
                between.settle()
            with self.subTest(fault):
                self.assertEqual(left, [])
                self.assert_good(result)
                head = json.loads(self.running.request("GET", f"/bucket/{prefix}/d/HEAD")[1])
                self.assertEqual(head["sequence"], 1)
                self.restore("-d", "d", url=self.running.url(prefix), store=self.small)

    def test_a_canceled_backup_ends_at_once_and_leaves_nothing(self):
        with proxy.Proxy(self.running.port, pause=0.2) as between:
            result = run(self.url(between), "-d", "d", "cancel", self.large)
            self.assert_fails(CANCELED, result)
        [[milliseconds]] = result.told("canceled")
        self.assertLess(int(milliseconds), 2500)
        self.assertEqual((self.keys(), self.uploads()), ([], []))

    def test_a_silent_server_does_not_hold_a_cancel_up(self):
        with proxy.Proxy(self.running.port, pause=30) as between:
            result = run(self.url(between), "-d", "d", "cancel", self.small)
            between.pause = 0
        self.assert_fails(CANCELED, result)
        self.assertLess(int(result.told("canceled")[0][0]), 250)

    def test_a_released_remote_ends_what_runs(self):
        process = start(self.url(), "-d", "d", "release", self.large)
        result = finish(process)
        self.assertIn(result.code, ("0x80070006", CANCELED))
        self.assertEqual((self.keys(), self.uploads()), ([], []))

    def test_what_is_left_is_collected_after_a_day_and_nothing_else(self):
        self.assert_good(run(self.url(), "-d", "d", "backup", self.small))
        for size in (self.small, self.large, self.small):
            self.assert_good(run(self.url(), "-d", "d", "overwrite", size))
        self.kill_before("/HEAD", self.small)
        self.kill_before("partNumber=2", self.large)
        # Two killed writers have left an object and an upload beside four generations.
        self.assertEqual((len(self.keys()), len(self.uploads())), (6, 1))
        self.running.request("PUT", f"/{servers.BUCKET}/{self.prefix}/.probe/{'0' * 32}", b"wmlb 1")
        keep = ("-d", "d", "forget", "last=2")
        self.assert_fails(NOTHING, run(self.url(), *keep))
        with proxy.Proxy(self.running.port, clock=DAY + 60) as later:
            url = self.url(later)
            dry = self.assert_good(run(url, "-d", "d", "forget-dry", "last=2")).told("removal")
            self.assertEqual((len(self.keys()), len(self.uploads())), (7, 1))
            only = self.assert_good(run(url, "-d", "d", "forget")).told("removal")
            self.assertEqual(sorted(kind for kind, _ in only), ["2", "3"])
            rest = self.assert_good(run(url, *keep)).told("removal")
            self.assertEqual(sorted(dry), sorted(only + rest))
            self.assertEqual([kind for kind, _ in rest], ["1", "1"])
            self.assert_fails(NOTHING, run(url, *keep))
        self.assertEqual((len(self.keys()), len(self.uploads())), (3, 0))
        self.restore("-d", "d", store=self.small)

    def test_a_killed_upload_goes_on(self):
        home = tempfile.mkdtemp(dir=self.folder)
        notes = os.path.join(home, ".local/state/wmlb/uploads")
        at = servers.free_port()  # to go on is only for the same place
        for killed in ("partNumber=2", "partNumber=3"):
            self.kill_before(killed, self.large, at, HOME=home)
            self.assertEqual((len(os.listdir(notes)), len(self.uploads())), (1, 1))
        with proxy.Proxy(self.running.port, at=at) as between:
            self.assert_good(run(self.url(between), "-d", "d", "backup", self.large, HOME=home))
        # The first has the time of the backup in it, and the third was never sent.
        sent = [path for method, path in between.requests if method == "PUT" and "partNumber" in path]
        self.assertTrue(any("partNumber=3&" in path for path in sent), sent)
        goes_on = not any("partNumber=2&" in path for path in sent)
        self.assertEqual(goes_on, self.server.lists_parts, sent)
        self.restore("-d", "d", store=self.large)
        self.assertEqual((os.listdir(notes), self.uploads(), len(self.keys())), ([], [], 2))
        # One that is gone from the server is begun anew.
        self.kill_before("partNumber=3", self.large, at, HOME=home)
        [upload] = self.uploads()
        key, id = (re.search(f"<{tag}>([^<]*)</{tag}>", upload)[1] for tag in ("Key", "UploadId"))
        self.running.request("DELETE", f"/{servers.BUCKET}/{key}?uploadId={id}")
        with proxy.Proxy(self.running.port, at=at) as between:
            self.assert_good(run(self.url(between), "-d", "d", "overwrite", self.large, HOME=home))
        self.restore("-d", "d", store=self.large)
        self.assertEqual((os.listdir(notes), self.uploads()), ([], []))

    def kill_before(self, what, store, at=0, **environment):
        """A backup whose process is killed when it is about to send a request."""
        waiting = []

        def choose(_, method, path):
            text = between.requests[-1][1]
            if method == "PUT" and what in text:
                waiting.append(path)
                client.kill()
                return proxy.LOSE
            return None

        with proxy.Proxy(self.running.port, choose, at=at) as between:
            client = start(self.url(between), "-d", "d", "overwrite", store, **environment)
            finish(client)
        self.assertEqual(client.returncode, -signal.SIGKILL)
        self.assertTrue(waiting)

    def test_chaos(self):
        self.chaos("honest")


class WithMoto(Honest):
    server = servers.Moto


class WithSeaweedFS(Honest):
    server = servers.SeaweedFS


class Liar(Stores):
    server = servers.Rclone

    def test_it_is_found_out_and_takes_replacing_backups_only(self):
        told = self.assert_good(run(self.url(), "probe")).told("capabilities")
        self.assertEqual(told, [["2"]])
        refused = self.assert_fails(NOT_IMPLEMENTED, run(self.url(), "-d", "d", "backup", self.small))
        self.assertIn("WMLB_BACKUP_OVERWRITE", refused.words)
        # What several wrote at once may come back after it was removed.
        self.assertEqual([key for key in self.keys() if "/.probe/" not in key], [])
        for _ in range(2):
            self.assert_good(run(self.url(), "-d", "d", "overwrite", self.small))
            self.restore("-d", "d", store=self.small)
        # What it does not know of is nothing to collect: uploads in parts.
        with proxy.Proxy(self.running.port, clock=DAY + 60) as later:
            self.assert_good(run(self.url(later), "-d", "d", "forget", "last=1"))
            self.assert_fails(NOTHING, run(self.url(later), "-d", "d", "forget", "last=1"))
        left = [key for key in self.keys() if "/.probe/" not in key]
        self.assertEqual(len(left), 2, left)
        # Its answers about uploads in parts are not those of S3.
        self.assert_fails("0x80004005", run(self.url(), "-d", "d", "overwrite", self.large))
        self.restore("-d", "d", store=self.small)

    def test_what_is_being_written_is_read_again(self):
        self.assert_good(run(self.url(), "-d", "d", "overwrite", self.small))
        for times, code in ((1, "0x00000000"), (1000, "0xc00d2743")):
            left = [proxy.TORN] * times

            def choose(_, method, path, left=left):
                return left.pop() if left and (method, path[-5:]) == ("GET", "/HEAD") else None

            with self.subTest(times), proxy.Proxy(self.running.port, choose) as between:
                self.assert_fails(code, run(self.url(between), "-d", "d", "overwrite", self.small))

    def test_chaos(self):
        self.chaos("liar")


class Rules(unittest.TestCase):
    """What needs no server that is any good."""

    def test_what_a_url_may_not_say(self):
        for url in ("s3://b?endpoint=http://host.example", "s3://id:secret@b/", "https://b/", "s3://b/?x=1"):
            result = run(url, "devices")
            self.assertEqual(result.code, "0x80070057", result.text)
            self.assertNotIn("secret", result.text)

    def test_secrets_are_not_told(self):
        port = servers.free_port()
        for keys in ({}, {"signed": False, "AWS_ACCESS_KEY_ID": "someid", "AWS_SECRET_ACCESS_KEY": "somesecret"}):
            url = f"s3://b?endpoint=http://127.0.0.1:{port}&deadline=1"
            result = run(url, "devices", **keys)
            self.assertEqual(result.code, TIMEOUT, result.text)
            for secret in ("someid", "somesecret", "Signature"):
                self.assertNotIn(secret, result.text)

    def test_whose_credentials_are_used(self):
        with tempfile.TemporaryDirectory() as home:
            os.mkdir(f"{home}/.aws")
            with open(f"{home}/.aws/credentials", "w") as file:
                for profile, key in (("default", "fromfile"), ("other", "fromprofile")):
                    file.write(f"[{profile}]\naws_access_key_id={key}\naws_secret_access_key=s\n")
            variables = {"AWS_ACCESS_KEY_ID": "fromenvironment", "AWS_SECRET_ACCESS_KEY": "s"}
            token = {"AWS_SESSION_TOKEN": "sometoken"}
            for wanted, given in (
                ("someid", {"signed": True, **variables}),
                ("fromenvironment", variables),
                ("sometoken", {**variables, **token}),
                ("fromfile", {}),
                ("fromprofile", {"AWS_PROFILE": "other"}),
            ):
                with self.subTest(wanted), proxy.Proxy(0, lambda *_: proxy.FAIL) as between:
                    url = f"s3://b?endpoint=http://127.0.0.1:{between.port}&deadline=1"
                    run(url, "devices", **{"HOME": home, "signed": False, **given})
                    self.assertIn(wanted, between.requests[0][1])
            with proxy.Proxy(0, lambda *_: proxy.FAIL) as between:
                run(f"s3://b?endpoint=http://127.0.0.1:{between.port}&deadline=1", "devices", signed=False)
                self.assertNotIn("Amz", between.requests[0][1])
            missing = run("s3://b", "devices", signed=False, HOME=home, AWS_PROFILE="none")
            self.assertEqual(missing.code, "0x80070057", missing.text)

    def test_the_server_may_refuse(self):
        with proxy.Proxy(0, lambda *_: 403) as between:
            url = f"s3://b?endpoint=http://127.0.0.1:{between.port}"
            self.assertEqual(run(url, "devices").code, DENIED)
            self.assertEqual(len(between.requests), 1)


if __name__ == "__main__":
    unittest.main()
