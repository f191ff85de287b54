"""What a killed restore leaves beside a store: only what is proven to be that is acted on, by
whoever may, and nobody is told that all is well with a store that is half restored."""

import contextlib
import os
import subprocess
import unittest

import archive
import archive_forge as forge
import interrupt
import support
import trust_support as trust
import wmlb_ctypes as w
from restore_support import files_of
from trust_support import ALICE, MALLORY, TrustCase

STAGING = ".wmlb-restore-"
# What the folder was called as long as its name could be known before.
KNOWN = STAGING + forge.blake3(b"store")[:16]
# What the note is called that says in a store, of whatever name, that there is such a folder.
SIGN = STAGING + "2ec915c0af437e82"


class LeftOverCase(TrustCase):
    """A store in a folder of its own, and a backup of what is to be in it."""

    COUNT = 20

    def setUp(self):
        super().setUp()
        support.need_root()
        self.old = {b"%03d" % number: b"old" for number in range(self.COUNT)}
        self.new = {b"%03d" % number: b"new" for number in range(self.COUNT)}
        source = self.root + "/source"
        for name, content in self.new.items():
            support.write(os.path.join(os.fsencode(source), name), content)
        self.assert_ends(self.new_restorer(store=source).backup())
        for path in (self.backups, self.target):
            os.chmod(path, 0o755)
        self.place, self.store = self.make_store("place")

    def make_store(self, name, user=ALICE, mode=0o755, files=None):
        """A folder of this mode with a store of a user's; both paths."""
        place = os.path.join(self.root, name)
        store = place + "/store"
        for name, content in (self.old if files is None else files).items():
            support.write(os.path.join(os.fsencode(store), name), content)
        os.makedirs(store, exist_ok=True)
        for where, _, names in os.walk(store):
            trust.give(user, where, *(os.path.join(where, name) for name in names))
        trust.give(user, place)
        os.chmod(place, mode)
        return place, store

    def target_of(self, store=None, **properties):
        return self.new_restorer(
            store=store or self.store, backups=self.root + "/saved",
            RestorePath=self.backups, **properties)

    def operations(self, store=None, saved="saved"):
        """name -> what is done, as (hr, words)."""
        def backup():
            hr, events = self.new_restorer(
                store=store or self.store, backups=os.path.join(self.root, saved),
                RestorePath=self.backups).backup(w.OVERWRITE)
            return hr, events[-1].value

        def run(name, *arguments):
            def body():
                hr, events = getattr(self.target_of(store), name)(*arguments)
                return hr, events[-1].value
            return body

        def enumerate():
            restorer = self.target_of(store)
            hr, _ = restorer.enumerate("store")
            return hr, restorer.last_error() if hr else ""

        return {"list": enumerate, "verification": run("verify"), "backup": backup,
                "restore": run("restore", w.RESTORE_OVERWRITE)}

    def run_as(self, user, operation):
        """The result; a folder for backups is there that anybody may use."""
        saved = self.root + "/saved"
        os.makedirs(saved, exist_ok=True)
        os.chmod(saved, 0o777)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(saved + "/licenses.wmlb")
        return support.in_child(operation, user=user, timeout=trust.HANGS)

    def saved(self):
        return archive.Backup(self.root + "/saved/licenses.wmlb").files()

    def left_overs(self, *folders):
        return [os.path.join(folder, name) for folder in folders or (self.place, self.store)
                for name in os.listdir(folder) if name.startswith(STAGING)]

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def kill(self, user=ALICE, store=None):
        """A restore by a user that is killed when half of the licenses are in their places; the
        path of what it left."""
        store = store or self.store

        def body():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            return self.target_of(store).restore(w.RESTORE_OVERWRITE)[0]

        for call in ("renameat2", "renameat", "linkat"):
            for number in (self.COUNT // 2 + 2, self.COUNT, 2 * self.COUNT):
                killed = interrupt.run(body, interrupt.kill_at(call, number)).killed
                found = set(files_of(store).values())
                if killed and {b"old", b"new"} <= found:
                    # In the store there is a sign that it is there, too.
                    left, = filter(os.path.isdir, self.left_overs(os.path.dirname(store), store))
                    return left
                for name, content in self.old.items():
                    path = os.path.join(os.fsencode(store), name)
                    support.write(path, content)
                    os.chown(path, user, user)
                for left in self.left_overs(os.path.dirname(store), store):
                    subprocess.run(["rm", "-rf", left], check=True)
        raise AssertionError("no restore could be killed in the middle")

    def assert_not_half(self, result, words):
        """Either the whole old store was saved, or the backup was refused."""
        hr, said = result
        if hr == w.S_OK:
            self.assertEqual(self.saved(), self.old, words)
        else:
            self.assert_hr(hr, w.BUSY, "%s: %s" % (words, said))


class OnesOwn(LeftOverCase):
    def test_lists_and_verifications_refuse(self):
        """They read; to put back is not for them."""
        left = self.kill()
        before = trust.hashes(self.place)
        for name in ("list", "verification"):
            hr, said = self.run_as(ALICE, self.operations()[name])
            self.assert_hr(hr, w.BUSY, "%s: %s" % (name, said))
            self.assertEqual(trust.hashes(self.place), before, name)
        self.assertTrue(os.path.isdir(left))

    def test_a_list_of_the_backup_touches_nothing(self):
        self.kill()
        before = trust.hashes(self.place)
        support.in_child(lambda: self.target_of().enumerate("backup")[0], user=ALICE)
        self.assertEqual(trust.hashes(self.place), before)

    def test_a_backup_puts_back(self):
        self.kill()
        hr, said = self.run_as(ALICE, self.operations()["backup"])
        self.assert_hr(hr, w.S_OK, said)
        self.assertEqual(self.saved(), self.old)
        self.assertEqual(files_of(self.store), self.old)
        self.assertEqual(self.left_overs(), [])

    def test_a_restore_puts_back(self):
        self.kill()
        hr, said = self.run_as(ALICE, self.operations()["restore"])
        self.assert_hr(hr, w.S_OK, said)
        self.assertEqual(files_of(self.store), self.new)
        self.assertEqual(self.left_overs(), [])

    def test_modes_that_are_fixed(self):
        """As on exFAT, where all that is there seems to be open to everybody."""
        left = self.kill()
        for where, _, names in os.walk(left):
            os.chmod(where, 0o777)
            for name in names:
                os.chmod(os.path.join(where, name), 0o777)
        self.assert_not_half(self.run_as(ALICE, self.operations()["backup"]), "modes are fixed")

    def test_another_name_of_the_store(self):
        """The same folder, mounted elsewhere: what was left is not beside it there."""
        self.kill()
        other = self.root + "/mounted/store"
        os.makedirs(other)
        subprocess.run(["mount", "--bind", self.store, other], check=True)
        self.addCleanup(subprocess.run, ["umount", other], check=True)
        hr, _ = self.run_as(ALICE, self.operations(other)["list"])
        self.assert_hr(hr, w.BUSY)
        for user in (ALICE, 0):
            self.assert_not_half(
                self.run_as(user, self.operations(other)["backup"]), "by another name")

    def test_the_store_under_its_new_name(self):
        """Renamed, as is the folder that it lies in."""
        self.kill()
        moved = self.root + "/moved"
        os.rename(self.place, moved)
        os.rename(moved + "/store", moved + "/licenses")
        self.assert_not_half(
            self.run_as(ALICE, self.operations(moved + "/licenses")["backup"]), "renamed")

    def test_no_mount_is_crossed(self):
        """Another file system is in what was left."""
        left = self.kill()
        inner = left + "/mounted"
        for folder in [left] + [os.path.join(left, name) for name in os.listdir(left)]:
            if os.path.isdir(folder):
                inner = folder + "/mounted"
        os.makedirs(inner)
        subprocess.run(["mount", "--bind", self.outside, inner], check=True)
        self.addCleanup(subprocess.run, ["umount", inner])
        trust.give(ALICE, self.outside, self.precious)
        for user in (ALICE, 0):
            for name in ("backup", "restore"):
                self.run_as(user, self.operations()[name])
                self.assert_outside("a %s removed what is mounted there" % name)


class OfOthers(LeftOverCase):
    def test_a_third_user_is_refused(self):
        """He may read the store, and not what was left: that all is well he is never told."""
        self.kill()
        before = trust.hashes(self.place)
        for name, operation in self.operations().items():
            hr, said = self.run_as(MALLORY, operation)
            self.assert_hr(hr, w.BUSY, "%s: %s" % (name, said))
        self.assertEqual(trust.hashes(self.place), before)

    def test_root_saves_no_half(self):
        self.kill()
        self.assert_not_half(self.run_as(0, self.operations()["backup"]), "root's backup")

    def test_roots_list_and_verification_refuse(self):
        self.kill()
        before = trust.hashes(self.place)
        for name in ("list", "verification"):
            hr, said = self.run_as(0, self.operations()[name])
            self.assert_hr(hr, w.BUSY, "%s: %s" % (name, said))
        self.assertEqual(trust.hashes(self.place), before)

    def test_root_put_back_leaves_the_stores_owner(self):
        """If it is put back by root: the owner reads all of it."""
        self.kill()
        hr, _ = self.run_as(0, self.operations()["restore"])
        if hr == w.S_OK:
            owners = {os.stat(os.path.join(self.store, name)).st_uid
                      for name in os.listdir(self.store)}
            self.assertEqual(owners, {ALICE})
        else:
            self.assert_hr(hr, w.BUSY)

    def test_of_roots_restore(self):
        """The owner of the store cannot put it back, and is told."""
        self.kill(user=0)
        for path in [self.store] + [os.path.join(self.store, n) for n in os.listdir(self.store)]:
            trust.give(ALICE, path)
        for name, operation in self.operations().items():
            hr, said = self.run_as(ALICE, operation)
            self.assert_hr(hr, w.BUSY, "%s: %s" % (name, said))

    def test_one_that_somebody_else_made_up(self):
        """Mallory's, of his own store, beside that of Alice: it is not what it seems."""
        place, store = self.make_store("shared", mode=0o777)
        _, other = self.make_store("mallorys", MALLORY, files={
            name: b"old" for name in self.old})
        left = self.kill(MALLORY, other)
        before = files_of(store)
        os.rename(left, os.path.join(place, os.path.basename(left)))
        os.rename(os.path.join(place, os.path.basename(left)), os.path.join(place, KNOWN))
        for user in (ALICE, 0):
            for name in ("list", "verification", "backup"):
                hr, said = self.run_as(user, self.operations(store)[name])
                self.assertIn(hr, (w.S_OK, w.BUSY), said)
                self.assertEqual(files_of(store), before, name)


class NotLeftOvers(LeftOverCase):
    """A folder that got the name without being it."""

    def names(self, place):
        """Under which a restore of the store in there makes its folder, as far as can be known."""
        seen = {KNOWN}

        def on_event(event):
            seen.update(name for name in os.listdir(place) if name.startswith(STAGING))

        store = place + "/store"
        self.assert_ends(self.target_of(store).restore(w.RESTORE_OVERWRITE, on_event))
        for name in os.listdir(store):
            support.write(os.path.join(store, name), b"old")
            trust.give(ALICE, os.path.join(store, name))
        return seen

    def assert_kept(self, fill, mode=0o700, of_root=w.S_OK):
        """Alice's private folder, which Mallory renamed, whatever Alice or root does then."""
        place, store = self.make_store("shared", mode=0o777)
        for name in self.names(place):
            private = os.path.join(place, name)
            os.mkdir(private, mode)
            fill(private)
            for where, _, names in os.walk(private):
                trust.give(ALICE, where, *(os.path.join(where, each) for each in names))
            before = trust.hashes(private)
            for user in (ALICE, 0):
                for what, operation in self.operations(store).items():
                    hr, said = self.run_as(user, operation)
                    self.assertTrue(os.path.isdir(private), "deleted by a " + what)
                    self.assertEqual(trust.hashes(private), before, what)
                    expected = of_root if user == 0 else w.S_OK
                    self.assert_hr(hr, expected, "%s: %s" % (what, said))
            subprocess.run(["rm", "-rf", private], check=True)

    def test_a_private_folder(self):
        def fill(folder):
            support.write(folder + "/thesis", b"of Alice")
            support.write(folder + "/deep/er/file", b"of Alice")

        self.assert_kept(fill)

    def test_one_that_looks_like_it(self):
        """With names that a restore makes."""
        def fill(folder):
            support.write(folder + "/new/thesis", b"of Alice")
            support.write(folder + "/old-0", b"of Alice")
            support.write(folder + "/old/0", b"of Alice")
            support.write(folder + "/scratch-0", b"of Alice")
            support.write(folder + "/journal", b"of Alice")

        self.assert_kept(fill)

    def test_an_empty_one(self):
        """A restore that is killed at its very beginning leaves such a one: it may go, but it keeps
        nobody from anything."""
        place, store = self.make_store("shared", mode=0o777)
        for name in self.names(place):
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(place, name), 0o700)
            trust.give(ALICE, os.path.join(place, name))
            for user in (0, ALICE):
                for what, operation in self.operations(store).items():
                    hr, said = self.run_as(user, operation)
                    self.assert_hr(hr, w.S_OK, "%s: %s" % (what, said))

    def test_a_note_that_says_nothing(self):
        """The power failed before the disk had what a note in the store says: its file is empty, or
        as long as it should be, with zeros. It goes, also with the folder beside the store."""
        for content in (b"", bytes(1), bytes(300)):
            for what in ("backup", "restore"):
                place, store = self.make_store("shared")
                self.names(place)
                before = trust.hashes(place)
                support.write(os.path.join(store, SIGN), content)
                support.write(os.path.join(place, KNOWN, "marker"), content)
                hr, said = self.run_as(0, self.operations(store)[what])
                self.assert_hr(hr, w.S_OK, said)
                self.assertEqual(trust.hashes(place).keys(), before.keys(), (what, content))
                subprocess.run(["rm", "-rf", place], check=True)

    def test_a_note_that_is_somebody_elses(self):
        place, store = self.make_store("shared")
        self.names(place)
        for content in (b"of Alice", bytes(100) + b"of Alice", bytes(64 << 10)):
            support.write(os.path.join(store, SIGN), content)
            for what, operation in self.operations(store).items():
                hr, said = self.run_as(0, operation)
                self.assert_hr(hr, w.S_OK, said)
                self.assertEqual(support.read(os.path.join(store, SIGN)), content, what)

    def test_a_journal_that_was_made_up(self):
        """Whole, as an older version writes it: it would take a license out of the store. Root, who
        cannot know who made it, is told."""
        def fill(folder):
            license = os.stat(os.path.dirname(folder) + "/store/000")
            seconds, nanoseconds = divmod(license.st_mtime_ns, 10**9)
            out = b"A" + b"".join((
                license.st_ino.to_bytes(8, "little"), license.st_size.to_bytes(8, "little"),
                seconds.to_bytes(8, "little"), nanoseconds.to_bytes(4, "little"),
                (3).to_bytes(4, "little"), b"000"))
            support.write(folder + "/journal", out + b"E" + bytes.fromhex(forge.blake3(out)))
            os.mkdir(folder + "/new")

        self.assert_kept(fill, of_root=w.BUSY)

    def test_that_of_another_store(self):
        """Of the same user and the same name, from elsewhere: all that is left of old licenses
        is in it."""
        place, store = self.make_store("shared", mode=0o777)
        other_place, other = self.make_store("other")
        for name in set(self.names(place)):
            left = self.kill(ALICE, other)
            moved = os.path.join(place, name)
            os.rename(left, moved)
            before, licenses = trust.hashes(moved), files_of(store)
            for what in ("list", "verification", "backup"):
                hr, said = self.run_as(ALICE, self.operations(store)[what])
                self.assertIn(hr, (w.S_OK, w.BUSY), said)
                self.assertTrue(os.path.isdir(moved), "deleted by a " + what)
                self.assertEqual(trust.hashes(moved), before, what)
                self.assertEqual(files_of(store), licenses, what)
            # Back where it belongs it serves.
            os.rename(moved, left)
            self.assert_hr(self.run_as(ALICE, self.operations(other)["backup"])[0], w.S_OK)
            self.assertEqual(files_of(other), self.old)


