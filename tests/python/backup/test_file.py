"""The backup file as any system opens it, and its one canonical form."""

import os
import re
import subprocess
import tempfile
import unittest

import archive
import support
import wmlb_ctypes as w

SECOND = 10**9


class Extracted(support.StoreCase):
    """zstd -dc licenses.wmlb | tar x"""

    def extract(self):
        folder = os.path.join(self.root, "extracted")
        os.mkdir(folder)
        pipe = subprocess.Popen(["zstd", "-dc", self.target], stdout=subprocess.PIPE)
        run = subprocess.run(
            ["tar", "-x", "-p", "-C", folder], stdin=pipe.stdout, stderr=subprocess.PIPE
        )
        pipe.stdout.close()
        # Some versions of tar remark on old times and on records they do not know.
        self.assertEqual((pipe.wait(), run.returncode), (0, 0), run.stderr)
        return os.path.join(folder, "licenses")

    def tree(self, folder):
        """Content and time of every file."""
        found = {}
        for path, _, names in os.walk(os.fsencode(folder)):
            for name in names:
                file = os.path.join(path, name)
                relative = os.path.relpath(file, os.fsencode(folder))
                found[relative] = (support.read(file), os.stat(file).st_mtime_ns)
        return found

    def test_every_byte_and_time_comes_back(self):
        names = [b"a", b"ordinary.lic", b"folder/b", b"\xff\n", "ä".encode(), b"x" * 255]
        names += [b"l" * 120 + b"/" + b"m" * 120, b".hidden", b"s p a c e", b"zeros"]
        for number, name in enumerate(names):
            path = os.path.join(os.fsencode(self.store), name)
            support.write(path, os.urandom(number * 1000), SECOND * 1500000000 + number * 7)
        support.write(self.store + "/zeros", bytes(3 << 20), SECOND * 1500000000)
        expected = self.tree(self.store)
        self.assertEqual(len(expected), len(names))
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.tree(self.extract()), expected)

    def test_times_of_all_kinds_come_back(self):
        times = [
            0, 1, SECOND - 1, SECOND, -1, -SECOND, -SECOND - 1, -SECOND + 1, -1500000000,
            1234567890 * SECOND + 500000000, 1234567890 * SECOND + 123456789,
            1234567890 * SECOND + 100, -2000000000 * SECOND, -2000000000 * SECOND + 1,
            (1 << 31) * SECOND, (1 << 33) * SECOND - SECOND, (1 << 33) * SECOND,
            (1 << 33) * SECOND + 1, 14000000000 * SECOND + 5,
        ]
        for number, time in enumerate(times):
            support.write(self.store + "/%02d" % number, b"x", time)
        expected = self.tree(self.store)
        stored = [time for _, time in expected.values()]
        if sorted(stored) != sorted(times):
            raise unittest.SkipTest("the file system here does not hold such times")
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.tree(self.extract()), expected)

    def test_the_command_finds_nothing_wrong(self):
        self.fill(50, 50000)
        self.assert_ends(self.restorer.backup())
        subprocess.run(["zstd", "-tq", self.target], check=True)


