"""What a backup says of itself."""

import ctypes
import os
import unittest

import generations_support as g
import support
import wmlb_ctypes as w
from encryption_support import key

PASSPHRASE = "correct horse"


class Info(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(30)
        self.size = sum(map(len, self.made.values()))

    def told(self, restorer):
        hr, told = g.backup_info(restorer)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(len(told), 1)
        return told[0]

    def assert_all_told(self, info, **others):
        expected = {
            "path": os.fsencode(self.target), "created": self.opened().info["created"],
            "size": os.path.getsize(self.target), "encrypted": 0, "licenses": 30,
            "bytes": self.size, "store": b"directory", "kept_by": 0,
            "device_id": self.opened().info["device"].encode(), **others}
        self.assertEqual(info._asdict(), expected)

    def test_by_folder_and_by_file(self):
        self.assert_ends(self.restorer.backup())
        for path in (self.backups, self.target):
            self.assert_all_told(self.told(self.new_restorer(RestorePath=path)))

    def test_encrypted(self):
        pair = key()
        self.assert_ends(self.new_restorer(Recipients=pair.recipient).backup())
        restorer = self.new_restorer(RestorePath=self.backups)
        self.assertEqual(self.told(restorer), (
            os.fsencode(self.target), g.NEVER, os.path.getsize(self.target), 1, g.UNKNOWN,
            g.UNKNOWN, b"", b"", 0))
        restorer = self.new_restorer(RestorePath=self.backups, Identities=pair.identity)
        info = self.told(restorer)
        self.assertEqual((info.encrypted, info.licenses, info.bytes), (1, 30, self.size))
        self.assertNotEqual(info.created, g.NEVER)
        restorer = self.new_restorer(RestorePath=self.backups, Passphrase=PASSPHRASE)
        hr, told = g.backup_info(restorer)
        self.assert_hr(hr, w.hresult(w.FAILURES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"]))
        self.assertEqual(told, [])

    def test_from_a_descriptor(self):
        self.assert_ends(self.restorer.backup())
        with open(self.target, "rb") as file:
            self.assert_hr(self.restorer.set_target_fd(file.fileno()), w.S_OK)
            self.assert_all_told(self.told(self.restorer), path=b"")
        reader, writer = os.pipe()
        os.write(writer, support.read(self.target)[:60000])
        os.close(writer)
        self.assert_hr(self.restorer.set_target_fd(reader), w.S_OK)
        os.close(reader)
        self.assert_all_told(self.told(self.restorer), path=b"", size=g.UNKNOWN,
                             licenses=g.UNKNOWN, bytes=g.UNKNOWN)

    def test_what_is_none(self):
        restorer = self.new_restorer(RestorePath=self.backups)
        self.assertLess(g.backup_info(restorer)[0], 0)
        for data, hr in ((b"no backup at all", w.BAD_DATA),
                         (b"", w.BACKUP_CORRUPT)):
            support.write(self.target, data)
            self.assert_hr(g.backup_info(restorer)[0], hr)
        os.unlink(self.target)
        self.assert_ends(self.restorer.backup())
        whole = support.read(self.target)
        support.write(self.target, whole[:-1])
        self.assert_hr(g.backup_info(restorer)[0], w.BACKUP_CORRUPT)
        # What is between is not looked at.
        support.write(self.target, whole[:5000] + bytes(1000) + whole[6000:])
        self.assertEqual(self.told(restorer).licenses, 30)

    def test_arguments_and_answers(self):
        self.assert_ends(self.restorer.backup())
        restorer = self.new_restorer(RestorePath=self.backups)
        none = g.Callback()
        self.assert_hr(w.lib.wmlb_restorer_backup_info(restorer.handle, none, None), w.E_INVALIDARG)
        callback = g.Callback(lambda info, data: 0)
        self.assert_hr(w.lib.wmlb_restorer_backup_info(ctypes.c_void_p(5), callback, None),
                       w.E_HANDLE)
        self.assert_hr(g.backup_info(restorer, lambda _: -5)[0], -5)
        self.assert_hr(g.backup_info(restorer, lambda _: 1)[0], w.S_OK)
        restorer.remove_prop(b"RestorePath")
        self.assert_hr(g.backup_info(restorer)[0], w.NOT_CONFIGURED)


if __name__ == "__main__":
    unittest.main()
