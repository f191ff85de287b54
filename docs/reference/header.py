"""What include/wmlb.h says, item by item: the one source of the manual pages and of the site.

The header is a text for its reader. Its comments have a form that is easy to follow: paragraphs,
lists, and the sections "Parameters:", "Returns:", "Failures in the last event" and "Threads:"."""

import os
import re
from dataclasses import dataclass, field

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
HEADER = os.path.join(TOP, "include/wmlb.h")
REMOTE_HEADER = os.path.join(TOP, "remote/include/wmlb_remote.h")
NAME = re.compile(r"\b(wmlb_\w+(?:\(\))?|WMLB_\w*[A-Z]\b(?!\*))")
SECTION = re.compile(r"(Parameters|Returns|Failures in the last event|Threads)\b([^:.]*):(?: |$)")
SAME_AS = re.compile(r"(?:[A-Z]\w+, )?(?:\w+, )*(?:\w+ and )?\w+ are those of (wmlb_\w+)\(\)")


@dataclass
class Text:
    """A paragraph, a list of items, or code."""
    kind: str  # "paragraph", "list", "code"
    lines: list


@dataclass
class Section:
    title: str
    texts: list


@dataclass
class Item:
    """Something with a name: a function, a macro, a struct, a callback, a type or a handle."""
    kind: str
    name: str
    declaration: str
    texts: list
    sections: list = field(default_factory=list)
    members: list = field(default_factory=list)  # (declaration, texts) of a struct

    @property
    def brief(self):
        """What it is or does, in a few words."""
        text = re.sub(r" \((?:[^()]|\(\))*\)", "", self.texts[0].lines[0])
        first = re.split(r"[.:;](?: |$)", text)[0]
        if len(first) > 60:
            first = re.split(r", (?:and|in|for|or|such|that|as|up|instead)\b", first)[0]
        return first[:1].lower() + first[1:]

    def section(self, title):
        return next((section for section in self.sections if section.title.startswith(title)), None)


@dataclass
class Group:
    title: str
    items: list


def texts_of(comment):
    """The paragraphs, lists and code of a comment."""
    body = re.sub(r"^\s*/\*\*?|\*/\s*$", "", comment.strip())
    texts, fresh = [], True
    for line in body.split("\n"):
        line = re.sub(r"^\s*\* ?", "", line).rstrip()
        last = texts[-1] if texts else None
        if not line.strip() or line.startswith("\\"):  # of Doxygen
            fresh = True
            continue
        if line.startswith("    ") and (fresh or last.kind == "code"):
            if last and last.kind == "code":
                last.lines += [""] * fresh + [line[4:]]
            else:
                texts.append(Text("code", [line[4:]]))
        elif line.startswith("- "):
            if last and last.kind == "list" and not fresh:
                last.lines.append(line[2:])
            else:
                texts.append(Text("list", [line[2:]]))
        elif fresh or not last:
            texts.append(Text("paragraph", [line.strip()]))
        else:
            last.lines[-1] += " " + line.strip()
        fresh = False
    return texts


def sections_of(texts):
    """The texts before the first section, and the sections."""
    before, sections = [], []
    for text in texts:
        found = text.kind == "paragraph" and SECTION.match(text.lines[0])
        if found:
            sections.append(Section(found[1] + found[2], []))
            rest = text.lines[0][found.end():]
            text = Text("paragraph", [rest[:1].upper() + rest[1:]] if rest else [])
        if text.lines:
            (sections[-1].texts if sections else before).append(text)
    return before, sections


def pair(entry):
    """An entry of a list of parameters or results: "name: text"."""
    name, colon, text = entry.partition(": ")
    return (name, text) if colon else (entry, "")


def members_of(code):
    members = []
    inside = code[code.index("{") + 1:code.rindex("}")]
    for comment, declaration in re.findall(r"(/\*\*.*?\*/)?\s*([^;/]+;)", inside, re.S):
        declaration = " ".join(declaration.rstrip(";").split())
        if comment:
            members.append(([declaration], texts_of(comment)))
        else:  # it shares the text of the one above
            members[-1][0].append(declaration)
    return members


