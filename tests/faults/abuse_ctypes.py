#!/usr/bin/env python3
"""Random calls through ctypes, as a program in Python makes them: every function that
wmlb_ctypes.py declares, by its declared types alone. The C driver, abuse.c, goes further; this
one sees what the conversions of ctypes let through, and calls back into an interpreter.

usage: abuse_ctypes.py CALLS SEED
"""

import ctypes
import os
import random
import sys
import tempfile
from ctypes import POINTER, c_char_p, c_int32, c_size_t, c_void_p

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))
import wmlb_ctypes as w

# Relative: all paths lie in a folder of this process's own.
STRINGS = [
    None, b"", b"store", b"backup", b"missing/below", b"StorePath", b"BackupPath", b"Threads",
    b"Recipients", b"CompressionLevel", b"Nothing", b"\xff\xfe", b"%n%s", b"x" * 5000,
]
NUMBERS = [0, 0, 0, 1, 1, 2, 256, 512, 769, 2**31 - 1, -1, -(2**31)]


class Driver:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.live, self.stale, self.depth = [], [], 0
        self.calls = self.bad = self.not_refused = self.defects = self.callbacks = 0
        # On another thread nothing but an answer: this driver is for one. (The types of
        # license and rights callbacks are the same to ctypes.)
        self.made = {
            kind: kind(self.answered) for kind in (w.Callback, w.Authorizer, w.RightsCallback)
        }
        self.made[w.StoreCallback] = w.StoreCallback(self.called_back)
        self.ops = w.StoreOps(
            ctypes.sizeof(w.StoreOps), w.StoreOpen(self.answered), w.StoreNext(lambda *_: 1),
            w.StorePut(self.answered), w.StoreCommit(self.answered), w.StoreClose(lambda _: None),
        )

    def answered(self, *_):
        self.callbacks += 1
        return 0

    def called_back(self, *_):
        self.callbacks += 1
        if self.depth < 2:
            self.call()
        return self.random.choice([0, 0, 1, -1])

    def handle(self):
        """A handle, and whether it is surely none."""
        way = self.random.randrange(8)
        if way == 0:
            return None, True
        if way == 1 and self.stale:
            return self.random.choice(self.stale), True
        if way == 2:
            return self.random.getrandbits(64), True
        if way == 3:
            return w.lib.wmlb_default_restorer(), False
        return self.random.choice(self.live), False

    def argument(self, kind, length):
        choose = self.random
        if kind in self.made:
            return choose.choice([kind(), self.made[kind], self.made[kind]])
        if kind is c_char_p:
            return choose.choice(STRINGS)
        if kind is c_void_p:
            # Of the bytes that the next size says.
            return choose.choice([None, ctypes.create_string_buffer(length + 1)])
        if kind is c_size_t:
            return length
        if kind is POINTER(c_size_t):
            return choose.choice([None, ctypes.pointer(c_size_t(length))])
        if kind is POINTER(w.Progress):
            size = choose.choice([0, 7, 8, 20, 56, 100, 2**64 - 1])
            return choose.choice([None, ctypes.pointer(w.Progress(struct_size=size))])
        if kind is POINTER(w.StoreOps):
            return choose.choice([None, ctypes.pointer(self.ops)])
        if kind is POINTER(c_void_p):
            return choose.choice([None, ctypes.pointer(c_void_p())])
        if kind is POINTER(c_int32):
            return choose.choice([None, ctypes.pointer(c_int32())])
        if hasattr(kind, "_type_") and isinstance(kind._type_, type(ctypes.Structure)):
            return choose.choice([None, ctypes.pointer(kind._type_())])
        return choose.choice(NUMBERS)

    def call(self):
        name = self.random.choice(list(w.FUNCTIONS))
        result, kinds = w.FUNCTIONS[name]
        kinds, arguments, is_bad = list(kinds), [], False
        length = self.random.choice([0, 1, 3, 4, 5, 64, 4096])
        if name.startswith("wmlb_restorer_") and name != "wmlb_restorer_create":
            handle, is_bad = self.handle()
            arguments.append(handle)
            del kinds[0]
        arguments += [self.argument(kind, length) for kind in kinds]
        if name.endswith("set_target_fd"):
            arguments[-1] = -1  # any other may be one of this program's own
        if name.endswith("wait") and self.random.randrange(4):
            arguments[-2] = 0
        self.depth += 1
        answer = getattr(w.lib, name)(*arguments)
        self.depth -= 1
        self.calls += 1
        if result is c_int32:
            self.defects += answer == w.E_UNEXPECTED
            if is_bad:
                self.bad += 1
                self.not_refused += answer != w.E_HANDLE
            if answer == w.S_OK and name == "wmlb_restorer_create":
                self.live.append(arguments[0].contents.value)
            if answer == w.S_OK and name == "wmlb_restorer_release":
                self.live.remove(arguments[0])
                self.stale.append(arguments[0])
        if not self.live:
            self.live.append(w.Restorer().handle)

    def run(self, calls):
        self.live.append(w.Restorer().handle)
        while self.calls < calls:
            self.call()
        for handle in self.live:
            w.lib.wmlb_restorer_release(handle)
        # No callback may come while the interpreter goes down.
        w.lib.wmlb_wait(w.FOREVER, ctypes.byref(c_int32()))


def main(calls, seed):
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["HOME"] = folder
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            os.environ.pop(name, None)
        # One store at least for the search to find.
        os.environ["WMLB_STORE_PATH"] = folder + "/store"
        os.mkdir("store")
        for number in range(5):
            with open("store/%d" % number, "wb") as file:
                file.write(b"%d" % number * 100)
        driver = Driver(seed)
        driver.run(calls)
        os.chdir(home)
    print(
        "%d calls, %d bad handles, %d not refused, %d callbacks"
        % (driver.calls, driver.bad, driver.not_refused, driver.callbacks)
    )
    return bool(driver.not_refused or driver.defects or not driver.callbacks)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
