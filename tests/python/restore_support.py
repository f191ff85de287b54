"""What the tests of restores share: a backup to restore, and exact looks at a store."""

import collections
import json
import os
import re
import stat

import support
import wmlb_ctypes as w

STAGING = re.compile(r"\.wmlb-restore-[0-9a-f]{16}")
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def snapshot(path):
    """Everything below a folder: name -> (kind, mode, mtime in ns, content). None when there
    is nothing at path. Folders' times are not looked at: whatever is done in one changes it.
    Paths may be longer than the system takes at once.
    """
    found = {}

    def look(folder, prefix):
        for name in sorted(os.listdir(folder)):
            name = os.fsencode(name)
            status = os.lstat(name, dir_fd=folder)
            mode, kind = oct(stat.S_IMODE(status.st_mode)), stat.S_IFMT(status.st_mode)
            if kind == stat.S_IFDIR:
                found[prefix + name] = ("folder", mode)
                below = os.open(name, FOLDER_FLAGS, dir_fd=folder)
                try:
                    look(below, prefix + name + b"/")
                finally:
                    os.close(below)
            elif kind == stat.S_IFREG:
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
                with os.fdopen(file, "rb") as file:
                    content = file.read()
                found[prefix + name] = ("file", mode, status.st_mtime_ns, content)
            elif kind == stat.S_IFLNK:
                target = os.readlink(name, dir_fd=folder)
                found[prefix + name] = ("link", target)
            else:
                found[prefix + name] = ("special", kind, mode)

    try:
        root = os.open(path, FOLDER_FLAGS)
    except FileNotFoundError:
        return None
    try:
        found[b""] = ("folder", oct(stat.S_IMODE(os.fstat(root).st_mode)))
        look(root, b"")
    finally:
        os.close(root)
    return found


def files_of(path):
    """name -> content of the files below a folder."""
    found = snapshot(path) or {}
    return {name: entry[3] for name, entry in found.items() if entry[0] == "file"}


def difference(found, expected):
    """Few words about how two snapshots differ."""
    if found is None or expected is None:
        return "there is%s a store, and there should be%s" % (
            "" if found is not None else " no", "" if expected is not None else " none",
        )
    words = []
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            looks = [
                str(where.get(name))[:120] for where in (found, expected)
            ]
            words.append("%r: %s, expected %s" % (name, *looks))
    return "; ".join(words[:6])


def write_deep(folder, name, content=b"", mtime_ns=None):
    """As support.write, for names that are longer than a path may be."""
    *above, last = name.split(b"/")
    at = os.open(folder, FOLDER_FLAGS)
    try:
        for component in above:
            try:
                os.mkdir(component, 0o700, dir_fd=at)
            except FileExistsError:
                pass
            below = os.open(component, FOLDER_FLAGS, dir_fd=at)
            os.close(at)
            at = below
        file = os.open(last, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=at)
        with os.fdopen(file, "wb") as file:
            file.write(content)
            file.flush()
            if mtime_ns is not None:
                os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
    finally:
        os.close(at)


