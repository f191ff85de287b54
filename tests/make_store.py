#!/usr/bin/env python3
"""Makes a license store like the ones players keep, for tests, demos and benchmarks.

    make_store.py --out DIR --count N [--seed S] [--kind mixed|xml|tiny|large]
                  [--restricted-percent P] [--manifest FILE]

The same arguments make the same names, bytes and times on every machine. Nothing in it is
real: keys, signatures and certificates are random. What matters to a backup is as in real
stores: sizes, folders, and how much of a license repeats in others of the same issuer.

    mixed   50 % WMDRM XML of 3 to 8 KiB, 25 % PlayReady XMR of 0.4 to 1.5 KiB,
            15 % LCP JSON of 3 to 6 KiB, 10 % opaque blobs of 1 to 20 KiB
    xml     WMDRM XML alone, as in mixed
    tiny    XMR of 150 to 300 bytes
    large   64 to 512 KiB: half of them XML with a long revocation list, half opaque

Every license states, where its format can, that it may be backed up, but for P percent of
those whose format can forbid it: WMDRM with a Backup action that is FALSE or missing, XMR that
must not persist. One in three has a modification time with nanoseconds. The manifest is a line
of JSON for each license: name, format, key IDs as the library tells them, and whether it is
restricted. Prints a summary in one line of JSON.
"""
import argparse
import base64
import datetime
import json
import os
import random
import struct
import sys

EPOCH = 1_300_000_000  # in 2011; times lie in the four years from there
FOUR_YEARS = 4 * 365 * 86_400
WORDS = "amber bridge cello dawn ember fjord grove harp inlet jade kite lagoon mill north ocean pine".split()
HOSTS = [f"license{number}.{name}.example" for number, name in enumerate(
    "songs cinema radio library archive campus studio opera theatre journal".split())]


