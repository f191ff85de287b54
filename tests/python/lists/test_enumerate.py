"""The lists of a store's and a backup's licenses, on the calling thread."""

import ctypes
import os
import socket
import threading
import unittest

import archive
import archive_forge as forge
import license_forge
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, snapshot

BOTH = ("store", "backup")


class Lists(RestoreCase):
    """The same licenses in a store and in the backup of it."""

    def setUp(self):
        super().setUp()
        # The saver's store is listed, and the backup that is made of it.
        self.restorer = self.new_restorer(store=self.source, RestorePath=self.backups)

    def list(self, what):
        hr, licenses = self.restorer.enumerate(what)
        self.assert_hr(hr, w.S_OK, "%s: %s" % (what, self.restorer.last_error()))
        return licenses

    def test_what_is_told(self):
        times = (0, -1, -1500000000, 1600000000123456789, 10**18)
        files = {b"a/%d" % n: (b"x" * n, time) for n, time in enumerate(times)}
        self.save(files)
        for what in BOTH:
            licenses = self.list(what)
            self.assertEqual([each.name for each in licenses], sorted(files))
            for each in licenses:
                content, time = files[each.name]
                self.assertEqual(each.struct_size, ctypes.sizeof(w.LicenseInfo))
                self.assertEqual(each.text, each.name)
                self.assertEqual(each.size, len(content))
                self.assertEqual(each.modified, time // 10**9, what)
                self.assertEqual(each.format, b"opaque")
                self.assertEqual((each.license_id, each.key_ids), (b"", b""))
                self.assertEqual(each.right, w.RIGHT_NOT_STATED)
                self.assertEqual((each.valid_from, each.valid_until), (w.NOT_STATED,) * 2)

    def test_their_order(self):
        names = [b"a!", b"a/b", b"a0", b"a/c/d", b"a/c!", b"B", b"b", "é".encode(), b"\xff", b"0"]
        self.save({name: name for name in names})
        expected = archive.Backup(self.target).names()
        self.assertEqual(expected, sorted(names, key=lambda name: name.split(b"/")))
        for what in BOTH:
            self.assertEqual([each.name for each in self.list(what)], expected)

    def test_names_alone(self):
        self.save({b"xmr": license_forge.xmr(), b"large": os.urandom(5 << 20), b"z": b"z"})
        all_of_it = self.list("backup")
        self.restorer.set("Details", "names")
        for only in ("", "x*"):
            self.restorer.set("Only", only)
            found = self.list("backup")
            self.assertEqual(
                [(each.name, each.size, each.modified) for each in found],
                [(each.name, each.size, each.modified) for each in all_of_it
                 if each.name.startswith(only[:1].encode())])
            for each in found:
                self.assertEqual((each.format, each.license_id, each.key_ids),
                                 (b"opaque", b"", b""))
        # What is chosen by what it says is looked at.
        told = next(each for each in all_of_it if each.key_ids)
        self.restorer.set("Only", "key:" + told.key_ids.decode())
        self.assertEqual([each.name for each in self.list("backup")], [told.name])

    def test_names_of_all_kinds(self):
        names = {
            b"\xff": "\ufffd", b"\xc3\x28/x": "\ufffd(/x", "日本".encode(): "日本",
            b"new\nline": "new\nline", b"n" * 255: "n" * 255, b" ": " ",
            b"ok\x80\x81": "ok\ufffd\ufffd",
        }
        self.save({name: b"x" for name in names})
        for what in BOTH:
            found = {each.name: each.text.decode() for each in self.list(what)}
            self.assertEqual(found, names)

    def test_many_and_large_ones(self):
        files = {b"%d/%05d" % (n % 9, n): b"x" * (n % 7) for n in range(3000)}
        files[b"large"] = bytes((5 << 20) + 3)
        self.save(files)
        for what in BOTH:
            found = {each.name: each.size for each in self.list(what)}
            self.assertEqual(found, {name: len(data) for name, data in files.items()})

    def test_none(self):
        self.save({})
        for what in BOTH:
            self.assertEqual(self.list(what), [])

    def test_what_else_is_in_a_store(self):
        self.save({b"a": b"1", b"z": b"2"})
        os.symlink("a", self.source + "/link")
        os.mkfifo(self.source + "/fifo")
        os.mkdir(self.source + "/folder")
        with socket.socket(socket.AF_UNIX) as unix:
            here = os.getcwd()
            os.chdir(self.source)
            unix.bind("socket")
            os.chdir(here)
        licenses = support.in_child(
            lambda: self.new_restorer(store=self.source).enumerate("store"))[1]
        self.assertEqual([each.name for each in licenses], [b"a", b"z"])

    def test_the_backup_in_the_store_is_no_license(self):
        self.save({b"a": b"1"})
        inside = self.new_restorer(store=self.source, backups=self.source)
        self.assert_ends(inside.backup())
        hr, licenses = inside.enumerate("store")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([each.name for each in licenses], [b"a"])

    def test_a_negative_answer(self):
        self.save({b"%d" % n: b"x" for n in range(10)})
        for what in BOTH:
            for answer in (-1, -(2**31), w.CANCELED):
                seen = []

                def on_license(each):
                    seen.append(each)
                    return answer if len(seen) == 4 else 5

                hr, licenses = self.restorer.enumerate(what, on_license)
                self.assert_hr(hr, answer)
                self.assertEqual(len(licenses), 4)
        self.assertEqual(len(self.list("backup")), 10)

    def test_the_thread(self):
        self.save({b"a": b"1"})
        for what in BOTH:
            before = support.threads().keys()
            seen = []
            self.restorer.enumerate(
                what, lambda each: seen.append((threading.get_native_id(), support.threads())))
            self.assertEqual(seen[0][0], threading.get_native_id())
            self.assertEqual(seen[0][1].keys(), before)

    def test_nothing_is_touched(self):
        self.save({b"a": b"1"})
        before = snapshot(self.root)
        for what in BOTH:
            self.list(what)
        self.assert_same(snapshot(self.root), before)

    def test_while_an_operation_runs(self):
        self.save({b"a": b"1", b"b": b"2"})
        back_up = lambda flags, on_event: self.saver.backup(w.OVERWRITE, on_event)
        for operation in (self.restorer.verify, back_up):
            found = []

            def on_event(event):
                for what in BOTH:
                    hr, licenses = self.restorer.enumerate(what)
                    found.append((hr, [each.name for each in licenses]))

            self.assert_ends(operation(0, on_event))
            self.assertGreater(len(found), 3)
            for each in found:
                self.assertEqual(each, (w.S_OK, [b"a", b"b"]))

    def test_in_a_restore_into_another_store(self):
        self.save({b"a": b"1"})
        found = []
        target = self.new_target()

        def on_event(event):
            found.append(self.restorer.enumerate("store")[0])
            found.append(target.enumerate("backup")[0])

        self.assert_ends(target.restore(0, on_event))
        self.assertEqual(set(found), {w.S_OK})

    def test_calls_inside(self):
        self.save({b"a": b"1", b"b": b"2"})
        result = ctypes.c_int32()
        for what in BOTH:
            def on_license(each):
                self.assert_hr(self.restorer.enumerate("store")[0], w.S_OK)
                self.assert_hr(self.restorer.enumerate("backup")[0], w.S_OK)
                self.assert_hr(self.restorer.set("Threads", 1), w.S_OK)
                # No operation runs, so there is nothing to refuse here.
                self.assert_ends(self.restorer.verify())
                self.assert_hr(self.restorer.wait(0, ctypes.byref(result)), w.S_OK)

            hr, licenses = self.restorer.enumerate(what, on_license)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(len(licenses), 2)

    def test_properties_count_from_the_call(self):
        self.save({b"a": b"1", b"b": b"2"})
        for what in BOTH:
            def on_license(each):
                self.restorer.set("StorePath", self.root + "/nowhere")
                self.restorer.set("RestorePath", self.root + "/nowhere")

            hr, licenses = self.restorer.enumerate(what, on_license)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(len(licenses), 2)
            self.restorer.set("StorePath", self.source)
            self.restorer.set("RestorePath", self.backups)

    def test_release_inside(self):
        self.save({b"a": b"1", b"b": b"2"})
        for what in BOTH:
            released = self.new_restorer(store=self.source, RestorePath=self.backups)
            self.restorers.remove(released)
            answers = []
            hr, licenses = released.enumerate(
                what, lambda each: answers.append(released.release()))
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(len(licenses), 2)
            self.assertEqual(answers, [w.S_OK, w.E_HANDLE])

    def test_from_many_threads(self):
        self.save({b"%03d" % n: b"x" for n in range(300)})
        found = []

        def work():
            for _ in range(5):
                for what in BOTH:
                    found.append(len(self.restorer.enumerate(what)[1]))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [300] * 60)

    def test_the_default_restorer(self):
        self.save({b"a": b"1"})

        def body():
            default = w.default_restorer()
            default.set("StorePath", self.source)
            default.set("RestorePath", self.backups)
            return [(hr, [each.name for each in found])
                    for hr, found in map(default.enumerate, BOTH)]

        self.assertEqual(support.in_child(body), [(w.S_OK, [b"a"])] * 2)


