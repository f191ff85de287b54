"""Names and numbers: the header, the contract and the library say the same."""

import os
import re
import subprocess
import unittest

import support
import wmlb_ctypes as w

STATUSES = {
    "ERROR": 0,
    "BACKUPRESTORE_BEGIN": 21,
    "BACKUPRESTORE_END": 27,
    "BACKUPRESTORE_CONNECTING": 28,
    "BACKUPRESTORE_DISCONNECTING": 29,
    "ERROR_WITHURL": 30,
    "RESTRICTED_LICENSE": 31,
    "PROGRESS": 0x1000,
    "LICENSE_SKIPPED": 0x1001,
    "FEWER_LICENSES": 0x1002,
}
TYPES = {"DWORD": 0, "STRING": 1, "BINARY": 2, "BOOL": 3, "QWORD": 4, "WORD": 5, "GUID": 6}
BACKUP_FLAGS = {"OVERWRITE": 0x1, "PARTIAL": 0x100, "VERIFY": 0x200, "REREAD": 0x400,
                "EMPTY": 0x800}
PROPERTIES = {
    "BACKUP_PATH": "BackupPath",
    "RESTORE_PATH": "RestorePath",
    "STORE_PATH": "StorePath",
    "ONLY": "Only",
    "DETAILS": "Details",
    "KEEP": "Keep",
    "SAMPLE": "Sample",
    "PASSPHRASE": "Passphrase",
    "RECIPIENTS": "Recipients",
    "IDENTITIES": "Identities",
    "COMPRESSION_LEVEL": "CompressionLevel",
    "THREADS": "Threads",
    "NICENESS": "Niceness",
    "UNSTATED_RIGHTS": "UnstatedRights",
}
OTHERS = {
    "WMLB_ALLOW_CLEAR": 0x1000,
    "WMLB_RUN_HERE": 0x10000,
    "WMLB_KEPT_CURRENT": 0x1,
    "WMLB_KEPT_LAST": 0x2,
    "WMLB_KEPT_DAILY": 0x4,
    "WMLB_KEPT_WEEKLY": 0x8,
    "WMLB_KEPT_MONTHLY": 0x10,
    "WMLB_KEPT_YEARLY": 0x20,
    "WMLB_DIFFERENCE_ADDED": 1,
    "WMLB_DIFFERENCE_REMOVED": 2,
    "WMLB_DIFFERENCE_CHANGED": 3,
    "WMLB_TARGET_CREATE_ONLY": 1,
    "WMLB_TARGET_RANGES": 2,
    "WMLB_TARGET_REUSE": 4,
    "WMLB_RESTORE_INDIVIDUALIZE": 0x2,
    "WMLB_RESTORE_OVERWRITE": 0x100,
    "WMLB_RIGHT_NOT_STATED": 0,
    "WMLB_RIGHT_ALLOWED": 1,
    "WMLB_RIGHT_DENIED": 2,
}
# Names for HRESULT_FROM_WIN32 of codes that many programs handle.
FROM_WIN32 = {
    "WMLB_E_SHARING_VIOLATION": 0x80070020,
    "WMLB_E_INSUFFICIENT_BUFFER": 0x8007007A,
    "WMLB_E_TIMEOUT": 0x80070102,
}


def contract():
    numbers = {"WMLB_S_OK": 0, "WMLB_S_FALSE": 1}
    numbers.update(("WMLB_" + name, w.hresult(value)) for name, value in w.FAILURES.items())
    numbers.update(("WMLB_STATUS_" + name, value) for name, value in STATUSES.items())
    numbers.update(("WMLB_TYPE_" + name, value) for name, value in TYPES.items())
    numbers.update(("WMLB_BACKUP_" + name, value) for name, value in BACKUP_FLAGS.items())
    numbers.update(OTHERS)
    numbers.update((name, w.hresult(value)) for name, value in FROM_WIN32.items())
    return numbers


def header_text():
    with open(w.HEADER, encoding="utf-8") as file:
        return file.read()


def source(path):
    """The text of a file of the bindings."""
    with open(os.path.join(w.ROOT, "bindings", path), encoding="utf-8") as file:
        return file.read()


