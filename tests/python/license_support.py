"""What the tests of formats and rights share: everything that tells of a license, compared."""

import os
import shutil

import archive
import license_forge as forge
import wmlb_ctypes as w
from restore_support import RestoreCase

# The folder of real licenses, which are not part of this repository.
FIXTURES = os.environ.get("WMLB_FIXTURES", "")


def title(license):
    """By what an event names a license that is left out."""
    if license.key_ids:
        return license.key_ids
    if license.format == b"lcp" and license.license_id:
        return license.license_id
    return license.text


def titles(events):
    return [event.value for event in events if event.status == w.STATUS_RESTRICTED]


def in_order(names):
    return sorted(names, key=lambda name: name.split(b"/"))


def some_licenses():
    """Of several frames' worth, of all rights, some of them large."""
    files = {
        b"a": forge.v1("a"), b"b": forge.v1("b", rights=4), b"c": b"opaque", b"d/d": forge.lcp(),
        b"e": forge.v7(forge.DENIED, ["e1", "e2"]).encode(), b"f": forge.xmr(),
        b"g-large": forge.noise(3 << 20), b"j": b"",
        b"i-large": forge.v7(forge.DENIED, ["i"], after=forge.filler(2 << 20)).encode(),
    }
    files.update((b"k/%03d" % number, forge.noise(20000, number % 7)) for number in range(150))
    return files


class LicenseCase(RestoreCase):
    """Licenses that are looked at in each way there is."""

    def setUp(self):
        super().setUp()
        self.restorer = self.new_restorer(store=self.source, RestorePath=self.backups)

    def fill_source(self, files):
        """The source with these files and no others."""
        shutil.rmtree(self.source)
        os.mkdir(self.source)
        for name, content in files.items():
            path = os.path.join(os.fsencode(self.source), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)

    def list(self, what):
        hr, licenses = self.restorer.enumerate(what)
        self.assert_hr(hr, w.S_OK, "%s: %s" % (what, self.restorer.last_error()))
        return licenses

    def check_backup(self, files, denied, **properties):
        """A backup that leaves out exactly these licenses, and names them in their order."""
        restorer = self.new_restorer(store=self.source, **properties)
        events = self.assert_ends(restorer.backup(w.OVERWRITE))
        self.assertEqual(titles(events), [title(license) for license in denied])
        left_out = {license.name for license in denied}
        saved = {name: content for name, content in files.items() if name not in left_out}
        self.assertEqual(archive.Backup(self.target).names(), in_order(saved))
        self.assertEqual(archive.Backup(self.target).files(), saved)
        self.check_progress(events, files, left_out)

    def check_progress(self, events, files, left_out):
        last = events[-2].progress
        done = len(files) - len(left_out)
        size = sum(len(content) for name, content in files.items() if name not in left_out)
        self.assertEqual(
            (last.licenses_done, last.licenses_restricted, last.licenses_skipped),
            (done, len(left_out), 0),
        )
        self.assertEqual(last.licenses_total, len(files))
        self.assertEqual((last.bytes_done, last.bytes_total), (size, size))

    def look(self, files):
        """What is told of each of these licenses, by name: by both lists and to the host, and
        what becomes of each in backups is what its right says."""
        self.fill_source(files)
        found = self.list("store")
        self.assertEqual([each.name for each in found], in_order(files))
        asked = []
        host = self.new_restorer(store=self.source)
        host.ask_rights(lambda license: asked.append(license) or w.RIGHT_ALLOWED)
        self.assert_ends(host.backup(w.OVERWRITE))
        by_name = {license.name: license for license in found}
        self.assertEqual({license.name: license for license in asked}, by_name)
        self.assertEqual(len(asked), len(found), "the host was asked twice")
        self.assertEqual(archive.Backup(self.target).files(), files)
        self.assertEqual(self.list("backup"), found)
        self.check_backup(files, [each for each in found if each.right == w.RIGHT_DENIED])
        self.check_backup(
            files, [each for each in found if each.right != w.RIGHT_ALLOWED], UnstatedRights="deny")
        return by_name

    def assert_told(self, cases):
        """cases: content and what is expected of it, as arguments of `says`."""
        files = {b"%03d" % number: content for number, (content, _) in enumerate(cases)}
        found = self.look(files)
        for number, (content, expected) in enumerate(cases):
            with self.subTest(number=number, begins=content[:300]):
                self.assertEqual(said(found[b"%03d" % number]), expected)


def said(license):
    """What a license says of itself."""
    return (
        license.format, license.license_id, license.key_ids, license.right,
        license.valid_from, license.valid_until,
    )


def says(
    format, license_id=b"", key_ids=(), right=w.RIGHT_NOT_STATED, begin=w.NOT_STATED,
    end=w.NOT_STATED,
):
    """What `said` gives of a license that states this."""
    as_bytes = lambda text: text.encode() if isinstance(text, str) else text
    ids = b"\n".join(map(as_bytes, key_ids))
    return as_bytes(format), as_bytes(license_id), ids, right, begin, end


OPAQUE = says("opaque")
