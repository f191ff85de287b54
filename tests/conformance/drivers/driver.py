"""The driver of Python: makes the calls of README.md through the package.

    driver.py                backup() and so on; an operation that is started has a thread
    driver.py asyncio        backup_async() and so on
    driver.py interpreter    as without, in a sub-interpreter, as Kodi gives each add-on
"""

import asyncio
import os
import sys
import threading

import wmlb
from wmlb._native import Code

BACKUP = {"overwrite": 0x1, "partial": 0x100, "verify": 0x200, "empty": 0x800}
RESTORE = {"individualize": 0x2, "overwrite": 0x100, "allow_clear": 0x1000}
VERIFY = {"allow_clear": 0x1000}
OPERATIONS = {
    "backup": ("BackupPath", BACKUP), "restore": ("RestorePath", RESTORE),
    "verify": ("RestorePath", VERIFY),
}
# A call on the user's thread is what Python's all are.
RUN_HERE = 0x10000


class NotHere(Exception):
    """The package has no such thing."""


class Memory(wmlb.HostStore):
    def __init__(self):
        self.held, self.staged = {}, {}

    def licenses(self):
        return [wmlb.HostLicense(name, data.encode()) for name, data in self.held.items()]

    def put(self, license):
        self.staged[license.name] = license.data.decode()

    def commit(self):
        self.held.update(self.staged)


class Host:
    """A restorer, its settings, and the operation that runs on it."""

    def __init__(self):
        self.properties = {}
        self.memory = None
        self.restorer = wmlb.Restorer()
        self.running = None

    def set(self, name, value):
        self.restorer.set_property(name, value)
        self.properties[name] = value

    def hold(self, pairs):
        self.memory = Memory()
        self.memory.held = dict(pair.split("=", 1) for pair in pairs)
        self.restorer.close()
        self.restorer = wmlb.Restorer(self.memory)
        for name, value in self.properties.items():
            self.restorer.set_property(name, value)

    def call(self, kind, flags, on_event):
        """The function of an operation, and what it is given."""
        path, names = OPERATIONS[kind]
        flags = int(flags) & ~RUN_HERE
        options = {name: True for name, flag in names.items() if flags & flag}
        if path not in self.properties or flags & ~sum(names.values()):
            raise NotHere
        return kind, self.properties[path], {**options, "on_event": on_event}


def say(event):
    text = event.value if isinstance(event.value, str) else ""
    if isinstance(event.value, wmlb.Progress):
        now = event.value
        text = "%d %d %d %d" % (
            now.licenses_done, now.licenses_total, now.licenses_restricted, now.licenses_skipped
        )
    elif isinstance(event.value, wmlb.Fewer):
        text = "%d %d" % (event.value.before, event.value.now)
    print("event %d %d %s" % (event.status, event.code, text))


def result_of(summary):
    return Code.S_OK if summary.complete else Code.NS_E_DRM_STORE_NOTALLSTORED


class Threads:
    """Operations as functions that block: one that is started has a thread, and is held in its
    first event until it is looked at."""

    def __init__(self):
        self.may_go = threading.Event()
        self.leaving = False

    def run(self, host, kind, path, options):
        return result_of(getattr(host.restorer, kind)(path, **options))

    def start(self, host, kind, path, options):
        begun, refused, own = threading.Event(), [], []
        host.result = None

        def on_event(event):
            begun.set()
            self.may_go.wait()
            if self.leaving:
                raise SystemExit
            own.append(event)

        def body():
            try:
                host.result = self.run(host, kind, path, {**options, "on_event": on_event})
            except wmlb.WmlbError as failure:
                refused.append(failure)
                host.result = failure.code
            begun.set()

        thread = threading.Thread(target=body)
        thread.start()
        begun.wait()
        if not own and refused:
            raise refused[0]
        host.running = thread, own

    def drain(self, hosts):
        self.may_go.set()
        for host in hosts:
            if host.running is not None:
                thread, own = host.running
                thread.join()
                for event in own:
                    say(event)

    def leave(self):
        self.leaving = True
        self.may_go.set()

    def cancel_elsewhere(self, host):
        thread = threading.Thread(target=host.restorer.cancel)
        thread.start()
        thread.join()


