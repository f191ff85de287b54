"""portable.py MODULE...: runs tests with the library that tests/portable.sh has built, in
tests/python. Those that portable.txt names have to fail, and all others not to."""

import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def different():
    with open(os.path.join(HERE, "portable.txt"), encoding="utf-8") as file:
        return set(re.findall(r"^\w+\.test_\w+\.\w+\.test_\w+$", file.read(), re.M))


def each(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from each(one)
        else:
            yield one


def main(modules):
    sys.path.insert(0, os.getcwd())
    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    named, found = different(), set()
    for test in each(suite):
        if test.id() in named:
            # What the decorator expectedFailure sets: a success is an error then.
            test.__unittest_expecting_failure__ = True
            found.add(test.id())
    meant = {name for name in named if any(name.startswith(module + ".") for module in modules)}
    if meant - found:
        sys.exit("portable.txt names what is not there: %s" % ", ".join(sorted(meant - found)))
    done = unittest.TextTestRunner().run(suite)
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
