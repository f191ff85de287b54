#!/usr/bin/env python3
"""picture.py FOLDER FILE: makes docs/picture.svg, the picture of the command in the README, from a
real session on a terminal of its own.

FOLDER has the command wmlb, which finds its library. The user, the home and the ID of the device
are made up."""

import html
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HOME, DEVICE = "/home/ada", "0123456789abcdef" * 2
STORE = ".local/share/wmlb/licenses"
SESSION = [
    "wmlb stores",
    "wmlb backup --verify ~/stick",
    "wmlb backup ~/stick",
    "wmlb info ~/stick",
    "rm -r ~/" + STORE,
    "wmlb restore ~/stick",
]
COLUMNS = 128
LINE, CHARACTER, MARGIN = 20, 8.4, 16
STYLE = """text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d8dee4 }
.prompt { fill: #7ee787 } .bold { font-weight: bold; fill: #ffffff }
.wrong { font-weight: bold; fill: #ff7b72 }"""


def on_a_terminal(command, environment):
    """What a command writes to a terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("sh", ["sh", "-c", "stty cols %d; exec %s" % (COLUMNS, command)], environment)
    said = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        said += piece
    os.close(terminal)
    os.waitpid(child, 0)
    return said.decode()


def shown(said):
    """The lines that are left: a carriage return and an erasure begin one anew."""
    lines = [re.split(r"\r\x1b\[K|\r(?=.)", line.rstrip("\r"))[-1] for line in said.split("\n")]
    return lines[:-1] if not lines[-1] else lines


def session(folder):
    """The commands, and the lines that each has left on the terminal."""
    home = tempfile.mkdtemp()
    try:
        subprocess.run([sys.executable, os.path.join(HERE, "../tests/make_store.py"), "--count",
                        "1000", "--out", os.path.join(home, STORE)], check=True,
                       stdout=subprocess.DEVNULL)
        environment = {"HOME": home, "TERM": "xterm", "LANG": "C.UTF-8",
                       "PATH": os.path.abspath(folder) + ":" + os.environ["PATH"]}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        for command in SESSION:
            said = on_a_terminal(command, environment)
            said = re.sub(r"\b[0-9a-f]{32}\b", DEVICE, said.replace(os.path.realpath(home), HOME))
            yield command, shown(said)
    finally:
        shutil.rmtree(home)


def spans(line):
    """A line with its colors as SVG has them."""
    style, out = "", ""
    for code, text in re.findall(r"(?:\x1b\[([\d;]*)m)?([^\x1b]*)", line):
        style = {"": style, "0": ""}.get(code, "wrong" if "31" in code else "bold")
        text = html.escape(text, quote=False)
        out += '<tspan class="%s">%s</tspan>' % (style, text) if style and text else text
    return out


def drawn(commands):
    lines = []
    for command, said in commands:
        lines.append('<tspan class="prompt">$</tspan> <tspan class="bold">%s</tspan>' % command)
        lines += [spans(line) for line in said]
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    texts = ['<text x="%d" y="%d" xml:space="preserve">%s</text>'
             % (MARGIN, MARGIN + 15 + number * LINE, line) for number, line in enumerate(lines)]
    return "\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">' % (width, height),
        "<title>The command wmlb finds stores, backs one up and restores it</title>",
        "<style>%s</style>" % STYLE,
        '<rect width="100%" height="100%" rx="8" fill="#161b22"/>', *texts, "</svg>\n"])


def text_of(picture):
    """What a picture shows, without what differs from run to run."""
    lines = [html.unescape(re.sub(r"<[^>]+>", "", line))
             for line in re.findall(r"<text [^>]*>(.*)</text>", picture)]
    return [re.sub(r"\d[\d.:TZ-]*", "0", line) for line in lines]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(drawn(session(sys.argv[1])))