class Header(unittest.TestCase):
    def setUp(self):
        text = header_text()
        self.strings = dict(re.findall(r'^#define (WMLB_\w+) "(.*)"$', text, re.M))
        numbers = re.findall(r"^#define (WMLB_\w+) ((?:0x)?[0-9A-Fa-f]+)u?$", text, re.M)
        codes = re.findall(r"^#define (WMLB_\w+) WMLB_HRESULT\((0x[0-9A-F]{8})\)$", text, re.M)
        self.numbers = {name: int(value, 0) for name, value in numbers}
        self.numbers.update((name, w.hresult(int(value, 0))) for name, value in codes)

    def test_every_number_of_the_contract_is_in_the_header(self):
        found = {name: self.numbers.get(name) for name in contract()}
        self.assertEqual(found, contract())

    def test_every_number_in_the_header_is_that_of_the_contract(self):
        about_the_version = ("WMLB_VERSION_", "WMLB_ABI_VERSION")
        known = contract()
        for name, value in self.numbers.items():
            if not name.startswith(about_the_version):
                self.assertEqual(known.get(name), value, name)

    def test_every_constant_is_understood(self):
        # A constant in a form that is not parsed here would never be compared.
        names = re.findall(r"^#define (WMLB_\w+)[ \n]", header_text(), re.M)
        self.assertEqual(set(names) - {"WMLB_H"}, set(self.strings) | set(self.numbers))

    def test_codes_stand_there_in_the_form_people_search_for(self):
        text = header_text()
        for name, value in w.FAILURES.items():
            entry = r"\*/\n#define WMLB_%s WMLB_HRESULT\(0x%08X\)\n" % (name, value)
            self.assertRegex(text, entry)

    def test_the_message_of_a_code_begins_its_comment(self):
        comments = re.findall(r"/\*\*([^/]*)\*/\n#define (WMLB_\w+) WMLB_HRESULT\(", header_text())
        self.assertEqual(len(comments), 2 + len(w.FAILURES) + len(FROM_WIN32))
        for comment, name in comments:
            text = re.sub(r"\s+(\* )?", " ", comment).strip(" *")
            message = w.lib.wmlb_hresult_message(self.numbers[name]).decode()
            self.assertTrue(text.startswith(message), (name, text, message))

    def test_the_text_is_as_wide_as_the_sources_and_has_no_gaps(self):
        for line in header_text().splitlines():
            self.assertLessEqual(len(line), 100, line)
            self.assertEqual(line, line.rstrip())
        self.assertNotIn("\n\n\n", header_text())

    def test_every_function_says_what_it_takes_gives_and_where_it_may_be_called(self):
        function = r"/\*\*\n((?: \*.*\n)+?) \*/\n(?:WMLB_NODISCARD\s)?[\w *]+\b(wmlb_\w+)\((.*)"
        functions = re.findall(function, header_text())
        self.assertEqual({name for _, name, _ in functions}, self.declared())
        for comment, name, parameters in functions:
            text = re.sub(r"\s+\* ?", " ", comment)
            if "those of wmlb_restorer_%s()." % name[len("wmlb_"):] in text:
                continue
            if parameters != "void);":
                self.assertIn("\n * Parameters:\n", comment, name)
            self.assertRegex(comment, r"\n \* Returns[:,]|^ \* The version", name)
            self.assertIn("\n * Threads: ", comment, name)

    def test_results_that_matter_are_marked(self):
        text = re.sub(r"/\*.*?\*/", "", header_text(), flags=re.S)
        found = re.findall(r"^(WMLB_NODISCARD)?\s*wmlb_hresult (wmlb_\w+)\(", text, re.M)
        unmarked = {name for mark, name in found if not mark}
        ends = {name for name in self.declared() if re.search("_release$|cancel", name)}
        self.assertEqual(unmarked, ends)
        self.assertGreater(len(found), 40)

    def test_property_names(self):
        expected = {"WMLB_PROP_" + macro: name for macro, name in PROPERTIES.items()}
        found = {name: s for name, s in self.strings.items() if name.startswith("WMLB_PROP_")}
        self.assertEqual(found, expected)

    def test_the_bindings_have_the_same_properties(self):
        expected = {name: s for name, s in self.strings.items() if name.startswith("WMLB_PROP_")}
        python = re.findall(r'^(PROP_\w+) = "(\w+)"$', source("python/src/wmlb/_native.py"), re.M)
        self.assertEqual({"WMLB_" + name: value for name, value in python}, expected)
        _, _, csharp = source("csharp/src/Numbers.cs").partition("class Property\n")
        csharp = re.findall(r'public const string (\w+) = "(\w+)";', csharp)
        self.assertEqual({"WMLB_PROP_" + name: value for name, value in csharp}, expected)

    def test_the_bindings_have_the_same_result_codes(self):
        expected = {name[len("WMLB_"):]: value & 0xFFFFFFFF for name, value in self.numbers.items()
                    if re.match("WMLB_(S|E|NS_E)_", name)}
        codes = r"^    ((?:S|E|NS_E)_\w+) = (0x[0-9A-F]{8}|\d)"
        python = re.findall(codes, source("python/src/wmlb/_native.py"), re.M)
        self.assertEqual({name: int(value, 0) for name, value in python}, expected)
        codes = r"public const int ((?:S|E|NS_E)_\w+) = (-?\d+);"
        csharp = re.findall(codes, source("csharp/src/Numbers.cs"))
        self.assertEqual({name: int(value) & 0xFFFFFFFF for name, value in csharp}, expected)

    def test_versions(self):
        version = w.lib.wmlb_version().decode()
        self.assertEqual(version, "1.0.0")
        self.assertEqual(self.strings["WMLB_VERSION"], version)
        parts = [self.numbers["WMLB_VERSION_" + part] for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(parts, [1, 0, 0])
        self.assertEqual(self.numbers["WMLB_ABI_VERSION"], w.lib.wmlb_abi_version())

    def declared(self):
        """The names of all functions."""
        text = re.sub(r"/\*.*?\*/", "", header_text(), flags=re.S)
        return set(re.findall(r"\b(wmlb_\w+)\(", text))

    def test_functions(self):
        self.assertLessEqual(set(w.FUNCTIONS), self.declared())

    def test_every_declared_function_is_there(self):
        for name in self.declared():
            self.assertTrue(hasattr(w.lib, name), name)

    def test_progress_has_its_size(self):
        self.assertEqual(w.ctypes.sizeof(w.Progress), w.ctypes.sizeof(w.c_size_t) + 7 * 8)

    def test_what_is_told_of_a_store_has_its_size(self):
        # The number at its end is followed by nothing but what aligns it.
        self.assertEqual(w.ctypes.sizeof(w.StoreInfo), 6 * w.ctypes.sizeof(w.c_size_t))

    def test_what_a_host_gives_has_its_size(self):
        self.assertEqual(w.ctypes.sizeof(w.StoreLicense), 5 * w.ctypes.sizeof(w.c_size_t) + 8)
        self.assertEqual(w.ctypes.sizeof(w.StoreOps), 6 * w.ctypes.sizeof(w.c_size_t))


class Names(unittest.TestCase):
    def test_result_codes(self):
        for name, value in dict(w.FAILURES, S_OK=0, S_FALSE=1).items():
            self.assertEqual(w.lib.wmlb_hresult_name(w.hresult(value)), name.encode())

    def test_codes_that_have_no_name(self):
        for value in (2, 0x7FFFFFFF, 0x80000000, 0x80004002, 0xC00D0000, 0xFFFFFFFF):
            self.assertEqual(w.lib.wmlb_hresult_name(w.hresult(value)), b"unknown")

    def test_codes_of_system_errors_have_names(self):
        # The header promises a name for those in use.
        for code in (2, 4, 19, 32, 80, 112, 122, 206, 258, 1117):
            name = w.lib.wmlb_hresult_name(w.from_win32(code))
            self.assertNotEqual(name, b"unknown", code)

    def test_every_code_has_a_sentence_of_its_own(self):
        values = [0, 1] + [w.hresult(value) for value in w.FAILURES.values()]
        messages = {value: w.lib.wmlb_hresult_message(value).decode() for value in values}
        for message in messages.values():
            self.assertRegex(message, r"^[A-Z].*\.$")
        self.assertEqual(len(set(messages.values())), len(messages))

    def test_a_sentence_for_any_value(self):
        for value in (-1, -(2**31), 2**31 - 1, 12345, w.hresult(0xC00D1234)):
            self.assertRegex(w.lib.wmlb_hresult_message(value).decode(), r"^[A-Z].*\.$")

    def test_statuses(self):
        for name, value in STATUSES.items():
            if value < 0x1000:
                self.assertEqual(w.lib.wmlb_status_name(value), b"WMT_" + name.encode())
            else:
                self.assertIn(name.encode(), w.lib.wmlb_status_name(value))

    def test_statuses_that_have_no_name(self):
        for value in (-1, 1, 20, 32, 0xFFF, 0x1003, 2**31 - 1, -(2**31)):
            self.assertEqual(w.lib.wmlb_status_name(value), b"unknown")

    def test_strings_stay_where_they_are(self):
        address = w.ctypes.CDLL(w.LIBRARY).wmlb_hresult_name
        address.restype = w.c_void_p
        first = [address(value) for value in (0, w.E_HANDLE, 77)]
        self.assertEqual([address(value) for value in (0, w.E_HANDLE, 77)], first)


class SharedObject(unittest.TestCase):
    def dynamic(self):
        if not support.has_program("readelf"):
            raise unittest.SkipTest("readelf is not installed")
        run = subprocess.run(
            ["readelf", "-dW", w.LIBRARY], stdout=subprocess.PIPE, check=True
        )
        return run.stdout.decode()

    def test_soname_is_that_of_the_major_version(self):
        self.assertIn("[libwmlb.so.1]", self.dynamic())

    def test_only_our_names_are_exported(self):
        self.dynamic()
        run = subprocess.run(
            ["readelf", "--dyn-syms", "-W", w.LIBRARY], stdout=subprocess.PIPE, check=True
        )
        rows = [line.split() for line in run.stdout.decode().splitlines()]
        exported = {
            row[7].split("@")[0]
            for row in rows
            if len(row) >= 8 and row[4] in ("GLOBAL", "WEAK") and row[6] != "UND"
        }
        self.assertTrue(exported)
        self.assertEqual({name for name in exported if not name.startswith("wmlb_")}, set())


if __name__ == "__main__":
    unittest.main()
