"""Some licenses of a backup: by patterns, by a filter, and what of the file is read for them."""

import contextlib
import fnmatch
import os
import random
import shutil
import subprocess
import sys
import threading
import unittest

import license_forge as forge
import support
import wmlb_ctypes as w
from encryption_support import key
from host_support import MemoryStore
from restore_support import RestoreCase

STRACE = shutil.which("strace")
LARGE = 5 << 20
CORRUPT = w.hresult(w.FAILURES["NS_E_DRM_BACKUP_CORRUPT"])


def content(name, size=300):
    # Not compressible, so that there are several frames.
    return random.Random(name).randbytes(size)


class Chosen(RestoreCase):
    def save_all(self, files):
        self.files = files
        self.save({name.encode(): data for name, data in files.items()})

    def save_many(self, names, size=300):
        self.save_all({name: content(name, size) for name in names})

    def names(self, restorer=None):
        hr, found = (restorer or self.restorer).enumerate("backup")
        self.assert_hr(hr, w.S_OK)
        return [license.name.decode() for license in found]

    def in_store(self):
        found = {}
        for folder, _, names in os.walk(self.store):
            for name in names:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, self.store)] = support.read(path)
        return found

    def only(self, *patterns, restorer=None):
        restorer = restorer or self.restorer
        self.assert_hr(restorer.set("Only", "\n".join(patterns)), w.S_OK)

    def check(self, expected, restorer=None):
        """That list, verification and restore are about these."""
        restorer = restorer or self.restorer
        self.assertEqual(sorted(self.names(restorer)), sorted(expected))
        self.assert_ends(restorer.verify())
        self.assertEqual(restorer.progress().licenses_done, len(expected))
        shutil.rmtree(self.store, ignore_errors=True)
        self.assert_ends(restorer.restore())
        self.assertEqual(self.in_store(), {name: self.files[name] for name in expected})

    def test_names_and_patterns(self):
        self.save_many(["a", "a.lic", "b/a", "b/a.lic", "b/c/d", "B", "key:x", "[x]"])
        for patterns, expected in (
            (["a"], ["a"]),
            (["none"], []),
            (["*.lic"], ["a.lic", "b/a.lic"]),
            (["b/*"], ["b/a", "b/a.lic", "b/c/d"]),
            (["b/?"], ["b/a"]),
            (["[ab]", "B"], ["a", "B"]),
            (["name:key:x"], ["key:x"]),
            (["\\[x\\]"], ["[x]"]),
            (["", "a", ""], ["a"]),
            ([""], list(self.files)),
            (["*"], list(self.files)),
        ):
            with self.subTest(patterns=patterns):
                self.only(*patterns)
                self.check(expected)

    def test_many_frames(self):
        names = ["%d/%04d.lic" % (number % 7, number) for number in range(5000)]
        self.save_many(names)
        self.assertGreater(len(self.opened().frames), 3)
        chance = random.Random(1)
        for _ in range(12):
            pattern = chance.choice(names)
            cut = chance.randrange(2, len(pattern))
            pattern = chance.choice([pattern, pattern[:cut] + "*", "*" + pattern[cut:]])
            with self.subTest(pattern=pattern):
                self.only(pattern)
                self.check([name for name in names if fnmatch.fnmatchcase(name, pattern)])

    def test_large_licenses(self):
        self.save_all({name: content(name, size) for name, size in (
            ("a", 10), ("b", LARGE), ("c", 10), ("d", LARGE), ("e", LARGE + 1), ("f", 10))})
        for patterns in (["a"], ["b"], ["c"], ["d", "e"], ["b", "f"], ["[ace]"], ["*"]):
            with self.subTest(patterns=patterns):
                wanted = [name for name in self.files
                          if any(fnmatch.fnmatchcase(name, one) for one in patterns)]
                self.only(*patterns)
                self.check(wanted)
                self.only("")
                self.restorer.filter(lambda license: license.name.decode() in wanted)
                self.check(wanted)
                self.assert_hr(self.restorer.set_filter(w.NO_FILTER_CALLBACK, None), w.S_OK)

    def test_ids(self):
        made = {}
        for number in range(3):
            made["lcp-%d" % number] = forge.lcp(id="id-%d" % number)
        made["xmr"] = forge.xmr()
        made["other"] = b"other"
        self.save_all(made)
        hr, listed = self.restorer.enumerate("backup")
        self.assert_hr(hr, w.S_OK)
        told = {license.name.decode(): license for license in listed}
        keys = {name: license.key_ids.decode() for name, license in told.items() if license.key_ids}
        self.assertTrue(keys)
        for name, ids in keys.items():
            self.only("key:" + ids.split("\n")[0])
            self.check([one for one in keys if ids.split("\n")[0] in keys[one].split("\n")])
        for name, license in told.items():
            if license.license_id:
                self.only("license:" + license.license_id.decode(), "oth*")
                self.check([name, "other"])
        self.only("key:none")
        self.check([])

    def test_a_filter(self):
        self.save_many(["%03d" % number for number in range(50)])
        asked = []

        def even(license):
            asked.append(license.name.decode())
            return int(license.name) % 2 == 0

        self.restorer.filter(even)
        self.check(sorted(self.files)[::2])
        self.assertEqual(asked, 3 * sorted(self.files))
        self.only("00*")
        del asked[:]
        self.check(["000", "002", "004", "006", "008"])
        self.assertEqual(len(asked), 30)

    def test_what_a_filter_may_answer(self):
        self.save_many(["a", "b"])
        refusal = w.hresult(0xC00D2753)
        for answer, result in ((refusal, refusal), (2, w.hresult(0x80070057))):
            self.restorer.filter(lambda license: answer)
            hr, _ = self.restorer.enumerate("backup")
            self.assert_hr(hr, result)
            for operation in (self.restorer.verify, self.restorer.restore):
                self.assert_fails(operation(), result, "filter")
            self.assertEqual(os.listdir(self.place), [])

    def test_encrypted_backups(self):
        names = ["%05d" % number for number in range(3000)]
        for secrets, opens in (({"Recipients": key().recipient}, {"Identities": key().text}),
                               ({"Passphrase": "p"}, {"Passphrase": "p"})):
            self.saver = self.new_restorer(store=self.source, **secrets)
            self.save_many(names)
            restorer = self.new_target(**opens)
            for pattern in ("01567", "0156?", "*999", "none"):
                with self.subTest(pattern=pattern, secrets=sorted(secrets)):
                    self.only(pattern, restorer=restorer)
                    self.check(fnmatch.filter(names, pattern), restorer)

    def streamed(self, whole, *patterns):
        """What a list, a verification and a restore say of what comes through a pipe."""

        def feed(writer):
            with contextlib.suppress(BrokenPipeError), open(writer, "wb") as out:
                out.write(whole)

        outcomes = []
        for act in ("enumerate", "verify", "restore"):
            restorer = self.new_restorer(store=self.store)
            self.only(*patterns, restorer=restorer)
            reader, writer = os.pipe()
            feeding = threading.Thread(target=feed, args=[writer])
            feeding.start()
            try:
                self.assert_hr(restorer.set_target_fd(reader), w.S_OK)
                os.close(reader)
                arguments = ["backup"] if act == "enumerate" else []
                outcomes.append(getattr(restorer, act)(*arguments))
            finally:
                restorer.release()
                feeding.join()
        return outcomes

    def test_a_stream(self):
        """By names it is read on to its end, and all of it is checked."""
        self.save_all({"a": b"1", "b/large": content("b", LARGE), "b/x": b"", "c": content("c")})
        whole = support.read(self.target)
        for patterns in (["a"], ["b/*"], ["*x", "c"], ["none"], ["*"]):
            with self.subTest(patterns=patterns):
                wanted = [name for name in self.files
                          if any(fnmatch.fnmatchcase(name, one) for one in patterns)]
                shutil.rmtree(self.store, ignore_errors=True)
                (hr, listed), verified, restored = self.streamed(whole, *patterns)
                self.assert_hr(hr, w.S_OK)
                self.assertEqual([each.name.decode() for each in listed], wanted)
                self.assert_ends(verified)
                self.assert_ends(restored)
                self.assertEqual(self.in_store(), {name: self.files[name] for name in wanted})
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        shutil.rmtree(self.store, ignore_errors=True)
        (hr, _), verified, restored = self.streamed(bytes(damaged), "a")
        self.assert_hr(hr, CORRUPT)
        self.assert_fails(verified, CORRUPT)
        self.assert_fails(restored, CORRUPT)
        self.assertFalse(os.path.exists(self.store))

    def test_damage(self):
        """It is found where it is read, and by name nowhere else."""
        self.save_many(["%05d" % number for number in range(3000)], 1000)
        whole = bytearray(support.read(self.target))
        frames = [frame for frame in self.opened().frames if frame.content]
        self.assertGreater(len(frames), 4)
        second = max(frames, key=lambda frame: frame.stored)
        whole[second.offset + second.stored // 2] ^= 1
        support.write(self.target, bytes(whole))
        last = sorted(self.files)[-1]
        self.only(last)
        self.check([last])
        self.only(*[sorted(self.files)[number] for number in range(0, 3000, 100)])
        for operation in (self.restorer.verify, self.restorer.restore):
            shutil.rmtree(self.store, ignore_errors=True)
            self.assert_fails(operation(), CORRUPT)
            self.assertFalse(os.path.exists(self.store))
        # The table and the summary lead there.
        for at in (-1, -9, -20, -200, -1500):
            damaged = bytearray(whole)
            damaged[second.offset + second.stored // 2] ^= 1
            damaged[at] ^= 1
            support.write(self.target, bytes(damaged))
            self.only(last)
            self.assert_fails(self.restorer.verify(), CORRUPT)

    def sampled(self, percent):
        """A verification of a sample that succeeds: how many licenses it was, and of how many."""
        self.assert_hr(self.restorer.set("Sample", percent), w.S_OK)
        self.assert_ends(self.restorer.verify())
        progress = self.restorer.progress()
        return progress.licenses_done, progress.licenses_total

    def test_a_sample(self):
        names = ["%05d" % number for number in range(2000)]
        self.save_all({"a": content("a", LARGE), **{name: content(name, 5000) for name in names},
                       "b": content("b", LARGE)})
        total = len(self.files)
        parts = {self.sampled(1) for _ in range(100)}
        self.assertGreater(len(parts), 2)
        self.assertTrue(all(0 < done < total / 2 and of == total for done, of in parts), parts)
        done, of = self.sampled(50)
        self.assertEqual((1 < done < total, of), (True, total))
        self.assertEqual(self.sampled(100), (total, total))
        # What is chosen else holds too, and other operations know nothing of it.
        self.assert_hr(self.restorer.set("Sample", 1), w.S_OK)
        self.only("01234", "b")
        self.assertEqual({self.sampled(1)[0] for _ in range(50)}, {1})
        self.restorer.filter(lambda license: license.name == b"b")
        self.assertEqual({self.sampled(1) for _ in range(50)}, {(0, 0), (1, 1)})
        self.assertEqual(self.names(), ["b"])

    def test_a_sample_of_an_encrypted_backup_and_of_a_stream(self):
        self.saver = self.new_restorer(store=self.source, Recipients=key().recipient)
        names = ["%05d" % number for number in range(2000)]
        self.save_many(names, 5000)
        self.restorer = self.new_target(Identities=key().text)
        done, total = self.sampled(1)
        self.assertEqual((0 < done < total, total), (True, len(names)))
        whole = support.read(self.target)
        reader, writer = os.pipe()

        def feed():
            with open(writer, "wb") as out:
                out.write(whole)

        feeding = threading.Thread(target=feed)
        feeding.start()
        self.assert_hr(self.restorer.set_target_fd(reader), w.S_OK)
        os.close(reader)
        self.assertEqual(self.sampled(1), (len(names), len(names)))
        feeding.join()

    def test_damage_in_a_sample(self):
        """It is found in as many as are damaged, and always where all are looked at."""
        self.save_many(["%05d" % number for number in range(2000)], 5000)
        whole = support.read(self.target)
        frames = [frame for frame in self.opened().frames if frame.stored > 100_000]
        self.assertGreater(len(frames), 4)

        def verified(percent, damaged):
            content = bytearray(whole)
            for frame in damaged:
                content[frame.offset + frame.stored // 2] ^= 1
            support.write(self.target, bytes(content))
            self.assert_hr(self.restorer.set("Sample", percent), w.S_OK)
            return self.restorer.verify()

        for frame in frames:
            self.assert_fails(verified(100, [frame]), CORRUPT)
        for _ in range(10):
            self.assert_fails(verified(1, frames), CORRUPT)
        some = {verified(50, frames[:1])[0] for _ in range(60)}
        self.assertEqual(some, {w.S_OK, CORRUPT})
        support.write(self.target, whole[:-1])
        self.assert_fails(self.restorer.verify(), CORRUPT)

    def test_a_host(self):
        self.save_many(["a", "b", "c"])
        store = MemoryStore()
        store.set_on(self.restorer)
        self.only("[ac]")
        self.assert_ends(self.restorer.restore())
        self.assertEqual(sorted(store.licenses), [b"a", b"c"])
        self.restorer.filter(lambda license: license.name == b"c")
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(store.problems, [])

    def test_what_is_in_the_store_stays(self):
        self.save_many(["a", "b"])
        self.put({b"a": b"old", b"b": b"old", b"x": b"old"})
        self.only("a")
        self.assert_ends(self.restorer.restore(w.RESTORE_OVERWRITE))
        self.assertEqual(self.in_store(), {"a": self.files["a"], "b": b"old", "x": b"old"})

    @unittest.skipUnless(STRACE, "there is no strace")
    def test_no_more_is_read_than_needed(self):
        self.save_many(["%04d" % number for number in range(6000)], 2000)
        size = os.path.getsize(self.target)
        program = (
            "import sys\nsys.path.insert(0, %r)\nimport wmlb_ctypes as w\nr = w.Restorer()\n"
            "r.set('StorePath', %r)\nr.set('RestorePath', %r)\nr.set('Only', '1234')\n"
            "hr, events = r.restore()\nassert hr == 0, events\n"
        ) % (os.path.dirname(w.__file__), self.store, self.backups)
        trace = os.path.join(self.root, "trace")
        subprocess.run([STRACE, "-f", "-y", "-e", "trace=read,pread64", "-o", trace,
                        sys.executable, "-c", program], check=True, timeout=120)
        with open(trace) as file:
            got = [int(line.rsplit("=", 1)[1].split()[0]) for line in file
                   if w.BACKUP_NAME in line and "= " in line]
        self.assertEqual(self.in_store(), {"1234": self.files["1234"]})
        self.assertLess(sum(got), 3 << 20)
        self.assertGreater(size, 2 * sum(got))


if __name__ == "__main__":
    unittest.main()
