"""Random changes of small stores, and a repeat backup after each: it must be, byte for byte, what a
backup without an earlier one is.

    python3 reuse_scripts.py SCRIPTS [SEED]     runs so many
"""

import os
import random
import shutil
import sys
import tempfile
import time

import reuse_support
import wmlb_ctypes as w
from reuse_editor import Editor, Racer

# Seconds by which the clock is ahead of the files' where another process changes the store. What
# it changes in the second in which the backup begins, or later, is young then; all else is old.
RACING = 2


def settings(dice):
    return {
        "CompressionLevel": dice.choice((1, 1, 3)),
        "UnstatedRights": dice.choice(("allow", "allow", "deny")),
        "Threads": dice.choice((1, 2)),
    }


# Which the clock of this process is not.
CLOCK_REALTIME_COARSE = 5


def now():
    """By the clock of the files."""
    return time.clock_gettime(CLOCK_REALTIME_COARSE)


def next_second():
    return int(now()) + 1


def race(scene, racer, dice):
    """Backups while another process changes the store. Gives the second that it waits for."""
    yield next_second()
    scene.backup(ahead=RACING)
    yield next_second()
    racer.begin(scene.store, dice.randrange(1 << 32), dice.randrange(1, 30))
    done = False
    while not done:
        hr, _, words = scene.backup(ahead=RACING)
        # What it removes may be listed already, and a folder may change each time it is listed.
        assert hr >= 0 or hr in (w.NOT_ALL_STORED, w.SHARING_VIOLATION), (w.describe(hr), words)
        done = racer.is_done()


def run(root, seed, racer, counts):
    """One script, which gives seconds that it waits for; counts what was done."""
    dice = random.Random(seed)
    scene = reuse_support.Scene(root)
    scene.flags = dice.choice((0, w.RUN_HERE))
    editor = Editor(scene.store, dice)
    for _ in range(dice.randrange(1, dice.choice((4, 12, 40)))):
        editor.add(None)
    for _ in range(dice.choice((0, 0, 1, 5))):
        editor.database(None)
    if racer:
        counts["races"] += 1
        yield from race(scene, racer, dice)
        counts["reused"] += scene.check("seed %d: race" % seed)
    else:
        hr, _, words = scene.backup()
        assert hr >= 0, (seed, words)
    for _ in range(dice.randrange(1, 5)):
        reuse_support.wait_for_tick(root)
        done = [editor.change() for _ in range(dice.choice((0, 1, 1, 1, 2, 5)))]
        if dice.random() < 0.1:
            scene.settings = settings(dice)
            done.append(str(scene.settings))
        if dice.random() < 0.1:
            scene.ahead -= 15
            done.append("clock set back")
        counts["changes"] += len(done)
        counts["backups"] += 1
        counts["reused"] += scene.check("seed %d: %s" % (seed, ", ".join(done)))
    editor.close()
    scene.memory.cleanup()


def go_on(script, root, waiting):
    """Runs a script until it waits or ends."""
    second = next(script, None)
    if second is None:
        shutil.rmtree(root)
    else:
        waiting.append((second, script, root))


def main(scripts, seed="0"):
    counts = dict.fromkeys(("changes", "backups", "races", "reused"), 0)
    racer, waiting = Racer(), []
    first = number = int(seed)
    # Nobody sleeps: while some wait, others are run.
    while number < first + int(scripts) or waiting:
        races = number % 10 == 0 and number < first + int(scripts)
        # Every second one is on a disk, the others in memory.
        folder = reuse_support.MEMORY if number % 4 < 2 else None
        root = tempfile.mkdtemp(prefix="wmlb-reuse-", dir=folder)
        go_on(run(root, number, racer if races else None, counts), root, waiting)
        number += 1
        while waiting and waiting[0][0] < next_second():
            _, script, root = waiting.pop(0)
            go_on(script, root, waiting)
    racer.end()
    print("%d scripts agree: %s" % (number - first, counts))
    assert counts["reused"] > number - first, "nothing is reused"


if __name__ == "__main__":
    print(reuse_support.run_ahead("reuse_scripts", *sys.argv[1:], timeout=None), end="")
