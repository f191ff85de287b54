"""The binding and include/wmlb.h say the same: each name, number, size and type."""

from __future__ import annotations

import ctypes
import re
import subprocess
from ctypes import POINTER
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from wmlb import _native as native

INCLUDE = ROOT / "include"
# What the binding does not offer: queues, targets of its user's, operations on the calling thread.
NOT_BOUND = re.compile(
    r"wmlb_queue_\w+|wmlb_restorer_set_target_fd|event|target_(info|ops)"
    r"|WMLB_TARGET_\w+|WMLB_RUN_HERE"
)
FUNCTION_TYPES = {
    "wmlb_status_callback": native.StatusCallback,
    "wmlb_store_callback": native.StoreCallback,
    "wmlb_license_callback": native.LicenseCallback,
    "wmlb_generation_callback": native.GenerationCallback,
    "wmlb_difference_callback": native.DifferenceCallback,
    "wmlb_filter_callback": native.FilterCallback,
    "wmlb_rights_callback": native.RightsCallback,
    "wmlb_authorizer_callback": native.AuthorizerCallback,
}
TYPES: dict[str, Any] = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "wmlb_hresult": ctypes.c_int32,
    "const char *": ctypes.c_char_p,
    # Buffers, which are not made into bytes.
    "char *": ctypes.c_void_p,
    "uint8_t *": ctypes.c_void_p,
    "const uint8_t *": ctypes.c_void_p,
    "void *": ctypes.c_void_p,
    "wmlb_restorer *": ctypes.c_void_p,
    "wmlb_restorer **": POINTER(ctypes.c_void_p),
    "size_t *": POINTER(ctypes.c_size_t),
    "int32_t *": POINTER(ctypes.c_int32),
    "wmlb_hresult *": POINTER(ctypes.c_int32),
    "wmlb_progress *": POINTER(native.Progress),
    "const wmlb_store_ops *": POINTER(native.StoreOps),
    "const wmlb_target_ops *": ctypes.c_void_p,  # NULL only
    "const wmlb_restore_request *": POINTER(native.RestoreRequest),
    "const wmlb_store_info *": POINTER(native.StoreInfo),
    "const wmlb_license_info *": POINTER(native.LicenseInfo),
    "const wmlb_generation_info *": POINTER(native.GenerationInfo),
    "const wmlb_difference *": POINTER(native.Difference),
    "wmlb_store_license *": POINTER(native.StoreLicense),
    "const wmlb_store_license *": POINTER(native.StoreLicense),
    **FUNCTION_TYPES,
}


def compiler(*arguments: str, program: str = "") -> str:
    return subprocess.run(
        ["cc", f"-I{INCLUDE}", *arguments], input=program, check=True, capture_output=True,
        text=True,
    ).stdout


@pytest.fixture(scope="module")
def header() -> str:
    """The declarations, without comments, each on one line."""
    text = compiler("-E", "-P", "-x", "c", "-", program='#include "wmlb.h"\n')
    return " ".join(text[text.index("typedef struct wmlb_restorer") :].split())


@pytest.fixture(scope="module")
def macros() -> list[str]:
    """The names of the constants."""
    text = compiler("-dM", "-E", "-DWMLB_NODISCARD=", "-x", "c", "-", program='#include "wmlb.h"\n')
    names = re.findall(r"^#define (WMLB_\w+) \S", text, re.M)
    assert len(names) > 60
    return [name for name in names if not NOT_BOUND.fullmatch(name)]


def type_of(declared: str) -> Any:
    """The ctypes type of "const struct wmlb_progress *out", or of that without a name."""
    words = declared.replace("struct ", "").replace("*", " * ").split()
    if words[-1] != "*" and len(words) > 1 and words[-2:] != ["const", words[-1]]:
        words.pop()
    return TYPES[" ".join(words).replace("* *", "**")]


def types_of(arguments: str) -> list[Any]:
    return [] if arguments.strip() == "void" else [type_of(one) for one in arguments.split(",")]


def test_functions(header: str) -> None:
    declared = re.findall(r"([\w ]+?[ *]+)(wmlb_\w+)\(([^()]*)\);", header)
    assert len(declared) > 40
    expected = {
        name: (type_of(result.replace("extern", "").strip()), types_of(arguments))
        for result, name, arguments in declared
        if not NOT_BOUND.fullmatch(name)
    }
    assert native.FUNCTIONS == expected


