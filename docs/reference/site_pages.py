#!/usr/bin/env python3
"""site_pages.py FOLDER: writes what Sphinx makes the site of into a folder: the pages of docs/ and
of the bindings, and a reference: a page for each group of include/wmlb.h, one of wmlb.hpp, and one
of wmlb_remote.h."""

import os
import re
import shutil
import sys

import header

HERE = os.path.dirname(os.path.abspath(__file__))
ABOVE = ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"]
ROLES = {"function": "c:func", "macro": "c:macro", "struct": "c:struct"}


def pages():
    """The documents, from the top."""
    listed = ["docs/" + name for name in sorted(os.listdir(os.path.join(header.TOP, "docs")))]
    bindings = os.path.join(header.TOP, "bindings")
    listed += ["bindings/%s/README.md" % name for name in sorted(os.listdir(bindings))]
    return [name for name in ABOVE + listed
            if name.endswith(".md") and os.path.exists(os.path.join(header.TOP, name))]


def read(page):
    with open(os.path.join(header.TOP, page), encoding="utf-8") as file:
        return file.read()


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def within(text, page, known):
    """A page whose links to files that are not pages are plain text."""
    def link(match):
        target = match[2].partition("#")[0]
        path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
        return match[0] if ":" in match[2] or path in known else match[1]
    return re.sub(r"\[([^]]+)\]\(([^)\s]+)\)", link, text)


def contents(known):
    """What the README refers to comes in its order, and then the rest."""
    referred = [name for name in re.findall(r"\]\(([^)#\s]+\.md)\)", read("README.md"))]
    order = [name for name in dict.fromkeys(referred + known) if name in known[1:]]
    guide = [name for name in order if name.startswith(("docs/", "bindings/"))]
    rest = [name for name in order if name not in guide]
    return "".join("\n```{toctree}\n:hidden:\n:caption: %s\n%s\n```\n" % (caption, "\n".join(names))
                   for caption, names in [("Guide", guide), ("Reference", ["reference/index"]),
                                          ("Project", rest)])


def marked(text, roles):
    """A text as reStructuredText: its names are references."""
    text = re.sub(r"([\\*`|_])", r"\\\1", text)

    def name(match):
        plain = match[0].replace("\\", "").removesuffix("()")
        if plain not in roles:
            return match[0]
        glue = "\\ " if text[match.end():match.end() + 1] == "(" else ""
        return ":%s:`%s`%s" % (roles[plain], plain, glue)
    return re.sub(r"\b(?:wmlb|WMLB)(?:\\_\w+)+(?:\(\))?(?!\\\*)(?!\w)", name, text)


def body(texts, roles, indent):
    lines = []
    for text in texts:
        if text.kind == "code":
            lines += ["::", "", *("   " + line for line in text.lines)]
        elif text.kind == "list":
            lines += ["- " + marked(entry, roles) for entry in text.lines]
        else:
            lines += [marked(text.lines[0], roles)]
        lines.append("")
    return [" " * indent + line if line else "" for line in lines]


def signature(item):
    """The directive of an item, and what it declares."""
    declaration = " ".join(item.declaration.split()).rstrip(";")
    if item.kind == "function":
        return "c:function", declaration
    if item.kind == "callback":
        return "c:type", declaration.removeprefix("typedef ")
    if item.kind == "struct":
        return "c:struct", item.name
    if item.kind == "macro":
        return "c:macro", re.search(r"define (\w+(?:\(\w+\))?)", declaration)[1]
    return "c:type", declaration.removeprefix("typedef ") if item.kind == "type" else item.name


def described(item, roles):
    lines = [".. %s:: %s" % signature(item), ""]
    value = re.match(r"#define \w+ (.+)", item.declaration)
    if value and item.kind == "macro":
        lines += ["   ``%s``" % value[1], ""]
    lines += body(item.texts, roles, 3)
    for declarations, texts in item.members:
        lines += ["   .. c:member:: " + ("\n" + " " * 17).join(declarations), "",
                  *body(texts, roles, 6)]
    for section in item.sections:
        lines += ["   **%s**" % section.title, "", *body(section.texts, roles, 3)]
    return lines


def cpp(overview, declarations, roles):
    """The page of wmlb.hpp: what it declares in the words of its comments."""
    lines = ["wmlb.hpp: C++", "=============", "", *body(overview, roles, 0)]
    for declaration in declarations:
        if declaration.type_name:
            lines += [declaration.type_name, "-" * len(declaration.type_name), ""]
        lines += [".. code-block:: c++", "",
                  *("   " + line for line in declaration.code.split("\n")), "",
                  *body(declaration.texts, roles, 0)]
    return "\n".join(lines) + "\n"


def remote(overview, groups, roles):
    """The page of wmlb_remote.h."""
    lines = ["wmlb_remote.h: backups in a bucket", "=" * 34, "", *body(overview, roles, 0)]
    for item in (item for group in groups for item in group.items):
        lines += described(item, roles)
    return "\n".join(lines) + "\n"


def reference(overview, groups):
    """The files of the reference."""
    far = header.read(header.REMOTE_HEADER)
    items = [item for group in groups + far[1] for item in group.items]
    roles = {item.name: ROLES.get(item.kind, "c:type") for item in items}
    files, names = {}, []
    for group in groups:
        names.append(re.sub(r"\W+", "-", re.split("[:,]", group.title)[0].lower()).strip("-"))
        lines = [group.title, "=" * len(group.title), ""]
        for item in group.items:
            lines += described(item, roles)
        files["reference/%s.rst" % names[-1]] = "\n".join(lines)
    files["reference/cpp.rst"] = cpp(*header.read_cpp(), roles)
    files["reference/remote.rst"] = remote(*far, roles)
    names += ["cpp", "remote"]
    lines = ["wmlb.h", "======", "", *body(overview, roles, 0), ".. toctree::", "   :maxdepth: 2", "",
             *("   " + name for name in names)]
    files["reference/index.rst"] = "\n".join(lines) + "\n"
    return files


def main(folder):
    known = pages()
    shutil.rmtree(folder, ignore_errors=True)
    for page in known:
        text = within(read(page), page, known)
        write(folder, page, text + contents(known) if page == "README.md" else text)
    for name, text in reference(*header.read()).items():
        write(folder, name, text)
    shutil.copy(os.path.join(HERE, "conf.py"), folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