class Squatted(LeftOverCase):
    """The name is taken by somebody else, in a folder like /tmp. It does not keep a restore from
    being made, nor anything else."""

    def kinds(self, path):
        def folder(mode):
            os.mkdir(path)
            os.chmod(path, mode)

        yield "open folder", lambda: folder(0o777)
        yield "closed folder", lambda: folder(0o700)
        yield "file", lambda: support.write(path, b"squatted")
        yield "link", lambda: os.symlink(self.outside, path)
        yield "link to nowhere", lambda: os.symlink("nowhere", path)
        yield "FIFO", lambda: os.mkfifo(path)

    def test_by_another_user(self):
        place, store = self.make_store("shared")
        trust.give(0, place)
        os.chmod(place, 0o1777)
        names = NotLeftOvers.names(self, place)
        for name in names:
            path = os.path.join(place, name)
            for kind, make in self.kinds(path):
                make()
                trust.give(MALLORY, path)
                before = trust.identity(path)
                for what, operation in self.operations(store).items():
                    hr, said = self.run_as(ALICE, operation)
                    self.assert_hr(hr, w.S_OK, "%s, %s: %s" % (kind, what, said))
                    self.assertEqual(trust.identity(path), before, kind)
                self.assertEqual(files_of(store), self.new)
                for license, content in self.old.items():
                    license = os.path.join(os.fsencode(store), license)
                    support.write(license, content)
                os.rmdir(path) if "folder" in kind else os.unlink(path)
        self.assert_outside()

    def test_in_the_store(self):
        """Where a restore stages when it cannot beside: names in a store are anybody's who may
        write to it."""
        store = self.root + "/disk"
        support.mount(self, store, "tmpfs", "mode=1777")
        self.store = store
        seen = {STAGING + forge.blake3(b"disk")[:16]}

        def on_event(event):
            seen.update(name for name in os.listdir(store) if name.startswith(STAGING))

        self.assert_ends(self.target_of(store).restore(w.RESTORE_OVERWRITE, on_event))
        trust.give(ALICE, *(os.path.join(store, name) for name in os.listdir(store)))
        for name in seen:
            path = os.path.join(store, name)
            for kind, make in self.kinds(path):
                if "folder" in kind:
                    continue  # it may be of a restore that he has made
                make()
                trust.give(MALLORY, path)
                hr, said = self.run_as(ALICE, self.operations(store)["restore"])
                self.assert_hr(hr, w.S_OK, "%s: %s" % (kind, said))
                os.unlink(path)
        self.assert_outside()


if __name__ == "__main__":
    unittest.main()
