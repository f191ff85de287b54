"""Threads = 1 is one thread in all: the operation's own, whatever the operation does."""

import os
import threading
import unittest

import interrupt
import support
import wmlb_ctypes as w
from encryption_support import key
from host_support import HostCase
from sqlite_support import INSERT, User, make

PASSPHRASE = "correct horse battery staple"


class OneThread(HostCase):
    """The host's threads are counted before, so they do not count."""

    def setUp(self):
        super().setUp()
        self.before = support.threads().keys()
        self.seen = []

    def look(self, *_):
        """In every callback: the library's threads, and the one that calls back."""
        self.seen.append((support.threads().keys() - self.before, threading.get_native_id()))

    def assert_one(self, outcome):
        """Of an operation, which went well."""
        events = self.assert_ends(outcome)
        self.assertGreater(len(self.seen), 2)
        for threads, calling in self.seen:
            self.assertEqual(threads, {calling})
        self.assertEqual(len({calling for _, calling in self.seen}), 1)
        self.seen.clear()
        return events

    def settle(self, restorer):
        self.assert_hr(restorer.set("Threads", 1), w.S_OK)
        self.assert_hr(restorer.ask_rights(self.look), w.S_OK)
        self.assert_hr(restorer.authorize(self.look), w.S_OK)
        return restorer

    def check(self, saver, restorer):
        """Every operation, with every callback there is."""
        for one in (saver, restorer):
            self.settle(one)
        self.assert_one(saver.backup(w.OVERWRITE | w.VERIFY, self.look))
        self.assert_one(restorer.verify(0, self.look))
        for flags in (0, w.RESTORE_OVERWRITE):
            self.assert_one(restorer.restore(flags, self.look))

    def pairs(self, store=None):
        """Restorers that back up, and that restore: in clear, encrypted to a key, and with a
        passphrase."""
        for secrets in (
            {},
            {"Recipients": key().recipient, "Identities": key().text},
            {"Passphrase": PASSPHRASE},
        ):
            saver = self.new_restorer(store=store, **secrets)
            new = "%s-%d" % (self.store, len(self.restorers))
            yield saver, self.new_target(store=new, **secrets)

    def files(self):
        for number in range(300):
            support.write("%s/small/%03d" % (self.source, number), b"%d" % number * 50)
        for number in range(3):
            support.write("%s/large-%d" % (self.source, number), os.urandom(5 << 20))

    def test_folders(self):
        self.files()
        for saver, restorer in self.pairs(self.source):
            self.check(saver, restorer)

    def test_databases(self):
        path = make(self.source + "/x.db", 3000, mode="wal", size=1000)
        make(self.source + "/at-rest.db", 3000, size=1000)
        # What the log holds takes SQLite to read.
        User(self, path, INSERT % (5000, 500, 1000))
        for store in (self.source, path):
            for saver, restorer in self.pairs(store):
                self.check(saver, restorer)

    def test_a_store_of_the_hosts(self):
        for saver, restorer in self.pairs():
            content = {b"%03d" % number: b"x" * number for number in range(300)}
            # More than is kept in memory.
            content.update((b"large-%d" % number, os.urandom(5 << 20)) for number in range(4))
            for one, licenses in ((saver, content), (restorer, {})):
                store, _ = self.host(licenses, one)
                for function in ("open", "next", "put", "commit", "close"):
                    store.on[function] = self.look
            self.check(saver, restorer)
            self.assertEqual(set(store.licenses), set(content))

    @unittest.skipUnless(support.has_program("strace"), "strace is needed")
    def test_none_is_made_between_events(self):
        self.files()
        make(self.source + "/x.db", 3000, mode="wal")
        secrets = {"Recipients": key().recipient, "Identities": key().text}

        def made(threads):
            def body():
                restorer = self.new_restorer(store=self.source, Threads=threads, **secrets)
                self.assert_ends(restorer.backup(w.OVERWRITE | w.VERIFY))
                restorer.set("RestorePath", self.backups)
                self.assert_ends(restorer.verify())
                restorer.set_store_path(os.fsencode(self.store))
                self.assert_ends(restorer.restore(w.RESTORE_OVERWRITE))

            file = os.path.join(self.root, "trace")
            outcome = interrupt.run(body, ["-o", file, "-e", "trace=clone,clone3"])
            self.assertFalse(outcome.killed)
            lines = support.read(file).decode(errors="replace").splitlines()
            return sum(1 for line in lines if interrupt.CALL.match(line))

        # One for each operation.
        self.assertEqual(made(1), 3)
        # A backup reads its file back with workers of their own; where files are waited for, as
        # they are in a trace, others read ahead.
        self.assertGreaterEqual(made(2), 3 + 4 * 2)


if __name__ == "__main__":
    unittest.main()
