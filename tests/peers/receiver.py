"""A server that webhooks are forwarded to: `receiver.py FILE SECRET…`; its address goes to FILE.

Checks each signature with Stripe's own Python SDK, which must accept it under one of the secrets. At SIGUSR1 it is gone
for 20 s: nobody listens on its port, and open connections end without an answer. At SIGHUP it reads further secrets
from the file beside FILE that ends in .secrets, a line each. `GET /` answers what came: requests, distinct events, and how
many requests were refused for their signature.
"""

import http.server
import json
import pathlib
import signal
import sys
import threading
import time

import stripe

FILE, SECRETS = sys.argv[1], sys.argv[2:]
OUTAGE = 20
lock = threading.Lock()
requests, refused, events = 0, 0, {}
gone = threading.Event()


def verified(body, signature):
    for secret in SECRETS:
        try:
            return stripe.Webhook.construct_event(body, signature, secret)
        except Exception:
            continue
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with lock:
            body = {"requests": requests, "events": len(events), "refused": refused, "ids": sorted(events)}
        self.answer(200, json.dumps(body).encode())

    def do_POST(self):
        global requests, refused
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if gone.is_set():
            self.close_connection = True
            return
        event = verified(body, self.headers["Stripe-Signature"])
        if event is None:
            with lock:
                requests, refused = requests + 1, refused + 1
            return self.answer(400)
        with lock:
            requests += 1
            events[event.id] = events.get(event.id, 0) + 1
        self.answer(200)


class Server(http.server.ThreadingHTTPServer):
    # The CLI forwards everything at once, and the five that Python lets wait by default are not enough.
    request_queue_size = 4096


    daemon_threads = True


def outage(*_):
    # From another thread: serving goes on in this one until it is told to end.
    gone.set()
    threading.Thread(target=lambda: server.shutdown()).start()


server = Server(("127.0.0.1", 0), Handler)
port = server.server_port
signal.signal(signal.SIGUSR1, outage)
signal.signal(signal.SIGHUP, lambda *_: SECRETS.extend(pathlib.Path(FILE).with_suffix(".secrets").read_text().split()))
with open(FILE, "w") as file:
    file.write(f"http://127.0.0.1:{port}")
while True:
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    time.sleep(OUTAGE)
    server = Server(("127.0.0.1", port), Handler)
    gone.clear()
