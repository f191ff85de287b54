"""libwmlb through ctypes: every function with its types, every number, and a Restorer.

The numbers are those of the contract, written out here on purpose: boundary/test_numbers.py
compares them with the header, so neither can drift alone.
"""

import collections
import ctypes
import os
import threading
from ctypes import (
    POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p,
)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIBRARY = os.environ.get("WMLB_LIBRARY") or os.path.join(ROOT, "target/dist/libwmlb.so.1")
HEADER = os.path.join(ROOT, "include/wmlb.h")


def hresult(value):
    """An HRESULT as C sees it: signed."""
    return value - (1 << 32) if value & 0x80000000 else value


def from_win32(code):
    return hresult(0x80070000 | code)


S_OK = 0
S_FALSE = 1
FAILURES = {
    "E_NOTIMPL": 0x80004001,
    "E_POINTER": 0x80004003,
    "E_FAIL": 0x80004005,
    "E_UNEXPECTED": 0x8000FFFF,
    "E_ILLEGAL_METHOD_CALL": 0x8000000E,
    "E_ACCESSDENIED": 0x80070005,
    "E_HANDLE": 0x80070006,
    "E_OUTOFMEMORY": 0x8007000E,
    "E_INVALIDARG": 0x80070057,
    "NS_E_DRM_LICENSE_STORE_ERROR": 0xC00D2712,
    "NS_E_DRM_LICENSE_STORE_SAVE_ERROR": 0xC00D2714,
    "NS_E_DRM_INVALID_LICENSE": 0xC00D2718,
    "NS_E_DRM_NEEDS_INDIVIDUALIZATION": 0xC00D2728,
    "NS_E_BACKUP_RESTORE_FAILURE": 0xC00D272D,
    "NS_E_DRM_BACKUP_EXISTS": 0xC00D2742,
    "NS_E_DRM_BACKUP_CORRUPT": 0xC00D2743,
    "NS_E_DRM_BACKUPRESTORE_BUSY": 0xC00D2744,
    "NS_E_BACKUP_RESTORE_BAD_DATA": 0xC00D2745,
    "NS_E_DRM_INVALID_PROPERTY": 0xC00D2749,
    "NS_E_DRM_INVALID_SECURESTORE_PASSWORD": 0xC00D2751,
    "NS_E_DRM_RESTORE_FRAUD": 0xC00D2753,
    "NS_E_DRM_UNSUPPORTED_PROPERTY": 0xC00D275D,
    "NS_E_DRM_STORE_NOTALLSTORED": 0xC00D275F,
    "NS_E_DRM_NOT_CONFIGURED": 0xC00D2764,
    "NS_E_DRM_OPERATION_CANCELED": 0xC00D2768,
    "NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE": 0xC00D2782,
    "NS_E_DRM_DATASTORE_CORRUPT": 0xC00D2783,
    "NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE": 0xC00D2846,
}
E_NOTIMPL = hresult(FAILURES["E_NOTIMPL"])
E_POINTER = hresult(FAILURES["E_POINTER"])
E_UNEXPECTED = hresult(FAILURES["E_UNEXPECTED"])
E_ILLEGAL_METHOD_CALL = hresult(FAILURES["E_ILLEGAL_METHOD_CALL"])
E_ACCESSDENIED = hresult(FAILURES["E_ACCESSDENIED"])
E_HANDLE = hresult(FAILURES["E_HANDLE"])
E_OUTOFMEMORY = hresult(FAILURES["E_OUTOFMEMORY"])
E_INVALIDARG = hresult(FAILURES["E_INVALIDARG"])
BACKUP_EXISTS = hresult(FAILURES["NS_E_DRM_BACKUP_EXISTS"])
BACKUP_CORRUPT = hresult(FAILURES["NS_E_DRM_BACKUP_CORRUPT"])
BUSY = hresult(FAILURES["NS_E_DRM_BACKUPRESTORE_BUSY"])
UNSUPPORTED_PROPERTY = hresult(FAILURES["NS_E_DRM_UNSUPPORTED_PROPERTY"])
NOT_ALL_STORED = hresult(FAILURES["NS_E_DRM_STORE_NOTALLSTORED"])
NOT_CONFIGURED = hresult(FAILURES["NS_E_DRM_NOT_CONFIGURED"])
CANCELED = hresult(FAILURES["NS_E_DRM_OPERATION_CANCELED"])
UNABLE_TO_OPEN_DATA_STORE = hresult(FAILURES["NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE"])

