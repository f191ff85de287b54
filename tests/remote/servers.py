"""The servers that the tests of libwmlb-remote talk to: real ones, on loopback."""

import contextlib
import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = os.environ.get("WMLB_REMOTE_SERVERS", "")
# Where run.sh has put libwmlb-remote and the programs, and where libwmlb is.
MADE = os.environ.get("WMLB_REMOTE_MADE", "")
DIST = os.environ.get("WMLB_REMOTE_DIST", "")
CLIENT = os.path.join(MADE, "client")
# A folder that no disk is written for, or the usual one.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
BUCKET = "bucket"
KEY = {"CLIENT_ID": "someid", "CLIENT_SECRET": "somesecret"}


def has(program):
    return os.access(os.path.join(BIN, program), os.X_OK)


def free_port(last=65535):
    while True:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            if (port := listening.getsockname()[1]) <= last:
                return port


def end_with_this():
    """Run in a process that was started: it is killed as soon as this one has ended, however that
    comes."""
    set_parent_death_signal = 1
    parent = os.getpid()
    library = ctypes.CDLL(None, use_errno=True)

    def prepare():
        library.prctl(set_parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class PortTaken(RuntimeError):
    """Somebody else has had a port between the search for it and the server's start."""


class Server:
    """A server with an empty bucket; ended with its context, and with this process."""

    name = program = None
    headers = {}
    lists_parts = True

    def __init__(self):
        self.port = self.folder = self.process = None

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        for _ in range(4):
            try:
                return self.start()
            except PortTaken:
                pass
        return self.start()

    def start(self):
        # SeaweedFS has another one 10,000 above each.
        self.port = free_port(last=55000)
        self.folder = tempfile.mkdtemp(prefix="wmlb-remote.")
        try:
            with open(os.path.join(self.folder, "log"), "wb") as log:
                self.process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                    preexec_fn=end_with_this(),
                )  # fmt: skip
            self.make_bucket()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def make_bucket(self):
        """Waits until the server takes a bucket, or has ended."""
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("PUT", f"/{BUCKET}")[0] in (200, 409):
                    status, _ = self.request("PUT", f"/{BUCKET}/ready", body=b"ready")
                    if status == 200:
                        self.request("DELETE", f"/{BUCKET}/ready")
                        return
            if self.process.poll() is not None or time.monotonic() > end:
                with open(os.path.join(self.folder, "log"), errors="replace") as log:
                    said = log.read()
                problem = PortTaken if "address already in use" in said.lower() else RuntimeError
                raise problem(f"{self.name} does not start: {said[-2000:]}")
            time.sleep(0.05)

    def keys(self, prefix=""):
        _, text = self.request("GET", f"/{BUCKET}?list-type=2&max-keys=1000&prefix={prefix}")
        return re.findall(r"<Key>([^<]*)</Key>", text.decode())

    def uploads(self, prefix):
        """Of objects whose keys begin like this."""
        _, text = self.request("GET", f"/{BUCKET}?uploads=")
        uploads = re.findall(r"<Upload>(.*?)</Upload>", text.decode(), re.DOTALL)
        return [upload for upload in uploads if f"<Key>{prefix}" in upload]

    def url(self, prefix, port=None, **settings):
        settings = {"endpoint": f"http://127.0.0.1:{port or self.port}", "region": "us-east-1", **settings}
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        return f"s3://{BUCKET}/{prefix}?{query}"


class Moto(Server):
    """One request at a time: it looks at conditions and writes in two steps, and has no lock."""

    name, program = "moto", "moto_server"
    # Its answer is called ListPartsResponse.
    lists_parts = False
    # It wants some credentials, whatever they are.
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=someid/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0"
    }

    def command(self):
        program = (
            "import sys; from moto.server import DomainDispatcherApplication, create_backend_app;"
            "from werkzeug.serving import run_simple;"
            "run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_backend_app))"
        )
        return [os.path.join(BIN, "python"), "-c", program, str(self.port)]


class SeaweedFS(Server):
    name, program = "SeaweedFS", "weed"

    def command(self):
        ports = [free_port(last=55000) for _ in range(3)]
        return [
            os.path.join(BIN, "weed"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.folder}",
            "-s3", f"-s3.port={self.port}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=100", "-master.volumeSizeLimitMB=64",
            f"-master.port={ports[0]}", f"-volume.port={ports[1]}", f"-filer.port={ports[2]}",
        ]  # fmt: skip


class Rclone(Server):
    """One that replaces objects although it is told not to."""

    name, program = "rclone", "rclone"

    def command(self):
        data = os.path.join(self.folder, "data")
        os.makedirs(os.path.join(data, BUCKET), exist_ok=True)
        return [os.path.join(BIN, "rclone"), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", data]


class Result:
    def __init__(self, process):
        self.lines = process.stdout.splitlines()
        self.text = process.stdout + process.stderr
        last = self.lines[-1] if self.lines else ""
        self.code, _, self.words = last.partition(" ")

    def told(self, kind):
        return [line.split(" ")[1:] for line in self.lines if line.startswith(kind + " ")]


def start(url, *arguments, signed=True, **environment):
    """The client, which was started."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLIENT_"))}
    keys = KEY if signed else {}
    return subprocess.Popen(
        [CLIENT, url, *arguments], env={**kept, "HOME": "/nonexistent", **keys, **environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process):
    process.stdout, process.stderr = process.communicate(timeout=120)
    return Result(process)


def run(url, *arguments, **keywords):
    return finish(start(url, *arguments, **keywords))
