"""Real browsers for tests: a page on localhost, Firefox that opens it, Chromium that is driven."""

import http.server
import json
import os
import queue
import subprocess
import threading
import urllib.error
import urllib.request

# More than a browser takes to start on a busy machine.
PATIENCE = 120


class Site:
    """Serves one page; what the page posts comes out of said()."""

    def __init__(self, test, page):
        messages = self.messages = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                messages.put(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, name="site")
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        self.url = "http://localhost:%d/" % server.server_address[1]

    def said(self):
        return self.messages.get(timeout=PATIENCE)


class Browser:
    """A process that ends with the test at the latest."""

    def __init__(self, test, command, **arguments):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, **arguments,
        )
        test.addCleanup(self.stop)

    def stop(self):
        """As a session that ends does; returns when it has ended."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                self.process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.communicate()
                raise


class Firefox(Browser):
    # The Clear Key CDM keeps licenses; nothing is fetched from anywhere.
    PREFERENCES = {
        "media.eme.enabled": True,
        "media.clearkey.persistent-license.enabled": True,
        "media.gmp-manager.updateEnabled": False,
        "app.update.enabled": False,
        "browser.aboutwelcome.enabled": False,
        "browser.shell.checkDefaultBrowser": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "datareporting.policy.firstRunURL": "",
        "extensions.update.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "toolkit.telemetry.enabled": False,
    }

    def __init__(self, test, home, profile, url):
        os.makedirs(profile, exist_ok=True)
        with open(os.path.join(profile, "user.js"), "w") as file:
            for name, value in self.PREFERENCES.items():
                file.write("user_pref(%s, %s);\n" % (json.dumps(name), json.dumps(value)))
        command = ["firefox-esr", "--headless", "--new-instance", "--profile", profile, url]
        super().__init__(test, command, env={**os.environ, "HOME": home})


class Chromium(Browser):
    """Through chromedriver (https://www.w3.org/TR/webdriver2/)."""

    ARGUMENTS = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage",
    )

    def __init__(self, test, home, user_data):
        super().__init__(test, ["chromedriver", "--port=0"], env={**os.environ, "HOME": home})
        self.session = None
        self.port = None
        for line in self.process.stdout:
            if b"started successfully on port" in line:
                self.port = int(line.split()[-1].rstrip(b"."))
                break
        test.assertIsNotNone(self.port, "chromedriver did not start")
        options = {
            "binary": "/usr/bin/chromium",
            "args": [*self.ARGUMENTS, "--user-data-dir=" + user_data],
        }
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options}}
        self.session = self.call("POST", "/session", {"capabilities": capabilities})["sessionId"]

    def call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path), method=method, data=data,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s: %s" % (path, error.read().decode()[:1000])) from None

    def open(self, url):
        self.call("POST", "/session/%s/url" % self.session, {"url": url})

    def command(self, name, **parameters):
        """Of the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""
        body = {"cmd": name, "params": parameters}
        return self.call("POST", "/session/%s/goog/cdp/execute" % self.session, body)

    def stop(self):
        if self.session is not None:
            session, self.session = self.session, None
            self.call("DELETE", "/session/" + session)
        super().stop()
