"""Backups in a target behind functions of the host's: wmlb_restorer_set_target."""

import ctypes
import os
import threading
import unittest

import archive
import support
import wmlb_ctypes as w

OPERATIONS = ("backup_licenses", "restore_licenses", "verify_backup")
FAILURE = w.hresult(0x8001ABCD)


class MemoryTarget:
    """A target in this program's memory, which notes every call."""

    def __init__(self, capabilities=w.TARGET_CREATE_ONLY, piece=None):
        self.capabilities = capabilities
        # Bytes that read gives at most.
        self.piece = piece
        self.published = None
        self.begun = None
        # Bytes that were not sent.
        self.reused = 0
        self.calls = []
        self.threads = set()
        self.problems = []
        # function -> what is called with the number of the call before, in the place of the
        # function's own work if its answer is not None; and what is called after that.
        self.on = {}
        self.after = {}
        self.inside = False

    def _call(self, function, body):
        try:
            assert not self.inside, function
            self.inside = True
            before = self.calls.count(function)
            self.calls.append(function)
            self.threads.add(threading.get_native_id())
            assert function in ("stat", "read") or (self.begun is None) == (
                function == "begin"), "%s at the wrong time" % function
            answer = self.on[function](before) if function in self.on else None
            if answer is None:
                answer = body()
                if function in self.after:
                    answer = self.after[function]()
            return w.S_OK if answer is None else answer
        except BaseException as problem:
            self.problems.append(problem)
            return w.E_UNEXPECTED
        finally:
            self.inside = False

    def ops(self, **replaced):
        def begin(ctx, size_hint):
            def body():
                assert (ctx, size_hint) == (0x77, 0)
                self.begun = b""

            return self._call("begin", body)

        def write(_, data, length):
            def body():
                assert length > 0
                self.begun += ctypes.string_at(data, length)

            return self._call("write", body)

        def reuse(_, offset, length):
            def body():
                assert 0 < length <= len(self.published) - offset
                self.begun += self.published[offset : offset + length]
                self.reused += length

            return self._call("reuse", body)

        def publish(_, overwrite):
            def body():
                assert overwrite in (0, 1)
                if self.published is not None and not overwrite:
                    assert self.capabilities & w.TARGET_CREATE_ONLY
                    return w.BACKUP_EXISTS
                self.published, self.begun = self.begun, None
                return None

            return self._call("publish", body)

        def abandon(_):
            def body():
                self.begun = None

            # A publish whose answer was lost has ended it too.
            self.begun = self.begun or b""
            self._call("abandon", body)

        def stat(_, info):
            def body():
                assert info.contents.struct_size == ctypes.sizeof(w.TargetInfo)
                if self.published is None:
                    return w.S_FALSE
                info.contents.size = len(self.published)
                return None

            return self._call("stat", body)

        def read(_, offset, buffer, length):
            def body():
                room = length[0]
                assert room > 0
                data = self.published[offset:][: min(room, self.piece or room)]
                ctypes.memmove(buffer, data, len(data))
                length[0] = len(data)

            answer = self._call("read", body)
            return answer

        functions = {
            "begin": w.TargetBegin(begin), "write": w.TargetWrite(write),
            "reuse": w.TargetReuse(reuse), "publish": w.TargetPublish(publish),
            "abandon": w.TargetAbandon(abandon), "stat": w.TargetStat(stat),
            "read": w.TargetRead(read),
        }
        self.functions = getattr(self, "functions", []) + [functions]
        fields = {"struct_size": ctypes.sizeof(w.TargetOps), "capabilities": self.capabilities}
        for name, value in {**functions, **replaced}.items():
            fields[name] = functions[name].__class__() if value is None else value
        return w.TargetOps(**fields)

    def set_on(self, restorer, **replaced):
        return restorer.set_target(ctypes.byref(self.ops(**replaced)), 0x77)


