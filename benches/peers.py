"""What libwmlb is compared with: ways to do the same work with other programs."""
import shutil
import subprocess

# Of a key that nobody has kept.
RECIPIENT = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"

PACK = 'tar -C "$1" -cf - . | zstd -q -3 -T2'
SHELL = {
    "tar \\| zstd -3 -T2": (("tar", "zstd"), f'{PACK} -o "$2"'),
    "tar \\| zstd -3 -T2, sync": (("tar", "zstd"), f'{PACK} -o "$2" && sync "$2"'),
    "tar \\| zstd -3 -T2 \\| age -r": (("tar", "zstd", "age"), f'{PACK} | age -r {RECIPIENT} -o "$2"'),
    "zstd -d \\| tar x": (("tar", "zstd"), 'zstd -q -dc "$1" | tar -C "$2" -xf -'),
    "zstd -d \\| tar x, sync -f": (("tar", "zstd"), 'zstd -q -dc "$1" | tar -C "$2" -xf - && sync -f "$2"'),
    "zstd -dc \\| tar t": (("tar", "zstd"), 'zstd -q -dc "$1" | tar -tf - > /dev/null'),
    "zstd -dc \\| tar tv": (("tar", "zstd"), 'zstd -q -dc "$1" | tar -tvf - > /dev/null'),
    "sqlite3 .backup, zstd -3 -T2": (
        ("sqlite3", "zstd"), 'sqlite3 "$1" ".backup $2.db" && zstd -q -3 -T2 -o "$2" "$2.db" && rm "$2.db"'),
    # These make a new repository each time, in which each file stays what it is.
    "restic backup": (
        ("restic",), 'export RESTIC_PASSWORD=x; restic -q -r "$2" init && restic --no-cache -q -r "$2" backup "$1"'),
    "borg create, zstd,3": (
        ("borg",), 'export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR="$2.borg"; '
        'borg init -e none "$2" && borg create --compression zstd,3 "$2::a" "$1"'),
}

# Which repeat what they did in a repository: programs, the first run, and the others.
RESTIC = 'export RESTIC_PASSWORD=x RESTIC_CACHE_DIR="$2.cache"; '
BORG = 'export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR="$2.borg"; '
BUPSTASH = ('export BUPSTASH_KEY="$2.key" BUPSTASH_REPOSITORY="$2" BUPSTASH_SEND_LOG="$2.log" '
            'BUPSTASH_QUERY_CACHE="$2.cache"; ')
REPEATS = {
    "restic backup, again": (("restic",), RESTIC + 'restic -q -r "$2" init && restic -q -r "$2" backup "$1"',
                             RESTIC + 'restic -q -r "$2" backup "$1"'),
    "borg create, again": (
        ("borg",), BORG + 'borg init -e none "$2" && borg create --compression zstd,3 "$2::first" "$1"',
        BORG + 'borg create --compression zstd,3 "$2::$(date +%s.%N)" "$1"'),
    "bupstash put, again": (
        ("bupstash",), BUPSTASH + 'bupstash new-key -o "$2.key" && bupstash init && bupstash put -q "$1"',
        BUPSTASH + 'bupstash put -q "$1" >"$2.said"'),
}

# Runs before each measured run of a cold cache.
FORGET = "sync; echo 3 > /proc/sys/vm/drop_caches"

VERSIONS = {
    "tar": ("tar", "--version"), "zstd": ("zstd", "--version"), "age": ("age", "--version"),
    "sqlite3": ("sqlite3", "--version"), "restic": ("restic", "version"), "borg": ("borg", "--version"),
    "bupstash": ("bupstash", "version"),
}


def missing(name):
    """The programs of a way that are not there."""
    return [program for program in SHELL[name][0] if not shutil.which(program)]


def command(name, *arguments):
    return ["sh", "-c", SHELL[name][1], "sh", *map(str, arguments)]


def count_members(archive):
    """Of a compressed tar archive."""
    listed = subprocess.run(["sh", "-c", 'zstd -q -dc "$1" | tar -tf -', "sh", archive], stdout=subprocess.PIPE, check=True)
    return listed.stdout.count(b"\n")


def versions():
    """Of the programs that are there, in a line."""
    found = []
    for name, version in VERSIONS.items():
        if shutil.which(name):
            done = subprocess.run(version, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            words = done.stdout.replace("v", " ").replace(",", " ").split()
            number = next((word for word in words if word[:1].isdigit() and "." in word), "?")
            found.append(f"{name} {number}")
    return ", ".join(found)
