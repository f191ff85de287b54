"""The events of a restore, canceling one, and who may refuse it."""

import ctypes
import os
import subprocess
import threading
import unittest
import warnings

import archive
import archive_forge as forge
import support
import wmlb_ctypes as w
from restore_support import RestoreCase, files_of, last_progress, snapshot

BEFORE_BEGIN = [w.STATUS_CONNECTING, w.STATUS_DISCONNECTING]


class Events(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"a": b"1", b"b": b"2", b"c": b"3"})

    def statuses(self, events):
        return [event.status for event in events]

    def test_their_order(self):
        events = self.assert_ends(self.restorer.restore())
        statuses = self.statuses(events)
        self.assertEqual(statuses[:3], BEFORE_BEGIN + [w.STATUS_BEGIN])
        self.assertEqual(set(statuses[3:-1]), {w.STATUS_PROGRESS})
        self.assertEqual(statuses[-1], w.STATUS_END)
        for event in events[:3]:
            self.assertEqual((event.hr, event.type, event.is_null, event.size), (0, 0, True, 0))
        for event in events[3:-1]:
            self.assertEqual((event.hr, event.type), (w.S_OK, w.TYPE_BINARY))
            self.assertEqual(event.size, ctypes.sizeof(w.Progress))
            self.assertEqual(event.progress.struct_size, ctypes.sizeof(w.Progress))
        self.assertTrue(last_progress(events[-2]))
        self.assertEqual(events[-1].text, self.target)
        self.assertEqual((events[-1].type, events[-1].nul), (w.TYPE_STRING, True))
        self.assertEqual(len({event.thread for event in events}), 1)
        self.assertNotEqual(events[0].thread, threading.get_native_id())

    def test_progress_grows(self):
        self.save({b"%d" % n: os.urandom(100000) for n in range(200)})
        events = self.assert_ends(self.restorer.restore())
        counts = [event.progress for event in events if event.status == w.STATUS_PROGRESS]
        done = [(count.licenses_done, count.bytes_done) for count in counts]
        self.assertEqual(done, sorted(done))
        self.assertEqual(done[-1][0], 203)
        self.assertEqual({count.licenses_total for count in counts}, {203})
        self.assertEqual({count.bytes_total for count in counts}, {done[-1][1]})
        # Which comes with the last of them, and not before.
        self.assertEqual([one[0] == 203 for one in done].count(True), 1)
        for restorer in (self.new_restorer(Only="*", RestorePath=self.backups), self.restorer):
            if restorer is self.restorer:
                with open(self.target, "rb") as file:
                    self.assert_hr(restorer.set_target_fd(file.fileno()), w.S_OK)
            events = self.assert_ends(restorer.verify())
            counts = [event.progress for event in events if event.status == w.STATUS_PROGRESS]
            self.assertEqual({count.licenses_total for count in counts[:-1]} - {0}, set())
            self.assertEqual(counts[-1].licenses_total, 203)

    def test_kept_ones_are_told_with_a_string(self):
        self.put({b"b": b"other"})
        os.mkdir(self.store + "/c")
        events = self.assert_ends(self.restorer.restore())
        skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
        self.assertEqual([event.value for event in skipped], [b"b", b"c"])
        self.assertEqual([event.hr for event in skipped], [w.FILE_EXISTS, w.E_ACCESSDENIED])
        for event in skipped:
            self.assertEqual((event.type, event.nul), (w.TYPE_STRING, True))

    def test_a_name_that_is_not_utf_8(self):
        self.save({b"\xff": b"x"})
        self.put({b"\xff": b"other"})
        events = self.assert_ends(self.restorer.restore())
        self.assertEqual(self.skipped(events), [("\ufffd".encode(), w.FILE_EXISTS)])

    def test_unknown_flags(self):
        known = w.RESTORE_INDIVIDUALIZE | w.RESTORE_OVERWRITE | w.ALLOW_CLEAR
        for bit in range(32):
            flags = 1 << bit
            if not flags & (known | w.RUN_HERE):
                self.assert_refused(self.restorer.restore(flags), w.E_INVALIDARG)
                self.assert_refused(self.restorer.restore(flags | known), w.E_INVALIDARG)
            if not flags & (w.ALLOW_CLEAR | w.RUN_HERE):
                self.assert_refused(self.restorer.verify(flags), w.E_INVALIDARG)
        self.assertFalse(os.path.exists(self.store))
        self.assert_ends(self.restorer.restore(known))

    def test_no_callback(self):
        for start in (self.restorer.restore_licenses, self.restorer.verify_backup):
            self.assert_hr(start(0, w.NO_CALLBACK, None), w.E_INVALIDARG)
        self.assertFalse(os.path.exists(self.store))

    def test_no_handle(self):
        gone = self.new_target()
        gone.release()
        self.restorers.remove(gone)
        native = w.native_callback()
        for handle in (None, gone.handle, 12345):
            for name in ("restore_licenses", "verify_backup"):
                function = getattr(w.lib, "wmlb_restorer_" + name)
                self.assert_hr(function(handle, 0, native, None), w.E_HANDLE)
            self.assert_hr(w.lib.wmlb_restorer_cancel_license_restore(handle), w.E_HANDLE)
            authorizer = w.lib.wmlb_restorer_set_authorizer
            self.assert_hr(authorizer(handle, w.NO_AUTHORIZER, None), w.E_HANDLE)

    def test_the_order_of_refusals(self):
        restorer = self.new_restorer()
        null = lambda flags: restorer.restore_licenses(flags, w.NO_CALLBACK, None)
        self.assert_hr(null(0), w.E_INVALIDARG)
        self.assert_refused(restorer.restore(0x40), w.E_INVALIDARG)
        self.assert_refused(restorer.restore(), w.NOT_CONFIGURED)

        def on_event(event):
            again = w.Restorer(self.restorer.handle)
            self.assert_hr(again.restore(0x40)[0], w.E_INVALIDARG)
            for start in (again.restore, again.verify, again.backup):
                self.assert_refused(start(), w.BUSY)

        self.assert_ends(self.restorer.restore(0, on_event))
        self.assert_ends(self.restorer.verify(0, on_event))

    def test_busy_from_another_thread(self):
        inside, go_on = threading.Event(), threading.Event()

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                inside.set()
                self.assertTrue(go_on.wait(60))

        self.assert_hr(self.restorer.start(0, on_event, "restore_licenses"), w.S_OK)
        self.assertTrue(inside.wait(60))
        again = w.Restorer(self.restorer.handle)
        for start in (again.restore, again.verify, again.backup):
            self.assert_refused(start(), w.BUSY)
        go_on.set()
        self.assert_hr(self.restorer.finish(), w.S_OK)

    def test_properties_count_from_the_start(self):
        def on_event(event):
            self.restorer.set("StorePath", self.root + "/other")
            self.restorer.set("RestorePath", self.root + "/nowhere")

        self.assert_ends(self.restorer.restore(0, on_event))
        self.assert_same(snapshot(self.store), self.restored(), "restored")
        self.assertFalse(os.path.exists(self.root + "/other"))

    def test_the_default_restorer(self):
        def body():
            default = w.default_restorer()
            lib = w.lib
            for set_path, path in (
                (lib.wmlb_set_store_path, self.store), (lib.wmlb_set_restore_path, self.backups)
            ):
                self.assert_hr(set_path(path.encode()), w.S_OK)
            self.assert_hr(lib.wmlb_cancel_license_restore(), w.S_FALSE)
            native = w.native_callback()
            self.assert_hr(lib.wmlb_restore_licenses(0, native, None), w.S_OK)
            self.assert_hr(default.finish(), w.S_OK)

        support.in_child(body)
        self.assert_same(snapshot(self.store), self.restored(), "restored")

    def test_two_restores_into_one_store(self):
        self.put({b"other": b"x"})
        other = self.new_target()
        results = []

        def on_event(event):
            if event.status == w.STATUS_PROGRESS:
                results.append(other.restore())
                results.append((other.enumerate("store")[0], None))
                saver = self.new_restorer(backups=self.root + "/second")
                results.append(saver.backup())

        def restore_elsewhere(event):
            # A callback cannot wait for another restorer, so a thread does.
            if event.status == w.STATUS_PROGRESS and not results:
                thread = threading.Thread(target=on_event, args=[event])
                thread.start()
                thread.join()

        self.assert_ends(self.restorer.restore(0, restore_elsewhere))
        self.assertEqual(len(results), 3)
        for hr, _ in results:
            self.assert_hr(hr, w.BUSY)
        expected = self.restored()
        expected[b""] = snapshot(self.store)[b""]
        expected[b"other"] = snapshot(self.store)[b"other"]
        self.assert_same(snapshot(self.store), expected, "restored")
        self.assert_ends(other.restore())

    def test_two_restores_into_two_stores_side_by_side(self):
        other = self.new_target(store=self.place + "/other")

        def on_event(event):
            # Once: a second start would drop the callback of the one that runs.
            if event.status == w.STATUS_BEGIN:
                self.assert_hr(other.start(0, None, "restore_licenses"), w.S_OK)

        self.assert_ends(self.restorer.restore(0, on_event))
        self.assert_hr(other.finish(), w.S_OK)
        self.assert_same(snapshot(self.store), snapshot(self.place + "/other"))
        self.assert_alone(["store", "other"])


