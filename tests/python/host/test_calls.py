"""A host's store: how it is set, when and on which threads its functions are called, who may
use it at a time, and the list of it."""

import ctypes
import os
import threading
import unittest
import warnings

import license_forge as forge
import support
import wmlb_ctypes as w
from host_support import TIME, HostCase, some
from license_support import some_licenses
from restore_support import write_deep

BOTH = (("backup_licenses", w.OVERWRITE), ("restore_licenses", w.RESTORE_OVERWRITE))
FUNCTIONS = ("open", "next", "put", "commit", "close")
SIZE = ctypes.sizeof(w.StoreOps)


class Setting(HostCase):
    def test_struct_size(self):
        store, restorer = self.host({b"a": b"1"})
        for size in (0, 1, ctypes.sizeof(ctypes.c_size_t), SIZE - 1):
            self.assert_hr(store.set_on(restorer, struct_size=size), w.E_INVALIDARG)
            self.assertIn("struct_size", restorer.last_error())
        for size in (SIZE, SIZE + 1, 1 << 20):
            self.assert_hr(store.set_on(restorer, struct_size=size), w.S_OK)
            self.assert_ends(restorer.backup(w.OVERWRITE))

    def test_functions_that_must_be_there(self):
        store, restorer = self.host({b"a": b"1"})
        for name in ("open", "next", "close"):
            self.assert_hr(store.set_on(restorer, **{name: None}), w.E_POINTER)
            self.assertIn(name, restorer.last_error())
        # What was set before stays.
        self.assert_ends(restorer.backup())

    def test_handles(self):
        store, restorer = self.host()
        ops = store.ops()
        for handle in (None, 12345, restorer.handle + 1):
            for given in (None, ctypes.byref(ops)):
                self.assert_hr(w.lib.wmlb_restorer_set_store(handle, given, None), w.E_HANDLE)

    def test_it_is_copied(self):
        store, restorer = self.host()
        store.licenses = {b"a": (b"1", TIME)}
        ops = store.ops()
        self.assert_hr(restorer.set_store(ctypes.byref(ops), store.ctx), w.S_OK)
        ctypes.memset(ctypes.byref(ops), 0xAA, SIZE)
        self.assert_ends(restorer.backup())
        self.assertEqual(self.saved(), {b"a": b"1"})

    def test_back_to_store_path(self):
        write_deep(self.source, b"file", b"in the folder")
        for ctx in (None, 77):
            store, restorer = self.host({b"a": b"1"}, self.saver)
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.saved(), {b"a": b"1"})
            self.assert_hr(restorer.set_store(None, ctx), w.S_OK)
            calls = list(store.calls)
            self.assert_ends(restorer.backup(w.OVERWRITE))
            self.assertEqual(self.saved(), {b"file": b"in the folder"})
            self.assertEqual([license.name for license in restorer.enumerate("store")[1]],
                [b"file"])
            self.assertEqual(store.calls, calls)

    def test_every_ctx(self):
        for ctx in (None, 1, (1 << 64) - 1):
            store, restorer = self.host({b"a": b"1"})
            store.ctx = ctx
            self.assert_hr(store.set_on(restorer), w.S_OK)
            self.assert_ends(restorer.backup(w.OVERWRITE))

    def test_the_default_restorer(self):
        restorer = w.default_restorer()
        self.assert_hr(restorer.set("BackupPath", self.backups), w.S_OK)
        store, _ = self.host({b"a": b"1"}, restorer)
        try:
            self.assert_ends(restorer.backup())
        finally:
            restorer.set_store(None, None)
            restorer.remove_all_props()
        self.assertEqual(self.saved(), {b"a": b"1"})

    def test_a_running_operation_keeps_its_own(self):
        other, _ = self.host({b"other": b"2"})
        for function in ("open", "next", "close"):
            for change in (lambda: restorer.set_store(None, None),
                           lambda: other.set_on(restorer)):
                store, restorer = self.host({b"a": b"1"})
                store.on[function] = lambda before: self.assert_hr(change(), w.S_OK)
                self.assert_ends(restorer.backup(w.OVERWRITE))
                self.assertEqual(self.saved(), {b"a": b"1"})
        self.assertEqual(other.calls, [])

    def test_one_that_is_not_set_any_more_is_never_called(self):
        store, restorer = self.host({b"a": b"1"})
        other, _ = self.host({b"b": b"2"}, restorer)
        self.assert_ends(restorer.backup())
        self.assertEqual((store.calls, self.saved()), ([], {b"b": b"2"}))


