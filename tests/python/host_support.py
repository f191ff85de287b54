"""What the tests of host stores share: a store in this program's memory, which notes every
call and fails where it is told to."""

import ctypes
import threading

import archive
import wmlb_ctypes as w
from restore_support import RestoreCase

TIME = 1600000000


class MemoryStore:
    """A host's store: name -> (content, time). What is put shows after commit only."""

    def __init__(self, licenses=None, ctx=0xABCD):
        self.licenses = {
            name: given if isinstance(given, tuple) else (given, TIME)
            for name, given in (licenses or {}).items()
        }
        self.ctx = ctx
        # What next gives instead, in this order: (name, content, time), or a StoreLicense.
        self.listed = None
        # (function, what it was called with), and the kernel's numbers of the threads.
        self.calls = []
        self.threads = set()
        self.thread_names = set()
        # function -> what is called with the number of the call before; its answer, unless
        # that is None, is the function's.
        self.on = {}
        self.problems = []
        self.inside = None
        self.is_open = None
        self.rest = iter(())
        self.staged = {}
        self.keep = []

    def names(self):
        return [name for name, _ in self.calls]

    def count(self, function):
        return self.names().count(function)

    def _call(self, function, context, body, argument=None):
        """One call of the library's: what must always hold, then the body."""
        try:
            assert self.inside is None, "%s is called in %s" % (function, self.inside)
            assert context == self.ctx, "ctx is not what was passed"
            before = self.count(function)
            self.calls.append((function, argument))
            self.threads.add(threading.get_native_id())
            with open("/proc/self/task/%d/comm" % threading.get_native_id()) as file:
                self.thread_names.add(file.read().strip())
            if function == "open":
                assert self.is_open is None, "it is opened twice"
            else:
                assert self.is_open is not None, "%s, and it is not open" % function
            self.inside = function
            try:
                answer = self.on[function](before) if function in self.on else None
                if answer is None or answer >= 0:
                    answer = body() or answer
            finally:
                self.inside = None
            return w.S_OK if answer is None else answer
        except BaseException as problem:
            self.problems.append(problem)
            return w.E_UNEXPECTED

    def _open(self, context, for_writing):
        def body():
            assert for_writing in (0, 1), for_writing
            self.is_open = for_writing
            self.staged = {}
            listed = self.listed
            if listed is None:
                listed = [(name, *given) for name, given in self.licenses.items()]
            self.rest = iter(listed)

        return self._call("open", context, body, for_writing)

    def _next(self, context, license):
        def body():
            assert self.is_open == 0
            out = license.contents
            assert out.struct_size == ctypes.sizeof(w.StoreLicense), out.struct_size
            fields = (out.name, out.name_len, out.data, out.data_len, out.modified)
            assert fields == (None, 0, None, 0, 0), fields
            given = next(self.rest, None)
            # What was given before may go now.
            self.keep.clear()
            if given is None:
                return w.S_FALSE
            if isinstance(given, w.StoreLicense):
                license[0] = given
                return None
            name, data, out.modified = given
            for field, value in (("name", name), ("data", data)):
                if value is not None:
                    buffer = ctypes.create_string_buffer(value, max(len(value), 1))
                    self.keep.append(buffer)
                    setattr(out, field, ctypes.addressof(buffer))
                    setattr(out, field + "_len", len(value))
            return None

        return self._call("next", context, body)

    def _put(self, context, license):
        given = license.contents
        name = ctypes.string_at(given.name, given.name_len)

        def body():
            assert self.is_open == 1
            assert given.struct_size == ctypes.sizeof(w.StoreLicense), given.struct_size
            assert given.name and given.data, "a pointer is NULL"
            assert name not in self.staged, "%r is put twice" % name
            data = ctypes.string_at(given.data, given.data_len)
            self.staged[name] = (data, given.modified)

        return self._call("put", context, body, name)

    def _commit(self, context):
        def body():
            assert self.is_open == 1
            self.licenses.update(self.staged)

        return self._call("commit", context, body)

    def _close(self, context):
        def body():
            self.is_open = None
            self.staged = {}
            self.keep.clear()

        self._call("close", context, body)

    def ops(self, **replaced):
        """The struct; the functions in it live as long as the store does."""
        functions = {
            "open": w.StoreOpen(self._open),
            "next": w.StoreNext(self._next),
            "put": w.StorePut(self._put),
            "commit": w.StoreCommit(self._commit),
            "close": w.StoreClose(self._close),
        }
        self.functions = getattr(self, "functions", []) + [functions]
        fields = {"struct_size": ctypes.sizeof(w.StoreOps), **functions}
        for name, value in replaced.items():
            fields[name] = type(functions[name])() if value is None else value
        return w.StoreOps(**fields)

    def set_on(self, restorer, **replaced):
        return restorer.set_store(ctypes.byref(self.ops(**replaced)), self.ctx)

    def fail(self, function, hr, at=0):
        """From now on, the call of this number fails."""
        self.on[function] = lambda before: hr if before == at else None


class HostCase(RestoreCase):
    """A restorer whose store is this program's. StorePath is where there is nothing, and
    should not be looked for."""

    def setUp(self):
        super().setUp()
        self.stores = []

    def tearDown(self):
        super().tearDown()
        for store in self.stores:
            self.assertEqual(store.problems, [])
            self.assertIsNone(store.is_open, "it was not closed")
            opened = store.count("open") - getattr(store, "failed_opens", 0)
            self.assertEqual(store.count("close"), opened)
            if store.calls and not getattr(store, "listed_here", False):
                self.assertEqual(store.thread_names, {"wmlb"})

    def host(self, licenses=None, restorer=None, **properties):
        """A store with these licenses, and a restorer that it is set on."""
        store = MemoryStore(licenses)
        self.stores.append(store)
        if restorer is None:
            properties.setdefault("RestorePath", self.backups)
            restorer = self.new_restorer(store=self.root + "/nowhere/at all", **properties)
        self.assert_hr(store.set_on(restorer), w.S_OK)
        return store, restorer

    def saved(self, path=None):
        return archive.Backup(path or self.target).files()


def some():
    """Licenses in no order: of 0 bytes, of more than a frame, in folders, with odd names."""
    return {
        b"b/c": b"three",
        b"z": b"",
        b"b-c": b"two",
        b"a": b"one",
        b"b/a/x": b"x" * 100,
        b"large": bytes(range(256)) * 5000,
        b"\xff not UTF-8": b"y",
        b"b.c": b"four",
        b"\xc3\xa4" * 60: b"z",
        b" ": b"a space",
    }