class TargetCase(support.StoreCase):
    # What encryption would leave in clear has its place here.
    def setUp(self):
        super().setUp()
        self.made = self.fill(40, 5000)
        support.write(self.store + "/large", os.urandom(5 << 20))
        self.made[b"large"] = support.read(self.store + "/large")
        self.target_ = MemoryTarget()
        self.restorer = self.targeted(self.target_)

    def targeted(self, target, **properties):
        restorer = self.new_restorer(**properties)
        # They are not used.
        for name in "BackupPath", "RestorePath":
            restorer.remove_prop(name.encode())
        self.assert_hr(target.set_on(restorer), w.S_OK)
        return restorer

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.target_.problems, [])
        self.assert_clean()

    def saved(self, target=None):
        path = self.root + "/saved"
        support.write(path, (target or self.target_).published)
        return archive.Backup(path).files()

    def each(self, operation, flags=0):
        if operation == "enumerate_backup":
            hr, licenses = self.restorer.enumerate("backup")
            return hr, licenses
        return self.restorer.backup(flags, operation=operation)


class Going(TargetCase):
    def test_there_and_back(self):
        events = self.assert_ends(self.restorer.backup())
        self.assertEqual(events[-1].value, b"")
        calls = self.target_.calls
        self.assertEqual((calls[:2], calls[-1]), (["stat", "begin"], "publish"))
        self.assertEqual(set(calls[2:-1]), {"write"})
        self.assertEqual(self.saved(), self.made)
        self.assertEqual(len(self.target_.threads), 1)
        self.assertNotIn(threading.get_native_id(), self.target_.threads)

        calls.clear()
        self.assert_ends(self.restorer.verify())
        self.assertEqual((calls[0], set(calls[1:])), ("stat", {"read"}))
        hr, licenses = self.restorer.enumerate("backup")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual({license.name for license in licenses}, set(self.made))
        self.restorer.set("StorePath", self.root + "/restored")
        self.assert_ends(self.restorer.restore())
        for name, content in self.made.items():
            self.assertEqual(support.read(self.root.encode() + b"/restored/" + name), content)

    def test_the_bytes_are_those_of_a_file(self):
        self.assert_ends(self.restorer.backup())
        plain = self.new_restorer(backups=self.root + "/plain")
        self.assert_ends(plain.backup())
        one, other = archive.Backup(self.root + "/plain/licenses.wmlb"), self.saved()
        self.assertEqual(one.files(), other)
        self.assertEqual(
            len(support.read(self.root + "/plain/licenses.wmlb")), len(self.target_.published)
        )

    def test_pieces_of_any_size(self):
        self.assert_ends(self.restorer.backup())
        for piece in 1000, 4097, 100000:
            self.target_.piece = piece
            self.assert_ends(self.restorer.verify())

    def test_encrypted(self):
        self.restorer.set("Passphrase", "a passphrase")
        self.assert_ends(self.restorer.backup())
        self.assertTrue(self.target_.published.startswith(b"age-encryption.org/v1"))
        self.target_.piece = 70000
        self.assert_ends(self.restorer.verify())
        # What the host answers is not taken for damage.
        self.target_.on["read"] = lambda before: FAILURE if before == 40 else None
        self.target_.calls.clear()
        self.assert_fails(self.restorer.verify(), FAILURE, "read")

    def test_on_the_calling_thread(self):
        for operation in OPERATIONS:
            self.target_.threads.clear()
            self.assert_ends(self.restorer.backup(w.RUN_HERE, operation=operation))
            self.assertEqual(self.target_.threads, {threading.get_native_id()})

    def test_back_to_folders(self):
        self.assert_hr(self.restorer.set_target(None, None), w.S_OK)
        self.assert_refused(self.restorer.backup(), w.NOT_CONFIGURED)
        self.restorer.set("BackupPath", self.root + "/folder")
        self.assert_ends(self.restorer.backup())
        self.assertEqual(self.target_.calls, [])

    def test_what_runs_keeps_its_target(self):
        other = MemoryTarget()

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                self.assert_hr(other.set_on(self.restorer), w.S_OK)

        self.assert_ends(self.restorer.backup(0, on_event))
        self.assertEqual((self.saved(), other.calls), (self.made, []))

    def test_one_at_a_time(self):
        self.assert_ends(self.restorer.backup())
        found = []

        def on_license(_):
            found.append(w.Restorer(self.restorer.handle).backup(w.OVERWRITE)[1][-1].hr)
            return -1

        self.restorer.enumerate("backup", on_license)
        self.assertEqual(found, [w.BUSY])


