"""Comparisons of a store with a backup through the C ABI, and what a model of forty lines says of
them."""

import collections
import ctypes
import os
import shutil
from ctypes import POINTER, c_int32, c_size_t, c_void_p

import wmlb_ctypes as w
from restore_support import RestoreCase, write_deep

ADDED, REMOVED, CHANGED = 1, 2, 3
TIME = 1600000000 * 10**9


class DifferenceStruct(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("kind", c_int32),
        ("in_backup", POINTER(w.LicenseInfo)), ("in_store", POINTER(w.LicenseInfo)),
    ]


Callback = ctypes.CFUNCTYPE(c_int32, POINTER(DifferenceStruct), c_void_p)
NO_CALLBACK = ctypes.cast(None, Callback)
function = w.lib.wmlb_restorer_compare
function.restype, function.argtypes = c_int32, [c_void_p, Callback, c_void_p]


class Difference(collections.namedtuple("Difference", "kind in_backup in_store")):
    @property
    def name(self):
        return (self.in_backup or self.in_store).name

    @property
    def mark(self):
        return (self.kind, self.name)


def compare(restorer, on_difference=None):
    """(hr, differences). on_difference is given each and gives the callback's answer; what it
    raises is raised here."""
    found, problems = [], []
    token = id(found)

    @Callback
    def callback(difference, user_data):
        try:
            assert user_data == token, "user_data is not what was passed"
            told = difference.contents
            assert told.struct_size == ctypes.sizeof(DifferenceStruct)
            infos = [info and w.License.of(info.contents)
                     for info in (told.in_backup, told.in_store)]
            found.append(Difference(told.kind, *(info or None for info in infos)))
            answer = on_difference(found[-1]) if on_difference else None
            return w.S_OK if answer is None else answer
        except BaseException as problem:
            problems.append(problem)
            return -1

    hr = function(restorer.handle, callback, token)
    if problems:
        raise problems[0]
    return hr, found


def in_order(names):
    return sorted(names, key=lambda name: name.split(b"/"))


def model(before, after):
    """The marks of what differs: name -> content, of the backup and of the store."""
    marks = []
    for name in in_order(before.keys() | after.keys()):
        if name not in before:
            marks.append((ADDED, name))
        elif name not in after:
            marks.append((REMOVED, name))
        elif before[name] != after[name]:
            marks.append((CHANGED, name))
    return marks


class CompareCase(RestoreCase):
    """The saver's folder is backed up, changed, and compared with its backup."""

    def setUp(self):
        super().setUp()
        self.restorer = self.new_target(store=self.source)

    def make(self, files, folder=None):
        """The folder with these files and no others: name -> content, or (content, time)."""
        folder = folder or self.source
        shutil.rmtree(folder)
        os.mkdir(folder)
        for name, content in files.items():
            content, time = content if isinstance(content, tuple) else (content, TIME)
            write_deep(folder, name, content, time)

    def save_only(self, files):
        """A backup of these files and no others."""
        self.make(files)
        self.save()

    def back_up_and_make(self, before, after):
        self.save_only(before)
        self.make(after)

    def differ(self, restorer=None):
        """The marks of what differs; what it answers says whether there are any."""
        restorer = restorer or self.restorer
        hr, found = compare(restorer)
        words = restorer.last_error() if hr < 0 else ""
        self.assert_hr(hr, w.S_OK if found else w.S_FALSE, words)
        for each in found:
            self.assertEqual(each.in_backup is None, each.kind == ADDED)
            self.assertEqual(each.in_store is None, each.kind == REMOVED)
        return [each.mark for each in found]