class LargeBackup(RestoreCase):
    """What threads read ahead of is told as by one."""

    def setUp(self):
        super().setUp()
        # What does not compress, so that frames are many; with packages, which their ends identify.
        self.files = {b"b/%02d" % number: license_forge.noise(1 << 20, number)
                      for number in range(12)}
        for name, before in ((b"a", 5 << 20), (b"b/03a", 1 << 20), (b"z", 2 << 20)):
            self.files[name] = license_forge.package(license_forge.lcp(), before=[before])
        self.files.update({b"c/%d" % number: license_forge.v7(key_ids=["%d" % number]).encode() for number in range(99)})
        self.save(self.files)
        self.restorer = self.new_restorer(RestorePath=self.backups)

    def list(self, threads, on_license=None):
        self.assert_hr(self.restorer.set("Threads", threads), w.S_OK)
        hr, licenses = self.restorer.enumerate("backup", on_license)
        return hr, [(each.name, each.size, each.format, each.license_id, each.key_ids, each.right)
                    for each in licenses]

    def test_it_is_told_in_order_and_here(self):
        hr, expected = self.list(1)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([each[0] for each in expected], archive.Backup(self.target).names())
        self.assertEqual({each[0] for each in expected if each[2] == b"lcp"}, {b"a", b"b/03a", b"z"})
        before = support.threads().keys()
        for threads in (2, 5):
            callers, beside = set(), set()

            def on_license(_):
                callers.add(threading.get_native_id())
                beside.update(support.threads().values())

            self.assertEqual(self.list(threads, on_license), (w.S_OK, expected))
            self.assertEqual(callers, {threading.get_native_id()})
            self.assertIn("wmlb-%d" % threads, beside)
            self.assertEqual(support.threads().keys(), before)

    def test_an_end_in_the_middle(self):
        _, expected = self.list(1)
        for last in (0, 5, len(expected) - 1):
            seen = []

            def on_license(_):
                seen.append(0)
                return w.CANCELED if len(seen) == last + 1 else w.S_OK

            self.assertEqual(self.list(4, on_license), (w.CANCELED, expected[:last + 1]))
        self.assertEqual(
            self.list(4, lambda _: self.restorer.cancel()), (w.CANCELED, expected[:1]))

    def test_what_comes_before_the_damage(self):
        with open(self.target, "rb") as file:
            whole = file.read()
        for part in (2, 3):
            damaged = bytearray(whole)
            damaged[len(whole) * part // 4] ^= 1
            support.write(self.target, bytes(damaged))
            one, two = self.list(1), self.list(3)
            self.assertEqual(one, two)
            self.assert_hr(one[0], w.BACKUP_CORRUPT)
            self.assertGreater(len(one[1]), 0)

    def test_a_fork_in_the_middle(self):
        """The child's copy of the list never goes on."""

        def body():
            self.restorer, children = self.new_restorer(RestorePath=self.backups), []

            def on_license(_):
                if not children:
                    children.append(os.fork())

            hr, licenses = self.list(2, on_license)
            if children[0] == 0:
                os._exit(77)
            return hr, len(licenses), os.waitpid(children[0], 0)[1]

        self.assertEqual(support.in_child(body), (w.S_OK, len(self.files), 0))


class Refusals(RestoreCase):
    def test_no_callback(self):
        self.save({b"a": b"1"})
        for what in BOTH:
            function = getattr(self.restorer, "enumerate_" + what)
            self.assert_hr(function(w.NO_LICENSE_CALLBACK, None), w.E_INVALIDARG)

    def test_no_handle(self):
        callback = w.LicenseCallback(lambda info, user_data: 0)
        for handle in (None, 12345):
            for what in BOTH:
                function = getattr(w.lib, "wmlb_restorer_enumerate_" + what)
                self.assert_hr(function(handle, callback, None), w.E_HANDLE)

    def test_no_paths(self):
        restorer = w.Restorer()
        self.restorers.append(restorer)
        self.assert_hr(restorer.enumerate("backup")[0], w.NOT_CONFIGURED)
        self.assertIn("RestorePath", restorer.last_error())

        def body():
            for name in ("WMLB_STORE_PATH", "XDG_DATA_HOME", "HOME"):
                os.environ.pop(name, None)
            return w.Restorer().enumerate("store")[0]

        self.assert_hr(support.in_child(body), w.NOT_CONFIGURED)

    def test_what_is_not_there(self):
        self.assert_hr(self.restorer.enumerate("store")[0], w.UNABLE_TO_OPEN_DATA_STORE)
        self.assertIn(self.store, self.restorer.last_error())
        self.assert_hr(self.restorer.enumerate("backup")[0], w.FILE_NOT_FOUND)
        self.assertIn(self.target, self.restorer.last_error())
        self.assertFalse(os.path.exists(self.store))

    def test_a_store_that_is_none(self):
        support.write(self.store, b"a file")
        self.assert_hr(self.restorer.enumerate("store")[0], w.UNABLE_TO_OPEN_DATA_STORE)
        os.unlink(self.store)
        os.symlink("nowhere", self.store)
        self.assert_hr(self.restorer.enumerate("store")[0], w.UNABLE_TO_OPEN_DATA_STORE)

    def test_no_permission(self):
        support.need_root()
        self.save({b"a": b"1"})
        self.put({b"a": b"1", b"folder/b": b"2"})
        os.chmod(self.store, 0o755)

        def body():
            return [self.new_target().enumerate(what)[0] for what in BOTH]

        for change in (
            lambda: os.chmod(self.store + "/folder", 0o700),
            lambda: os.chmod(self.store, 0o700),
        ):
            change()
            for hr in support.in_child(body, support.NOBODY):
                self.assert_hr(hr, w.E_ACCESSDENIED)


class DamagedBackup(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"license-%02d" % n: os.urandom(300000) for n in range(20)})
        self.data = support.read(self.target)
        self.frames = archive.frames_of(self.data)

    def test_what_comes_before_the_damage(self):
        hr, licenses = self.restorer.enumerate("backup")
        names = [each.name for each in licenses]
        told = []
        for frame in self.frames[1:]:
            damaged = bytearray(self.data)
            damaged[frame.offset + frame.stored - 2] ^= 1
            self.write_archive(bytes(damaged))
            hr, licenses = self.restorer.enumerate("backup")
            self.assert_hr(hr, w.BACKUP_CORRUPT)
            self.assertIn(self.target, self.restorer.last_error())
            self.assertIn(str(frame.offset), self.restorer.last_error())
            found = [each.name for each in licenses]
            self.assertEqual(found, names[: len(found)])
            told.append(len(found))
        self.assertEqual(told, sorted(told))
        self.assertEqual((told[0], told[-1]), (0, 20))

    def test_a_part_that_is_sound_but_not_what_the_end_says(self):
        contents = [forge.license_of(b"%d" % n, b"x" * 700) for n in range(3)]
        frames = forge.pack(forge.info(), *contents)
        for at in range(1, len(frames)):
            def change(summary):
                summary["frames"][at]["xxh64"] = "%016x" % (1 << 40)

            self.write_archive(forge.close(frames, 3, 2100, change))
            for details in ("all", "names"):
                self.restorer.set("Details", details)
                hr, licenses = self.restorer.enumerate("backup")
                self.assert_hr(hr, w.BACKUP_CORRUPT)
                self.assertEqual([each.name for each in licenses], [b"0", b"1", b"2"])

    def test_names_alone(self):
        self.restorer.set("Details", "names")
        self.write_archive(self.data)
        self.assert_hr(self.restorer.enumerate("backup")[0], w.S_OK)
        for at in range(self.frames[0].offset + 5, len(self.data), len(self.data) // 40):
            damaged = bytearray(self.data)
            damaged[at] ^= 1
            self.write_archive(bytes(damaged))
            hr, _ = self.restorer.enumerate("backup")
            self.assertLess(hr, 0, "byte %d" % at)

    def test_cut_off(self):
        for length in (0, 1, 100, self.frames[2].offset, len(self.data) - 1):
            self.write_archive(self.data[:length])
            hr, _ = self.restorer.enumerate("backup")
            self.assert_hr(hr, w.BACKUP_CORRUPT, "cut to %d" % length)

    def test_something_after_the_end(self):
        for after in (b"x", bytes(512), self.data):
            self.write_archive(self.data + after)
            hr, licenses = self.restorer.enumerate("backup")
            self.assert_hr(hr, w.BACKUP_CORRUPT)
            self.assertEqual(len(licenses), 20)

    def test_other_files(self):
        for data, expected in (
            (b"no backup at all", w.BAD_DATA),
            # It ends in the header of its encryption.
            (b"age-encryption.org/v1\n-> X25519", w.BACKUP_CORRUPT),
            (forge.small({b"a": b"1"}, format=2), w.BAD_DATA),
        ):
            self.write_archive(data)
            hr, licenses = self.restorer.enumerate("backup")
            self.assert_hr(hr, expected)
            self.assertEqual(licenses, [])


if __name__ == "__main__":
    unittest.main()
