"""Generations through the C ABI, and the rule as forty lines of Python say it."""

import collections
import ctypes
import datetime
import re
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

import wmlb_ctypes as w

NAME = re.compile(r"licenses-(\d{8}T\d{6}Z)(?:-(\d+))?\.wmlb")
NEVER = -(1 << 63)
UNKNOWN = (1 << 64) - 1
KEPT = {"current": 1, "last": 2, "daily": 4, "weekly": 8, "monthly": 16, "yearly": 32}


class Info(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("path", c_char_p), ("created", c_int64), ("size", c_uint64),
        ("encrypted", c_int32), ("licenses", c_uint64), ("bytes", c_uint64),
        ("device_id", c_char_p), ("store", c_char_p), ("kept_by", c_uint32),
    ]


Generation = collections.namedtuple("Generation", [name for name, _ in Info._fields_[1:]])
Callback = ctypes.CFUNCTYPE(c_int32, POINTER(Info), c_void_p)
for function in (w.lib.wmlb_restorer_backup_info, w.lib.wmlb_restorer_enumerate_generations,
                 w.lib.wmlb_restorer_forget_generations):
    function.restype, function.argtypes = c_int32, [c_void_p, Callback, c_void_p]


def listed(function, restorer, answer=lambda generation: 0):
    """The result, and the generations that were told."""
    told = []

    def on_generation(info, _):
        info = info.contents
        assert info.struct_size == ctypes.sizeof(Info)
        told.append(Generation(*(getattr(info, name) for name in Generation._fields)))
        return answer(told[-1])

    return function(restorer.handle, Callback(on_generation), None), told


def generations(restorer, answer=lambda generation: 0):
    return listed(w.lib.wmlb_restorer_enumerate_generations, restorer, answer)


def backup_info(restorer, answer=lambda generation: 0):
    return listed(w.lib.wmlb_restorer_backup_info, restorer, answer)


def forget(restorer, answer=lambda generation: 0):
    return listed(w.lib.wmlb_restorer_forget_generations, restorer, answer)


def stamp(time):
    epoch = datetime.datetime(1970, 1, 1)
    return (epoch + datetime.timedelta(seconds=time)).strftime("%Y%m%dT%H%M%SZ")


def seconds(stamp):
    """The time of a stamp."""
    time = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    return int((time - datetime.datetime(1970, 1, 1)).total_seconds())


def name_of(time, number=1):
    return "licenses-%s%s.wmlb" % (stamp(time), "" if number == 1 else "-%d" % number)


def wanted(rule, times):
    """What a rule keeps of generations made at these times, the newest first: flags of each."""
    day = lambda time: datetime.date(1970, 1, 1) + datetime.timedelta(time // 86400)
    periods = {
        "daily": day,
        "weekly": lambda time: day(time) - datetime.timedelta(day(time).weekday()),
        "monthly": lambda time: (day(time).year, day(time).month),
        "yearly": lambda time: day(time).year,
    }
    flags = [0] * len(times)
    for part in rule.split():
        word, count = part.split("=")
        had = set()
        for at, time in enumerate(times):
            period = at if word == "last" else periods[word](time)
            if period not in had and len(had) < int(count):
                had.add(period)
                flags[at] |= KEPT[word]
    return flags


def next_number(files, time):
    """That of the next generation of a second, which is newer than the others of that."""
    return 1 + max((number for other, number in files if other == time), default=0)


def left(rule, files, current):
    """The files, by time and number, that a backup made at the time current leaves."""
    order = sorted([*files, (current, float("inf"))], reverse=True)
    flags = wanted(rule, [time for time, _ in order])
    return {one: files[one] for one, flag in zip(order, flags) if flag and one in files}
