"""Places to restore to on which nothing was deleted yet: where files were deleted a moment ago,
ext4 takes a multiple of the time to create others, and a benchmark would measure that."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

IN_MEMORY = pathlib.Path("/dev/shm")
MAKERS = {"ext4": ["mkfs.ext4", "-q", "-F", "-m", "0"], "xfs": ["mkfs.xfs", "-q", "-f"],
          "btrfs": ["mkfs.btrfs", "-q", "-f"]}
# Blocks of 4 KiB, an inode and its folder's entry, for each license.
FOR_EACH = 8192


def are_possible():
    """Whether each place can be a file system of its own, ext4 in a file in memory."""
    return os.geteuid() == 0 and IN_MEMORY.is_dir() and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin")


def can_make(kind):
    return os.geteuid() == 0 and shutil.which(MAKERS[kind][0], path="/usr/sbin:/sbin:/usr/bin")


@contextlib.contextmanager
def mounted(kind, folder, size):
    """A new file system, in a file beside the folder that it is mounted on."""
    folder.mkdir()
    image = folder.with_suffix(".image")
    with open(image, "wb") as file:
        file.truncate(size)
    path = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    subprocess.run([*MAKERS[kind], image], check=True, env=path, stdout=subprocess.DEVNULL)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        image.unlink()


@contextlib.contextmanager
def place(scratch, number, licenses, size):
    """A place with room for twice as much, else a new folder."""
    folder = scratch / f"place-{number}"
    folder.mkdir()
    if not are_possible():
        yield folder
        return
    with tempfile.NamedTemporaryFile(prefix="wmlb-bench-", dir=IN_MEMORY) as image:
        image.truncate(2 * (size + licenses * FOR_EACH) + (256 << 20))
        path = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        options = "lazy_itable_init=0,lazy_journal_init=0"
        subprocess.run(["mkfs.ext4", "-q", "-F", "-i", "4096", "-E", options, image.name], check=True, env=path)
        subprocess.run(["mount", "-o", "loop", image.name, folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)