class Tasks:
    """Operations as tasks of a loop, which runs only while a call is made."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    async def operate(self, host, kind, path, options):
        return result_of(await getattr(host.restorer, kind + "_async")(path, **options))

    def run(self, host, kind, path, options):
        return self.loop.run_until_complete(self.operate(host, kind, path, options))

    def start(self, host, kind, path, options):
        if host.running is not None:
            raise wmlb.BusyError(Code.NS_E_DRM_BACKUPRESTORE_BUSY)
        own, host.result = [], None
        task = self.loop.create_task(
            self.operate(host, kind, path, {**options, "on_event": own.append})
        )
        host.running = task, own
        self.loop.run_until_complete(asyncio.sleep(0))

    def drain(self, hosts):
        for host in hosts:
            if host.running is not None:
                task, own = host.running
                try:
                    host.result = self.loop.run_until_complete(task)
                except wmlb.WmlbError as failure:
                    host.result = failure.code
                for event in own:
                    say(event)

    def leave(self):
        """Leaves everything as it is."""

    def cancel_elsewhere(self, host):
        raise NotHere


class Driver:
    def __init__(self, way):
        self.way = way
        self.hosts = []

    def call(self, name, *words):
        if name in OPERATIONS:
            return self.operate(name, *words)
        return getattr(self, name)(*words) or 0

    def reset(self):
        for host in self.hosts:
            host.restorer.cancel()
            self.way.drain([host]) if host.running else None
            host.restorer.close()
        self.hosts = []
        self.way = type(self.way)()

    def new(self):
        self.host = Host()
        self.hosts.append(self.host)

    def use(self, number):
        self.host = self.hosts[int(number)]

    def set(self, name, value):
        self.host.set(name, value)

    def number(self, name, value):
        self.host.set(name, int(value))

    def operate(self, kind, flags, way=None, status=None):
        canceled = []

        def on_event(event):
            say(event)
            if way is not None and event.status == int(status) and not canceled:
                canceled.append(way)
                if way == "restorer":
                    self.host.restorer.cancel()
                elif way == "answer":
                    self.way.cancel_elsewhere(self.host)
                else:
                    raise NotHere

        return self.way.run(self.host, *self.host.call(kind, flags, on_event))

    def start(self, kind, flags):
        self.way.start(self.host, *self.host.call(kind, flags, None))

    def drain(self):
        self.way.drain(self.hosts)

    def wait(self):
        raise NotHere if self.host.running is None else Finished(self.host.result)

    def cancel(self):
        return Code.S_OK if self.host.restorer.cancel() else Code.S_FALSE

    def release(self):
        if self.host.running is not None:
            raise NotHere
        self.host.restorer.close()

    def list(self, what):
        if what == "backup":
            licenses = self.host.restorer.list_backup(self.host.properties["RestorePath"])
        else:
            licenses = self.host.restorer.list_store()
        for license in licenses:
            print("name", license.name)

    def words(self):
        print("name", self.host.restorer._last_error())

    def hold(self, *pairs):
        self.host.hold(pairs)

    def held(self):
        for pair in self.host.memory.held.items():
            print("name %s=%s" % pair)

    def target(self):
        raise NotHere

    def open(self, *_):
        raise NotHere

    def exit(self):
        self.way.leave()
        raise EOFError


class Finished(Exception):
    """The result of what was waited for."""


def main(way):
    driver = Driver(way())
    for line in sys.stdin:
        try:
            print("result %d" % driver.call(*line.split()))
        except NotHere:
            print("no")
        except Finished as finished:
            print("result %d" % finished.args[0])
        except wmlb.WmlbError as failure:
            print("result %d" % failure.code)
        except EOFError:
            break
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:] == ["interpreter"]:
        import _xxsubinterpreters as interpreters

        with open(__file__) as file:
            source = file.read()
        interpreters.run_string(
            interpreters.create(isolated=False),
            # The end of an interpreter waits for its threads, in the one that made it. This module
            # ends it in any, so that here it is done by hand.
            "import sys\nsys.argv = ['driver.py']\n" + source
            + "\nthreading._shutdown()\n",
        )
    else:
        main(Tasks if sys.argv[1:] == ["asyncio"] else Threads)
