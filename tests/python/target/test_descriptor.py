"""Backups in open descriptors, as of pipes, sockets and files without a path."""

import errno
import os
import resource
import signal
import socket
import tempfile
import threading
import unittest

import archive
import support
import wmlb_ctypes as w


class DescriptorCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.made = self.fill(40, 5000)
        support.write(self.store + "/large", os.urandom(5 << 20))
        self.made[b"large"] = support.read(self.store + "/large")
        for name in "BackupPath", "RestorePath":
            self.restorer.remove_prop(name.encode())

    def use(self, fd, restorer=None):
        self.assert_hr((restorer or self.restorer).set_target_fd(fd), w.S_OK)

    def opened_fd(self, *arguments):
        fd = os.open(*arguments)
        self.addCleanup(os.close, fd)
        return fd

    def unnamed(self, flags=os.O_RDWR):
        return self.opened_fd(self.root, os.O_TMPFILE | flags, 0o600)

    def files_in(self, data):
        support.write(self.root + "/saved", data)
        return archive.Backup(self.root + "/saved").files()

    def plain(self):
        """The bytes of a backup in a folder."""
        if not os.path.exists(self.target):
            self.assert_ends(self.new_restorer().backup())
        return support.read(self.target)

    def back_from(self, fd, rewind=True):
        """Verify, list and restore, each from the beginning."""

        def again():
            if rewind:
                os.lseek(fd, 0, os.SEEK_SET)

        again()
        self.assert_ends(self.restorer.verify())
        again()
        hr, licenses = self.restorer.enumerate("backup")
        self.assert_hr(hr, w.S_OK)
        self.assertEqual({license.name for license in licenses}, set(self.made))
        again()
        self.restorer.set("StorePath", self.root + "/restored")
        self.assert_ends(self.restorer.restore())
        for name, content in self.made.items():
            self.assertEqual(support.read(self.root.encode() + b"/restored/" + name), content)


class Regular(DescriptorCase):
    def test_one_without_a_name(self):
        fd = self.unnamed()
        self.use(fd)
        events = self.assert_ends(self.restorer.backup(w.VERIFY))
        self.assertEqual(events[-1].value, b"")
        self.back_from(fd)
        self.assertEqual(os.fstat(fd).st_size, len(self.plain()))

    def test_memory(self):
        fd = os.memfd_create("backup")
        self.addCleanup(os.close, fd)
        self.use(fd)
        self.assert_ends(self.restorer.backup())
        self.back_from(fd)

    def test_encrypted(self):
        fd = self.unnamed()
        self.use(fd)
        self.restorer.set("Passphrase", "a passphrase")
        self.assert_ends(self.restorer.backup(w.VERIFY))
        self.back_from(fd)

    def test_from_its_offset(self):
        fd = self.unnamed()
        os.write(fd, b"a header")
        self.use(fd)
        self.assert_ends(self.restorer.backup(w.VERIFY))
        self.assertEqual(os.lseek(fd, 0, os.SEEK_CUR), os.fstat(fd).st_size)
        self.assertEqual(os.pread(fd, 8, 0), b"a header")
        self.assertEqual(self.files_in(os.pread(fd, 1 << 30, 8)), self.made)
        os.lseek(fd, 8, os.SEEK_SET)
        self.assert_ends(self.restorer.verify())

    def test_at_the_end_of_one_that_is_appended_to(self):
        support.write(self.root + "/file", b"before")
        fd = self.opened_fd(self.root + "/file", os.O_RDWR | os.O_APPEND)
        self.use(fd)
        self.assert_ends(self.restorer.backup(w.VERIFY))
        data = support.read(self.root + "/file")
        self.assertEqual((data[:6], self.files_in(data[6:])), (b"before", self.made))

    def test_a_longer_one_is_cut(self):
        fd = self.unnamed()
        os.write(fd, b"x" * (20 << 20))
        os.lseek(fd, 0, os.SEEK_SET)
        self.use(fd)
        self.assert_ends(self.restorer.backup())
        self.back_from(fd)

    def test_half_a_backup_is_none(self):
        fd = self.unnamed()
        os.write(fd, b"a header" + b"x" * 100)
        os.lseek(fd, 8, os.SEEK_SET)
        self.use(fd)

        def on_event(event):
            return -1 if event.status == w.STATUS_PROGRESS else None

        self.restorer.set("Threads", 1)
        for number in range(10):
            support.write(self.store + "/more-%d" % number, os.urandom(3 << 20))
        self.assert_fails(self.restorer.backup(0, on_event), w.CANCELED)
        # Whether it was canceled before the first byte is not for this test to say.
        self.assertIn(os.fstat(fd).st_size, (8, 108))

    def test_one_that_was_canceled_at_once_is_as_it_was(self):
        fd = self.unnamed()
        os.write(fd, b"an earlier backup")
        os.lseek(fd, 0, os.SEEK_SET)
        self.use(fd)
        self.assert_fails(self.restorer.backup(0, lambda event: -1), w.CANCELED)
        self.assertEqual(os.pread(fd, 100, 0), b"an earlier backup")

    def test_no_room(self):
        def child():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            fd = self.unnamed()
            restorer = self.new_restorer()
            restorer.set_target_fd(fd)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
            hr, events = restorer.backup()
            self.assertEqual(events[-1].status, w.STATUS_ERROR)
            self.assertIn("descriptor", events[-1].text)
            self.assertEqual(os.fstat(fd).st_size, 0)
            return hr

        self.assert_hr(support.in_child(child), w.FILE_TOO_LARGE)


