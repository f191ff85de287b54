"""make install: what is there, and that projects of others find and use it."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest

import support
import trust_support as trust
import wmlb_ctypes as w

CONSUMERS = os.path.join(w.ROOT, "tests/consumers")
DIST = os.path.dirname(os.path.abspath(w.LIBRARY))


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          **options)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (command, done.stdout.decode(errors="replace")))
    return done.stdout.decode()


def files(folder):
    return {os.path.relpath(os.path.join(at, name), folder)
            for at, _, names in os.walk(folder) for name in names}


def need_tool(name):
    if not shutil.which(name):
        raise unittest.SkipTest("there is no " + name)


def read_until(terminal, wanted):
    said = b""
    while wanted not in said and select.select([terminal], [], [], 60)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # it has ended
            break
    return said


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "usr")
        cls.libdir = os.path.join(cls.prefix, "lib/here")
        cls.environment = {
            **os.environ,
            "CARGO_TARGET_DIR": os.path.join(cls.folder, "target"),
            "PKG_CONFIG_PATH": os.path.join(cls.libdir, "pkgconfig"),
            "LD_LIBRARY_PATH": cls.libdir,
        }
        cls.make("install")

    @classmethod
    def make(cls, target, prefix=None, destination=""):
        prefix = prefix or cls.prefix
        return run("make", "-C", w.ROOT, target, "DIST=" + DIST, "PREFIX=" + prefix,
                   "LIBDIR=" + prefix + "/lib/here", "DESTDIR=" + destination,
                   env=cls.environment)

    def new_folder(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def assert_both_run(self, folder):
        for name in ("consumer", "consumer-static"):
            program = os.path.join(folder, name)
            self.assertEqual(run(program, env=self.environment), "1.0.0\n")
            needed = "libwmlb.so.1" in run("readelf", "--dynamic", program)
            self.assertEqual(needed, name == "consumer")

    def test_into_a_folder_and_out_again(self):
        root = self.new_folder()
        self.make("install", "/usr", root)
        expected = files(self.prefix)
        self.assertEqual(files(os.path.join(root, "usr")), expected)
        for name in expected:
            self.assertNotIn(root.encode(), support.read(os.path.join(root, "usr", name)))
        for name in ("bin/wmlb", "include/wmlb.h", "include/wmlb.hpp", "lib/here/libwmlb.so.1",
                     "lib/here/libwmlb.a", "share/man/man1/wmlb.1", "include/wmlb_wmsdk.hpp",
                     "share/man/man3/wmlb.3", "share/man/man3/wmlb_restorer_create.3",
                     "share/man/man3/WMLB_BACKUP_OVERWRITE.3",
                     "include/wmsdk/windows.h", "include/wmsdk/wmlb/restorer.hpp",
                     "include/wmsdk/beside/X11/Xmd.h", "lib/here/libwmvcore.so.1",
                     "share/doc/wmlb/LICENSE-MIT", "share/doc/wmlb/LICENSE-APACHE",
                     "share/doc/wmlb/THIRD-PARTY.txt",
                     "share/zsh/site-functions/_wmlb", "lib/systemd/user/wmlb-backup.timer",
                     "lib/systemd/user/wmlb-watch@.service",
                     "share/fish/vendor_completions.d/wmlb.fish"):
            self.assertIn(name, expected)
        self.assertEqual(os.readlink(os.path.join(root, "usr/lib/here/libwmlb.so")), "libwmlb.so.1")
        self.make("uninstall", "/usr", root)
        self.assertEqual(files(root), set())

    def test_it_works_where_it_is_moved_to(self):
        folder = self.new_folder()
        run("make", "-C", w.ROOT, "install", "DIST=" + DIST, "PREFIX=" + folder + "/before",
            env=self.environment)
        os.rename(folder + "/before", folder + "/moved")
        libdir = folder + "/moved/lib"
        environment = {**self.environment, "PKG_CONFIG_PATH": libdir + "/pkgconfig",
                       "LD_LIBRARY_PATH": libdir}
        flags = run("pkg-config", "--define-prefix", "--cflags", "--libs", "wmlb", env=environment)
        program = os.path.join(folder, "consumer")
        run("cc", CONSUMERS + "/consumer.c", *flags.split(), "-o", program)
        self.assertEqual(run(program, env=environment), "1.0.0\n")
        run("cmake", "-S", os.path.join(CONSUMERS, "cmake"), "-B", folder + "/cmake",
            "-Dwmlb_DIR=" + libdir + "/cmake/wmlb", env=environment)
        run("cmake", "--build", folder + "/cmake", env=environment)
        self.assertEqual(run(folder + "/cmake/consumer-static", env=environment), "1.0.0\n")
        # The command finds the library beside it.
        self.assertEqual(run(folder + "/moved/bin/wmlb", "--version", env={}), "wmlb 1.0.0\n")

    def test_programs_of_the_sdk(self):
        """What pkg-config and CMake give is all that they need."""
        folder = self.new_folder()
        os.mkdir(folder + "/store")
        with open(folder + "/store/license", "w", encoding="utf-8") as file:
            file.write("content")
        environment = {**self.environment, "WMLB_STORE_PATH": folder + "/store"}
        source = os.path.join(w.ROOT, "tests/cpp/sdk/programs/backup.cpp")
        flags = run("pkg-config", "--cflags", "--libs", "wmlb-wmsdk", env=environment).split()
        run("c++", source, *flags, "-o", folder + "/backup")
        with open(folder + "/CMakeLists.txt", "w", encoding="utf-8") as file:
            file.write("cmake_minimum_required(VERSION 3.15)\nproject(sdk CXX)\n"
                       "find_package(wmlb REQUIRED)\nadd_executable(by-cmake %s)\n"
                       "target_link_libraries(by-cmake wmlb::wmvcore)\n" % source)
        run("cmake", "-S", folder, "-B", folder + "/cmake",
            "-Dwmlb_DIR=" + self.libdir + "/cmake/wmlb", env=environment)
        run("cmake", "--build", folder + "/cmake", env=environment)
        for program in ("backup", "cmake/by-cmake"):
            said = run(os.path.join(folder, program), folder + "/backups", env=environment)
            self.assertIn("backed up, 0 restricted, 0 references", said)
        # The header alone needs neither the folder nor libwmvcore.
        source = os.path.join(w.ROOT, "tests/cpp/sdk/values.cpp")
        flags = run("pkg-config", "--cflags", "--libs", "wmlb", env=environment).split()
        run("c++", source, *flags, "-o", folder + "/values")
        self.assertIn("0 failed", run(folder + "/values", env=environment))

    def test_what_make_has_built_is_installed_without_cargo(self):
        """As root, who may have none."""
        target = os.path.dirname(DIST)
        if os.path.basename(DIST) != "dist" or not shutil.which("cargo"):
            self.skipTest("the library is not one that make builds")
        environment = {**os.environ, "CARGO_TARGET_DIR": target}
        done = subprocess.run(["make", "-C", w.ROOT], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=900)
        self.assertEqual(done.returncode, 0, done.stdout)
        tools = os.path.join(self.new_folder(), "tools")
        os.mkdir(tools)
        for folder in ("/usr/bin", "/bin"):  # all but cargo, where that is there
            for name in set(os.listdir(folder)) - {"cargo", "rustc"} - set(os.listdir(tools)):
                os.symlink(os.path.join(folder, name), os.path.join(tools, name))
        prefix = self.new_folder()
        run("make", "-C", w.ROOT, "install", "PREFIX=" + prefix,
            env={"PATH": tools, "CARGO_TARGET_DIR": target})
        program = os.path.join(prefix, "bin/wmlb")
        self.assertEqual(run(program, "--version", env={}), "wmlb 1.0.0\n")

    def test_programs_find_the_library_at_once(self):
        """Where the system's own linker looks, after an installation as root."""
        support.need_root()
        script = (
            'set -e; mount -t tmpfs none /mnt; cp -a /etc /mnt/etc; mount --bind /mnt/etc /etc\n'
            'mount -t tmpfs none /usr/local\n'
            'make -C "$1" install "DIST=$2" PREFIX=/usr/local >/dev/null 2>&1\n'
            'env -i /usr/local/bin/wmlb --version\n')
        said = run("unshare", "--mount", "sh", "-c", script, "sh", w.ROOT, DIST,
                   env=self.environment)
        self.assertEqual(said, "wmlb 1.0.0\n")

    def test_the_command(self):
        program = os.path.join(self.prefix, "bin/wmlb")
        self.assertEqual(run(program, "--version", env={}), "wmlb 1.0.0\n")

    def test_completions_are_those_of_its_help(self):
        folder = self.new_folder()
        run(sys.executable, os.path.join(w.ROOT, "packaging/completions.py"),
            os.path.join(self.prefix, "bin/wmlb"), folder)
        for name in ("wmlb.bash", "_wmlb", "wmlb.fish"):
            checked_in = support.read(os.path.join(w.ROOT, "packaging/completions", name))
            self.assertEqual(support.read(os.path.join(folder, name)), checked_in,
                             "run: make completions")

    def home_with_players(self):
        home = self.new_folder()
        for name in ("chromium/Default", "google-chrome-beta/Default"):
            trust.plain_database(os.path.join(home, ".config", name, "CdmStorage.db"))
        environment = {name: value for name, value in self.environment.items()
                       if not name.startswith(("XDG_", "WMLB_STORE", "CHROME_", "KODI_"))}
        return {**environment, "HOME": home,
                "PATH": os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"]}

    def test_completion(self):
        script = os.path.join(self.prefix, "share/bash-completion/completions/wmlb")
        code = 'compopt() { :; }; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wmlb; ' \
               'printf "%s\\n" "${COMPREPLY[@]}"'
        run("bash", "-n", script)
        environment = self.home_with_players()

        def completed(*words):
            return run("bash", "-c", code, "bash", script, "wmlb", *words,
                       env=environment).split("\n")[:-1]

        self.assertEqual(completed("ver"), ["verify"])
        self.assertEqual(completed("verify", "--pass"), ["--passphrase-file"])
        self.assertEqual(completed("-q", "--store", "x", "restore", "--dry"), ["--dry-run"])
        self.assertEqual(completed("--store", "=", "x", "restore", "--dry"), ["--dry-run"])
        self.assertEqual(completed("--ver"), ["--verify", "--verbose", "--version"])
        self.assertEqual(completed("help", "gen"), ["generations"])
        for name in ("list", "stores", "generations", "verify"):
            self.assertEqual(completed(name, "--js"), ["--json"])
        for words in (["--store", "C"], ["-s", "C"], ["--store", "=", "C"]):
            self.assertEqual(completed("list", *words), ["Chrome\\ Beta", "Chromium"])
        self.assertEqual(completed("list", "--store", "="), ["Chrome\\ Beta", "Chromium"])
        # Names of files are left to bash, which knows how to quote them.
        self.assertEqual(completed("verify", "Make"), [""])
        self.assertIn("-o default", support.read(script).decode())

    def test_completion_in_zsh(self):
        need_tool("zsh")
        folder = os.path.join(self.prefix, "share/zsh/site-functions")
        run("zsh", "-n", os.path.join(folder, "_wmlb"))
        environment = {**self.home_with_players(), "TERM": "xterm"}
        for line, wanted in (("wmlb veri", b"wmlb verify"), ("wmlb restore --dry", b"--dry-run"),
                             ("wmlb -q verify --allow", b"--allow-clear"),
                             ("wmlb help gen", b"generations"),
                             ("wmlb list --store Chromi", b"--store Chromium")):
            child, terminal = pty.fork()
            if child == 0:
                os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
            os.write(terminal, b"PS1='> '; fpath=('%s' $fpath); autoload -Uz compinit; "
                     b"compinit -u -D; echo rea''dy\n" % os.fsencode(folder))
            said = read_until(terminal, b"ready\r\n")
            os.write(terminal, line.encode() + b"\t")
            said = read_until(terminal, wanted)
            self.assertIn(wanted, said)
            os.close(terminal)
            os.waitpid(child, 0)

    def test_completion_in_fish(self):
        need_tool("fish")
        script = os.path.join(self.prefix, "share/fish/vendor_completions.d/wmlb.fish")
        environment = self.home_with_players()

        def completed(line):
            said = run("fish", "--no-config", "-c", "source '%s'; complete -C '%s'" % (script, line),
                       env=environment)
            return [row.split("\t")[0] for row in said.splitlines()]

        self.assertEqual(completed("wmlb ver"), ["verify"])
        self.assertEqual(completed("wmlb restore --dry"), ["--dry-run"])
        self.assertEqual(completed("wmlb help gen"), ["generations"])
        self.assertIn("Chrome Beta", completed("wmlb list --store Chr"))

    def test_the_manual_knows_every_option(self):
        file = os.path.join(self.prefix, "share/man/man1/wmlb.1")
        manual = support.read(file).decode()
        source = support.read(os.path.join(w.ROOT, "cli/table.c")).decode()
        options = set(re.findall(r'^    \{\w+, (?:\'(\w)\'|0), "([-\w]+)", ', source, re.MULTILINE))
        told = re.findall(r"^\.It Fl (?:(\w) , )?-([-\w]+)", manual, re.MULTILINE)
        self.assertEqual(set(told), options)
        self.assertEqual(len(told), len(options))
        commands = set(re.findall(r'^    \{[A-Z]+, "(\w+)", "', source, re.MULTILINE))
        self.assertEqual(set(re.findall(r"^\.It Cm (\w+)", manual, re.MULTILINE)), commands)
        for title in ("EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS"):
            self.assertIn(".Sh " + title, manual)

    def test_the_timer(self):
        """Its service does what its line says, with the variables of its file."""
        units = os.path.join(self.prefix, "lib/systemd/user")
        service = support.read(os.path.join(units, "wmlb-backup.service")).decode()
        line, = re.findall("^ExecStart=(.*)$", service, re.MULTILINE)
        given = dict(re.findall("^Environment=([A-Z_]+)=(.*)$", service, re.MULTILINE))
        environment = self.home_with_players()
        given["WMLB_BACKUP_OPTIONS"] = "--verify --quiet"
        given = {name: value.replace("%h", environment["HOME"]) for name, value in given.items()}
        for number in range(2):
            run("sh", "-c", line, env={**environment, **given})
        folders = os.listdir(os.path.join(environment["HOME"], ".local/share/wmlb/backups"))
        self.assertEqual(len(folders), 2)
        self.assertIn("OnCalendar=", support.read(
            os.path.join(units, "wmlb-backup.timer")).decode())
        if shutil.which("systemd-analyze"):
            run("systemd-analyze", "--user", "--man=no", "verify",
                *(os.path.join(units, name) for name in sorted(os.listdir(units))),
                env={**environment, "XDG_RUNTIME_DIR": environment["HOME"]})

    def test_pkg_config(self):
        folder = self.new_folder()
        shutil.copytree(CONSUMERS, folder, dirs_exist_ok=True)
        run("make", "-C", os.path.join(folder, "pkg-config"), env=self.environment)
        self.assert_both_run(os.path.join(folder, "pkg-config"))

    def test_cmake(self):
        folder = self.new_folder()
        run("cmake", "-S", os.path.join(CONSUMERS, "cmake"), "-B", folder,
            "-Dwmlb_DIR=" + self.libdir + "/cmake/wmlb", env=self.environment)
        run("cmake", "--build", folder, env=self.environment)
        self.assert_both_run(folder)

    def test_cmake_asks_for_another_version(self):
        for wanted, there in (
                ("1.0.0", True), ("2.0", False), ("1.99", False), ("0.9", False),
                ("0.5...1.5", True), ("0.5...<1.0", False), ("1.0...<2", True),
                ("1.1...3", False), ("0.1...0.9", False), ("1 COMPONENTS shared static", True),
                ("1 COMPONENTS wmvcore", True), ("1 COMPONENTS shared fast", False)):
            script = os.path.join(self.new_folder(), "CMakeLists.txt")
            support.write(script, b"cmake_minimum_required(VERSION 3.19)\nproject(p C)\n"
                          b"find_package(wmlb %s REQUIRED)\n" % wanted.encode())
            folder = os.path.dirname(script)
            done = subprocess.run(["cmake", "-S", folder, "-B", folder + "/out",
                                   "-Dwmlb_DIR=" + self.libdir + "/cmake/wmlb"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode == 0, there, done.stdout.decode())

    def test_meson(self):
        folder = self.new_folder()
        source = os.path.join(folder, "source")
        shutil.copytree(os.path.join(CONSUMERS, "meson"), source)
        shutil.copy(os.path.join(CONSUMERS, "consumer.c"), source)
        run("meson", "setup", folder + "/out", source, env=self.environment)
        run("meson", "compile", "-C", folder + "/out", env=self.environment)
        self.assert_both_run(folder + "/out")

    def test_the_static_library_shows_its_own_names_only(self):
        lines = run("nm", "--extern-only", "--defined-only", self.libdir + "/libwmlb.a").splitlines()
        names = {line.split()[-1] for line in lines if len(line.split()) == 3}
        self.assertGreater(len(names), 30)
        self.assertEqual({name for name in names if not name.startswith("wmlb_")}, set())

    def test_beside_another_rust_archive_and_the_libraries_inside(self):
        folder = self.new_folder()
        other, program = os.path.join(folder, "libother.a"), os.path.join(folder, "beside")
        run("rustc", "--edition=2024", "--crate-type=staticlib", "-Clto=fat", "-Copt-level=2",
            os.path.join(CONSUMERS, "other.rs"), "-o", other)
        private = run("pkg-config", "--static", "--libs-only-l", "wmlb", env=self.environment)
        libraries = [name for name in private.split() if name != "-lwmlb"]
        maker = os.path.join(w.ROOT, "tests/make_store.py")
        store = os.path.join(folder, "store")
        run(sys.executable, maker, "--out", store, "--count", "20")
        archives = [other, self.libdir + "/libwmlb.a", "-l:libsqlite3.a", "-l:libzstd.a"]
        for number, order in enumerate((archives, archives[::-1])):
            run("gcc", "-Wall", "-Werror", "-I" + self.prefix + "/include",
                os.path.join(CONSUMERS, "beside.c"), *order, *libraries, "-o", program)
            run(program, store, os.path.join(folder, "backup%d" % number))

    def test_private_libraries_are_those_that_rust_names(self):
        said = run("rustc", "--edition=2024", "--crate-type=staticlib",
                   "--print=native-static-libs", os.path.join(CONSUMERS, "other.rs"), "-o",
                   os.path.join(self.new_folder(), "libother.a"))
        wanted = re.search(r"native-static-libs: (.*)", said).group(1).split()
        told = run("pkg-config", "--static", "--libs-only-l", "wmlb", env=self.environment).split()
        self.assertEqual(set(told) - {"-lwmlb"}, set(wanted))


if __name__ == "__main__":
    unittest.main()