class Existing(TargetCase):
    def setUp(self):
        super().setUp()
        self.assert_ends(self.restorer.backup())
        self.before = self.target_.published
        self.target_.calls.clear()

    def test_it_is_told_before_anything_is_read(self):
        hr, events = self.restorer.backup()
        self.assert_fails((hr, events), w.BACKUP_EXISTS)
        self.assertEqual(self.target_.calls, ["stat"])
        self.assertEqual(self.target_.published, self.before)

    def test_overwrite(self):
        os.unlink(self.store + "/large")
        self.assert_ends(self.restorer.backup(w.OVERWRITE))
        # It has twice as many licenses, if not more.
        self.assertIn("read", self.target_.calls)
        self.assertNotIn(b"large", self.saved())

    def test_one_that_appears_meanwhile(self):
        for capabilities in w.TARGET_CREATE_ONLY, 0:
            target = MemoryTarget(capabilities)
            restorer = self.targeted(target)

            def on_event(event):
                if event.status == w.STATUS_PROGRESS:
                    target.published = b"of somebody else"

            self.assert_fails(restorer.backup(0, on_event), w.BACKUP_EXISTS)
            self.assertEqual(target.published, b"of somebody else")
            self.assertEqual(target.calls[-1], "abandon")
            self.assertEqual(target.problems, [])

    def test_none(self):
        self.target_.published = None
        for operation in "restore_licenses", "verify_backup":
            self.assert_fails(self.each(operation), w.FILE_NOT_FOUND)
        self.assert_hr(self.restorer.enumerate("backup")[0], w.FILE_NOT_FOUND)


