#!/usr/bin/env python3
"""What the library is built from, by what cargo says of it.

    crates.py sbom [TARGET]       a bill of materials of CycloneDX, in JSON
    crates.py notices [TARGET]    the licenses of the crates that are in the library, with texts;
                                  with WMLB_WITH_REMOTE=1 of those in libwmlb-remote too

What only builds it, or is for another system than TARGET (this machine's), is left out.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
# How such files are called; "licen" is for both ways to write it.
TEXTS = ("licen", "copying", "copyright", "notice", "unlicense")


def host():
    said = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith("host:"))


def metadata(target):
    done = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target],
        cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


class Crates:
    """Those that are linked: package by ID, and of which each has need."""

    def __init__(self, target):
        self.target = target
        told = metadata(target)
        packages = {package["id"]: package for package in told["packages"]}
        nodes = {node["id"]: node for node in told["resolve"]["nodes"]}
        self.root = told["resolve"]["root"]
        self.needs, open_ = {}, [self.root]
        if os.environ.get("WMLB_WITH_REMOTE"):
            open_ += [one for one in told["workspace_members"] if packages[one]["name"] == "wmlb-remote"]
        while open_:
            one = open_.pop()
            if one not in self.needs:
                self.needs[one] = sorted(
                    each["pkg"] for each in nodes[one]["deps"]
                    if any(kind["kind"] is None for kind in each["dep_kinds"])
                    and not self.is_macro(packages[each["pkg"]]))
                open_ += self.needs[one]
        self.packages = {one: packages[one] for one in self.needs}

    @staticmethod
    def is_macro(package):
        """It writes code while another is compiled, and is not there afterwards."""
        return any("proc-macro" in target["kind"] for target in package["targets"])

    def others(self):
        own = ("wmlb", "wmlb-remote")
        return sorted((package for package in self.packages.values() if package["name"] not in own),
                      key=lambda package: (package["name"], package["version"]))


def checksums():
    """By name and version, as Cargo.lock has them."""
    found, name, version = {}, "", ""
    with open(os.path.join(ROOT, "Cargo.lock"), encoding="utf-8") as file:
        for line in file:
            key, _, value = line.strip().partition(" = ")
            value = value.strip('"')
            if key == "name":
                name = value
            elif key == "version":
                version = value
            elif key == "checksum":
                found[name, version] = value
    return found


def reference(package):
    return "pkg:cargo/%s@%s" % (package["name"], package["version"])


def component(package, sums):
    key = package["name"], package["version"]
    made = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
        "licenses": [{"expression": (package["license"] or "NOASSERTION").replace("/", " OR ")}],
    }
    if package.get("description"):
        made["description"] = " ".join(package["description"].split())
    if key in sums:
        made["hashes"] = [{"alg": "SHA-256", "content": sums[key]}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def sbom(crates):
    sums = checksums()
    return json.dumps({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(crates.packages[crates.root], sums),
            "properties": [{"name": "cargo:target", "value": crates.target}],
        },
        "components": [component(package, sums) for package in crates.others()],
        "dependencies": [
            {"ref": reference(crates.packages[one]),
             "dependsOn": [reference(crates.packages[need]) for need in needs]}
            for one, needs in sorted(crates.needs.items())],
    }, indent=1, ensure_ascii=False)


def texts(package):
    """The files with its license: at its top, and of the C that it brings along."""
    folder = os.path.dirname(package["manifest_path"])
    for above, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            if name.lower().split(".")[0].startswith(TEXTS) and not name.endswith((".rs", ".html")):
                with open(os.path.join(above, name), encoding="utf-8", errors="replace") as file:
                    yield os.path.relpath(file.name, folder), file.read().strip()


def notices(crates):
    """Each text once, under all crates that have it."""
    said, by_text = [], {}
    for package in crates.others():
        line = "%s %s: %s" % (package["name"], package["version"], package["license"])
        said.append(line)
        for name, text in texts(package):
            by_text.setdefault(" ".join(text.split()), (text, []))[1].append(
                "%s %s, %s" % (package["name"], package["version"], name))
    parts = ["These crates, and Rust's standard library (MIT OR Apache-2.0), are in libwmlb:\n\n"
             + "\n".join(said)]
    parts += ["\n".join(names) + ":\n\n" + text for text, names in by_text.values()]
    return ("\n\n" + "-" * 80 + "\n\n").join(parts)


def main():
    makers = {"sbom": sbom, "notices": notices}
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in makers:
        sys.exit(__doc__)
    print(makers[sys.argv[1]](Crates(sys.argv[2] if len(sys.argv) == 3 else host())))


if __name__ == "__main__":
    main()
