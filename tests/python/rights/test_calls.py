"""What the host may call while it is asked of rights, and what comes of cancel, release, fork."""

import os
import threading
import unittest
import warnings
from ctypes import byref, c_int32

import archive
import support
from process import test_fork
import wmlb_ctypes as w
from license_support import LicenseCase, some_licenses, titles
from boundary.test_handles import MADE_UP

ALLOWED, DENIED = w.RIGHT_ALLOWED, w.RIGHT_DENIED
THREADS = (1, 4)


class Calls(LicenseCase):
    """From inside it every function may be called that may be in a status callback."""

    def setUp(self):
        super().setUp()
        self.files = some_licenses()
        self.fill_source(self.files)

    def at_every_license(self, body, threads):
        """A backup that calls body(license) for each license; what they gave."""
        self.saver.set("Threads", threads)
        found = []
        self.saver.ask_rights(lambda license: found.append(body(license)))
        self.assert_ends(self.saver.backup(w.OVERWRITE))
        self.assertEqual(len(found), len(self.files))
        return found

    def test_calls(self):
        result, again = c_int32(-5), w.Restorer(self.saver.handle)
        other = self.new_restorer()
        for threads in THREADS:
            def body(license):
                self.assert_hr(self.saver.set("RestorePath", b"/" + license.name), w.S_OK)
                self.assertEqual(self.saver.get("RestorePath")[2], "/" + license.name.decode())
                self.assert_hr(self.saver.remove_prop(b"RestorePath"), w.S_OK)
                self.saver.last_error()
                progress = self.saver.progress()
                self.assertLessEqual(progress.licenses_done, len(self.files))
                self.assertEqual(w.lib.wmlb_status_name(31), b"WMT_RESTRICTED_LICENSE")
                self.assertEqual(w.Restorer().release(), w.S_OK)
                self.assert_hr(
                    w.lib.wmlb_restorer_release(w.lib.wmlb_default_restorer()),
                    w.E_ILLEGAL_METHOD_CALL)
                return (
                    self.saver.wait(0, byref(result)), self.saver.wait(w.FOREVER, byref(result)),
                    other.wait(0, byref(result)), again.backup(w.OVERWRITE)[0],
                    again.restore()[0], again.verify()[0], self.saver.cancel_license_restore(),
                )

            answers = set(self.at_every_license(body, threads))
            waits = (w.E_ILLEGAL_METHOD_CALL,) * 3
            self.assertEqual(answers, {waits + (w.BUSY,) * 3 + (w.S_FALSE,)})
            self.assertEqual(result.value, -5)

    def test_lists(self):
        self.assert_ends(self.new_restorer(store=self.source).backup())
        self.saver.set("RestorePath", self.backups)
        lists = []

        def body(license):
            if license.name in (b"a", b"g-large", b"k/149"):
                lists.extend(len(self.saver.enumerate(what)[1]) for what in ("store", "backup"))

        for threads in THREADS:
            self.at_every_license(body, threads)
            self.assertEqual(lists[:2], [len(self.files), len(self.files) - 3])
            self.assertEqual(len(lists), 6)
            lists.clear()

    def test_a_whole_backup_of_another_restorer(self):
        for threads in THREADS:
            folders = []

            def body(license):
                if license.name not in (b"b", b"i-large"):
                    return
                folders.append("%s/other-%d-%d" % (self.root, threads, len(folders)))
                other = self.new_restorer(store=self.source, backups=folders[-1], Threads=threads)
                ended = threading.Event()
                other.ask_rights(lambda license: DENIED if license.name == b"a" else ALLOWED)
                hr = other.start(0, lambda event: ended.set() if event.is_terminal else None)
                self.assert_hr(hr, w.S_OK)
                self.assertTrue(ended.wait(60))

            self.at_every_license(body, threads)
            self.assertEqual(len(folders), 2)
            for folder in folders:
                saved = archive.Backup(folder + "/licenses.wmlb").files()
                self.assertEqual(saved.keys(), self.files.keys() - {b"a"})

    def test_cancel(self):
        for threads in THREADS:
            for cancel in (self.saver.cancel, self.saver.cancel_license_backup):
                answers, asked = [], []

                def on_license(license):
                    asked.append(license.name)
                    if len(asked) == 3:
                        answers.append(cancel())

                self.saver.set("Threads", threads)
                self.saver.ask_rights(on_license)
                events = self.assert_fails(self.saver.backup(), w.CANCELED)
                self.assertEqual((answers, len(asked)), ([w.S_OK], 3))
                self.assertEqual(titles(events), [])
                self.assert_clean()

    def test_cancel_at_the_last_license(self):
        for threads in THREADS:
            asked = []

            def on_license(license):
                asked.append(license.name)
                if len(asked) == len(self.files):
                    self.assert_hr(self.saver.cancel(), w.S_OK)

            self.saver.set("Threads", threads)
            self.saver.ask_rights(on_license)
            self.assert_fails(self.saver.backup(), w.CANCELED)
            self.assert_clean()

    def test_cancel_from_another_thread(self):
        """While the host takes its time."""
        for threads in THREADS:
            restorer = self.new_restorer(store=self.source, Threads=threads)
            begun, go_on = threading.Event(), threading.Event()
            asked = []

            def on_license(license):
                asked.append(license.name)
                begun.set()
                self.assertTrue(go_on.wait(60))

            restorer.ask_rights(on_license)
            self.assert_hr(restorer.start(), w.S_OK)
            self.assertTrue(begun.wait(60))
            result = c_int32(-5)
            self.assert_hr(restorer.wait(0, byref(result)), w.WAIT_TIMEOUT)
            self.assert_hr(restorer.backup_licenses(0, w.native_callback(), None), w.BUSY)
            self.assert_hr(restorer.cancel(), w.S_OK)
            go_on.set()
            self.assert_hr(restorer.finish(), w.CANCELED)
            self.assertEqual(len(asked), 1)
            self.assert_clean()

    def test_release_from_another_thread(self):
        """It waits, lets the last event come, and then nothing is called any more."""
        for threads in THREADS:
            restorer = w.Restorer()
            for name, value in (
                ("StorePath", self.source), ("BackupPath", self.backups), ("Threads", threads),
            ):
                restorer.set(name, value)
            begun, go_on, asked = threading.Event(), threading.Event(), []

            def on_license(license):
                asked.append(license.name)
                begun.set()
                self.assertTrue(go_on.wait(60))

            restorer.ask_rights(on_license)
            self.assert_hr(restorer.start(), w.S_OK)
            self.assertTrue(begun.wait(60))
            answers = []
            releasing = threading.Thread(target=lambda: answers.append(restorer.release()))
            releasing.start()
            while restorer.get("Threads")[0] != w.E_HANDLE:
                os.sched_yield()
            self.assertEqual(answers, [])
            go_on.set()
            releasing.join()
            self.assertEqual(answers, [w.S_OK])
            self.assertEqual(restorer.problems, [])
            self.assertEqual(len(asked), 1)
            self.assertEqual([event.is_terminal for event in restorer.events].count(True), 1)
            self.assertEqual(restorer.events[-1].status, w.STATUS_ERROR)
            self.assert_hr(restorer.events[-1].hr, w.CANCELED)
            self.assert_clean()

    def test_release_inside(self):
        """No event comes after it, and it is not called again."""
        def body(threads):
            restorer = self.new_restorer(store=self.source, Threads=threads)
            answers, statuses, asked = [], [], []

            def on_license(license):
                asked.append(license.name)
                if len(asked) == 2:
                    statuses.extend(event.status for event in restorer.events)
                    answers.append(restorer.release())
                    answers.append(restorer.get("Threads")[0])
                    answers.append(restorer.set_rights(w.NO_RIGHTS_CALLBACK, None))

            before = support.threads().keys()
            restorer.ask_rights(on_license)
            self.assert_hr(restorer.start(), w.S_OK)
            result = c_int32()
            # The handle may be gone already; this only gives the thread time to end.
            restorer.wait(w.HANGS, byref(result))
            while support.threads().keys() - before:
                os.sched_yield()
            if restorer.problems:
                raise restorer.problems[0]
            return answers, len(asked), statuses == [event.status for event in restorer.events]

        for threads in THREADS:
            answers, asked, no_more = support.in_child(lambda: body(threads))
            self.assertEqual(answers, [w.S_OK, w.E_HANDLE, w.E_HANDLE])
            self.assertEqual((asked, no_more), (2, True))
            self.assert_clean()

    def test_no_handle(self):
        callback = w.RightsCallback(lambda info, ctx: 0)
        released = w.Restorer()
        self.assert_hr(released.release(), w.S_OK)
        for handle in [*MADE_UP, released.handle]:
            for function in (callback, w.NO_RIGHTS_CALLBACK):
                self.assert_hr(w.lib.wmlb_restorer_set_rights(handle, function, None), w.E_HANDLE)

    def test_the_default_restorer(self):
        def body():
            default = w.default_restorer()
            default.set("StorePath", self.source)
            default.set("BackupPath", self.backups)
            on_license = lambda license: DENIED if license.name != b"c" else w.RIGHT_NOT_STATED
            self.assert_hr(default.ask_rights(on_license, 5), w.S_OK)
            # Started without the handle, too.
            return default.backup()[0], w.lib.wmlb_backup_licenses(0, w.native_callback(), None)

        self.assertEqual(support.in_child(body), (w.S_OK, w.hresult(0xC00D2742)))
        self.assertEqual(archive.Backup(self.target).files(), {b"c": b"opaque"})

    def test_no_thread_is_left(self):
        def body():
            before = support.threads().keys()
            restorer = self.new_restorer(store=self.source, Threads=4)
            restorer.ask_rights(lambda license: 9)
            self.assert_hr(restorer.backup()[0], w.E_INVALIDARG)
            return len(support.threads().keys() - before)

        self.assertEqual(support.in_child(body), 0)


