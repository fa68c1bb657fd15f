"""A server that webhooks are forwarded to: `receiver.py FILE SECRET`; its address goes to FILE.

Checks each signature with Stripe's own Python SDK. `GET /` answers what came: requests, distinct events, and how
many requests were refused for their signature.
"""

import http.server
import json
import sys
import threading

import stripe

FILE, SECRET = sys.argv[1:3]
lock = threading.Lock()
requests, refused, events = 0, 0, {}


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
        try:
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
        except Exception:
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


server = Server(("127.0.0.1", 0), Handler)
with open(FILE, "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}")
server.serve_forever()