FILE_NOT_FOUND = from_win32(2)
PATH_NOT_FOUND = from_win32(3)
TOO_MANY_OPEN_FILES = from_win32(4)
WRITE_PROTECT = from_win32(19)
SHARING_VIOLATION = from_win32(32)
DISK_FULL = from_win32(112)
INSUFFICIENT_BUFFER = from_win32(122)
NAME_TOO_LONG = from_win32(206)
FILE_TOO_LARGE = from_win32(223)
WAIT_TIMEOUT = from_win32(258)

STATUS_ERROR = 0
STATUS_BEGIN = 21
STATUS_END = 27
STATUS_ERROR_WITHURL = 30
STATUS_RESTRICTED = 31
STATUS_PROGRESS = 0x1000
STATUS_SKIPPED = 0x1001
STATUS_FEWER = 0x1002
TERMINAL = (STATUS_END, STATUS_ERROR, STATUS_ERROR_WITHURL)

TYPE_DWORD = 0
TYPE_STRING = 1
TYPE_BINARY = 2
TYPE_BOOL = 3
TYPE_QWORD = 4
TYPE_WORD = 5
TYPE_GUID = 6

OVERWRITE = 0x1
PARTIAL = 0x100
VERIFY = 0x200
REREAD = 0x400
EMPTY = 0x800
ALLOW_CLEAR = 0x1000
RUN_HERE = 0x10000

FOREVER = 0xFFFFFFFF
# A wait of the tests never lasts this long, unless something hangs.
HANGS = 120000

BACKUP_NAME = "licenses.wmlb"


class Progress(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("licenses_done", c_uint64),
        ("licenses_total", c_uint64),
        ("bytes_done", c_uint64),
        ("bytes_total", c_uint64),
        ("licenses_restricted", c_uint64),
        ("licenses_skipped", c_uint64),
        ("licenses_reused", c_uint64),
    ]


Callback = ctypes.CFUNCTYPE(c_int32, c_int32, c_int32, c_int32, c_void_p, c_size_t, c_void_p)
NO_CALLBACK = ctypes.cast(None, Callback)

lib = ctypes.CDLL(LIBRARY)

# Arguments after the handle; each exists with one and, for the default restorer, without.
ON_A_RESTORER = {
    "backup_licenses": [c_uint32, Callback, c_void_p],
    "cancel_license_backup": [],
    "set_prop": [c_char_p, c_int32, c_void_p, c_size_t],
    "get_prop_by_name": [c_char_p, POINTER(c_int32), c_void_p, POINTER(c_size_t)],
    "get_prop_count": [POINTER(c_size_t)],
    "get_prop_by_index": [
        c_size_t, c_void_p, POINTER(c_size_t), POINTER(c_int32), c_void_p, POINTER(c_size_t),
    ],
    "remove_prop": [c_char_p],
    "remove_all_props": [],
    "set_backup_path": [c_char_p],
    "set_restore_path": [c_char_p],
    "set_store_path": [c_char_p],
    "wait": [c_uint32, POINTER(c_int32)],
    "get_last_error": [c_void_p, POINTER(c_size_t)],
}
# (result, arguments)
OTHERS = {
    "wmlb_default_restorer": (c_void_p, []),
    "wmlb_restorer_create": (c_int32, [POINTER(c_void_p)]),
    "wmlb_restorer_release": (c_int32, [c_void_p]),
    "wmlb_restorer_cancel": (c_int32, [c_void_p]),
    "wmlb_restorer_get_progress": (c_int32, [c_void_p, POINTER(Progress)]),
    "wmlb_version": (c_char_p, []),
    "wmlb_abi_version": (c_uint32, []),
    "wmlb_hresult_name": (c_char_p, [c_int32]),
    "wmlb_hresult_message": (c_char_p, [c_int32]),
    "wmlb_status_name": (c_char_p, [c_int32]),
}


def declare(library):
    functions = dict(OTHERS)
    for name, arguments in ON_A_RESTORER.items():
        functions["wmlb_" + name] = (c_int32, arguments)
        functions["wmlb_restorer_" + name] = (c_int32, [c_void_p] + arguments)
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return functions


FUNCTIONS = declare(lib)


def describe(hr):
    """For messages of failing tests."""
    return "0x%08X %s" % (hr & 0xFFFFFFFF, lib.wmlb_hresult_name(hr).decode())