class Cancel(RestoreCase):
    """A negative answer, or a cancel: the store is as it was."""

    def setUp(self):
        super().setUp()
        files = {b"%03d" % n: b"from the backup %d" % n for n in range(100)}
        files.update({b"folder/%d" % n: os.urandom(200000) for n in range(30)})
        files[b"new/deep/er/x"] = b"x"
        files[b"large"] = os.urandom(4 << 20)
        self.save(files)

    def fresh(self):
        pass

    def empty(self):
        os.mkdir(self.store)
        os.chmod(self.store, 0o750)

    def merging(self):
        self.put({b"%03d" % n: b"in the store" for n in range(0, 100, 3)})
        self.put({b"folder/%d" % n: b"in the store" for n in range(7)})
        os.symlink("x", self.store + "/050")

    def each_store(self):
        for number, prepare in enumerate((self.fresh, self.empty, self.merging)):
            self.store = os.path.join(self.place, "store-%d" % number)
            self.restorer.set("StorePath", self.store)
            prepare()
            yield prepare

    def test_a_negative_answer_at_each_kind_of_event(self):
        kinds = BEFORE_BEGIN + [w.STATUS_BEGIN, w.STATUS_PROGRESS, w.STATUS_SKIPPED]
        for prepare in self.each_store():
            before = snapshot(self.place)
            for status in kinds:
                if status == w.STATUS_SKIPPED and prepare != self.merging:
                    continue
                for answer in (-1, -(2**31)):
                    cancel = lambda event: answer if event.status == status else 1
                    outcome = self.restorer.restore(0, cancel)
                    events = self.assert_untouched(outcome, w.CANCELED, before)
                    self.assertEqual(events[-2].status, status, "an event after the answer")

    def test_at_the_last_progress(self):
        for prepare in self.each_store():
            before = snapshot(self.place)
            for flags in (0, w.RESTORE_OVERWRITE):
                if prepare == self.merging:
                    os.unlink(self.store + "/050") if flags else None
                    before = snapshot(self.place)
                cancel = lambda event: -1 if last_progress(event) else None
                outcome = self.restorer.restore(flags, cancel)
                events = self.assert_untouched(outcome, w.CANCELED, before)
                self.assertTrue(last_progress(events[-2]))

    def test_the_answer_to_the_end_is_ignored(self):
        cancel = lambda event: -1 if event.is_terminal else None
        self.assert_ends(self.restorer.restore(0, cancel))
        self.assert_same(snapshot(self.store), self.restored(), "restored")

    def test_a_cancel_in_a_callback(self):
        for prepare in self.each_store():
            before = snapshot(self.place)
            for cancel in (self.restorer.cancel, self.restorer.cancel_license_restore):
                def on_event(event):
                    if event.status == w.STATUS_PROGRESS:
                        self.assert_hr(cancel(), w.S_OK)

                self.assert_untouched(self.restorer.restore(0, on_event), w.CANCELED, before)

    def test_a_cancel_of_another_kind(self):
        answers = []

        def on_event(event):
            answers.append(self.restorer.cancel_license_backup())

        self.assert_ends(self.restorer.restore(0, on_event))
        self.assertEqual(set(answers), {w.S_FALSE})
        answers.clear()
        self.assert_ends(self.restorer.verify(0, on_event))
        self.assertEqual(set(answers), {w.S_FALSE})

        def on_other_event(event):
            answers.append(self.restorer.cancel_license_restore())

        answers.clear()
        self.assert_ends(self.restorer.verify(0, on_other_event))
        self.assert_ends(self.restorer.backup(w.OVERWRITE, on_other_event))
        self.assertEqual(set(answers), {w.S_FALSE})
        self.assert_hr(self.restorer.cancel_license_restore(), w.S_FALSE)
        self.assert_hr(self.restorer.cancel(), w.S_FALSE)

    def test_a_cancel_of_a_verification(self):
        cancel = lambda event: -1
        self.assert_fails(self.restorer.verify(0, cancel), w.CANCELED)
        call = lambda event: self.restorer.cancel() and None
        self.assert_fails(self.restorer.verify(0, call), w.CANCELED)

    def test_from_another_thread_at_any_moment(self):
        canceled = ended = 0
        for prepare in self.each_store():
            flags = 0
            if prepare == self.merging:
                os.unlink(self.store + "/050")
                flags = w.RESTORE_OVERWRITE
            before = snapshot(self.place)
            for turn in range(60):
                calls = 1 << turn % 17
                self.assert_hr(self.restorer.start(flags, None, "restore_licenses"), w.S_OK)
                for _ in range(calls):
                    # Something that takes a moment, and says whether it still runs.
                    self.restorer.progress()
                self.restorer.cancel()
                result = self.restorer.finish()
                if result == w.CANCELED:
                    canceled += 1
                    self.assert_same(snapshot(self.place), before, "canceled")
                    continue
                self.assert_hr(result, w.S_OK)
                ended += 1
                self.assertEqual(files_of(self.store).keys(), files_of(self.source).keys())
                subprocess.run(["rm", "-rf", self.store], check=True)
                prepare()
                if prepare == self.merging:
                    os.unlink(self.store + "/050")
        self.assertGreater(canceled, 0)

    def test_release_in_the_callback(self):
        for prepare in self.each_store():
            before = snapshot(self.place)
            for status in BEFORE_BEGIN + [w.STATUS_BEGIN, w.STATUS_PROGRESS]:
                released = self.new_target()
                self.restorers.remove(released)
                done = threading.Event()

                def on_event(event):
                    if event.status == status:
                        self.assert_hr(released.release(), w.S_OK)
                        done.set()

                released.start(0, on_event, "restore_licenses")
                self.assertTrue(done.wait(60))
                self.assertEqual(support.wait_for_threads(), set())
                self.assertEqual(released.problems, [])
                self.assertEqual(released.events[-1].status, status)
                self.assert_same(snapshot(self.place), before, "released")

    def test_release_from_outside(self):
        for prepare in self.each_store():
            before = snapshot(self.place)
            released = self.new_target()
            self.restorers.remove(released)
            inside = threading.Event()

            def on_event(event):
                if event.status == w.STATUS_BEGIN:
                    inside.set()
                    while released.wait(0, ctypes.byref(ctypes.c_int32())) != w.E_HANDLE:
                        pass

            released.start(0, on_event, "restore_licenses")
            self.assertTrue(inside.wait(60))
            self.assert_hr(released.release(), w.S_OK)
            self.assertEqual(released.problems, [])
            self.assertEqual(released.events[-1].status, w.STATUS_ERROR)
            self.assert_hr(released.events[-1].hr, w.CANCELED)
            self.assert_same(snapshot(self.place), before, "released")