class Stream(DescriptorCase):
    def received(self, fd, write_end):
        """A backup into one end, while the other is read here."""
        data = []

        def read():
            while piece := os.read(fd, 1 << 16):
                data.append(piece)

        reader = threading.Thread(target=read)
        self.use(write_end)
        reader.start()
        hr, events = self.restorer.backup()
        self.restorer.set_target(None, None)
        os.close(write_end)
        reader.join()
        os.close(fd)
        return (hr, events), b"".join(data)

    def sent(self, data, operation):
        """An operation that reads what comes through a pipe."""
        reader, writer = os.pipe()

        def write():
            try:
                with os.fdopen(writer, "wb") as pipe:
                    pipe.write(data)
            except BrokenPipeError:
                pass

        sender = threading.Thread(target=write)
        self.use(reader)
        os.close(reader)
        sender.start()
        outcome = operation()
        self.restorer.set_target(None, None)
        sender.join()
        return outcome

    def test_a_pipe(self):
        outcome, data = self.received(*os.pipe())
        self.assert_ends(outcome)
        self.assertEqual((self.files_in(data), len(data)), (self.made, len(self.plain())))

    def test_a_socket(self):
        here, there = socket.socketpair()
        outcome, data = self.received(here.detach(), there.detach())
        self.assert_ends(outcome)
        self.assertEqual(self.files_in(data), self.made)

    def test_a_pipe_that_cannot_be_opened_anew(self):
        """It is written in small pieces."""
        support.need_filters()
        anew = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

        def child():
            support.filter_calls(("openat", errno.EACCES, 2, anew, "equal"))
            self.restorer = self.new_restorer()
            outcome, data = self.received(*os.pipe())
            return outcome[0], data

        hr, data = support.in_child(child)
        self.assert_hr(hr, w.S_OK)
        self.assertEqual(self.files_in(data), self.made)

    def test_reading_from_a_pipe(self):
        data = self.plain()
        self.assert_ends(self.sent(data, self.restorer.verify))
        hr, licenses = self.sent(data, lambda: self.restorer.enumerate("backup"))
        self.assertEqual((hr, len(licenses)), (w.S_OK, len(self.made)))
        self.restorer.set("StorePath", self.root + "/restored")
        self.assert_ends(self.sent(data, self.restorer.restore))
        for name, content in self.made.items():
            self.assertEqual(support.read(self.root.encode() + b"/restored/" + name), content)

    def test_one_that_ends_too_early(self):
        data = self.plain()
        for length in 0, 100, len(data) // 2, len(data) - 1:
            hr, _ = self.sent(data[:length], self.restorer.verify)
            self.assertIn(hr, (w.BACKUP_CORRUPT, w.BAD_DATA), length)

    def test_nobody_reads(self):
        """SIGPIPE would end this process, were it raised here."""
        def child():
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            for make in os.pipe, lambda: [end.detach() for end in socket.socketpair()]:
                for flags in 0, w.RUN_HERE:
                    reader, writer = make()
                    self.use(writer)
                    os.close(reader)
                    hr, events = self.restorer.backup(flags)
                    self.assertEqual(events[-1].status, w.STATUS_ERROR)
                    self.assertIn("write the descriptor", events[-1].text)
                    self.assertNotIn(signal.SIGPIPE, signal.sigpending())
                    self.restorer.set_target(None, None)
                    os.close(writer)

        def in_process():
            self.restorer = self.new_restorer()
            child()

        support.in_child(in_process)

    def test_a_cancel_while_nobody_takes_anything(self):
        for make in os.pipe, lambda: [end.detach() for end in socket.socketpair()]:
            reader, writer = make()
            self.use(writer)
            self.assert_hr(self.restorer.start(), w.S_OK)
            # It has begun to write.
            self.assertTrue(os.read(reader, 1))
            self.assert_hr(self.restorer.cancel(), w.S_OK)
            self.assert_hr(self.restorer.finish(), w.CANCELED)
            self.restorer.set_target(None, None)
            os.close(reader)
            os.close(writer)

    def test_a_cancel_while_nobody_sends_anything(self):
        reader, writer = os.pipe()
        self.use(reader)

        def on_event(event):
            if event.status in (w.STATUS_BEGIN, w.STATUS_CONNECTING):
                canceler = threading.Timer(0, self.restorer.cancel)
                canceler.start()
                self.addCleanup(canceler.join)

        for operation in "verify_backup", "restore_licenses":
            outcome = self.restorer.backup(0, on_event, operation)
            self.assert_fails(outcome, w.CANCELED)
        os.close(reader)
        os.close(writer)

    def test_a_pipe_of_the_host_that_does_not_wait(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        outcome, data = self.received(reader, writer)
        self.assert_ends(outcome)
        self.assertEqual(self.files_in(data), self.made)
        reader, writer = os.pipe()
        # What the host's own end does when it cannot write stays as it is.
        self.use(writer)
        self.assertTrue(os.get_blocking(writer))
        os.close(reader)
        os.close(writer)


class Arguments(DescriptorCase):
    def test_no_descriptor(self):
        gone = os.open("/dev/null", os.O_RDWR)
        os.close(gone)
        for fd in -1, -2, gone, (1 << 31) - 1:
            self.assert_hr(self.restorer.set_target_fd(fd), w.E_INVALIDARG)
        self.assert_hr(w.lib.wmlb_restorer_set_target_fd(None, 0), w.E_HANDLE)

    def test_the_wrong_way(self):
        support.write(self.root + "/file", self.plain())
        for flags, refused in (
            (os.O_RDONLY, ["backup_licenses"]),
            (os.O_WRONLY, ["verify_backup", "restore_licenses"]),
            (os.O_PATH, ["backup_licenses", "verify_backup", "restore_licenses"]),
        ):
            self.use(self.opened_fd(self.root + "/file", flags))
            for operation in refused:
                outcome = self.restorer.backup(0, operation=operation)
                self.assert_refused(outcome, w.E_ACCESSDENIED)
        self.use(self.opened_fd(self.root, os.O_RDONLY))
        for operation in "backup_licenses", "verify_backup":
            self.assert_refused(self.restorer.backup(0, operation=operation), w.E_ACCESSDENIED)
        self.assertEqual(support.read(self.root + "/file"), self.plain())

    def test_reading_back(self):
        reader, writer = os.pipe()
        write_only = self.opened_fd(self.root + "/file", os.O_WRONLY | os.O_CREAT, 0o600)
        for fd in writer, write_only:
            self.use(fd)
            self.assert_refused(self.restorer.backup(w.VERIFY), w.E_NOTIMPL)
        os.close(reader)
        os.close(writer)

    def test_it_is_duplicated(self):
        fd = os.open(self.root, os.O_TMPFILE | os.O_RDWR, 0o600)
        copy = os.dup(fd)
        self.use(fd)
        os.close(fd)
        self.assert_ends(self.restorer.backup())
        self.back_from(copy)
        os.close(copy)

    def test_no_descriptor_is_left(self):
        before = os.listdir("/proc/self/fd")
        restorer = w.Restorer()
        restorer.set("StorePath", self.store)
        with tempfile.TemporaryFile() as file:
            self.use(file.fileno(), restorer)
            self.assert_ends(restorer.backup())
        restorer.release()
        self.assertEqual(os.listdir("/proc/self/fd"), before)


if __name__ == "__main__":
    unittest.main()