class Store:
    def __init__(self, seed, restricted_percent=0):
        self.random = random.Random(seed)
        self.rights = random.Random(f"rights {seed}")  # the rest stays as it is without them
        self.restricted_percent = restricted_percent
        self.stated = None  # what the manifest says of the last license
        self.machine_key = self.text(40)
        root, middle = self.text(450), [self.text(500), self.text(540)]
        # What an issuer puts into each of its licenses; a few issuers make most licenses.
        self.issuers = [{
            "number": number,
            "host": host,
            "key": self.text(40),
            "certificates": [self.text(320 + 40 * number), middle[number % 2], root],
            "revocation": self.text(60 + 70 * (number % 4)),
            "level": (150, 500, 1000, 2000)[number % 4],
            "device": self.random.randbytes(64),
            "meter": self.random.randbytes(16),
            "address": f"https://{host}/rights/manager.asmx".encode("utf-16-le"),
        } for number, host in enumerate(HOSTS)]
        self.weights = [1 / (rank + 1) for rank in range(len(HOSTS))]

    def text(self, count):
        return base64.b64encode(self.random.randbytes(count)).decode()

    def issuer(self):
        return self.random.choices(self.issuers, self.weights)[0]

    def title(self):
        return " ".join(self.random.choice(WORDS) for _ in range(3)).title()

    def date(self):
        seconds = EPOCH + self.random.randrange(FOUR_YEARS)
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)

    def state(self, kind, key_id=None, can_forbid=False):
        """Whether the license is to forbid backup."""
        restricted = can_forbid and self.rights.random() * 100 < self.restricted_percent
        key_ids = [] if key_id is None else [base64.b64encode(key_id).decode()]
        self.stated = {"format": kind, "key_ids": key_ids, "restricted": restricted}
        return restricted

    def wmdrm(self, revoked=0):
        issuer, key_id, counter = self.issuer(), self.random.randbytes(16), self.random.randbytes(4).hex()
        license_id = base64.b64encode(self.random.randbytes(16)).decode()
        actions = [
            ("Play", f'(app.minseclevel >= {issuer["level"]}) && ((long)counter.plays_{counter} > 0)',
             f"counter.plays_{counter}--; secstate.lastplay = machine.datetime;"),
            ("Backup", "TRUE", ""),
            ("Restore", "TRUE", "secstate.restored = 1;"),
            ("Print.redbook", "(counter.burns > 0) && (app.minseclevel >= 1000)", "counter.burns--;"),
            ("Transfer.SDMI", "(device.minseclevel >= 1000) && (counter.transfers > 0)", "counter.transfers--;"),
            ("Transfer.NONSDMI", 'machine.datetime <= "#20301231 23:59:59Z#"', "secstate.moved = 1;"),
        ][:3 + issuer["number"] % 4]
        if self.state("wmdrm-v7", key_id, can_forbid=True):
            actions[1:2] = [("Backup", "FALSE", "")][self.rights.randrange(2):]
        on_actions = "".join(
            f'<ONACTION type="{name}"><CONDITION><![CDATA[{condition}]]></CONDITION>'
            f"<ACTION><![CDATA[{action}]]></ACTION></ONACTION>" for name, condition, action in actions)
        more = "".join(f'<REVOKED serial="{serial}">{self.text(24)}</REVOKED>' for serial in range(revoked))
        if not revoked and self.random.random() < 0.2:
            more = f"<ATTRIBUTES>{self.text(self.random.randrange(200, 1800))}</ATTRIBUTES>"
        chain = "".join(f"<CERTIFICATE>{certificate}</CERTIFICATE>" for certificate in issuer["certificates"])
        content = (
            '<LICENSE version="2.0.0.0"><LICENSORINFO><DATA>'
            f"<LID>{license_id}</LID><KID>{base64.b64encode(key_id).decode()}</KID>"
            f"<ISSUEDATE>{self.date():%Y%m%d %H:%M:%SZ}</ISSUEDATE>"
            f'<PRIORITY>{10 + issuer["number"]}</PRIORITY><CONTENTPUBKEY>{self.text(40)}</CONTENTPUBKEY>'
            f'<RevocationList>{issuer["revocation"]}</RevocationList>'
            f'<META><TITLE>{self.title()}</TITLE><LSURL>http://{issuer["host"]}/store/renew.asp?id={counter}</LSURL></META>'
            f"<ONSTORE><ACTION><![CDATA[counter.plays_{counter} = {self.random.randrange(1, 1000)}; counter.burns = 3; "
            "counter.transfers = 10; secstate.stored = machine.datetime;]]></ACTION></ONSTORE>"
            f"<ONSELECT><CONDITION><![CDATA[(long)counter.plays_{counter} > 0]]></CONDITION></ONSELECT>"
            f'{on_actions}{more}<ENABLINGBITS><ALGORITHM type="MSDRM"/><PUBKEY type="machine">{self.machine_key}</PUBKEY>'
            f"<VALUE>{self.text(80)}</VALUE><SIGNATURE>{self.text(40)}</SIGNATURE></ENABLINGBITS></DATA>"
            f'<SIGNATURE><HASHALGORITHM type="SHA"/><SIGNALGORITHM type="MSDRM"/><PUBKEY>{issuer["key"]}</PUBKEY>'
            f"<VALUE>{self.text(40)}</VALUE></SIGNATURE><CERTIFICATECHAIN>{chain}</CERTIFICATECHAIN></LICENSORINFO></LICENSE>")
        name = key_id.hex()
        return f"wmdrm/{name[0]}/{name[1]}/{name}.lic", content.encode()

    def xmr(self, tiny=False):
        def xmr_object(kind, content, flags=1):  # flag 1: must be understood, 2: a container
            return struct.pack(">HHI", flags, kind, 8 + len(content)) + content

        issuer, rights_id = self.issuer(), self.random.randbytes(16)
        playback = xmr_object(0x0005, struct.pack(">5H", 250, 400, 300, 200, 100))
        size = self.random.choice((16, 16, 128)) if tiny else 128
        key_id = self.random.randbytes(16)
        rights = b"\0\x09" if self.state("xmr", key_id, can_forbid=True) else b"\0\x08"
        policy = xmr_object(0x000D, rights) + xmr_object(0x0034, struct.pack(">H", 2000))
        key = xmr_object(0x000A, key_id + struct.pack(">HHH", 1, 3, size) + self.random.randbytes(size))
        outer = b""
        if not tiny or self.random.random() < 0.5:
            policy += xmr_object(0x0013, struct.pack(">I", EPOCH + self.random.randrange(FOUR_YEARS)))
        if not tiny:
            policy += xmr_object(0x0016, issuer["meter"])
            if self.random.random() < 0.4:
                policy += xmr_object(0x0012, struct.pack(">II", EPOCH, EPOCH + self.random.randrange(2 * FOUR_YEARS)))
            key += xmr_object(0x002A, struct.pack(">HH", 1, 64) + issuer["device"])
            outer = xmr_object(0x002C, issuer["address"], 0)
            if self.random.random() < 0.3:
                outer += xmr_object(0x002C, self.random.randbytes(self.random.randrange(100, 800)), 0)
        outer = (xmr_object(0x0002, policy, 2) + xmr_object(0x0004, playback, 3) + xmr_object(0x0009, key, 2) + outer
                 + xmr_object(0x000B, struct.pack(">HH", 1, 16) + self.random.randbytes(16)))
        content = b"XMR\0" + struct.pack(">I", 3) + rights_id + xmr_object(0x0001, outer, 2)
        return f'playready/issuer{issuer["number"]}/{rights_id[0] % 64:02x}/{rights_id.hex()}.xmr', content

    def lcp(self):
        issuer, digits, date = self.issuer(), self.random.randbytes(16).hex(), f"{self.date():%Y-%m-%dT%H:%M:%SZ}"
        identifier = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        site = f'https://{issuer["host"]}'
        self.state("lcp")
        document = {
            "provider": site, "id": identifier, "issued": date,
            "encryption": {
                "profile": "http://readium.org/lcp/basic-profile",
                "content_key": {"algorithm": "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "encrypted_value": self.text(64)},
                "user_key": {"algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
                             "text_hint": "The passphrase you chose", "key_check": self.text(64)}},
            "links": [
                {"rel": "hint", "href": f"{site}/hint", "type": "text/html"},
                {"rel": "status", "href": f"{site}/licenses/{identifier}/status",
                 "type": "application/vnd.readium.license.status.v1.0+json"},
                {"rel": "publication", "href": f"{site}/content/{identifier}.epub", "type": "application/epub+zip",
                 "title": self.title(), "length": self.random.randrange(1 << 24), "hash": self.random.randbytes(32).hex()}],
            "rights": {"print": self.random.randrange(100), "copy": 5000, "start": date, "end": "2031-12-31T00:00:00Z"},
            "user": {"id": digits[::-1], "email": self.text(64), "encrypted": ["email"]},
            "signature": {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                          "certificate": issuer["certificates"][0] + issuer["certificates"][1], "value": self.text(256)}}
        if self.random.random() < 0.3:
            document["user"]["note"] = " ".join(self.random.choice(WORDS) for _ in range(self.random.randrange(50, 350)))
        indent = 2 if self.random.random() < 0.5 else None
        return f"lcp/{identifier}.lcpl", json.dumps(document, indent=indent).encode()

    def opaque(self, least=1 << 10, most=20 << 10):
        content = self.random.randbytes(self.random.randint(least, most))
        self.state("opaque")
        folder = "" if content[12] < 16 else "opaque/"  # some lie at the top of the store
        return f"{folder}{content[:12].hex()}.bin", content

    def license(self, kind):
        """The path and the bytes of the next license."""
        if kind == "xml":
            return self.wmdrm()
        if kind == "tiny":
            return self.xmr(tiny=True)
        if kind == "large":
            if self.random.random() < 0.5:
                return self.wmdrm(revoked=self.random.randrange(1000, 7000))
            return self.opaque(64 << 10, 512 << 10)
        make = self.random.choices((self.wmdrm, self.xmr, self.lcp, self.opaque), (50, 25, 15, 10))[0]
        return make()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="a folder that is empty or missing")
    parser.add_argument("--count", required=True, type=int, metavar="N")
    parser.add_argument("--seed", default=1, type=int, metavar="S")
    parser.add_argument("--kind", default="mixed", choices=("mixed", "xml", "tiny", "large"))
    parser.add_argument("--restricted-percent", default=0, type=float, metavar="P")
    parser.add_argument("--manifest", metavar="FILE", help="outside of DIR")
    arguments = parser.parse_args()
    if os.path.isdir(arguments.out) and os.listdir(arguments.out):
        sys.exit(f"make_store.py: {arguments.out} is not empty")
    store, times = Store(arguments.seed, arguments.restricted_percent), random.Random(~arguments.seed)
    folders, total, restricted = set(), 0, 0
    manifest = open(arguments.manifest or os.devnull, "w")
    os.makedirs(arguments.out, exist_ok=True)
    for _ in range(arguments.count):
        path, content = store.license(arguments.kind)
        folder = os.path.join(arguments.out, os.path.dirname(path))
        if folder not in folders:
            os.makedirs(folder, exist_ok=True)
            folders.add(folder)
        modified = (EPOCH + times.randrange(FOUR_YEARS)) * 1_000_000_000
        if times.random() < 1 / 3:
            modified += times.randrange(1_000_000_000)
        with open(os.path.join(arguments.out, path), "xb", buffering=0) as file:
            file.write(content)
            os.utime(file.fileno(), ns=(modified, modified))
        total += len(content)
        restricted += store.stated["restricted"]
        print(json.dumps({"name": path, **store.stated}), file=manifest)
    manifest.close()
    summary = {"kind": arguments.kind, "seed": arguments.seed, "count": arguments.count, "bytes": total}
    if arguments.restricted_percent:
        summary["restricted"] = restricted
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
