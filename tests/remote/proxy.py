"""What lies between a client and its server: it loses, cuts, delays and repeats what passes."""

import email.utils
import http.client
import http.server
import random
import socket
import threading
import time

# What can happen to a request, and what its sender then knows:
LOSE = "lose"  # it never arrives
FORGET = "forget"  # it arrives; the answer does not
CUT = "cut"  # it arrives; half of the answer does
TWICE = "twice"  # it arrives two times; the second answer is told
LATE = "late"  # it arrives after its sender has given up
TORN = "torn"  # it arrives; what is answered is what was written of it until then
FAIL, SLOW, BUSY = 500, 503, 409  # the server says so, and has not done it
FAULTS = (LOSE, FORGET, CUT, TWICE, LATE, FAIL, SLOW, BUSY)


class Proxy:
    """`choose(number, method, path)` gives what happens to a request; None: nothing. `at`: its own
    port."""

    def __init__(self, port, choose=None, clock=0, pause=0.0, at=0):
        self.target = port
        self.choose = choose or (lambda number, method, path: None)
        self.clock = clock
        self.pause = pause
        self.copies = True  # or else the server is one that does not
        self.requests = []
        self.bytes = self.sent = 0
        self.lock = threading.Lock()
        self.later = []
        handler = type("Handler", (Handler,), {"proxy": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", at), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.settle()

    def settle(self):
        """All that was late has arrived."""
        while self.later:
            self.later.pop().join()

    def note(self, method, path):
        with self.lock:
            self.requests.append((method, path))
            return len(self.requests) - 1

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy = None

    def log_message(self, *_):
        pass

    def handle_request(self):
        proxy = self.proxy
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        number = proxy.note(self.command, self.path)
        with proxy.lock:
            proxy.sent += len(body)
        # The signature is over the address of the client's choice.
        headers = [(name, value) for name, value in self.headers.items() if name.lower() != "connection"]
        request = (self.command, self.path, headers, body)
        fault = proxy.choose(number, self.command, path)
        if proxy.pause:
            time.sleep(proxy.pause)
        if fault == LOSE:
            return self.hang_up()
        if fault == LATE:
            thread = threading.Thread(target=self.arrive_late, args=request)
            with proxy.lock:
                proxy.later.append(thread)
            thread.start()
            return self.hang_up()
        if not proxy.copies and self.headers.get("x-amz-copy-source"):
            fault = 501
        if isinstance(fault, int):
            return self.answer(fault, [], b"<Error><Code>Proxy</Code></Error>")
        answer = proxy.forward(*request)
        if fault == TWICE:
            answer = proxy.forward(*request)
        if fault == FORGET:
            return self.hang_up()
        if fault == TORN:
            return self.answer(*answer[:2], answer[2][: len(answer[2]) // 2])
        if fault == CUT:
            self.answer(*answer, cut=True)
            return self.hang_up()
        return self.answer(*answer)

    def arrive_late(self, *request):
        time.sleep(random.uniform(0, 0.3))
        try:
            self.proxy.forward(*request)
        except (OSError, http.client.HTTPException):
            pass

    def answer(self, status, headers, body, cut=False):
        length = None
        self.send_response_only(status)
        for name, value in headers:
            low = name.lower()
            if low == "content-length":
                length = value
            elif low == "date" and self.proxy.clock:
                self.send_header(name, email.utils.formatdate(time.time() + self.proxy.clock, usegmt=True))
            elif low not in ("connection", "transfer-encoding", "keep-alive"):
                self.send_header(name, value)
        if self.command != "HEAD":
            length = len(body)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if cut:
            self.wfile.write(b"".join(self._headers_buffer)[:-7])
            self._headers_buffer = []
            return
        self.end_headers()
        self.wfile.write(body)
        with self.proxy.lock:
            self.proxy.bytes += len(body)

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request
