"""The same store gives the same bytes, whatever the threads and the day."""

import os
import random
import unittest

import archive
import support
import wmlb_ctypes as w


class SameBytes(support.StoreCase):
    def setUp(self):
        super().setUp()
        randomness = random.Random(7)
        self.made = {}
        for number in range(2500):
            size = randomness.choice((0, 100, 1500, 4000))
            self.put("many/%04d" % number, randomness.getrandbits(8 * size + 8))
        for number in range(6):
            size = randomness.choice((900000, 2000000))
            self.put("large-%d" % number, randomness.getrandbits(8 * size))
            self.put("text-%d/below/it" % number, 0, b"the same again " * 150000)

    def put(self, name, number, content=None):
        if content is None:
            content = number.to_bytes((number.bit_length() + 7) // 8, "little")
        support.write(os.path.join(self.store, name), content)
        self.made[name.encode()] = content

    def backup(self, flags=0, **properties):
        for name, value in properties.items():
            self.assert_hr(self.restorer.set(name, value), w.S_OK)
        self.assert_ends(self.restorer.backup(flags | w.OVERWRITE))
        return archive.Backup(self.target)

    def test_independent_of_the_threads(self):
        first = self.backup(Threads=1)
        self.assertEqual(first.files(), self.made)
        self.assertGreater(len(first.frames), 20)
        for threads in (2, 8, 1, 0):
            other = self.backup(Threads=threads)
            self.assertEqual(other.between(), first.between(), "%d threads" % threads)
            self.assertEqual(
                other.summary["frames"][1:], first.summary["frames"][1:], "%d threads" % threads
            )

    def test_independent_of_the_flags(self):
        first = self.backup()
        for flags in (w.VERIFY, w.PARTIAL, w.VERIFY | w.PARTIAL):
            self.assertEqual(self.backup(flags).between(), first.between())

    def test_independent_of_the_process_and_the_folder(self):
        first = self.backup()
        folder = self.root + "/another"

        def body():
            return self.new_restorer(backups=folder).backup()[0]

        self.assert_hr(support.in_child(body), w.S_OK)
        self.assertEqual(archive.Backup(folder + "/licenses.wmlb").between(), first.between())

    def test_independent_of_the_order_things_were_made_in(self):
        first = self.backup()
        copy = self.root + "/copy"
        for name in sorted(self.made, reverse=True):
            path = os.path.join(self.store, name.decode())
            to = os.path.join(copy, name.decode())
            support.write(to, self.made[name], os.stat(path).st_mtime_ns)
        self.restorer.set("StorePath", copy)
        self.assertEqual(self.backup().between(), first.between())

    def test_the_level_changes_the_size_and_nothing_else(self):
        words = [b"%x" % random.Random(number).getrandbits(40) for number in range(500)]
        text = b" ".join(random.Random(1).choice(words) for _ in range(100000))
        self.restorer.set("StorePath", self.root + "/text")
        support.write(self.root + "/text/license", text, 0)
        fast, good, best = (self.backup(CompressionLevel=level) for level in (1, 9, 19))
        for backup in (fast, good, best):
            self.assertEqual(backup.files(), {b"license": text})
            self.assertEqual(self.content(backup), self.content(fast), "the content differs")
        sizes = [sum(frame.stored for frame in backup.frames) for backup in (best, good, fast)]
        self.assertEqual(sizes, sorted(set(sizes)))

    @staticmethod
    def content(backup):
        """What the summary says of the frames' content, but for that of wmlb.json."""
        frames = backup.summary["frames"][1:]
        return [(frame["length"], frame["blake3"]) for frame in frames]

    def test_a_change_shows(self):
        first = self.backup()
        path = self.store + "/large-3"
        os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 1))
        self.assertNotEqual(self.backup().between(), first.between())


if __name__ == "__main__":
    unittest.main()
