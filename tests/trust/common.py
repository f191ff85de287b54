"""What the long tries of trust share: where the tests' modules are, how a row is told."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))


def tell(what, tried, violated, figures=""):
    """A row of a table: what | tried | violated. What was violated goes to the standard error."""
    print("| %s | %s | %d |" % (what, tried, len(violated)))
    if figures:
        print("  " + figures)
    sys.stdout.flush()
    for problem in violated[:20]:
        print("%s: %s" % (what, problem), file=sys.stderr)
    return 1 if violated else 0
