"""What the peers that are written in Python share: checks, a running sandbox, a server that takes webhooks, and ours
with a data folder of its own. Every folder, key and port is under the scratch folder or free; nothing of a person's is
read.
"""

import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

TILLWATCH = os.environ.get("TILLWATCH", "")
# Longer than anything here takes.
PATIENCE = 60


class Checks:
    """Prints a line for each check; `name` stands before them."""

    def __init__(self, name):
        self.name, self.failures = name, 0

    def __call__(self, title):
        def run(function):
            try:
                more = function()
                print(f"ok {self.name}: {title}" + (f" ({more})" if more else ""), flush=True)
            except Exception as error:  # every failure is one line of the report
                self.failures += 1
                place = error.__traceback__
                while place.tb_next:
                    place = place.tb_next
                line = f"FAILED {self.name}: {title}: {type(error).__name__}: {error} (line {place.tb_lineno})"
                print(line.replace("\n", " ")[:2000], flush=True)
            return function

        return run


def until(what, so, seconds=PATIENCE):
    """Waits until `so()` is something, and gives it."""
    end = time.monotonic() + seconds
    while True:
        found = so()
        if found:
            return found
        assert time.monotonic() < end, f"never came: {what() if callable(what) else what}"
        time.sleep(0.02)


def refused(kind, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        return error
    raise AssertionError(f"no {kind.__name__}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def send(url, body=None, headers=(), method=None):
    """The status and the text of an answer, whatever it is."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


class Sandbox:
    """A sandbox that runs already: FILE holds the line that it printed."""

    def __init__(self, file):
        for name, value in json.loads(pathlib.Path(file).read_text().splitlines()[0]).items():
            setattr(self, name, value)

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, text = send(f"{self.base_url}/_sandbox/{path}", data)
        assert status == 200, text
        return json.loads(text)

    def traffic(self, steps):
        """Lets the account live; gives how many events came of it."""
        return self.control("traffic", {"steps": steps})["events"]


class Hook:
    """A server that webhooks are posted to. `status` is what it answers, or a function of the body."""

    def __init__(self, status=200):
        self.status, self.came, self.lock = status, [], threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.status(body) if callable(hook.status) else hook.status
                with hook.lock:
                    hook.came.append((body, self.headers["Stripe-Signature"], status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.came)

    def ids(self, status=200):
        return [json.loads(body)["id"] for body, _, answered in self.all() if answered == status]


class Install:
    """A data folder of ours, with a home of its own."""

    def __init__(self, folder, base_url, key):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "key").write_text(key)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "TILLWATCH_DATA_DIR": str(self.folder / "data"),
            "TILLWATCH_API_BASE": base_url,
        }
        self.serving = None

    def run(self, *words, codes=(0,), stdin=None):
        """What it said. `codes`: how it may end."""
        done = self.ended(*words, codes=codes, stdin=stdin)
        return done.stdout + done.stderr

    def ended(self, *words, codes=(0,), stdin=None):
        """How it ended, and what it printed."""
        done = subprocess.run(
            [TILLWATCH, "--color", "never", *words], env=self.env, cwd=self.folder, capture_output=True, text=True,
            timeout=PATIENCE, **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )
        assert "panicked" not in done.stderr, done.stderr
        assert done.returncode in codes, f"{words}: {done.returncode}: {done.stderr}"
        return done

    def lines(self, *words, **more):
        """The JSON that it printed, an object a line."""
        return [json.loads(line) for line in self.ended("--json", *words, **more).stdout.splitlines()]

    def json(self, *words, **more):
        (one,) = self.lines(*words, **more)
        return one

    def events(self):
        """Everything that `events --json` prints."""
        return self.lines("events", codes=(0, 4))

    def connect(self, *words, codes=(0,)):
        return self.json("connect", "--api-key-file", "key", *words, codes=codes)

    def serve(self, webhooks="127.0.0.1:0"):
        """Starts `serve`; gives where deliveries are taken."""
        told = self.folder / "told"
        with open(told, "w") as out, open(self.folder / "serve.err", "a") as err:
            words = [TILLWATCH, "--json", "serve", "--listen", "127.0.0.1:0", "--webhook-listen", webhooks]
            self.serving = subprocess.Popen(
                words, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        until("serve says where it is", lambda: told.read_text().endswith("\n") or self.serving.poll() is not None)
        self.at = json.loads(told.read_text())
        return self.at["webhooks"]

    def ask(self, path):
        """What the API answers."""
        token = pathlib.Path(self.folder, self.at["token_file"]).read_text().strip()
        status, text = send(self.at["api"] + path, headers={"Authorization": f"Bearer {token}"})
        assert status == 200, text
        return json.loads(text)

    def stop(self):
        if self.serving:
            self.serving.terminate()
            code = self.serving.wait(30)
            self.serving = None
            assert code == 0, f"serve ended with {code}"

    def kill(self):
        """Whatever happened: nothing of it goes on."""
        if self.serving:
            self.serving.kill()
            self.serving.wait()
