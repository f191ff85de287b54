"""LCP licenses in packages: EPUB, PDF and audiobooks, which are ZIP files."""

import io
import os
import struct
import unittest
import zipfile

import license_forge as forge
from license_support import OPAQUE, LicenseCase, said, says

LARGE = 1 << 20
# Of a larger package, so much of its beginning and of its end is looked at.
HEAD, TAIL = 768 << 10, 256 << 10
LCP = says("lcp", forge.LCP_ID, begin=1, end=2)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def license_of(**changes):
    rights = {"start": "1970-01-01T00:00:01Z", "end": "1970-01-01T00:00:02Z"}
    return forge.lcp(rights=rights, **changes)


class Packages(LicenseCase):
    def test_small_ones(self):
        cases = []
        for path in (forge.EPUB, forge.OTHER_PACKAGE):
            for method in METHODS:
                for before, after in (
                    ((), ()), ((0, 100), ()), ((), (5000,)), ((5000, 1), (1, 70000)),
                ):
                    content = forge.package(license_of(), path, before, after, method)
                    cases.append((content, LCP))
        self.assert_told(cases)

    def test_large_ones(self):
        cases = []
        for path, method in zip((forge.EPUB, forge.OTHER_PACKAGE), METHODS):
            at_the_beginning = forge.package(license_of(), path, (500,), (4 << 20,), method)
            at_the_end = forge.package(license_of(), path, (3 << 20, 500), (), method)
            in_the_middle = forge.package(license_of(), path, (2 << 20,), (2 << 20,), method)
            cases += [(at_the_beginning, LCP), (at_the_end, LCP), (in_the_middle, OPAQUE)]
        self.assert_told(cases)

    def test_where_the_look_ends(self):
        """Exact to the byte, on both sides of what is left out."""
        def at(position, size):
            """A package in which the stored license begins there."""
            empty = self.position(forge.package(license_of(), before=(0,),
                compression=zipfile.ZIP_STORED))
            package = forge.package(
                license_of(), before=(position - empty,), compression=zipfile.ZIP_STORED)
            end = len(package)
            return forge.package(license_of(), before=(position - empty,),
                                 after=(size - end - self.cost_of_another(),),
                                 compression=zipfile.ZIP_STORED)

        length, size = len(license_of()), 2 << 20
        last = HEAD - length
        cases = [(at(position, size), expected) for position, expected in (
            (last, LCP), (last + 1, OPAQUE), (HEAD + 5, OPAQUE),
            (size - TAIL - 100, OPAQUE), (size - TAIL + 200, LCP),
        )]
        # One that is whole in 1 MiB has no such middle.
        cases += [(at(last + 1, LARGE), LCP), (at(last + 1, LARGE + 1), OPAQUE)]
        for content, _ in cases:
            self.assertEqual(zipfile.ZipFile(io.BytesIO(content)).testzip(), None)
        self.assertEqual([len(content) for content, _ in cases], [size] * 5 + [LARGE, LARGE + 1])
        self.assert_told(cases)

    @staticmethod
    def position(package):
        """Where the stored license begins."""
        return package.index(license_of())

    @staticmethod
    def cost_of_another():
        one = forge.package(license_of(), before=(9,), compression=zipfile.ZIP_STORED)
        two = forge.package(license_of(), before=(9,), after=(0,), compression=zipfile.ZIP_STORED)
        return len(two) - len(one)

    def test_a_directory_that_is_not_in_the_end(self):
        """Very many members: the directory of the package is not seen."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(forge.EPUB, license_of())
            for number in range(8000):
                archive.writestr("chapters/and/pictures/of/a/long/book/%d" % number, bytes(200))
        self.assertGreater(len(file.getvalue()), 2 * LARGE)
        self.assert_told([(file.getvalue(), OPAQUE)])

    def test_forms_of_packages(self):
        comment = io.BytesIO(forge.package(license_of()))
        with zipfile.ZipFile(comment, "a") as archive:
            archive.comment = b"a comment"

        class Unseekable(io.BytesIO):
            """What makes zipfile write sizes after the contents."""

            def seekable(self):
                return False

            def tell(self):
                raise OSError

        streamed = Unseekable()
        with zipfile.ZipFile(streamed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", b"application/epub+zip")
            archive.writestr(forge.EPUB, license_of())
        wide = io.BytesIO()
        with zipfile.ZipFile(wide, "w") as archive:
            with archive.open(forge.EPUB, "w", force_zip64=True) as member:
                member.write(license_of())
        self.assert_told([(file.getvalue(), LCP) for file in (comment, streamed, wide)])

    def test_bytes_around_a_package(self):
        cases = []
        for before, after in (((), ()), ((700,), (70,)), ((3 << 20,), ())):
            package = forge.package(license_of(), before=before, after=after)
            for first, last in (
                (b"#!/bin/sh\n", b""), (b"", b"\n"), (b"MZ" + forge.noise(3000), b"x" * 60000),
                (forge.noise(2 << 20), b""),
            ):
                content = first + package + last
                self.assertEqual(zipfile.ZipFile(io.BytesIO(content)).testzip(), None)
                cases.append((content, LCP))
            # No program looks further than 64 KiB for the end.
            cases.append((package + bytes(1 << 16), OPAQUE))
        self.assert_told(cases)

    def test_what_looks_like_an_end_of_a_package(self):
        package = forge.package(license_of())
        cases = [(package + b"PK\x05\x06" * count, LCP) for count in (1, 5, 15)]
        cases += [(package + b"PK\x05\x06" * 5000, OPAQUE)]
        cases += [(b"PK\x05\x06" * 5000 + package, LCP)]
        cases += [(b"PK\x05\x06" * 200000, OPAQUE), (b"PK\x06\x07" * 200000, OPAQUE)]
        self.assert_told(cases)

    @staticmethod
    def with_zip64(package):
        """The package with the records of a large one, and nothing in the small record."""
        end = package.rindex(b"PK\x05\x06")
        files, length, begin = struct.unpack_from("<10xHII", package, end)
        record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, files, files,
                             length, begin)
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
        small = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2,
                            *[0xFFFFFFFF] * 2, 0)
        return package[:end] + record + locator + small

    def test_zip64(self):
        cases = []
        for before, after in (((), ()), ((3 << 20,), ()), ((), (3 << 20,))):
            package = self.with_zip64(forge.package(license_of(), before=before, after=after))
            for content in (package, b"before" + package, package + b"after"):
                self.assertEqual(zipfile.ZipFile(io.BytesIO(content)).testzip(), None)
                cases.append((content, LCP))
        broken = bytearray(self.with_zip64(forge.package(license_of())))
        at = broken.rindex(b"PK\x06\x06")
        for field in (40, 48):
            other = bytearray(broken)
            other[at + field] ^= 1
            cases.append((bytes(other), OPAQUE))
        self.assert_told(cases)

    def test_a_package_of_more_than_four_gib(self):
        """Made of holes, as zipfile writes it: offsets and records are those of ZIP64."""
        path = os.path.join(self.source, "large")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.fp.seek((4 << 30) + 5)
            archive.start_dir = archive.fp.tell()
            add = zipfile.ZipInfo(forge.EPUB)
            archive.writestr(add, license_of())
        with zipfile.ZipFile(path) as archive:
            self.assertGreater(archive.getinfo(forge.EPUB).header_offset, 4 << 30)
        told, = self.list("store")
        self.assertEqual(said(told), LCP)

    def test_a_byte_order_mark(self):
        marked = forge.MARKS["utf-8"] + license_of()
        cases = [(forge.package(marked, path), LCP) for path in (forge.EPUB, forge.OTHER_PACKAGE)]
        cases += [(marked, LCP), (forge.package(b"\r\n " + license_of() + b"\n"), LCP)]
        self.assert_told(cases)

    def test_two_licenses(self):
        """That of an EPUB is looked for first."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(forge.OTHER_PACKAGE, license_of(id="other"))
            archive.writestr(forge.EPUB, license_of())
        self.assert_told([(file.getvalue(), LCP)])

    def test_without_a_license(self):
        cases = [forge.package(None, before=(100,)), forge.package(None, before=(3 << 20,))]
        cases += [forge.package(license_of(), path) for path in (
            "meta-inf/license.lcpl", "META-INF/license.lcp", "x/license.lcpl", "/license.lcpl",
            "../license.lcpl", "META-INF/license.lcpl/", "other.lcpl", "META-INF\\license.lcpl",
        )]
        others = (b"", b"{}", b"no", forge.v1(rights=4), forge.xmr())
        cases += [forge.package(content) for content in others]
        cases += [forge.package(forge.package(license_of()))]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_broken_ones(self):
        stored = forge.package(license_of(), compression=zipfile.ZIP_STORED)
        deflated = forge.package(license_of())
        cases = [whole[:length] for whole in (stored, deflated)
            for length in (10, 100, 500, len(whole) - 1)]
        # The checksum does not fit.
        wrong = bytearray(stored)
        wrong[self.position(stored) + 20] ^= 1
        cases += [bytes(wrong)]
        # Encrypted, as both headers say; with a method that nobody knows.
        for at_local, at_directory, value in ((6, 8, 1), (8, 10, 99)):
            other = bytearray(stored)
            directory = stored.index(b"PK\x01\x02")
            other[at_local] = other[directory + at_directory] = value
            cases += [bytes(other)]
        # Its directory says by ZIP64 that a file's header is where no file ends.
        far = bytearray(stored)
        directory = far.index(b"PK\x01\x02")
        end = far.index(b"PK\x05\x06")
        name, more = struct.unpack_from("<HH", far, directory + 28)
        extra = struct.pack("<HHQ", 1, 8, (1 << 64) - 201)
        struct.pack_into("<H", far, directory + 30, more + len(extra))
        struct.pack_into("<I", far, directory + 42, 0xFFFFFFFF)
        struct.pack_into("<I", far, end + 12, end - directory + len(extra))
        far[directory + 46 + name:directory + 46 + name] = extra
        cases += [bytes(far)]
        self.assert_told([(content, OPAQUE) for content in cases])

    def test_what_takes_much_memory(self):
        """1 MiB of a license is read, however well it compresses."""
        cases = []
        for size, expected in ((LARGE - 5000, LCP), (LARGE + 1, OPAQUE), (40 << 20, OPAQUE)):
            json = license_of(user={"id": " " * (size - len(license_of(user={"id": ""})))})
            self.assertEqual(len(json), size)
            cases.append((forge.package(json), expected))
        self.assertLess(len(cases[-1][0]), LARGE)
        self.assert_told(cases)


if __name__ == "__main__":
    unittest.main()
