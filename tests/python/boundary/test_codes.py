"""Result codes of the reference that the other tests, which are about behavior, do not ask for."""

import os
import resource
import threading
import unittest

import generations_support as g
import host_support
import support
import wmlb_ctypes as w
from encryption_support import NOT_SUPPORTED, EncryptedCase

WITHOUT_MEMORY = """
import resource, generations_support as g, wmlb_ctypes as w
folder, = sys.argv[1:]
restorer, queue, text = w.Restorer(), w.Queue(), b"x" * (1 << 20)
assert restorer.set("RestorePath", folder) == restorer.set("Passphrase", "secret words") == w.S_OK
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (size + (40 << 20), hard))
found = [restorer.enumerate("backup")[0], g.backup_info(restorer)[0]]
found.append(next(hr for _ in range(64) if (hr := queue.say(2, value=text)) != w.S_OK))
properties = [restorer.set_prop(b"Passphrase", 1, text, len(text)) for _ in range(2)]
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
print(*found)
"""


class Codes(EncryptedCase):
    def test_a_handle_that_is_none(self):
        self.assert_hr(w.lib.wmlb_restorer_set_filter(None, w.NO_FILTER_CALLBACK, None), w.E_HANDLE)

    def test_a_cancel_in_a_list_of_generations(self):
        self.save({b"a": b"1"})
        restorer = self.open_with()
        restorer.set("RestorePath", self.backups)
        hr, _ = g.generations(restorer, lambda info: restorer.cancel() * 0)
        self.assert_hr(hr, w.CANCELED)

    def test_a_cancel_while_a_backup_is_waited_for(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, writer)
        self.assert_hr(self.restorer.set_target_fd(reader), w.S_OK)
        os.close(reader)
        found = []
        thread = threading.Thread(target=lambda: found.append(g.backup_info(self.restorer)))
        thread.start()
        while thread.is_alive():
            self.restorer.cancel()
            os.sched_yield()
        self.assertEqual(found, [(w.CANCELED, [])])

    def test_too_much_work_for_what_a_backup_says_of_itself(self):
        data = self.save_with("secret words")
        self.write_archive(data.replace(b" 17\n", b" 30\n", 1))
        restorer = self.open_with(Passphrase="secret words")
        self.assert_hr(g.backup_info(restorer)[0], NOT_SUPPORTED)

    def test_no_more_descriptors(self):
        def body():
            restorer, taken = w.Restorer(), []
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            with self.assertRaises(OSError):
                while True:
                    taken.append(os.dup(0))
            hr = restorer.set_target_fd(taken[0])
            for fd in taken:
                os.close(fd)
            self.assert_hr(restorer.release(), w.S_OK)
            return hr

        self.assert_hr(support.in_child(body), w.TOO_MANY_OPEN_FILES)

    def test_no_memory(self):
        self.save_with("secret words", {b"a": b"1"})
        ended = support.run_python(WITHOUT_MEMORY, self.backups)
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        self.assertEqual(list(map(int, ended.stdout.split())), [w.E_OUTOFMEMORY] * 3)

    def test_a_damaged_database_in_a_list(self):
        place = os.path.join(self.root, "chromium")
        support.write(place + "/CdmStorage.db", b"SQLite format 3\0" + b"\xff" * 8000)
        restorer = self.new_restorer(place)
        self.assert_hr(restorer.enumerate("store")[0],
                       w.hresult(w.FAILURES["NS_E_DRM_DATASTORE_CORRUPT"]))


class Queued(support.StoreCase):
    def test_an_event_of_an_operation_that_is_to_end(self):
        """The host's callback hands it on."""
        self.fill(3)
        queue, said = w.Queue(), []

        @w.Callback
        def callback(*event):
            queue.cancel()
            said.append(w.lib.wmlb_queue_push(*event))
            return said[-1]

        self.assert_hr(self.restorer.backup_licenses(0, callback, queue.handle), w.S_OK)
        self.assertEqual(queue.rest()[-1].hr, w.CANCELED)
        self.assert_hr(said[0], w.CANCELED)
        self.assert_hr(self.restorer.finish(), w.CANCELED)
        queue.release()


class HostStores(host_support.HostCase):
    def test_a_name_that_is_null(self):
        self.save({b"a": b"1"})
        for call in (lambda restorer: restorer.restore()[0],
                     lambda restorer: restorer.enumerate("store")[0]):
            store, restorer = self.host()
            store.listed, store.listed_here = [w.StoreLicense(name=None, name_len=1)], True
            self.assert_hr(call(restorer), w.E_POINTER)


if __name__ == "__main__":
    unittest.main()
