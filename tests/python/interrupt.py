"""Interrupts an operation at a chosen system call: kills its process, or lets the call fail.

A forked child waits until strace holds it, then runs the operation; so the calls that strace
counts are the operation's own. strace counts the calls of each thread apart.
"""

import collections
import ctypes
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import sys
import traceback
import warnings

CALL = re.compile(r"(\d+)\s+(\w+)\(")
ANYBODY_MAY_TRACE = (0x59616D61, -1)

Outcome = collections.namedtuple("Outcome", "killed result")


def run(body, options, timeout=60):
    """body() in a child under strace with these options: whether it was killed, and what it
    gave otherwise. A handle from before does not work in the child."""
    # Sockets, so that none of the calls that are interrupted is one of the child's own.
    here, there = socket.socketpair()
    here.settimeout(timeout)
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            here.close()
            ctypes.CDLL(None).prctl(*ANYBODY_MAY_TRACE, 0, 0, 0)
            there.recv(1)
            try:
                answer = (True, body())
            except BaseException:
                answer = (False, traceback.format_exc())
            there.sendall(pickle.dumps(answer))
        finally:
            os._exit(0)
    there.close()
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(child)] + options,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    said = data = b""
    try:
        while b"attached" not in said:
            if not select.select([tracer.stderr], [], [], timeout)[0]:
                raise AssertionError("strace does not attach: %r" % said)
            piece = os.read(tracer.stderr.fileno(), 4096)
            if not piece:
                raise AssertionError("strace has ended: %r" % said)
            said += piece
        here.sendall(b"x")
        while True:
            try:
                piece = here.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
    except socket.timeout:
        raise AssertionError("the operation hangs under strace %s" % options) from None
    finally:
        here.close()
        if not data:
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        tracer.communicate()
    if os.WIFSIGNALED(status) and not data:
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError("the child died of signal %d" % os.WTERMSIG(status))
        return Outcome(True, None)
    worked, result = pickle.loads(data)
    if not worked:
        raise AssertionError("in the child:\n" + result)
    return Outcome(False, result)


def calls_of(body, scratch):
    """{name: how often at most a thread makes that call} in body()."""
    file = os.path.join(scratch, "trace")
    outcome = run(body, ["-o", file])
    assert not outcome.killed
    counts = collections.Counter()
    with open(file, errors="replace") as lines:
        for line in lines:
            match = CALL.match(line)
            if match:
                counts[match.groups()] += 1
    os.unlink(file)
    found = collections.Counter()
    for (_, name), count in counts.items():
        found[name] = max(found[name], count)
    return found


def kill_at(name, number):
    return ["-o", "/dev/null", "-e", "trace=" + name,
            "-e", "inject=%s:signal=KILL:when=%d" % (name, number)]


def fail_at(name, number, error):
    return ["-o", "/dev/null", "-e", "trace=" + name,
            "-e", "inject=%s:error=%s:when=%d" % (name, error, number)]
