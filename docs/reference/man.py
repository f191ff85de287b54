#!/usr/bin/env python3
"""man.py FOLDER [wmlb_remote]: writes the manual pages of section 3 into a folder: one for every
function, type and macro of include/wmlb.h, and wmlb.3, which lists them; or those of
wmlb_remote.h, and wmlb_remote.3."""

import os
import re
import sys

import header

# Of each header: where it is, what pkg-config calls its library, and what that does.
HEADERS = {
    "wmlb": ("include/wmlb.h", "wmlb", "library that backs up and restores media licenses"),
    "wmlb_remote": ("remote/include/wmlb_remote.h", "wmlb\\-remote",
                    "library that keeps backups of media licenses in a bucket"),
}
WIDTH = 78
BOLD = re.compile(header.NAME.pattern + r"|\b(?<!\\)\w+\(\)")


def date():
    """That of wmlb(1): the pages are the same whenever they are made."""
    with open(os.path.join(header.TOP, "packaging/wmlb.1"), encoding="utf-8") as file:
        return file.readline().strip()


def escaped(text):
    text = text.replace("\\", "\\e").replace("--", "\\-\\-")
    return re.sub(r"(?<![\w(])-(?=\w)", "\\-", text)


def marked(text):
    return re.sub(BOLD, r"\\fB\g<0>\\fP", escaped(text))


def filled(text):
    """Lines of text: each sentence begins one."""
    lines = []
    for sentence in re.split(r"(?<=[.?!]) +|(?<=[.?!][)\"]) +", text):
        line = ""
        for word in marked(sentence).split():
            if line and len(line) + 1 + len(word) > WIDTH:
                lines.append(line)
                line = ""
            line += " " * bool(line) + word
        if line:
            lines.append(line)
    return ["\\&" + line if line[:1] in (".", "'") else line for line in lines]


def code(lines):
    shown = [escaped(line) for line in lines]
    return [".Bd -literal", *("\\&" + line if line[:1] in (".", "'") else line for line in shown),
            ".Ed"]


def listed(entries, tag=None):
    """A list; with a macro for its tags, of what stands before the colon of each entry."""
    if not tag:
        return [".Bl -dash", *(line for entry in entries for line in [".It", *filled(entry)]), ".El"]
    lines = [".Bl -tag -width Ds"]
    for entry in entries:
        name, text = header.pair(entry)
        if tag == "Fa" or name.startswith("WMLB_"):
            lines.append(".It %s %s" % (tag, name.replace(", ", " , ")))
        else:
            lines.append('.It "%s"' % marked(name).replace('"', '""'))
        lines += filled(text)
    return lines + [".El"]


def body(texts, tag=None):
    lines = []
    for text in texts:
        if text.kind == "code":
            lines += code(text.lines)
        elif text.kind == "list":
            lines += listed(text.lines, tag)
        else:
            lines += ([".Pp"] if lines else []) + filled(text.lines[0])
    return lines


def synopsis(item):
    if item.kind == "function":
        kind, parameters = re.match(r"(.*?)\w+\((.*)\);$", " ".join(item.declaration.split()),
                                    re.S).groups()
        parameters = [] if parameters == "void" else parameters.split(", ")
        return ['.Ft "%s"' % kind.strip(), ".Fo " + item.name,
                *('.Fa "%s"' % parameter for parameter in parameters), ".Fc"]
    if item.kind == "macro":
        return [".Fd " + escaped(item.declaration)] if len(item.declaration) < 70 else \
            code([item.declaration])
    without_comments = re.sub(r"\n\s*/\*\*.*?\*/", "", item.declaration, flags=re.S)
    return code(without_comments.split("\n"))


def mentioned(item, names):
    """The names that the page of an item speaks of."""
    texts = [*item.texts, *(text for section in item.sections for text in section.texts),
             *(text for _, texts in item.members for text in texts)]
    words = " ".join([item.declaration, *(line for text in texts for line in text.lines)])
    found = {name.removesuffix("()") for name in header.NAME.findall(words)}
    groups = tuple(re.findall(r"\b(WMLB_\w+_)\*", words))
    return found | {name for name in names if groups and name.startswith(groups)}


def page(item, names, library):
    title = item.name.upper() if item.kind != "macro" else item.name
    lines = [date(), ".Dt %s 3" % title, ".Os", ".Sh NAME", ".Nm " + item.name,
             ".Nd " + escaped(item.brief), ".Sh SYNOPSIS", ".In %s.h" % library, *synopsis(item),
             ".Sh DESCRIPTION", *body(item.texts)]
    parameters = item.section("Parameters")
    if parameters:
        lines += [".Pp", "The parameters are:", *body(parameters.texts, "Fa")]
    if item.members:
        lines += [".Pp", "The members are:", ".Bl -tag -width Ds"]
        for declarations, texts in item.members:
            for declaration in declarations[:-1]:
                lines += ['.It Va "%s"' % declaration, "\\&"]
            lines += ['.It Va "%s"' % declarations[-1], *body(texts)]
        lines += [".El"]
    for section in item.sections:
        if section.title != "Parameters":
            heading = {"Returns": "RETURN VALUES", "Failures": "ERRORS"}.get(
                re.split(r"\W", section.title)[0], section.title.upper())
            lines += [".Sh " + heading]
            if ", " in section.title or heading == "ERRORS":
                lines += [section.title + ":"]
            lines += body(section.texts, None if heading == "THREADS" else "Dv")
    others = (mentioned(item, names) & names) - {item.name} | {library}
    others = sorted(others, key=str.lower)
    lines += [".Sh SEE ALSO"]
    lines += [".Xr %s 3%s" % (name, " ," if name != others[-1] else "") for name in others]
    return "\n".join(lines) + "\n"


def overview(texts, groups, library):
    _, package, purpose = HEADERS[library]
    lines = [date(), ".Dt %s 3" % library.upper(), ".Os", ".Sh NAME", ".Nm " + library,
             ".Nd " + purpose, ".Sh SYNOPSIS", ".In %s.h" % library,
             ".Pp", "cc program.c $(pkg-config \\-\\-cflags \\-\\-libs %s)" % package,
             ".Sh DESCRIPTION", *body(texts)]
    for group in groups:
        lines += [".Ss " + escaped(group.title), ".Bl -tag -width Ds -compact"]
        for item in group.items:
            if item.name != library:
                lines += [".It Xr %s 3" % item.name, *filled(item.brief)]
        lines += [".El"]
    above = [".Xr wmlb 1"] if library == "wmlb" else [".Xr wmlb 1 ,", ".Xr wmlb 3"]
    return "\n".join([*lines, ".Sh SEE ALSO", *above]) + "\n"


def items_of(library):
    texts, groups = header.read(os.path.join(header.TOP, HEADERS[library][0]))
    return texts, groups, [item for group in groups for item in group.items]


def main(folder, library="wmlb"):
    texts, groups, items = items_of(library)
    # Pages refer to those of the library below.
    names = {item.name for item in (*items, *items_of("wmlb")[2])}
    os.makedirs(folder, exist_ok=True)
    pages = {library: overview(texts, groups, library),
             **{item.name: page(item, names, library) for item in items if item.name != library}}
    for name, text in pages.items():
        with open(os.path.join(folder, name + ".3"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["wmlb_remote"]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