class Event(collections.namedtuple("Event", "status hr type value size is_null nul thread")):
    """One call of the status callback.

    value: the bytes, copied; is_null: the pointer was NULL; nul: whether a NUL follows a
    string; thread: the kernel's number of the thread it came on.
    """

    @property
    def text(self):
        return self.value.decode()

    @property
    def progress(self):
        return Progress.from_buffer_copy(self.value)

    @property
    def is_terminal(self):
        return self.status in TERMINAL


def record(status, hr, kind, value, size):
    content, nul = b"", False
    if value:
        content = ctypes.string_at(value, size)
        nul = kind == TYPE_STRING and ctypes.string_at(value + size, 1) == b"\0"
    is_null = value is None
    return Event(status, hr, kind, content, size, is_null, nul, threading.get_native_id())


def two_calls(function, *arguments):
    """The size, then the bytes, of a getter whose last arguments are buffer and length."""
    length = c_size_t(0)
    hr = function(*arguments, None, ctypes.byref(length))
    if hr != S_OK:
        return hr, None
    buffer = ctypes.create_string_buffer(length.value)
    hr = function(*arguments, buffer, ctypes.byref(length))
    return hr, buffer.raw[: length.value]


class Restorer:
    """A restorer, its events, and the callback that must live as long as they come."""

    def __init__(self, handle=None):
        self.owned = handle is None
        if self.owned:
            out = c_void_p()
            hr = lib.wmlb_restorer_create(ctypes.byref(out))
            assert hr == S_OK, describe(hr)
            handle = out.value
        self.handle = handle
        self.events = []
        self.problems = []
        self.keep = []

    def __getattr__(self, name):
        """set_prop, cancel, wait and so on, on this restorer."""
        function = getattr(lib, "wmlb_restorer_" + name)
        return lambda *arguments: function(self.handle, *arguments)

    def release(self):
        return lib.wmlb_restorer_release(self.handle)

    def set(self, name, value):
        if isinstance(value, int):
            value, kind = value.to_bytes(4, "little" if LITTLE else "big"), TYPE_DWORD
        else:
            value, kind = os.fsencode(value), TYPE_STRING
        return self.set_prop(name.encode(), kind, value, len(value))

    def get(self, name):
        """(hr, type, value): a str or an int, None when there is none."""
        kind = c_int32(-1)
        hr, value = two_calls(
            lib.wmlb_restorer_get_prop_by_name, self.handle, name.encode(), ctypes.byref(kind)
        )
        if hr != S_OK:
            return hr, kind.value, None
        if kind.value == TYPE_DWORD:
            return hr, kind.value, int.from_bytes(value, "little" if LITTLE else "big")
        assert value.endswith(b"\0"), value
        return hr, kind.value, value[:-1].decode()

    def count(self):
        count = c_size_t(12345)
        hr = self.get_prop_count(ctypes.byref(count))
        assert hr == S_OK, describe(hr)
        return count.value

    def last_error(self):
        hr, words = two_calls(lib.wmlb_restorer_get_last_error, self.handle)
        assert hr == S_OK, describe(hr)
        assert words.endswith(b"\0"), words
        return words[:-1].decode()

    def progress(self):
        progress = Progress(struct_size=ctypes.sizeof(Progress))
        hr = self.get_progress(ctypes.byref(progress))
        assert hr == S_OK, describe(hr)
        return progress

    def start(self, flags=0, on_event=None, operation="backup_licenses"):
        """Starts a backup, or what operation names. on_event is given each event and gives
        the callback's answer; what it raises is raised by finish()."""
        self.events = events = []
        self.problems = problems = []
        token = id(events)

        @Callback
        def callback(status, hr, kind, value, size, user_data):
            try:
                event = record(status, hr, kind, value, size)
                events.append(event)
                assert user_data == token, "user_data is not what was passed"
                answer = on_event(event) if on_event else None
                return S_OK if answer is None else answer
            except BaseException as problem:
                problems.append(problem)
                return -1

        self.keep = [callback]
        return getattr(self, operation)(flags, callback, token)

    def finish(self, timeout=HANGS):
        """Waits; the result of the operation."""
        result = c_int32(-12345)
        hr = self.wait(timeout, ctypes.byref(result))
        if self.problems:
            raise self.problems[0]
        assert hr == S_OK, "wait: " + describe(hr)
        return result.value

    def backup(self, flags=0, on_event=None, operation="backup_licenses"):
        """(hr, events): of the call when it failed (no events then), else of the run."""
        hr = self.start(flags, on_event, operation)
        if hr != S_OK:
            return hr, self.events
        return self.finish(), self.events

    def restore(self, flags=0, on_event=None):
        return self.backup(flags, on_event, "restore_licenses")

    def verify(self, flags=0, on_event=None):
        return self.backup(flags, on_event, "verify_backup")

    def enumerate(self, what, on_license=None, keep=True):
        """(hr, licenses) of the store or the backup. on_license is given each and gives the
        callback's answer; what it raises is raised here. Without keep the list stays empty."""
        found, problems = [], []
        token = id(found)

        @LicenseCallback
        def callback(info, user_data):
            try:
                assert user_data == token, "user_data is not what was passed"
                license = License.of(info.contents)
                if keep:
                    found.append(license)
                answer = on_license(license) if on_license else None
                return S_OK if answer is None else answer
            except BaseException as problem:
                problems.append(problem)
                return -1

        hr = getattr(self, "enumerate_" + what)(callback, token)
        if problems:
            raise problems[0]
        return hr, found

    def authorize(self, on_request, ctx=None):
        """Sets an authorizer. on_request is given each request and gives the answer, or the
        answer and the address; what it raises is raised by finish()."""

        @Authorizer
        def authorizer(request, url, url_len, context):
            try:
                asked = Request.of(request.contents, url, url_len, context)
                answer = on_request(asked)
                if isinstance(answer, tuple):
                    answer, address = answer
                    assert len(address) < url_len
                    ctypes.memmove(url, address + b"\0", len(address) + 1)
                return S_OK if answer is None else answer
            except BaseException as problem:
                self.problems.append(problem)
                return -1

        # A running restore may still call the one before.
        self.authorizers = getattr(self, "authorizers", []) + [authorizer]
        return self.set_authorizer(authorizer, ctx)

    def ask_rights(self, on_license, ctx=None):
        """Sets a rights callback. on_license is given each license and gives the answer;
        what it raises is raised by finish()."""

        @RightsCallback
        def callback(info, context):
            try:
                assert context == ctx, "ctx is not what was passed"
                answer = on_license(License.of(info.contents))
                return RIGHT_NOT_STATED if answer is None else answer
            except BaseException as problem:
                self.problems.append(problem)
                return RIGHT_NOT_STATED

        # A running backup may still call the one before.
        self.rights = getattr(self, "rights", []) + [callback]
        return self.set_rights(callback, ctx)

    def filter(self, on_license, ctx=None):
        """Sets a filter. on_license is given each license and gives the answer: whether it is
        wanted, or a number; what it raises is raised by finish()."""

        @FilterCallback
        def callback(info, context):
            try:
                assert context == ctx, "ctx is not what was passed"
                answer = on_license(License.of(info.contents))
                return answer if type(answer) is int else 0 if answer else 1
            except BaseException as problem:
                self.problems.append(problem)
                return -1

        # A running operation may still call the one before.
        self.filters = getattr(self, "filters", []) + [callback]
        return self.set_filter(callback, ctx)


