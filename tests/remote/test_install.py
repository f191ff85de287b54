"""make install-remote: what is there, and that projects of others find and use it."""

import os
import shutil
import subprocess
import tempfile
import unittest

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = """#include <stdio.h>
#include <wmlb_remote.h>
int main(void)
{
    wmlb_remote *remote;
    wmlb_hresult hr = wmlb_remote_open("s3://bucket?endpoint=http://127.0.0.1:1", &remote);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_remote_attach(remote, wmlb_default_restorer(), "device", NULL);
    printf("%s\\n", wmlb_hresult_name(hr));
    return WMLB_FAILED(hr) || WMLB_FAILED(wmlb_remote_release(remote));
}
"""
CMAKE = """cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
find_package(wmlb REQUIRED COMPONENTS remote)
add_executable(shared main.c)
target_link_libraries(shared wmlb::remote)
add_executable(static main.c)
target_link_libraries(static wmlb::remote_static)
"""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                          text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}")
    return done.stdout


def files(folder):
    return {os.path.relpath(os.path.join(at, name), folder)
            for at, _, names in os.walk(folder) for name in names}


class Built(unittest.TestCase):
    """With the library and libwmlb-remote in one folder, as the build of both leaves them."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="wmlb-remote.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.dist = os.path.join(cls.folder, "dist")
        shutil.copytree(servers.DIST, cls.dist, symlinks=True)
        for name in os.listdir(servers.MADE):
            if name.startswith("libwmlb-remote."):
                shutil.copy2(os.path.join(servers.MADE, name), cls.dist, follow_symlinks=False)


class Installed(Built):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = os.path.join(cls.folder, "usr")
        cls.libdir = os.path.join(cls.prefix, "lib")
        cls.environment = {
            **os.environ,
            "CARGO_TARGET_DIR": os.path.join(cls.folder, "target"),
            "PKG_CONFIG_PATH": os.path.join(cls.libdir, "pkgconfig"),
            "LD_LIBRARY_PATH": cls.libdir,
        }
        cls.make("install")
        cls.core = files(cls.prefix)
        cls.make("install-remote")

    @classmethod
    def make(cls, target):
        run("make", "-C", ROOT, target, f"DIST={cls.dist}", f"PREFIX={cls.prefix}", env=cls.environment)

    def setUp(self):
        self.work = tempfile.mkdtemp(dir=self.folder)
        with open(os.path.join(self.work, "main.c"), "w") as file:
            file.write(PROGRAM)

    def test_who_does_not_ask_does_not_get_it(self):
        self.assertEqual({name for name in self.core if "remote" in name.lower()}, set())

    def test_what_is_there(self):
        added = files(self.prefix) - self.core
        for name in ("lib/libwmlb-remote.so.1", "lib/libwmlb-remote.a", "include/wmlb_remote.h",
                     "lib/pkgconfig/wmlb-remote.pc", "lib/cmake/wmlb/wmlbRemote.cmake",
                     "share/man/man3/wmlb_remote.3", "share/man/man3/wmlb_remote_open.3"):
            self.assertIn(name, added)
        if shutil.which("mandoc"):
            pages = [os.path.join(self.prefix, name) for name in added if name.endswith(".3")]
            run("mandoc", "-Tlint", "-Wwarning", *pages)

    def test_what_can_be_seen_of_it(self):
        library = os.path.join(self.libdir, "libwmlb-remote.so.1")
        said = run("nm", "--dynamic", "--defined-only", "--format=posix", library)
        names = {line.split()[0] for line in said.splitlines()}
        self.assertIn("wmlb_remote_open", names)
        self.assertEqual({name for name in names if not name.startswith("wmlb_remote_")}, set())
        needed = run("readelf", "--dynamic", library)
        self.assertIn("libwmlb.so.1", needed)
        self.assertIn("[libwmlb-remote.so.1]", needed)

    def test_pkg_config(self):
        for static in ([], ["--static"]):
            flags = run("pkg-config", "--cflags", "--libs", *static, "wmlb-remote", env=self.environment)
            run("cc", "main.c", *flags.split(), "-o", "program", cwd=self.work)
            self.assertEqual(run(os.path.join(self.work, "program"), env=self.environment), "S_OK\n")

    def test_cmake(self):
        if not shutil.which("cmake"):
            self.skipTest("there is no cmake")
        with open(os.path.join(self.work, "CMakeLists.txt"), "w") as file:
            file.write(CMAKE)
        run("cmake", "-S", ".", "-B", "built", f"-Dwmlb_DIR={self.libdir}/cmake/wmlb", cwd=self.work,
            env=self.environment)
        run("cmake", "--build", "built", cwd=self.work, env=self.environment)
        for name in ("shared", "static"):
            program = os.path.join(self.work, "built", name)
            self.assertEqual(run(program, env=self.environment), "S_OK\n")
            self.assertEqual("libwmlb" in run("readelf", "--dynamic", program), name == "shared")

    def test_the_command_finds_it_where_both_are_moved_to(self):
        moved = os.path.join(self.work, "moved")
        shutil.copytree(self.prefix, moved, symlinks=True)
        url = f"s3://bucket?endpoint=http://127.0.0.1:{servers.free_port()}&deadline=1"
        done = subprocess.run([moved + "/bin/wmlb", "devices", url], env={}, text=True, timeout=60,
                              stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, "no answer" in done.stderr), (1, True), done.stderr)

    def test_and_out_again(self):
        self.make("uninstall")
        self.assertEqual(files(self.prefix), set())
        self.make("install-remote")


if __name__ == "__main__":
    unittest.main()
