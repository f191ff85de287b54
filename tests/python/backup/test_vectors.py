"""The test vectors in tests/vectors, read by the library, by the reader that knows nothing but
docs/format.md, and by other programs; and that reader against the library on random stores."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import unittest

import support
import wmlb_ctypes as w

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.normpath(os.path.join(HERE, "..", "..", "vectors"))
READER = os.path.normpath(os.path.join(HERE, "..", "..", "second_reader.py"))
STORES = int(os.environ.get("WMLB_RANDOM_STORES", "25"))


def python_with_zstandard():
    for python in (sys.executable, "/usr/bin/python3"):
        probe = [python, "-c", "import zstandard"]
        if subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


PYTHON = python_with_zstandard()


def manifest():
    with open(os.path.join(VECTORS, "vectors.json")) as file:
        return json.load(file)


def second_reader(path):
    """Name -> hash of the content, by the second reader."""
    run = subprocess.run([PYTHON, READER, path], capture_output=True, check=True, text=True)
    lines = (line.split(" ", 1) for line in run.stdout.splitlines())
    # ascii() of a name that tarfile decoded.
    names = {digest_and_name[1]: digest_and_name[0] for digest_and_name in lines}
    return {eval(name).encode("utf-8", "surrogateescape"): names[name] for name in names}


def hashes(store):
    found = {}
    for folder, _, names in os.walk(os.fsencode(store)):
        for name in names:
            path = os.path.join(folder, name)
            digest = hashlib.sha256(support.read(path)).hexdigest()
            found[os.path.relpath(path, os.fsencode(store))] = digest
    return found


class Vectors(support.StoreCase):
    def vectors(self):
        for name, stated in manifest().items():
            path = os.path.join(VECTORS, name + ".wmlb")
            licenses = {bytes.fromhex(name): said for name, said in stated["licenses"].items()}
            with self.subTest(vector=name):
                yield name, path, stated, licenses

    def decrypted(self, path, stated):
        """The path of the vector's stream of frames; None for a passphrase, which age only reads
        from a terminal."""
        if stated["passphrase"]:
            return None
        if not stated["identity"]:
            return path
        key, clear = self.root + "/key", self.root + "/clear"
        support.write(key, stated["identity"].encode())
        subprocess.run(["age", "-d", "-i", key, "-o", clear, path], check=True)
        return clear

    def test_the_library_restores_them(self):
        for name, path, stated, licenses in self.vectors():
            store = os.path.join(self.root, "restored-" + name)
            restorer = self.new_restorer(RestorePath=path, StorePath=store)
            for key, value in (("Passphrase", stated["passphrase"]),
                               ("Identities", stated["identity"])):
                if value:
                    restorer.set(key, value)
            self.assert_ends(restorer.verify())
            self.assert_ends(restorer.restore(w.RESTORE_INDIVIDUALIZE))
            wanted = {name: said["sha256"] for name, said in licenses.items()}
            self.assertEqual(hashes(store), wanted)
            for name, said in licenses.items():
                stat = os.stat(os.path.join(os.fsencode(store), name))
                self.assertEqual(stat.st_mtime_ns, said["modified_ns"], name)

    @unittest.skipUnless(PYTHON, "there is no Python with the package zstandard")
    def test_the_second_reader_reads_them(self):
        for _, path, stated, licenses in self.vectors():
            clear = self.decrypted(path, stated)
            if clear:
                wanted = {name: said["sha256"] for name, said in licenses.items()}
                self.assertEqual(second_reader(clear), wanted)

    def test_other_programs_read_them(self):
        for name, path, stated, licenses in self.vectors():
            clear = self.decrypted(path, stated)
            if not clear:
                continue
            commands = ["zstd -dc '%s' | tar xf - -C '%s'", "tar --zstd -xf '%s' -C '%s'"]
            if shutil.which("bsdtar"):
                commands.append("bsdtar -xf '%s' -C '%s'")
            for number, command in enumerate(commands):
                folder = os.path.join(self.root, "%s-%d" % (name, number))
                os.mkdir(folder)
                command = command % (clear, folder)
                subprocess.run(["sh", "-c", "LC_ALL=C.UTF-8; export LC_ALL; " + command],
                               check=True, stderr=subprocess.DEVNULL)
                found = hashes(folder + "/licenses")
                wanted = {name: said["sha256"] for name, said in licenses.items()}
                if command.startswith("bsdtar"):
                    # It goes by the locale, which has no names that are not UTF-8.
                    self.assertEqual(sorted(found.values()), sorted(wanted.values()), command)
                else:
                    self.assertEqual(found, wanted, command)


@unittest.skipUnless(PYTHON, "there is no Python with the package zstandard")
class RandomStores(support.StoreCase):
    """Set WMLB_RANDOM_STORES to 1000 for a longer look."""

    def test_the_second_reader_agrees(self):
        seed = random.randrange(1 << 32)
        choice = random.Random(seed)
        for number in range(STORES):
            store = os.path.join(self.root, "store-%d" % number)
            os.mkdir(store)
            self.fill(store, choice)
            self.restorer.set("StorePath", store)
            self.assert_ends(self.restorer.backup(w.OVERWRITE | w.EMPTY))
            self.assertEqual(second_reader(self.target), hashes(store), "seed %d" % seed)
            shutil.rmtree(store)

    def fill(self, store, choice):
        for _ in range(choice.choice((0, 1, 3, 30, 300))):
            parts = choice.randrange(1, 4)
            name = b"/".join(self.part(choice) for _ in range(parts))
            size = choice.choice((0, 1, 511, 512, 513, 4000, 70_000))
            if choice.random() < 0.01:
                size = choice.choice((2_095_104, 2_095_105, 2 << 20, 5_000_000))
            content = choice.randbytes(size) if choice.random() < 0.5 else b"text " * (size // 5)
            try:
                nanoseconds = choice.randrange(-10**18, 10**19 // 2)
                support.write(os.path.join(os.fsencode(store), name), content, nanoseconds)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                pass  # a license is where a folder is to be, or the other way round

    @staticmethod
    def part(choice):
        length = choice.choice((1, 2, 8, 60, 99, 100, 101, 200))
        if choice.random() < 0.1:
            part = bytes(choice.randrange(1, 256) for _ in range(length)).replace(b"/", b"_")
        else:
            part = bytes(choice.choice(b"abcdefgh01") for _ in range(length))
        return part if part not in (b".", b"..") else b"dots"