# What restores, verifies and lists adds to the numbers above.
NEEDS_INDIVIDUALIZATION = hresult(FAILURES["NS_E_DRM_NEEDS_INDIVIDUALIZATION"])
RESTORE_FAILURE = hresult(FAILURES["NS_E_BACKUP_RESTORE_FAILURE"])
BAD_DATA = hresult(FAILURES["NS_E_BACKUP_RESTORE_BAD_DATA"])
INVALID_LICENSE = hresult(FAILURES["NS_E_DRM_INVALID_LICENSE"])
RESTORE_FRAUD = hresult(FAILURES["NS_E_DRM_RESTORE_FRAUD"])
FILE_EXISTS = from_win32(80)
IO_DEVICE = from_win32(1117)

STATUS_CONNECTING = 28
STATUS_DISCONNECTING = 29

RESTORE_INDIVIDUALIZE = 0x2
RESTORE_OVERWRITE = 0x100

RIGHT_NOT_STATED = 0
RIGHT_ALLOWED = 1
RIGHT_DENIED = 2
NOT_STATED = -(1 << 63)


class LicenseInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("name_bytes", c_void_p),
        ("name_len", c_size_t),
        ("format", c_char_p),
        ("license_id", c_char_p),
        ("key_ids", c_char_p),
        ("backup_right", c_int32),
        ("size", c_uint64),
        ("modified", c_int64),
        ("valid_from", c_int64),
        ("valid_until", c_int64),
    ]


class RestoreRequest(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("created", c_int64),
        ("device_id", c_char_p),
        ("same_device", c_int32),
        ("flags", c_uint32),
    ]