class Form(support.StoreCase):
    """archive.Backup checks every header; here is what it takes and leaves."""

    def backup(self, flags=0):
        self.assert_ends(self.restorer.backup(flags | w.OVERWRITE))
        return archive.Backup(self.target)

    def put(self, name, content=b"x", time=1500000000 * SECOND):
        support.write(os.path.join(os.fsencode(self.store), name), content, time)

    def test_order_of_the_members(self):
        names = [
            b"a", b"a-", b"a.b/x", b"a/b", b"a/b.c", b"a0", b"b/1", b"b/10", b"b/2", b"B", b"Z/a",
            b"\x7f", b"\x80", b"\xff/a", b"\xc3\xa4", b"_", b"a b", b".h",
        ]
        names = [name for name in names if name != b"a"] + [b"aa"]
        for name in names:
            self.put(name)
        # Depth first, each folder's entries by their bytes: a folder has no slash yet.
        expected = sorted(names, key=lambda name: name.split(b"/"))
        self.assertEqual(self.backup().names(), expected)

    def test_pax_headers_only_where_needed(self):
        plain = [b"a", b"sub/b", b"n" * 91, b"n" * 100, b"f" * 146 + b"/" + b"n" * 100]
        needs = {
            b"n" * 101: {b"path"},
            b"f" * 147 + b"/" + b"n" * 100: {b"path"},
            "ä".encode(): {b"path"},
            b"sub\xff/c": {b"path", b"hdrcharset"},
            b"n" * 255: {b"path"},
        }
        for name in plain + list(needs):
            self.put(name)
        members = {member.name[9:]: member for member in self.backup().licenses}
        for name in plain:
            self.assertEqual(members[name].pax, {}, name)
        for name, keys in needs.items():
            self.assertEqual(members[name].pax.keys(), keys, name)
        self.assertEqual(members[b"sub\xff/c"].pax[b"hdrcharset"], b"BINARY")

    def test_pax_headers_for_times(self):
        times = {
            b"whole": (1500000000 * SECOND, None),
            b"epoch": (0, None),
            b"largest": (0o77777777777 * SECOND, None),
            b"larger": (0o77777777777 * SECOND + SECOND, b"8589934592"),
            b"half": (SECOND // 2, b"0.5"),
            b"nano": (1500000000 * SECOND + 1, b"1500000000.000000001"),
            b"tens": (1500000000 * SECOND + 120, b"1500000000.00000012"),
            b"before": (-SECOND, b"-1"),
            b"just-before": (-1, b"-0.000000001"),
            b"half-before": (-SECOND - SECOND // 2, b"-1.5"),
        }
        for name, (time, _) in times.items():
            self.put(name, b"x", time)
            if os.stat(os.path.join(os.fsencode(self.store), name)).st_mtime_ns != time:
                raise unittest.SkipTest("the file system here does not hold such times")
        for member in self.backup().licenses:
            time, text = times[member.name[9:]]
            self.assertEqual(member.mtime, time)
            self.assertEqual(member.pax, {} if text is None else {b"mtime": text})

    def test_folders_and_links_are_no_members(self):
        self.put(b"a/b/c")
        os.mkdir(self.store + "/empty")
        os.symlink("a", self.store + "/link")
        self.assertEqual(self.backup().names(), [b"a/b/c"])

    def test_modes_and_owners_are_not_those_of_the_store(self):
        self.put(b"a")
        os.chmod(self.store + "/a", 0o777)
        if os.geteuid() == 0:
            os.chown(self.store + "/a", 1234, 5678)
        self.backup()  # which looks at every mode and owner

    def test_every_frame_has_a_checksum_and_tells_its_size(self):
        for number in range(60):
            self.put(b"%d" % number, os.urandom(200000))
        backup = self.backup()
        self.assertGreater(len(backup.frames), 5)
        for frame in backup.frames:
            self.assertTrue(frame.checksum)
            self.assertIsNotNone(frame.content)

    def test_every_frame_is_independent(self):
        for number in range(10):
            self.put(b"%d" % number, b"%d" % number * 150000)
        backup, at = self.backup(), 0
        for frame in backup.frames:
            piece = backup.data[frame.offset : frame.offset + frame.stored]
            content = archive.decompress(piece)
            self.assertEqual(len(content), frame.content)
            self.assertEqual(content, backup.tar[at : at + frame.content])
            at += frame.content
        self.assertEqual(at, len(backup.tar))

    def test_a_damaged_frame_is_noticed_by_the_command(self):
        self.put(b"a", os.urandom(5000))
        backup = self.backup()
        frame = backup.frames[1]
        damaged = bytearray(backup.data)
        damaged[frame.offset + frame.stored // 2] ^= 1
        run = subprocess.run(
            ["zstd", "-dc"], input=damaged, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertNotEqual(run.returncode, 0)

    def test_what_does_not_compress_takes_no_more_room(self):
        content = os.urandom(4 << 20)
        self.put(b"a", content)
        stored = sum(frame.stored for frame in self.backup().frames)
        self.assertLess(stored, len(content) + 10000)

    def test_what_compresses_does(self):
        self.put(b"a", bytes(4 << 20))
        self.assertLess(sum(frame.stored for frame in self.backup().frames), 10000)

    def test_what_the_first_member_tells(self):
        before = int(subprocess.check_output(["date", "+%s"]))
        info = self.backup().info
        after = int(subprocess.check_output(["date", "+%s"]))
        self.assertEqual(info["format"], 1)
        self.assertLessEqual(before, info["created"])
        self.assertLessEqual(info["created"], after)
        self.assertEqual(info["library"], w.lib.wmlb_version().decode())
        self.assertEqual(info["store"], "directory")

    def test_the_summary_has_a_hash_for_every_frame_before_its_own(self):
        self.put(b"a", os.urandom(3 << 20))
        backup = self.backup()
        rows = backup.summary["frames"]
        self.assertEqual(len(rows), len(backup.frames) - 1)
        hashes = [row["blake3"] for row in rows]
        for row in hashes:
            self.assertRegex(row, r"^[0-9a-f]{64}$")
        self.assertEqual(len(set(hashes)), len(hashes))

    def test_same_content_same_hash(self):
        self.put(b"a", bytes(3 << 20))
        self.put(b"b", os.urandom(100))
        first, second = self.backup().summary["frames"], self.backup().summary["frames"]
        self.assertEqual(first[1:], second[1:])
        self.put(b"b", os.urandom(100))
        self.assertNotEqual(self.backup().summary["frames"][1:], first[1:])


class Device(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.fill(2)

    def backup(self, **variables):
        """As another process makes it."""

        def body():
            os.environ.update(variables)
            return self.new_restorer().backup(w.OVERWRITE)[0]

        self.assert_hr(support.in_child(body), w.S_OK)
        return archive.Backup(self.target)

    def test_it_is_stable(self):
        first = self.backup().info["device"]
        self.assertRegex(first, r"^[0-9a-f]{32}$")
        self.assertEqual(self.backup().info["device"], first)

    def test_the_machine_id_itself_is_nowhere(self):
        try:
            identity = support.read("/etc/machine-id").strip()
        except OSError:
            raise unittest.SkipTest("this machine has no /etc/machine-id")
        if not re.fullmatch(b"[0-9a-f]{32}", identity):
            raise unittest.SkipTest("this machine has no ID")
        backup = self.backup()
        for text in (identity, bytes.fromhex(identity.decode())):
            self.assertNotIn(text, backup.data)
            self.assertNotIn(text, backup.tar)

    def test_without_a_machine_id_a_random_one_is_kept(self):
        support.need_root()
        state = self.root + "/state"

        def body():
            hide_machine_id()
            os.environ["XDG_STATE_HOME"] = state
            return self.new_restorer().backup(w.OVERWRITE)[0]

        devices = []
        for _ in range(2):
            self.assert_hr(support.in_child(body), w.S_OK)
            devices.append(archive.Backup(self.target).info["device"])
        self.assertRegex(devices[0], r"^[0-9a-f]{32}$")
        self.assertEqual(devices[0], devices[1])
        if os.path.exists("/etc/machine-id"):
            self.assertNotEqual(devices[0], self.backup().info["device"])


    def test_without_a_machine_id_and_a_home_there_is_none(self):
        """Least of all one below the working directory."""
        support.need_root()
        here = self.root + "/here"
        os.mkdir(here)
        for home in (None, "", "a-home"):

            def body():
                hide_machine_id()
                os.chdir(here)
                os.environ.pop("XDG_STATE_HOME", None)
                os.environ.pop("HOME", None)
                if home is not None:
                    os.environ["HOME"] = home
                return self.new_restorer().backup(w.OVERWRITE)[0]

            self.assert_hr(support.in_child(body), w.S_OK)
            self.assertEqual(archive.Backup(self.target).info["device"], "")
            self.assertEqual(os.listdir(here), [])

    def without_machine_id(self, hidden_by=b"", **variables):
        """The device's ID as told by a process whose machine has none of its own."""

        def body():
            hide_machine_id(hidden_by)
            os.environ.pop("XDG_STATE_HOME", None)
            os.environ.update(variables)
            return self.new_restorer().backup(w.OVERWRITE)[0]

        self.assert_hr(support.in_child(body), w.S_OK)
        return archive.Backup(self.target).info["device"]

    def test_zeros_are_no_machine_id(self):
        support.need_root()
        state = self.root + "/state"
        device = self.without_machine_id(b"0" * 32 + b"\n", XDG_STATE_HOME=state)
        self.assertRegex(device, r"^[0-9a-f]{32}$")
        self.assertEqual(os.listdir(state + "/wmlb"), ["device-id"])
        self.assertEqual(self.without_machine_id(XDG_STATE_HOME=state), device)

    def test_a_random_one_that_was_lost_is_replaced(self):
        support.need_root()
        state = self.root + "/state"
        kept = state + "/wmlb/device-id"
        os.makedirs(os.path.dirname(kept))
        for damaged in (b"", b"\n", b"0" * 32, b"no id", b"a" * 33, b"\0" * 4096):
            support.write(kept, damaged)
            device = self.without_machine_id(XDG_STATE_HOME=state)
            self.assertRegex(device, r"^[0-9a-f]{32}$", damaged)
            self.assertEqual(self.without_machine_id(XDG_STATE_HOME=state), device)
            self.assertEqual(os.listdir(state + "/wmlb"), ["device-id"])

    def test_what_is_no_file_of_it_stays(self):
        support.need_root()
        state = self.root + "/state"
        kept = state + "/wmlb/device-id"
        os.makedirs(os.path.dirname(kept))
        other = self.root + "/other"
        support.write(other, b"not an ID")
        for make in (os.mkfifo, lambda path: os.symlink(other, path)):
            make(kept)
            before = os.lstat(kept)
            self.assertEqual(self.without_machine_id(XDG_STATE_HOME=state), "")
            self.assertEqual(os.lstat(kept).st_ino, before.st_ino)
            self.assertEqual(os.listdir(state + "/wmlb"), ["device-id"])
            os.unlink(kept)
        self.assertEqual(support.read(other), b"not an ID")

    def test_a_home_that_is_not_there_is_not_made(self):
        support.need_root()
        home = self.root + "/nonexistent"
        self.assertEqual(self.without_machine_id(HOME=home), "")
        self.assertFalse(os.path.lexists(home))
        os.mkdir(home)
        self.assertRegex(self.without_machine_id(HOME=home), r"^[0-9a-f]{32}$")


def hide_machine_id(by=b""):
    """For this process alone: a mount namespace in which something else is in the place of the
    machine's ID."""
    support.unshare_mounts()
    with tempfile.NamedTemporaryFile() as other:
        other.write(by)
        other.flush()
        for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
            if os.path.exists(path):
                subprocess.run(["mount", "--bind", other.name, path], check=True)


if __name__ == "__main__":
    unittest.main()
