"""The words for the last failure: they name the path or property, and the cause."""

import ctypes
import os
import unittest
from ctypes import byref, c_int32, c_size_t

import support
import wmlb_ctypes as w


class LastError(support.StoreCase):
    def words_after(self, hr):
        self.assertLess(hr, 0, "it did not fail")
        return self.restorer.last_error()

    def test_empty_before_the_first_failure(self):
        self.assertEqual(w.Restorer().last_error(), "")
        length = c_size_t(99)
        self.assert_hr(self.restorer.get_last_error(None, byref(length)), w.S_OK)
        self.assertEqual(length.value, 1)

    def test_calls_about_properties_name_the_property(self):
        r, kind, size = self.restorer, c_int32(), c_size_t()
        self.assertIn("Nonsense", self.words_after(r.set_prop(b"Nonsense", 1, b"x", 1)))
        self.assertIn("StorePath", self.words_after(r.set("StorePath", "")))
        self.assertIn("Threads", self.words_after(r.set("Threads", 65)))
        self.assertIn("65", self.words_after(r.set("Threads", 65)))
        self.assertIn("BackupPath", self.words_after(r.set("BackupPath", 4)))
        self.assertIn("UTF-8", self.words_after(r.set("StorePath", b"\xff")))
        self.assertIn("RestorePath", self.words_after(r.set("RestorePath", b"a\0b")))
        self.assertIn("NUL", self.words_after(r.set("RestorePath", b"a\0b")))
        self.assertIn("CompressionLevel", self.words_after(r.set("CompressionLevel", 0)))
        self.assertIn("UnstatedRights", self.words_after(r.set("UnstatedRights", "perhaps")))
        self.assertIn("Other", self.words_after(r.remove_prop(b"Other")))
        hr = r.get_prop_by_name(b"Third", byref(kind), None, byref(size))
        self.assertIn("Third", self.words_after(hr))

    def test_a_length_out_of_the_question_names_the_property(self):
        hr = self.restorer.set_prop(b"BackupPath", w.TYPE_STRING, b"/", 1 << 50)
        self.assertIn("BackupPath", self.words_after(hr))

    def test_null_is_told_by_the_name_of_the_argument(self):
        r, kind, size = self.restorer, c_int32(), c_size_t()
        self.assertIn("name", self.words_after(r.set_prop(None, 1, b"x", 1)))
        self.assertIn("value", self.words_after(r.set_prop(b"Threads", 0, None, 4)))
        self.assertIn("type", self.words_after(r.get_prop_by_name(b"Threads", None, None, byref(size))))
        hr = r.get_prop_by_name(b"Threads", byref(kind), None, None)
        self.assertIn("value_len", self.words_after(hr))
        self.assertIn("count", self.words_after(r.get_prop_count(None)))
        self.assertIn("result", self.words_after(r.wait(0, None)))
        self.assertIn("out", self.words_after(r.get_progress(None)))
        self.assertIn("path", self.words_after(r.set_store_path(None)))

    def test_a_buffer_that_is_too_small(self):
        buffer, kind, size = ctypes.create_string_buffer(8), c_int32(), c_size_t(1)
        hr = self.restorer.get_prop_by_name(b"Threads", byref(kind), buffer, byref(size))
        self.assertIn("buffer", self.words_after(hr))

    def test_an_existing_backup_is_named(self):
        support.write(self.target, b"old")
        self.restorer.backup()
        self.assertIn(self.target, self.restorer.last_error())

    def test_a_target_that_is_no_file_is_named(self):
        os.mkdir(self.target)
        self.restorer.backup(w.OVERWRITE)
        self.assertIn(self.target, self.restorer.last_error())

    def test_a_missing_store_is_named_with_its_cause(self):
        store = os.path.join(self.root, "nothing-here")
        self.restorer.set("StorePath", store)
        _, events = self.restorer.backup()
        self.assertIn(store, self.restorer.last_error())
        self.assertIn("No such file or directory", self.restorer.last_error())
        self.assertIn(": ", self.restorer.last_error())
        self.assertEqual(events[-1].text, self.restorer.last_error())

    def test_the_words_of_an_operation_are_there_in_its_last_event(self):
        self.restorer.set("StorePath", os.path.join(self.root, "nothing-here"))
        found = []

        def on_event(event):
            if event.is_terminal:
                found.append((event.text, self.restorer.last_error()))

        self.restorer.backup(0, on_event)
        self.assertEqual(found[0][0], found[0][1])

    def test_a_canceled_operation(self):
        self.fill(2)
        _, events = self.restorer.backup(0, lambda event: -1)
        self.assertIn("cancel", self.restorer.last_error())
        self.assertEqual(events[-1].text, self.restorer.last_error())

    def test_a_folder_that_cannot_be_made(self):
        blocked = os.path.join(self.root, "file")
        support.write(blocked, b"")
        self.restorer.set("BackupPath", blocked + "/below")
        self.assertNotEqual(self.restorer.backup()[0], w.S_OK)
        self.assertIn(blocked, self.restorer.last_error())
        self.assertIn("Not a directory", self.restorer.last_error())

    def test_successes_do_not_change_them(self):
        self.fill(2)
        self.restorer.set("Threads", 1000)
        words = self.restorer.last_error()
        self.restorer.set("Threads", 1)
        self.restorer.get("Threads")
        self.restorer.remove_prop(b"RestorePath")
        self.assert_ends(self.restorer.backup())
        self.restorer.progress()
        self.restorer.cancel()
        self.assertEqual(self.restorer.last_error(), words)

    def test_reading_them_does_not_change_them(self):
        self.restorer.set("Threads", 1000)
        words = self.restorer.last_error()
        self.assert_hr(self.restorer.get_last_error(None, None), w.E_POINTER)
        for room in (0, 1, len(words)):
            buffer = ctypes.create_string_buffer(b"\xaa" * 500, 500)
            length = c_size_t(room)
            hr = self.restorer.get_last_error(buffer, byref(length))
            self.assert_hr(hr, w.INSUFFICIENT_BUFFER)
            self.assertEqual(length.value, len(words.encode()) + 1)
            self.assertEqual(buffer.raw, b"\xaa" * 500)
        self.assertEqual(self.restorer.last_error(), words)

    def test_a_buffer_of_just_that_size(self):
        self.restorer.set("Threads", 1000)
        words = self.restorer.last_error().encode() + b"\0"
        buffer = ctypes.create_string_buffer(b"\xaa" * 500, 500)
        length = c_size_t(len(words))
        self.assert_hr(self.restorer.get_last_error(buffer, byref(length)), w.S_OK)
        self.assertEqual(buffer.raw, words.ljust(500, b"\xaa"))

    def test_each_restorer_has_its_own(self):
        other = w.Restorer()
        self.addCleanup(other.release)
        other.set("Threads", 1000)
        self.assertEqual(self.restorer.last_error(), "")

    def test_another_thread_reads_them(self):
        # Hosts with green threads continue on another one than they called on.
        self.restorer.set("Threads", 1000)
        found = []
        thread = w.threading.Thread(target=lambda: found.append(self.restorer.last_error()))
        thread.start()
        thread.join()
        self.assertIn("Threads", found[0])

    def test_names_that_are_not_utf8_are_readable(self):
        name = os.fsencode(self.store) + b"/bad\xff\nname"
        support.write(name, b"x")
        os.chmod(name, 0)

        def body():
            restorer = w.Restorer()
            restorer.set("StorePath", self.store)
            restorer.set("BackupPath", os.path.join(self.backups, "of-nobody"))
            hr, events = restorer.backup()
            return hr, restorer.last_error(), events[-1].text

        os.chmod(self.backups, 0o777)
        support.need_root()
        hr, words, told = support.in_child(body, user=support.NOBODY)
        self.assert_hr(hr, w.E_ACCESSDENIED)
        self.assertIn("bad\N{REPLACEMENT CHARACTER}", words)
        self.assertIn("Permission denied", words)
        self.assertEqual(told, words)


if __name__ == "__main__":
    unittest.main()
