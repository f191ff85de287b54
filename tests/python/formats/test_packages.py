"""LCP licenses in packages: EPUB, PDF and audiobooks, which are ZIP files."""

import io
import struct
import unittest
import zipfile

import license_forge as forge
from license_support import OPAQUE, LicenseCase, says

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
