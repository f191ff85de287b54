"""compare.py --work repeat: backups of a store that has hardly changed since the last one.

Root makes XFS and btrfs in files, where backups share their blocks; without root these are left
out. With DIST_BEFORE, the folder of an older library, first backups are compared with it."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import common
import file_systems
import peers

OURS = "libwmlb, again"
BASE = "tar \\| zstd -3 -T2"
# What has changed within so many seconds before a backup is read by the next one, whatever it is.
YOUNG = 3
CHANGES = 9
IMAGE = 8 << 30
MIB = 1 << 20


class Repeat:
    def __init__(self, bench, count):
        self.bench = bench
        self.count = count
        self.threads = str(bench.arguments.threads)
        self.client = bench.program("client")
        self.rows = []

    def ours(self, store, folder, *wishes):
        return [self.client, store, folder, self.threads, "again", *wishes]

    def begin(self, store, folder, *wishes):
        """The backup that the others repeat."""
        time.sleep(YOUNG)
        subprocess.run(self.ours(store, folder, *wishes), check=True)
        os.sync()

    @staticmethod
    def way(command):
        return lambda: contextlib.nullcontext((command, None))

    def compare(self, title, ways, base=BASE, prepare=None):
        found = self.bench.compare(f"{title}, {self.count:,} licenses", ways, base, prepare)
        for name, runs in found.items():
            if name != base:
                self.row(title, name, runs, base, found[base])
        return found

    def row(self, work, name, runs, base, others):
        """Of runs, and of others in turn with them. Where others have the processors too, their
        seconds tell more than those of the clock."""
        def ratio(which):
            both = zip(runs, others)
            return statistics.median(which(one) / which(other) for one, other in both)

        self.rows.append((
            work, name, "%.3f" % statistics.median(run.seconds for run in runs), base,
            "%.3f" % ratio(lambda run: run.seconds), "%.3f" % ratio(lambda run: run.processor)))

    def store(self, place):
        """A store, of which the backup is there that the others repeat."""
        store = common.make_store(place / "store", self.count, self.bench.arguments.seed)
        self.begin(store, place / "backups")
        return store

    def unchanged(self, place, store, kind):
        base = self.bench.peer(BASE, store, place)
        again = self.way(self.ours(store, place / "backups"))
        self.compare(f"Nothing changed, {kind}", {OURS: again, BASE: base})

    def cold(self, place, store, kind):
        base = self.bench.peer(BASE, store, place)
        again = self.way(self.ours(store, place / "backups"))
        self.compare(f"Nothing changed, cold, {kind}", {OURS: again, BASE: base},
                     prepare=peers.FORGET)

    def encrypted(self, place, store, kind):
        """Of what a passphrase costs, most is scrypt, twice: a backup of next to nothing shows how
        much."""
        small = place / "one"
        small.mkdir()
        (small / "license").write_bytes(b"a license")
        self.begin(store, place / "encrypted", "a passphrase")
        self.begin(small, place / "one-encrypted", "a passphrase")
        found = self.compare(f"Nothing changed, encrypted, {kind}", {
            OURS: self.way(self.ours(store, place / "encrypted", "a passphrase")),
            "of one license": self.way(self.ours(small, place / "one-encrypted", "a passphrase")),
            BASE: self.bench.peer(BASE, store, place),
        })
        # Medians: scrypt's own time differs by more than the rest takes.
        small, large = found["of one license"], found[OURS]
        seconds = middle(large, "seconds") - middle(small, "seconds")
        processor = middle(large, "processor") - middle(small, "processor")
        ratios = seconds / middle(found[BASE], "seconds"), processor / middle(found[BASE], "processor")
        self.rows.append((f"Nothing changed, encrypted, {kind}, without that of one license", OURS,
                          "%.3f" % seconds, BASE, *("%.3f" % ratio for ratio in ratios)))

    def peers(self, place, store):
        """Repeat runs of others, who have made theirs before."""
        ways = {OURS: self.way(self.ours(store, place / "backups"))}
        for name, (programs, first, again) in peers.REPEATS.items():
            missing = [program for program in programs if not shutil.which(program)]
            if missing:
                print(f"Left out: {name}, for want of {', '.join(missing)}.\n")
                continue
            where = place / re.sub(r"\W", "-", name)
            subprocess.run(["sh", "-c", first, "sh", store, where], check=True,
                           stdout=subprocess.DEVNULL)
            ways[name] = self.way(["sh", "-c", again, "sh", store, where])
        self.compare("Nothing changed, and others", ways, base=OURS)

    def first(self, place, store):
        before = os.environ.get("DIST_BEFORE")
        ways = {name: self.first_of(store, place, library) for name, library in (
            ("libwmlb, first", common.library_folder()), ("libwmlb before", before)) if library}
        ways[BASE] = self.bench.peer(BASE, store, place)
        self.compare("First backup", ways, base="libwmlb before" if before else BASE)

    def first_of(self, store, place, library):
        @contextlib.contextmanager
        def way():
            folder = self.bench.fresh("first", place)
            command = [self.client, store, folder, self.threads]
            yield ["env", f"LD_LIBRARY_PATH={library}", *command], folder / "licenses.wmlb"
        return way

    def written(self, place, store, kind):
        """What a backup writes after one license has changed: of its file, what it does not share
        with the one before, and all that reaches the disk."""
        licenses = sorted(path for path in store.rglob("*") if path.is_file())
        target, kept = place / "backups/licenses.wmlb", place / "before.wmlb"
        amounts = []
        for number in range(CHANGES):
            path = licenses[(2 * number + 1) * len(licenses) // (2 * CHANGES)]
            path.write_bytes(path.read_bytes())
            time.sleep(YOUNG)
            kept.unlink(missing_ok=True)
            os.link(target, kept)
            os.sync()
            before = sectors_written(place)
            run = self.bench.measure(self.ours(store, place / "backups"))
            os.sync()
            device = 512 * (sectors_written(place) - before)
            amounts.append((own_bytes(target) / MIB, device / MIB, run.seconds))
        own, device, seconds = (statistics.median(column) for column in zip(*amounts))
        self.rows.append((f"1 changed, {kind}: {own:.2f} MiB of the file are not shared "
                          f"(at most {max(amounts)[0]:.2f}), {device:.2f} MiB reach the disk",
                          OURS, "%.3f" % seconds, "-", "-", "-"))

    def watch(self, place, store, kind):
        """From a change to the end of the backup that has it, without the time of settling."""
        settle = YOUNG
        command = [self.bench.program("wmlb"), "watch", "--json", "--settle", str(settle), store,
                   place / "backups"]
        licenses = sorted(path for path in store.rglob("*") if path.is_file())
        times, floors = [], []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
            try:
                await_done(watch)
                for number in range(CHANGES):
                    path = licenses[(2 * number + 1) * len(licenses) // (2 * CHANGES)]
                    path.write_bytes(path.read_bytes())
                    begin = time.monotonic()
                    await_done(watch)
                    times.append(time.monotonic() - begin - settle)
                    floors.append(self.floor(store, place / "backups/licenses.wmlb"))
            finally:
                watch.terminate()
        self.rows.append((f"watch, {kind}: change to durable backup, {min(times):.3f} - "
                          f"{max(times):.3f}", "wmlb watch", "%.3f" % statistics.median(times), "-",
                          "-", "-"))
        parts = {part: statistics.median(floor[part] for floor in floors) for part in floors[0]}
        self.rows.append((f"the calls alone, {kind}, ms: "
                          + ", ".join(f"{part} {time:.1f}" for part, time in parts.items()),
                          "floor", "%.3f" % (sum(parts.values()) / 1000), "-", "-", "-"))

    def floor(self, store, file):
        """Milliseconds of the calls that such a backup needs at least, of what shares blocks."""
        done = subprocess.run([self.bench.program(common.REPEAT_FLOOR), store, file], check=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def show(self):
        print("### Repeat\n")
        print("| work | | median s | against | ratio in pairs | of the processors |")
        print("|---|---|---:|---|---:|---:|")
        for row in self.rows:
            print(f"| {' | '.join(row)} |")
        print(flush=True)


def middle(runs, field):
    return statistics.median(getattr(run, field) for run in runs)


def await_done(watch):
    for line in watch.stdout:
        if json.loads(line)["event"] == "done":
            return
    raise SystemExit("the watch has ended")


def sectors_written(place):
    """To the device that a folder is on."""
    source = subprocess.run(["findmnt", "-no", "SOURCE", "-T", place], stdout=subprocess.PIPE,
                            text=True, check=True).stdout.strip()
    name = pathlib.Path(source.partition("[")[0]).name
    return int(pathlib.Path("/sys/class/block", name, "stat").read_text().split()[6])


def own_bytes(file):
    """Bytes of a file in extents that no other file has."""
    path = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    listed = subprocess.run(["filefrag", "-v", "-b4096", file], stdout=subprocess.PIPE, text=True,
                            check=True, env=path).stdout
    rows = re.findall(r"^ *\d+: +\d+\.\. *\d+: +\d+\.\. *\d+: +(\d+):(.*)$", listed, re.M)
    return sum(4096 * int(length) for length, flags in rows
               if not {"shared", "unwritten"} & set(re.split(r"[\s,]+", flags)))


# What can be measured apart from the rest: --parts.
PARTS = ("xfs", "btrfs", "here", "encrypted", "first", "peers", "cold")


def run(bench, count, parts):
    repeat = Repeat(bench, count)
    for kind in ("xfs", "btrfs"):
        if kind not in parts:
            continue
        if not file_systems.can_make(kind):
            print(f"Left out: {kind}, for want of mkfs.{kind} or root.\n")
            continue
        with file_systems.mounted(kind, bench.scratch / kind, IMAGE) as place:
            store = repeat.store(place)
            repeat.unchanged(place, store, kind)
            repeat.written(place, store, kind)
            repeat.watch(place, store, kind)
    if set(parts) - {"xfs", "btrfs"}:
        run_here(repeat, bench.scratch / "place-of-scratch", parts)
    repeat.show()


def run_here(repeat, place, parts):
    """On the file system of the scratch folder."""
    place.mkdir()
    kind = subprocess.run(["stat", "-f", "-c", "%T", place], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()
    store = repeat.store(place)
    if "here" in parts:
        repeat.unchanged(place, store, kind)
    if "encrypted" in parts:
        repeat.encrypted(place, store, kind)
    if "first" in parts:
        repeat.first(place, store)
    if "peers" in parts:
        repeat.peers(place, store)
    if "cold" in parts and os.access("/proc/sys/vm/drop_caches", os.W_OK):
        repeat.cold(place, store, kind)
    shutil.rmtree(place)