class Faults(TargetCase):
    def test_every_function_at_every_call(self):
        """Each fails at each of its calls; then all is as before."""
        self.assert_ends(self.restorer.backup())
        self.target_.piece = 300000
        self.target_.calls.clear()
        self.assert_ends(self.restorer.verify())
        reads = self.target_.calls.count("read")
        self.target_.calls.clear()
        self.target_.published = None
        self.assert_ends(self.restorer.backup())
        good = self.target_.published
        writes = self.target_.calls.count("write")
        self.assertGreater(min(reads, writes), 3)
        tried = 0
        for function, count, operations in (
            ("stat", 1, OPERATIONS + ("enumerate_backup",)), ("begin", 1, OPERATIONS[:1]),
            ("write", writes, OPERATIONS[:1]), ("publish", 1, OPERATIONS[:1]),
            ("read", reads, OPERATIONS[1:] + ("enumerate_backup",)),
        ):
            for operation in operations:
                for at in range(count):
                    backup = operation == "backup_licenses"
                    self.target_.published = None if backup else good
                    self.target_.calls.clear()
                    self.target_.on = {function: lambda before: FAILURE if before == at else None}
                    hr, events = self.each(operation)
                    self.target_.on = {}
                    self.assert_hr(hr, FAILURE, (function, operation, at))
                    self.assertIn(function, self.restorer.last_error())
                    self.assertEqual(self.target_.published, None if backup else good)
                    began = backup and function in ("write", "publish")
                    self.assertEqual(self.target_.calls.count("abandon"), int(began))
                    tried += 1
        self.assertGreater(tried, 20)

    def test_a_publish_whose_answer_is_lost(self):
        self.target_.after["publish"] = lambda: FAILURE
        self.assert_fails(self.restorer.backup(), FAILURE, "publish")
        self.assertEqual(self.target_.calls[-2:], ["publish", "abandon"])
        # It is there, whole; and the next backup is told so.
        self.target_.after = {}
        self.assertEqual(self.saved(), self.made)
        self.assert_ends(self.restorer.verify())
        self.assert_fails(self.restorer.backup(), w.BACKUP_EXISTS)
        self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_short_answers(self):
        self.assert_ends(self.restorer.backup())
        whole = self.target_.published
        for length in (0, 1, 100, 4096, len(whole) // 2, len(whole) - 1):
            self.target_.published = whole[:length]
            hr, _ = self.restorer.verify()
            self.assertIn(hr, (w.BACKUP_CORRUPT, w.BAD_DATA), length)
        self.target_.published = whole + b"x"
        self.assert_hr(self.restorer.verify()[0], w.BACKUP_CORRUPT)

    def test_wrong_answers(self):
        self.assert_ends(self.restorer.backup())
        for wrong in (1, 1 << 40, (1 << 64) - 1):

            @w.TargetRead
            def read(ctx, offset, buffer, length):
                length[0] += wrong if length[0] + wrong < 1 << 64 else 1
                return w.S_OK

            self.target_.set_on(self.restorer, read=read)
            self.assert_fails(self.restorer.verify(), w.E_INVALIDARG, "bytes")

    def test_cancel_at_every_call(self):
        self.assert_ends(self.restorer.backup())
        good = self.target_.published
        for function in "stat", "begin", "write":
            self.target_.published = None
            self.target_.calls.clear()
            self.target_.on = {function: lambda before: (self.restorer.cancel(), None)[1]}
            self.assert_fails(self.restorer.backup(), w.CANCELED)
            self.assertIsNone(self.target_.published)
            self.assertEqual(self.target_.calls.count("abandon"), self.target_.calls.count("begin"))
        self.target_.published = good
        self.target_.on = {"read": lambda before: (self.restorer.cancel(), None)[1]}
        for operation in OPERATIONS[1:]:
            self.assert_fails(self.each(operation), w.CANCELED)
        # After publish it is too late.
        self.target_.on = {"publish": lambda before: (self.restorer.cancel(), None)[1]}
        self.assert_ends(self.restorer.backup(w.OVERWRITE))

    def test_a_license_that_fails_abandons_it(self):
        os.unlink(self.store + "/large")
        os.mkdir(self.store + "/zzz")
        support.write(self.store + "/zzz/secret", b"x")
        os.chmod(self.store + "/zzz/secret", 0)
        if os.geteuid() == 0:
            self.restorer.set("StorePath", self.root + "/nowhere")
        hr, events = self.restorer.backup()
        self.assertLess(hr, 0)
        self.assertEqual(self.target_.calls.count("abandon"), self.target_.calls.count("begin"))
        self.assertIsNone(self.target_.published)

    def test_released_in_a_function(self):
        restorer = w.Restorer()
        restorer.set("StorePath", self.store)
        self.target_.set_on(restorer)
        self.target_.on = {"begin": lambda before: restorer.release()}
        self.assert_hr(restorer.start(w.RUN_HERE), w.CANCELED)
        self.assertEqual(self.target_.calls[-1], "abandon")


class Arguments(TargetCase):
    def test_what_is_missing(self):
        for function in "begin", "write", "publish", "abandon", "stat", "read":
            self.assert_hr(self.target_.set_on(self.restorer, **{function: None}), w.E_POINTER)
            self.assertIn(function, self.restorer.last_error())
        self.target_.capabilities = w.TARGET_REUSE
        self.assert_hr(self.target_.set_on(self.restorer, reuse=None), w.E_POINTER)
        self.target_.capabilities = 0
        ops = self.target_.ops()
        for size in 0, 7, ctypes.sizeof(w.TargetOps) - 1:
            ops.struct_size = size
            self.assert_hr(self.restorer.set_target(ctypes.byref(ops), None), w.E_INVALIDARG)
        self.assert_hr(w.lib.wmlb_restorer_set_target(None, None, None), w.E_HANDLE)

    def test_reading_back(self):
        self.assert_refused(self.restorer.backup(w.VERIFY), w.E_NOTIMPL)
        self.assertEqual(self.target_.calls, [])


if __name__ == "__main__":
    unittest.main()
