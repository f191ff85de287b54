#!/usr/bin/env python3
"""Measures libwmlb-remote as it is shipped: figures.py DIST [PART...], after packaging/build.sh and
packaging/build-remote.sh, with the servers that run.sh has fetched (WMLB_REMOTE_SERVERS).

Parts: size, license, fleet, races, backup. None: all of them. WMLB_REMOTE_LICENSES=1000 and
WMLB_REMOTE_DEVICES=100, WMLB_REMOTE_RACES=10 make them smaller, WMLB_REMOTE_SERVER=moto races there
alone.
"""

import collections
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RACES_AT_ONCE = 6


def count(name, usual):
    return int(os.environ.get("WMLB_REMOTE_" + name, usual))


def timed(command, **options):
    """Seconds and the largest memory in MiB of a program that succeeds."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command}: {status}")
    return time.monotonic() - begin, used.ru_maxrss / 1024


def measure_size(dist, _):
    size = os.path.getsize(os.path.join(dist, "libwmlb-remote.so.1"))
    print(f"size: libwmlb-remote.so has {size / (1 << 20):.2f} MiB")


def make_store(folder):
    store = os.path.join(folder, "store")
    licenses = count("LICENSES", 100_000)
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/make_store.py"), "--out", store,
                    "--count", str(licenses)], check=True, stdout=subprocess.DEVNULL)
    return store


def measure_backup(_, folder):
    store = make_store(folder)
    local = os.path.join(folder, "local")
    rclone = os.path.join(servers.BIN, "rclone")
    time.sleep(4)
    with servers.SeaweedFS() as server:
        url = server.url("figures")
        for run in range(3):
            shutil.rmtree(local, ignore_errors=True)
            here, memory = timed([COMMAND, "backup", "-q", "-s", store, local])
            file = os.path.join(local, "licenses.wmlb")
            size = os.path.getsize(file)
            copy, _ = timed([
                rclone, "copyto", "-q", "--s3-provider=Other", "--s3-no-check-bucket",
                f"--s3-endpoint=http://127.0.0.1:{server.port}", "--s3-access-key-id=someid",
                "--s3-secret-access-key=somesecret", "--ignore-times",
                file, f":s3:bucket/copy/{run}",
            ], env={**os.environ, "RCLONE_CONFIG": "/dev/null"})
            whole, most = timed([COMMAND, "backup", "-q", "-d", f"d{run}", "-s", store, url], env=KEYS)
            with proxy.Proxy(server.port) as between:
                through = server.url("figures", between.port)
                again, repeat = timed([COMMAND, "backup", "-q", "--force", "-d", f"d{run}", "-s", store, through],
                                      env=KEYS)
                sent = between.sent
            print(f"backup: local {here:.2f} s ({memory:.0f} MiB), rclone copy {copy:.2f} s, bucket {whole:.2f} s "
                  f"({most:.0f} MiB): {whole / (here + copy):.2f} of both; repeat {again:.2f} s "
                  f"({repeat:.0f} MiB), sends {sent} of {size} bytes: {100 * sent / size:.2f} %", flush=True)


def measure_license(_, folder):
    store = make_store(folder)
    licenses = sorted(os.path.relpath(os.path.join(at, name), store)
                      for at, _, names in os.walk(store) for name in names)
    with servers.SeaweedFS() as server:
        timed([COMMAND, "backup", "-q", "-d", "d", "-s", store, server.url("one")], env=KEYS)
        for name in licenses[:: len(licenses) // 5]:
            with proxy.Proxy(server.port) as between:
                target = tempfile.mkdtemp(dir=folder)
                seconds, memory = timed([COMMAND, "restore", "-q", "-d", "d", "--only", name, "-s", target,
                                         server.url("one", between.port)], env=KEYS)
                print(f"license: {len(between.requests)} requests, {between.bytes / (1 << 20):.2f} MiB, "
                      f"{seconds:.2f} s, {memory:.0f} MiB: {[path.partition('?')[0][-20:] for _, path in between.requests]}",
                      flush=True)


def measure_fleet(_, folder):
    devices = count("DEVICES", 10_000)
    store = os.path.join(folder, "one")
    os.mkdir(store)
    with open(os.path.join(store, "license"), "wb") as file:
        file.write(b"content")
    with servers.SeaweedFS() as server:
        url = server.url("fleet")
        timed([COMMAND, "backup", "-q", "-d", "first", "-s", store, url], env=KEYS)
        _, head = server.request("GET", f"/{servers.BUCKET}/fleet/first/HEAD")
        generation = json.loads(head)["generation"]
        _, content = server.request("GET", f"/{servers.BUCKET}/fleet/first/g/{generation}")

        def simulate(number):
            for name, body in ((f"g/{generation}", content), ("HEAD", head)):
                status, _ = server.request("PUT", f"/{servers.BUCKET}/fleet/device{number:06}/{name}", body)
                assert status == 200, status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(simulate, range(devices - 1)))
        for _ in range(3):
            begin = time.monotonic()
            said = subprocess.run([COMMAND, "devices", "--json", url], env=KEYS, check=True, stdout=subprocess.PIPE)
            seconds = time.monotonic() - begin
            print(f"fleet: {len(json.loads(said.stdout))} devices in {seconds:.2f} s", flush=True)


def measure_races(_, folder):
    store = os.path.join(folder, "racing")
    os.mkdir(store)
    with open(os.path.join(store, "license"), "wb") as file:
        file.write(b"content")
    races, chosen = count("RACES", 1000), os.environ.get("WMLB_REMOTE_SERVER", "")

    def race(kind, server, number):
        url = server.url("races", deadline=600)  # a machine may be halted meanwhile
        command = [COMMAND, "backup", "-q", "-d", f"d{number}", "-s", store, url]
        racers = [subprocess.Popen(command, env=KEYS, stderr=subprocess.PIPE, text=True) for _ in range(12)]
        said = [racer.communicate()[1] for racer in racers]
        for racer, words in zip(racers, said):
            if racer.returncode not in (0, 4):
                print(f"races: {kind.name}: race {number}: {words.strip()}", flush=True)
        return tuple(sorted(collections.Counter(racer.returncode for racer in racers).items()))

    for kind in (servers.Moto, servers.SeaweedFS):
        if chosen not in ("", kind.name):
            continue
        outcomes, begin = collections.Counter(), time.monotonic()
        # SeaweedFS has those wait a second that meet at one object: other races go on meanwhile.
        with kind() as server, contextlib.ExitStack() as stack:
            pool = concurrent.futures.ThreadPoolExecutor(RACES_AT_ONCE)
            running = [pool.submit(race, kind, server, number) for number in range(races)]
            stack.callback(pool.shutdown, cancel_futures=True)
            for number, done in enumerate(concurrent.futures.as_completed(running), 1):
                outcomes[done.result()] += 1
                if number % 50 == 0 or number == races:
                    seconds = time.monotonic() - begin
                    print(f"races: {kind.name}: exit codes and how many: {dict(outcomes)} in {seconds:.0f} s",
                          flush=True)


PARTS = {"size": measure_size, "license": measure_license, "fleet": measure_fleet,
         "races": measure_races, "backup": measure_backup}


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(PARTS):
        sys.exit(__doc__)
    dist = os.path.abspath(sys.argv[1])
    import proxy
    import servers

    # What was started is ended, and what was written removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="wmlb-figures.")
        stack.callback(shutil.rmtree, folder)
        COMMAND = os.path.join(folder, "wmlb")
        subprocess.run([
            "cc", "-O2", "-pthread", "-D_FILE_OFFSET_BITS=64", "-I" + os.path.join(ROOT, "include"),
            *(os.path.join(ROOT, "cli", name) for name in os.listdir(os.path.join(ROOT, "cli")) if name.endswith(".c")),
            "-L" + dist, "-lwmlb", "-ldl", "-Wl,-rpath," + dist, "-o", COMMAND,
        ], check=True)
        KEYS = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "someid", "AWS_SECRET_ACCESS_KEY": "somesecret"}
        for part in sys.argv[2:] or PARTS:
            with tempfile.TemporaryDirectory(dir=folder) as inside:
                PARTS[part](dist, inside)
