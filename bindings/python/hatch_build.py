"""Puts the shared library into the wheel: the build that other programs are shipped too."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "libwmlb.so.1"


class LibraryHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        library = self.library()
        inside = f"wmlb/{NAME}"
        # An editable install imports from here, not from the wheel.
        if version == "editable":
            destination = Path(self.root, "src", inside)
            destination.write_bytes(library.read_bytes())
        else:
            build_data["force_include"][str(library)] = inside
            # For backups in a bucket, in wheels that are to have it.
            remote = os.environ.get("WMLB_REMOTE_LIBRARY")
            if remote:
                build_data["force_include"][remote] = "wmlb/libwmlb-remote.so.1"
            for text in self.licenses():
                build_data["force_include"][str(text)] = f"wmlb/licenses/{text.name}"
            # Of the crates in the library, where it is told what they are.
            notices = os.environ.get("WMLB_NOTICES")
            if notices:
                build_data["force_include"][notices] = "wmlb/licenses/THIRD-PARTY.txt"
        # No code of Python's ABI is in it, but code of a processor's. Of which systems it is, who
        # gives the library can tell (packaging/wheel.sh).
        platform = os.environ.get("WMLB_WHEEL_PLATFORM") or sysconfig.get_platform().replace(".", "_")
        build_data["tag"] = f"py3-none-{platform.replace('-', '_')}"
        build_data["pure_python"] = False

    def library(self) -> Path:
        """The library: built already, or built now."""
        built = os.environ.get("WMLB_LIBRARY")
        if built:
            return Path(built).resolve(strict=True)
        root = self.sources()
        subprocess.run(["sh", "packaging/build.sh"], cwd=root, check=True)
        target = root / os.environ.get("CARGO_TARGET_DIR", "target")
        return (target / "dist" / NAME).resolve(strict=True)

    def licenses(self) -> list[Path]:
        """The texts: in a source distribution here, in a clone above."""
        here = Path(self.root)
        return sorted(here.glob("LICENSE-*")) or sorted(here.parent.parent.glob("LICENSE-*"))

    def sources(self) -> Path:
        """In a clone they lie above, in a source distribution beside."""
        here = Path(self.root)
        for folder in (here / "library", here.parent.parent):
            if (folder / "packaging/build.sh").is_file():
                return folder
        raise FileNotFoundError("the sources of the library are not there")
