#!/usr/bin/env python3
"""nupkg.py OUT RID=DIST...: the package for NuGet, with the library of each runtime identifier.

    packaging/nupkg.py out linux-x64=target/dist linux-arm64=target/aarch64-unknown-linux-gnu/dist

What is told of it is that of Wmlb.csproj, which `dotnet pack` makes the same package from. Where no
.NET SDK is, mono's compiler makes an assembly for .NET Framework's interface (net472), which .NET
loads too; --assembly FRAMEWORK=FOLDER takes those that `dotnet build` has made.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from xml.sax.saxutils import escape, quoteattr

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
BINDING = os.path.join(ROOT, "bindings/csharp")
NUSPEC = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"
OPC = "http://schemas.openxmlformats.org/package/2006/"
CORE = "package/services/metadata/core-properties/wmlb.psmdcp"
RIDS = ("linux-x64", "linux-arm64", "linux-arm", "linux-musl-x64", "linux-musl-arm64")
TIME = (1980, 1, 1, 0, 0, 0)


def told():
    """Name to text, as the project file has it."""
    tree = ElementTree.parse(os.path.join(BINDING, "Wmlb.csproj"))
    return {each.tag: each.text for group in tree.findall("PropertyGroup") for each in group}


def nuspec(about, frameworks):
    lines = [(name, about[key]) for name, key in (
        ("id", "PackageId"), ("version", "Version"), ("authors", "Authors"),
        ("description", "Description"), ("copyright", "Copyright"), ("tags", "PackageTags"),
        ("readme", "PackageReadmeFile"))]
    body = "".join("    <%s>%s</%s>\n" % (name, escape(text), name) for name, text in lines)
    groups = "".join('      <group targetFramework=%s />\n' % quoteattr(name)
                     for name in frameworks)
    return ('<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="%s">\n  <metadata>\n%s'
            '    <license type="expression">%s</license>\n'
            '    <requireLicenseAcceptance>false</requireLicenseAcceptance>\n'
            '    <dependencies>\n%s    </dependencies>\n  </metadata>\n</package>\n' % (
                NUSPEC, body, escape(about["PackageLicenseExpression"]), groups))


def relations():
    rows = (("http://schemas.microsoft.com/packaging/2010/07/manifest", "/Wmlb.nuspec"),
            (OPC + "relationships/metadata/core-properties", "/" + CORE))
    body = "".join('<Relationship Type="%s" Target="%s" Id="R%d" />' % (*row, number)
                   for number, row in enumerate(rows))
    return '<?xml version="1.0" encoding="utf-8"?>\n<Relationships xmlns="%srelationships">%s' \
           '</Relationships>\n' % (OPC, body)


def content_types(names):
    kinds = {"rels": "application/vnd.openxmlformats-package.relationships+xml",
             "psmdcp": "application/vnd.openxmlformats-package.core-properties+xml"}
    ends = sorted({name.rpartition(".")[2] for name in names if "." in os.path.basename(name)})
    body = "".join('<Default Extension="%s" ContentType="%s" />' % (
        end, kinds.get(end, "application/octet")) for end in ends)
    body += "".join('<Override PartName="/%s" ContentType="application/octet" />' % name
                    for name in sorted(names) if "." not in os.path.basename(name))
    return '<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="%scontent-types">%s</Types>\n' % (
        OPC, body)


def core_properties(about):
    return ('<?xml version="1.0" encoding="utf-8"?>\n<coreProperties xmlns:dc="http://purl.org/dc/'
            'elements/1.1/" xmlns="%smetadata/core-properties"><dc:creator>%s</dc:creator>'
            '<dc:description>%s</dc:description><dc:identifier>%s</dc:identifier>'
            '<version>%s</version><keywords>%s</keywords></coreProperties>\n' % (
                OPC, *(escape(about[key]) for key in (
                    "Authors", "Description", "PackageId", "Version", "PackageTags"))))


def compile_by_mono(folder):
    sources = sorted(glob.glob(os.path.join(BINDING, "src/*.cs")))
    subprocess.run(["mcs", "-langversion:7.2", "-target:library", "-nowarn:1591",
                    "-doc:" + os.path.join(folder, "Wmlb.xml"),
                    "-out:" + os.path.join(folder, "Wmlb.dll"), *sources], check=True)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def content(about, assemblies, dists):
    files = {"Wmlb.nuspec": nuspec(about, sorted(assemblies)).encode(),
             "_rels/.rels": relations().encode(), CORE: core_properties(about).encode(),
             "README.md": read(os.path.join(BINDING, "README.md"))}
    for text in ("LICENSE-MIT", "LICENSE-APACHE"):
        files["licenses/" + text] = read(os.path.join(ROOT, text))
    files["licenses/THIRD-PARTY.txt"] = subprocess.run(
        [sys.executable, os.path.join(ROOT, "packaging/crates.py"), "notices"], check=True,
        stdout=subprocess.PIPE, env={**os.environ, "WMLB_WITH_REMOTE": "1"}).stdout
    for framework, folder in assemblies.items():
        for name in ("Wmlb.dll", "Wmlb.xml"):
            files["lib/%s/%s" % (framework, name)] = read(os.path.join(folder, name))
    for rid, dist in dists.items():
        # The second one is loaded when a bucket is asked for, and not built everywhere.
        for name in ("libwmlb.so", "libwmlb-remote.so"):
            if name == "libwmlb.so" or os.path.exists(os.path.join(dist, name)):
                files["runtimes/%s/native/%s" % (rid, name)] = read(os.path.join(dist, name))
    files["[Content_Types].xml"] = content_types(files).encode()
    return files


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out")
    parser.add_argument("dists", nargs="+", metavar="RID=DIST")
    parser.add_argument("--assembly", action="append", default=[], metavar="FRAMEWORK=FOLDER")
    given = parser.parse_args()
    dists, about = pairs(given.dists), told()
    if not set(dists) <= set(RIDS):
        parser.error("runtime identifiers are " + ", ".join(RIDS))
    os.makedirs(given.out, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        assemblies = pairs(given.assembly)
        if not assemblies:
            compile_by_mono(folder)
            assemblies = {"net472": folder}
        files = content(about, assemblies, dists)
    name = "%s.%s.nupkg" % (about["PackageId"], about["Version"])
    with zipfile.ZipFile(os.path.join(given.out, name), "w", zipfile.ZIP_DEFLATED) as package:
        for inside in sorted(files):
            package.writestr(zipfile.ZipInfo(inside, TIME), files[inside],
                             zipfile.ZIP_DEFLATED)
    print(name)


if __name__ == "__main__":
    main()