class StoreInfo(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("player", c_char_p),
        ("profile", c_char_p),
        ("kind", c_char_p),
        ("path", c_char_p),
        ("running", c_int32),
    ]


class StoreLicense(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_void_p),
        ("name_len", c_size_t),
        ("data", c_void_p),
        ("data_len", c_size_t),
        ("modified", c_int64),
    ]


StoreOpen = ctypes.CFUNCTYPE(c_int32, c_void_p, c_int32)
StoreNext = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(StoreLicense))
StorePut = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(StoreLicense))
StoreCommit = ctypes.CFUNCTYPE(c_int32, c_void_p)
StoreClose = ctypes.CFUNCTYPE(None, c_void_p)


class StoreOps(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("open", StoreOpen),
        ("next", StoreNext),
        ("put", StorePut),
        ("commit", StoreCommit),
        ("close", StoreClose),
    ]


class License(collections.namedtuple(
    "License",
    "struct_size text name format license_id key_ids right size modified valid_from valid_until",
)):
    """One call of the license callback: what it was given, copied. text is what the library
    made of the name, name the exact bytes."""

    @classmethod
    def of(cls, info):
        name = ctypes.string_at(info.name_bytes, info.name_len)
        return cls(
            info.struct_size, info.name, name, info.format, info.license_id, info.key_ids,
            info.backup_right, info.size, info.modified, info.valid_from, info.valid_until,
        )


class Request(collections.namedtuple(
    "Request", "struct_size created device same_device flags url_len is_zero ctx thread"
)):
    """One call of the authorizer: what it was given, copied. is_zero: the buffer is."""

    @classmethod
    def of(cls, request, url, url_len, ctx):
        is_zero = not any(ctypes.string_at(url, url_len))
        return cls(
            request.struct_size, request.created, request.device_id, request.same_device,
            request.flags, url_len, is_zero, ctx, threading.get_native_id(),
        )


class Store(collections.namedtuple("Store", "struct_size player profile kind path running")):
    """One call of the store callback: what it was given, copied."""

    @classmethod
    def of(cls, info):
        return cls(
            info.struct_size, info.player.decode(), info.profile.decode(), info.kind.decode(),
            info.path.decode(), info.running,
        )


LicenseCallback = ctypes.CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
NO_LICENSE_CALLBACK = ctypes.cast(None, LicenseCallback)
Authorizer = ctypes.CFUNCTYPE(c_int32, POINTER(RestoreRequest), c_void_p, c_size_t, c_void_p)
NO_AUTHORIZER = ctypes.cast(None, Authorizer)
RightsCallback = ctypes.CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
FilterCallback = ctypes.CFUNCTYPE(c_int32, POINTER(LicenseInfo), c_void_p)
NO_RIGHTS_CALLBACK = ctypes.cast(None, RightsCallback)
NO_FILTER_CALLBACK = ctypes.cast(None, FilterCallback)
StoreCallback = ctypes.CFUNCTYPE(c_int32, POINTER(StoreInfo), c_void_p)
NO_STORE_CALLBACK = ctypes.cast(None, StoreCallback)

class TargetInfo(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("size", c_uint64), ("modified", c_int64)]


TARGET_CREATE_ONLY = 1
TARGET_RANGES = 2
TARGET_REUSE = 4

TargetBegin = ctypes.CFUNCTYPE(c_int32, c_void_p, c_uint64)
TargetWrite = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_size_t)
TargetReuse = ctypes.CFUNCTYPE(c_int32, c_void_p, c_uint64, c_uint64)
TargetPublish = ctypes.CFUNCTYPE(c_int32, c_void_p, c_int32)
TargetAbandon = ctypes.CFUNCTYPE(None, c_void_p)
TargetStat = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(TargetInfo))
TargetRead = ctypes.CFUNCTYPE(c_int32, c_void_p, c_uint64, c_void_p, POINTER(c_size_t))


class TargetOps(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("capabilities", c_uint32),
        ("begin", TargetBegin),
        ("write", TargetWrite),
        ("reuse", TargetReuse),
        ("publish", TargetPublish),
        ("abandon", TargetAbandon),
        ("stat", TargetStat),
        ("read", TargetRead),
    ]


class QueueEvent(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("status", c_int32),
        ("hr", c_int32),
        ("value_type", c_int32),
        ("value", c_void_p),
        ("value_len", c_size_t),
    ]


