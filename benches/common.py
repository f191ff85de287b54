"""What the benchmarks share: the programs they run, the store, the machine."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent


def build(scratch):
    """Builds the library and the programs; returns a function that gives a program's path."""
    subprocess.run([TOP / "tests/build-library.sh"], check=True)
    dist = TOP / os.environ.get("CARGO_TARGET_DIR", "target") / "dist"
    for name in ("measure", "client", "latency"):
        command = [os.environ.get("CC", "cc"), "-std=c99", "-O2", f"-I{TOP}/include", HERE / f"{name}.c",
                   "-o", scratch / name]
        if name != "measure":
            command += [f"-L{dist}", "-lwmlb", f"-Wl,--enable-new-dtags,-rpath,{dist}"]
        subprocess.run(command, check=True)
    return lambda name: scratch / name


def make_store(folder, count, seed=1, kind="mixed"):
    subprocess.run([sys.executable, TOP / "tests/make_store.py", "--out", folder, "--count", str(count),
                    "--seed", str(seed), "--kind", kind], check=True, stdout=subprocess.DEVNULL)
    return folder


def size_of(store):
    """Licenses and bytes of a store."""
    sizes = [os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(store) for name in names]
    return len(sizes), sum(sizes)


def measured(program, command):
    """Seconds and KiB of a command."""
    done = subprocess.run([program("measure"), *command], stdout=subprocess.PIPE, text=True, check=True)
    seconds, kibibytes = done.stdout.split()
    return float(seconds), int(kibibytes)


def machine():
    load = "%.2f %.2f %.2f" % os.getloadavg()
    return f"{len(os.sched_getaffinity(0))} processors, load {load}"
