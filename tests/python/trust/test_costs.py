"""What others made costs no more than it is large: archives of tiny frames, folders in folders,
links to folders. Counted in bytes and system calls, not in time."""

import os
import unittest

import archive_forge as forge
import discover_support
import support
import trust_support as trust
import wmlb_ctypes as w
from restore_support import run_apart
from trust_support import TrustCase

# How much more twice as much may cost: a bit more than twice.
TWICE = 2.6


class TinyFrames(TrustCase):
    """Frames of one empty license each: what a reader keeps of each adds up."""

    FEW, MANY = 2000, 10000
    # KiB that five times as many frames may cost more: what a full piece of the summary takes,
    # packed and unpacked, which few have none of. A kilobyte a frame would be twice that.
    MOST = 7 << 10

    @classmethod
    def setUpClass(cls):
        contents = [forge.license_of(b"%07d" % number) for number in range(cls.MANY)]
        cls.many = forge.pack(forge.info(), *contents)
        cls.few = cls.many[: cls.FEW + 1]

    def assembled(self, frames, *unpadded):
        """As forge.assemble, of many."""
        parts, entries, size = [], [], 0
        for content, packed in frames:
            gap = forge.padding(size + len(packed))
            parts += [packed, gap]
            size += len(packed) + len(gap)
            entries += [(len(packed), len(content))] + [(len(gap), 0)] * bool(gap)
        parts += [packed for _, packed in unpadded]
        entries += [(len(packed), len(content)) for content, packed in unpadded]
        return b"".join(parts), forge.seek_table(entries)

    def peak(self, data, operations):
        """The most memory, in KiB, that each takes of a file."""
        support.write(self.target, data)
        found = {}
        for operation in operations:
            _, found[operation] = run_apart(
                self.backups, self.store + "-new", (operation,), timeout=3 * trust.HANGS)
        return found

    def assert_bounded(self, whole, *operations):
        """Of the files that whole() makes of frames."""
        few, many = whole(self.few), whole(self.many)
        for operation, peak in self.peak(many, operations).items():
            more = peak - self.peak(few, (operation,))[operation]
            self.assertLess(more, self.MOST, "%s: KiB more for five times as many" % operation)
            self.assertLess(peak << 10, trust.MOST_MEMORY, operation)

    def test_that_break_off(self):
        self.assert_bounded(lambda frames: self.assembled(frames)[0], "restore")

    def test_that_are_not_aligned(self):
        self.assert_bounded(lambda frames: b"".join(packed for _, packed in frames), "enumerate")

    def test_with_a_summary(self):
        """One of the right size, with hashes that are none."""
        def whole(frames):
            seal = {"length": 512, "blake3": "0" * 64, "stored": 529, "xxh64": "0" * 16,
                    "first": "0000000", "source": ""}
            count = len(frames)
            value = {"licenses": count - 1, "bytes": 0, "frames": [seal] * count}
            # It is so long that its checksum takes its time: a wrong one is as good.
            pieces = [(piece, forge.frame(piece, checksum=0))
                      for piece in forge.pieces(forge.summary(value))]
            return b"".join(self.assembled(frames, *pieces))

        self.assert_bounded(whole, "verify", "enumerate", "restore")

    def test_with_a_last_frame_that_says_to_be_huge(self):
        def whole(frames):
            declared = 256 * len(frames)
            data, _ = self.assembled(frames)
            return data + forge.MAGIC + b"\xa4" + declared.to_bytes(4, "little")

        self.assert_bounded(whole, "verify")

    def test_a_seek_table_of_many_entries(self):
        """More than there are frames: nothing is made as large as it says."""
        for count in (1 << 20, (1 << 32) - 1):
            entries = [(1, 1)] * (1 << 20)
            table = forge.seek_table(entries)[8:]
            table = table[:-9] + count.to_bytes(4, "little") + table[-5:]
            size = min(8 * count + 9, (1 << 32) - 1)
            data, _ = self.assembled(self.few)
            data += b"\x5e\x2a\x4d\x18" + size.to_bytes(4, "little") + table
            for operation, peak in self.peak(data, ("verify", "enumerate")).items():
                self.assertLess(peak << 10, trust.MOST_MEMORY, operation)


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Deep(TrustCase):
    """A folder in a folder in a folder, and another one beside each."""

    def put(self, depth, folder, files=False):
        os.makedirs(folder, exist_ok=True)
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(depth):
            for name in ("a", "b"):
                os.mkdir(name, dir_fd=at)
            if files:
                os.close(os.open("license", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=at))
            below = os.open("a", os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        os.close(at)

    def cost(self, operation):
        """How many names the system looks up for it."""
        def count(call):
            return 0 if call.path is None else 1 + call.path.count("/")

        result, calls = trust.trace(self, operation)
        return result, sum(map(count, calls))

    def assert_linear(self, prepare, operation, few=400):
        costs = []
        for number, depth in enumerate((few, 2 * few)):
            folder = "%s/deep-%d" % (self.root, number)
            prepare(depth, folder)
            result, cost = self.cost(lambda: operation(folder))
            costs.append(cost)
            # A limit of the depth may be told, too.
            self.assertIn(result, (w.S_OK, w.NAME_TOO_LONG, w.NOT_ALL_STORED))
        self.assertLess(costs[1], TWICE * costs[0], costs)

    def test_lists(self):
        for files in (False, True):
            with self.subTest(files=files):
                self.assert_linear(
                    lambda depth, folder: self.put(depth, "%s-%d" % (folder, files), files),
                    lambda folder: self.new_restorer(
                        StorePath="%s-%d" % (folder, files)).enumerate("store")[0])

    def test_backups(self):
        self.assert_linear(
            lambda depth, folder: self.put(depth, folder, True),
            lambda folder: self.new_restorer(
                StorePath=folder, backups=folder + "-saved").backup()[0])

    def test_restores(self):
        """To a new store, and to one that has the folders."""
        def prepare(depth, folder):
            # What a name costs to write down doubles, too.
            names = [b"a/" * level + b"license" for level in (depth // 2, depth)]
            support.write(folder + "/" + w.BACKUP_NAME, forge.small(dict.fromkeys(names, b"x")))

        def restore(folder):
            return self.new_restorer(
                StorePath=folder + "-new", RestorePath=folder).restore(w.RESTORE_INDIVIDUALIZE)[0]

        self.assert_linear(prepare, restore)
        self.assert_linear(lambda depth, folder: None, restore)

    def test_a_very_deep_one(self):
        """Beyond what a path may be: in little time, or refused in little time."""
        self.put(6000, self.store)
        run = trust.run_apart(self, "store", "save")
        self.assertLess(run.seconds, 2 * trust.MOST_SECONDS)
        self.assertLess(run.memory, trust.MOST_MEMORY)


@unittest.skipUnless(support.has_program("strace"), "strace is needed")
class Discovery(discover_support.HomeCase):
    """Of profiles that are links to one another."""

    def setUp(self):
        super().setUp()
        self.homes = 0

    def calls(self, lay_out, count):
        self.homes += 1
        home = "%s/home-%d" % (self.root, self.homes)
        os.mkdir(home)
        lay_out(home, count)

        def body():
            for name in discover_support.VARIABLES:
                os.environ.pop(name, None)
            os.environ["HOME"] = home
            hr, stores = w.discover()
            return hr, len(stores)

        outcome, calls = trust.trace(self, body)
        self.assert_hr(outcome[0], w.S_OK)
        return len(calls)

    def assert_linear(self, lay_out, count=100):
        few, many = (self.calls(lay_out, each) for each in (count, 2 * count))
        self.assertLess(many, TWICE * few, "%d system calls for %d, %d for twice as many" % (
            few, count, many))

    def test_chromium(self):
        """Each profile is the one with all the buckets."""
        def lay_out(home, count):
            profiles = home + "/.config/chromium"
            for number in range(count):
                os.makedirs("%s/Default/WebStorage/%d/Media Licenses" % (profiles, number))
                os.symlink("Default", "%s/Profile %d" % (profiles, number))

        self.assert_linear(lay_out)

    def test_a_folder_that_is_its_own_profile(self):
        def lay_out(home, count):
            profiles = home + "/.config/chromium"
            os.makedirs(profiles + "/WebStorage")
            for number in range(count):
                os.symlink("..", "%s/WebStorage/%d" % (profiles, number))
                os.symlink(".", "%s/Profile %d" % (profiles, number))

        self.assert_linear(lay_out)

    def test_firefox(self):
        """Plugins that are links to the folder that they are in."""
        def lay_out(home, count):
            platforms = home + "/.mozilla/firefox/x.default/gmp"
            os.makedirs(platforms + "/real")
            for number in range(count):
                os.makedirs("%s/real/%d/storage" % (platforms, number))
                os.symlink("real", "%s/link-%d" % (platforms, number))

        self.assert_linear(lay_out)

    def test_kodi(self):
        def lay_out(home, count):
            profiles = home + "/.kodi/userdata/profiles"
            os.makedirs(profiles)
            for number in range(count):
                os.symlink("../..", "%s/%d" % (profiles, number))

        self.assert_linear(lay_out)


if __name__ == "__main__":
    unittest.main()