class Threads(HostCase):
    def test_the_thread_of_the_events(self):
        """For each function in each operation, with any number of workers."""
        for threads in (1, 4):
            store, restorer = self.host(some(), Threads=threads)
            for operation, flags in (*BOTH, ("restore_licenses", 0)):
                store.threads.clear()
                events = self.assert_ends(restorer.backup(flags, operation=operation))
                self.assertEqual(len(store.threads), 1)
                self.assertEqual({event.thread for event in events}, store.threads)
                self.assertNotIn(threading.get_native_id(), store.threads)

    def test_never_during_a_callback(self):
        """One call at a time, whatever it is."""
        store, restorer = self.host(some(), Threads=4)
        inside = []

        def enter(what):
            self.assertEqual(inside, [])
            inside.append(what)
            os.sched_yield()
            inside.pop()

        for function in FUNCTIONS:
            store.on[function] = lambda before, function=function: enter(function)
        restorer.ask_rights(lambda license: enter(license.name))
        on_event = lambda event: enter(event.status)
        self.assert_ends(restorer.backup(0, on_event))
        store.licenses = {}
        self.assert_ends(restorer.restore(0, on_event))

    def test_what_may_be_called_in_them(self):
        """What holds in a callback."""
        for function in FUNCTIONS:
            store, restorer = self.host({b"a": b"1"})
            self.assert_ends(restorer.backup(w.OVERWRITE))
            store.licenses = {}
            found = []

            def call(before):
                result = w.c_int32()
                found.append((
                    restorer.wait(0, ctypes.byref(result)),
                    restorer.backup_licenses(0, w.native_callback(), None),
                    restorer.progress().struct_size,
                    restorer.get("StorePath")[0],
                ))

            store.on[function] = call
            self.assert_ends(restorer.restore())
            expected = (w.E_ILLEGAL_METHOD_CALL, w.BUSY, ctypes.sizeof(w.Progress), w.S_OK)
            self.assertEqual(set(found), {expected})

    def test_a_fork_in_them(self):
        """The child has no operation: its copy of the thread ends when the function returns."""
        warnings.simplefilter("ignore", DeprecationWarning)

        def body(function):
            store, restorer = self.host({b"a": b"1"})
            self.assert_ends(restorer.backup(w.OVERWRITE))
            store.licenses = {}
            children, before = [], os.getpid()

            def call(name):
                with open(self.root + "/calls", "a") as file:
                    file.write("%d %s\n" % (os.getpid(), name))
                if name == function and not children:
                    children.append(os.fork())
                    if children[0] != 0:
                        children.append(os.waitpid(children[0], 0)[1])

            for name in FUNCTIONS:
                store.on[name] = lambda before, name=name: call(name)
            hr, _ = restorer.restore()
            with open(self.root + "/calls") as file:
                numbers = {int(line.split()[0]) for line in file}
            os.unlink(self.root + "/calls")
            self.assertEqual((store.problems, numbers), ([], {before}), "a call in the child")
            return hr, children[1], store.licenses

        for function in FUNCTIONS:
            done = support.in_child(lambda: body(function))
            self.assertEqual(done, (w.S_OK, 0, {b"a": (b"1", TIME)}))


