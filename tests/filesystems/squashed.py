"""A store on squashfs, which nobody can write to: it is read, and all else is refused."""

import os
import shutil
import subprocess
import sys
import tempfile

import cells
import mounts
import wmlb_ctypes as w
from cells import Wrong


def run(world):
    """(tried, what is wrong)."""
    import real
    if shutil.which("mksquashfs") is None:
        raise real.Skipped("not installed: squashfs-tools")
    with open("/proc/filesystems") as file:
        if "squashfs" not in file.read().split():
            raise real.Skipped("the kernel has no squashfs")
    tried, wrong = 0, []
    with tempfile.TemporaryDirectory(prefix="squashed-") as folder:
        where = os.path.join(folder, "where")
        os.mkdir(where)
        cells.write_files(os.path.join(folder, "files", "store"), world.old)
        subprocess.run(["mksquashfs", "files", "image", "-quiet", "-no-progress"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop", os.path.join(folder, "image"), where], check=True)
        try:
            for check in (check_reads, check_refusals):
                tried += 1
                try:
                    check(world, folder, os.path.join(where, "store"))
                except Wrong as problem:
                    wrong.append("squashfs: %s" % problem)
                    print(wrong[-1], file=sys.stderr, flush=True)
        finally:
            mounts.unmount(where)
    return tried, wrong


def check_reads(world, folder, store):
    backups = os.path.join(folder, "backups")
    for operation in ("store", "backup_licenses"):
        outcome = cells.operate(operation, store, backups)
        if outcome.hr != w.S_OK:
            raise Wrong("a store that cannot be written to is not read: %s" % outcome)
    if world.read_backup(backups) != world.read["old"]:
        raise Wrong("the backup is not what the store is")


def check_refusals(world, folder, store):
    made = os.path.join(folder, "made")
    os.mkdir(made)
    with open(os.path.join(made, w.BACKUP_NAME), "wb") as file:
        file.write(world.backup)
    for flags in (0, w.RESTORE_OVERWRITE):
        outcome = cells.operate("restore_licenses", store, made, flags)
        if outcome.hr != w.WRITE_PROTECT or store not in outcome.words:
            raise Wrong("a restore where nobody writes: %s" % outcome)
    outcome = cells.operate("backup_licenses", world.source, os.path.dirname(store))
    if outcome.hr != w.WRITE_PROTECT:
        raise Wrong("a backup where nobody writes: %s" % outcome)
    if cells.contents(cells.files_of(store)) != world.old:
        raise Wrong("a store that cannot be written to has changed")
