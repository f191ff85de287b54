"""What is below a folder, for the scripts here."""

import os


def tree(folder):
    """What is below a folder: content and time of each file."""
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(above, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, folder)] = file.read(), os.stat(full).st_mtime_ns
    return found
