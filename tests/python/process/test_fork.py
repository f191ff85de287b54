"""fork: the child has no operation, its handles are unknown, and nothing hangs."""

import os
import threading
import unittest
import warnings
from ctypes import byref, c_int32

import archive
import support
import wmlb_ctypes as w
from boundary.test_handles import every_call


class Fork(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(5)
        warnings.simplefilter("ignore", DeprecationWarning)

    def check_child(self, handles, default):
        """What holds in every child, whatever its parent was doing."""
        for handle in handles:
            for name, hr in every_call(handle).items():
                self.assert_hr(hr, w.E_HANDLE, name)
        restorer = w.default_restorer()
        self.assertNotEqual(restorer.handle, default)
        self.assertEqual(restorer.count(), 0)
        self.assertEqual(restorer.last_error(), "")
        result = c_int32(-5)
        self.assert_hr(restorer.wait(w.FOREVER, byref(result)), w.S_FALSE, "wait")
        self.assertEqual(support.library_threads() - {"wmlb"}, set())
        folder = "%s/child-%d" % (self.root, os.getpid())
        for own in (restorer, w.Restorer()):
            own.set("StorePath", self.store)
            own.set("BackupPath", folder)
            own.set("Threads", 2)
            self.assert_ends(own.backup(w.OVERWRITE))
        self.assertEqual(archive.Backup(folder + "/licenses.wmlb").files(), self.made)
        self.assert_clean(folder, [w.BACKUP_NAME])
        return True

    def test_of_an_idle_process(self):
        def body():
            default = w.default_restorer()
            default.set("Threads", 3)
            default.set("Threads", 1000)
            restorer = self.new_restorer()
            self.assert_ends(restorer.backup())
            handles = [restorer.handle, default.handle, self.restorer.handle]
            self.assertTrue(support.in_child(lambda: self.check_child(handles, default.handle)))
            # The parent has what it had.
            self.assertEqual(default.get("Threads")[2], 3)
            self.assert_ends(restorer.backup(w.OVERWRITE))

        support.in_child(body)

    def test_in_the_middle_of_an_operation(self):
        def body():
            default, restorer = w.default_restorer(), self.new_restorer()
            begun, go_on = threading.Event(), threading.Event()

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    begun.set()
                    go_on.wait(60)

            self.assert_hr(restorer.start(0, on_event), w.S_OK)
            begun.wait(60)
            handles = [restorer.handle, default.handle]
            self.assertTrue(support.in_child(lambda: self.check_child(handles, default.handle)))
            go_on.set()
            self.assert_hr(restorer.finish(), w.S_OK)

        support.in_child(body, timeout=120)
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_while_it_computes(self):
        """At moments nobody chose: locks of every kind may be held."""
        for number in range(20):
            support.write(self.store + "/large-%02d" % number, os.urandom(1 << 19))

        def body():
            default, restorer = w.default_restorer(), self.new_restorer(Threads=4)
            native = w.native_callback()
            for _ in range(25):
                self.assert_hr(restorer.backup_licenses(w.OVERWRITE, native, None), w.S_OK)

                def child():
                    self.assert_hr(restorer.cancel(), w.E_HANDLE)
                    own = w.default_restorer()
                    self.assertNotEqual(own.handle, default.handle)
                    self.assert_hr(own.set("StorePath", self.store), w.S_OK)
                    own.set("BackupPath", self.root + "/child")
                    return own.backup(w.OVERWRITE)[0]

                self.assert_hr(support.in_child(child), w.S_OK)
                self.assert_hr(restorer.finish(), w.S_OK)

        support.in_child(body, timeout=120)
        self.assertEqual(len(archive.Backup(self.target).files()), 25)
        self.assertEqual(len(archive.Backup(self.root + "/child/licenses.wmlb").files()), 25)

    def test_in_a_callback(self):
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_END):

            def body():
                default, restorer = w.default_restorer(), self.new_restorer()
                forked = []

                def on_event(event):
                    if event.status == status and not forked:
                        forked.append(True)
                        handles = [restorer.handle, default.handle]
                        return 0 if support.in_child(
                            lambda: self.check_child(handles, default.handle)
                        ) else -1

                return restorer.backup(w.OVERWRITE, on_event)[0]

            self.assert_hr(support.in_child(body, timeout=120), w.S_OK)
            self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_a_child_that_returns_from_the_callback_ends_and_touches_nothing(self):
        for status in (w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_END):

            def body():
                restorer = self.new_restorer(Threads=2)
                children, before = [], os.getpid()
                log = self.root + "/events"

                def on_event(event):
                    with open(log, "a") as file:
                        file.write("%d %d\n" % (os.getpid(), event.status))
                    if event.status == status and not children:
                        children.append(os.fork())
                        if children[0] != 0:
                            children.append(os.waitpid(children[0], 0)[1])

                hr, events = restorer.backup(w.OVERWRITE, on_event)
                self.assertEqual(os.getpid(), before, "the child went on")
                with open(log) as file:
                    told = {int(line.split()[0]) for line in file}
                os.unlink(log)
                self.assertEqual(told, {before}, "an event came in the child")
                return hr, children[1]

            hr, ended = support.in_child(body)
            self.assert_hr(hr, w.S_OK)
            self.assertEqual(ended, 0, "wait status of the child")
            self.assertEqual(archive.Backup(self.target).files(), self.made)
            self.assert_clean(names=[w.BACKUP_NAME])

    def test_a_child_does_not_remove_its_parents_temporary_file(self):
        support.need_filters()

        def body():
            support.without_unnamed_files()
            restorer = self.new_restorer()

            def on_event(event):
                if event.status == w.STATUS_PROGRESS:
                    child = os.fork()
                    if child != 0:
                        os.waitpid(child, 0)

            return restorer.backup(0, on_event)[0]

        self.assert_hr(support.in_child(body), w.S_OK)
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_into_another_pid_namespace(self):
        """As a container has it: parent and child have the same process ID."""
        support.need_root()

        def process_1():
            default, restorer = w.default_restorer(), self.new_restorer()
            begun, go_on = threading.Event(), threading.Event()

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    begun.set()
                    go_on.wait(60)

            self.assert_hr(restorer.start(0, on_event), w.S_OK)
            begun.wait(60)
            handles = [restorer.handle, default.handle]

            def child():
                self.assertEqual(os.getpid(), 1)
                return self.check_child(handles, default.handle)

            self.assertEqual(os.getpid(), 1)
            support.unshare_processes()
            self.assertTrue(support.in_child(child))
            go_on.set()
            self.assert_hr(restorer.finish(), w.S_OK)

        def body():
            support.unshare_processes()
            support.in_child(process_1, timeout=120)

        support.in_child(body, timeout=120)
        self.assertEqual(archive.Backup(self.target).files(), self.made)

    def test_a_grandchild(self):
        def grandchild():
            return self.check_child([self.restorer.handle], w.lib.wmlb_default_restorer() ^ 1)

        def child():
            own = self.new_restorer()
            self.assert_ends(own.backup())
            handles = [own.handle, w.lib.wmlb_default_restorer()]
            return support.in_child(lambda: self.check_child(handles, handles[1]))

        self.assertTrue(support.in_child(child))
        self.assertTrue(support.in_child(grandchild))


if __name__ == "__main__":
    unittest.main()
