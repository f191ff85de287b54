"""Licenses that must not be backed up: left out of the file, and named by an event each."""

import os
import sqlite3
import unittest

import archive
import license_forge as forge
import support
import wmlb_ctypes as w
from license_support import LicenseCase, in_order, title, titles
from restore_support import files_of
from sqlite_support import settled

KEY_IDS = forge.KEY_IDS
LARGE = 1 << 20
THREADS = (1, 2, 8)
COUNTERS = ("licenses_done", "bytes_done", "licenses_restricted", "licenses_skipped")


class Restricted(LicenseCase):
    def back_up(self, files, flags=0, **properties):
        """(titles of the restricted ones, what was saved)."""
        if files != files_of(self.source):
            self.fill_source(files)
        events = self.assert_ends(
            self.new_restorer(store=self.source, **properties).backup(flags | w.OVERWRITE))
        return titles(events), archive.Backup(self.target).files()

    def test_by_what_they_are_named(self):
        """Key IDs in lines; the license ID where the format has none for keys; else the name."""
        as_bytes = lambda *ids: "\n".join(ids).encode()
        path = os.path.join(self.root, "database")
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE t (x)")
        database.close()
        broken = forge.lcp(id=None)
        always = {
            b"a-v1": (forge.v1(rights=4), as_bytes(KEY_IDS[0])),
            b"b-v7": (forge.v7(forge.DENIED, KEY_IDS[1:4]).encode(), as_bytes(*KEY_IDS[1:4])),
            b"c-response": (
                forge.response(forge.v7(key_ids=["x", "y"]), forge.v7(forge.PLAY, ["z"])).encode(),
                as_bytes("x", "y", "z")),
            b"d-xmr": (forge.xmr([forge.rights_settings(1)]), b"AAAAAAAAAAAAAAAAAAAAAA=="),
            b"e/without-a-key": (forge.v7(forge.DENIED, []).encode(), b"e/without-a-key"),
            b"f-\xff": (forge.v7(forge.PLAY, []).encode(), "f-\ufffd".encode()),
            b"g-two\nlines": (forge.v1(b"", rights=4), b"g-two\nlines"),
        }
        unstated = {
            b"h-lcp": (forge.lcp(), forge.LCP_ID.encode()),
            b"i-epub": (forge.package(forge.lcp()), forge.LCP_ID.encode()),
            b"j-lcp-without-an-id": (forge.lcp(id="\n"), b"j-lcp-without-an-id"),
            b"k-broken-lcp": (broken, b"k-broken-lcp"),
            b"l-xmr": (forge.xmr(), b"AAAAAAAAAAAAAAAAAAAAAA=="),
            b"m-encrypted": (b'<LICENSE version="2.0.0.0">YQ==</LICENSE>', b"m-encrypted"),
            b"n-condition": (forge.v7(forge.UNSTATED, ["n"]).encode(), b"n"),
            b"o-opaque": (b"any bytes", b"o-opaque"),
            b"p-empty": (b"", b"p-empty"),
            b"q-sqlite": (settled(self, path), b"q-sqlite"),
        }
        never = {b"r-v1": forge.v1(), b"s-v7": forge.v7().encode(),
            b"t": forge.response(forge.v7()).encode()}
        files = {name: content for name, (content, _) in {**always, **unstated}.items()}
        files.update(never)
        of = lambda cases: [cases[name][1] for name in sorted(cases)]
        left = lambda cases: {name: content for name, content in files.items() if name not in cases}
        self.assertEqual(self.back_up(files), (of(always), left(always)))
        self.assertEqual(self.back_up(files, UnstatedRights="allow"), (of(always), left(always)))
        both = {**always, **unstated}
        self.assertEqual(self.back_up(files, UnstatedRights="deny"), (of(both), never))
        for flags in (w.PARTIAL, w.VERIFY):
            self.assertEqual(self.back_up(files, flags), (of(always), left(always)))

    def many(self):
        """Licenses of several frames' worth, of all rights, with links among them."""
        files = {}
        for number in range(420):
            name = b"%03d/%d" % (number // 30, number)
            # What follows a license of version 1 makes it larger, and is not read.
            after = forge.noise(number * 37 % 30000, number % 8)
            files[name] = (
                lambda: forge.v1("allowed-%d" % number) + after,
                lambda: forge.v1("denied-%d" % number, rights=4) + after,
                lambda: after,
                lambda: forge.v7(forge.DENIED, ["v7-%d" % number], more="x" * len(after)).encode(),
                lambda: forge.lcp(id="lcp-%d" % number),
            )[number % 5]()
        files[b"005/large"] = forge.v7(forge.DENIED, ["large"],
            after=forge.filler(3 << 20)).encode()
        files[b"007/large"] = forge.noise(3 << 20)
        self.fill_source(files)
        links = [b"000/", b"003/link", b"005/lb", b"006", b"007/largf", b"013/~"]
        links[0] += b"0-link"
        links[3] += b"-link"
        for link in links:
            os.symlink("nowhere", os.path.join(os.fsencode(self.source), link))
        return files, links

    def test_their_order(self):
        """That of the names, together with what is skipped, however many threads work."""
        files, links = self.many()
        licenses = {license.name: license for license in self.list("store")}
        self.assertEqual(licenses.keys(), files.keys())
        denied = {license.name for license in licenses.values() if license.right == w.RIGHT_DENIED}
        unstated = {license.name for license in licenses.values()
            if license.right == w.RIGHT_NOT_STATED}
        self.assertTrue(len(denied) > 150 and len(unstated) > 150)
        host_denies = {name for name in files if name[-1:] in b"37"}

        def said_by_host(license):
            return w.RIGHT_DENIED if license.name in host_denies else w.RIGHT_NOT_STATED

        contents = {}
        for unstated_rights, host, left_out in (
            ("allow", None, denied), ("deny", None, denied | unstated),
            ("allow", said_by_host, denied | host_denies),
            ("deny", said_by_host, denied | unstated | host_denies),
        ):
            expected = []
            for name in in_order([*left_out, *links]):
                if name in links:
                    expected.append((w.STATUS_SKIPPED, w.E_ACCESSDENIED, name))
                else:
                    expected.append((w.STATUS_RESTRICTED, w.S_OK, title(licenses[name])))
            saved = {name: content for name, content in files.items() if name not in left_out}
            for threads in THREADS:
                restorer = self.new_restorer(
                    store=self.source, Threads=threads, UnstatedRights=unstated_rights)
                if host:
                    restorer.ask_rights(host)
                events = self.assert_ends(restorer.backup(w.OVERWRITE))
                told = [(event.status, event.hr, event.value) for event in events
                        if event.status in (w.STATUS_RESTRICTED, w.STATUS_SKIPPED)]
                self.assertEqual(told, expected)
                backup = archive.Backup(self.target)
                self.assertEqual(backup.names(), in_order(saved))
                self.assertEqual(backup.files(), saved)
                # The same answers give the same bytes.
                content = contents.setdefault((unstated_rights, host), backup.between())
                self.assertEqual(backup.between(), content)
                self.check_all_progress(events, files, left_out, links)
            self.assert_ends(self.restorer.verify())

    def check_all_progress(self, events, files, left_out, links):
        before = w.Progress()
        for event in events:
            if event.status == w.STATUS_PROGRESS:
                now = event.progress
                for counter in COUNTERS:
                    self.assertGreaterEqual(getattr(now, counter), getattr(before, counter))
                before = now
        self.assertEqual(before.licenses_restricted, len(left_out))
        self.assertEqual(before.licenses_skipped, len(links))
        self.assertEqual(before.licenses_done, len(files) - len(left_out))
        self.assertEqual(before.licenses_total, len(files) + len(links))
        size = sum(len(content) for name, content in files.items() if name not in left_out)
        self.assertEqual((before.bytes_done, before.bytes_total), (size, size))

    def test_the_form_of_the_event(self):
        self.fill_source({b"a": forge.v7(forge.DENIED, KEY_IDS[:2]).encode()})
        events = self.assert_ends(self.saver.backup())
        restricted = [event for event in events if event.status == w.STATUS_RESTRICTED]
        self.assertEqual(len(restricted), 1)
        event = restricted[0]
        self.assertEqual((event.hr, event.type, event.nul), (w.S_OK, w.TYPE_STRING, True))
        self.assertEqual(event.text, "\n".join(KEY_IDS[:2]))
        self.assertEqual(self.saver.progress().licenses_restricted, 1)

    def test_very_many_key_ids(self):
        ids = ["%01024d" % number for number in range(1100)]
        told, _ = self.back_up({b"a": forge.response(
            *(forge.v7(forge.DENIED, ids[at : at + 100]) for at in range(0, 1100, 100))).encode()})
        self.assertEqual(len(told), 1)
        # No more than 64 KiB of them, all whole.
        self.assertTrue(62 << 10 < len(told[0]) <= 64 << 10)
        found = told[0].decode().split("\n")
        self.assertEqual(found, ids[: len(found)])

    def test_large_ones_between_others(self):
        """Nothing of one stays in the file, and its neighbors are whole."""
        denied = {
            b"b": forge.v7(forge.DENIED, ["b"], after=forge.filler(LARGE - 3000)).encode(),
            b"d": forge.v7(forge.DENIED, ["d"], after=forge.filler(LARGE)).encode(),
            b"e": forge.v7(forge.DENIED, ["e"], after=forge.filler(3 * LARGE)).encode(),
            b"h": forge.v1("h", rights=4) + forge.noise(2 * LARGE),
        }
        others = {
            b"a": b"small", b"c": forge.noise(LARGE), b"f": forge.noise(2 * LARGE + 7),
            b"g": forge.v7(forge.ALLOWED, ["g"], after=forge.filler(2 * LARGE)).encode(),
            b"i": b"last",
        }
        for threads in THREADS:
            told, saved = self.back_up({**denied, **others}, Threads=threads)
            self.assertEqual(told, [b"b", b"d", b"e", b"h"])
            self.assertEqual(saved, others)
            self.assert_ends(self.restorer.verify())
            told, saved = self.back_up({**denied, **others}, Threads=threads, UnstatedRights="deny")
            self.assertEqual(told, [b"a", b"b", b"c", b"d", b"e", b"f", b"h", b"i"])
            self.assertEqual(saved, {b"g": others[b"g"]})
            told, saved = self.back_up(denied, Threads=threads)
            self.assertEqual((told, saved), ([b"b", b"d", b"e", b"h"], {}))

    def test_large_packages(self):
        """What is at their ends is looked at where it matters."""
        end = forge.package(forge.lcp(), before=(3 * LARGE,))
        middle = forge.package(forge.lcp(), before=(2 * LARGE,), after=(LARGE,))
        files = {b"a": b"first", b"end": end, b"middle": middle, b"z": forge.v1()}
        for threads in THREADS:
            self.assertEqual(self.back_up(files, Threads=threads), ([], files))
            told, saved = self.back_up(files, Threads=threads, UnstatedRights="deny")
            self.assertEqual(told, [b"a", forge.LCP_ID.encode(), b"middle"])
            self.assertEqual(saved, {b"z": forge.v1()})

    def test_a_store_of_nothing_else(self):
        for count in (1, 600):
            files = {b"%04d" % number: forge.v1("%d" % number, rights=4) for number in range(count)}
            for threads in THREADS:
                told, saved = self.back_up(files, Threads=threads)
                self.assertEqual(told, [b"%d" % number for number in range(count)])
                self.assertEqual(saved, {})
                self.assertEqual(len(archive.Backup(self.target).frames), 2)
            self.assert_ends(self.restorer.verify())
        target = self.new_target()
        self.assert_ends(target.restore())
        self.assertEqual(files_of(self.store), {})
        self.assertEqual(target.enumerate("backup"), (w.S_OK, []))

    def test_a_restore_brings_what_was_saved(self):
        files, _ = self.many()
        events = self.assert_ends(self.new_restorer(store=self.source).backup())
        self.assertGreater(len(titles(events)), 150)
        saved = archive.Backup(self.target).files()
        self.assert_ends(self.new_target().restore())
        self.assertEqual(files_of(self.store), saved)
        self.assertTrue(saved.items() < files.items())

    def test_a_restore_asks_for_no_rights(self):
        """What is in the file was allowed."""
        files = {b"a": forge.v1(rights=4), b"b": forge.v7(forge.PLAY).encode(), b"c": b"opaque"}
        self.fill_source(files)
        self.saver.ask_rights(lambda license: w.RIGHT_ALLOWED)
        self.assertEqual(titles(self.assert_ends(self.saver.backup())), [])
        target = self.new_target(UnstatedRights="deny")
        for operation in (target.verify, target.restore):
            events = self.assert_ends(operation())
            self.assertEqual(titles(events), [])
            self.assertEqual(events[-2].progress.licenses_restricted, 0)
        self.assertEqual(files_of(self.store), files)

    def test_with_what_cannot_be_read(self):
        files = {b"%02d" % number: forge.v1("%d" % number, rights=4 * (number % 3 == 0))
            for number in range(30)}
        self.fill_source(files)
        unreadable = [b"%02d" % number for number in range(30) if number % 4 == 0]
        for name in unreadable:
            os.chmod(os.path.join(os.fsencode(self.source), name), 0)
        os.chmod(self.source, 0o755)
        os.chmod(self.backups, 0o777)

        def body():
            hr, events = self.new_restorer(store=self.source).backup(w.PARTIAL)
            return hr, [w.Event(*event) for event in events]

        events = self.assert_ends(support.in_child(body, support.drop_to_nobody()),
            w.NOT_ALL_STORED)
        expected = [b"%02d" % number if number % 4 == 0 else b"%d" % number
                    for number in range(30) if number % 4 == 0 or number % 3 == 0]
        told = [event.value for event in events
            if event.status in (w.STATUS_RESTRICTED, w.STATUS_SKIPPED)]
        self.assertEqual(told, expected)
        saved = {name: files[name] for name in files if int(name) % 4 and int(name) % 3}
        self.assertEqual(archive.Backup(self.target).files(), saved)
        last = events[-2].progress
        self.assertEqual((last.licenses_done, last.licenses_restricted, last.licenses_skipped),
                         (len(saved), 30 - len(saved) - len(unreadable), len(unreadable)))

    def test_a_cancel_at_one(self):
        self.fill_source({b"%d" % number: forge.v1("id-%d" % number, rights=4)
            for number in range(9)})
        for nth in (1, 5, 9):
            seen = []

            def on_event(event):
                if event.status == w.STATUS_RESTRICTED:
                    seen.append(event.value)
                    return -1 if len(seen) == nth else 0

            self.assert_fails(self.saver.backup(0, on_event), w.CANCELED)
            self.assertEqual(seen, [b"id-%d" % number for number in range(nth)])
            self.assert_clean()


if __name__ == "__main__":
    unittest.main()
