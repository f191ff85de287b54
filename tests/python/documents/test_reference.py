"""The reference that docs/reference makes of include/wmlb.h: a page for everything, in order."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import wmlb_ctypes as w

sys.path.insert(0, os.path.join(w.ROOT, "docs/reference"))
import header  # noqa: E402
import man  # noqa: E402
import site_pages as pages  # noqa: E402

CODE = re.compile(r"WMLB_(?:S|E|NS_E)_\w+|WMLB_HRESULT_FROM_WIN32\(\d+\)")

def read(path):
    with open(os.path.join(w.ROOT, path), encoding="utf-8") as file:
        return file.read()


def exported():
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", os.path.realpath(w.LIBRARY)],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    return set(re.findall(r" T (wmlb_\w+)$", listed, re.M))


def sources():
    """Of each module of tests/python: its name, and its lines."""
    for at, _, names in os.walk(os.path.join(w.ROOT, "tests/python")):
        for name in names:
            if name.endswith(".py") and name != os.path.basename(__file__):
                yield name, read(os.path.join(at, name)).splitlines()


def listed_codes(items):
    """The result codes that the pages list, and by which functions each."""
    found = {}
    for item in items:
        for section in item.sections:
            if section.title.startswith(("Returns", "Failures")):
                for entry in [entry for text in section.texts for entry in text.lines]:
                    for code in CODE.findall(header.pair(entry)[0]):
                        found.setdefault(code, set()).add(item.name)
    return found


class Reference(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        man.main(cls.folder)
        cls.pages = {name.removesuffix(".3") for name in os.listdir(cls.folder)} - {"wmlb"}
        cls.items = {item.name: item for group in header.read()[1] for item in group.items}

    def test_everything_has_a_page(self):
        text = read("include/wmlb.h")
        macros = set(re.findall(r"^# *define (WMLB_\w+)", text, re.M)) - {"WMLB_H"}
        types = set(re.findall(r"^(?:}|typedef struct \w+|typedef \w+) (wmlb_\w+);", text, re.M))
        types |= set(re.findall(r"^typedef \w+ \(\*(wmlb_\w+)\)", text, re.M))
        self.assertEqual(self.pages, exported() | macros | types)

    def test_nothing_is_without_words(self):
        for name, item in self.items.items():
            self.assertTrue(item.texts and item.brief, name)
            if item.kind in ("function", "callback"):
                parameters = item.section("Parameters")
                told = [header.pair(entry)[0] for text in parameters.texts for entry in text.lines
                        ] if parameters else []
                inside = re.search(r"\(([^()]*)\);$", item.declaration)[1]
                wanted = re.findall(r"(\w+)(?:,|$)", inside) if inside != "void" else []
                self.assertEqual(", ".join(told).split(", ") if told else [], wanted, name)
                self.assertTrue(item.section("Returns"), name)
                self.assertTrue(item.section("Threads"), name)
            for declarations, texts in item.members:
                self.assertTrue(texts, (name, declarations))

    def test_names_in_it_are_there(self):
        """In the whole header, and so on every page; a * stands for the rest of a name."""
        found = re.findall(r"(?<![\w$\"])(?:wmlb_\w+|WMLB_\w+\*?)", read("include/wmlb.h"))
        self.assertGreater(len(found), 800)
        for name in set(found) - {"WMLB_H"}:
            self.assertTrue(name in self.items or name.endswith("*") and
                            any(item.startswith(name[:-1]) for item in self.items), name)

    def test_the_manual_is_in_order(self):
        """Its references too."""
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc")
        shutil.copy(os.path.join(w.ROOT, "packaging/wmlb.1"), self.folder)
        done = subprocess.run(["mandoc", "-Tlint", *sorted(os.listdir(self.folder))], timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.folder)
        self.assertEqual(done.stdout.decode(), "")

    def test_the_site(self):
        """Every document and every group is in it, and nothing that Sphinx would complain of."""
        folder = os.path.join(self.folder, "site")
        pages.main(os.path.join(folder, "source"))
        known = pages.pages()
        contents = pages.contents(known)
        for page in known[1:]:
            self.assertIn("\n%s\n" % page, contents)
        made = "".join(read(os.path.join(folder, "source/reference", name)) for name in
                       os.listdir(os.path.join(folder, "source/reference")))
        for name, item in self.items.items():
            self.assertRegex(made, r"(?m)^\.\. c:\w+:: .*\b%s\b" % name)
        program = shutil.which("sphinx-build", path=os.pathsep.join(
            [os.path.join(w.ROOT, "target/package/sphinx/bin"), os.environ["PATH"]]))
        if not program:
            self.skipTest("make docs has not installed Sphinx")
        done = subprocess.run([program, "-q", "-n", "-W", "-b", "html", folder + "/source",
                               folder + "/html"], timeout=300, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_every_code_is_expected_by_a_test(self):
        """Each result code that a page lists stands in a test, under its name or another one."""
        modules = list(sources())
        codes = listed_codes(self.items.values())
        self.assertGreater(len(codes), 25)
        values = dict(re.findall(r"^#define (WMLB_\w+) \(\(wmlb_hresult\)0x(\w+)\)$",
                                 read("include/wmlb.h"), re.M))
        untested = {}
        for code, functions in codes.items():
            plain = r"\b%s\b" % code.removeprefix("WMLB_")
            win32 = re.search(r"\((\d+)\)", code)
            if win32 or values[code].startswith("8007"):
                number = int(win32[1] if win32 else values[code][4:], 10 if win32 else 16)
                plain += r"|\bfrom_win32\(%d\)" % number
            plain = "(?:%s)" % plain
            others = {match[1] for _, lines in modules for line in lines
                      if (match := re.match(r"(\w+) = .*" + plain, line))}
            wanted = re.compile("|".join([plain, *(r"\b%s\b" % name for name in others)]))
            assigned = re.compile(r"\w+ = |    \"\w+\": 0x")
            if not any(wanted.search(line) and not assigned.match(line)
                       for name, lines in modules if name.startswith("test_") for line in lines):
                untested[code] = sorted(functions)
        self.assertEqual(untested, {})


if __name__ == "__main__":
    unittest.main()
