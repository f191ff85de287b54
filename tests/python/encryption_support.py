"""What the tests of encryption share: keys, and the age command."""

import atexit
import base64
import functools
import os
import pty
import re
import shutil
import subprocess
import tempfile

import archive
import support
import wmlb_ctypes as w
from restore_support import RestoreCase

INVALID_PASSWORD = w.hresult(w.FAILURES["NS_E_DRM_INVALID_SECURESTORE_PASSWORD"])
NOT_SUPPORTED = w.from_win32(50)

LINE = b"age-encryption.org/v1\n"
# Bytes of content in a chunk, and in the file.
CHUNK = 64 << 10
STORED = CHUNK + 16

KEY = re.compile(r"# public key: (age1\S+)\n(AGE-SECRET-KEY-1\S+)\n")


KEYS = {}


class Key:
    """An identity that age-keygen made: its file, its text, its recipient."""

    def __init__(self, path):
        subprocess.run(["age-keygen", "-o", path], check=True, stderr=subprocess.DEVNULL)
        self.path = path
        self.text = support.read(path).decode()
        self.recipient, self.identity = KEY.search(self.text).groups()


def key(number=0):
    """One of the keys of this run."""
    if number not in KEYS:
        KEYS[number] = Key(os.path.join(keys_folder(), str(number)))
    return KEYS[number]


@functools.lru_cache(maxsize=None)
def keys_folder():
    folder = tempfile.mkdtemp(prefix="wmlb-test-keys-")
    process = os.getpid()
    # A child that ends is not the end of this process.
    atexit.register(lambda: os.getpid() == process and shutil.rmtree(folder))
    return folder


def age(*arguments, data=None):
    """What the age command makes of the data."""
    pipe = subprocess.PIPE
    command = ["age"] + [os.fspath(argument) for argument in arguments]
    return subprocess.run(command, input=data, stdout=pipe, stderr=pipe, check=True).stdout


def encrypt(data, *recipients):
    return age(*[part for recipient in recipients for part in ("-r", recipient)], data=data)


def decrypt(data, identity_file=None):
    return age("-d", "-i", identity_file or key().path, data=data)


def age_with_passphrase(passphrase, *arguments):
    """Runs age, which asks a terminal for a passphrase; gives its exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.execlp("age", "age", *arguments)
    said, answered = b"", 0
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not piece:
            break
        said += piece
        # "Enter passphrase ...: ", and "Confirm passphrase: " when it encrypts.
        while len(re.findall(rb"passphrase[^:\n]*: ", said)) > answered:
            answered += 1
            os.write(terminal, passphrase.encode() + b"\n")
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answered == 0 and code == 0:
        raise AssertionError("age did not ask: %r" % said)
    return code


def unpadded(text):
    """What text in base64 without padding stands for."""
    return base64.b64decode(text + (b"==" if isinstance(text, bytes) else "=="))


def header_length(data):
    """Bytes before the chunks: the header and the nonce."""
    return data.index(b"\n--- ") + len(b"\n--- ") + 43 + 1 + 16


def chunks(data):
    """The chunks of an age file, as they are stored."""
    start = header_length(data)
    return [data[at : at + STORED] for at in range(start, len(data), STORED)]


class Encrypted:
    """For a test of backups: they are encrypted to a key."""

    @property
    def properties(self):
        return {"Recipients": key().recipient}

    def opened(self, path=None):
        clear = os.path.join(self.root, "clear")
        support.write(clear, decrypt(support.read(path or self.target)))
        return archive.Backup(clear)


class EncryptedCase(Encrypted, RestoreCase):
    """The saver encrypts to a key, and the restorer has it."""

    @property
    def properties(self):
        return {"Recipients": key().recipient, "Identities": key().text}

    def save_with(self, passphrase, files=None):
        """A backup with a passphrase."""
        self.saver.remove_prop(b"Recipients")
        self.saver.set("Passphrase", passphrase)
        self.save(files)
        return support.read(self.target)

    def open_with(self, **secrets):
        """A restorer with these secrets and no others."""
        restorer = self.new_target()
        for name in (b"Recipients", b"Identities", b"Passphrase"):
            restorer.remove_prop(name)
        for name, value in secrets.items():
            self.assert_hr(restorer.set(name, value), w.S_OK)
        return restorer

    def all_operations(self, restorer):
        """(name, hr, words) of each operation that reads the backup."""
        for name in ("verify", "restore"):
            hr, events = getattr(restorer, name)()
            yield name, hr, events[-1].value.decode(errors="replace")
        hr, _ = restorer.enumerate("backup")
        yield "enumerate", hr, restorer.last_error() if hr else ""

    def assert_all(self, restorer, expected, *words):
        for name, hr, said in self.all_operations(restorer):
            with self.subTest(operation=name):
                self.assert_hr(hr, expected, said)
                for word in words:
                    self.assertIn(word, said)
