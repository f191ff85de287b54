"""The reference that docs/reference makes of include/wmlb.h: a page for everything, in order."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import produced
import wmlb_ctypes as w

sys.path.insert(0, os.path.join(w.ROOT, "docs/reference"))
import header  # noqa: E402
import man  # noqa: E402
import site_pages as pages  # noqa: E402


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
        remote = [item.name for group in header.read(header.REMOTE_HEADER)[1] for item in group.items]
        self.assertGreater(len(remote), 15)
        for name in [*self.items, *remote]:
            self.assertRegex(made, r"(?m)^\.\. c:\w+:: .*\b%s\b" % name)
        classes = re.findall(r"^(?:class|struct|enum class) (?:\[\[\w+\]\] )?(\w+)",
                             re.sub(r"^namespace detail {.*?^} // namespace detail", "", read("include/wmlb.hpp"),
                                    flags=re.S | re.M), re.M)
        self.assertGreater(len(classes), 10)
        for name in classes:
            self.assertTrue("\n%s\n%s\n" % (name, "-" * len(name)) in made, name)
        program = shutil.which("sphinx-build", path=os.pathsep.join(
            [os.path.join(w.ROOT, "target/package/sphinx/bin"), os.environ["PATH"]]))
        if not program:
            self.skipTest("make docs has not installed Sphinx")
        done = subprocess.run([program, "-q", "-n", "-W", "-b", "html", folder + "/source",
                               folder + "/html"], timeout=300, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_every_code_has_a_test_that_produces_it(self):
        """tests/codes.txt names one for each code that a page lists; produced.py runs them."""
        rows = produced.table()
        self.assertGreater(len(rows), 200)
        self.assertEqual(sorted(rows), sorted(produced.listed()), "run: tests/python/produced.py")
        everywhere = "\n".join(line for _, lines in sources() for line in lines)
        for pair, test in rows.items():
            room, module, case, name = test.split(".")
            self.assertIn("class %s(" % case, read("tests/python/%s/%s.py" % (room, module)), pair)
            self.assertIn("def %s(" % name, everywhere, pair)


if __name__ == "__main__":
    unittest.main()
