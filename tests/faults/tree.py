"""A copy of the project, to be changed and built."""

import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

BUILD = ["cargo", "rustc", "--quiet", "--locked", "--lib", "--features", "capi",
         "--crate-type", "cdylib"]
# As it is shipped, except for what takes time to build.
SETTINGS = ["opt-level=1", "debug=false", "debug-assertions=false", "overflow-checks=false",
            'package."*".opt-level=3']


class Tree:
    """A copy in `folder`; `library` is what it was built to last."""

    def __init__(self, folder, target):
        self.root = os.path.join(folder, "tree")
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                                stdout=subprocess.PIPE).stdout
        for name in filter(None, os.fsdecode(listed).split("\0")):
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), path)
        # It stays, so that not each run builds everything.
        self.target = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), target)
        self.library = os.path.join(folder, "dist", "libwmlb.so.1")
        os.makedirs(os.path.dirname(self.library))
        os.symlink("libwmlb.so.1", os.path.join(folder, "dist", "libwmlb.so"))

    def build(self, output=subprocess.DEVNULL):
        """Whether it can be built."""
        command = list(BUILD)
        for setting in SETTINGS:
            command += ["--config", "profile.dev." + setting]
        built = subprocess.run(command, cwd=self.root, stderr=output,
                               env=dict(os.environ, CARGO_TARGET_DIR=self.target))
        if built.returncode == 0:
            shutil.copy(os.path.join(self.target, "debug/libwmlb.so"), self.library + ".new")
            os.replace(self.library + ".new", self.library)
        return built.returncode == 0

    def restore(self, name):
        """Takes back what was changed in a file."""
        shutil.copy(os.path.join(ROOT, name), os.path.join(self.root, name))