class Authorizer(RestoreCase):
    def setUp(self):
        super().setUp()
        self.save({b"a": b"1"})
        self.info = archive.Backup(self.target).info
        self.before = snapshot(self.place)
        self.asked = []

    def ask(self, answer=w.S_OK, ctx=0x1234567890):
        def on_request(request):
            self.asked.append(request)
            return answer

        self.assert_hr(self.restorer.authorize(on_request, ctx), w.S_OK)

    def test_what_it_is_asked(self):
        self.ask()
        for flags in (0, w.RESTORE_OVERWRITE, w.RESTORE_INDIVIDUALIZE | w.RESTORE_OVERWRITE):
            self.asked.clear()
            events = self.assert_ends(self.restorer.restore(flags))
            (request,) = self.asked
            self.assertEqual(request.struct_size, ctypes.sizeof(w.RestoreRequest))
            self.assertEqual(request.created, self.info["created"])
            self.assertEqual(request.device.decode(), self.info["device"])
            self.assertRegex(request.device.decode(), "^[0-9a-f]{32}$")
            self.assertEqual(request.same_device, 1)
            self.assertEqual(request.flags, flags)
            self.assertEqual(request.ctx, 0x1234567890)
            self.assertGreaterEqual(request.url_len, 256)
            self.assertTrue(request.is_zero)
            self.assertEqual(request.thread, events[0].thread)

    def test_when_it_is_asked(self):
        order = []

        def on_request(request):
            order.append("asked")

        self.restorer.authorize(on_request)
        self.assert_ends(self.restorer.restore(0, lambda event: order.append(event.status)))
        self.assertEqual(order[:3], [w.STATUS_CONNECTING, "asked", w.STATUS_DISCONNECTING])
        self.assertEqual(order.count("asked"), 1)

    def test_not_asked_about_a_file_that_is_no_backup(self):
        self.ask()
        support.write(self.target, b"no backup")
        self.assert_untouched(self.restorer.restore(), w.BAD_DATA, self.before)
        self.assertEqual(self.asked, [])

    def test_not_asked_by_others(self):
        self.ask(-1)
        self.assert_ends(self.restorer.verify())
        self.assert_hr(self.restorer.enumerate("backup")[0], w.S_OK)
        self.assertEqual(self.asked, [])

    def test_any_answer_that_is_not_negative_agrees(self):
        for answer in (0, 1, 2**31 - 1):
            self.ask(answer)
            self.assert_ends(self.restorer.restore())

    def test_an_address_with_an_answer_that_agrees_means_nothing(self):
        self.ask((w.S_OK, b"https://example.org"))
        self.assert_ends(self.restorer.restore())

    def test_it_refuses(self):
        for answer in (w.RESTORE_FRAUD, -1, -(2**31), w.CANCELED):
            self.ask(answer)
            outcome = self.restorer.restore()
            events = self.assert_untouched(outcome, answer, self.before)
            statuses = [event.status for event in events]
            self.assertEqual(statuses, [w.STATUS_CONNECTING, w.STATUS_ERROR])
            self.assertTrue(events[-1].value)
            self.assertEqual(self.restorer.last_error().encode(), events[-1].value)

    def test_it_refuses_with_an_address(self):
        for address in (b"https://example.org/why?x=1&y=\xc3\xbc", b"x" * 200):
            self.ask((w.RESTORE_FRAUD, address))
            hr, events = self.restorer.restore()
            self.assert_hr(hr, w.RESTORE_FRAUD)
            statuses = [event.status for event in events]
            self.assertEqual(statuses, [w.STATUS_CONNECTING, w.STATUS_ERROR_WITHURL])
            last = events[-1]
            self.assertEqual((last.value, last.type, last.nul), (address, w.TYPE_STRING, True))
            self.assert_hr(last.hr, w.RESTORE_FRAUD)
            self.assert_same(snapshot(self.place), self.before)

    def test_the_buffer_full_to_the_brim(self):
        # No NUL, then a NUL as the last byte, then bytes that are no UTF-8.
        for fill in (b"u", None, b"\xff"):
            @w.Authorizer
            def authorizer(request, url, url_len, ctx):
                text = (fill or b"u") * url_len
                if fill is None:
                    text = text[:-1] + b"\0"
                ctypes.memmove(url, text, url_len)
                return -5

            self.restorer.set_authorizer(authorizer, None)
            hr, events = self.restorer.restore()
            self.assert_hr(hr, -5)
            if fill is None:
                self.assertEqual(events[-1].status, w.STATUS_ERROR_WITHURL)
                self.assertEqual(set(events[-1].value), {ord("u")})
            else:
                self.assertIn(events[-1].status, (w.STATUS_ERROR, w.STATUS_ERROR_WITHURL))
            self.assertTrue(events[-1].text)
            self.restorer.set_authorizer(w.NO_AUTHORIZER, None)

    def test_null_removes_it(self):
        self.ask(-1)
        self.assert_hr(self.restorer.set_authorizer(w.NO_AUTHORIZER, None), w.S_OK)
        self.assert_ends(self.restorer.restore())
        self.assertEqual(self.asked, [])

    def test_a_running_restore_keeps_the_one_it_started_with(self):
        self.ask(w.S_OK)

        def on_event(event):
            if event.status == w.STATUS_CONNECTING:
                self.restorer.set_authorizer(w.NO_AUTHORIZER, None)

        self.assert_ends(self.restorer.restore(0, on_event))
        self.assertEqual(len(self.asked), 1)
        self.assert_ends(self.restorer.restore())
        self.assertEqual(len(self.asked), 1)

    def test_each_restorer_has_its_own(self):
        self.ask(-1)
        self.assert_ends(self.new_target().restore())
        self.assertEqual(self.asked, [])

    def test_calls_from_it(self):
        result = ctypes.c_int32()
        answers = []

        def on_request(request):
            again = w.Restorer(self.restorer.handle)
            answers.append(again.restore()[0])
            answers.append(self.restorer.wait(0, ctypes.byref(result)))
            answers.append(self.restorer.enumerate("backup")[0])
            answers.append(self.restorer.set("Threads", 1))
            self.restorer.set_authorizer(w.NO_AUTHORIZER, None)

        self.restorer.authorize(on_request)
        self.assert_ends(self.restorer.restore())
        expected = [w.BUSY, w.E_ILLEGAL_METHOD_CALL, w.S_OK, w.S_OK]
        self.assertEqual(answers, expected)

    def test_a_cancel_in_it(self):
        for answer in (w.S_OK, w.RESTORE_FRAUD):
            def on_request(request):
                self.assert_hr(self.restorer.cancel(), w.S_OK)
                return answer

            self.restorer.authorize(on_request)
            hr, events = self.restorer.restore()
            self.assertIn(hr, (w.CANCELED, answer))
            self.assertNotEqual(hr, w.S_OK)
            self.assertEqual(len(events), 2)
            self.assert_same(snapshot(self.place), self.before)

    def test_release_in_it(self):
        for answer in (w.S_OK, w.RESTORE_FRAUD, (w.RESTORE_FRAUD, b"https://example.org")):
            released = self.new_target()
            self.restorers.remove(released)
            done = threading.Event()

            def on_request(request):
                self.assert_hr(released.release(), w.S_OK)
                done.set()
                return answer

            released.authorize(on_request)
            released.start(0, None, "restore_licenses")
            self.assertTrue(done.wait(60))
            self.assertEqual(support.wait_for_threads(), set())
            self.assertEqual(released.problems, [])
            self.assertEqual([event.status for event in released.events], [w.STATUS_CONNECTING])
            self.assert_same(snapshot(self.place), self.before)

    def test_a_fork_in_it(self):
        def on_request(request):
            if os.fork() == 0:
                os._exit(0)

        def body():
            restorer = self.new_target()
            restorer.authorize(on_request)
            outcome = restorer.restore()
            os.wait()
            return outcome

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.assert_ends(support.in_child(body))


