"""Our receiver against a running localstripe: `localstripe-webhooks.py http://127.0.0.1:PORT FOLDER`, where FOLDER has
its log, server.log. A hook of our own beside ours tells what was sent.

Requests go in localstripe's own dialect (Stripe's API of about 2018). It waits a second before it sends an event, makes
one attempt, and signs with the event's own time.
"""

import hashlib
import hmac
import json
import pathlib
import re
import sys
import time
import urllib.parse

from kit import Checks, Hook, Install, send, until

check = Checks("localstripe webhooks")
BASE, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
KEY = "sk_test_12345"
GOOD, BAD = "whsec_localstripe0123456789", "whsec_somebodyelse0123456789"
log, witness = FOLDER / "server.log", Hook()


def ask(path, method=None, **params):
    body = urllib.parse.urlencode(params).encode() if params else None
    status, text = send(BASE + path, body, {"Authorization": f"Bearer {KEY}"}, method)
    assert status == 200, (path, status, text)
    return json.loads(text) if text else None


def register(name, url, secret, events=None):
    body = json.dumps({"url": url, "secret": secret, **({"events": events} if events else {})}).encode()
    status, text = send(f"{BASE}/_config/webhooks/{name}", body, {"Content-Type": "application/json"})
    assert status == 200, (status, text)


def life():
    """Something of every kind that it tells of."""
    customer = ask("/v1/customers", name="Zoë Ünal ☃", email="zoe@example.com")["id"]
    ask(f"/v1/customers/{customer}", description="changed")
    method = ask("/v1/payment_methods", type="card", **{
        "card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": time.gmtime().tm_year + 2,
        "card[cvc]": 123})["id"]
    ask(f"/v1/payment_methods/{method}/attach", customer=customer)
    ask(f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": method})
    product = ask("/v1/products", name="Tickets", type="service")["id"]
    plan = ask("/v1/plans", product=product, amount=1250, currency="eur", interval="month")["id"]
    subscription = ask("/v1/subscriptions", customer=customer, **{"items[0][plan]": plan})["id"]
    intent = ask("/v1/payment_intents", amount=990, currency="usd", customer=customer, payment_method=method)["id"]
    ask(f"/v1/payment_intents/{intent}/confirm", method="POST")
    ask(f"/v1/subscriptions/{subscription}", method="DELETE")
    other = ask("/v1/customers", name="Gone")["id"]
    ask(f"/v1/customers/{other}", method="DELETE")


def answers():
    """What our receiver answered, as localstripe's log has it: how many were taken, and refused with what."""
    text = log.read_text()
    # The witness answers 200 to each as well.
    return text.count('successfully delivered'), re.findall(r"failed with response code (\d+)", text)


def came():
    """What was sent so far, once nothing more comes: it waits a second before each."""
    count = -1
    while count != len(witness.all()):
        count = len(witness.all())
        time.sleep(1.6)
    return [json.loads(body) for body, _, _ in witness.all()]


install = Install(FOLDER / "install", BASE, KEY)
state = {}


@check("connect by hand, with the secret that localstripe is given")
def _():
    public = install.serve()
    (install.folder / "secret").write_text(GOOD)
    # Its account has no number, and much of the API is missing; polling would bring every event, too: seldom.
    told = install.connect(
        "--webhook", "endpoint", "--by-hand", "--public-url", public, "--webhook-secret-file", "secret", "--events",
        "all", "--poll", "1h", "--yes", codes=(0, 4))
    assert told["endpoint"]["by_hand"] is True, told["endpoint"]
    state["url"] = told["endpoint"]["url"]
    until("the door is open", lambda: send(state["url"], b"{}")[0] == 400)


@check("every delivery is answered 200 and stored, once, as it was sent")
def _():
    state["before"] = {event["id"] for event in install.events()}
    register("ours", state["url"], GOOD)
    register("witness", witness.url, "whsec_witness0123456789abc")
    life()
    sent = came()
    types = {event["type"] for event in sent}
    assert {"customer.created", "customer.updated", "customer.deleted", "customer.subscription.created",
            "customer.subscription.deleted", "invoice.created", "payment_intent.succeeded",
            "product.created"} <= types, types
    taken, failed = answers()
    assert (taken, failed) == (2 * len(sent), []), (taken, len(sent), failed)
    stored = {event["id"]: event for event in install.events()}
    for event in sent:
        assert stored[event["id"]] == event, event["id"]
    assert len(install.events()) == len(stored)
    # Signed as Stripe does it, over the very bytes: the witness's secret tells.
    for body, header, _ in witness.all():
        at, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header).groups()
        assert digest == hmac.new(b"whsec_witness0123456789abc", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    state["sent"] = len(sent)
    return f"{len(sent)} deliveries of {len(types)} types"


@check("they came by the endpoint, not by a poll")
def _():
    rows = {row["id"]: row["source"] for row in install.ask("/api/events?limit=200")["data"]}
    by = {rows[json.loads(body)["id"]] for body, _, _ in witness.all()}
    assert by == {"endpoint"}, by


@check("objects of events are records")
def _():
    kept = install.lines("records", "customers")
    assert any(one.get("name") == "Zoë Ünal ☃" and one.get("description") == "changed" for one in kept), kept


@check("a wrong secret is refused with 400, and nothing is stored")
def _():
    before = install.events()
    register("ours", state["url"], BAD)
    ask("/v1/customers", name="Refused")
    until("it was sent", lambda: len(witness.all()) > state["sent"])
    until("it was refused", lambda: answers()[1])
    came()
    assert answers()[1] == ["400"], answers()
    assert install.events() == before


@check("an address that is nobody's is 404")
def _():
    register("ours", state["url"][:-1], GOOD)
    ask("/v1/customers", name="Lost")
    until("it was answered", lambda: len(answers()[1]) > 1)
    assert answers()[1] == ["400", "404"], answers()


@check("with the right secret again, what comes is taken again")
def _():
    register("ours", state["url"], GOOD)
    name = f"Late {time.time()}"
    ask("/v1/customers", name=name)
    until("it is stored", lambda: any(event["data"]["object"].get("name") == name for event in install.events()))


@check("serve ends well")
def _():
    install.stop()


install.kill()
sys.exit(1 if check.failures else 0)
