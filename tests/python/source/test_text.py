"""The project's text: spelling, American throughout, and the width of comments."""

import ast
import io
import os
import re
import shutil
import subprocess
import tokenize
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
# Others wrote it, tools write it, it is no text, or it has the wrong words in it on purpose.
NOT_OURS = re.compile(r"LICENSE-|.*\.lock$|fuzz/seeds/|tests/vectors/.*\.(wmlb|json|xz)$|"
                      r"include/wmsdk/|src/hresult/sdk\.rs$|tests/python/source/test_text\.py$")
WIDTH = 100

# What codespell knows too few words of.
BRITISH = re.compile(r"licenc|behaviour|colour|favour|honour|neighbour|"
                     r"(cancel|label|model|signal|travel)l(ed|er|ers|ing)$")
BRITISH_ENDING = re.compile(r"(?<=is|ys)(e|ed|er|ers|es|ing|ation|ations)$")
# Their s is American too.
WITH_S = set("advis aris compris compromis concis devis disguis enterpris exercis expertis "
             "fadvis improvis likewis nois otherwis precis premis promis rais rerais revis ris "
             "supervis surpris".split())
# As in .codespellrc.
NAMES_OF_OTHERS = re.compile("CancelledError|madvise|ReiserFS")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

LIKE_C = re.compile(r"\s*(//|/\*|\*( |/|$))|.*[;{,)\s](//|/\*) ")
LIKE_SHELL = re.compile(r"\s*#|.*  # ")
COMMENTS = {
    **dict.fromkeys([".rs", ".c", ".h", ".cpp", ".hpp", ".cs"], LIKE_C),
    **dict.fromkeys([".sh", ".toml", ".in", ""], LIKE_SHELL),
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def files():
    """The text that is tracked: name and content of each file."""
    if not os.path.exists(os.path.join(ROOT, ".git")) or not shutil.which("git"):
        raise unittest.SkipTest("it is not a clone, or there is no git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE).stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        path = os.path.join(ROOT, name)
        if not NOT_OURS.match(name) and os.path.isfile(path):
            with open(path, encoding="utf-8", newline="") as file:
                yield name, file.read()


def is_british(word):
    word = word.lower()
    if BRITISH.search(word):
        return True
    ending = BRITISH_ENDING.search(word)
    return bool(ending) and len(word) > 5 and word[:ending.start()] not in WITH_S


def comment_lines(name, content):
    """The numbers of the lines in which there is a comment, and those lines."""
    lines = content.splitlines()
    if name.endswith(".py"):
        numbers = {token.start[0] for token in tokenize.generate_tokens(io.StringIO(content).readline)
                   if token.type == tokenize.COMMENT}
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
                numbers.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        for number in sorted(numbers):
            yield number, lines[number - 1]
        return
    pattern = COMMENTS.get(os.path.splitext(name)[1])
    for number, line in enumerate(lines, 1):
        if pattern and pattern.match(line):
            yield number, line


class Text(unittest.TestCase):
    maxDiff = None

    def test_spelling(self):
        if not shutil.which("codespell"):
            self.skipTest("there is no codespell")
        names = [name for name, _ in files()]
        self.assertGreater(len(names), 200)
        done = subprocess.run(["codespell", *names], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_spelling_is_american(self):
        found = ["%s:%d: %s" % (name, number, word)
                 for name, content in files()
                 for number, line in enumerate(content.splitlines(), 1)
                 for word in WORD.findall(NAMES_OF_OTHERS.sub("", line)) if is_british(word)]
        self.assertEqual(found, [])

    def test_words_are_told_apart(self):
        for word in "Licence uninitialised authorisers localise signalled MISBEHAVIOUR analyse".split():
            self.assertTrue(is_british(word), word)
        for word in "License raised otherwise promises filled killed list missing wise".split():
            self.assertFalse(is_british(word), word)

    def test_comments_are_not_wider_than_a_page(self):
        found = ["%s:%d" % (name, number)
                 for name, content in files()
                 for number, line in comment_lines(name, content) if len(line) > WIDTH]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
