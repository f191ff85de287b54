"""What the benchmarks share: the programs they run, the store, the machine."""
import collections
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
# Seconds after which a file is not taken for one that is being written to
# (src/store/directory/clock.rs).
MOMENT = 4
PROGRAMS = ("measure", "client", "restorer", "latency", "start")
# Needs Linux's own headers, and two threads.
REPEAT_FLOOR = "repeat_floor"
# Has the compiler look for zstd's header.
HAS_ZSTD = "#include <zstd.h>"

# Of a command: seconds on the clock and of the processors, KiB of its largest process.
Run = collections.namedtuple("Run", "seconds processor kibibytes")


def build(scratch):
    """Builds the library and the programs; returns a function that gives a program's path. With
    DIST, the library is the one in that folder."""
    if not os.environ.get("DIST"):
        subprocess.run([TOP / "packaging/build.sh"], check=True)
    dist = library_folder()
    for name in PROGRAMS:
        command = [os.environ.get("CC", "cc"), "-std=c99", "-O2", f"-I{TOP}/include", HERE / f"{name}.c",
                   "-o", scratch / name]
        if name == "start":
            command += ["-ldl"]
        elif name != "measure":
            command += [f"-L{dist}", "-lwmlb", f"-Wl,--enable-new-dtags,-rpath,{dist}"]
        subprocess.run(command, check=True)
    if sys.platform == "linux":
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O2", "-pthread", HERE / f"{REPEAT_FLOOR}.c",
                        "-o", scratch / REPEAT_FLOOR], check=True)
    if can_build_floor():
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O2", "-pthread", HERE / "floor.c", "-o",
                        scratch / "floor", "-lzstd"], check=True)
    command = [os.environ.get("CC", "cc"), "-std=c11", "-O2", "-pthread", f"-I{TOP}/include", *TOP.glob("cli/*.c"),
               "-o", scratch / "wmlb", f"-L{dist}", "-lwmlb", f"-Wl,--enable-new-dtags,-rpath,{dist}"]
    subprocess.run(command, check=True)
    return lambda name: scratch / name


def can_build_floor():
    command = [os.environ.get("CC", "cc"), "-E", "-x", "c", "-"]
    return subprocess.run(command, input=HAS_ZSTD, text=True, capture_output=True).returncode == 0


def library_folder():
    return pathlib.Path(os.environ.get("DIST") or TOP / os.environ.get("CARGO_TARGET_DIR", "target") / "dist").absolute()


def make_store(folder, count, seed=1, kind="mixed"):
    """A store that rests: what changed a moment ago is read twice by a backup, and players'
    licenses are older."""
    subprocess.run([sys.executable, TOP / "tests/make_store.py", "--out", folder, "--count", str(count),
                    "--seed", str(seed), "--kind", kind], check=True, stdout=subprocess.DEVNULL)
    time.sleep(MOMENT)
    return folder


def size_of(store):
    """Licenses and bytes of a store."""
    sizes = [os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(store) for name in names]
    return len(sizes), sum(sizes)


def measured(program, command):
    done = subprocess.run([program("measure"), *command], stdout=subprocess.PIPE, text=True, check=True)
    seconds, processor, kibibytes = done.stdout.split()[-3:]
    return Run(float(seconds), float(processor), int(kibibytes))


def busy_seconds():
    """What all processors have worked so far, for anybody."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def machine():
    load = "%.2f %.2f %.2f" % os.getloadavg()
    return f"{processors()} processors, load {load}"


def processors():
    return len(os.sched_getaffinity(0))


def description(scratch):
    """The machine, in a line."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    kind = subprocess.run(["stat", "-f", "-c", "%T", scratch], stdout=subprocess.PIPE, text=True, check=True)
    return (f"{processors()} processors ({model[1] if model else platform.machine()}), {memory:.0f} GiB of memory, "
            f"{platform.system()} {platform.release()}, {kind.stdout.strip()}")
