"""Real file systems: how each is made and mounted, and what it cannot keep.

In the commands {where} is the mount point, {image} a file of the size given, {below} a folder on
a file system of little room, {folder} a folder for whatever else is needed, {port} that of an SFTP
server that shows {below}, {device} a block device of {image}. For the store's folder: {store}, its
path, {inside}, that below {where}; {folder}/files has what is to be in it.
"""

import dataclasses

from manners import BACKUPS, NOBODY, RESTORES, STORE_READS, Manner

SECOND = 10**9


@dataclasses.dataclass(frozen=True)
class Recipe:
    name: str
    # Commands that must be there, and Debian's package of each.
    needs: dict
    attach: tuple
    make: tuple = ()
    # The size of {image}; of {below} where there is none.
    size: str = ""
    # What the kernel must have, by the name of /proc/filesystems.
    kernel: str = "fuse"
    # How the store's folder is made there, and what is done to it then.
    store: tuple = ()
    # What is kept and what may fail, as of manners.
    times: int = 1
    may_fail: frozenset = frozenset()
    user: int = None
    # Whether it tells that there is no room, and not just that something is wrong.
    says_full: bool = True
    # Whether it can be filled: not where what is written stays with a program that waits for room.
    fills: bool = True
    # Whether what is written comes later to {below}/remote, and is this or that until then.
    settles: bool = False
    # Mounting may be refused by a kernel that was built without it.
    optional: bool = False

    def manner(self):
        return Manner(self.name, times=self.times, may_fail=self.may_fail, user=self.user)


EXT = {"mkfs.ext4": "e2fsprogs"}
EXFAT = {"mount.exfat-fuse": "exfat-fuse", "mkfs.exfat": "exfatprogs"}
NTFS = {"ntfs-3g": "ntfs-3g", "mkntfs": "ntfs-3g"}
LOOP = ("mount -o loop {image} {where}",)
OVERLAY = "mount -t overlay -o lowerdir={below}/l,upperdir={below}/u,workdir={below}/w none {where}"

RECIPES = [
    Recipe("ext4", EXT, LOOP, ("mkfs.ext4 -q -F {image}",), "64M", "ext4"),
    Recipe("ext2 with small inodes", EXT, LOOP, ("mkfs.ext2 -q -F -I 128 {image}",), "64M", "ext2",
           times=SECOND),
    Recipe("ext4 with casefold", EXT, LOOP,
           ("mkfs.ext4 -q -F -O casefold -E encoding=utf8 {image}",), "64M", "ext4",
           store=("mkdir {store}", "chattr +F {store}"), optional=True),
    Recipe("ext4, the store a project of its own", EXT, LOOP,
           ("mkfs.ext4 -q -F -O project,quota {image}",), "64M", "ext4",
           store=("mkdir {store}", "chattr +P -p 42 {store}"), optional=True),
    Recipe("xfs", {"mkfs.xfs": "xfsprogs"}, LOOP, ("mkfs.xfs -q {image}",), "300M", "xfs"),
    Recipe("xfs, the store a project of its own", {"mkfs.xfs": "xfsprogs", "xfs_io": "xfsprogs"},
           LOOP, ("mkfs.xfs -q {image}",), "300M", "xfs",
           store=("mkdir {store}", "xfs_io -c 'chproj 42' -c 'chattr +P' {store}")),
    Recipe("btrfs", {"mkfs.btrfs": "btrfs-progs"}, LOOP, ("mkfs.btrfs -q {image}",), "128M",
           "btrfs"),
    Recipe("btrfs, the store a subvolume", {"mkfs.btrfs": "btrfs-progs", "btrfs": "btrfs-progs"},
           LOOP, ("mkfs.btrfs -q {image}",), "128M", "btrfs",
           store=("btrfs -q subvolume create {store}",)),
    Recipe("tmpfs", {}, ("mount --bind {below} {where}",), size="32M", kernel="tmpfs"),
    Recipe("vfat", {"mkfs.vfat": "dosfstools"}, LOOP, ("mkfs.vfat {image}",), "64M", "vfat",
           times=2 * SECOND),
    Recipe("exfat", {"mkfs.exfat": "exfatprogs"}, LOOP, ("mkfs.exfat {image}",), "64M", "exfat",
           times=SECOND // 100),
    Recipe("overlay", {}, (OVERLAY,), ("mkdir {below}/l {below}/u {below}/w",), "32M", "overlay"),
    Recipe("overlay, the store in a lower layer", {}, (OVERLAY,),
           ("mkdir {below}/l {below}/u {below}/w",), "32M", "overlay",
           store=("umount {where}", "rm -rf {below}/u {below}/w {below}/l",
                  "mkdir -p {below}/u {below}/w {below}/l/{inside}",
                  "cp -a {folder}/files/. {below}/l/{inside}", OVERLAY)),
    Recipe("exfat-fuse", EXFAT, ("mount.exfat-fuse -o dmask=0022,fmask=0133 {device} {where}",),
           ("mkfs.exfat {image}",), "64M", times=2 * SECOND),
    Recipe("exfat-fuse of root, for another user", EXFAT,
           ("mount.exfat-fuse -o umask=0,allow_other {device} {where}",), ("mkfs.exfat {image}",),
           "64M", times=None, user=NOBODY),
    Recipe("ntfs-3g", NTFS, ("ntfs-3g {image} {where}",), ("mkntfs -q -F {image}",), "64M",
           times=100),
    Recipe("ntfs-3g with permissions", NTFS,
           ("ntfs-3g -o permissions,windows_names {image} {where}",), ("mkntfs -q -F {image}",),
           "64M", times=100),
    Recipe("fuse2fs", {"fuse2fs": "fuse2fs", **EXT}, ("fuse2fs {image} {where}",),
           ("mkfs.ext4 -q -F {image}",), "64M", times=SECOND),
    Recipe("sshfs", {"sshfs": "sshfs", "/usr/lib/openssh/sftp-server": "openssh-sftp-server"},
           ("sshfs -o directport={port} 127.0.0.1:{below} {where}",), size="32M", times=SECOND,
           says_full=False),
    Recipe("mergerfs", {"mergerfs": "mergerfs"},
           ("mergerfs -o use_ino,minfreespace=0 {below}/1:{below}/2 {where}",), ("mkdir {below}/1 {below}/2",),
           "32M"),
    Recipe("mergerfs without its inode numbers", {"mergerfs": "mergerfs"},
           ("mergerfs -o minfreespace=0 {below}/1:{below}/2 {where}",),
           ("mkdir {below}/1 {below}/2",), "32M"),
    Recipe("bindfs", {"bindfs": "bindfs"}, ("bindfs {below} {where}",), size="32M"),
    Recipe("gocryptfs", {"gocryptfs": "gocryptfs"},
           ("gocryptfs -q -passfile {folder}/words {below} {where}",),
           ("sh -c 'echo words > {folder}/words'",
            "gocryptfs -q -init -scryptn 10 -passfile {folder}/words {below}"), "32M"),
    Recipe("rclone", {"rclone": "rclone"},
           ("rclone mount --daemon --allow-other --vfs-cache-mode writes --vfs-write-back 0s "
            "--cache-dir {below}/cache --config /dev/null {below}/remote {where}",),
           ("mkdir {below}/cache {below}/remote",), "32M", times=None, settles=True, fills=False, may_fail=RESTORES | BACKUPS | STORE_READS),
]
