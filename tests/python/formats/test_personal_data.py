"""What licenses say of people stays in them, whatever is done and goes wrong."""

import json
import os
import unittest

import archive
import license_forge as forge
import support
import wmlb_ctypes as w
from license_support import LicenseCase

SECRETS = [text.encode() for text in forge.PERSONAL.values()]


class PersonalData(LicenseCase):
    def setUp(self):
        super().setUp()
        whole = forge.lcp(indent=1)
        self.assertEqual([secret for secret in SECRETS if secret not in whole], [])
        no_id, everything = forge.lcp(id=None), "".join(forge.PERSONAL.values())
        files = {
            b"whole": whole, b"no-id": no_id,
            b"bad-id": forge.lcp(id="\n".join(forge.PERSONAL.values())),
            b"cut": whole[: len(whole) - 3], b"twice": whole + whole,
            b"number": forge.lcp(provider=5),
            b"rights": forge.lcp(rights=forge.PERSONAL["name"]), b"links": forge.lcp(links=None),
            b"dates": forge.lcp(
                rights={"start": forge.PERSONAL["email"], "end": forge.PERSONAL["href"]}),
            b"epub": forge.package(whole), b"pdf": forge.package(no_id, forge.OTHER_PACKAGE),
            b"large": forge.package(whole, after=(3 << 20,)),
            b"v7": forge.v7(forge.DENIED, [], more="<META>%s</META>" % everything).encode(),
            b"v7-broken": ("<LICENSE version='2.0.0.0'>" + forge.PERSONAL["name"]).encode(),
        }
        self.fill_source(files)
        self.names = set(files)
        self.told = []

    def add_events(self, outcome):
        self.told += [event.value for event in outcome[1]]
        return outcome[0]

    def add_words(self, restorer):
        self.told += [restorer.last_error().encode()]

    def add_backup(self):
        saved = archive.Backup(self.target)
        self.told += [saved.members[0].data, saved.members[-1].data]
        self.told += [member.name for member in saved.members]
        self.told += [member.header for member in saved.members]
        return saved

    def assert_nothing_personal(self):
        told = b"\n".join(self.told).lower()
        for text in SECRETS:
            self.assertNotIn(text.lower(), told)
            self.assertNotIn(json.dumps(text.decode()).encode().lower(), told)

    def run_backup(self, expected, flags=0, answer=None, on_event=None, **properties):
        restorer = self.new_restorer(store=self.source, **properties)
        if answer is not None:
            restorer.ask_rights(lambda license: answer)
        hr = self.add_events(restorer.backup(flags | w.OVERWRITE, on_event))
        self.add_words(restorer)
        self.assert_hr(hr, expected)

    def test_of_backups(self):
        cancel = lambda event: -1 if event.status == w.STATUS_RESTRICTED else 0
        self.run_backup(w.S_OK, w.VERIFY)
        self.assertEqual(set(self.add_backup().files()), self.names - {b"v7"})
        self.run_backup(w.S_OK, UnstatedRights="deny")
        self.assertEqual(self.add_backup().files(), {})
        self.assertGreater(len(self.told), 2 * len(self.names))
        self.run_backup(w.S_OK, answer=w.RIGHT_DENIED, Threads=3)
        self.run_backup(w.E_INVALIDARG, answer=77)
        self.run_backup(w.CANCELED, on_event=cancel, UnstatedRights="deny")
        self.assert_nothing_personal()

    def test_of_a_partial_backup(self):
        for name in (b"whole", b"cut", b"epub", b"v7"):
            os.chmod(os.path.join(os.fsencode(self.source), name), 0)
        os.chmod(self.source, 0o755)
        os.chmod(self.backups, 0o777)

        def body():
            self.run_backup(w.E_ACCESSDENIED)
            self.run_backup(w.NOT_ALL_STORED, w.PARTIAL)
            self.run_backup(w.NOT_ALL_STORED, w.PARTIAL, UnstatedRights="deny")
            return self.told

        self.told = support.in_child(body, support.drop_to_nobody())
        self.assertIn(b"whole", self.told)
        self.add_backup()
        self.assert_nothing_personal()

    def test_of_lists(self):
        self.run_backup(w.S_OK, answer=w.RIGHT_ALLOWED)
        for what in ("store", "backup"):
            found = self.list(what)
            self.assertEqual({license.name for license in found}, self.names)
            for license in found:
                self.told += [license.text, license.format, license.license_id, license.key_ids]
        self.assert_nothing_personal()

    def test_of_restores(self):
        self.run_backup(w.S_OK, answer=w.RIGHT_ALLOWED)
        target = self.new_target()
        self.put({b"whole": forge.lcp() + b"another"})
        self.assert_hr(self.add_events(target.verify()), w.S_OK)
        self.assert_hr(self.add_events(target.restore()), w.S_OK)
        self.add_words(target)
        whole = support.read(self.target)
        for length in range(len(whole) - 1, 0, -len(whole) // 40):
            self.write_archive(whole[:length])
            for operation in (target.verify, target.restore):
                self.assert_hr(self.add_events(operation()), w.BACKUP_CORRUPT)
            self.assert_hr(target.enumerate("backup")[0], w.BACKUP_CORRUPT)
            self.add_words(target)
        self.assert_nothing_personal()


if __name__ == "__main__":
    unittest.main()