class ForkInside(support.StoreCase):
    """fork in the host's function."""

    check_child = test_fork.Fork.check_child

    def setUp(self):
        super().setUp()
        self.made = self.fill(5)
        warnings.simplefilter("ignore", DeprecationWarning)

    def test_a_child_that_goes_on(self):
        for threads in THREADS:
            def body():
                default, restorer = w.default_restorer(), self.new_restorer(Threads=threads)
                forked = []

                def on_license(license):
                    if not forked:
                        handles = [restorer.handle, default.handle]
                        check = lambda: self.check_child(handles, default.handle)
                        forked.append(support.in_child(check))

                restorer.ask_rights(on_license)
                return restorer.backup(w.OVERWRITE)[0], forked

            self.assertEqual(support.in_child(body, timeout=120), (w.S_OK, [True]))
            self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_a_child_that_returns_ends_and_touches_nothing(self):
        for threads in THREADS:
            def body():
                restorer = self.new_restorer(Threads=threads)
                children, before = [], os.getpid()
                log = self.root + "/calls"

                def write(words):
                    with open(log, "a") as file:
                        file.write("%d %s\n" % (os.getpid(), words))

                def on_license(license):
                    write("license")
                    if not children:
                        children.append(os.fork())
                        if children[0] != 0:
                            children.append(os.waitpid(children[0], 0)[1])
                    return ALLOWED

                restorer.ask_rights(on_license)
                hr = restorer.backup(w.OVERWRITE, lambda event: write("event"))[0]
                with open(log) as file:
                    calls = [line.split() for line in file]
                os.unlink(log)
                self.assertEqual({int(number) for number, _ in calls}, {before},
                    "a call in the child")
                licenses = [what for _, what in calls].count("license")
                return hr, children[1], licenses

            self.assertEqual(support.in_child(body), (w.S_OK, 0, len(self.made)))
            self.assertEqual(archive.Backup(self.target).files(), self.made)
            self.assert_clean(names=[w.BACKUP_NAME])


if __name__ == "__main__":
    unittest.main()
