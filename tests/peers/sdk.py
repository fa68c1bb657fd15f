"""Stripe's own Python SDK, with only the base URL changed, against a running sandbox.

Usage: sdk.py FILE, where FILE holds the line that `tillwatch sandbox` prints.
"""

import http.server
import json
import queue
import sys
import threading
import urllib.request

import stripe

from kit import refused

with open(sys.argv[1]) as file:
    SANDBOX = json.loads(file.readline())
BASE = SANDBOX["base_url"]
failures = 0


def client(key="secret_key"):
    return stripe.StripeClient(
        SANDBOX.get(key, key), base_addresses={"api": BASE}, max_network_retries=0
    )


def control(path, body):
    request = urllib.request.Request(
        f"{BASE}/_sandbox/{path}", json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def check(name):
    def run(function):
        global failures
        try:
            function()
            print(f"ok python: {name}")
        except Exception as error:  # every failure is one line of the report
            failures += 1
            print(f"FAILED python: {name}: {type(error).__name__}: {error}".replace("\n", " "))
        return function

    return run


def pages(service, **params):
    return list(service.list({"limit": 100, **params}).auto_paging_iter())


STRIPE = client()
V1 = STRIPE.v1


@check("account and balance")
def _():
    assert V1.accounts.retrieve_current().id == SANDBOX["account"]
    assert V1.balance.retrieve().livemode is False


@check("auto_paging_iter over every list, newest first, no duplicates")
def _():
    for name in ("invoices", "customers", "charges", "payment_intents", "subscriptions", "products",
                 "prices", "events", "invoice_payments", "refunds"):
        objects = pages(getattr(V1, name))
        times = [o.created for o in objects]
        assert len({o.id for o in objects}) == len(objects) > 5, name
        assert times == sorted(times, reverse=True), name
    assert len(pages(V1.invoices)) == 700


@check("ending_before pages the other way")
def _():
    down = [i.id for i in pages(V1.invoices)]
    page = V1.invoices.list({"limit": 9, "ending_before": down[-1]})
    up = [i.id for i in page.auto_paging_iter()]
    assert up == down[-2::-1]


@check("retrieve equals the list")
def _():
    for listed in V1.invoices.list({"limit": 20}).data:
        assert V1.invoices.retrieve(listed.id).to_dict() == listed.to_dict()


@check("lines beyond the tenth")
def _():
    long = next(i for i in pages(V1.invoices) if i.lines.has_more)
    lines = list(V1.invoices.line_items.list(long.id, {"limit": 25}).auto_paging_iter())
    assert len(long.lines.data) == 10 < len(lines)
    assert sum(line.amount for line in lines) == long.total


@check("expand")
def _():
    page = V1.payment_intents.list({"limit": 10, "expand": ["data.latest_charge", "data.customer"]})
    assert any(isinstance(p.latest_charge, stripe.Charge) for p in page.data)
    assert all(isinstance(p.customer, stripe.Customer) for p in page.data)
    page = V1.invoices.list({"status": "paid", "expand": ["data.payments"]})
    assert page.data[0].payments.data[0].payment.type == "payment_intent"


@check("filters")
def _():
    invoices = pages(V1.invoices)
    middle = invoices[300].created
    newer = pages(V1.invoices, created={"gt": middle})
    assert [i.id for i in newer] == [i.id for i in invoices if i.created > middle]
    opened = pages(V1.invoices, status="open")
    assert [i.id for i in opened] == [i.id for i in invoices if i.status == "open"]
    customer = invoices[0].customer
    own = pages(V1.invoices, customer=customer)
    assert [i.id for i in own] == [i.id for i in invoices if i.customer == customer]


@check("AuthenticationError for an unknown and an expired key")
def _():
    error = refused(stripe.AuthenticationError, lambda: client("sk_test_nonsense1234").v1.balance.retrieve())
    assert error.http_status == 401 and error.request_id
    error = refused(stripe.AuthenticationError, lambda: client("expired_key").v1.balance.retrieve())
    # The SDK hands the code of 401 and 429 on in the error object only.
    assert error.error.code == "api_key_expired"


@check("PermissionError for a withdrawn permission")
def _():
    key = SANDBOX["restricted_key"]
    control("permissions", {"key": key, "deny": ["rak_charge_read"]})
    error = refused(stripe.PermissionError, lambda: client("restricted_key").v1.charges.list())
    assert "rak_charge_read" in error.user_message and SANDBOX["account"] in error.user_message
    control("permissions", {"key": key, "allow": ["rak_charge_read"]})
    client("restricted_key").v1.charges.list()


@check("InvalidRequestError for a missing object, cursor and parameter")
def _():
    error = refused(stripe.InvalidRequestError, lambda: V1.invoices.retrieve("in_nope"))
    assert error.http_status == 404 and error.code == "resource_missing"
    error = refused(stripe.InvalidRequestError, lambda: V1.invoices.list({"starting_after": "in_nope"}))
    assert error.http_status == 400 and error.param == "starting_after"
    error = refused(stripe.InvalidRequestError, lambda: V1.invoices.list({"foo": "1"}))
    assert error.code == "parameter_unknown"


@check("RateLimitError with its reason")
def _():
    control("limits", {"limits": "test"})
    try:
        error = None
        for _ in range(400):
            try:
                V1.products.list({"limit": 1})
            except stripe.RateLimitError as caught:
                error = caught
                break
        assert error is not None, "400 requests went through"
        reason = {k.lower(): v for k, v in error.headers.items()}["stripe-rate-limited-reason"]
        assert reason in ("endpoint-rate", "global-rate") and error.error.code == "rate_limit"
    finally:
        control("limits", {"limits": "none"})


@check("APIError for a 500")
def _():
    control("faults", {"faults": ["500=1"]})
    try:
        assert refused(stripe.APIError, lambda: V1.invoices.list()).http_status == 500
    finally:
        control("faults", {"faults": []})


@check("events of new traffic, by ending_before")
def _():
    newest = V1.events.list({"limit": 1}).data[0].id
    written = control("traffic", {"steps": 30})["events"]
    page = V1.events.list({"limit": 100, "ending_before": newest})
    since = list(page.auto_paging_iter())
    assert len(since) == written > 30
    times = [event.created for event in since]
    assert times == sorted(times)
    assert any(event.type == "invoice.paid" for event in since)


@check("refunds and disputes")
def _():
    refund = V1.refunds.list({"limit": 1, "expand": ["data.charge", "data.balance_transaction"]}).data[0]
    assert refund.charge.amount_refunded >= refund.amount or refund.status == "failed"
    assert refund.balance_transaction.amount == -refund.amount
    disputes = pages(V1.disputes)
    assert disputes and all(V1.charges.retrieve(d.charge).disputed for d in disputes)
    assert [d.id for d in V1.disputes.list({"charge": disputes[0].charge}).data] == [disputes[0].id]


@check("webhook endpoints, and construct_event takes what is delivered")
def _():
    came = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = V1.webhook_endpoints.create({
        "url": f"http://127.0.0.1:{server.server_port}/hook",
        "enabled_events": ["*"],
        "api_version": stripe.api_version or "2026-10-28.endive",
        "metadata": {"install": "peer"},
    })
    assert made.secret.startswith("whsec_")
    shown = V1.webhook_endpoints.retrieve(made.id)
    assert shown.metadata["install"] == "peer" and "secret" not in shown
    written = control("traffic", {"steps": 10})["events"]
    ids = set()
    for _ in range(written):
        body, signature = came.get(timeout=20)
        event = stripe.Webhook.construct_event(body, signature, made.secret)
        ids.add(event.id)
        refused(stripe.SignatureVerificationError,
                lambda: stripe.Webhook.construct_event(body + b" ", signature, made.secret))
    assert len(ids) == written
    assert V1.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
    assert V1.webhook_endpoints.delete(made.id).deleted
    assert V1.webhook_endpoints.list().data == []
    refused(stripe.InvalidRequestError, lambda: V1.webhook_endpoints.create({"url": "nonsense", "enabled_events": ["*"]}))


sys.exit(1 if failures else 0)