class RestoreCase(support.StoreCase):
    """A folder that a backup is made of, and a store to restore to in a place of its own, so
    that what is left beside it shows."""

    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.root, "source")
        self.place = os.path.join(self.root, "place")
        self.store = os.path.join(self.place, "store")
        os.mkdir(self.source)
        os.mkdir(self.place)
        self.saver = self.new_restorer(store=self.source)
        self.restorer = self.new_restorer(RestorePath=self.backups)

    def new_target(self, **properties):
        """Another restorer for the same backup and store."""
        properties.setdefault("RestorePath", self.backups)
        return self.new_restorer(**properties)

    def save(self, files=None, mtime_ns=1600000000123456789):
        """A backup of the source, to which these files were added: name -> content, or
        (content, time)."""
        for name, content in (files or {}).items():
            content, time_ns = content if isinstance(content, tuple) else (content, mtime_ns)
            write_deep(self.source, name, content, time_ns)
        self.assert_ends(self.saver.backup(w.OVERWRITE | w.EMPTY))

    def put(self, files, mtime_ns=1500000000000000000):
        """Files into the store, which is made."""
        os.makedirs(self.store, exist_ok=True)
        for name, content in files.items():
            content, time_ns = content if isinstance(content, tuple) else (content, mtime_ns)
            write_deep(self.store, name, content, time_ns)

    def back_up(self, store=None):
        """A backup of the store, which puts right what a restore left: its result and words."""
        restorer = self.new_restorer(store=store or self.store, backups=self.root + "/opened")
        hr, _ = restorer.backup(w.OVERWRITE | w.EMPTY)
        return hr, restorer.last_error() if hr < 0 else ""

    def write_archive(self, data):
        support.write(self.target, data)

    def restored(self, store=None):
        """What a fresh store must be after a restore of the source. On a file system with
        the same times, that is."""
        expected = {}
        for name, entry in snapshot(self.source).items():
            if entry[0] == "file":
                expected[name] = ("file", "0o600") + entry[2:]
                above = os.path.dirname(name)
                while above:
                    expected[above] = ("folder", "0o700")
                    above = os.path.dirname(above)
        expected[b""] = ("folder", "0o700")
        return expected

    def assert_same(self, found, expected, message=""):
        if found != expected:
            self.fail(message + ": " + difference(found, expected))

    def assert_alone(self, names=("store",)):
        """Nothing lies beside the store, and no staging folder in it."""
        self.assertEqual(sorted(os.listdir(self.place)), sorted(names))
        if os.path.isdir(self.store):
            self.assertEqual(list(filter(STAGING.fullmatch, os.listdir(self.store))), [])

    def kept(self):
        """What was in the store, and is kept beside it since somebody has written there since."""
        (name,) = filter(STAGING.fullmatch, os.listdir(self.place))
        found = files_of(os.path.join(self.place, name))
        return sorted(content for name, content in found.items() if name.startswith(b"old-"))

    def assert_untouched(self, outcome, expected, before, *words, names=None):
        """A failed restore that left everything as it was."""
        events = self.assert_fails(outcome, expected, *words)
        self.assert_same(snapshot(self.place), before, "the store was touched")
        return events

    def skipped(self, events):
        return [
            (event.value, event.hr) for event in events if event.status == w.STATUS_SKIPPED
        ]


def last_progress(event):
    """Whether it is the PROGRESS after the last license: what comes next is the commit."""
    if event.status != w.STATUS_PROGRESS or event.progress.licenses_total == 0:
        return False
    progress = event.progress
    return progress.licenses_total == progress.licenses_done + progress.licenses_skipped


def run_here(archive, store, operations, flags, threads):
    """Operations on a file: {operation: (result, words, number)}, and the most memory that
    this process took more meanwhile, in KiB."""
    found = {}
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS")
    for operation in operations:
        restorer = w.Restorer()
        for name, value in (
            ("RestorePath", archive), ("StorePath", store), ("Threads", int(threads))
        ):
            assert restorer.set(name, value) == w.S_OK
        if operation == "enumerate":
            # What the test itself would keep of them does not count.
            seen = collections.Counter()
            hr, _ = restorer.enumerate("backup", lambda license: seen.update("x"), keep=False)
            found[operation] = hr, restorer.last_error() if hr else "", seen["x"]
            continue
        hr, events = getattr(restorer, operation)(flags if operation == "restore" else 0)
        skipped = [event for event in events if event.status == w.STATUS_SKIPPED]
        found[operation] = hr, events[-1].value.decode(errors="replace"), len(skipped)
    return found, memory("VmHWM") - before


def memory(kind):
    """Of this process, in KiB."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind + ":"))


IN_AN_INTERPRETER = """
import json, restore_support
archive, store, operations, flags, threads = sys.argv[1:]
operations = operations.split(",")
print(json.dumps(restore_support.run_here(archive, store, operations, int(flags), int(threads))))
"""


def run_apart(archive, store, operations, flags=w.RESTORE_INDIVIDUALIZE, threads=2, timeout=120):
    """As run_here, in an interpreter of its own."""
    done = support.run_python(
        IN_AN_INTERPRETER, archive, store, ",".join(operations), str(flags), str(threads),
        timeout=timeout,
    )
    if done.returncode != 0:
        raise AssertionError("%s\n%s" % (done.returncode, done.stderr.decode(errors="replace")))
    found, peak = json.loads(done.stdout)
    return found, peak