class Releasing(HostCase):
    def released_in(self, function, operation, at=0):
        """A restorer that was released in a function of its own store; the store and the
        events."""
        store, restorer = self.host({b"%d" % n: b"x" for n in range(9)})
        if operation == "restore":
            self.assert_ends(restorer.backup(w.OVERWRITE))
            store.calls.clear()
            store.licenses = {}
        released = threading.Event()

        def release(before):
            if before == at:
                restorer.release()
                released.set()

        store.on[function] = release
        self.assert_hr(restorer.start(w.OVERWRITE if operation == "backup" else 0,
            operation=operation + "_licenses"), w.S_OK)
        self.assertTrue(released.wait(60))
        self.assertEqual(support.wait_for_threads(), set())
        return store, restorer.events

    def test_in_them(self):
        for function, operation, at in (
            ("open", "backup", 0), ("next", "backup", 4), ("close", "backup", 0),
            ("open", "restore", 0), ("open", "restore", 1), ("next", "restore", 0),
            ("put", "restore", 0), ("put", "restore", 8), ("close", "restore", 0),
        ):
            store, events = self.released_in(function, operation, at)
            self.assertEqual([event for event in events if event.is_terminal], [])
            self.assertEqual(store.count("commit"), 0)
            self.assertEqual(store.count("open"), store.count("close"))
            if operation == "restore":
                self.assertEqual(store.licenses, {})

    def test_in_commit(self):
        store, events = self.released_in("commit", "restore")
        self.assertEqual(len(store.licenses), 9)
        self.assertEqual([event for event in events if event.is_terminal], [])

    def test_from_another_thread(self):
        """When it returns nothing is called any more."""
        store, restorer = self.host({b"%d" % n: b"x" for n in range(1000)})
        reached = threading.Event()
        store.on["next"] = lambda before: reached.set() if before == 3 else None
        self.assert_hr(restorer.start(), w.S_OK)
        self.assertTrue(reached.wait(60))
        self.assert_hr(restorer.release(), w.S_OK)
        calls = list(store.calls)
        self.assertEqual(calls[-1], ("close", None))
        os.sched_yield()
        self.assertEqual(store.calls, calls)


class InUse(HostCase):
    """Never are two at it."""

    def test_a_list_in_a_function_of_an_operation(self):
        for function in ("open", "next", "put", "commit"):
            store, restorer = self.host({b"a": b"1"})
            self.assert_ends(restorer.backup(w.OVERWRITE))
            found = []
            store.on[function] = lambda before: found.append(restorer.enumerate("store"))
            store.licenses = {}
            self.assert_ends(restorer.restore())
            self.assertTrue(found)
            for hr, licenses in found:
                self.assert_hr(hr, w.BUSY)
                self.assertEqual(licenses, [])
            self.assertIn("in use", restorer.last_error())

    def test_a_list_in_an_event(self):
        """A backup uses the store until all was copied, a restore until it is closed for good."""
        store, restorer = self.host({b"%d" % n: b"x" for n in range(300)})
        store.listed_here = True

        def look(event):
            found.append((event.status, event.status == w.STATUS_PROGRESS and
                event.progress.licenses_total != 0, restorer.enumerate("store")[0]))

        found = []
        self.assert_ends(restorer.backup(0, look))
        for status, all_copied, hr in found:
            free = status in (w.STATUS_BEGIN, w.STATUS_END) or all_copied
            self.assert_hr(hr, w.S_OK if free else w.BUSY)
        self.assertIn((w.STATUS_PROGRESS, False, w.BUSY), found)
        found = []
        store.licenses = {}
        self.assert_ends(restorer.restore(0, look))
        for status, _, hr in found:
            self.assert_hr(hr, w.BUSY if status == w.STATUS_PROGRESS else w.S_OK)

    def test_an_operation_in_a_list(self):
        store, restorer = self.host({b"a": b"1"})
        store.listed_here = True
        self.assert_ends(restorer.backup())
        for operation, flags in BOTH:
            outcomes = []
            calls = len(store.calls)
            hr, licenses = restorer.enumerate("store", lambda license: outcomes.append(
                restorer.backup(flags, operation=operation)))
            self.assert_hr(hr, w.S_OK)
            self.assert_fails(outcomes[0], w.BUSY, "in use")
            self.assertEqual(store.names()[calls:], ["open", "next", "next", "close"])
            # Now it is free again.
            self.assert_ends(restorer.backup(flags, operation=operation))

    def test_a_list_in_a_list(self):
        store, restorer = self.host({b"a": b"1"})
        store.listed_here = True
        found = []
        hr, _ = restorer.enumerate("store", lambda license: found.append(
            restorer.enumerate("store")))
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(found, [(w.BUSY, [])])

    def test_it_is_free_after_every_failure(self):
        store, restorer = self.host({b"a": b"1"})
        store.listed_here = True
        self.assert_ends(restorer.backup())
        store.failed_opens = 0
        for function in ("open", "put", "commit"):
            for operation, flags in BOTH:
                if operation == BOTH[0][0] and function in ("put", "commit"):
                    continue
                store.on = {function: lambda before: w.E_UNEXPECTED}
                store.failed_opens += function == "open"
                self.assert_fails(restorer.backup(flags, operation=operation), w.E_UNEXPECTED)
                store.on = {}
                self.assert_hr(restorer.enumerate("store")[0], w.S_OK)