class Device(RestoreCase):
    def setUp(self):
        super().setUp()
        self.asked = []
        self.restorer.authorize(lambda request: self.asked.append(request))

    def test_another_device(self):
        for device in ("00" * 16, "ff" * 16, "", "not hexadecimal", "ü\n"):
            with self.subTest(device=device):
                self.write_archive(forge.small({b"a": b"1"}, device=device))
                self.asked.clear()
                before = snapshot(self.place)
                for flags in (0, w.RESTORE_OVERWRITE):
                    outcome = self.restorer.restore(flags)
                    events = self.assert_untouched(outcome, w.NEEDS_INDIVIDUALIZATION, before)
                    statuses = [event.status for event in events]
                    self.assertEqual(statuses, BEFORE_BEGIN + [w.STATUS_ERROR])
                self.assertEqual({request.same_device for request in self.asked}, {0})
                self.assertEqual({request.device for request in self.asked}, {device.encode()})
                self.assertEqual({request.created for request in self.asked}, {forge.CREATED})
                self.assert_ends(self.restorer.restore(w.RESTORE_INDIVIDUALIZE))
                self.assertEqual(files_of(self.store), {b"a": b"1"})
                os.unlink(self.store + "/a")
                os.rmdir(self.store)

    def test_the_authorizer_comes_first(self):
        self.write_archive(forge.small({b"a": b"1"}))
        self.restorer.authorize(lambda request: w.RESTORE_FRAUD)
        self.assert_fails(self.restorer.restore(), w.RESTORE_FRAUD)

    def test_verification_does_not_care(self):
        self.write_archive(forge.small({b"a": b"1"}))
        self.assert_ends(self.restorer.verify())

    def test_the_flag_does_no_harm_on_the_same_device(self):
        self.save({b"a": b"1"})
        self.assert_ends(self.restorer.restore(w.RESTORE_INDIVIDUALIZE))


if __name__ == "__main__":
    unittest.main()
