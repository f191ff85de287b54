"""What packages are made by: recipes that say what is so, and what is in the library."""

import ast
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import support
import wmlb_ctypes as w

PACKAGING = os.path.join(w.ROOT, "packaging")
VERSION = "1.0.0"


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800,
                          **options)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (command, done.stdout.decode(errors="replace")))
    return done.stdout.decode()


def text(*names):
    return support.read(os.path.join(w.ROOT, *names)).decode()


def need_tool(name):
    if not shutil.which(name):
        raise unittest.SkipTest("there is no " + name)


def need_cargo():
    """It tells of the crates, without a network: what was built from them is here."""
    need_tool("cargo")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)


class Texts(Case):
    def test_versions(self):
        told = {
            "Cargo.toml": re.search('^version = "(.*)"', text("Cargo.toml"), re.M).group(1),
            "changelog": re.match(r"wmlb \((.*)-\d+\)",
                                  text("packaging/debian/changelog")).group(1),
            "Wmlb.csproj": re.search("<Version>(.*)<",
                                     text("bindings/csharp/Wmlb.csproj")).group(1),
            "package.json": json.loads(text("bindings/node/package.json"))["version"],
            "_native.py": re.search('^VERSION = "(.*)"',
                                    text("bindings/python/src/wmlb/_native.py"), re.M).group(1),
        }
        self.assertEqual(set(told.values()), {VERSION}, told)

    def test_alpine(self):
        script = 'set -eu; srcdir=/src; . "$1"; echo "$pkgname|$pkgver|$license|$source|$arch|' \
                 '$makedepends|$sha512sums"; type build check package >/dev/null'
        said = run("sh", "-c", script, "sh", os.path.join(PACKAGING, "recipes/alpine/APKBUILD"))
        name, version, license_, source, arch, needs, sums = said.split("|")
        self.assertEqual((name, version, license_, arch),
                         ("wmlb", "@VERSION@", "MIT OR Apache-2.0", "all"))
        self.assertEqual(sums.split(), ["@SHA512@", os.path.basename(source)])
        self.assertIn("cargo", needs.split())

    def test_arch(self):
        script = 'set -eu; . "$1"; echo "$pkgname|$pkgver|${license[*]}|${source[*]}|' \
                 '${sha512sums[*]}"; type build check package >/dev/null'
        said = run("bash", "-c", script, "sh", os.path.join(PACKAGING, "recipes/arch/PKGBUILD"))
        name, version, license_, source, sums = said.strip().split("|")
        self.assertEqual((name, version, license_, sums),
                         ("wmlb", "@VERSION@", "MIT OR Apache-2.0", "@SHA512@"))
        self.assertTrue(source.endswith("/libwmlb-@VERSION@.tar.xz"))

    def test_vcpkg(self):
        told = json.loads(text("packaging/recipes/vcpkg/vcpkg.json"))
        self.assertEqual((told["name"], told["version"], told["license"]),
                         ("wmlb", "@VERSION@", "MIT OR Apache-2.0"))
        # CMake reads all of it; what vcpkg has of its own does nothing.
        own = ("download_distfile extract_source_archive execute_required_process "
               "cmake_config_fixup fixup_pkgconfig install_copyright").split()
        script = "".join("function(vcpkg_%s)\nmessage(STATUS %s)\nendfunction()\n" % (name, name)
                         for name in own)
        support.write(self.path("read.cmake"), (
            script + 'set(CURRENT_PACKAGES_DIR "%s/made")\nfile(MAKE_DIRECTORY "%s/made/lib")\n'
            'include("%s/recipes/vcpkg/portfile.cmake")\n'
            % (self.folder, self.folder, PACKAGING)).encode())
        said = run("cmake", "-P", self.path("read.cmake"))
        self.assertEqual([name for name in own if name not in said], [])

    def test_conan(self):
        tree = ast.parse(text("packaging/recipes/conan/conanfile.py"))
        recipe, = (each for each in tree.body if isinstance(each, ast.ClassDef))
        told = {each.targets[0].id: each.value.value for each in recipe.body
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)}
        self.assertEqual((told["name"], told["version"], told["license"]),
                         ("wmlb", "@VERSION@", "MIT OR Apache-2.0"))
        methods = {each.name for each in recipe.body if isinstance(each, ast.FunctionDef)}
        self.assertLessEqual({"source", "build", "package", "package_info"}, methods)

    def test_debian(self):
        stanzas = [dict(re.findall(r"^([\w-]+): (.*(?:\n .*)*)", stanza, re.M))
                   for stanza in text("packaging/debian/control").split("\n\n")]
        names = [stanza["Package"] for stanza in stanzas[1:]]
        self.assertEqual(names, ["libwmlb1", "libwmvcore1", "libwmlb-remote1", "libwmlb-dev", "wmlb",
                                 "python3-wmlb"])
        for name in names[:5]:
            self.assertTrue(text("packaging/debian", name + ".install"))

    def test_libraries_of_the_static_one(self):
        wanted = re.search("^libs_private := (.*)", text("Makefile"), re.M).group(1).split()
        self.assertEqual(re.findall("'(-l[a-z_]+)'", text("meson.build")), wanted)
        told = re.search('INTERFACE_LINK_LIBRARIES "(.*)"', text("CMakeLists.txt")).group(1)
        self.assertEqual(["-l" + name for name in told.split(";")], wanted)


class Crates(Case):
    """The bill of materials and the licenses of others."""

    def test_bill_of_materials(self):
        need_cargo()
        bill = json.loads(run(os.path.join(PACKAGING, "crates.py"), "sbom"))
        self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
        components = {each["bom-ref"]: each for each in bill["components"]}
        root = bill["metadata"]["component"]["bom-ref"]
        self.assertEqual(root, "pkg:cargo/wmlb@" + VERSION)
        edges = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
        self.assertEqual(set(edges), set(components) | {root})
        self.assertLessEqual({need for needs in edges.values() for need in needs}, set(components))
        locked = dict(re.findall('name = "(.*)"\nversion = ".*"\nsource = ".*"\nchecksum = "(.*)"',
                                 text("Cargo.lock")))
        for each in components.values():
            self.assertTrue(each["licenses"][0]["expression"], each)
            self.assertIn(each["hashes"][0]["content"], text("Cargo.lock"))
        names = {each["name"] for each in components.values()}
        self.assertLessEqual({"age", "blake3", "zstd-sys", "rustix"}, names)
        # What builds the library, or its tests, is not in it.
        self.assertEqual(names & {"cbindgen", "cc", "serde_derive", "criterion"}, set())
        self.assertLess(len(names), len(locked))

    def test_licenses(self):
        need_cargo()
        said = run(os.path.join(PACKAGING, "crates.py"), "notices")
        for words in ("zstd-sys ", "Redistribution and use in source and binary forms",
                      "Permission is hereby granted", "Meta Platforms"):
            self.assertIn(words, said)


if __name__ == "__main__":
    unittest.main()
