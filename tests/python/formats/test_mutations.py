"""Licenses with a byte changed or the end cut off: each is told of, and none becomes allowed.

The default run flips one bit of each byte; WMLB_FULL=1 flips all eight.
"""

import os
import tempfile
import unittest

import license_forge as forge
import support
import wmlb_ctypes as w
from license_support import FIXTURES, LicenseCase, said, title, titles

IN_MEMORY = "/dev/shm"
FULL = os.environ.get("WMLB_FULL") == "1"


def mutants(content):
    """(where, content): each byte flipped, each length cut."""
    for at in range(len(content)):
        for bit in range(8) if FULL else [at * 5 % 8]:
            flipped = bytearray(content)
            flipped[at] ^= 1 << bit
            yield at, bytes(flipped)
        yield None, content[:at]


class MutationCase(LicenseCase):
    def setUp(self):
        super().setUp()
        if os.access(IN_MEMORY, os.W_OK):
            # So many files take a disk long.
            folder = tempfile.TemporaryDirectory(prefix="wmlb-test-", dir=IN_MEMORY)
            self.addCleanup(folder.cleanup)
            self.source = os.path.join(folder.name, "source")
            os.mkdir(self.source)
            for restorer in (self.saver, self.restorer):
                restorer.set("StorePath", self.source)

    def check(self, content, expected, other=(), states=()):
        """other: formats besides its own that a mutant may have; states: the places that
        state the right."""
        cases = dict(enumerate(mutants(content)))
        files = {b"%d/%06d" % (number // 1000, number): changed
            for number, (_, changed) in cases.items()}
        files[b"whole"] = content
        self.fill_source(files)
        in_order_of_names = self.list("store")
        found = {license.name: license for license in in_order_of_names}
        self.assertEqual(found.keys(), files.keys())
        whole = found.pop(b"whole")
        self.assertEqual((whole.format, whole.right), expected)
        changed_something = set()
        for name, license in found.items():
            where, mutant = cases[int(name.partition(b"/")[2])]
            self.assertEqual(license.size, len(mutant))
            self.assertIn(license.format, {whole.format, b"opaque", *other}, mutant)
            self.check_ids(license)
            if license.format == b"opaque":
                self.assertEqual(said(license)[1:],
                    (b"", b"", w.RIGHT_NOT_STATED) + (w.NOT_STATED,) * 2)
            if whole.right != w.RIGHT_ALLOWED and where not in states:
                self.assertNotEqual(license.right, w.RIGHT_ALLOWED, mutant)
            if said(license) != said(whole):
                changed_something.add(where)
        self.assertTrue(changed_something - {None})
        # A backup decides by the same words. What it saves is for other tests to look at.
        denied = [title(license) for license in in_order_of_names
            if license.right == w.RIGHT_DENIED]
        self.assertEqual(titles(self.assert_ends(self.saver.backup(w.OVERWRITE))), denied)

    def check_ids(self, license):
        for key_id in license.key_ids.split(b"\n") + [license.license_id]:
            self.assertLessEqual(len(key_id), 1024)
            self.assertFalse([each for each in key_id.decode()
                if ord(each) < 32 or 127 <= ord(each) < 160])


class Forged(MutationCase):
    def test_wmdrm_v1(self):
        denied = b"wmdrm-v1", w.RIGHT_DENIED
        content, at = forge.v1(rights=4, expiry=(20, 2, 12, 30)), forge.V1_RIGHTS
        self.check(content, denied, states=[at])
        self.check(forge.certified(content, first=False), denied, states=[208 + at])
        # Two characters have a part of the byte.
        self.check(forge.encoded(content), denied, states=[at * 8 // 6, at * 8 // 6 + 1])

    def test_wmdrm_v7(self):
        for actions, right in (
            (forge.DENIED, w.RIGHT_DENIED), (forge.PLAY, w.RIGHT_DENIED),
            (forge.UNSTATED, w.RIGHT_NOT_STATED), (forge.ALLOWED, w.RIGHT_ALLOWED),
        ):
            self.check(forge.v7(actions).encode(), (b"wmdrm-v7", right))

    def test_responses(self):
        several = forge.response(forge.v7(forge.DENIED, after=""), forge.wrapped(forge.xmr()))
        self.check(several.encode(), (b"wmdrm-v7", w.RIGHT_DENIED), other=[b"xmr"])
        text = forge.MARKS["utf-16-le"] + forge.v7(forge.DENIED, after="").encode("utf-16-le")
        self.check(text, (b"wmdrm-v7", w.RIGHT_DENIED))

    def test_xmr(self):
        content = forge.xmr([forge.rights_settings(1), forge.expiration(5, 6)])
        denied = b"xmr", w.RIGHT_DENIED
        self.check(content, denied)
        self.check(forge.encoded(content), denied)
        self.check(forge.wrapped(content).encode(), denied, other=[b"wmdrm-v7"])

    def test_lcp(self):
        dates = {"start": "1970-01-01T00:00:01Z", "end": "1970-01-01T00:00:02.5+01:00"}
        self.check(forge.lcp(rights=dates), (b"lcp", w.RIGHT_NOT_STATED))

    def test_packages(self):
        self.check(forge.package(forge.lcp()), (b"lcp", w.RIGHT_NOT_STATED))


if os.path.isdir(FIXTURES):

    class Real(MutationCase):
        """The same of real licenses."""

        def fixture(self, *path):
            return support.read(os.path.join(FIXTURES, *path))

        def test_xmr(self):
            sample = "ms-docs-license-server-sample"
            for ending in (".bin", ".b64"):
                self.check(self.fixture("xmr", sample + ending), (b"xmr", w.RIGHT_NOT_STATED))
            name = "playready-rs-with-empty-playback-policy-container.bin"
            self.check(self.fixture("xmr", name), (b"xmr", w.RIGHT_DENIED))

        def test_lcp(self):
            for name in ("readium-kotlin-prod-license.lcpl", "readium-swift-daisy-2019.lcpl"):
                self.check(self.fixture("lcp", name), (b"lcp", w.RIGHT_NOT_STATED))


if __name__ == "__main__":
    unittest.main()