def check_callback(kind: Any, result: str, arguments: str) -> None:
    assert kind._restype_ == type_of(result)
    assert list(kind._argtypes_) == types_of(arguments)


def test_callbacks(header: str) -> None:
    declared = re.findall(r"typedef (\w+) \(\*(wmlb_\w+)\)\(([^()]*)\);", header)
    assert {name for _, name, _ in declared} == set(FUNCTION_TYPES)
    assert len(native.CALLBACKS) == len(FUNCTION_TYPES)
    for result, name, arguments in declared:
        check_callback(FUNCTION_TYPES[name], result, arguments)


def test_structs(header: str, tmp_path: Path) -> None:
    found = re.findall(r"typedef struct wmlb_(\w+) \{(.*?)\} wmlb_\1;", header)
    declared = {name: body for name, body in found if not NOT_BOUND.fullmatch(name)}
    assert set(declared) == set(native.STRUCTS)
    lines = []
    for name, body in declared.items():
        fields = native.STRUCTS[name]._fields_
        members = [one for one in body.split(";") if one.strip()]
        assert len(members) == len(fields)
        for member, (field, kind, *_) in zip(members, fields):
            function = re.fullmatch(r" ?(\w+) \(\*(\w+)\)\((.*)\) ?", member)
            if function:
                assert function[2] == field
                check_callback(kind, function[1], function[3])
            else:
                assert re.search(r"\w+$", member.strip())[0] == field  # type: ignore[index]
                assert type_of(member) == kind, (name, field)
            lines.append(f'printf("%zu\\n", offsetof(wmlb_{name}, {field}));')
        lines.append(f'printf("%zu\\n", sizeof(wmlb_{name}));')
    expected = []
    for name in declared:
        struct = native.STRUCTS[name]
        expected += [getattr(struct, field[0]).offset for field in struct._fields_]
        expected.append(ctypes.sizeof(struct))
    assert [int(line) for line in run(lines, tmp_path)] == expected


def run(lines: list[str], folder: Path) -> list[str]:
    body = "\n".join(lines)
    source = f'#include <stdio.h>\n#include "wmlb.h"\nint main(void) {{\n{body}\nreturn 0; }}\n'
    program = folder / "program"
    compiler("-Wall", "-Werror", "-x", "c", "-o", str(program), "-", program=source)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def constants() -> dict[str, str]:
    """Those of the binding, as the header names them."""
    found: dict[str, int | str] = {
        name: getattr(native, name) for name in dir(native)
        if re.match(r"(BACKUP|RESTORE|PROP|ABI|ALLOW)_|VERSION$", name)
    }
    major, minor, patch = native.VERSION.split(".")
    found.update(VERSION_MAJOR=major, VERSION_MINOR=minor, VERSION_PATCH=patch)
    found.update({code.name: code.value for code in native.Code})
    for prefix, kind in (
        ("STATUS", native.Status), ("TYPE", native.Type), ("RIGHT", native.Right),
        ("KEPT", native.Kept), ("DIFFERENCE", native.DifferenceKind),
    ):
        found.update({f"{prefix}_{one.name}": one.value for one in kind})
    return {f"WMLB_{name}": str(value) for name, value in found.items()}


def test_constants(macros: list[str], tmp_path: Path) -> None:
    expected = constants()
    assert set(macros) == set(expected)
    lines = []
    for name in macros:
        is_text = not re.fullmatch(r"-?\d+", expected[name])
        lines.append(f'printf("%{"s" if is_text else "ld"}\\n", {"" if is_text else "(long)"}{name});')
    assert dict(zip(macros, run(lines, tmp_path))) == expected


def test_library() -> None:
    """The names that the library gives are those of the binding."""
    assert native.lib.wmlb_version().decode() == native.VERSION
    for code in native.Code:
        assert native.name_of(code) != "unknown"
    for status in native.Status:
        if status < native.Status.PROGRESS:
            assert native.lib.wmlb_status_name(status).decode() == f"WMT_{status.name}"
