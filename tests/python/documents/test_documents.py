"""The documents: links lead somewhere, every page is reached from the README, and every block of
code compiles and runs."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import trust_support as trust
import wmlb_ctypes as w

PAGES = sorted(["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md",
                *("bindings/%s/README.md" % name for name in os.listdir(
                    os.path.join(w.ROOT, "bindings"))
                  if os.path.exists(os.path.join(w.ROOT, "bindings", name, "README.md"))),
                *("docs/" + name for name in os.listdir(os.path.join(w.ROOT, "docs"))
                  if name.endswith(".md"))])
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I" + os.path.join(w.ROOT, "include")]
LIBRARY = os.path.realpath(w.LIBRARY)

# A block of C that is no program runs in this one, with its paths set.
AROUND = """#include <stdio.h>
#include <wmlb.h>
int main(int argc, char **argv)
{
    if (argc != 3 || WMLB_FAILED(wmlb_set_store_path(argv[1])) ||
        WMLB_FAILED(wmlb_set_backup_path(argv[2])))
        return 2;
    {
%s
    }
    return 0;
}
"""
# Blocks that the tests of other folders run, or that quote what is compiled elsewhere.
ELSEWHERE = {("bindings/csharp/README.md", "csharp"), ("bindings/node/README.md", "js"),
             ("bindings/lua/README.md", "lua")}
QUOTES = {"CONTRIBUTING.md"}


def text(page):
    with open(os.path.join(w.ROOT, page), encoding="utf-8") as file:
        return file.read()


def blocks(page):
    """Language and content of each block of code."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text(page), re.M | re.S)


def prose(page):
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.M | re.S)


def anchors(page):
    """As GitHub makes them from headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", prose(page), re.M)}


def links(page):
    """Where relative links lead: path from the top, and anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page,
                   anchor)


class Pages(unittest.TestCase):
    maxDiff = None

    def test_links_lead_somewhere(self):
        found = 0
        for page in PAGES:
            for path, anchor in links(page):
                found += 1
                self.assertTrue(os.path.exists(os.path.join(w.ROOT, path)), (page, path))
                if anchor:
                    self.assertIn(anchor, anchors(path), (page, path))
        self.assertGreater(found, 40)

    def test_every_page_is_reached(self):
        reached, left = set(), ["README.md"]
        while left:
            page = left.pop()
            if page not in reached and page.endswith(".md"):
                reached.add(page)
                left += [path for path, _ in links(page)]
        self.assertEqual(sorted(reached), PAGES)

    def test_the_readme_is_short(self):
        self.assertLessEqual(len(text("README.md").splitlines()), 170)

    def test_each_guarantee_names_tests_that_are_run(self):
        section = text("README.md").split("## Guarantees\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (.+) \| (`.+`) \|$", section, re.M)
        self.assertEqual(len(rows), 5)
        for guarantee, cell in rows:
            for path in re.findall(r"`([^`]+)`", cell):
                # What is in tests/faults is run by the test that is named after it.
                room, name = os.path.split(path)
                run = path if room != "tests/faults" else "tests/python/faults/test_" + name
                self.assertIn("    def test_", text(run), (guarantee, path))
                if run != path:
                    self.assertIn("import " + name.removesuffix(".py"), text(run), path)

    def test_its_tests_and_files_are_there(self):
        for page in PAGES:
            for path in re.findall(r"`((?:tests|docs|benches|packaging|bindings|cli|examples-c|src)/"
                                   r"[\w./-]+)`", prose(page)):
                # A plugin is made by make, and rooms stand for many.
                if not path.endswith(".so"):
                    self.assertTrue(os.path.exists(os.path.join(w.ROOT, path)), (page, path))


class Picture(unittest.TestCase):
    def test_the_picture_shows_what_the_command_says(self):
        sys.path.insert(0, os.path.join(w.ROOT, "docs"))
        import picture
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        trust.build_command(folder)
        environment = {"LD_LIBRARY_PATH": os.path.dirname(os.path.abspath(w.LIBRARY))}
        with unittest.mock.patch.dict(os.environ, environment):
            made = picture.drawn(picture.session(folder))
        self.assertEqual(picture.text_of(text("docs/picture.svg")), picture.text_of(made),
                         "run: make picture")


class Blocks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.count = 0
        self.store = os.path.join(self.folder, "store")
        subprocess.run([sys.executable, os.path.join(w.ROOT, "tests/make_store.py"), "--out",
                        self.store, "--count", "20"], check=True, stdout=subprocess.DEVNULL)
        os.symlink(LIBRARY, os.path.join(self.folder, "libwmlb.so.1"))
        self.environment = {
            **os.environ, "LD_LIBRARY_PATH": self.folder, "WMLB_LIBRARY": LIBRARY,
            "PYTHONPATH": os.path.join(w.ROOT, "bindings/python/src")}

    def run_it(self, *command):
        """It makes a backup of the store."""
        self.count += 1
        backups = os.path.join(self.folder, "backups-%d" % self.count)
        done = subprocess.run([*command, self.store, backups], env=self.environment, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        self.assertEqual(os.listdir(backups), ["licenses.wmlb"])

    def compiled(self, compiler, standard, ending, source):
        path = os.path.join(self.folder, "block-%d" % self.count)
        with open(path + ending, "w") as file:
            file.write(source)
        subprocess.run([compiler, "-std=" + standard, *STRICT, path + ending, LIBRARY, "-pthread",
                        "-o", path], check=True)
        return path

    def each(self, language):
        found = [block for page in PAGES if page not in QUOTES
                 for name, block in blocks(page) if name == language]
        self.assertTrue(found)
        return found

    def test_every_language_is_tried(self):
        known = {"c", "cpp", "python", "sh", ""}  # the last is a picture
        for page in PAGES:
            for language, _ in blocks(page):
                self.assertTrue(language in known or page in QUOTES
                                or (page, language) in ELSEWHERE, (page, language))

    def test_c(self):
        for block in self.each("c"):
            source = block if "int main(" in block else AROUND % block
            self.run_it(self.compiled("cc", "c99", ".c", source))

    def test_cpp(self):
        for block in self.each("cpp"):
            self.run_it(self.compiled("c++", "c++17", ".cpp", block))

    def test_python(self):
        for block in self.each("python"):
            self.run_it(sys.executable, "-c", block)

    def test_shell(self):
        for block in self.each("sh"):
            subprocess.run(["sh", "-n"], input=block.encode(), check=True)


if __name__ == "__main__":
    unittest.main()