ON_A_RESTORER.update({
    "restore_licenses": [c_uint32, Callback, c_void_p],
    "cancel_license_restore": [],
})
OTHERS.update({
    "wmlb_restorer_verify_backup": (c_int32, [c_void_p, c_uint32, Callback, c_void_p]),
    "wmlb_restorer_enumerate_store": (c_int32, [c_void_p, LicenseCallback, c_void_p]),
    "wmlb_restorer_enumerate_backup": (c_int32, [c_void_p, LicenseCallback, c_void_p]),
    "wmlb_restorer_set_authorizer": (c_int32, [c_void_p, Authorizer, c_void_p]),
    "wmlb_restorer_set_rights": (c_int32, [c_void_p, RightsCallback, c_void_p]),
    "wmlb_restorer_set_filter": (c_int32, [c_void_p, FilterCallback, c_void_p]),
    "wmlb_restorer_set_store": (c_int32, [c_void_p, POINTER(StoreOps), c_void_p]),
    "wmlb_restorer_set_target": (c_int32, [c_void_p, POINTER(TargetOps), c_void_p]),
    "wmlb_restorer_set_target_fd": (c_int32, [c_void_p, c_int32]),
    "wmlb_queue_create": (c_int32, [POINTER(c_void_p)]),
    "wmlb_queue_push": (c_int32, [c_int32, c_int32, c_int32, c_void_p, c_size_t, c_void_p]),
    "wmlb_queue_next": (c_int32, [c_void_p, c_uint32, POINTER(QueueEvent)]),
    "wmlb_queue_fd": (c_int32, [c_void_p, POINTER(c_int32)]),
    "wmlb_queue_cancel": (c_int32, [c_void_p]),
    "wmlb_queue_release": (c_int32, [c_void_p]),
    "wmlb_discover_stores": (c_int32, [StoreCallback, c_void_p]),
    "wmlb_discover_places": (c_int32, [StoreCallback, c_void_p]),
})
FUNCTIONS.update(declare(lib))


def discover(on_store=None, function=None):
    """(hr, stores): those of the user whose environment this process has, or what another such
    function tells. on_store is given each and gives the callback's answer; what it raises is
    raised here."""
    found, problems = [], []
    token = id(found)

    @StoreCallback
    def callback(info, user_data):
        try:
            assert user_data == token, "user_data is not what was passed"
            found.append(Store.of(info.contents))
            answer = on_store(found[-1]) if on_store else None
            return S_OK if answer is None else answer
        except BaseException as problem:
            problems.append(problem)
            return -1

    hr = (function or lib.wmlb_discover_stores)(callback, token)
    if problems:
        raise problems[0]
    return hr, found


class Queue:
    """A queue of events; push is the status callback that it is."""

    push = ctypes.cast(lib.wmlb_queue_push, Callback)

    def __init__(self):
        out = c_void_p()
        hr = lib.wmlb_queue_create(ctypes.byref(out))
        assert hr == S_OK, describe(hr)
        self.handle = out.value

    def next(self, timeout=HANGS):
        """(hr, event)."""
        event = QueueEvent(struct_size=ctypes.sizeof(QueueEvent))
        hr = lib.wmlb_queue_next(self.handle, timeout, ctypes.byref(event))
        if hr != S_OK:
            return hr, None
        return hr, record(event.status, event.hr, event.value_type, event.value, event.value_len)

    def rest(self, timeout=HANGS):
        """The events until none can come any more."""
        events = []
        while True:
            hr, event = self.next(timeout)
            if hr == S_FALSE:
                return events
            assert hr == S_OK, describe(hr)
            events.append(event)

    def say(self, status, hr=0, kind=TYPE_STRING, value=None):
        return lib.wmlb_queue_push(status, hr, kind, value, len(value or b""), self.handle)

    def fd(self):
        fd = c_int32(-1)
        hr = lib.wmlb_queue_fd(self.handle, ctypes.byref(fd))
        assert hr == S_OK, describe(hr)
        return fd.value

    def cancel(self):
        return lib.wmlb_queue_cancel(self.handle)

    def release(self):
        return lib.wmlb_queue_release(self.handle)


def default_restorer():
    return Restorer(lib.wmlb_default_restorer())


LITTLE = (1).to_bytes(2, "little") == bytes(c_uint32(1))[:2]


def native_callback():
    """A callback that runs no Python, and never answers negatively: the C library's abs."""
    function = ctypes.CDLL(None).abs
    return ctypes.cast(function, Callback)


if os.environ.get("WMLB_CODES"):
    import produced

    produced.take_notes(lib, os.environ["WMLB_CODES"])