def items_of(comment, code):
    before, sections = sections_of(texts_of(comment))
    code = re.sub(r"WMLB_NODISCARD\s+", "", code) if not code.startswith("#") else code
    macros = re.findall(r"^# *define (\w+)(.*)$", code, re.M)
    if macros:
        for name in dict.fromkeys(name for name, _ in macros):
            line = next(line for line in code.split("\n") if re.search(r"define %s\b" % name, line))
            plain = "#" + re.search(r"define %s(?:\(\w+\))?" % name, line)[0]
            shown = line if len(macros) < 5 and "#  " not in code else plain
            yield Item("macro", name, shown.strip(), before, sections)
        return
    callback, struct = re.search(r"\(\*(\w+)\)\(", code), re.search(r"} (\w+);$", code)
    if struct:
        item = Item("struct", struct[1], code, before, sections, members_of(code))
    elif code.startswith("typedef") and callback:
        item = Item("callback", callback[1], code, before, sections)
    elif code.startswith("typedef"):
        kind = "handle" if "struct" in code else "type"
        item = Item(kind, re.search(r"(\w+);$", code)[1], code, before, sections)
    else:
        item = Item("function", re.search(r"(\w+)\(", code)[1], code, before, sections)
    item.declaration = re.sub(r"\bstruct (wmlb_\w+)(?= \*)", r"\1", item.declaration)
    yield item


def same_sections(items):
    """The functions of the default restorer have the sections of those with a handle:
    their comments refer to these."""
    by_name = {item.name: item for item in items}
    for item in items:
        found = [SAME_AS.search(line) for text in item.texts for line in text.lines]
        other = next((by_name[match[1]] for match in found if match), None)
        if not other or item.sections:
            continue
        for section in other.sections:
            texts = section.texts
            if section.title == "Parameters":
                texts = [Text("list", [entry for entry in text.lines
                                       if not entry.startswith("restorer:")]) for text in texts]
                texts = [text for text in texts if text.lines]
            elif section.title.startswith("Returns"):
                texts = [Text(text.kind, [line for line in text.lines if line != "WMLB_E_HANDLE"])
                         for text in texts]
            if texts:
                item.sections.append(Section(section.title, texts))
        item.texts = [Text(text.kind, [re.sub(" ?[^.]*" + SAME_AS.pattern + r"\.", "", line)
                                       for line in text.lines]) for text in item.texts]


@dataclass
class Declaration:
    """Something of wmlb.hpp with a comment: what is declared, and its texts."""
    code: str
    texts: list

    @property
    def type_name(self):
        """Of a class, a struct or an enumeration."""
        found = re.match(r"(?:template <[^>]*> )?(?:class|struct|enum class) (?:\[\[\w+\]\] )?([\w:]+)",
                         self.code)
        return found[1] if found else None


def read_cpp(path=os.path.join(TOP, "include/wmlb.hpp")):
    """The comment at the top of wmlb.hpp, and what is public and has a comment, in its order."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    overview = texts_of(text[:text.index("*/") + 2])
    text = re.sub(r"^namespace detail {.*?^} // namespace detail$", "", text, flags=re.S | re.M)
    text = re.sub(r"^private:.*?^};$", "};", text, flags=re.S | re.M)
    found = []
    for match in re.finditer(r"(?:^ *///(?!<).*\n)+", text, re.M):
        comment = re.sub(r"^ *///", " *", match[0], flags=re.M)
        rest = text[match.end():]
        is_list = rest.startswith(("enum class", "struct "))
        code = re.match(r".*?};" if is_list else r".*?[;{:](?!:)(?<!::)", rest, re.S)[0]
        if not is_list:
            code = re.sub(r"\s+", " ", code).strip(" ;{:")
        found.append(Declaration(code.strip(), texts_of(comment)))
    return overview, found


def read(path=HEADER):
    """The texts of the comment at the top, and the groups."""
    with open(path, encoding="utf-8") as file:
        chunks = re.split(r"\n\n+", file.read())
    overview, groups = texts_of(chunks[0]), []
    for chunk in chunks[1:]:
        heading = re.match(r"/\* -{4} (.+?) -+ \*/$", chunk)
        documented = re.match(r"(/\*\*.*?\*/)\n(?!$)(.+)", chunk, re.S)
        if heading:
            groups.append(Group(heading[1], []))
        elif documented:
            if not groups:
                groups.append(Group("The header", []))
            groups[-1].items += items_of(documented[1], documented[2])
    same_sections([item for group in groups for item in group.items])
    return overview, groups