class Lists(HostCase):
    def host(self, *arguments, **properties):
        store, restorer = super().host(*arguments, **properties)
        store.listed_here = True
        return store, restorer

    def test_as_that_of_a_folder(self):
        """The same is told of each, in the order of the host, on the calling thread."""
        licenses = some_licenses()
        licenses.update((b"s/" + name, content) for name, content in some().items())
        for name, content in licenses.items():
            write_deep(self.source, name, content, TIME * 10**9)
        hr, expected = self.saver.enumerate("store")
        self.assert_hr(hr, w.S_OK)
        names = sorted(licenses, key=lambda name: name[::-1])
        store, restorer = self.host({name: licenses[name] for name in names})
        hr, found = restorer.enumerate("store")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual([license.name for license in found], names)
        self.assertEqual(sorted(found), sorted(expected))
        self.assertEqual(store.threads, {threading.get_native_id()})
        self.assertEqual(store.names(), ["open"] + ["next"] * (len(names) + 1) + ["close"])

    def test_none(self):
        store, restorer = self.host()
        self.assertEqual(restorer.enumerate("store"), (w.S_OK, []))
        self.assertEqual(store.names(), ["open", "next", "close"])

    def test_a_package_whose_directory_is_at_its_end(self):
        package = forge.package(forge.lcp(), before=[3 << 20])
        store, restorer = self.host({b"a.epub": package})
        self.assertEqual(restorer.enumerate("store")[1][0].format, b"lcp")

    def test_the_answer_ends_it(self):
        for at in (0, 2):
            store, restorer = self.host({b"%d" % n: b"x" for n in range(5)})
            hr, found = restorer.enumerate(
                "store", lambda license: -7 if license.name == b"%d" % at else 3)
            self.assertEqual((hr, len(found)), (-7, at + 1))
            self.assertEqual(store.names(), ["open"] + ["next"] * (at + 1) + ["close"])

    def test_failures(self):
        store, restorer = self.host({b"a": b"1"})
        store.fail("open", w.E_ACCESSDENIED)
        store.failed_opens = 1
        self.assert_hr(restorer.enumerate("store")[0], w.E_ACCESSDENIED)
        self.assertIn("the host's store failed to open", restorer.last_error())
        self.assertEqual(store.names(), ["open"])
        for at in (0, 1):
            store, restorer = self.host({b"a": b"1"})
            store.fail("next", -9, at)
            hr, found = restorer.enumerate("store")
            self.assertEqual((hr, len(found)), (-9, at))
            self.assertIn("next", restorer.last_error())
            self.assertEqual(store.names()[-1], "close")

    def test_names(self):
        for name in (b"", b"/a", b"a/../b", b"a\0", b"n" * 16385):
            store, restorer = self.host()
            store.listed = [(b"ok", b"1", 0), (name, b"2", 0), (b"z", b"3", 0)]
            hr, found = restorer.enumerate("store")
            self.assert_hr(hr, w.INVALID_LICENSE)
            self.assertEqual([license.name for license in found], [b"ok"])
        # To notice those that repeat is for a backup.
        store, restorer = self.host()
        store.listed = [(b"a", b"1", 0), (b"a", b"2", 0)]
        self.assertEqual(len(restorer.enumerate("store")[1]), 2)

    def test_one_that_cannot_be_written_to(self):
        store, restorer = self.host({b"a": b"1"})
        self.assert_hr(store.set_on(restorer, put=None, commit=None), w.S_OK)
        self.assertEqual(len(restorer.enumerate("store")[1]), 1)

    def test_the_backup_and_its_verification_do_not_ask_the_store(self):
        store, restorer = self.host({b"a": b"1"})
        self.assert_ends(restorer.backup())
        calls = list(store.calls)
        self.assert_ends(restorer.verify())
        self.assertEqual(len(restorer.enumerate("backup")[1]), 1)
        self.assertEqual(store.calls, calls)


if __name__ == "__main__":
    unittest.main()
