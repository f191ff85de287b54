"""Handles: numbers that are looked up and never dereferenced."""

import ctypes
import os
import threading
import unittest
from ctypes import byref, c_int32, c_size_t, c_void_p

import support
import wmlb_ctypes as w

MADE_UP = [None, 1, 2, 7, 8, 4096, 0xDEADBEEF, 1 << 31, 1 << 47, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def every_call(handle):
    """What each function that takes a handle says to this one."""
    lib, kind, size, number = w.lib, c_int32(), c_size_t(64), c_size_t(64)
    progress = w.Progress(struct_size=ctypes.sizeof(w.Progress))
    buffer = ctypes.create_string_buffer(64)
    callback = w.native_callback()
    return {
        "backup": lib.wmlb_restorer_backup_licenses(handle, 0, callback, None),
        "cancel backup": lib.wmlb_restorer_cancel_license_backup(handle),
        "cancel": lib.wmlb_restorer_cancel(handle),
        "wait": lib.wmlb_restorer_wait(handle, 0, byref(kind)),
        "progress": lib.wmlb_restorer_get_progress(handle, byref(progress)),
        "set": lib.wmlb_restorer_set_prop(handle, b"Threads", 0, b"\0\0\0\0", 4),
        "get": lib.wmlb_restorer_get_prop_by_name(
            handle, b"Threads", byref(kind), buffer, byref(size)
        ),
        "count": lib.wmlb_restorer_get_prop_count(handle, byref(number)),
        "index": lib.wmlb_restorer_get_prop_by_index(
            handle, 0, buffer, byref(number), byref(kind), buffer, byref(size)
        ),
        "remove": lib.wmlb_restorer_remove_prop(handle, b"Threads"),
        "remove all": lib.wmlb_restorer_remove_all_props(handle),
        "backup path": lib.wmlb_restorer_set_backup_path(handle, b"/x"),
        "restore path": lib.wmlb_restorer_set_restore_path(handle, b"/x"),
        "store path": lib.wmlb_restorer_set_store_path(handle, b"/x"),
        "last error": lib.wmlb_restorer_get_last_error(handle, buffer, byref(size)),
        "release": lib.wmlb_restorer_release(handle),
    }


class Handles(support.StoreCase):
    def assert_unknown(self, handle):
        for name, hr in every_call(handle).items():
            self.assert_hr(hr, w.E_HANDLE, "%s of %r" % (name, handle))

    def test_made_up_ones(self):
        buffer = ctypes.create_string_buffer(4096)
        addresses = [ctypes.addressof(buffer), id(self), self.restorer.handle + 1]
        addresses += [self.restorer.handle - 1, self.restorer.handle ^ (1 << 40)]

        def body():
            for handle in MADE_UP + addresses:
                self.assert_unknown(handle)

        support.in_child(body)

    def test_released_ones(self):
        restorer = w.Restorer()
        self.assert_hr(restorer.release(), w.S_OK)
        support.in_child(lambda: self.assert_unknown(restorer.handle))
        self.assert_unknown(restorer.handle)
        self.assert_hr(restorer.release(), w.E_HANDLE)

    def test_null_arguments_do_not_matter_when_the_handle_is_bad(self):
        lib = w.lib
        for hr in (
            lib.wmlb_restorer_backup_licenses(None, 0xFFFFFFFF, w.NO_CALLBACK, None),
            lib.wmlb_restorer_wait(None, 0, None),
            lib.wmlb_restorer_get_progress(None, None),
            lib.wmlb_restorer_set_prop(None, None, 77, None, 0),
            lib.wmlb_restorer_get_prop_by_name(None, None, None, None, None),
            lib.wmlb_restorer_get_prop_count(None, None),
            lib.wmlb_restorer_set_store_path(None, None),
            lib.wmlb_restorer_get_last_error(None, None, None),
        ):
            self.assert_hr(hr, w.E_HANDLE)

    def test_never_used_again(self):
        seen = set()
        for _ in range(2000):
            restorer = w.Restorer()
            self.assertNotIn(restorer.handle, seen)
            self.assertTrue(restorer.handle)
            seen.add(restorer.handle)
            self.assert_hr(restorer.release(), w.S_OK)

    def test_many_at_once(self):
        restorers = [w.Restorer() for _ in range(1000)]
        self.assertEqual(len({restorer.handle for restorer in restorers}), 1000)
        for number, restorer in enumerate(restorers):
            self.assert_hr(restorer.set("BackupPath", "/%d" % number), w.S_OK)
        for number, restorer in enumerate(restorers):
            self.assertEqual(restorer.get("BackupPath")[2], "/%d" % number)
            self.assert_hr(restorer.release(), w.S_OK)

    def test_create_needs_a_place(self):
        self.assert_hr(w.lib.wmlb_restorer_create(None), w.E_POINTER)

    def test_create_overwrites_what_was_there(self):
        out = c_void_p(0xDEAD)
        self.assert_hr(w.lib.wmlb_restorer_create(byref(out)), w.S_OK)
        self.assertNotIn(out.value, (None, 0xDEAD))
        self.assert_hr(w.lib.wmlb_restorer_release(out), w.S_OK)

    def test_a_stale_handle_in_another_thread(self):
        restorer = w.Restorer()
        restorer.release()
        found = []
        thread = threading.Thread(target=lambda: found.append(every_call(restorer.handle)))
        thread.start()
        thread.join()
        self.assertEqual(set(found[0].values()), {w.E_HANDLE})


class DefaultRestorer(support.StoreCase):
    """Each in a child, which has a default restorer of its own."""

    def test_it_is_always_the_same(self):
        first = w.lib.wmlb_default_restorer()
        self.assertTrue(first)
        self.assertEqual(w.lib.wmlb_default_restorer(), first)
        found = []
        thread = threading.Thread(target=lambda: found.append(w.lib.wmlb_default_restorer()))
        thread.start()
        thread.join()
        self.assertEqual(found, [first])

    def test_it_cannot_be_released(self):
        def body():
            restorer = w.default_restorer()
            self.assert_hr(restorer.release(), w.E_ILLEGAL_METHOD_CALL)
            self.assertIn("default restorer", restorer.last_error())
            self.assert_hr(restorer.set("Threads", 1), w.S_OK)

        support.in_child(body)

    def test_both_ways_lead_to_it(self):
        def body():
            restorer = w.default_restorer()
            lib = w.lib
            self.assert_hr(lib.wmlb_set_store_path(b"/store"), w.S_OK)
            self.assert_hr(lib.wmlb_set_backup_path(b"/backup"), w.S_OK)
            self.assert_hr(lib.wmlb_set_restore_path(b"/restore"), w.S_OK)
            self.assert_hr(lib.wmlb_set_prop(b"Threads", 0, bytes(w.c_size_t(2))[:4], 4), w.S_OK)
            for name, value in (
                ("StorePath", "/store"), ("BackupPath", "/backup"), ("RestorePath", "/restore"),
            ):
                self.assertEqual(restorer.get(name)[2], value)
            count = c_size_t()
            self.assert_hr(lib.wmlb_get_prop_count(byref(count)), w.S_OK)
            self.assertEqual((count.value, restorer.count()), (4, 4))

            kind, size = c_int32(), c_size_t()
            hr = lib.wmlb_get_prop_by_name(b"StorePath", byref(kind), None, byref(size))
            self.assertEqual((hr, kind.value, size.value), (w.S_OK, w.TYPE_STRING, 7))
            name_size = c_size_t()
            hr = lib.wmlb_get_prop_by_index(
                3, None, byref(name_size), byref(kind), None, byref(size)
            )
            self.assert_hr(hr, w.S_OK)
            self.assert_hr(lib.wmlb_remove_prop(b"StorePath"), w.S_OK)
            self.assert_hr(restorer.remove_prop(b"StorePath"), w.S_FALSE)
            self.assert_hr(lib.wmlb_remove_all_props(), w.S_OK)
            self.assertEqual(restorer.count(), 0)
            self.assert_hr(lib.wmlb_set_backup_path(None), w.E_POINTER)
            self.assertIn("path", restorer.last_error())

        support.in_child(body)

    def test_a_backup_without_any_handle(self):
        self.fill(3)

        def body():
            lib, events = w.lib, []

            @w.Callback
            def callback(status, *_):
                events.append(status)
                return 0

            result = c_int32(-5)
            self.assert_hr(lib.wmlb_cancel_license_backup(), w.S_FALSE)
            self.assert_hr(lib.wmlb_wait(0, byref(result)), w.S_FALSE)
            self.assert_hr(lib.wmlb_backup_licenses(0, callback, None), w.NOT_CONFIGURED)
            lib.wmlb_set_store_path(self.store.encode())
            lib.wmlb_set_backup_path(self.backups.encode())
            self.assert_hr(lib.wmlb_backup_licenses(0, callback, None), w.S_OK)
            self.assert_hr(lib.wmlb_wait(w.HANGS, byref(result)), w.S_OK)
            self.assertEqual(result.value, w.S_OK)
            hr, words = w.two_calls(lib.wmlb_get_last_error)
            self.assertEqual(hr, w.S_OK)
            self.assertIn(b"BackupPath", words)
            return events[0], events[-1]

        self.assertEqual(support.in_child(body), (w.STATUS_BEGIN, w.STATUS_END))
        self.assertTrue(os.path.exists(self.target))

    def test_with_its_handle(self):
        self.fill(3)

        def body():
            restorer = w.default_restorer()
            restorer.set("StorePath", self.store)
            restorer.set("BackupPath", self.backups)
            self.assert_ends(restorer.backup())
            self.assertEqual(restorer.progress().licenses_done, 3)
            self.assert_hr(restorer.cancel(), w.S_FALSE)

        support.in_child(body)


if __name__ == "__main__":
    unittest.main()
