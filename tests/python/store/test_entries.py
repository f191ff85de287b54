"""What a store may hold: odd names, odd files, deep folders, links."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import unittest

import archive
import support
import wmlb_ctypes as w

FRAME = 2 << 20


class Entries(support.StoreCase):
    def backed_up(self, flags=0, expected=w.S_OK):
        """The backup that was made, and the events."""
        events = self.assert_ends(self.restorer.backup(flags | w.OVERWRITE), expected)
        return archive.Backup(self.target), events

    def skipped(self, events):
        return [(event.text, event.hr) for event in events if event.status == w.STATUS_SKIPPED]

    def put(self, name, content=b"content"):
        support.write(os.path.join(os.fsencode(self.store), name), content)
        return content

    def test_an_empty_store(self):
        backup, _ = self.backed_up()
        self.assertEqual(backup.files(), {})
        self.assertEqual((backup.summary["licenses"], backup.summary["bytes"]), (0, 0))

    def test_empty_folders_leave_nothing(self):
        os.makedirs(self.store + "/a/b/c")
        self.assertEqual(self.backed_up()[0].files(), {})

    def test_empty_files(self):
        made = {name: self.put(name, b"") for name in (b"a", b"b/c", b"d")}
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_odd_names(self):
        names = [
            b" ", b"a b", b"-rf", b"--", b"*", b"?", b"$HOME", b"`x`", b"'", b'"', b"\\", b"a\\b",
            b"\n", b"a\nb", b"\t", b"\x01\x7f", b"#", b"%s%n", b"~", b"...", b"a.", b".a", b"..a",
            "ä".encode(), "\N{SNOWMAN}".encode(), "e\u0301".encode(), "\u00e9".encode(),
            b"\xff", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f", b"con", b"NUL", b"a:b",
            b"wmlb.json", b"wmlb-summary.json", b"licenses", b"PaxHeaders", b"x=y", b"17 path=x",
        ]
        names += [b"folder\xff\n" + b"/" + name for name in names]
        made = {name: self.put(name, name * 3) for name in names}
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_every_byte_a_name_can_have(self):
        made = {}
        for byte in set(range(1, 256)) - {ord("/"), ord(".")}:
            made[bytes([byte])] = self.put(bytes([byte]))
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_names_of_every_length(self):
        lengths = list(range(80, 110)) + [150, 154, 155, 156, 157, 200, 254, 255]
        made = {}
        for length in lengths:
            for letter in (b"a", b"\xe4"):
                made[letter * length] = self.put(letter * length)
        for length in range(135, 160):
            name = b"f" * length + b"/" + b"n" * 100
            made[name] = self.put(name)
            name = b"f" * 20 + b"/" + b"g" * length + b"/n"
            made[name] = self.put(name)
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_hidden_files_count(self):
        made = {name: self.put(name) for name in (b".hidden", b".folder/.below", b".folder/x")}
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_deep_folders(self):
        # A path no single system call takes; the folders are made one from another.
        made, path = {}, b""
        folder = os.open(self.store, os.O_RDONLY)
        for number in range(300):
            name = b"folder-%04d-%s" % (number, b"x" * 10)
            os.mkdir(name, dir_fd=folder)
            below = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder, path = below, path + name + b"/"
            for file in (b"a", b"z"):
                with open(os.open(file, os.O_WRONLY | os.O_CREAT, dir_fd=folder), "wb") as out:
                    out.write(b"%d" % number)
                made[path + file] = b"%d" % number
        os.close(folder)
        self.assertGreater(len(path), 4096)
        for threads in (1, 4):
            self.restorer.set("Threads", threads)
            self.assertEqual(self.backed_up()[0].files(), made)

    def test_a_folder_of_many(self):
        made = {b"%d" % number: self.put(b"%d" % number, b"%d" % number) for number in range(5000)}
        backup, events = self.backed_up()
        self.assertEqual(backup.files(), made)
        self.assertEqual(events[-2].progress.licenses_total, 5000)

    def test_a_file_with_several_names(self):
        self.put(b"one")
        os.link(self.store + "/one", self.store + "/two")
        self.assertEqual(self.backed_up()[0].files(), {b"one": b"content", b"two": b"content"})

    def test_links_are_not_followed(self):
        self.put(b"license")
        support.write(self.root + "/outside/secret", b"secret")
        os.symlink(self.root + "/outside/secret", self.store + "/to-file")
        os.symlink(self.root + "/outside", self.store + "/to-folder")
        os.symlink("nowhere", self.store + "/dangling")
        os.symlink("loop", self.store + "/loop")
        os.symlink("license", self.store + "/inside")
        os.symlink(".", self.store + "/itself")
        backup, events = self.backed_up()
        self.assertEqual(backup.files(), {b"license": b"content"})
        names = ["dangling", "inside", "itself", "loop", "to-file", "to-folder"]
        self.assertEqual(self.skipped(events), [(name, w.E_ACCESSDENIED) for name in names])

    def test_special_files_are_left_alone(self):
        self.put(b"license")
        os.mkfifo(self.store + "/fifo")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        # The name of a socket has little room.
        here = os.open(self.store, os.O_RDONLY)
        listener.bind("/proc/self/fd/%d/socket" % here)
        os.close(here)
        names = ["fifo", "socket"]
        if os.geteuid() == 0:
            os.mknod(self.store + "/device", 0o600 | 0o020000, os.makedev(1, 5))
            names.insert(0, "device")
        backup, events = self.backed_up()
        self.assertEqual(backup.files(), {b"license": b"content"})
        self.assertEqual(self.skipped(events), [(name, w.E_ACCESSDENIED) for name in names])

    def test_links_do_not_make_a_backup_partial(self):
        self.put(b"license")
        os.symlink("nowhere", self.store + "/link")
        for flags in (0, w.PARTIAL):
            _, events = self.backed_up(flags, w.S_OK)
            self.assertEqual(self.skipped(events), [("link", w.E_ACCESSDENIED)])

    def test_names_that_are_not_utf8_are_told_as_well_as_can_be(self):
        os.symlink("nowhere", os.fsencode(self.store) + b"/a\xffb\n")
        _, events = self.backed_up()
        self.assertEqual(self.skipped(events)[0][0], "a\N{REPLACEMENT CHARACTER}b\n")

    def test_sizes_around_a_frame(self):
        randomness = random.Random(1)
        made = {}
        sizes = [FRAME, 2 * FRAME, 3 * FRAME + 17, 5 * FRAME]
        sizes += [FRAME - 2048, FRAME - 1024, FRAME - 512]
        for size in sizes:
            for near in (size - 1, size, size + 1):
                data = randomness.getrandbits(8 * near).to_bytes(near, "little")
                made[b"random-%08d" % near] = self.put(b"random-%08d" % near, data)
                made[b"zeros-%08d" % near] = self.put(b"zeros-%08d" % near, bytes(near))
        backup, events = self.backed_up(w.VERIFY)
        self.assertEqual(backup.files(), made)
        self.assertEqual(events[-2].progress.bytes_done, sum(map(len, made.values())))

    def test_sizes_around_a_block(self):
        made = {}
        for size in list(range(0, 5)) + list(range(509, 516)) + [1023, 1024, 1025]:
            made[b"%d" % size] = self.put(b"%d" % size, b"x" * size)
        self.assertEqual(self.backed_up()[0].files(), made)

    def test_small_and_large_in_turn(self):
        made = {}
        for number in range(12):
            size = (10, 900000, 2500000)[number % 3]
            made[b"%02d" % number] = self.put(b"%02d" % number, os.urandom(size))
        for threads in (1, 3):
            self.restorer.set("Threads", threads)
            self.assertEqual(self.backed_up()[0].files(), made)

    def test_a_file_too_large_for_a_ustar_header(self):
        # 8 GiB and a byte, with no block on the disk. Only the beginning is looked at.
        size = (8 << 30) + 1
        # Holes are read fastest from memory.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        store = tempfile.mkdtemp(prefix="wmlb-test-", dir=memory)
        self.addCleanup(shutil.rmtree, store)
        support.write(store + "/huge")
        os.truncate(store + "/huge", size)
        self.restorer.set("StorePath", store)
        events = self.assert_ends(self.restorer.backup())
        self.assertEqual(events[-2].progress.bytes_done, size)
        reader = subprocess.Popen(["zstd", "-dc", self.target], stdout=subprocess.PIPE)
        start = reader.stdout.read(8192)
        reader.stdout.close()
        reader.kill()
        reader.wait()
        _, info, _ = archive.check_header(start[:512], b"0")
        pax = 512 + (info + 511) // 512 * 512
        _, length, _ = archive.check_header(start[pax : pax + 512], b"x")
        records = dict(archive.records_of(start[pax + 512 : pax + 512 + length]))
        self.assertEqual(records[b"size"], b"%d" % size)
        name, field, _ = archive.check_header(start[pax + 1024 : pax + 1536], b"0")
        self.assertEqual((name, field), (b"licenses/huge", 0))


class NoStore(support.StoreCase):
    def assert_no_store(self, path, backups=None):
        folder = os.path.join(self.root, "never-made")
        restorer = self.new_restorer(store=path, backups=folder)
        events = self.assert_fails(restorer.backup(), w.UNABLE_TO_OPEN_DATA_STORE, path)
        self.assertEqual([event.status for event in events], [w.STATUS_BEGIN, w.STATUS_ERROR])
        self.assertFalse(os.path.exists(folder), "a folder was made for a backup of nothing")

    def test_missing(self):
        self.assert_no_store(self.root + "/missing")
        self.assert_no_store(self.root + "/missing/further")

    def test_a_file(self):
        support.write(self.root + "/file", b"x")
        self.assert_no_store(self.root + "/file")
        self.assert_no_store(self.root + "/file/below")

    def test_a_dangling_link(self):
        os.symlink("nowhere", self.root + "/dangling")
        self.assert_no_store(self.root + "/dangling")

    def test_a_link_to_itself(self):
        os.symlink("loop", self.root + "/loop")
        self.assert_no_store(self.root + "/loop")

    def test_a_fifo(self):
        os.mkfifo(self.root + "/fifo")
        self.assert_no_store(self.root + "/fifo")

    def test_an_earlier_backup_stays(self):
        support.write(self.target, b"earlier")
        self.restorer.set("StorePath", self.root + "/missing")
        self.assert_fails(self.restorer.backup(w.OVERWRITE), w.UNABLE_TO_OPEN_DATA_STORE)
        self.assertEqual(support.read(self.target), b"earlier")

    def test_a_link_to_a_store_is_one(self):
        # The user's own setting is followed; what lies in a store is not.
        made = self.fill(2)
        os.symlink("store", self.root + "/link")
        self.restorer.set("StorePath", self.root + "/link")
        self.assert_ends(self.restorer.backup())
        self.assertEqual(archive.Backup(self.target).files(), made)


if __name__ == "__main__":
    unittest.main()
